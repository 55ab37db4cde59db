"""Releases: a pinned lake snapshot is a version of a table. No copy; any two versions can be compared by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from contracts.errors import HubError
from contracts.sql import identifier, literal
from contracts.view import View
from warehouse.serving import ordered, view_sql
from warehouse.serving.query_workers import in_worker
from warehouse.serving.sandbox import time_limit
from warehouse.settings import Settings
from warehouse.storage import commits
from warehouse.storage.connection import reader
from warehouse.storage.failpoints import reach
from warehouse.storage.tables import BATCH, ROW

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
class Compared:
    """What differs between two snapshots in what a view shows, with some of the rows as the view shows them."""

    difference: Difference
    items: tuple[str, ...]
    """The items compared: those that both snapshots have, of the same type."""
    added: tuple[tuple[Any, ...], ...] = ()
    removed: tuple[tuple[Any, ...], ...] = ()
    changed: tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...] = ()
    """Before and after."""


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
        snapshot = commits.snapshot(connection)
        columns = _columns(connection, table, snapshot)
        rows = _one(connection, f"SELECT count(*) FROM {_at(table, snapshot)}")
        size = _bytes(connection, table, snapshot)
    changes = difference(settings, table, previous_snapshot, snapshot, key) if previous_snapshot is not None else None
    library, _, dataset = table.partition(".")
    ordered.prepare(settings, library, dataset, snapshot, key)
    reach("release")
    return Published(
        snapshot,
        tuple({"name": name, "type": kind} for name, kind in columns.items()),
        rows,
        size,
        changes.added if changes else None,
        changes.changed if changes else None,
        changes.removed if changes else None,
    )


def difference(settings: Settings, table: str, from_snapshot: int, to_snapshot: int, key: Sequence[str]) -> Difference:
    """Rows added, changed and removed between two snapshots, by key; by whole rows where there is no key.

    Columns that only one of them has are not compared: adding a column changes no row.
    """
    with reader(settings) as connection:
        old, new = _columns(connection, table, from_snapshot), _columns(connection, table, to_snapshot)
        shared = [name for name in new if name in old]
        keyed = [name for name in key if name in shared] if all(name in shared for name in key) else []
        sides = _at(table, from_snapshot), _at(table, to_snapshot)
        return _counted(connection, sides, keyed, shared)


@in_worker
def compare(
    settings: Settings, view: View, key: Sequence[str], before: int, after: int, *, examples: int = 50, seconds: float = 30.0
) -> Compared:
    """What differs between two snapshots in what a view shows, masks applied before anything is compared, with at most
    `examples` rows: at least a quarter each of those added and removed, where there are. The view shows the key unmasked."""
    with reader(settings) as connection, time_limit(connection, seconds):
        old, new = (view_sql.columns(connection, view.library, view.dataset, snapshot) for snapshot in (before, after))
        items = [name for name in view.items if name in old and old[name] == new.get(name)]
        if not set(key) <= set(items):
            raise view_sql.ItemMissing(
                f"{view.library}.{view.dataset} 的这两个版本没有共同的主键，不能逐行比较。",
                f"These two versions of {view.library}.{view.dataset} share no key, so their rows cannot be compared.",
            )
        sides = (
            f"({view_sql.select(view, old, snapshot=before)})",
            f"({view_sql.select(view, new, snapshot=after)})",
        )
        counts = _counted(connection, sides, list(key), items)
        share = examples // 4
        left = examples - min(counts.removed, share) - min(counts.added, share)
        changed = _changed_rows(connection, sides, key, items, left) if counts.changed else ()
        left = examples - len(changed) - min(counts.added, share)
        removed = _single_rows(connection, sides, key, items, left) if counts.removed else ()
        added = (
            _single_rows(connection, sides[::-1], key, items, examples - len(changed) - len(removed)) if counts.added else ()
        )
        return Compared(counts, tuple(items), added, removed, changed)


def _counted(
    connection: duckdb.DuckDBPyConnection, sides: tuple[str, str], key: Sequence[str], columns: Sequence[str]
) -> Difference:
    """Rows that differ between two sources, counted a part at a time."""
    rows = max(_one(connection, f"SELECT count(*) FROM {side}") for side in sides)
    parts = -(-rows // BUCKET) or 1
    total = Difference(0, 0, 0)
    for part in range(parts):
        sql = _by_key if key else _by_row
        row = connection.execute(sql(*sides, key, columns, part, parts)).fetchone()
        added, changed, removed = row or (0, 0, 0)
        total = Difference(total.added + int(added), total.changed + int(changed), total.removed + int(removed))
    return total


def _changed_rows(
    connection: duckdb.DuckDBPyConnection, sides: tuple[str, str], key: Sequence[str], items: Sequence[str], limit: int
) -> tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]:
    same = " AND ".join(f"o.{identifier(name)} = n.{identifier(name)}" for name in key)
    old, new = (", ".join(f"{side}.{identifier(name)}" for name in items) for side in ("o", "n"))
    by = ", ".join(f"n.{identifier(name)}" for name in key)
    rows = connection.execute(
        f"""SELECT {old}, {new} FROM {sides[0]} AS o JOIN {sides[1]} AS n ON {same}
        WHERE hash({old}) <> hash({new}) ORDER BY {by} LIMIT {int(limit)}"""
    ).fetchall()
    return tuple((tuple(row[: len(items)]), tuple(row[len(items) :])) for row in rows)


def _single_rows(
    connection: duckdb.DuckDBPyConnection, sides: tuple[str, str], key: Sequence[str], items: Sequence[str], limit: int
) -> tuple[tuple[Any, ...], ...]:
    """Rows of the first source whose key the second does not have."""
    same = " AND ".join(f"o.{identifier(name)} = n.{identifier(name)}" for name in key)
    shown, by = (", ".join(f"o.{identifier(name)}" for name in names) for names in (items, key))
    return tuple(
        connection.execute(
            f"SELECT {shown} FROM {sides[0]} AS o ANTI JOIN {sides[1]} AS n ON {same} ORDER BY {by} LIMIT {max(int(limit), 0)}"
        ).fetchall()
    )


def _by_key(old: str, new: str, key: Sequence[str], columns: Sequence[str], part: int, parts: int) -> str:
    keys, rest = ", ".join(map(identifier, key)), ", ".join(map(identifier, columns))
    chosen = f"WHERE hash({keys}) % {parts} = {part}" if parts > 1 else ""
    side = f"SELECT {keys}, hash({rest}) AS _hash FROM"
    return f"""SELECT count(*) FILTER (o._hash IS NULL), count(*) FILTER (o._hash <> n._hash), count(*) FILTER (n._hash IS NULL)
        FROM ({side} {old} {chosen}) AS o FULL JOIN ({side} {new} {chosen}) AS n USING ({keys})"""


def _by_row(old: str, new: str, _key: Sequence[str], columns: Sequence[str], part: int, parts: int) -> str:
    rest = ", ".join(map(identifier, columns))
    side = f"SELECT hash({rest}) AS _hash"
    chosen = f"WHERE _hash % {parts} = {part}" if parts > 1 else ""
    return f"""SELECT coalesce(sum(greatest(n, 0)), 0), 0, coalesce(sum(greatest(-n, 0)), 0) FROM
        (SELECT _hash, sum(side) AS n FROM ({side}, -1 AS side FROM {old} UNION ALL
        {side}, 1 AS side FROM {new}) {chosen} GROUP BY _hash)"""


def _columns(connection: duckdb.DuckDBPyConnection, table: str, snapshot: int) -> dict[str, str]:
    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {_at(table, snapshot)}").fetchall()
    except duckdb.CatalogException as error:
        raise NoSuchTable(
            f"快照 {snapshot} 中没有表 {table}；请先入库。", f"There is no table {table} at snapshot {snapshot}; load it first."
        ) from error
    return {name: kind for name, kind, *_ in rows if name not in HIDDEN}


def _bytes(connection: duckdb.DuckDBPyConnection, table: str, snapshot: int) -> int:
    library, _, dataset = table.partition(".")
    return _one(
        connection,
        f"""SELECT coalesce(sum(data_file_size_bytes), 0) FROM ducklake_list_files('lake', {literal(dataset)},
        schema => {literal(library)}, snapshot_version => {snapshot})""",
    )


def _at(table: str, snapshot: int) -> str:
    library, _, dataset = table.partition(".")
    return f"lake.{identifier(library)}.{identifier(dataset)} AT (VERSION => {int(snapshot)})"


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
