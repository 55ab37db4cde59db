"""What a staged delivery leaves open, by what the table holds: columns that are gone or emptied, rows that come again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from contracts import doubts
from contracts.checks.duckdb.predicates import cast_sql
from contracts.deliveries import Entry
from contracts.doubts import Candidate, Doubt
from contracts.model import Item
from contracts.sql import identifier, literal
from warehouse.ingest import outcome as verdict
from warehouse.ingest import overlap
from warehouse.ingest.outcome import Refused
from warehouse.ingest.stage import Stage
from warehouse.storage import tables
from warehouse.storage.connection import count, table

SAMPLE = 5_000
"""Rows of a delivery whose values are compared with the table's."""
CANDIDATES = 12
"""Columns that are looked at for one missing item, those with the likest titles first."""
SURE = 0.75
"""Likeness of titles that alone asks whether a column is the one that is missing, where the table has no values to compare."""
FULL = 0.9
"""Share of rows with a value from which on a column was full before."""
NEARLY = 0.05
"""Share of rows with a value up to which a column is nearly empty now."""
FEW, MANY = 3, 20
"""Rows from which on a column that is empty, or nearly empty, is no accident."""


def settle(connection: duckdb.DuckDBPyConnection, staged: Stage, entry: Entry) -> tuple[str, ...]:
    """Raise Refused with a held outcome where the delivery leaves something open; the batches that it replaces."""
    if staged.match.missing_required:
        _required(connection, staged)
    doubts = [*_nothing(connection, staged, entry), *_gone(connection, staged, entry), *_emptied(connection, staged, entry)]
    met = overlap.Met()
    answers = entry.receipt.answers
    if overlap.keyless(staged) and answers.overlap != "append" and not entry.receipt.corrects:
        met = overlap.meet(connection, staged, entry.comparable)
        if question := overlap.doubt(staged, met) if answers.overlap != "replace" or not met.covered else None:
            doubts.append(question)
    if doubts:
        raise Refused(verdict.held(doubts, staged.contract, staged.rows))
    return met.covered


def _nothing(connection: duckdb.DuckDBPyConnection, staged: Stage, entry: Entry) -> list[Doubt]:
    """No rows at all, where the contract says nothing of how many there must be."""
    contract = staged.contract
    if staged.rows or entry.receipt.answers.nil or contract.batch_rules.min_rows:
        return []
    if staged.source.rejects and count(connection, f"SELECT count(*) FROM {staged.source.rejects}"):
        return []
    return [doubts.nothing(contract.title or contract.dataset)]


def _gone(connection: duckdb.DuckDBPyConnection, staged: Stage, entry: Entry) -> list[Doubt]:
    """Columns that the table has values of, or that another column of the file may hold, and that the file has not."""
    missing = []
    for item in staged.match.missing:
        if item.name in entry.receipt.answers.absent:
            continue
        rows, filled = _filled(connection, staged, [item], entry.sent)
        candidates = _candidates(connection, staged, item)
        if filled[0] or any(one.likeness >= SURE for one in candidates):
            missing.append(doubts.missing(item, filled[0], rows, candidates))
    return missing


def _required(connection: duckdb.DuckDBPyConnection, staged: Stage) -> None:
    """Raise Refused: columns are missing that the contract asks for; held where another column may be each of them."""
    missing = []
    for item in staged.match.missing_required:
        candidates = _candidates(connection, staged, item)
        rows, filled = _filled(connection, staged, [item], ())
        if any(one.strong for one in candidates):
            doubt = doubts.missing(item, filled[0], rows, candidates)
            missing.append(replace(doubt, choices=doubt.choices[:-1]))
    if len(missing) == len(staged.match.missing_required):
        raise Refused(verdict.held(missing, staged.contract, staged.rows))
    rejected = count(connection, f"SELECT count(*) FROM {staged.source.rejects}") if staged.source.rejects else 0
    if refused := verdict.refusal(staged, verdict.columns(staged), [], staged.rows + rejected):
        raise Refused(refused)


def _emptied(connection: duckdb.DuckDBPyConnection, staged: Stage, entry: Entry) -> list[Doubt]:
    """Columns that were full and are empty, or nearly so. Not of corrections: a wrong value may be mended by leaving it out."""
    if entry.receipt.corrects or staged.rows < FEW:
        return []
    items = [i for i in staged.contract.items if i.name in staged.match.headers and i.name not in entry.receipt.answers.absent]
    if not items:
        return []
    filled = _staged_counts(connection, staged, items)
    empty = [i for i, n in zip(items, filled, strict=True) if n == 0 or (staged.rows >= MANY and n <= NEARLY * staged.rows)]
    if not empty:
        return []
    rows, before = _filled(connection, staged, empty, entry.sent)
    return [
        doubts.missing(item, n, rows, _candidates(connection, staged, item), emptied=True)
        for item, n in zip(empty, before, strict=True)
        if rows >= FEW and n >= FULL * rows and not _unreadable(connection, staged, item)
    ]


