"""The serving store: a released version as a SQLite file in the order of its key, for rows by key and pages (decision 0031).

The lake plans and scans for every page, some 20 ms of a processor; a file with an index answers in about one. The rows of a
version never change, so the file is made once, beside the lake, and asked by every process. It holds nothing that the lake
does not: it is checked against it by count and hash, and may be removed at any time. Whatever it cannot answer alike is asked
of the lake.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
from filelock import FileLock, Timeout

from contracts.model import Contract
from contracts.sql import identifier
from contracts.view import View
from warehouse.serving import store_sql
from warehouse.serving.store_sql import MOMENT, WHOLE, Condition
from warehouse.serving.stored_page import Column, StoredPage
from warehouse.settings import Settings
from warehouse.storage.connection import reader, table

KINDS = frozenset({"VARCHAR", "BOOLEAN", "DOUBLE", "DATE", MOMENT, *WHOLE})
"""Types that are kept, with DECIMAL; a table with another one stays in the lake."""
BATCH = 20_000
LARGEST_PAGE = 2_000
"""Rows; a larger page is the lake's, whose columns need no loop."""
STEPS, STEPS_EACH = 400_000, 20_000
"""Instructions of SQLite's machine for one page: about 30,000 rows looked at. A condition that finds less is the lake's."""
OPEN_FILES = 64
log = logging.getLogger("hui.lake")


class _NotKept(Exception):
    """A version that the store cannot hold."""


class Differs(Exception):
    """A file whose rows are not the lake's."""


