"""Connections to the lake: many readers, one writer behind one file lock."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from contracts.clock import now
from contracts.errors import HubError
from contracts.sql import identifier, literal
from warehouse.settings import Settings
from warehouse.storage import instances
from warehouse.storage.instances import Kind

SCHEMAS = ("raw", "resource", "quarantine", "theme", "topic")
EXTENSIONS = {
    "ducklake": "duckdb_extension_ducklake",
    "sqlite_scanner": "duckdb_extension_sqlite_scanner",
    "postgres_scanner": "duckdb_extension_postgres_scanner",
}
READER_MEMORY = "400MB"
"""For every query of this process together; `hub serve` promises to stay under 700 MB."""
ZONE = "Asia/Shanghai"
"""Session time zone: what `strftime` and casts of a timestamp show. Stored values are instants."""
METADATA_NAME = "__ducklake_metadata_lake"
"""Database under which DuckLake shows its own metadata tables."""
AWAY = (
    "server closed the connection",
    "terminating connection",
    "connection refused",
    "could not connect",
    "unable to connect",
    "the database system is",
    "connection to server",
    "ssl connection has been closed",
    "no connection to the server",
)

QUARANTINE_TABLES = """
CREATE TABLE IF NOT EXISTS lake.quarantine.rows (
    dataset VARCHAR, batch VARCHAR, "row" BIGINT, line VARCHAR, record VARCHAR);
CREATE TABLE IF NOT EXISTS lake.quarantine.faults (
    dataset VARCHAR, batch VARCHAR, "row" BIGINT, item VARCHAR, rule VARCHAR, value VARCHAR,
    message VARCHAR, message_en VARCHAR);
"""


class LakeMissing(HubError):
    """There is no lake where the settings point to."""


class WriterBusy(HubError):
    """Another process writes to the lake, and did not finish in time."""


class LakeAway(HubError):
    """The database of the lake's metadata fell, or moves to another server."""

    seconds = 5
    """After which it is worth asking again."""

    def __init__(self) -> None:
        super().__init__(
            "数据湖的元数据库暂时不可用，请稍后重试。", "The database of the lake's metadata is away for the moment; try again."
        )


class ExtensionMissing(HubError):
    """A DuckDB extension's wheel is not installed, or is for another DuckDB."""


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a statement gives."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def table(library: str, dataset: str) -> str:
    """Full name of a lake table, quoted: lake."resource"."enterprise"."""
    return f"lake.{identifier(library)}.{identifier(dataset)}"


def extension_directory(settings: Settings) -> Path:
    """Folder from which dbt's DuckDB loads its extensions by name: links to the files of the installed wheels, no network."""
    folder = settings.root / "extensions"
    target = folder / f"v{duckdb.__version__}" / _platform()
    for name in EXTENSIONS:
        if (source := _extension(name)) is not None:
            _link(source, target / source.name)
    return folder


@cache
def _extension(name: str) -> Path | None:
    """An extension's file in its wheel; None where the wheel is not installed."""
    spec = importlib.util.find_spec(EXTENSIONS[name])
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def extensions(settings: Settings) -> tuple[str, ...]:
    """Names of the extensions that this installation's lake needs."""
    return ("postgres_scanner" if settings.lake_catalog else "sqlite_scanner", "ducklake")


def is_signed(name: str) -> bool:
    """Whether an extension is there, for this DuckDB, and as DuckDB's makers signed it."""
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    try:
        _load(connection, name)
    except ExtensionMissing:
        return False
    finally:
        connection.close()
    return True


def address(settings: Settings) -> str:
    """What ATTACH takes for the lake: SQLite metadata in HUB_HOME, or PostgreSQL by HUB_LAKE_CATALOG."""
    if settings.lake_catalog:
        return f"ducklake:postgres:{settings.lake_catalog}"
    return f"ducklake:sqlite:{metadata_file(settings)}"


def metadata_file(settings: Settings) -> Path:
    """The lake's SQLite metadata."""
    return settings.lake / "lake.db"


