"""Releases: a pinned lake snapshot is a version of a table. No copy; any two versions can be compared by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from contracts.errors import HubError
from warehouse import commit
from warehouse.connection import literal, quote, reader
from warehouse.crashpoints import reach
from warehouse.settings import Settings
from warehouse.tables import BATCH, ROW

HIDDEN = (BATCH, ROW)
BUCKET = 3_000_000
"""Rows compared at once, so that a difference fits into a reader's memory."""


class NoSuchTable(HubError):
    """There is no such table in the lake, at that snapshot."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows between two snapshots by key; without a key `changed` is 0: such a row is one less and one more."""

    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class Published:
    """A table at a snapshot. The difference is None for a first version."""

    snapshot: int
    columns: tuple[dict[str, str], ...]
    rows: int
    bytes: int
    added: int | None
    changed: int | None
    removed: int | None


def publish(settings: Settings, table: str, previous_snapshot: int | None, key: Sequence[str]) -> Published:
    """What the catalogue records of a new version of `table` (library.dataset): the newest snapshot, and how it differs."""
    with reader(settings) as connection:
        snapshot = commit.snapshot(connection)
        columns = _columns(connection, table, snapshot)
        rows = _one(connection, f"SELECT count(*) FROM {_at(table, snapshot)}")
        size = _bytes(connection, table, snapshot)
    told = difference(settings, table, previous_snapshot, snapshot, key) if previous_snapshot is not None else None
    reach("release")
    return Published(
        snapshot,
        tuple({"name": name, "type": kind} for name, kind in columns.items()),
        rows,
        size,
        told.added if told else None,
        told.changed if told else None,
        told.removed if told else None,
    )


def difference(settings: Settings, table: str, from_snapshot: int, to_snapshot: int, key: Sequence[str]) -> Difference:
    """Rows added, changed and removed between two snapshots, by key; by whole rows where there is no key.

    Columns that only one of them has are not compared: adding a column changes no row.
    """
    with reader(settings) as connection:
        old, new = _columns(connection, table, from_snapshot), _columns(connection, table, to_snapshot)
        shared = [name for name in new if name in old]
        keyed = [name for name in key if name in shared] if all(name in shared for name in key) else []
        rows = max(_one(connection, f"SELECT count(*) FROM {_at(table, s)}") for s in (from_snapshot, to_snapshot))
        parts = -(-rows // BUCKET) or 1
        total = Difference(0, 0, 0)
        for part in range(parts):
            sql = _by_key if keyed else _by_row
            found = connection.execute(sql(table, from_snapshot, to_snapshot, keyed, shared, part, parts)).fetchone()
            added, changed, removed = found or (0, 0, 0)
            total = Difference(total.added + int(added), total.changed + int(changed), total.removed + int(removed))
        return total


def _by_key(table: str, old: int, new: int, key: Sequence[str], columns: Sequence[str], part: int, parts: int) -> str:
    keys, rest = ", ".join(map(quote, key)), ", ".join(map(quote, columns))
    chosen = f"WHERE hash({keys}) % {parts} = {part}" if parts > 1 else ""
    side = f"SELECT {keys}, hash({rest}) AS _hash FROM"
    return f"""SELECT count(*) FILTER (o._hash IS NULL), count(*) FILTER (o._hash <> n._hash), count(*) FILTER (n._hash IS NULL)
        FROM ({side} {_at(table, old)} {chosen}) AS o FULL JOIN ({side} {_at(table, new)} {chosen}) AS n USING ({keys})"""


def _by_row(table: str, old: int, new: int, _key: Sequence[str], columns: Sequence[str], part: int, parts: int) -> str:
    rest = ", ".join(map(quote, columns))
    side = f"SELECT hash({rest}) AS _hash"
    chosen = f"WHERE _hash % {parts} = {part}" if parts > 1 else ""
    return f"""SELECT coalesce(sum(greatest(n, 0)), 0), 0, coalesce(sum(greatest(-n, 0)), 0) FROM
        (SELECT _hash, sum(side) AS n FROM ({side}, -1 AS side FROM {_at(table, old)} UNION ALL
        {side}, 1 AS side FROM {_at(table, new)}) {chosen} GROUP BY _hash)"""


def _columns(connection: duckdb.DuckDBPyConnection, table: str, snapshot: int) -> dict[str, str]:
    try:
        found = connection.execute(f"DESCRIBE SELECT * FROM {_at(table, snapshot)}").fetchall()
    except duckdb.CatalogException as error:
        raise NoSuchTable(
            f"快照 {snapshot} 中没有表 {table}；请先入库。", f"There is no table {table} at snapshot {snapshot}; load it first."
        ) from error
    return {name: kind for name, kind, *_ in found if name not in HIDDEN}


def _bytes(connection: duckdb.DuckDBPyConnection, table: str, snapshot: int) -> int:
    library, _, dataset = table.partition(".")
    return _one(
        connection,
        f"""SELECT coalesce(sum(data_file_size_bytes), 0) FROM ducklake_list_files('lake', {literal(dataset)},
        schema => {literal(library)}, snapshot_version => {snapshot})""",
    )


def _at(table: str, snapshot: int) -> str:
    library, _, dataset = table.partition(".")
    return f"lake.{quote(library)}.{quote(dataset)} AT (VERSION => {int(snapshot)})"


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
