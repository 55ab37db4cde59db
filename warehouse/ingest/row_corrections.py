"""Quarantined rows corrected one by one: those still open, what they would come to, and the file that corrects them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from contracts.checks import code_lists
from contracts.checks.compile import Check, ItemCheck, Scope
from contracts.checks.compile import compile as checks_of
from contracts.checks.rules.lists import with_codes
from contracts.inference import asides
from contracts.model import Contract
from contracts.sql import identifier, literal
from warehouse.ingest import stage as stages
from warehouse.ingest.quarantine import QuarantinedRow, RowFault, harmless
from warehouse.onboarding import profile
from warehouse.readers.column_match import ORIGINAL_ROW, REASONS, match
from warehouse.readers.source import Source
from warehouse.serving.query_workers import in_worker
from warehouse.settings import Settings
from warehouse.storage import tables
from warehouse.storage.connection import reader, table

Values = Mapping[str, str]
"""Header as received → value."""


@dataclass(frozen=True, slots=True)
class OpenRows:
    """Rows of a batch that no correction has mended yet, `total` of them; `headers` are those of the file."""

    headers: tuple[str, ...]
    rows: tuple[QuarantinedRow, ...]
    total: int


@in_worker
def open_rows(
    settings: Settings, batch_id: str, *, numbers: Sequence[int] | None = None, limit: int = 50, offset: int = 0
) -> OpenRows:
    """A page of the open rows in the file's order; with `numbers`, those of them. Totals, notes and the like are no rows."""
    with reader(settings) as connection:
        waiting = _open(connection, batch_id)
        total = connection.execute(f"SELECT count(*) FROM ({waiting})").fetchone() or (0,)
        chosen = waiting
        if numbers is not None:
            chosen += f' AND "row" IN ({", ".join(str(int(number)) for number in numbers) or "NULL"})'
        page = f'{chosen} ORDER BY "row" LIMIT {int(limit)} OFFSET {int(offset)}'
        records = connection.execute(
            f"""SELECT "row", line, record FROM quarantine.rows WHERE batch = {literal(batch_id)} AND "row" IN ({page})
            ORDER BY "row" """
        ).fetchall()
        faults = _faults(connection, batch_id, page)
        headers = _headers(connection, batch_id)
    rows = [QuarantinedRow(number, line, _own(record), tuple(faults.get(number, ()))) for number, line, record in records]
    return OpenRows(headers, tuple(rows), int(total[0]))


def _open(connection: duckdb.DuckDBPyConnection, batch_id: str) -> str:
    """SQL with the numbers of the open rows."""
    batch = literal(batch_id)
    rules = ", ".join(literal(rule) for rule in asides.HARMLESS)
    sql = f"""SELECT DISTINCT "row" FROM quarantine.faults WHERE batch = {batch} AND rule NOT IN ({rules})"""
    if "mended_rows" not in _tables(connection):
        return sql
    return f'{sql} AND "row" NOT IN (SELECT "row" FROM quarantine.mended_rows WHERE batch = {batch})'


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'quarantine'"
    )
    return {name for (name,) in found.fetchall()}


def _faults(connection: duckdb.DuckDBPyConnection, batch_id: str, page: str) -> dict[int, list[RowFault]]:
    faults: dict[int, list[RowFault]] = {}
    for number, *fault in connection.execute(
        f"""SELECT "row", item, rule, value, message, message_en FROM quarantine.faults
        WHERE batch = {literal(batch_id)} AND "row" IN ({page}) ORDER BY "row", item, rule"""
    ).fetchall():
        faults.setdefault(number, []).append(RowFault(*fault))
    return faults


def _headers(connection: duckdb.DuckDBPyConnection, batch_id: str) -> tuple[str, ...]:
    """The file's own headers; none where no row could be split into columns."""
    first = connection.execute(
        f"SELECT record FROM quarantine.rows WHERE batch = {literal(batch_id)} AND record IS NOT NULL LIMIT 1"
    ).fetchone()
    return tuple(_own(first[0])) if first else ()


def _own(record: str | None) -> dict[str, str | None]:
    """A row by its file's headers, without the columns that an export of quarantine added."""
    values: dict[str, Any] = json.loads(record) if record else {}
    return {name: value for name, value in values.items() if name not in (REASONS, ORIGINAL_ROW)}


