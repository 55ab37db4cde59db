"""The database: migrations agree with the models, run once, and every way in keeps its promises."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from catalog import tables
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from catalog.store import database
from tests.catalog import making
from tests.servers import database_url


def test_a_catalogue_that_was_never_made_is_refused_and_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    with pytest.raises(database.CatalogueMissing, match="hub init"):
        database.require(url)
    with pytest.raises(database.CatalogueMissing), database.session(url):
        pass
    assert not (tmp_path / "none.db").exists()


def test_a_table_that_is_not_there_yet_is_told_as_a_migration_to_run(url: str) -> None:
    with database.session(url) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(database.CatalogueMissing, match="hub init"), database.session(url) as session:
        session.connection().execute(text("SELECT * FROM not_there_yet"))
    with database.session(url) as session:
        session.connection().execute(text(f"UPDATE alembic_version SET version_num = '{database.newest()}'"))


def test_a_broken_reference_is_refused(url: str) -> None:
    with pytest.raises(IntegrityError), database.session(url) as session:
        session.add(Person(login="x", name="x", organization_id="nobody"))


def test_nothing_stays_of_a_transaction_that_failed(url: str) -> None:
    def broken() -> None:
        with database.session(url) as session:
            making.organization(session)
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        broken()
    with database.session(url) as session:
        assert session.exec(select(Organization)).all() == []


def test_models_and_migrations_do_not_drift(url: str) -> None:
    """A changed table needs a revision."""
    with database.engine(url).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda _o, name, kind, _r, _c: tables.is_modelled(name, kind), "compare_type": True},
        )
        assert compare_metadata(context, tables.metadata) == []


def test_migrating_again_changes_nothing(url: str) -> None:
    assert database.migrate(url) == database.newest() == database.current(url)


def _migrate(url: str) -> None:
    database.migrate(url)


def _together(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_migrate, args=(url,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert database.current(url) == database.newest()
    database.engine(url).dispose()


def test_processes_started_together_migrate_a_sqlite_catalogue_once(tmp_path: Path) -> None:
    _together(f"sqlite:///{tmp_path / 'new.db'}")


def test_processes_started_together_migrate_a_postgresql_catalogue_once(postgres_database: Callable[[str], str]) -> None:
    _together(postgres_database(""))


def test_a_migration_that_dies_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would commit each table by itself; the revision runs in one transaction instead."""
    url = f"sqlite:///{tmp_path / 'torn.db'}"
    real = command.upgrade

    def dies(config: object, revision: str) -> None:
        real(config, "0001")  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", dies)
        with pytest.raises(KeyboardInterrupt):
            database.migrate(url)
    with sqlite3.connect(tmp_path / "torn.db") as plain:
        assert plain.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert database.migrate(url) == database.newest()


def _down_and_up(url: str) -> None:
    database.migrate(url)
    with database.engine(url).connect() as connection:
        command.downgrade(database._config(connection), "base")
        connection.commit()
    assert database.current(url) is None
    database.migrate(url)
    assert database.current(url) == database.newest()
    database.engine(url).dispose()


def test_sqlite_goes_down_to_nothing_and_up_again(tmp_path: Path) -> None:
    _down_and_up(f"sqlite:///{tmp_path / 'down.db'}")


def test_postgresql_goes_down_to_nothing_and_up_again(postgres_database: Callable[[str], str]) -> None:
    _down_and_up(postgres_database(""))


def test_postgresql_compiles_no_statement(postgres_server: str) -> None:
    """The inbox of a catalogue with one report took more than ten seconds, for statements were compiled first."""
    with database.engine(database_url(postgres_server, "postgres")).connect() as connection:
        assert connection.exec_driver_sql("SHOW jit").scalar_one() == "off"


def test_sqlite_reads_beside_a_writer_and_waits_for_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    database.migrate(url)
    with database.session(url) as writing:
        making.organization(writing)
        writing.flush()
        with database.session(url) as reading:
            assert reading.exec(select(Organization)).all() == []
            assert reading.connection().execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert reading.connection().execute(text("PRAGMA busy_timeout")).scalar() == database.BUSY_MILLISECONDS


def test_a_transaction_that_read_first_may_still_write_after_another_one_did(url: str) -> None:
    """On SQLite a snapshot that is out of date could not become a writer."""
    with database.session(url) as first:
        first.exec(select(Organization)).all()
        with database.session(url) as second:
            making.organization(second, "a", "甲")
        making.organization(first, "b", "乙")
    with database.session(url) as session:
        assert {one.id for one in session.exec(select(Organization))} == {"a", "b"}


def test_the_newest_revision_is_alembics() -> None:
    """It is read from the migrations' texts: every `hub serve` and `hub doctor` would import Alembic for it."""
    assert ScriptDirectory.from_config(database._config(None)).get_current_head() == database.newest()


def test_a_process_keeps_few_catalogues_open(tmp_path: Path) -> None:
    """Each has three files open; a server, or a run of tests, that meets many would come to the end of its numbers."""

    def asked(number: int) -> int:
        with database.session(f"sqlite:///{tmp_path / f'{number}.db'}") as session:
            session.connection().exec_driver_sql("CREATE TABLE IF NOT EXISTS one (n INTEGER)")
            return sum(str(tmp_path) in os.path.realpath(f"/proc/self/fd/{file}") for file in os.listdir("/proc/self/fd"))

    for number in range(database.MOST_ENGINES + 20):
        (tmp_path / f"{number}.db").touch()
    most = max(asked(number) for number in range(database.MOST_ENGINES + 20))
    assert most <= 3 * database.MOST_ENGINES
    assert asked(0) == most
