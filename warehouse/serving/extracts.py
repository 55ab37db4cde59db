"""Extracts: Parquet files that hold exactly what a view permits of one snapshot. Lake files themselves are never served.

A lake file still holds columns that a grant leaves out, rows deleted by later files, and values that a mask hides. So each
(snapshot, view) has files of its own, cut once, kept under HUB_HOME/cache/extracts and put away by size, the least used first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection
from filelock import FileLock

from contracts.clock import machine
from contracts.model import Contract
from contracts.sql import identifier, literal
from contracts.view import View
from warehouse.serving import ordered, store
from warehouse.serving.query_workers import in_worker
from warehouse.serving.view_sql import columns, select, shown_type
from warehouse.settings import Settings
from warehouse.storage.connection import reader

FILE_BYTES = 128 * 2**20
"""Parquet of a larger dataset is cut about here, so that clients read files side by side; a smaller one is one file."""
CACHE_BYTES = 5 * 2**30
IN_USE_SECONDS = 3600.0
"""Extracts used within this time stay, whatever the size: links to them are still good."""
INTEGERS = {
    "TINYINT": "SMALLINT",
    "UTINYINT": "SMALLINT",
    "SMALLINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "INTEGER": "INTEGER",
    "UINTEGER": "BIGINT",
    "BIGINT": "BIGINT",
}
VERSION = 2
"""Raise when the form of the files changes: caches made before are then left to be put away."""


@dataclass(frozen=True, slots=True)
class ExtractFile:
    """One file: where it is, its stable identifier (of its very bytes), size and rows."""

    path: Path
    id: str
    size: int
    rows: int
    stats: Mapping[str, object]
    """Delta statistics: numRecords, and nullCount for each item."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an extract: its name, and its type in DuckDB's words."""

    name: str
    type: str


@in_worker
def extract(settings: Settings, view: View, contract: Contract, snapshot: int) -> tuple[ExtractFile, ...]:
    """Files of a view of a snapshot, cut now or taken from the cache."""
    return _kept(settings, view, _folder(settings, view, snapshot), lambda lake: _snapshot_sql(lake, view, snapshot))


@in_worker
def changes(settings: Settings, view: View, key: Sequence[str], before: int, after: int) -> tuple[ExtractFile, ...]:
    """Files of what changed in a view between two snapshots, by key, with `_change_type` as Delta has it.

    A row that comes into the view's row filter is an insert, one that leaves it a delete. The view must show the key unmasked.
    """
    folder = _folder(settings, view, after, before)
    return _kept(settings, view, folder, lambda lake: _changes_sql(lake, view, key, before, after))


@in_worker
def shown_columns(settings: Settings, view: View, snapshot: int) -> tuple[Column, ...]:
    """Columns of a view of a snapshot with their types in the files, without cutting one."""
    with reader(settings) as connection:
        types = columns(connection, view.library, view.dataset, snapshot)
    return tuple(Column(name, _portable_type(view, name, types)) for name in view.items)


def put_away(settings: Settings, *, limit: int = CACHE_BYTES, keep: Path | None = None, now: float | None = None) -> int:
    """Remove the least used extracts until the cache fits, and what a killed process left half made; returns bytes freed."""
    root = _root(settings)
    moment = machine().timestamp() if now is None else now
    for folder in root.glob("*/.*"):  # .making-… and .gone-…
        with suppress(OSError):
            if folder.is_dir() and moment - max(path.stat().st_mtime for path in (folder, *folder.rglob("*"))) > IN_USE_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
    cached = []
    for folder in root.glob("*/*"):
        with suppress(OSError):
            if folder.is_dir() and (folder / "extract.json").is_file():
                cached.append(((folder / "extract.json").stat().st_mtime, _bytes(folder), folder))
    total, freed = sum(size for _, size, _ in cached), 0
    for used, size, folder in sorted(cached):
        if total - freed <= limit:
            break
        if folder != keep and moment - used > IN_USE_SECONDS:
            _remove(folder)
            freed += size
    return freed


def forget(settings: Settings, library: str, dataset: str, snapshot: int) -> None:
    """Remove every extract of a table at a snapshot, and of its changes since: the version was recalled. Other tables may
    have versions of the same snapshot; theirs stay. Its copy in key order and its serving store go, too."""
    ordered.forget(settings, library, dataset, snapshot)
    store.forget(settings, library, dataset, snapshot)
    table, root = f"{library}.{dataset}", _root(settings)
    for folder in [*root.glob(f"{snapshot}/{table}.*"), *root.glob(f"*/{table}.*.since-{snapshot}.*")]:
        if folder.is_dir():
            _remove(folder)


def _root(settings: Settings) -> Path:
    return settings.root / "cache" / "extracts"


def _folder(settings: Settings, view: View, snapshot: int, before: int | None = None) -> Path:
    since = f".since-{before}" if before is not None else ""
    return _root(settings) / str(snapshot) / f"{view.library}.{view.dataset}.{view.digest()}{since}.{VERSION}"


def _kept(settings: Settings, view: View, folder: Path, sql: Callable[[DuckDBPyConnection], str]) -> tuple[ExtractFile, ...]:
    extract = _read(folder)
    if extract is None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            extract = _read(folder)
            if extract is None:
                extract = _cut(settings, view, folder, sql)
        put_away(settings, keep=folder)
    return extract


