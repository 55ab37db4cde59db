"""Quarantine: rows at fault with number, item, rule, value and what to do; read by page, exported to be mended."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from contracts.checks.code_lists import Codes
from contracts.checks.compile import Check, unreadable
from contracts.deliveries import Fault
from contracts.model import Contract, Item
from contracts.sql import literal
from warehouse.ingest import mending_sheet
from warehouse.ingest.stage import Stage
from warehouse.readers.column_match import ORIGINAL_ROW, REASONS
from warehouse.serving.query_workers import in_worker
from warehouse.settings import Settings
from warehouse.storage.connection import count, reader

DESCRIBED = 20_000
"""Distinct faulty values that get a message of their own; beyond that the message says what the rule asks."""
LONGEST = 500
"""Characters of a value that a fault keeps; the row's record keeps all."""
FORMULA = "=+-@\t\r\n＝＋－＠"
SIGNED = re.compile(r"[+-]\d[\d,.]*(?:[eE][+-]?\d+)?")
UNREADABLE = -1
"""Place of faults whose check is made from the reader's reason."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """One rule that a row broke."""

    item: str
    rule: str
    value: str | None
    message: str
    message_en: str


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was not loaded: `values` by header as received, or its `line` when it could not be split into columns."""

    row: int
    line: str | None
    values: dict[str, str | None]
    faults: tuple[RowFault, ...]


def collect(connection: duckdb.DuckDBPyConnection, stage: Stage) -> list[Fault]:
    """Gather every fault of a stage in the temporary tables `held` and `faulted`; a summary, most rows first."""
    if not _any(stage):
        return []
    connection.execute('CREATE OR REPLACE TEMP TABLE held ("row" BIGINT, line VARCHAR, record VARCHAR)')
    connection.execute('CREATE OR REPLACE TEMP TABLE found ("row" BIGINT, fault INTEGER, rule VARCHAR, value VARCHAR)')
    if stage.faulty:
        connection.execute(f"INSERT INTO held SELECT _row, NULL, _record FROM {stage.relation} WHERE NOT ({stage.clean})")
    if stage.bad and stage.received:
        with stage.received(connection, "SELECT DISTINCT _row FROM bad") as rows:
            connection.execute(f"INSERT INTO held SELECT _row, NULL, record FROM {rows}")
    if stage.faulty or stage.bad:
        _values(connection, stage)
    if stage.source.rejects:
        connection.execute(f'INSERT INTO held SELECT "row", line, NULL FROM {stage.source.rejects}')
        connection.execute(
            f"""INSERT INTO found SELECT "row", {UNREADABLE}, split_part(reason, ':', 1), nullif(split_part(reason, ':', 2), '')
            FROM {stage.source.rejects}"""
        )
    _describe(connection, stage)
    summary = _summary(connection, stage)
    _name_sheets(connection, stage)
    return summary


def keep(connection: duckdb.DuckDBPyConnection, stage: Stage) -> int:
    """Write what `collect` gathered into the lake, inside the load's transaction; how many rows."""
    if not _any(stage):
        return 0
    dataset, batch = literal(stage.contract.dataset), literal(stage.batch)
    rows = count(connection, "SELECT count(*) FROM held")
    if rows:
        connection.execute(
            f"""INSERT INTO lake.quarantine.rows SELECT {dataset}, {batch}, "row", line, record FROM held ORDER BY "row" """
        )
        connection.execute(
            f"""INSERT INTO lake.quarantine.faults SELECT {dataset}, {batch}, "row", item, rule, value, message, message_en
            FROM faulted ORDER BY "row" """
        )
    return rows


def forget(connection: duckdb.DuckDBPyConnection, batch: str) -> None:
    """Take a batch's quarantine out of the lake's present state: before it is loaded anew."""
    for name in ("rows", "faults"):
        connection.execute(f"DELETE FROM lake.quarantine.{name} WHERE batch = {literal(batch)}")


