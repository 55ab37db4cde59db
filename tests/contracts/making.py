"""Contracts and lists that the tests of this room share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl

from contracts.checks.code_lists import Lists
from contracts.checks.duckdb import predicates
from contracts.checks.polars import schema as frames
from contracts.model import Contract
from contracts.odcs import loader

NOW = datetime(2026, 3, 12, 1, 40, tzinfo=UTC)
LISTS = Lists(
    {
        "level": ["1", "2", "3", "4"],
        "long": [f"c{n}" for n in range(300)],
        "division": ["23", "2308", "230803", "230803001", "11", "1101", "110105", "44", "4419", "441900003"],
        "quote": ["it's", 'a"b', "一、二"],
        "empty": [],
    },
    {("other", "id"): ["a", "b"]},
)


def document(items: Sequence[Mapping[str, Any]], quality: Sequence[Mapping[str, Any]] = (), **own: Any) -> dict[str, Any]:
    """A whole ODCS document around some items."""
    table: dict[str, Any] = {"name": "tried", "logicalType": "object", "properties": [dict(i) for i in items]}
    if quality:
        table["quality"] = [dict(q) for q in quality]
    made: dict[str, Any] = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "urn:hui:dataset:tried",
        "name": "试",
        "version": "1.0.0",
        "status": "active",
        "schema": [table],
    }
    if own:
        made["customProperties"] = [{"property": k, "value": v} for k, v in own.items()]
    return made


def item(
    name: str, type_: str, options: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """One item of a document."""
    told: dict[str, Any] = {"name": name, "logicalType": type_, **more}
    if options:
        told["logicalTypeOptions"] = dict(options)
    if own:
        told["customProperties"] = [{"property": k, "value": v} for k, v in own.items()]
    return told


def contract(items: Sequence[Mapping[str, Any]], quality: Sequence[Mapping[str, Any]] = (), **own: Any) -> Contract:
    """A contract of some items, by way of text and lint."""
    return loader.parse(loader.dump(document(items, quality, **own)))


Rows = Sequence[Mapping[str, str | None]]
Seen = tuple[list[tuple[Any, ...]], set[tuple[int, str, str, str | None]]]


def by_sql(made: Contract, rows: Rows, lists: Lists = LISTS, now: datetime = NOW) -> Seen:
    """Typed rows and faults as real DuckDB finds them."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    names = [i.name for i in made.items]
    texts = {f"s_{n}": pl.Series([r.get(n) for r in rows], dtype=pl.String) for n in names}
    frame = pl.DataFrame({**texts, "_row": list(range(len(rows)))}).to_arrow()
    connection.register("source", frame)
    select = predicates.select_sql(made, {n: f'"s_{n}"' for n in names}, lists, now=now)
    connection.execute(f"CREATE TABLE stage AS {select.query('source', ['_row'])}")
    quoted = ", ".join(f'"{n}"' for n in names)
    typed = connection.execute(f"SELECT {quoted} FROM stage ORDER BY _row").fetchall()
    faults = connection.execute(select.faults_query("stage", ["_row"])).fetchall()
    connection.close()
    return typed, {(row, select.faults[n][0].item, select.faults[n][0].rule, value) for row, n, value in faults}


def by_frame(made: Contract, rows: Rows, lists: Lists = LISTS, now: datetime = NOW) -> Seen:
    """Typed rows and faults as real Pandera finds them (only checks that one row decides)."""
    names = [i.name for i in made.items]
    frame = pl.DataFrame({n: pl.Series([r.get(n) for r in rows], dtype=pl.String) for n in names})
    checked = frames.check(made, frame, lists, now=now)
    from contracts.checks.polars.values import typed

    values = frame.select(*(typed(i, pl.col(i.name)).alias(i.name) for i in made.items))
    found = {(r, i, rule, v) for r, i, rule, v, *_ in checked.faults.rows() if rule not in ("key", "unique", "reference")}
    return values.rows(), found