@dataclass(slots=True)
class Store:
    """One file, open."""

    path: Path
    identity: tuple[int, int]
    types: Mapping[str, str]
    """Columns with their DuckDB types."""
    key: tuple[str, ...]
    schema: pa.Schema
    idle: list[sqlite3.Connection] = field(default_factory=list)
    plans: dict[Any, Condition | None] = field(default_factory=dict)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection of nobody else meanwhile."""
        connection = self.idle.pop() if self.idle else _connected(self.path)
        yield connection
        self.idle.append(connection)


_open: OrderedDict[Path, Store] = OrderedDict()
_lock = threading.Lock()


def page(
    settings: Settings,
    contract: Contract,
    view: View,
    *,
    choose: Sequence[str],
    where: str,
    after: Sequence[Any] | None,
    limit: int,
    snapshot: int,
    equals: Mapping[str, Any] | None,
) -> StoredPage | None:
    """Rows of a page in the order of the key; None: ask the lake."""
    store = find(settings, view.library, view.dataset, snapshot)
    if store is None or limit > LARGEST_PAGE or not _by_key(store, contract, view, equals):
        return None
    plan = _planned(store, contract, view, where)
    columns = _columns(store, view, choose)
    beyond = _beyond(store, list((equals or {}).values()) if equals else after, "=" if equals else ">")
    if plan is None or columns is None or beyond is None:
        return None
    fetched = [*dict.fromkeys([*(name for name in choose if name in store.types), *store.key])]
    keys = ", ".join(map(identifier, store.key))
    conditions = " AND ".join(part for part in (plan[0], beyond[0]) if part) or "true"
    sql = f"SELECT {', '.join(map(identifier, fetched))} FROM rows WHERE {conditions} ORDER BY {keys} LIMIT ?"
    rows = _asked(store, sql, [*plan[1], *beyond[1], limit + 1])
    if rows is None:
        return None
    more, rows = len(rows) > limit, rows[:limit]
    values = dict(zip(fetched, zip(*rows, strict=True) if rows else [()] * len(fetched), strict=True))
    last = tuple(values[name][-1] for name in store.key) if more and rows else None
    shown = [column.shown(values.get(name), len(rows)) for name, column in zip(choose, columns, strict=True)]
    return StoredPage(tuple(choose), columns, shown, len(rows), last)


def find(settings: Settings, library: str, dataset: str, snapshot: int) -> Store | None:
    """The open file of a version; None where there is none (any more)."""
    path = _path(settings, library, dataset, snapshot)
    try:
        status = os.stat(path)
    except OSError:
        return None
    identity = (status.st_ino, status.st_mtime_ns)
    store = _open.get(path)
    if store is not None and store.identity == identity:
        return store
    try:
        store = _opened(path, identity)
    except (sqlite3.Error, ValueError, KeyError) as error:
        log.warning("%s cannot be read, it is removed: %s", path, error)
        path.unlink(missing_ok=True)
        return None
    with _lock:
        _open[path] = store
        while len(_open) > OPEN_FILES:
            _open.popitem(last=False)
    return store


def prepare(settings: Settings, library: str, dataset: str, snapshot: int, key: Sequence[str]) -> bool:
    """Make the file of a version; whether there is one now. Nothing is worse without: what kept it from being made is logged,
    and what was begun is removed."""
    path = _path(settings, library, dataset, snapshot)
    if path.is_file():
        return True
    if settings.served_bytes <= 0:
        return False
    try:
        with _alone(path):
            if not path.is_file():
                _make(settings, library, dataset, snapshot, key, path)
    except _NotKept:
        return False
    except (duckdb.Error, sqlite3.Error, OSError, Timeout, Differs) as error:
        log.warning("no serving store of %s.%s at %s: %s", library, dataset, snapshot, error)
        return False
    make_room(settings)
    return path.is_file()


def make_room(settings: Settings) -> int:
    """Remove the files that were made first until they fit `settings.served_bytes`; returns bytes freed."""
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in _folder(settings).glob("*.db"))
    total, freed = sum(size for _, size, _ in files), 0
    for _, size, path in files:
        if total - freed <= settings.served_bytes:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed


def forget(settings: Settings, library: str, dataset: str, snapshot: int) -> None:
    """Remove the file of a version that was recalled."""
    _path(settings, library, dataset, snapshot).unlink(missing_ok=True)


def _by_key(store: Store, contract: Contract, view: View, equals: Mapping[str, Any] | None) -> bool:
    """Whether the view shows the key as it is, and rows are wanted by it or in its order."""
    if store.key != tuple(contract.key) or any(name not in view.items or name in view.masks for name in store.key):
        return False
    return not equals or list(equals) == list(store.key)


def _planned(store: Store, contract: Contract, view: View, where: str) -> Condition | None:
    """The view's rows and the caller's condition over what the view shows."""
    named = (view.digest(), where, contract.text)
    if named not in store.plans:
        if len(store.plans) > 1000:
            store.plans.clear()
        store.plans[named] = _plan(store, contract, view, where)
    return store.plans[named]


def _plan(store: Store, contract: Contract, view: View, where: str) -> Condition | None:
    sql, values = [], []
    shown = {name: kind for name, kind in store.types.items() if name in view.items and name not in view.masks}
    visible = [item for item in contract.items if item.name in view.items]
    for text, items, types in ((view.row_filter, contract.items, store.types), (where, visible, shown)):
        if text.strip():
            condition = store_sql.condition(text, items, types)
            if condition is None:
                return None
            sql.append(condition[0])
            values += condition[1]
    return " AND ".join(sql), values


def _columns(store: Store, view: View, choose: Sequence[str]) -> list[Column] | None:
    columns = []
    for name in choose:
        kind, mask = store.types.get(name, ""), view.masks.get(name)
        make = store_sql.masked(mask, kind, view.salt) if mask is not None and kind else None
        if mask is not None and kind and make is None:
            return None
        hashed = mask is not None and mask.kind == "hash"
        form = pa.string() if hashed or not kind else store.schema.field(name).type
        columns.append(Column("VARCHAR" if hashed else kind, form, make))
    return columns


def _beyond(store: Store, values: Sequence[Any] | None, sign: str) -> Condition | None:
    """Rows of this key, or after it."""
    if values is None:
        return "", []
    typed = [_typed(value, store.types[name]) for value, name in zip(values, store.key, strict=False)]
    if len(values) != len(store.key) or None in typed:
        return None
    names = ", ".join(map(identifier, store.key))
    return f"({names}) {sign} ({', '.join('?' * len(typed))})", typed


def _typed(value: Any, kind: str) -> Any:
    if kind == "VARCHAR":
        return value if isinstance(value, str) and "\0" not in value else None
    if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _asked(store: Store, sql: str, values: list[Any]) -> list[tuple[Any, ...]] | None:
    """The rows, or None where they are not found in so many steps."""
    left = STEPS // STEPS_EACH

    def step() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        with store.connection() as connection:
            connection.set_progress_handler(step, STEPS_EACH)
            return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            log.warning("%s: %s", store.path, error)
        return None
    except sqlite3.DatabaseError as error:
        log.warning("%s is damaged, it is removed: %s", store.path, error)
        store.path.unlink(missing_ok=True)
        return None


def _opened(path: Path, identity: tuple[int, int]) -> Store:
    connection = _connected(path)
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    schema = pa.ipc.read_schema(pa.py_buffer(meta["schema"]))
    return Store(path, identity, json.loads(meta["types"]), tuple(json.loads(meta["key"])), schema, [connection])


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    connection.execute("PRAGMA mmap_size = 1099511627776")  # one cache for all processes: the machine's
    connection.execute("PRAGMA case_sensitive_like = ON")
    return connection


def _make(settings: Settings, library: str, dataset: str, snapshot: int, key: Sequence[str], path: Path) -> None:
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".making-")
    os.close(descriptor)
    try:
        with reader(settings) as lake:
            rows = f"{table(library, dataset)} AT (VERSION => {int(snapshot)})"
            types = _kept(lake, rows, key)
            _fill(settings, lake, rows, types, key, Path(unfinished))
            _compare(lake, rows, _opened(Path(unfinished), (0, 0)))
        with open(unfinished, "rb") as done:
            os.fsync(done.fileno())
        os.replace(unfinished, path)
    finally:
        for left in (unfinished, f"{unfinished}-journal"):
            Path(left).unlink(missing_ok=True)


def _kept(lake: duckdb.DuckDBPyConnection, rows: str, key: Sequence[str]) -> dict[str, str]:
    """Columns with their types, if the store gives back what the lake has: no NaN (SQLite's NULL), no NUL (its end of a text),
    no negative zero, a key of texts or whole numbers."""
    types = {str(row[0]): str(row[1]) for row in lake.execute(f"DESCRIBE FROM {rows}").fetchall()}
    if not key or any(types.get(name) not in ("VARCHAR", *WHOLE) for name in key):
        raise _NotKept
    if any(kind not in KINDS and not kind.startswith("DECIMAL") for kind in types.values()):
        raise _NotKept
    odd = [f"{identifier(name)} IS NULL" for name in key]
    for name, kind in types.items():
        column = identifier(name)
        if kind == "DOUBLE":
            odd.append(f"isnan({column}) OR ({column} = 0 AND signbit({column}))")
        elif kind == "VARCHAR":
            odd.append(f"contains({column}, chr(0))")
        elif kind in ("DATE", MOMENT):
            odd.append(f"NOT isfinite({column})")
    if lake.execute(f"SELECT 1 FROM {rows} WHERE {' OR '.join(odd)} LIMIT 1").fetchone():
        raise _NotKept
    return types


def _fill(
    settings: Settings, lake: duckdb.DuckDBPyConnection, rows: str, types: Mapping[str, str], key: Sequence[str], path: Path
) -> None:
    schema = lake.execute(f"SELECT * FROM {rows} LIMIT 0").to_arrow_table().schema
    names, keys = ", ".join(map(identifier, types)), ", ".join(map(identifier, key))
    encoded = ", ".join(_encoded(name, kind) for name, kind in types.items())
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        for pragma in ("page_size = 8192", "journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
            store.execute(f"PRAGMA {pragma}")
        store.execute(f"PRAGMA max_page_count = {max(16, settings.served_bytes // 8192)}")
        store.execute("BEGIN")
        store.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value)")
        store.execute(f"CREATE TABLE rows ({names}, PRIMARY KEY ({keys})) WITHOUT ROWID")  # no affinity: as it is written
        into = f"INSERT INTO rows VALUES ({', '.join('?' * len(types))})"
        for batch in lake.execute(f"SELECT {encoded} FROM {rows} ORDER BY {keys}").to_arrow_reader(BATCH):
            store.executemany(into, zip(*(column.to_pylist() for column in batch.columns), strict=True))
        meta = {"schema": schema.serialize().to_pybytes(), "types": json.dumps(dict(types)), "key": json.dumps(list(key))}
        store.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        store.execute("COMMIT")


def _encoded(name: str, kind: str) -> str:
    column = identifier(name)
    if kind == "DATE":
        return f"{column} - DATE '1970-01-01'"
    if kind == MOMENT:
        return f"epoch_us({column})"
    return f"CAST({column} AS VARCHAR)" if kind.startswith("DECIMAL") else column


def _compare(lake: duckdb.DuckDBPyConnection, rows: str, store: Store) -> None:
    """Count and hash of the file's rows, read back as they would be served, against the lake's."""
    names = ", ".join(map(identifier, store.types))
    columns = [Column(kind, store.schema.field(name).type) for name, kind in store.types.items()]

    def batches() -> Iterator[pa.RecordBatch]:
        with store.connection() as connection:
            cursor = connection.execute(f"SELECT {names} FROM rows")
            while found := cursor.fetchmany(BATCH):
                arrays = [column.array(values) for column, values in zip(columns, zip(*found, strict=True), strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=store.schema)

    sums = f"SELECT count(*), bit_xor(hash({names})), sum(hash({names}) % 1000003) FROM"
    expected = lake.execute(f"{sums} {rows}").fetchone()
    lake.register("served", pa.RecordBatchReader.from_batches(store.schema, batches()))
    found = lake.execute(f"{sums} temp.main.served").fetchone()
    if found != expected:
        raise Differs(f"{found} instead of {expected}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time makes a file; what a killed one left half made goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / "making.lock", timeout=3600):
        for unfinished in path.parent.glob(".making-*"):
            with suppress(OSError):
                unfinished.unlink()
        yield


def _folder(settings: Settings) -> Path:
    return settings.root / "cache" / "served"


def _path(settings: Settings, library: str, dataset: str, snapshot: int) -> Path:
    return _folder(settings) / f"{library}.{dataset}.{int(snapshot)}.db"
