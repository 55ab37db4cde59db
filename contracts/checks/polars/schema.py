"""Checks as a Pandera schema over text columns: for frames in Python, and the oracle of the SQL path in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandera.polars as pa
import polars as pl

from contracts import clock
from contracts.checks import code_lists
from contracts.checks.compile import Check, Scope, compile
from contracts.checks.polars import rules
from contracts.checks.polars.values import data_type, typed
from contracts.model import Contract

FAULTS = {
    "row": pl.Int64,
    "item": pl.String,
    "rule": pl.String,
    "value": pl.String,
    "message": pl.String,
    "message_en": pl.String,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a frame: accepted rows, typed, with their row number; and every fault of the others."""

    accepted: pl.DataFrame
    """The contract's items, and `_row`, counted from 0."""
    faults: pl.DataFrame
    """row, item, rule, value, message, message_en."""


def schema(contract: Contract, lookups: code_lists.Codes, *, now: datetime | None = None) -> pa.DataFrameSchema:
    """A Pandera schema over the items' texts, one check for each check of a row (references: where lookups hold them).

    Validate eager frames (`lazy=True` to see every failure): of a LazyFrame Pandera looks at the columns only.
    """
    made = rules.Rules(contract, lookups, now or clock.now())
    by_item: dict[str, list[pa.Check]] = {item.name: [] for item in contract.items}
    for check in row_checks(contract, lookups):
        by_item[_home(check, contract)].append(_pandera(check, made))
    columns = {name: pa.Column(str, checks=checks, nullable=True, required=True) for name, checks in by_item.items()}
    return pa.DataFrameSchema(columns, name=contract.dataset, title=contract.title, strict=False)


def row_checks(contract: Contract, lookups: code_lists.Codes) -> list[Check]:
    """The checks that one row decides; a reference is among them where its values are at hand."""
    at_hand: Mapping[tuple[str, str], object] = getattr(lookups, "references", {})
    told = []
    for check in compile(contract):
        reference = check.scope is Scope.REFERENCE and check.of is not None and check.of.references in at_hand
        if check.scope is Scope.ROW or reference:
            told.append(check)
    return told


def _home(check: Check, contract: Contract) -> str:
    return check.item or (check.items[0] if check.items else contract.items[0].name)


def _pandera(check: Check, made: rules.Rules) -> pa.Check:
    fault, values = made.fault(check), made.values(check)

    def passes(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.with_columns(values).select(fault.not_())

    zh, en = check.heading
    return pa.Check(passes, name=check.rule, title=zh, description=en, ignore_na=False, error=check.rule)


def check(contract: Contract, frame: pl.DataFrame, lookups: code_lists.Codes, *, now: datetime | None = None) -> Checked:
    """Check a frame of texts (columns named by items; missing ones are empty) and type what is right.

    Then the rules over several rows, among the rows that are right: rows that repeat a key (or a unique value) with another
    content are all refused, identical repeats are accepted.
    """
    texts = _texts(contract, frame)
    faults = _failures(contract, texts, lookups, now)
    values = texts.select(*(typed(i, pl.col(i.name)).cast(data_type(i)).alias(i.name) for i in contract.items))
    values = values.with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int64))
    bad = {row for row, *_ in faults}
    good = values.filter(~pl.col("_row").is_in(sorted(bad)))
    faults += _repeats(contract, good, texts)
    bad |= {row for row, *_ in faults}
    told = pl.DataFrame(sorted(faults, key=lambda f: (f[0], f[1], f[2])), schema=FAULTS, orient="row")
    return Checked(good.filter(~pl.col("_row").is_in(sorted(bad))), told)


Fault = tuple[int, str, str, str | None, str, str]


def _texts(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    columns = [
        (pl.col(i.name).cast(pl.String) if i.name in frame.columns else pl.lit(None, dtype=pl.String)).alias(i.name)
        for i in contract.items
    ]
    return frame.select(columns) if frame.columns else pl.DataFrame(schema={i.name: pl.String for i in contract.items})


def _failures(contract: Contract, texts: pl.DataFrame, lookups: code_lists.Codes, now: datetime | None) -> list[Fault]:
    if texts.is_empty():
        return []
    checks = {(_home(c, contract), c.rule): c for c in row_checks(contract, lookups)}
    try:
        schema(contract, lookups, now=now).validate(texts, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        known = set(cases["check"]) - {rule for _, rule in checks}
        if known:  # a fault of the schema itself, not of the data
            raise
        found = zip(cases["column"], cases["check"], cases["index"], strict=True)
        return [_fault(checks[column, rule], int(row), texts) for column, rule, row in found]
    return []


def _fault(check: Check, row: int, texts: pl.DataFrame) -> Fault:
    if check.row_rule is None and check.rule != "swapped":
        value = texts[check.item][row]
    else:
        value = ", ".join(f"{name} = {_or_none(texts[name][row])}" for name in check.items)
    return (row, check.item, check.rule, value, *check.describe(value))


def _or_none(value: str | None) -> str:
    return "∅" if value is None else value


def _repeats(contract: Contract, good: pl.DataFrame, texts: pl.DataFrame) -> list[Fault]:
    faults: list[Fault] = []
    content = [i.name for i in contract.items]
    for rule in compile(contract):
        if rule.scope is not Scope.SET or good.is_empty():
            continue
        together = list(contract.key) if rule.rule == "key" else [rule.item]
        known = good.filter(pl.all_horizontal(pl.col(together).is_not_null()))
        kinds = known.select(*content).unique().group_by(together).len().filter(pl.col("len") > 1)
        clashing = known.join(kinds, on=together, how="semi")
        faults += [_fault(rule, int(row), texts) for row in clashing["_row"]]
    return faults
