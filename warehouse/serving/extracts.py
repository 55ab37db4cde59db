"""Extracts: Parquet files that hold exactly what a view permits of one snapshot. Lake files themselves are never served.

A lake file still holds columns that a grant leaves out, rows deleted by later files, and values that a mask hides. So each
(snapshot, view) has files of its own, kept under HUB_HOME/cache/extracts. A large version is cut in parts, by ranges of rows:
each part is one file, cut when it is wanted, with the same bytes each time. What a file is (identifier, size, rows) stays
known when its bytes are put away (`extract_room`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection
from filelock import FileLock, Timeout

from contracts.errors import HubError
from contracts.sql import identifier, literal
from contracts.view import View
from warehouse.serving import extract_room, ordered, store
from warehouse.serving.beside_cut import Beside
from warehouse.serving.query_workers import in_worker
from warehouse.serving.view_sql import columns, moment, select, shown_type
from warehouse.settings import Settings
from warehouse.storage.connection import count, reader
from warehouse.storage.landing import disk_full

PART_BYTES = 64 * 2**20
"""The lake's bytes of one part, about: clients read files side by side, and the first while the next is being cut."""
UNIT = 2**17
"""Parts end at multiples of so many row numbers, which a file of the lake keeps wherever its rows are moved to."""
FORM = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, USE_TMP_FILE false"
INTEGERS = {
    "TINYINT": "SMALLINT",
    "UTINYINT": "SMALLINT",
    "SMALLINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "INTEGER": "INTEGER",
    "UINTEGER": "BIGINT",
    "BIGINT": "BIGINT",
}
VERSION = 3
"""Raise when the form of the files changes: caches made before are then left to be put away."""


