"""A department's PostgreSQL and MariaDB, real ones: values as they are there, cursors that lose nothing, refusals in words."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

import psycopg
import pymysql  # type: ignore[import-untyped]
import pytest

from catalog.acquisition import channels as attempts
from catalog.entries import contracts as registry
from channels.base import Channel, ChannelFailed
from channels.given import Given
from contracts import clock
from contracts.deliveries import Outcome
from contracts.odcs import loader
from hub import sources
from hub.hub import Hub
from orchestration.collect import collect
from orchestration.lineage import batch_events
from tests.certificates import certificate as certificate_of
from tests.channels.benches import DATASET, MariaBench
from tests.channels.conftest import Tray, opened
from tests.channels.wire import Wire
from tests.orchestration.conftest import SITE, agree
from warehouse.settings import Settings

Records = list[dict[str, Any]]


@dataclass
class Department:
    """A database, and the channel that reads from it."""

    url: str
    run: Callable[..., None]
    settings: Settings

    def channel(self, **more: Any) -> Channel[Any]:
        return opened(self.settings, {"kind": "database", "url": self.url, **more})

    def tray(self, **more: Any) -> Tray:
        """What one pull gives; the channel is not told that it was received."""
        tray = Tray()
        self.channel(**more).collect(tray)
        return tray

    def taken(self, **more: Any) -> tuple[Records, str]:
        """Rows of one pull that is received and acknowledged, and what it told."""
        tray = self.tray(**more)
        rows, said = told(tray)
        self.channel(**more).acknowledge(tray.received)
        return rows, said

    def refused(self, **more: Any) -> str:
        """Why nothing could be taken, in both languages."""
        with pytest.raises(ChannelFailed) as refused:
            self.tray(**more)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in refused.value.message)
        return str(refused.value)


def told(tray: Tray) -> tuple[Records, str]:
    rows: Records = []
    for arrival in tray.arrivals:
        if not any(arrival.note):
            rows += [json.loads(line) for line in cast(Path, arrival.content).read_text(encoding="utf-8").splitlines()]
    return rows, "".join(f"{zh} / {en}" for zh, en in (arrival.note for arrival in tray.arrivals) if zh)


@pytest.fixture(scope="module")
def postgres(postgres_database: Callable[[str], str]) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    with psycopg.connect(postgres_database(""), autocommit=True) as connection:
        about = connection.info
        wire = Wire(about.host, about.port)
        yield connection, f"postgresql://{about.user}@127.0.0.1:{wire.port}/{about.dbname}?sslmode=disable"
        wire.close()


@pytest.fixture
def water(postgres: tuple[psycopg.Connection[Any], str], settings: Settings) -> Department:
    connection, url = postgres
    connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def run(*statements: str) -> None:
        for statement in statements:
            connection.execute(statement.encode())

    return Department(url, run, settings)


@pytest.fixture
def power(mariadb_server: str, settings: Settings) -> Iterator[Department]:
    parts, name = urlsplit(mariadb_server), f"hui_test_{uuid.uuid4().hex[:10]}"
    connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "")

    def run(*statements: str) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()

    run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4", f"USE {name}")
    yield Department(f"mysql://{parts.username}@{parts.hostname}:{parts.port}/{name}", run, settings)
    run(f"DROP DATABASE {name}")
    connection.close()


class TestRefusals:
    def test_a_table_a_column_or_a_database_that_is_not_there(self, water: Department, power: Department) -> None:
        for department in (water, power):
            department.run("CREATE TABLE t(id integer)")
            assert "there is no such table" in department.refused(table="u")
            assert "there is no such column" in department.refused(query="SELECT nothing FROM t")
            assert "there are: id" in department.refused(table="t", mode="changes", key_columns="number")
            elsewhere = department.url.split("?")[0].rsplit("/", 1)[0] + "/nowhere"
            assert "is not accepted" in department.refused(url=elsewhere, table="t")

    def test_a_password_that_is_wrong_is_never_told(self, power: Department) -> None:
        (power.settings.root).mkdir(exist_ok=True)
        secret = power.settings.root / "password"
        secret.write_text("hunter2", encoding="utf-8")
        assert "hunter2" not in (said := power.refused(table="t", password_file=str(secret)))
        assert "1045" in said
        assert "password_env or password_file" in said
        assert "cannot be read" in power.refused(table="t", password_file=str(secret / "nowhere"))
        assert "HUB_TOKEN_NOWHERE" in power.refused(table="t", password_env="HUB_TOKEN_NOWHERE")

    def test_a_server_that_is_away_and_one_that_knows_no_encryption(self, water: Department, power: Department) -> None:
        for department in (water, power):
            away = department.url.split("?")[0].replace(f":{urlsplit(department.url).port}/", ":9/")
            assert "127.0.0.1:9" in (said := department.refused(url=away, table="t"))
            assert "cannot be reached" in said
        assert "SSL" in power.refused(url=f"{power.url}?sslmode=verify-full", table="t")

    def test_a_server_is_who_its_certificate_says(
        self, water: Department, postgres: tuple[psycopg.Connection[Any], str], tmp_path: Path
    ) -> None:
        about, certificate = postgres[0].info, certificate_of(tmp_path)
        wire = Wire(about.host, about.port, certificate)
        url = f"postgresql://{about.user}@localhost:{wire.port}/{about.dbname}?sslmode="
        asked = {"query": "SELECT 1 AS n", "ca_file": str(tmp_path / "certificate.pem")}
        assert water.taken(url=f"{url}verify-full", **asked)[0] == [{"n": "1"}]
        assert "certificate verify failed" in (said := water.refused(url=f"{url}verify-full", query="SELECT 1 AS n"))
        assert "sslmode" in said
        another = url.replace("localhost", "127.0.0.1")
        assert "does not match" in water.refused(url=f"{another}verify-full", **asked)
        wire.close()

    def test_who_takes_too_long_or_has_too_much(self, water: Department, power: Department) -> None:
        assert "did not end in time" in water.refused(query="SELECT pg_sleep(3)", fetch_seconds=0.2)
        assert "did not end in time" in power.refused(query="SELECT SLEEP(3) AS s FROM seq_1_to_3", fetch_seconds=0.2)
        for department, numbers in ((water, "SELECT generate_series(1, 3000) n"), (power, "SELECT seq FROM seq_1_to_3000")):
            assert "fetch_rows" in department.refused(query=numbers, fetch_rows=2000)
            assert "fetch_bytes" in department.refused(query=numbers, fetch_bytes=2000)

    def test_no_statement_writes(self, water: Department, power: Department) -> None:
        water.run("CREATE SEQUENCE s")
        assert "would write" in water.refused(query="SELECT nextval('s')")
        power.run("CREATE SEQUENCE s")
        assert "would write" in power.refused(query="SELECT NEXTVAL(s) AS n")

    def test_a_key_that_two_rows_bear_and_two_columns_of_a_name(self, water: Department, power: Department) -> None:
        for department in (water, power):
            department.run("CREATE TABLE t(id integer, place integer)", "INSERT INTO t VALUES (1, 1), (1, 2), (2, 1)")
            assert '["1"]' in department.refused(table="t", mode="changes", key_columns="id")
            assert len(department.taken(table="t", mode="changes", key_columns="id, place")[0]) == 3
            assert "twice" in department.refused(query="SELECT id AS twice, id AS twice FROM t").lower()

    def test_text_of_no_encoding(self, water: Department) -> None:
        name = f"{urlsplit(water.url).path.strip('/')}_ascii"
        water.run(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        try:
            url = water.url.replace(name.removesuffix("_ascii"), name)
            assert "not UTF-8" in water.refused(url=url, query="SELECT convert_from('\\xCFD5', 'SQL_ASCII') AS risk")
        finally:
            water.run(f"DROP DATABASE {name} WITH (FORCE)")

    def test_a_cursor_without_an_order(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer, word text)")
        assert "has no order" in water.refused(table="t", mode="cursor", cursor_column="word", key_columns="id")

    def test_parts_of_a_table_are_never_given_to_a_contract_that_takes_each_for_the_whole(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        channel = water.channel(table="t", mode="changes", key_columns="id")
        channel.source = replace(channel.source, takes_whole=lambda: True)
        with pytest.raises(ChannelFailed, match="Set the mode to full"):
            channel.collect(Tray())


class TestValues:
    """As text at the source: what DuckDB's scanners changed before any check saw it arrives exactly."""

    def test_of_postgresql(self, water: Department) -> None:
        values = {
            "nan": ("'NaN'::numeric", "NaN"),
            "unbounded": ("12345678901234567890.123456789012345678901234567890::numeric",
                          "12345678901234567890.123456789012345678901234567890"),
            "forty": ("123456789012345678901234567890.0123456789::numeric(40,10)", "123456789012345678901234567890.0123456789"),
            "big": ("9223372036854775807::bigint", "9223372036854775807"),
            "double": ("0.1::float8 + 0.2", "0.30000000000000004"),
            "yes": ("true", "true"),
            "empty": ("''::text", ""),
            "nothing": ("NULL::text", None),
            "zoned": ("'2026-11-01 08:00:00.5+08'::timestamptz", "2026-11-01 00:00:00.5+00"),
            "local": ("'2026-11-01 08:00:00'::timestamp", "2026-11-01 08:00:00"),
            "day": ("'0044-03-15 BC'::date", "0044-03-15 BC"),
            "forever": ("'infinity'::timestamp", "infinity"),
            "lines": ("E'a\\tb\\\\n\\nc\\u0001 \"险\"'", 'a\tb\\n\nc\u0001 "险"'),
            "bytes": ("'\\xDEADBEEF'::bytea", "deadbeef"),
            "json": ("'{\"a\": [1, null]}'::jsonb", '{"a": [1, null]}'),
            "list": ("ARRAY[1, NULL, 3]", "{1,NULL,3}"),
            "span": ("'1 day 2 hours'::interval", "P1DT2H"),
        }  # fmt: skip
        water.run(f"CREATE TABLE t AS SELECT {', '.join(f'{sql} AS {name}' for name, (sql, _) in values.items())}")
        assert water.taken(table="t")[0] == [{name: text for name, (_, text) in values.items()}]

    def test_of_mariadb(self, power: Department) -> None:
        values = {
            "flag": ("tinyint(1)", "5", "5"),
            "exact": ("decimal(65,10)", "'1234567890123456789012345678901234567890123456789012345.0123456789'",
                      "1234567890123456789012345678901234567890123456789012345.0123456789"),
            "zeros": ("datetime", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
            "half": ("date", "'2026-02-00'", "2026-02-00"),
            "local": ("datetime(3)", "'2026-11-01 08:00:00.5'", "2026-11-01 08:00:00.500"),
            "instant": ("timestamp NULL", "'2026-11-01 08:00:00'", "2026-11-01 00:00:00+00:00"),
            "no_instant": ("timestamp NULL", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
            "big": ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
            "bits": ("bit(10)", "b'1000000001'", "513"),
            "bytes": ("varbinary(10)", "x'DEADBEEF'", "deadbeef"),
            "blob": ("blob", "x'00FF'", "00ff"),
            "text": ("mediumtext", "'a\\tb\\\\n\\n\"险😀\"'", 'a\tb\\n\n"险😀"'),
            "empty": ("varchar(9)", "''", ""),
            "nothing": ("varchar(9)", "NULL", None),
            "chosen": ("enum('a','险')", "'险'", "险"),
            "spot": ("point", "ST_GeomFromText('POINT(126.5 45.75)')", "POINT(126.5 45.75)"),
            "spent": ("time", "'-100:00:01'", "-100:00:01"),
            "words": ("json", "'{\"a\": 1}'", '{"a": 1}'),
        }  # fmt: skip
        power.run(
            "SET sql_mode = 'ALLOW_INVALID_DATES'",
            "SET time_zone = '+08:00'",
            f"CREATE TABLE t({', '.join(f'`{name}` {kind}' for name, (kind, _, _) in values.items())})",
            f"INSERT INTO t VALUES ({', '.join(sql for _, sql, _ in values.values())})",
        )
        assert power.taken(table="t")[0] == [{name: text for name, (_, _, text) in values.items()}]

    def test_a_peek_shows_the_first_of_them(self, water: Department, power: Department) -> None:
        for department in (water, power):
            department.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1), (2), (3)")
            glimpse = department.channel(query="SELECT id FROM t ORDER BY id -- by number;").peek(2)
            assert (glimpse.entries, glimpse.more) == (({"id": "1"}, {"id": "2"}), True)


class TestFull:
    def test_gives_everything_whenever_anything_changed_and_back_again(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer, word text)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        assert len(water.taken(table="t")[0]) == 2
        water.run("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES (1, 'a')")  # the same rows in another order
        assert water.taken(table="t") == ([], "")
        marks = set()
        for word in ("c", "b"):
            water.run(f"UPDATE t SET word = '{word}' WHERE id = 2")
            tray = water.tray(table="t")
            marks.add(tray.arrivals[0].mark)
            assert {row["word"] for row in told(tray)[0]} == {"a", word}
            water.channel(table="t").acknowledge(tray.received)
        assert len(marks) == 2

    def test_a_table_that_became_empty_is_told_once(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        water.taken(table="t")
        water.run("DELETE FROM t")
        rows, said = water.taken(table="t")
        assert (rows, "has become empty" in said) == ([], True)
        assert water.taken(table="t") == ([], "")


class TestChanges:
    asked: ClassVar[dict[str, Any]] = {"table": "t", "mode": "changes", "key_columns": "id"}

    @pytest.fixture(params=["water", "power"])
    def department(self, request: pytest.FixtureRequest) -> Department:
        department = cast(Department, request.getfixturevalue(request.param))
        department.run("CREATE TABLE t(id integer, word varchar(9))", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)")
        return department

    def test_gives_what_is_new_or_changed_and_tells_what_is_gone(self, department: Department) -> None:
        assert len(department.taken(**self.asked)[0]) == 3
        assert department.taken(**self.asked) == ([], "")
        department.run("UPDATE t SET word = '' WHERE id = 3", "INSERT INTO t VALUES (4, 'd')", "DELETE FROM t WHERE id = 1")
        rows, said = department.taken(**self.asked)
        assert sorted((row["id"], row["word"]) for row in rows) == [("3", ""), ("4", "d")]
        assert "1 rows are gone at the source" in said
        assert '["1"]' in said
        assert department.taken(**self.asked) == ([], "")
        department.run("DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (1, 'a')")
        rows, said = department.taken(**self.asked)
        assert ([row["id"] for row in rows], '["2"]' in said) == (["1"], True)

    def test_what_was_received_before_a_crash_comes_again_as_it_was(self, water: Department) -> None:
        """A contract that appends would have it twice, if rows that came meanwhile were given together with it."""
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        first = water.tray(**self.asked)
        water.run("INSERT INTO t VALUES (2)")
        again = water.tray(**self.asked)
        assert [one.mark for one in again.arrivals] == [one.mark for one in first.arrivals]
        assert told(again)[0] == [{"id": "1"}]
        water.channel(**self.asked).acknowledge(again.received)
        assert water.taken(**self.asked)[0] == [{"id": "2"}]

    def test_a_crash_between_the_memory_and_the_file_is_mended(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        channel, tray = water.channel(**self.asked), Tray()
        channel.collect(tray)
        channel.source.memory.write(tray.arrivals[0].remember)
        water.run("INSERT INTO t VALUES (2)")
        assert water.taken(**self.asked)[0] == [{"id": "2"}]

    def test_a_catalogue_from_a_backup_is_given_everything_that_it_lost(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        water.taken(**self.asked)
        memory = water.channel(**self.asked).source.memory
        backup = memory.read()
        water.run("INSERT INTO t VALUES (2)")
        water.taken(**self.asked)
        memory.write(backup)
        assert len(water.taken(**self.asked)[0]) == 2
        (water.channel(**self.asked).source.folder / "given.sqlite").write_bytes(b"no database at all" * 300)
        assert len(water.taken(**self.asked)[0]) == 2
        assert water.taken(**self.asked) == ([], "")

    def test_other_settings_begin_anew(self, water: Department) -> None:
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t VALUES (1)")
        asked: ClassVar[dict[str, Any]] = {"mode": "changes", "key_columns": "id"}
        assert len(water.taken(table="t", **asked)[0]) == 1
        assert water.taken(query="SELECT id FROM t WHERE id > 1", **asked) == ([], "")
        assert len(water.taken(table="t", **asked)[0]) == 1


class TestCursor:
    asked: ClassVar[dict[str, Any]] = {"table": "danger", "mode": "cursor", "cursor_column": "updated_at", "key_columns": "id"}

    def test_case_31_loses_none_of_five(self, water: Department, postgres: tuple[psycopg.Connection[Any], str]) -> None:
        """shared/cases/31-cursor-and-late-commit.sql, line by line."""
        water.run(
            "CREATE TABLE danger(id bigserial PRIMARY KEY, firm text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now())",
            "INSERT INTO danger(firm, updated_at) SELECT 'firm '||i, "
            "'2026-11-01 08:00:00+08'::timestamptz + i * interval '1 second' FROM generate_series(1,1000) i",
        )
        assert len(water.taken(**self.asked)[0]) == 1000
        with psycopg.connect(postgres[0].info.dsn) as late:
            late.execute("INSERT INTO danger(firm) VALUES ('written first, committed last')")
            water.run("INSERT INTO danger(firm) VALUES ('written later, committed at once')")
            assert [row["firm"] for row in water.taken(**self.asked)[0]] == ["written later, committed at once"]
            late.commit()
        water.run(
            "INSERT INTO danger(firm, updated_at) SELECT 'same instant', max(updated_at) FROM danger",
            "UPDATE danger SET firm = firm || ' (renamed)' WHERE id = 10",
            "DELETE FROM danger WHERE id = 20",
        )
        rows, said = water.taken(**self.asked)
        assert sorted(row["firm"] for row in rows) == ["same instant", "written first, committed last"]
        assert said == ""  # three of five; an update that leaves updated_at and a deletion no cursor can see
        assert water.taken(**self.asked) == ([], "")

        with clock.moved(timedelta(days=1, minutes=1)):
            rows, said = water.taken(**self.asked)
            assert [row["firm"] for row in rows] == ["firm 10 (renamed)"]
            assert '["20"]' in said
            assert water.taken(**self.asked) == ([], "")

    @pytest.fixture(
        params=[("water", "timestamp"), ("water", "date"), ("power", "datetime"), ("power", "timestamp"), ("power", "date")]
    )
    def dated(self, request: pytest.FixtureRequest) -> Department:
        name, kind = request.param
        department = cast(Department, request.getfixturevalue(name))
        department.run(f"CREATE TABLE danger(id integer, updated_at {kind} NULL)", *added(1, "2026-11-01"))
        return department

    def test_of_times_without_a_zone_and_rows_that_have_none(self, dated: Department) -> None:
        assert len(dated.taken(**self.asked)[0]) == 1
        dated.run(*added(2, "2026-11-01"), *added(3, "2026-11-05"), "INSERT INTO danger VALUES (4, NULL)")
        assert sorted(row["id"] for row in dated.taken(**self.asked)[0]) == ["2", "3", "4"]
        assert dated.taken(**self.asked) == ([], "")

    def test_a_row_from_the_future_hides_nothing_that_comes_after_it(self, dated: Department) -> None:
        dated.run(*added(2, "2037-01-01"))
        assert len(dated.taken(**self.asked)[0]) == 2
        dated.run("INSERT INTO danger VALUES (3, CURRENT_TIMESTAMP)")
        assert [row["id"] for row in dated.taken(**self.asked)[0]] == ["3"]

    @pytest.mark.parametrize("name", ["water", "power"])
    def test_of_numbers_with_an_overlap(self, name: str, request: pytest.FixtureRequest) -> None:
        department = cast(Department, request.getfixturevalue(name))
        asked: ClassVar[dict[str, Any]] = {
            "table": "t",
            "mode": "cursor",
            "cursor_column": "id",
            "key_columns": "id",
            "overlap": 10,
        }
        department.run("CREATE TABLE t(id bigint)", "INSERT INTO t VALUES (1), (100)")
        assert len(department.taken(**asked)[0]) == 2
        department.run("INSERT INTO t VALUES (89), (90), (100000)")
        assert sorted(int(row["id"]) for row in department.taken(**asked)[0]) == [90, 100000]

    def test_infinity_and_not_a_number_are_no_marks(self, water: Department) -> None:
        asked: ClassVar[dict[str, Any]] = {"table": "t", "mode": "cursor", "cursor_column": "n", "key_columns": "id"}
        water.run("CREATE TABLE t(id integer, n numeric)", "INSERT INTO t VALUES (1, 'NaN'), (2, 5)")
        assert len(water.taken(**asked)[0]) == 2
        water.run("INSERT INTO t VALUES (3, 6)")
        assert [row["id"] for row in water.taken(**asked)[0]] == ["3"]
        water.run("DROP TABLE t", "CREATE TABLE t(id integer, n timestamp)", "INSERT INTO t VALUES (9, '-infinity')")
        assert [row["id"] for row in water.taken(**asked)[0]] == ["9"]
        water.run("INSERT INTO t VALUES (8, '2026-11-01')")
        assert [row["id"] for row in water.taken(**asked)[0]] == ["8"]

    def test_without_comparison_only_the_overlaps_keys_are_kept(self, water: Department) -> None:
        asked: ClassVar[dict[str, Any]] = {
            "table": "t",
            "mode": "cursor",
            "cursor_column": "id",
            "key_columns": "id",
            "compare_every": 0,
        }
        water.run("CREATE TABLE t(id integer)", "INSERT INTO t SELECT generate_series(1, 5000)")
        water.taken(**asked)
        water.run("INSERT INTO t VALUES (5001)")
        assert len(water.taken(**asked)[0]) == 1
        channel = water.channel(**asked)
        given = Given(channel.source.folder / "given.sqlite", channel.source.memory.read()["pull"]["number"])
        with given.comparing(window=True) as comparison:
            assert comparison.connection.execute("SELECT count(*) FROM given").fetchone() == (1002,)


def added(number: int, day: str) -> tuple[str, ...]:
    datetime.fromisoformat(day)
    return (f"INSERT INTO danger VALUES ({number}, '{day}')",)


def test_what_is_gone_is_told_by_the_attempt(hub: Hub, mariadb_server: str) -> None:
    bench = MariaBench(hub, mariadb_server)
    try:
        bench.put("a", [("S1", 1), ("S2", 2)])
        (agreed,) = sources.in_force(hub)[DATASET]
        (reception,) = collect(hub, agreed).news
        lineage = batch_events(
            hub.lookups.contract(DATASET), reception.entry, Outcome("loaded"), channel={"kind": agreed.kind, **agreed.settings}
        )
        source = lineage[0]["inputs"][0]
        assert source["namespace"].startswith("mysql://127.0.0.1:")
        assert source["name"] == f"test.{bench.table}"
        bench.run(f"DELETE FROM {bench.quoted} WHERE site_id = 'S1'")
        collected = collect(hub, agreed)
        assert (collected.news, collected.failed) == ([], False)
        with hub.session() as session:
            (attempt, _) = sorted(attempts.listed(session), key=lambda one: one.at, reverse=True)
            assert (attempt.outcome, '["S1"]' in attempt.reason, '["S1"]' in attempt.reason_en) == (
                attempts.NOTHING,
                True,
                True,
            )
        assert collect(hub, agreed).notes == []
    finally:
        bench.close()


def test_the_hub_knows_what_a_contract_takes_for_the_whole(hub: Hub) -> None:
    database = {"kind": "database", "url": "mysql://u@h/d", "table": "t"}
    with hub.session() as session:
        for name, delivery in (("whole", "full"), ("part", "changes")):
            text = SITE.format(name=name, title=name, owner="hlj-water", route="request", reference="")
            contract = loader.parse(text.replace("delivery, value: changes", f"delivery, value: {delivery}"))
            registry.register(session, contract, by="test", origin="pack")
            agree(session, f"XY-{name}", name, "request", "hlj-water", database)
    for name in ("whole", "part"):
        (agreed,) = sources.in_force(hub)[name]
        assert sources.opened(hub, agreed).source.takes_whole() is (name == "whole")
