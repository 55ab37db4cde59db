"""Contracts and lists that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from contracts.checks.code_lists import Lists
from contracts.checks.polars import schema as frames
from contracts.checks.polars.values import typed
from contracts.model import Contract
from contracts.odcs import loader
from contracts.sql import identifier
from warehouse.ingest import quarantine, set_checks
from warehouse.ingest import stage as stages
from warehouse.readers.source import Source
from warehouse.settings import Settings

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
Found = tuple[int, str, str, str | None, str, str]
"""A fault: row from 0, item, rule, value as received, and the message in Chinese and English."""


def by_sql(made: Contract, rows: Rows, lists: Lists = LISTS, now: datetime = NOW) -> tuple[list[tuple[Any, ...]], set[Found]]:
    """Typed rows and faults as a load finds them: its own statements, by the functions that a load calls."""
    names = [i.name for i in made.items]
    frame = pl.DataFrame({n: pl.Series([r.get(n) for r in rows], dtype=pl.String) for n in names})
    source = Source(relation="source", columns=tuple(names), media="test", row="_at")
    with TemporaryDirectory() as home, duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.register("source", frame.with_row_index("_at").to_arrow())
        stage, queries = stages.open_stage(
            connection, Settings(home=Path(home), _env_file=None), lists, made, source, "B", "b", now
        )
        stages.write(connection, stage, queries)
        stages.begin(connection, stage)
        stage.received = partial(_received, stage)
        set_checks.repeats(connection, stage)
        faults: list[Found] = []
        if quarantine.collect(connection, stage):
            faults = connection.execute('SELECT "row", item, rule, value, message, message_en FROM faulted').fetchall()
        quoted = ", ".join(map(identifier, names))
        return connection.execute(f"SELECT {quoted} FROM {stage.relation} ORDER BY _row").fetchall(), set(faults)


@contextmanager
def _received(stage: stages.Stage, connection: duckdb.DuckDBPyConnection, numbers: str) -> Iterator[str]:
    """Rows as received, of which a check over several rows found a fault: a load reads the file again."""
    yield f"(SELECT _row, {stage.record()} AS record FROM {stage.numbered()} SEMI JOIN ({numbers}) USING (_row))"


def by_frame(made: Contract, rows: Rows, lists: Lists = LISTS, now: datetime = NOW) -> tuple[list[tuple[Any, ...]], set[Found]]:
    """Typed rows and faults as Pandera finds them; references are another table's, and left out."""
    names = [i.name for i in made.items]
    frame = pl.DataFrame({n: pl.Series([r.get(n) for r in rows], dtype=pl.String) for n in names})
    checked = frames.check(made, frame, replace(lists, references={}), now=now)
    values = frame.select(*(typed(i, pl.col(i.name)).alias(i.name) for i in made.items))
    return values.rows(), {(r, i, rule, v and v[: quarantine.LONGEST], *said) for r, i, rule, v, *said in checked.faults.rows()}


def agree(made: Contract, rows: Rows) -> tuple[list[tuple[Any, ...]], set[tuple[int, str, str, str | None]]]:
    """Both engines' values and faults, after asserting that they are equal, each message to the letter."""
    values, faults = by_sql(made, rows)
    other_values, other_faults = by_frame(made, rows)
    assert faults == other_faults
    for row, (ours, theirs) in enumerate(zip(values, other_values, strict=True)):
        for column, a, b in zip(made.items, ours, theirs, strict=True):
            assert a == b, (column.name, rows[row].get(column.name), a, b)
    return values, {(row, item, rule, value) for row, item, rule, value, *_ in faults}
