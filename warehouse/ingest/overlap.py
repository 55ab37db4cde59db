"""Rows of a delivery that a table without a key has already: a corrected file, or one that grows from delivery to delivery."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from contracts import doubts
from contracts.checks.compile import SetCheck
from contracts.doubts import Doubt
from contracts.model import Item, Type
from contracts.sql import identifier, literal
from warehouse.ingest.stage import Stage
from warehouse.storage import tables
from warehouse.storage.connection import count, table

FEW = 3
"""Rows from which on coming again is no accident."""
SHARE = 0.5
"""Share of a file's rows, or of an earlier delivery's, that must be met again."""
SAME_KEYS = 0.9
"""Share of rows whose identifying values must be met again where other values changed."""
SAMPLE = 10_000
LARGEST = 200_000
"""Rows up to which identifying items are looked for; whole rows are compared in files of every size."""
WIDEST, LONGEST_KEY = 8, 3
"""Items that are tried as a key beside those of time, and how many at once."""
TIME = re.compile(r"[年月日季期]|date|month|year|period|quarter|day|time", re.IGNORECASE)
CODE = re.compile(r"编号|代码|编码|号$|_(?:id|code|no)$|^(?:id|code)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Met:
    """Rows of a file that the table has already, in deliveries `batches`; `covered`: those that they mostly repeat."""

    rows: int = 0
    batches: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()
    key: tuple[Item, ...] = ()
    changed: int = 0


def keyless(staged: Stage) -> bool:
    """Whether nothing in the contract tells a row that comes again from a new one."""
    return not staged.contract.key and not any(isinstance(check, SetCheck) for check in staged.checks)


def doubt(staged: Stage, met: Met) -> Doubt | None:
    """The question of rows that come again."""
    return doubts.overlap(staged.rows, met.rows, met.batches, met.covered, met.key, met.changed) if met.rows else None


def meet(connection: duckdb.DuckDBPyConnection, staged: Stage, comparable: Sequence[str] | None) -> Met:
    """Which rows come again. `comparable`: the deliveries they may come from; None: every one in the table."""
    if staged.rows < FEW or not tables.count(connection, "resource", staged.contract.dataset):
        return Met()
    existing = _held(staged, comparable)
    small = staged.rows <= LARGEST and count(connection, f"SELECT count(*) FROM {existing}") <= LARGEST
    key = _key(connection, staged, existing) if small else ()
    by = _values(staged, ())
    if not (_again(connection, staged, existing, by, SHARE)):
        if not key or not _again(connection, staged, existing, _values(staged, key), SAME_KEYS):
            return Met()
        by = _values(staged, key)
    return _met(connection, staged, existing, by, key)


def _held(staged: Stage, comparable: Sequence[str] | None) -> str:
    whole = table("resource", staged.contract.dataset)
    if comparable is None:
        return f"(SELECT * FROM {whole})"
    return f"(SELECT * FROM {whole} WHERE _batch IN ({', '.join(map(literal, comparable)) or 'NULL'}))"


def _values(staged: Stage, key: Sequence[Item]) -> str:
    """SQL: what tells two rows apart: the key's values, or all of them."""
    return f"hash({', '.join(identifier(item.name) for item in key or staged.contract.items)})"


def _again(connection: duckdb.DuckDBPyConnection, staged: Stage, existing: str, by: str, share: float) -> bool:
    """Whether a share of the file's rows is in the table, or of the table's newest delivery in the file. From a sample."""
    rows = f"(SELECT {by} AS h FROM {staged.good()} LIMIT {SAMPLE})"
    known = f"SELECT count(*), count_if(h IN (SELECT {by} FROM {existing})) FROM {rows}"
    newest = f"SELECT {by} AS h FROM {existing} WHERE _batch = (SELECT max(_batch) FROM {existing}) LIMIT {SAMPLE}"
    covered = f"SELECT count(*), count_if(h IN (SELECT {by} FROM {staged.good()})) FROM ({newest})"
    for sql in (known, covered):
        total, equal = connection.execute(sql).fetchone() or (0, 0)
        if total >= FEW and equal >= share * total:
            return True
    return False


def _met(connection: duckdb.DuckDBPyConnection, staged: Stage, existing: str, by: str, key: tuple[Item, ...]) -> Met:
    whole = _values(staged, ())
    own = f"SELECT {by} FROM {staged.good()}"
    rows = count(connection, f"SELECT count(*) FROM {staged.good()} AS s WHERE {by} IN (SELECT {by} FROM {existing})")
    met = connection.execute(
        f"""SELECT _batch, count(*), count_if({by} IN ({own})) AS again FROM {existing}
        GROUP BY _batch HAVING again > 0 ORDER BY _batch"""
    ).fetchall()
    identified = _values(staged, key) if key else by
    changed = count(
        connection,
        f"""SELECT count(*) FROM {staged.good()} AS s WHERE {identified} IN (SELECT {identified} FROM {existing})
        AND {whole} NOT IN (SELECT {whole} FROM {existing})""",
    )
    covered = tuple(batch for batch, total, again in met if again >= SHARE * total)
    return Met(rows, tuple(batch for batch, _, _ in met), covered, key, changed)


def _key(connection: duckdb.DuckDBPyConnection, staged: Stage, existing: str) -> tuple[Item, ...]:
    """Items that identify a row, in the file and in the table: those of time, and the fewest others that it takes."""
    texts = [i for i in staged.contract.items if i.type not in (Type.NUMBER, Type.BOOLEAN) and _names(i)]
    times = [i for i in texts if i.type in (Type.DATE, Type.TIMESTAMP) or TIME.search(f"{i.title} {i.name}")][:LONGEST_KEY]
    others = [i for i in texts if i not in times][:WIDEST]
    for size in range(LONGEST_KEY + 1):
        for chosen in itertools.combinations(others, size):
            key = tuple(i for i in staged.contract.items if i in (*times, *chosen))
            if key and _unique(connection, key, staged.good()) and _unique(connection, key, existing):
                return key
    return ()


def _names(item: Item) -> bool:
    """Whether an item may be part of what identifies a row: whole numbers count things, unless they are codes or years."""
    return item.type is not Type.INTEGER or bool(CODE.search(item.title) or CODE.search(item.name) or TIME.search(item.title))


def _unique(connection: duckdb.DuckDBPyConnection, key: Sequence[Item], relation: str) -> bool:
    names = ", ".join(identifier(item.name) for item in key)
    filled = " AND ".join(f"{identifier(item.name)} IS NOT NULL" for item in key)
    row = connection.execute(f"SELECT count(*), count_if({filled}), count(DISTINCT ({names})) FROM {relation} AS t").fetchone()
    return row is not None and row[0] == row[1] == row[2]
