"""The catalogue's database: engine, session and migrations, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlmodel import Session

from contracts.errors import HubError

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported where it is used: 0.35 s that every other command saves.

MIGRATIONS = Path(__file__).parents[1] / "migrations"
BUSY_MILLISECONDS = 20_000
ANALYSIS_LIMIT = 1_000
CONNECTIONS = 50
"""Of one process, at most: two for each request that the server lets in at once (`api.http.admission`)."""
MOST_ENGINES = 32
"""Catalogues that one process has open; connections to the one that was not asked for longest are closed."""
_engines: dict[str, Engine] = {}
_engines_lock = threading.Lock()
_REVISIONS = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)
MIGRATION_LOCK = 4_855_501
"""Advisory lock number on PostgreSQL, so that two processes started together migrate once."""


class CatalogueMissing(HubError):
    """The catalogue was never made, or is older than the program."""

    def __init__(self, revision: str | None, wanted: str) -> None:
        self.found = revision
        """Revision it is at; None where there is no catalogue at all."""
        super().__init__(
            f"目录库的结构版本是 {revision or '空'}，程序需要 {wanted}；请运行 hub init 升级。",
            f"The catalogue is at revision {revision or 'none'}, this program needs {wanted}; run `hub init`.",
        )


def plain_url(url: str) -> str:
    """A URL with the driver that is installed: postgresql:// becomes postgresql+psycopg://."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def engine(url: str) -> Engine:
    """The engine of a catalogue, one for each URL and process."""
    with _engines_lock:
        _engines[url] = found = _engines.pop(url, None) or _engine(url)
        while len(_engines) > MOST_ENGINES:
            _engines.pop(next(iter(_engines))).dispose()
    return found


def _engine(url: str) -> Engine:
    """An engine for a URL.

    On SQLite a transaction takes the write lock at its first write (BEGIN IMMEDIATE) and waits for it; reads before that
    hold no snapshot, so no transaction fails because another one wrote in between.
    """
    url = plain_url(url)
    if not url.startswith("sqlite"):
        new_engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=CONNECTIONS - 10)
        event.listen(new_engine, "connect", _prepare_postgresql)
        return new_engine
    new_engine = create_engine(
        url,
        connect_args={"isolation_level": "IMMEDIATE", "timeout": BUSY_MILLISECONDS / 1000, "check_same_thread": False},
        pool_size=10,
        max_overflow=CONNECTIONS - 10,
    )
    event.listen(new_engine, "connect", _prepare_sqlite)
    return new_engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL for readers beside a writer; foreign keys hold; a commit survives a power cut: receipts and audit depend on it."""
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_MILLISECONDS}", "journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Pages are many short statements: compiling a long one to machine code, which PostgreSQL does from a guess of what it will
    cost, takes seconds where running it takes milliseconds."""
    connection.execute("SET jit = off")
    connection.commit()


@contextmanager
def session(url: str | Engine) -> Iterator[Session]:
    """One transaction: committed when the block ends well, rolled back when it does not."""
    bind = engine(url) if isinstance(url, str) else url
    if not _there(bind):
        raise CatalogueMissing(None, newest())
    with Session(bind, expire_on_commit=False) as opened:
        try:
            yield opened
            opened.commit()
        except BaseException as error:
            opened.rollback()
            if isinstance(error, OperationalError | ProgrammingError):
                require(bind)  # a table or column that is not there: say that it is to be migrated
            raise


def wrote(session: Session) -> bool:
    """Whether the session's transaction has changed or locked anything, so that others may wait for its end."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))
    return connection.exec_driver_sql("SELECT txid_current_if_assigned()").scalar() is not None


def _there(bind: Engine) -> bool:
    """Whether a SQLite file exists: opening one that does not would make it."""
    return bind.dialect.name != "sqlite" or Path(str(bind.url.database)).exists()


def migrate(url: str | Engine) -> str:
    """Bring the catalogue to the newest revision; does nothing when it is there. Returns the revision."""
    bind = engine(url) if isinstance(url, str) else url
    if not _there(bind):
        Path(str(bind.url.database)).parent.mkdir(parents=True, exist_ok=True)
    wanted = newest()
    if current(bind) == wanted:
        return wanted
    from alembic import command

    with _alone(bind), bind.connect() as connection:
        if bind.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # pysqlite opens none for DDL: a crash would leave half a schema
        command.upgrade(_config(connection), "head")
        connection.commit()
    return wanted


def keep_statistics(url: str | Engine) -> None:
    """Bring the planner's statistics up to the tables. PostgreSQL does so by itself.

    SQLite reads at most ANALYSIS_LIMIT rows of each index, so that it takes no time that grows with the catalogue.
    """
    bind = engine(url) if isinstance(url, str) else url
    if bind.dialect.name != "sqlite":
        return
    with bind.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}")
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


def know_again(url: str | Engine, table: str) -> None:
    """Have PostgreSQL's planner know a table again of which most rows were just written: its own look comes a minute later, and
    until then it takes a day that it never saw for one row (1.2 s for a page of 0.2, decision 0036). SQLite takes no values."""
    bind = engine(url) if isinstance(url, str) else url
    if bind.dialect.name == "postgresql":
        with bind.begin() as connection:
            connection.execute(text(f'ANALYZE "{table}"'))


def current(url: str | Engine) -> str | None:
    """Revision the catalogue is at; None when it was never made. Asked without Alembic, which takes 0.1 s to import."""
    bind = engine(url) if isinstance(url, str) else url
    if not _there(bind):
        return None
    with bind.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@cache
def newest() -> str:
    """The revision this program was written for: that of the migration which no other one follows."""
    files = (MIGRATIONS / "versions").glob("*.py")
    found = [dict(_REVISIONS.findall(file.read_text(encoding="utf-8"))) for file in files]
    (last,) = {one["revision"] for one in found} - {one.get("down_revision") for one in found}
    return last


def require(url: str | Engine) -> None:
    """Refuse to work on a catalogue of another revision."""
    revisions, wanted = current(url), newest()
    if revisions != wanted:
        raise CatalogueMissing(revisions, wanted)


@contextmanager
def _alone(bind: Engine) -> Iterator[None]:
    """Only one process migrates at a time."""
    if bind.dialect.name == "sqlite":
        with FileLock(f"{bind.url.database}.migrate.lock", timeout=120):
            yield
        return
    with bind.connect() as guard:
        guard.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        try:
            yield
        finally:
            guard.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
            guard.commit()


def _config(connection: Connection | None) -> Config:
    """Alembic's configuration without a file: where the revisions are, and the open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
