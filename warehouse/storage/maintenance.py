"""Keeping the lake small: files merged, old snapshots expired but for pinned ones, files that nobody needs removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb

from contracts.clock import machine
from warehouse.settings import Settings
from warehouse.storage import landing
from warehouse.storage.connection import METADATA_NAME, count, reader, writer
from warehouse.storage.failpoints import reach

DAY = 86400
KEEP = 7 * DAY
"""Seconds for which every snapshot is kept, pinned or not: readers finish, and a new pin is never too late."""
GRACE = 3600
"""Seconds that a file which no snapshot needs any more, and a snapshot that was the newest, stay for queries that began
before."""
ORPHAN = DAY
"""Age in seconds of files that no snapshot ever knew; with PostgreSQL far above the longest load."""


Pins = Mapping[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned snapshot, what it is pinned for, and what it costs: bytes of files that the present state does not need."""

    snapshot: int
    versions: tuple[str, ...]
    bytes: int
    alone: int
    """Those that no other pin needs either: what recalling it would give back."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """One table's present files."""

    library: str
    dataset: str
    rows: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """What the lake holds."""

    tables: tuple[TableSize, ...]
    pins: tuple[Pin, ...]
    snapshots: int
    lake_bytes: int
    landing_bytes: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class Maintained:
    """What maintenance did."""

    merged: int
    """Files that were merged or rewritten."""
    expired: int
    removed: int
    """Files removed: no longer needed, or never known to any snapshot."""
    freed: int
    seconds: float
    pins: tuple[Pin, ...]


def maintain(
    settings: Settings,
    pins: Pins | Callable[[], Pins],
    *,
    keep_seconds: float = KEEP,
    grace_seconds: float = GRACE,
    orphan_seconds: float = ORPHAN,
) -> Maintained:
    """Merge, expire and clean up, under the writer lock. A pinned snapshot, and the newest, never expire.

    Call `reconcile` before: an expired snapshot cannot tell the catalogue any more which batch it holds. `pins` maps
    snapshots to what they are pinned for; as a function it is read under the lock.
    """
    start = time.perf_counter()
    before = _bytes(settings.lake)
    with landing.room_said(settings), writer(settings, purpose="maintain") as connection:
        pinned = pins() if callable(pins) else pins
        merged = _compact(connection)
        expired = _expire(connection, pinned, max(keep_seconds, grace_seconds))
        removed = _clean(connection, settings, grace_seconds, orphan_seconds)
        costs_before = costs(connection, pinned)
    freed = max(0, before - _bytes(settings.lake))
    return Maintained(merged, expired, removed, freed, round(time.perf_counter() - start, 3), costs_before)


def status(settings: Settings, pins: Pins) -> Status:
    """Tables, pins with their cost, snapshots and bytes, for `hub lake status`."""
    with reader(settings) as connection:
        tables = connection.execute(
            f"""SELECT s.schema_name, t.table_name, coalesce(sum(f.record_count), 0) - coalesce(sum(d.delete_count), 0),
                count(f.data_file_id), coalesce(sum(f.file_size_bytes), 0) + coalesce(sum(d.file_size_bytes), 0)
            FROM {METADATA_NAME}.ducklake_table AS t JOIN {METADATA_NAME}.ducklake_schema AS s USING (schema_id)
            LEFT JOIN {METADATA_NAME}.ducklake_data_file AS f ON f.table_id = t.table_id AND f.end_snapshot IS NULL
            LEFT JOIN {METADATA_NAME}.ducklake_delete_file AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
            WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL GROUP BY ALL ORDER BY 1, 2"""
        ).fetchall()
        return Status(
            tuple(TableSize(library, dataset, int(rows), files, int(size)) for library, dataset, rows, files, size in tables),
            costs(connection, pins),
            count(connection, "SELECT count(*) FROM ducklake_snapshots('lake')"),
            _bytes(settings.lake),
            _bytes(settings.landing),
            _bytes(settings.scratch),
        )


def costs(connection: duckdb.DuckDBPyConnection, pins: Pins) -> tuple[Pin, ...]:
    """What each pin costs. A pin holds the files of every table as they were at that moment, not only of its own."""
    alive: dict[int, dict[str, int]] = {}
    for snapshot in pins:
        alive[snapshot] = {}
        for name in ("data", "delete"):
            rows = connection.execute(
                f"""SELECT '{name}' || {name}_file_id, file_size_bytes FROM {METADATA_NAME}.ducklake_{name}_file
                WHERE begin_snapshot <= {int(snapshot)} AND end_snapshot > {int(snapshot)}"""
            )
            alive[snapshot] |= dict(rows.fetchall())
    listed = []
    for snapshot, files in sorted(alive.items()):
        others = {file for other, theirs in alive.items() if other != snapshot for file in theirs}
        alone = sum(size for file, size in files.items() if file not in others)
        listed.append(Pin(snapshot, tuple(pins[snapshot]), sum(files.values()), alone))
    return tuple(listed)


def _compact(connection: duckdb.DuckDBPyConnection) -> int:
    """Files with many deleted rows are written anew, small neighbours are merged; each step is a transaction of its own."""
    merged = 0
    for call in ("ducklake_rewrite_data_files('lake', delete_threshold => 0.5)", "ducklake_merge_adjacent_files('lake')"):
        connection.execute("BEGIN")
        merged += sum(int(row[2]) for row in connection.execute(f"CALL {call}").fetchall())
        reach("compaction")
        connection.execute("COMMIT")
    return merged


def _expire(connection: duckdb.DuckDBPyConnection, pins: Pins, keep_seconds: float) -> int:
    """By an explicit list: `older_than` knows no pins. A snapshot's age counts from the one that followed it: up to then
    queries began with it, and one whose snapshot is gone finds no rows and no error (2026-11-27, DuckDB 1.5.5)."""
    limit = machine() - timedelta(seconds=keep_seconds)
    rows = connection.execute(
        "SELECT snapshot_id, snapshot_time FROM ducklake_snapshots('lake') ORDER BY snapshot_id"
    ).fetchall()
    old = [n for (n, _), (_, followed) in pairwise(rows) if followed.astimezone(UTC) <= limit and n not in pins]
    if old:
        listed = ", ".join(map(str, old))
        connection.execute("BEGIN")
        connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{listed}])")
        reach("expiry")
        connection.execute("COMMIT")
    return len(old)


def _clean(connection: duckdb.DuckDBPyConnection, settings: Settings, grace_seconds: float, orphan_seconds: float) -> int:
    """Only under the writer lock: beside an open load its files would look like orphans, and go."""
    removed = 0
    reach("clean-up")
    for name, age in (("ducklake_cleanup_old_files", grace_seconds), ("ducklake_delete_orphaned_files", orphan_seconds)):
        limit = f"older_than => now() - INTERVAL '{age:.0f} seconds'" if age else "cleanup_all => true"
        removed += len(connection.execute(f"CALL {name}('lake', {limit})").fetchall())
        reach("clean-up")
    for path in (*landing.leftovers(settings), *settings.scratch.rglob("*")):
        removed += _forgotten(path, orphan_seconds)
    return removed


def _forgotten(path: Path, age: float) -> int:
    try:
        if not path.is_file() or path.stat().st_mtime > machine().timestamp() - max(age, GRACE):
            return 0
        path.unlink()
    except FileNotFoundError:
        return 0
    return 1


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # removed meanwhile
    return total
