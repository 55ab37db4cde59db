"""Frames checked in Python: what API submissions and notebooks get."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl
import pytest

from contracts.checks.polars import schema as frames
from tests.contracts.making import LISTS, NOW, contract, item

MADE = contract(
    [
        item("id", "string", primaryKey=True, primaryKeyPosition=1, required=True),
        item("n", "integer", {"maximum": 9}),
        item("serial", "string", unique=True),
        item("other", "string", relationships=[{"to": "other.id"}]),
    ],
    delivery="changes",
)


def faults(**columns: list[str | None]) -> set[tuple[int, str, str]]:
    checked = frames.check(MADE, pl.DataFrame(columns), LISTS, now=NOW)
    assert checked.accepted.height + len(set(checked.faults["row"])) == len(next(iter(columns.values())))
    return {(row, item, rule) for row, item, rule, *_ in checked.faults.rows()}


class TestRefusals:
    def test_types_bounds_and_missing_values(self) -> None:
        assert faults(id=["a", None, "c"], n=["x", "1", "10"]) == {(0, "n", "type"), (1, "id", "required"), (2, "n", "maximum")}

    def test_a_key_that_contradicts_itself_refuses_every_row_of_it(self) -> None:
        assert faults(id=["a", "a", "b"], n=["1", "2", "3"]) == {(0, "id", "key"), (1, "id", "key")}

    def test_identical_repeats_are_accepted(self) -> None:
        assert faults(id=["a", "a ", "b"], n=["1", "+1", "3"]) == set()

    def test_a_row_refused_for_something_else_contradicts_nobody(self) -> None:
        assert faults(id=["a", "a"], n=["1", "x"]) == {(1, "n", "type")}

    def test_unique_items_and_references(self) -> None:
        assert faults(id=["a", "b", "c"], serial=["s", "s", None]) == {(0, "serial", "unique"), (1, "serial", "unique")}
        assert faults(id=["a", "b", "c"], other=["a", "z", None]) == {(1, "other", "reference")}

    def test_a_missing_required_column_is_empty(self) -> None:
        assert faults(n=["1"]) == {(0, "id", "required")}

    def test_messages_stand_beside_the_values(self) -> None:
        checked = frames.check(MADE, pl.DataFrame({"id": ["a"], "n": ["1,5"]}), LISTS)
        (fault,) = checked.faults.to_dicts()
        assert (fault["value"], fault["rule"]) == ("1,5", "type")
        assert "千分位" in fault["message"]


class TestAccepted:
    def test_values_are_typed_and_rows_keep_their_number(self) -> None:
        checked = frames.check(MADE, pl.DataFrame({"id": ["a", "b"], "n": ["x", " 7 "]}), LISTS)
        assert checked.accepted.to_dicts() == [{"_row": 1, "id": "b", "n": 7, "serial": None, "other": None}]
        assert checked.accepted.schema["n"] == pl.Int64

    def test_an_empty_frame(self) -> None:
        checked = frames.check(MADE, pl.DataFrame(), LISTS)
        assert (checked.accepted.height, checked.faults.height) == (0, 0)

    def test_numbers_that_are_numbers_already_are_read_as_text(self) -> None:
        assert frames.check(MADE, pl.DataFrame({"id": ["a"], "n": [7]}), LISTS).accepted["n"].to_list() == [7]


class TestSchema:
    def test_an_analyst_may_use_the_pandera_schema_itself(self) -> None:
        made = frames.schema(MADE, LISTS, now=NOW)
        good = pl.DataFrame({"id": ["a"], "n": ["1"], "serial": ["s"], "other": ["b"]})
        assert made.validate(good).equals(good)
        with pytest.raises(pa.errors.SchemaErrors) as error:
            made.validate(good.with_columns(n=pl.lit("99")), lazy=True)
        (case,) = error.value.failure_cases.to_dicts()
        assert (case["column"], case["check"], case["index"]) == ("n", "maximum", 0)
