"""Connections: one writer, many readers, an error that says what to do."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from hub import doctor
from warehouse.serving.sandbox import sandbox
from warehouse.settings import Settings
from warehouse.storage import connection, instances


def test_without_a_lake_the_error_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(connection.LakeMissing, match="hub init"), connection.reader(settings):
        pass


def test_initialise_twice_keeps_what_is_there(settings: Settings) -> None:
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute("CREATE TABLE lake.raw.kept AS SELECT 1 AS n")
    connection.initialise(settings)
    with connection.reader(settings) as lake:
        assert lake.execute("SELECT n FROM raw.kept").fetchall() == [(1,)]


def test_readers_see_commits_of_other_processes_and_older_snapshots(settings: Settings) -> None:
    connection.initialise(settings)
    with connection.reader(settings) as lake:
        (before,) = lake.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()  # type: ignore[misc]
    program = (
        "from warehouse.storage import connection; from warehouse.settings import Settings\n"
        f"settings = Settings(home={str(settings.root)!r})\n"
        "with connection.writer(settings) as lake: lake.execute('CREATE TABLE lake.raw.other AS SELECT 7 AS n')"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
    with connection.reader(settings) as lake:
        assert lake.execute("SELECT n FROM raw.other").fetchall() == [(7,)]
    with connection.reader(settings, snapshot=before) as lake:
        assert lake.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'other'").fetchone() == (0,)


def test_a_reader_cannot_write(settings: Settings) -> None:
    connection.initialise(settings)
    with connection.reader(settings) as lake, pytest.raises(Exception, match="read-only"):
        lake.execute("CREATE TABLE lake.raw.no AS SELECT 1")


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    """An extension whose signature, its last 256 bytes, is none."""
    [source] = [path for path in [connection._extension("postgres_scanner")] if path]
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes()[:-256] + bytes(256))
    return path


@pytest.mark.parametrize("opened", [connection.reader, connection.writer, sandbox])
def test_a_lake_loads_no_other_extension(settings: Settings, forged: Path, opened: Any) -> None:
    """Its own two are loaded without a look at their signatures (decision 0038); after them the door is shut for good."""
    connection.initialise(settings)
    with opened(settings) as lake:
        with pytest.raises(duckdb.Error):
            lake.execute("SET GLOBAL allow_unsigned_extensions = true")
        with pytest.raises(duckdb.Error, match=r"signature|disabled|lock"):
            lake.execute(f"LOAD '{forged}'")


def test_the_doctor_looks_at_signatures(settings: Settings, forged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(connection.is_signed(name) for name in connection.EXTENSIONS)
    monkeypatch.setattr(connection, "_extension", lambda name: forged)
    assert not connection.is_signed("postgres_scanner")
    assert doctor._extensions(settings).state == "bad"


def test_a_second_writer_is_told_who_holds_the_lake(settings: Settings) -> None:
    connection.initialise(settings)
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.writer(settings, purpose="load 20260311-0042"):
            ready.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        ready.wait(30)
        with pytest.raises(connection.WriterBusy, match="load 20260311-0042"), connection.writer(settings, wait=0.2):
            pass
    finally:
        done.set()
        thread.join()


def test_an_unfinished_transaction_is_rolled_back(settings: Settings) -> None:
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute("BEGIN")
        lake.execute("CREATE TABLE lake.raw.half AS SELECT 1 AS n")
    with connection.writer(settings) as lake:
        assert lake.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'").fetchone() == (0,)


def test_a_home_may_move(settings: Settings, tmp_path: Path) -> None:
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute("CREATE TABLE lake.raw.kept AS SELECT 1 AS n")
    connection.forget(settings)
    settings.root.rename(tmp_path / "moved")
    with connection.reader(Settings(home=tmp_path / "moved")) as lake:
        assert lake.execute("SELECT n FROM raw.kept").fetchall() == [(1,)]


def test_writers_of_two_processes_take_turns(settings: Settings) -> None:
    """The cached writer of a process sees what another one wrote in between, and altered."""
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute("CREATE TABLE lake.raw.turns AS SELECT 1 AS n")
    other(settings, "INSERT INTO lake.raw.turns VALUES (2); ALTER TABLE lake.raw.turns ADD COLUMN m BIGINT")
    with connection.writer(settings) as lake:
        lake.execute("INSERT INTO lake.raw.turns VALUES (3, 3)")
    other(settings, "DELETE FROM lake.raw.turns WHERE n = 1")
    with connection.writer(settings) as lake:
        assert lake.execute("SELECT n, m FROM lake.raw.turns ORDER BY n").fetchall() == [(2, None), (3, 3)]


def other(settings: Settings, sql: str) -> None:
    program = (
        "import sys; from warehouse.storage import connection; from warehouse.settings import Settings\n"
        f"settings = Settings(home={str(settings.root)!r})\n"
        f"with connection.writer(settings) as lake: lake.execute({sql!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


def test_older_snapshots_go_the_least_used_first_and_take_no_other_kind_with_them(settings: Settings) -> None:
    connection.initialise(settings)
    for number in range(instances.PINNED + 1):
        with connection.writer(settings) as lake:
            lake.execute(f"CREATE TABLE lake.raw.t{number} AS SELECT 1 AS n")
    with connection.reader(settings) as lake:
        numbers = [number for (number,) in lake.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall()][1:]

    def unmade() -> duckdb.DuckDBPyConnection:
        raise AssertionError("it is made anew")

    with sandbox(settings) as lake:
        lake.execute("SELECT 1")
    for number in numbers[: instances.PINNED + 1]:
        with connection.reader(settings, snapshot=number) as lake:
            lake.execute("SELECT 1")
    for kind in instances.Kind:
        instances.instance(settings, kind, unmade)
    for number in numbers[1 : instances.PINNED + 1]:
        instances.instance(settings, instances.Kind.READER, unmade, snapshot=number)
    with pytest.raises(AssertionError, match="anew"):
        instances.instance(settings, instances.Kind.READER, unmade, snapshot=numbers[0])
