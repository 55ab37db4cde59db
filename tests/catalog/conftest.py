"""Every test of the catalogue runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from catalog import tables, workdays
from catalog.search import mirror
from catalog.store import database
from tests import packing


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalogue with calendar and classes, copied for each test that commits."""
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    _fill(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_postgresql(postgres_database: Callable[[str], str]) -> str:
    """URL of a migrated database, the template for tests that commit."""
    url = postgres_database("")
    _fill(url)
    return url


@pytest.fixture(scope="session")
def rolled_back_postgresql(postgres_database: Callable[[str], str], empty_postgresql: str) -> Iterator[str]:
    """A database for all tests that commit nothing: making and dropping one for each took most of their time."""
    url = postgres_database(database.engine(empty_postgresql).url.database or "")
    yield url
    database.engine(url).dispose()


@pytest.fixture(scope="session")
def emptied_postgresql(postgres_database: Callable[[str], str], empty_postgresql: str) -> Iterator[str]:
    """A database for tests that commit, one after another."""
    url = postgres_database(database.engine(empty_postgresql).url.database or "")
    yield url
    database.engine(url).dispose()


def _fill(url: str) -> None:
    database.migrate(url)
    with database.session(url) as session:
        workdays.seed(session)
        packing.lists(session)
    database.engine(url).dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a fresh catalogue that a test may commit to: calendar, classes and synonyms are there, nothing else."""
    if request.param == "sqlite":
        path = tmp_path / "catalog.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        made = f"sqlite:///{path}"
    else:
        made = request.getfixturevalue("emptied_postgresql")
        _empty(made)
    yield made
    database.engine(made).dispose()


def _empty(url: str) -> None:
    """Remove all that tests committed: cheaper than a database for each, whose removal waits for a checkpoint."""
    kept = ("calendarday", "steprule", "codelist", "code", "resourceclass")
    mirror.forget(database.engine(url))
    with database.engine(url).begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no triggers, no order of tables
        for table in [*tables.metadata.tables, "resource_terms"]:
            if table not in kept:
                connection.exec_driver_sql(f'DELETE FROM "{table}"')
        connection.exec_driver_sql("DELETE FROM code WHERE list_name NOT IN ('synonyms', 'thesaurus')")
        connection.exec_driver_sql("DELETE FROM codelist WHERE name NOT IN ('synonyms', 'thesaurus')")
        connection.exec_driver_sql("DELETE FROM resourceclass WHERE length(code) > 3")


@pytest.fixture(params=["sqlite", "postgresql"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    """One transaction on such a catalogue, rolled back at its end."""
    if request.param == "sqlite":
        made = f"sqlite:///{request.getfixturevalue('empty_sqlite')}"
    else:
        made = request.getfixturevalue("rolled_back_postgresql")
    with Session(database.engine(made), expire_on_commit=False) as opened:
        yield opened
        opened.rollback()
