"""Rows of a released version in the order of their key, so that a page costs what it returns, not a scan of the table.

The lake keeps rows as they came: a page of 100 out of 10 M read every file of the version (0.7 to 1.2 s). A large version
gets one Parquet file sorted by its key, in small row groups whose statistics lead a page to its rows (0.03 s from the first
page to the last). It is a copy, made at publication, and may be removed at any time: pages then come from the lake again.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from contracts.sql import identifier, literal
from warehouse.settings import Settings
from warehouse.storage.connection import reader, table

LARGE = 200_000
"""Rows from which a version is worth a copy; a smaller one is read whole in no time."""
ROW_GROUP = 20_480
"""Rows of which a page reads at least one group for each column."""
log = logging.getLogger("hui.lake")


def source(settings: Settings, library: str, dataset: str, snapshot: int | None) -> str | None:
    """What to read instead of the lake table for a page in key order; None where there is no copy."""
    path = _path(settings, library, dataset, snapshot) if snapshot is not None else None
    if path is None or not path.is_file():
        return None
    with suppress(OSError):
        os.utime(path)  # the least used is removed first
    return f"read_parquet({literal(path)})"


def prepare(settings: Settings, library: str, dataset: str, snapshot: int, key: Sequence[str]) -> bool:
    """Make the copy of a version that is large and has a key; whether there is one now.

    A version is no worse without: a full disk or too little memory is logged, and what was begun is removed.
    """
    path = _path(settings, library, dataset, snapshot)
    if path.is_file():
        return True
    try:
        with reader(settings) as connection, _alone(path):
            return _copy(connection, f"{table(library, dataset)} AT (VERSION => {int(snapshot)})", key, path)
    except (duckdb.Error, OSError, Timeout) as error:
        log.warning("no copy of %s.%s at %s in key order: %s", library, dataset, snapshot, error)
        return False
    finally:
        make_room(settings, keep=path)


def make_room(settings: Settings, *, keep: Path | None = None) -> int:
    """Remove the least used copies until they fit `settings.ordered_bytes`; returns bytes freed."""
    copies = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in _folder(settings).glob("*.parquet"))
    total, freed = sum(size for _, size, _ in copies), 0
    for _, size, path in copies:
        if total - freed <= settings.ordered_bytes:
            break
        if path != keep:
            path.unlink(missing_ok=True)
            freed += size
    return freed


def forget(settings: Settings, library: str, dataset: str, snapshot: int) -> None:
    """Remove the copy of a version that was recalled."""
    _path(settings, library, dataset, snapshot).unlink(missing_ok=True)


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, key: Sequence[str], path: Path) -> bool:
    names = {str(row[0]) for row in connection.execute(f"DESCRIBE FROM {rows}").fetchall()}
    count = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
    if not key or not set(key) <= names or not count or count[0] < LARGE:
        return False
    missing = connection.execute(f"SELECT 1 FROM {rows} WHERE {' OR '.join(f'{identifier(n)} IS NULL' for n in key)} LIMIT 1")
    if missing.fetchone():  # of a time when the key was another: only the lake can order these rows
        return False
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".making-")
    os.close(descriptor)
    try:
        connection.execute(
            f"COPY (SELECT * FROM {rows} ORDER BY {', '.join(map(identifier, key))}) TO {literal(unfinished)} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        os.replace(unfinished, path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return True


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time makes a copy; what a killed one left half made goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / "making.lock", timeout=600):
        for unfinished in path.parent.glob(".making-*"):
            unfinished.unlink(missing_ok=True)
        yield


def _folder(settings: Settings) -> Path:
    return settings.root / "cache" / "ordered"


def _path(settings: Settings, library: str, dataset: str, snapshot: int) -> Path:
    return _folder(settings) / f"{library}.{dataset}.{int(snapshot)}.parquet"