def _unreadable(connection: duckdb.DuckDBPyConnection, staged: Stage, item: Item) -> bool:
    """Whether the column has texts that are just not of the item's type: those rows are in quarantine, not emptied."""
    failing = staged.failing("type", item.name)
    return bool(failing) and count(connection, f"SELECT count(*) FROM {staged.relation} WHERE {failing}") > NEARLY * staged.rows


def _filled(
    connection: duckdb.DuckDBPyConnection, staged: Stage, items: Sequence[Item], sent: Sequence[str]
) -> tuple[int, list[int]]:
    """Rows of the table and, of each item, those with a value: of the sender's own deliveries where there are any."""
    dataset = staged.contract.dataset
    there = tables.existing(connection, "resource", dataset)
    if any(item.name not in there for item in items):
        return 0, [0] * len(items)
    whole = table("resource", dataset)
    if sent:
        own = f"(SELECT * FROM {whole} WHERE _batch IN ({', '.join(map(literal, sent))}))"
        rows, *filled = _counts(connection, own, items)
        if rows:
            return rows, filled
    rows, *filled = _counts(connection, whole, items)
    return rows, filled


def _staged_counts(connection: duckdb.DuckDBPyConnection, staged: Stage, items: Sequence[Item]) -> list[int]:
    """Of each item, the rows of the stage with a value: its files say so, without being read."""
    files = ", ".join(map(literal, staged.paths))
    counts = dict(
        connection.execute(
            f"""SELECT path_in_schema, sum(num_values - coalesce(stats_null_count, 0))
            FROM parquet_metadata([{files}]) GROUP BY 1"""
        ).fetchall()
    )
    return [int(counts.get(item.name) or 0) for item in items]


def _counts(connection: duckdb.DuckDBPyConnection, relation: str, items: Sequence[Item]) -> tuple[int, ...]:
    row = connection.execute(
        f"SELECT count(*), {', '.join(f'count({identifier(i.name)})' for i in items)} FROM {relation} AS t"
    ).fetchone()
    return tuple(int(n) for n in row or (0,) * (len(items) + 1))


def _candidates(connection: duckdb.DuckDBPyConnection, staged: Stage, item: Item) -> list[Candidate]:
    """Columns of the file that no item has, by how much their titles and values are like the item's."""
    likest = {header: max(doubts.likeness(name, header) for name in _names(item)) for header in staged.match.extra}
    ranked = sorted(staged.match.extra, key=lambda header: -likest[header])[:CANDIDATES]
    if (
        not ranked
        or staged.received is None
        or item.name not in tables.existing(connection, "resource", staged.contract.dataset)
    ):
        return [Candidate(header, likest[header], 0, 0, False) for header in ranked]
    with staged.received(connection, f"SELECT _row FROM {staged.relation} ORDER BY _row LIMIT {SAMPLE}") as received:
        return [Candidate(header, likest[header], *_compared(connection, staged, received, item, header)) for header in ranked]


def _names(item: Item) -> list[str]:
    return [name for name in (*item.source, item.title, item.title_en, item.name) if name]


def _compared(
    connection: duckdb.DuckDBPyConnection, staged: Stage, received: str, item: Item, header: str
) -> tuple[int, int, bool]:
    """Values of a column beside the item's in the table, by key or else as sets: compared, equal, by key."""
    own, resource = identifier(item.name), table("resource", staged.contract.dataset)
    cell = cast_sql(item, f"c.record[{literal(header)}]")
    cells = f"(SELECT _row, CAST(CAST(record AS JSON) AS MAP(VARCHAR, VARCHAR)) AS record FROM {received})"
    keys = staged.contract.key
    by_key = bool(keys) and all(name in staged.match.headers for name in keys)
    if by_key:
        equal = " AND ".join(f"s.{identifier(name)} = r.{identifier(name)}" for name in keys)
        sql = f"""SELECT count(*), count_if({cell} = r.{own}) FROM {cells} AS c
            JOIN {staged.relation} AS s USING (_row) JOIN {resource} AS r ON {equal} WHERE r.{own} IS NOT NULL"""
    else:
        sql = f"""SELECT count(*), count_if(_value IN (SELECT {own} FROM {resource} WHERE {own} IS NOT NULL)) FROM
            (SELECT DISTINCT {cell} AS _value FROM {cells} AS c) WHERE _value IS NOT NULL"""
    compared, equal_rows = connection.execute(sql).fetchone() or (0, 0)
    return int(compared), int(equal_rows or 0), by_key