def data_path(settings: Settings) -> Path:
    """Folder of the lake's Parquet files."""
    return settings.lake / "data"


def attach_options(settings: Settings, *, read_only: bool, snapshot: int | None = None) -> dict[str, object]:
    """Options of ATTACH: WAL and a busy timeout on SQLite, no inlined rows, HUB_HOME may have moved."""
    options: dict[str, object] = {
        "DATA_PATH": str(data_path(settings)),
        "OVERRIDE_DATA_PATH": True,
        "DATA_INLINING_ROW_LIMIT": 0,
    }
    if not settings.lake_catalog:
        options |= {"META_JOURNAL_MODE": "WAL", "META_BUSY_TIMEOUT": 10000}
    if read_only:
        options["READ_ONLY"] = True
    if snapshot is not None:
        options["SNAPSHOT_VERSION"] = snapshot
    return options


def initialise(settings: Settings) -> None:
    """Make the lake with its schemas and quarantine tables; an existing lake stays as it is."""
    for folder in (settings.lake, data_path(settings), settings.landing, settings.scratch, settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    with writer(settings, purpose="initialise", create=True) as connection:
        connection.execute("BEGIN")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{identifier(schema)}")
        connection.execute(QUARANTINE_TABLES)
        connection.execute("COMMIT")


def exists(settings: Settings) -> bool:
    """Whether there is a lake (with PostgreSQL metadata: whether it was initialised from this HUB_HOME)."""
    return data_path(settings).is_dir() and (bool(settings.lake_catalog) or metadata_file(settings).is_file())


@contextmanager
def reader(settings: Settings, *, snapshot: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection with the lake attached as `lake` and in use; cheap, one instance serves the process.

    With `snapshot` the lake is as it was then. Each transaction sees the newest snapshot, other processes' too.
    """
    _require(settings)
    cursor = _instance(settings, read_only=True, snapshot=snapshot).cursor()
    try:
        cursor.execute("USE lake")
        yield cursor
    except duckdb.Error as error:
        if not (settings.lake_catalog and away(error)):
            raise
        forget(settings)  # its connections are dead; the next reader opens new ones
        raise LakeAway from error
    finally:
        cursor.close()


def away(error: duckdb.Error) -> bool:
    """Whether an error of DuckDB says that PostgreSQL did not answer, or hung up."""
    text = str(error).lower()
    return any(words in text for words in AWAY)


@contextmanager
def writer(
    settings: Settings, *, purpose: str = "", wait: float = 600, create: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one read-write connection, under the one writer lock; `WriterBusy` names the holder after `wait` seconds."""
    if not create:
        _require(settings)
    with writer_lock(settings, purpose=purpose, wait=wait):
        cursor = _instance(settings, read_only=False).cursor()
        try:
            yield cursor
        except BaseException:
            with suppress(duckdb.Error):
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()


@contextmanager
def writer_lock(settings: Settings, *, purpose: str = "", wait: float = 600) -> Iterator[None]:
    """The writer lock alone: for backup, restore and clean-up, which must not run beside a load."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.lake / "writer.lock", timeout=wait)
    holder = settings.lake / "writer.json"
    try:
        lock.acquire()
    except Timeout:
        raise WriterBusy(*_busy(holder, wait)) from None
    try:
        _sign(holder, purpose)
        yield
    finally:
        lock.release()


def forget(settings: Settings) -> None:
    """Close this process's cached instances of a lake: before its files are replaced or removed."""
    instances.close(settings)


def _instance(settings: Settings, *, read_only: bool, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    kind = Kind.READER if read_only else Kind.WRITER
    return instances.instance(
        settings, kind, lambda: _open(settings, read_only=read_only, snapshot=snapshot), snapshot=snapshot
    )


def _open(settings: Settings, *, read_only: bool, snapshot: int | None) -> duckdb.DuckDBPyConnection:
    spill = settings.scratch / ("spill-read" if read_only else "spill-write")
    memory = READER_MEMORY if read_only else settings.memory_limit
    connection = connected(settings, spill, memory_limit=memory)
    try:
        attach(connection, settings, read_only=read_only, snapshot=snapshot)
        if read_only:
            connection.execute("SET GLOBAL parquet_metadata_cache = true")  # what is written never changes
        connection.execute(f"SET GLOBAL TimeZone = '{ZONE}'")
        asking = "postgres_query" if settings.lake_catalog else "sqlite_query"
        connection.execute(
            f"CREATE MACRO memory.main.lake_metadata(asked) AS TABLE SELECT * FROM {asking}('{METADATA_NAME}', asked)"
        )
    except BaseException:
        connection.close()
        raise
    return connection


def connected(settings: Settings, spill: Path, **config: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that can read lakes and load nothing more. Its extensions are the installed wheels' files, trusted as
    DuckDB's own library beside them is: to verify their signatures took 0.3 s of CPU at each opening (decision 0038)."""
    spill.mkdir(parents=True, exist_ok=True)
    base: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_unsigned_extensions": "true",
        "temp_directory": str(spill),
        **({"threads": str(settings.threads)} if settings.threads else {}),
    }
    connection = duckdb.connect(":memory:", config=base | config)
    try:
        for name in extensions(settings):
            _load(connection, name)
        connection.execute("SET GLOBAL allow_unsigned_extensions = false")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(connection: duckdb.DuckDBPyConnection, settings: Settings, *, read_only: bool, snapshot: int | None = None) -> None:
    """Attach the lake as `lake`; a reader may be held to one snapshot."""
    told = attach_options(settings, read_only=read_only, snapshot=snapshot)
    options = ", ".join(f"{name} {_option(value)}" for name, value in told.items())
    connection.execute(f"ATTACH {literal(address(settings))} AS lake ({options})")


def _load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    try:
        connection.execute(f"LOAD {literal(_extension(name) or name)}")
    except duckdb.Error as error:
        package = EXTENSIONS[name].replace("_", "-")
        raise ExtensionMissing(
            f"DuckDB 扩展 {name} 无法加载；请安装 {package}=={duckdb.__version__} 后重试。原因：{error}",
            f"The DuckDB extension {name} does not load; install {package}=={duckdb.__version__}. Reason: {error}",
        ) from error


def _option(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else literal(value)


def _require(settings: Settings) -> None:
    if not exists(settings):
        raise LakeMissing(
            f"{settings.root} 中还没有数据湖。请先运行 hub init，或用 HUB_HOME 指向已有的目录。",
            f"There is no lake in {settings.root}. Run hub init first, or point HUB_HOME to where it is.",
        )


@cache
def _platform() -> str:
    connection = duckdb.connect(":memory:")
    try:
        row = connection.execute("PRAGMA platform").fetchone()
    finally:
        connection.close()
    return str(row[0]) if row else ""


def _link(source: Path, target: Path) -> None:
    if target.is_symlink() and os.readlink(target) == str(source) and target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    name = tempfile.mktemp(dir=target.parent, prefix=".link-")  # noqa: S306 - a link, made and renamed at once
    os.symlink(source, name)
    os.replace(name, target)


def _sign(holder: Path, purpose: str) -> None:
    signature = {"pid": os.getpid(), "what": purpose or " ".join(sys.argv[:3]), "since": now().isoformat()}
    with suppress(OSError):  # a full disk must not hide the error of the load itself
        holder.write_text(json.dumps(signature, ensure_ascii=False), encoding="utf-8")


def _busy(holder: Path, wait: float) -> tuple[str, str]:
    try:
        payload = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        payload = {}
    what, pid, since = payload.get("what", "?"), payload.get("pid", "?"), payload.get("since", "?")
    return (
        f"等了 {wait:.0f} 秒，数据湖仍被占用：{what}（进程 {pid}，自 {since}）。请待其结束后重试。",
        f"The lake is still written to after {wait:.0f} s: {what} (process {pid}, since {since}). Try again when it ends.",
    )