def write(target: Path, headers: Sequence[str], rows: Mapping[int, Values]) -> None:
    """The corrected rows as a file that is delivered like an export of quarantine: each with the number that it had."""
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([harmless(head) for head in (*headers, REASONS, ORIGINAL_ROW)])
        for number, values in sorted(rows.items()):
            writer.writerow([*(harmless(values.get(head, "")) for head in headers), "", str(number)])


@in_worker
def trial(
    settings: Settings,
    contract: Contract,
    lists: Mapping[str, Sequence[str]],
    headers: Sequence[str],
    rows: Mapping[int, Values],
    *,
    at: datetime,
) -> dict[int, tuple[RowFault, ...]]:
    """What the checks of single rows, and references to other datasets, say of rows that are not loaded; by row number.

    The same SQL as a load's. What is checked between rows (keys, unique items) and of a delivery as a whole shows on loading.
    """
    places = {item: headers.index(header) for item, header in match(contract, tuple(headers)).headers.items()}
    cells = {number: [values.get(head, "") or None for head in headers] for number, values in rows.items()}
    faults: dict[int, list[RowFault]] = {number: [] for number in rows}
    for number, check in _broken(settings, contract, code_lists.Lists(lists), headers, cells, at):
        faults[number].append(_fault(check, _value(check, places, cells[number]), lists))
    for number, check in _dangling(settings, contract, places, cells):
        faults[number].append(_fault(check, _value(check, places, cells[number]), lists))
    return {number: tuple(broken) for number, broken in faults.items()}


def _broken(
    settings: Settings,
    contract: Contract,
    lists: code_lists.Lists,
    headers: Sequence[str],
    cells: Mapping[int, Sequence[str | None]],
    at: datetime,
) -> Iterator[tuple[int, Check]]:
    """Rows and the checks that they break, by the query of a load."""
    source = Source(relation="corrected", columns=tuple(headers), media="text", row=ORIGINAL_ROW)
    with profile.connection(settings) as connection:
        columns = "".join(f", {identifier(header)} VARCHAR" for header in headers)
        connection.execute(f"CREATE TEMP TABLE corrected ({identifier(ORIGINAL_ROW)} BIGINT{columns})")
        connection.executemany(
            f"INSERT INTO corrected VALUES ({', '.join('?' * (len(headers) + 1))})",
            [[number, *row] for number, row in cells.items()],
        )
        stage, (query,) = stages.unwritten(connection, lists, contract, source, "", at)
        rows = connection.execute(f"SELECT _row, {', '.join(stage.masks)} FROM ({query})").fetchall()
    for number, *masks in rows:
        yield from ((number, check) for check in stage.broken(masks))


def _dangling(
    settings: Settings, contract: Contract, places: Mapping[str, int], cells: Mapping[int, Sequence[str | None]]
) -> Iterator[tuple[int, Check]]:
    """Rows that name a record which the other dataset does not hold."""
    for check in checks_of(contract):
        if not isinstance(check, ItemCheck) or check.scope is not Scope.REFERENCE or check.item not in places:
            continue
        dataset, item = check.of.references or ("", "")
        named = {number: row[places[check.item]] for number, row in cells.items() if row[places[check.item]]}
        with reader(settings) as connection:
            there = _holds(connection, dataset, item, sorted({str(value).strip() for value in named.values()}))
        yield from ((number, check) for number, value in named.items() if str(value).strip() not in there)


def _holds(connection: duckdb.DuckDBPyConnection, dataset: str, item: str, values: Sequence[str]) -> set[str]:
    if not values or item not in tables.existing(connection, "resource", dataset):
        return set()
    listed = ", ".join(literal(value) for value in values)
    text = f"CAST({identifier(item)} AS VARCHAR)"
    found = connection.execute(f"SELECT DISTINCT {text} FROM {table('resource', dataset)} WHERE {text} IN ({listed})")
    return {value for (value,) in found.fetchall()}


def _fault(check: Check, value: str | None, lists: Mapping[str, Sequence[str]]) -> RowFault:
    return RowFault(check.item, check.rule, value, *with_codes(check, lists).describe(value))


def _value(check: Check, places: Mapping[str, int], row: Sequence[str | None]) -> str | None:
    """What the message shows: the value as given; of several items "item = value, …"."""
    items = [item for item in check.shown if item in places]
    if not check.names_items and items:
        return row[places[items[0]]]
    return ", ".join(f"{item} = {row[places[item]] or '∅'}" for item in items) or None