class Rearranged(HubError):
    """The lake's files of a version were merged since its parts were told: they are told anew."""

    seconds = 1

    def __init__(self) -> None:
        super().__init__(
            "这个版本的文件刚被整理，分片已变；请重新查询。", "The files of this version were merged meanwhile; query again."
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What files are wanted of: a view of a snapshot; or what changed in it since another one, by key, with `_change_type` as
    Delta has it: a row that comes into the view's row filter is an insert, one that leaves it a delete. The view must show
    the key unmasked then."""

    view: View
    snapshot: int
    before: int | None = None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one file: those whose number in the lake is `first` or more, up to the first one of the next part."""

    first: int = 0
    rows: int = 0
    """How many there are before the view's row filter; of changes unknown."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts that files are cut of, one for each."""

    wanted: Wanted
    parts: tuple[Part, ...]
    lake: str
    """The files of the lake that it was made of: where these are merged, rows may be numbered anew."""


@dataclass(frozen=True, slots=True)
class ExtractFile:
    """One file: where it is or was, its stable identifier (of its very bytes), size and rows."""

    path: Path
    id: str
    size: int
    rows: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an extract: its name, and its type in DuckDB's words."""

    name: str
    type: str


def plan(settings: Settings, wanted: Wanted) -> Plan:
    """What is cut: reckoned once for a snapshot, whatever the view."""
    return planned(settings, wanted) or _reckoned(settings, wanted)


def planned(settings: Settings, wanted: Wanted) -> Plan | None:
    """The same, if it was reckoned before."""
    with suppress(OSError, ValueError, TypeError):
        lake, parts = json.loads(_plan_file(settings, wanted).read_text(encoding="utf-8"))
        return Plan(wanted, tuple(Part(*one) for one in parts), lake)
    return None


def described(settings: Settings, plan: Plan, number: int) -> ExtractFile | None:
    """What is known of a file that was cut, its bytes there or put away; asking for it counts as use."""
    path = place(settings, plan, number)
    told = path.with_suffix(".json")
    try:
        file = ExtractFile(path, **json.loads(told.read_text(encoding="utf-8")))
        os.utime(told)
    except (OSError, ValueError, TypeError):
        return None
    return file


@in_worker
def cut(settings: Settings, plan: Plan, number: int) -> ExtractFile:
    """One file, cut now unless its bytes are there. While it is cut it grows beside its place (`growing`). Rearranged: the
    plan does not hold any more."""
    path = place(settings, plan, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        file = described(settings, plan, number)
        if file is None or not path.is_file():
            extract_room.make(settings, PART_BYTES)
            file = _cut(settings, plan, number, path)
    return file


@in_worker
def shown_columns(settings: Settings, view: View, snapshot: int) -> tuple[Column, ...]:
    """Columns of a view of a snapshot with their types in the files, without cutting one."""
    with reader(settings) as connection:
        types = columns(connection, view.library, view.dataset, snapshot)
    return tuple(Column(name, _portable_type(view, name, types)) for name in view.items)


def place(settings: Settings, plan: Plan, number: int) -> Path:
    """Where the bytes of a file are, once it is cut."""
    wanted = plan.wanted
    folder = f"{_table(wanted)}.{wanted.view.digest()}{_since(wanted)}.{plan.lake}.{VERSION}"
    return extract_room.root(settings) / str(wanted.snapshot) / folder / f"{number:05d}.parquet"


def growing(path: Path) -> Path:
    """Where the bytes of a file are while it is cut."""
    return path.with_suffix(".growing")


def clear(path: Path) -> None:
    """Remove what a killed process left of a file. One that is being cut stays."""
    with suppress(Timeout, OSError), FileLock(path.with_suffix(".lock"), timeout=0):
        growing(path).unlink(missing_ok=True)


def forget(settings: Settings, library: str, dataset: str, snapshot: int) -> None:
    """Remove every extract of a table at a snapshot, and of its changes since: the version was recalled. Other tables may
    have versions of the same snapshot; theirs stay. Its copy in key order and its serving store go, too."""
    ordered.forget(settings, library, dataset, snapshot)
    store.forget(settings, library, dataset, snapshot)
    table, root = f"{library}.{dataset}", extract_room.root(settings)
    for folder in [*root.glob(f"{snapshot}/{table}.*"), *root.glob(f"*/{table}.*.since-{snapshot}.*")]:
        if folder.is_dir():
            _remove(folder)
        else:
            folder.unlink(missing_ok=True)


def _table(wanted: Wanted) -> str:
    return f"{wanted.view.library}.{wanted.view.dataset}"


def _since(wanted: Wanted) -> str:
    return f".since-{wanted.before}" if wanted.before is not None else ""


def _plan_file(settings: Settings, wanted: Wanted) -> Path:
    return extract_room.root(settings) / str(wanted.snapshot) / f"{_table(wanted)}.plan{_since(wanted)}.{VERSION}.json"


@in_worker
def _reckoned(settings: Settings, wanted: Wanted) -> Plan:
    view = wanted.view
    with _at_one_moment(settings) as connection:
        parts = _cut_up(connection, view, wanted.snapshot)
        if wanted.before is not None:
            parts = [Part()] * max(len(parts), len(_cut_up(connection, view, wanted.before)))
        lake = _files_of(connection, view, wanted.snapshot)[0]
    told = _plan_file(settings, wanted)
    told.parent.mkdir(parents=True, exist_ok=True)
    beside = told.with_name(f".{told.name}.{os.getpid()}")
    beside.write_text(json.dumps([lake, [(one.first, one.rows) for one in parts]]), encoding="utf-8")
    os.replace(beside, told)
    return Plan(wanted, tuple(parts), lake)


@contextmanager
def _at_one_moment(settings: Settings) -> Iterator[DuckDBPyConnection]:
    """Whatever is read is read of the same files, also while others merge them."""
    with reader(settings) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


def _files_of(connection: DuckDBPyConnection, view: View, snapshot: int) -> tuple[str, int]:
    """Which files the lake keeps a version in, as a digest, and their bytes."""
    listed = connection.execute(
        f"SELECT data_file, delete_file, data_file_size_bytes FROM ducklake_list_files('lake', {literal(view.dataset)}, "
        f"schema => {literal(view.library)}, snapshot_version => {int(snapshot)}) ORDER BY ALL"
    ).fetchall()
    names = "".join(f"{os.path.basename(data)} {os.path.basename(gone or '')}\n" for data, gone, _ in listed)
    return hashlib.sha256(names.encode()).hexdigest()[:12], sum(int(size or 0) for *_, size in listed)


def _cut_up(connection: DuckDBPyConnection, view: View, snapshot: int) -> list[Part]:
    """Ranges of row numbers that hold about as many bytes each; a small version is one."""
    types = columns(connection, view.library, view.dataset, snapshot)
    rows, held = moment(view.library, view.dataset, snapshot), _files_of(connection, view, snapshot)[1]
    if held <= 2 * PART_BYTES or "rowid" in map(str.lower, types):  # an item of that name hides the lake's numbers
        return [Part(rows=count(connection, f"SELECT count(*) FROM {rows}"))]
    cells = connection.execute(f"SELECT rowid // {UNIT}, count(*) FROM {rows} GROUP BY ALL ORDER BY ALL").fetchall()
    enough = PART_BYTES * sum(number for _, number in cells) / held
    parts: list[Part] = []
    for cell, number in cells:
        if parts and parts[-1].rows + number / 2 <= enough:
            parts[-1] = Part(parts[-1].first, parts[-1].rows + number)
        else:
            parts.append(Part(cell * UNIT, number))
    return parts or [Part()]


def _cut(settings: Settings, plan: Plan, number: int, path: Path) -> ExtractFile:
    """Write beside, then move into place: a crash leaves nothing that looks finished."""
    beside, told = growing(path), path.with_suffix(".json")
    beside.unlink(missing_ok=True)
    try:
        with _at_one_moment(settings) as connection, Beside(settings, connection, beside) as watched:
            sql = _part_sql(settings, connection, plan, number)
            rows = count(connection, f"COPY ({sql}) TO {literal(beside)} ({FORM})")
        file = ExtractFile(path, watched.digest()[:32], beside.stat().st_size, rows)
        told.unlink(missing_ok=True)
        os.replace(beside, path)
        beside.write_text(json.dumps({"id": file.id, "size": file.size, "rows": rows}), encoding="utf-8")
        os.replace(beside, told)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if disk_full(error):
            raise extract_room.NoRoom(settings) from error
        raise
    return file


def _part_sql(settings: Settings, connection: DuckDBPyConnection, plan: Plan, number: int) -> str:
    """Rows of a part, in an order that is the same each time."""
    wanted, parts = plan.wanted, plan.parts
    if wanted.before is not None:
        return _changes_sql(connection, wanted, number, len(parts))
    if len(parts) == 1:
        return _snapshot_sql(connection, wanted.view, wanted.snapshot)
    if _files_of(connection, wanted.view, wanted.snapshot)[0] != plan.lake:
        _plan_file(settings, wanted).unlink(missing_ok=True)
        raise Rearranged
    bounds = [f"rowid >= {parts[number].first}"] if number else []
    bounds += [f"rowid < {parts[number + 1].first}"] if number + 1 < len(parts) else []
    return _snapshot_sql(connection, wanted.view, wanted.snapshot, " AND ".join(bounds))


def _snapshot_sql(connection: DuckDBPyConnection, view: View, snapshot: int, bounds: str = "") -> str:
    types = columns(connection, view.library, view.dataset, snapshot)
    shown = ", ".join(_portable(view, name, types) for name in view.items)
    rows = f"(SELECT * FROM {moment(view.library, view.dataset, snapshot)} WHERE {bounds})" if bounds else None
    return f"SELECT {shown} FROM ({select(view, types, snapshot=snapshot, rows=rows)}) AS cut"


def _changes_sql(connection: DuckDBPyConnection, wanted: Wanted, number: int, among: int) -> str:
    """Changes of the rows whose keys fall to one of so many parts, in the order of their keys."""
    view, key = wanted.view, [identifier(name) for name in wanted.key]
    falls = f" WHERE hash({', '.join(f'seen.{name}' for name in key)}) % {int(among)} = {int(number)}" if among > 1 else ""
    assert wanted.before is not None  # noqa: S101 - of changes only
    old, new = (
        f"SELECT * FROM ({_snapshot_sql(connection, view, snapshot)}) AS seen{falls}"
        for snapshot in (wanted.before, wanted.snapshot)
    )
    same = " AND ".join(f"old.{name} = new.{name}" for name in key)
    shown_old, shown_new = (", ".join(f"{side}.{identifier(n)}" for n in view.items) for side in ("old", "new"))
    differs = f"({shown_old}) IS DISTINCT FROM ({shown_new})" if len(view.items) > 1 else "false"
    return f"""
        WITH old AS MATERIALIZED ({old}), new AS MATERIALIZED ({new})
        SELECT {shown_new}, 'insert' AS _change_type FROM new WHERE NOT EXISTS (SELECT 1 FROM old WHERE {same})
        UNION ALL SELECT {shown_old}, 'delete' FROM old WHERE NOT EXISTS (SELECT 1 FROM new WHERE {same})
        UNION ALL SELECT {shown_old}, 'update_preimage' FROM old JOIN new ON {same} WHERE {differs}
        UNION ALL SELECT {shown_new}, 'update_postimage' FROM old JOIN new ON {same} WHERE {differs}
        ORDER BY {", ".join(key)}, _change_type"""


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


def _remove(folder: Path) -> None:
    """Out of sight first, so that nobody is handed half of it."""
    aside = folder.with_name(f".gone-{os.getpid()}-{folder.name}")
    with suppress(OSError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