def _read(folder: Path) -> tuple[ExtractFile, ...] | None:
    """Files of a finished extract; reading it counts as use."""
    listing = folder / "extract.json"
    try:
        payload = json.loads(listing.read_text(encoding="utf-8"))
        os.utime(listing)
    except (OSError, ValueError):
        return None
    files = tuple(ExtractFile(**{**one, "path": folder / one["path"]}) for one in payload)
    return files if all(file.path.is_file() for file in files) else None


def _cut(settings: Settings, view: View, folder: Path, sql: Callable[[DuckDBPyConnection], str]) -> tuple[ExtractFile, ...]:
    """Write beside, then move into place: a crash leaves nothing that looks finished."""
    shutil.rmtree(folder, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        with reader(settings) as connection:
            _write(connection, sql(connection), making, cut=_held(connection, view) > FILE_BYTES)
        files = [_described(path) for path in sorted(making.glob("*.parquet"))]
        listed = [{**asdict(file), "path": file.path.name} for file in files]
        (making / "extract.json").write_text(json.dumps(listed), encoding="utf-8")
        os.replace(making, folder)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return tuple(ExtractFile(**{**asdict(file), "path": folder / file.path.name}) for file in files)


def _held(connection: DuckDBPyConnection, view: View) -> int:
    """Bytes the lake holds of a dataset, about (of a namesake in another library, if that is larger)."""
    [(size,)] = connection.execute(
        "SELECT coalesce(max(file_size_bytes), 0) FROM ducklake_table_info('lake') WHERE table_name = ?", [view.dataset]
    ).fetchall()
    return int(size)


def _write(connection: DuckDBPyConnection, sql: str, folder: Path, *, cut: bool) -> None:
    """Stream into Parquet: one file in the table's own order, the same bytes each time; or cut files, in any order.

    DuckDB keeps no order where it cuts files (it refuses PRESERVE_ORDER beside FILE_SIZE_BYTES).
    """
    form = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
    if not cut:
        connection.execute(f"COPY ({sql}) TO {literal(folder / '00000.parquet')} ({form})")
        return
    connection.execute(
        f"COPY ({sql}) TO {literal(folder / 'data')} ({form}, FILE_SIZE_BYTES {FILE_BYTES}, PER_THREAD_OUTPUT false)"
    )
    for number, path in enumerate(sorted((folder / "data").iterdir())):
        path.rename(folder / f"{number:05d}.parquet")
    (folder / "data").rmdir()


def _snapshot_sql(connection: DuckDBPyConnection, view: View, snapshot: int) -> str:
    types = columns(connection, view.library, view.dataset, snapshot)
    shown = ", ".join(_portable(view, name, types) for name in view.items)
    return f"SELECT {shown} FROM ({select(view, types, snapshot=snapshot)}) AS cut"


def _changes_sql(connection: DuckDBPyConnection, view: View, key: Sequence[str], before: int, after: int) -> str:
    old, new = (_snapshot_sql(connection, view, snapshot) for snapshot in (before, after))
    same = " AND ".join(f"old.{identifier(name)} = new.{identifier(name)}" for name in key)
    shown_old, shown_new = (", ".join(f"{side}.{identifier(n)}" for n in view.items) for side in ("old", "new"))
    differs = f"({shown_old}) IS DISTINCT FROM ({shown_new})" if len(view.items) > 1 else "false"
    return f"""
        WITH old AS MATERIALIZED ({old}), new AS MATERIALIZED ({new})
        SELECT {shown_new}, 'insert' AS _change_type FROM new WHERE NOT EXISTS (SELECT 1 FROM old WHERE {same})
        UNION ALL SELECT {shown_old}, 'delete' FROM old WHERE NOT EXISTS (SELECT 1 FROM new WHERE {same})
        UNION ALL SELECT {shown_old}, 'update_preimage' FROM old JOIN new ON {same} WHERE {differs}
        UNION ALL SELECT {shown_new}, 'update_postimage' FROM old JOIN new ON {same} WHERE {differs}"""


def _portable(view: View, name: str, types: Mapping[str, str]) -> str:
    kind = shown_type(view.masks.get(name), types.get(name, "VARCHAR"))
    wanted = _portable_type(view, name, types)
    return f"cut.{identifier(name)}" if wanted == kind else f"CAST(cut.{identifier(name)} AS {wanted}) AS {identifier(name)}"


def _portable_type(view: View, name: str, types: Mapping[str, str]) -> str:
    """A type that every Delta reader knows: moments are instants, and what Delta has no word for is text."""
    kind = shown_type(view.masks.get(name), types.get(name, "VARCHAR"))
    if kind in INTEGERS or kind in ("BOOLEAN", "FLOAT", "DOUBLE", "VARCHAR", "DATE") or kind.startswith("DECIMAL"):
        return INTEGERS.get(kind, kind)
    return "TIMESTAMP WITH TIME ZONE" if kind.startswith("TIMESTAMP") else "VARCHAR"


def _described(path: Path) -> ExtractFile:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    metadata = pq.ParquetFile(path).metadata
    stats = {"numRecords": metadata.num_rows}
    return ExtractFile(path, digest.hexdigest()[:32], path.stat().st_size, metadata.num_rows, stats)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _remove(folder: Path) -> None:
    """Out of sight first, so that nobody is handed half of it."""
    aside = folder.with_name(f".gone-{os.getpid()}-{folder.name}")
    with suppress(OSError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)
