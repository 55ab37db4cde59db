"""Checks as a Pandera schema over text columns: for frames in Python, and the oracle of the SQL path in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandera.polars as pa
import polars as pl

from contracts import clock
from contracts.checks.compile import Check, ItemCheck, Scope, SetCheck, compile
from contracts.checks.polars.context import FrameContext
from contracts.checks.polars.values import data_type, typed
from contracts.model import Codes, Contract

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


def schema(contract: Contract, lookups: Codes, *, now: datetime | None = None) -> pa.DataFrameSchema:
    """A Pandera schema over the items' texts, one check for each check of a row (references: where lookups hold them).

    Validate eager frames (`lazy=True` to see every failure): of a LazyFrame Pandera looks at the columns only.
    """
    context = FrameContext(contract, lookups, now or clock.now())
    by_item: dict[str, list[pa.Check]] = {item.name: [] for item in contract.items}
    for check in row_checks(contract, lookups):
        by_item[_home(check, contract)].append(_pandera(check, context))
    columns = {name: pa.Column(str, checks=checks, nullable=True, required=True) for name, checks in by_item.items()}
    return pa.DataFrameSchema(columns, name=contract.dataset, title=contract.title, strict=False)


def row_checks(contract: Contract, lookups: Codes) -> list[Check]:
    """The checks that one row decides; a reference is among them where its values are at hand."""
    at_hand: Mapping[tuple[str, str], object] = getattr(lookups, "references", {})
    return [check for check in compile(contract) if check.scope is Scope.ROW or _at_hand(check, at_hand)]


def _at_hand(check: Check, at_hand: Mapping[tuple[str, str], object]) -> bool:
    return check.scope is Scope.REFERENCE and isinstance(check, ItemCheck) and check.of.references in at_hand


def _home(check: Check, contract: Contract) -> str:
    return check.item or (check.items[0] if check.items else contract.items[0].name)


def _pandera(check: Check, context: FrameContext) -> pa.Check:
    assert check.record.frame is not None  # noqa: S101 - a rule that one row decides has its expression
    fault: pl.Expr = check.record.frame(check, context)
    values = context.columns(check.reads)

    def passes(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.with_columns(values).select(fault.not_())

    zh, en = check.heading
    return pa.Check(passes, name=check.rule, title=zh, description=en, ignore_na=False, error=check.rule)


def check(contract: Contract, frame: pl.DataFrame, lookups: Codes, *, now: datetime | None = None) -> Checked:
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
    table = pl.DataFrame(sorted(faults, key=lambda f: (f[0], f[1], f[2])), schema=FAULTS, orient="row")
    return Checked(good.filter(~pl.col("_row").is_in(sorted(bad))), table)


Fault = tuple[int, str, str, str | None, str, str]


def _texts(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    columns = [
        (pl.col(i.name).cast(pl.String) if i.name in frame.columns else pl.lit(None, dtype=pl.String)).alias(i.name)
        for i in contract.items
    ]
    return frame.select(columns) if frame.columns else pl.DataFrame(schema={i.name: pl.String for i in contract.items})


def _failures(contract: Contract, texts: pl.DataFrame, lookups: Codes, now: datetime | None) -> list[Fault]:
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
        failures = zip(cases["column"], cases["check"], cases["index"], strict=True)
        return [_fault(checks[column, rule], int(row), texts) for column, rule, row in failures]
    return []


def _fault(check: Check, row: int, texts: pl.DataFrame) -> Fault:
    if check.names_items:
        value = ", ".join(f"{name} = {_or_none(texts[name][row])}" for name in check.shown)
    else:
        value = texts[check.item][row]
    return (row, check.item, check.rule, value, *check.describe(value))


def _or_none(value: str | None) -> str:
    return "∅" if value is None else value


def _repeats(contract: Contract, good: pl.DataFrame, texts: pl.DataFrame) -> list[Fault]:
    faults: list[Fault] = []
    content = [i.name for i in contract.items]
    for rule in compile(contract):
        if not isinstance(rule, SetCheck) or good.is_empty():
            continue
        together = list(rule.together)
        known = good.filter(pl.all_horizontal(pl.col(together).is_not_null()))
        kinds = known.select(*content).unique().group_by(together).len().filter(pl.col("len") > 1)
        clashing = known.join(kinds, on=together, how="semi")
        faults += [_fault(rule, int(row), texts) for row in clashing["_row"]]
    return faults