@in_worker
def rows(
    settings: Settings,
    batch_id: str,
    *,
    rule: str | None = None,
    item: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[QuarantinedRow]:
    """Quarantined rows of a batch in the file's order; with a rule or item, those that broke it."""
    asked = [f"batch = {literal(batch_id)}"]
    asked += [f"rule = {literal(rule)}"] if rule else []
    asked += [f"item = {literal(item)}"] if item else []
    chosen = f'SELECT DISTINCT "row" FROM quarantine.faults WHERE {" AND ".join(asked)} ORDER BY "row"'
    page = f"{chosen} LIMIT {int(limit)} OFFSET {int(offset)}"
    with reader(settings) as connection:
        held = connection.execute(
            f"""SELECT "row", line, record FROM quarantine.rows WHERE batch = {literal(batch_id)}
            AND "row" IN ({page}) ORDER BY "row" """
        ).fetchall()
        found = connection.execute(
            f"""SELECT "row", item, rule, value, message, message_en FROM quarantine.faults
            WHERE batch = {literal(batch_id)} AND "row" IN ({page})"""
        ).fetchall()
    faults: dict[int, list[RowFault]] = {}
    for number, *told in found:
        faults.setdefault(number, []).append(RowFault(*told))
    return [
        QuarantinedRow(number, line, json.loads(record) if record else {}, tuple(faults.get(number, ())))
        for number, line, record in held
    ]


@in_worker
def total(settings: Settings, batch_id: str) -> int:
    """How many rows of a batch are in quarantine."""
    with reader(settings) as connection:
        return count(connection, f"SELECT count(*) FROM quarantine.rows WHERE batch = {literal(batch_id)}")


def export(
    settings: Settings,
    batch_id: str,
    contract: Contract,
    target: Path,
    kind: Literal["csv", "xlsx"] = "csv",
    lookups: Codes | None = None,
) -> int:
    """Write a batch's quarantined rows as the provider's own columns, with one for the reasons and one for the row number.

    Mended, the file may be delivered again as it is (`corrects`): the reader does not look at these two columns. A cell that
    a spreadsheet would run as a formula gets an apostrophe in front, which the reader takes off. A line that could not be
    split into columns stands in the first one. A workbook marks each cell at fault and offers the values of short code lists.
    """

    def choices(item: Item) -> Sequence[str]:
        if item.values or not item.code_list or lookups is None:
            return item.values
        try:
            return lookups.codes(item.code_list)
        except KeyError:
            return ()

    with reader(settings) as connection:
        lines = _exported(connection, batch_id, contract)
        headers, _ = next(lines)
        if kind == "xlsx":
            return mending_sheet.write(target, headers, lines, contract, choices, harmless)
        return _write_csv(target, headers, (line for line, _ in lines))


def _exported(
    connection: duckdb.DuckDBPyConnection, batch_id: str, contract: Contract
) -> Iterator[tuple[list[str], mending_sheet.Marks]]:
    """The headers, then each row, as text, with what is wrong by item; from the lake in the file's order, not all at once."""
    chosen = f"WHERE batch = {literal(batch_id)}"
    first = connection.execute(f"SELECT record FROM quarantine.rows {chosen} AND record IS NOT NULL LIMIT 1").fetchone()
    own = list(json.loads(first[0])) if first else [item.title or item.name for item in contract.items]
    headers = [name for name in own if name not in (REASONS, ORIGINAL_ROW)]
    yield [*headers, REASONS, ORIGINAL_ROW], {}
    found = connection.execute(
        f"""SELECT r."row", r.line, r.record, f.told FROM (SELECT * FROM quarantine.rows {chosen}) AS r
        LEFT JOIN (SELECT "row", list([item, message, message_en] ORDER BY item, rule) AS told
            FROM quarantine.faults {chosen} GROUP BY "row") AS f ON f."row" = r."row" ORDER BY r."row" """
    )
    while page := found.fetchmany(5_000):
        for number, line, record, told in page:
            payload = json.loads(record) if record else {headers[0]: line}
            reasons = "\n".join(f"{zh} / {en}" for _, zh, en in told or ())
            marks: dict[str, str] = {}
            for item, zh, en in told or ():
                marks[item] = f"{marks[item]}\n{zh}\n{en}" if item in marks else f"{zh}\n{en}"
            yield [*(payload.get(name) or "" for name in headers), reasons, str(number)], marks


def harmless(cell: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what begins a formula; signed numbers stay as they are."""
    if cell and cell[0] in FORMULA and not SIGNED.fullmatch(cell):
        return f"'{cell}"
    return cell


def _write_csv(target: Path, headers: list[str], lines: Iterator[list[str]]) -> int:
    written = 0
    with target.open("w", encoding="utf-8-sig", newline="") as file:  # the mark makes Excel read it as UTF-8
        writer = csv.writer(file)
        writer.writerow([harmless(head) for head in headers])
        for line in lines:
            writer.writerow([harmless(cell) for cell in line])
            written += 1
    return written


def _any(stage: Stage) -> bool:
    return bool(stage.faulty or stage.bad or stage.source.rejects)


def _values(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """The faults of parsed rows, each with the value as received; of several items "item = value, …"."""
    places = []
    for number, mask in enumerate(stage.masks):
        bits = f"list_filter(range(62), lambda n: ({mask} >> n) & 1 = 1)"
        places.append(f"list_transform({bits}, lambda n: n + {62 * number})")
    unnested = (
        f"""SELECT _row, unnest(flatten([{", ".join(places)}])) AS fault FROM {stage.relation} WHERE NOT ({stage.clean})"""
    )
    told = ", ".join(_told(place, check, stage) for place, check in enumerate(stage.checks))
    connection.execute(
        f"""INSERT INTO found
        SELECT f._row, f.fault, c.rule, left(CASE WHEN len(c.headers) = 1 AND NOT c.named THEN h.record[c.headers[1]]
            ELSE array_to_string(list_transform(list_zip(c.items, c.headers),
                lambda z: z[1] || ' = ' || coalesce(h.record[z[2]], '∅')), ', ') END, {LONGEST})
        FROM ({unnested} UNION ALL SELECT _row, fault FROM bad) AS f
        JOIN (SELECT "row", CAST(CAST(record AS JSON) AS MAP(VARCHAR, VARCHAR)) AS record FROM held) AS h ON h."row" = f._row
        JOIN (VALUES {told}) AS c(place, rule, items, headers, named) ON c.place = f.fault"""
    )


def _told(place: int, check: Check, stage: Stage) -> str:
    known = [item for item in check.shown if item in stage.match.headers]
    listed = ", ".join(literal(item) for item in known)
    headers = ", ".join(literal(stage.match.headers[item]) for item in known)
    return f"({place}, {literal(check.rule)}, [{listed}]::VARCHAR[], [{headers}]::VARCHAR[], {str(check.names_items).lower()})"


def _describe(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Messages for each distinct value, made by the check itself; for very many values what the rule asks."""
    distinct = connection.execute(
        f"SELECT DISTINCT fault, rule, value FROM found ORDER BY fault, rule, value LIMIT {DESCRIBED}"
    ).fetchall()
    kinds = connection.execute("SELECT DISTINCT fault, rule FROM found").fetchall()
    told = [(fault, rule, value, *_check(stage, fault, rule).describe(value)) for fault, rule, value in distinct]
    asks = [(fault, rule, _check(stage, fault, rule).item, *_check(stage, fault, rule).describe()) for fault, rule in kinds]
    text, whole = pa.string(), pa.int32()
    connection.register("described", _table(told, [whole, text, text, text, text], ["fault", "rule", "value", "zh", "en"]))
    connection.register("asked", _table(asks, [whole, text, text, text, text], ["fault", "rule", "item", "zh", "en"]))
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE faulted AS
        SELECT f."row", f.fault, a.item, f.rule, f.value, coalesce(d.zh, a.zh) AS message, coalesce(d.en, a.en) AS message_en
        FROM found AS f JOIN asked AS a ON a.fault = f.fault AND a.rule = f.rule
        LEFT JOIN described AS d ON d.fault = f.fault AND d.rule = f.rule AND d.value IS NOT DISTINCT FROM f.value"""
    )
    connection.unregister("described")
    connection.unregister("asked")


def _name_sheets(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Say at each fault on which sheet its row is, and which one there: the numbers of a batch go through all its sheets."""
    if not stage.source.sheets:
        return
    listed = ", ".join(f"({before}, {literal(sheet)})" for before, sheet in stage.source.sheets)
    connection.execute(
        f"""UPDATE faulted SET message = message || '（工作表“' || s.sheet || '”第 ' || ("row" - s.before) || ' 行）',
            message_en = message_en || ' (sheet ' || s.sheet || ', row ' || ("row" - s.before) || ')'
        FROM (SELECT before, sheet, coalesce(lead(before) OVER (ORDER BY before), 9223372036854775807) AS until
            FROM (VALUES {listed}) AS t(before, sheet)) AS s
        WHERE "row" > s.before AND "row" <= s.until"""
    )


def _check(stage: Stage, fault: int, rule: str) -> Check:
    if fault != UNREADABLE:
        return stage.checks[fault]
    return unreadable(rule, len(stage.source.columns), private=any(check.private for check in stage.checks))


def _table(lines: Sequence[tuple[object, ...]], types: Sequence[pa.DataType], names: Sequence[str]) -> pa.Table:
    return pa.table([pa.array([line[n] for line in lines], kind) for n, kind in enumerate(types)], names=names)


def _summary(connection: duckdb.DuckDBPyConnection, stage: Stage) -> list[Fault]:
    found = connection.execute(
        """SELECT rule, item, count(DISTINCT "row") AS n,
            min_by(value, "row"), min_by(message, "row"), min_by(message_en, "row")
        FROM faulted GROUP BY rule, item ORDER BY n DESC, item, rule"""
    ).fetchall()
    guarded = {(check.rule, check.item) for check in stage.checks if check.private}
    known = {(check.rule, check.item) for check in stage.checks}
    return [
        Fault(rule, item, int(n), None if _is_private(rule, item, guarded, known) else value, message, message_en)
        for rule, item, n, value, message, message_en in found
    ]


def _is_private(rule: str, item: str, guarded: set[tuple[str, str]], known: set[tuple[str, str]]) -> bool:
    """Whether no example may be shown; a line that could not be split holds every item of its row."""
    return (rule, item) in guarded or (bool(guarded) and (rule, item) not in known)
