"""Audit: no record can be changed, dropped, swapped or cut off without being found and located."""

from __future__ import annotations

import base64
import json
import multiprocessing
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.audit.chain import AuditRecord
from catalog.store import database
from contracts import clock

TEXT_COLUMNS = ("actor", "organization_id", "action", "object", "purpose", "outcome", "previous", "hash")


class Chain:
    """A sealed chain of a few records, with its key and head file, that a test may tamper with."""

    def __init__(self, url: str, folder: Path, records: int = 12, seal_at: tuple[int, ...] = (5, 9)) -> None:
        self.url, self.key, self.head = url, folder / "keys" / "audit.key", folder / "head.jsonl"
        self.public = sealing.make_key(self.key)
        for number in range(1, records + 1):
            with database.session(url) as session:
                detail = {"行": number, "share": 0.1 * number, "none": None, "list": [1, "二", True]}
                audit.record(
                    session, actor=f"人{number}", action="rows.read", object="resource:x", purpose="核查", detail=detail
                )
            if number in seal_at:
                with database.session(url) as session:
                    sealing.seal(session, self.key, self.head)

    def verify(self) -> sealing.Verification:
        with database.session(self.url) as session:
            return sealing.verify(session, self.public, self.head)

    def tamper(self, change: Callable[[Connection], None]) -> list[sealing.Finding]:
        """Findings after a change by someone with full rights on the database, then everything as it was."""
        engine = database.engine(self.url)
        sqlite = engine.dialect.name == "sqlite"
        with engine.connect() as connection:
            if sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # or the triggers would stay dropped
            for table in ("auditrecord", "auditseal"):
                if sqlite:
                    for event in ("update", "delete"):
                        connection.execute(text(f"DROP TRIGGER {table}_no_{event}"))
                else:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            change(connection)
            with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
                found = sealing.verify(session, self.public, self.head)
            connection.rollback()
        if sqlite:
            engine.dispose()
        return list(found.findings)


def _drop(connection: Connection, first: int, last: int) -> None:
    connection.execute(text("DELETE FROM auditrecord WHERE sequence BETWEEN :f AND :l"), {"f": first, "l": last})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One chain for all tests on a database: each puts back what it changed."""
    folder = tmp_path_factory.mktemp("chain")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_sqlite"), folder / "chain.db")
        url = f"sqlite:///{folder / 'chain.db'}"
    else:
        template = database.engine(request.getfixturevalue("empty_postgresql")).url.database
        url = request.getfixturevalue("postgres_database")(template)
    yield Chain(url, folder)
    database.engine(url).dispose()


@pytest.mark.parametrize("table", ["auditrecord", "auditseal"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET {} = 'x'", "DELETE FROM {}", "DELETE FROM {} WHERE {} = (SELECT max({}) FROM {})"]
)
def test_the_database_itself_refuses_change_and_removal(chain: Chain, table: str, statement: str) -> None:
    column = "hash" if table == "auditrecord" else "head"
    sql = statement.format(table, column, column, table)
    with pytest.raises(DatabaseError, match="append-only"), database.session(chain.url) as session:
        session.connection().execute(text(sql))


def test_postgresql_refuses_to_truncate(rolled_back_postgresql: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), database.session(rolled_back_postgresql) as session:
        session.connection().execute(text("TRUNCATE auditrecord"))


def test_an_untouched_chain_is_whole(chain: Chain) -> None:
    found = chain.verify()
    assert found.good, found.findings
    assert (found.records, found.seals, found.last_sealed) == (12, 2, 9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 12),
    st.sampled_from(TEXT_COLUMNS),
    st.integers(0, 63),
    st.characters(codec="utf-8", exclude_characters="\x00"),
)
def test_any_change_of_any_character_is_found_where_it_is(
    chain: Chain, sequence: int, column: str, place: int, character: str
) -> None:
    with database.session(chain.url) as session:
        kept = session.get(AuditRecord, sequence)
        assert kept is not None
        before = str(getattr(kept, column))
    at = place % (len(before) + 1)
    after = before[:at] + character + before[at + 1 :]
    if after == before:
        return

    def change(connection: Connection) -> None:
        connection.execute(text(f"UPDATE auditrecord SET {column} = :v WHERE sequence = :s"), {"v": after, "s": sequence})

    found = chain.tamper(change)
    assert sequence in {finding.sequence for finding in found}, found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("detail", '{"行": 4, "share": 0.4, "none": null, "list": [1, "二", false]}'),
        ("detail", "{}"),
        ("policies", '["grant"]'),
        ("at", "2020-01-01 00:00:00.000000"),
        ("outcome", "refused"),
    ],
)
def test_a_change_of_any_column_is_found_on_both_databases(chain: Chain, column: str, value: str) -> None:
    cast = {"detail": "json", "policies": "json", "at": "timestamptz"}.get(column, "varchar")
    value_sql = ":v" if database.engine(chain.url).dialect.name == "sqlite" else f"CAST(:v AS {cast})"

    def change(connection: Connection) -> None:
        connection.execute(text(f"UPDATE auditrecord SET {column} = {value_sql} WHERE sequence = 4"), {"v": value})

    assert [(finding.kind, finding.sequence) for finding in chain.tamper(change)] == [("changed", 4)]


@pytest.mark.parametrize("sequence", [1, 2, 7, 11])
def test_a_dropped_record_is_found_where_it_was(chain: Chain, sequence: int) -> None:
    found = chain.tamper(lambda connection: _drop(connection, sequence, sequence))
    assert ("missing", sequence) in {(finding.kind, finding.sequence) for finding in found}


@pytest.mark.parametrize("first", [12, 10, 8, 3, 1])
def test_a_tail_cut_off_is_found_where_it_began(chain: Chain, first: int) -> None:
    """Also by someone who sets the head back, and removes the seals: the file outside the database knows better."""

    def cut(connection: Connection) -> None:
        _drop(connection, first, 12)

    assert ("truncated", first) in {(finding.kind, finding.sequence) for finding in chain.tamper(cut)}

    def cut_well(connection: Connection) -> None:
        before = connection.execute(text("SELECT hash FROM auditrecord WHERE sequence = :s"), {"s": first - 1}).scalar()
        cut(connection)
        connection.execute(text("UPDATE audithead SET last = :s, hash = :h"), {"s": first - 1, "h": before or audit.GENESIS})
        connection.execute(text("DELETE FROM auditseal WHERE last >= :s"), {"s": first})

    found = {(finding.kind, finding.sequence) for finding in chain.tamper(cut_well)}
    assert found == ({("truncated", first)} if first <= 9 else set())  # what was never sealed nobody outside has seen


@pytest.mark.parametrize(("one", "other"), [(3, 4), (2, 11), (1, 12)])
def test_two_records_that_changed_places_are_found(chain: Chain, one: int, other: int) -> None:
    def swap(connection: Connection) -> None:
        for told, becomes in ((one, 99), (other, one), (99, other)):
            connection.execute(text("UPDATE auditrecord SET sequence = :b WHERE sequence = :t"), {"b": becomes, "t": told})

    assert {one, other} <= {finding.sequence for finding in chain.tamper(swap)}


def test_a_chain_made_anew_from_a_record_on_is_found_by_its_seals(chain: Chain) -> None:
    """Someone who knows the format computes every hash again; the seals and the head file were signed before."""

    def forge(connection: Connection) -> None:
        with Session(bind=connection) as session:
            previous = ""
            for sequence in range(6, 13):
                kept = session.get(AuditRecord, sequence)
                assert kept is not None
                kept.actor = "nobody" if sequence == 6 else kept.actor
                kept.previous = previous or kept.previous
                kept.hash = previous = audit.digest(kept)
                values = {"a": kept.actor, "p": kept.previous, "h": kept.hash, "s": sequence}
                connection.execute(text("UPDATE auditrecord SET actor=:a, previous=:p, hash=:h WHERE sequence=:s"), values)
            connection.execute(text("UPDATE audithead SET hash = :h"), {"h": previous})
            session.expunge_all()

    assert [(finding.kind, finding.sequence) for finding in chain.tamper(forge)] == [("changed", 9)]


def test_a_seal_by_another_key_and_a_broken_seal_are_found(chain: Chain) -> None:
    stranger = Ed25519PrivateKey.generate()
    public = base64.b64encode(stranger.public_key().public_bytes_raw()).decode()

    def resign(connection: Connection) -> None:
        head = connection.execute(text("SELECT head FROM auditseal WHERE last = 9")).scalar_one()
        signature = base64.b64encode(stranger.sign(f"hui-audit:9:{head}".encode())).decode()
        values = {"k": public, "s": signature}
        connection.execute(text("UPDATE auditseal SET public_key = :k, signature = :s WHERE last = 9"), values)

    assert [(finding.kind, finding.sequence) for finding in chain.tamper(resign)] == [("key", 9)]

    def spoil(connection: Connection) -> None:
        connection.execute(text("UPDATE auditseal SET signature = 'no base64!' WHERE last = 5"))

    assert [(finding.kind, finding.sequence) for finding in chain.tamper(spoil)] == [("seal", 5)]


@pytest.mark.parametrize("line", ["{", "[]", '{"last": 3}', '{"last": "x", "head": "", "public_key": "", "signature": ""}'])
def test_a_head_file_that_was_written_over_is_found(chain: Chain, line: str) -> None:
    before = chain.head.read_text()
    chain.head.write_text(before + line + "\n")
    found = chain.verify().findings
    chain.head.write_text(before)
    assert [finding.kind for finding in found] == ["head-file"]


@pytest.mark.parametrize("left", ["nothing", "no file", "the first line", "the last line", "an old head"])
def test_a_head_file_that_was_cut_or_replaced_is_found(chain: Chain, left: str) -> None:
    """It is written before the database: a seal that it lacks was taken out of it."""
    before = chain.head.read_text()
    first, last = before.splitlines(keepends=True)
    if left == "no file":
        chain.head.unlink()
    else:
        chain.head.write_text(
            {"nothing": "", "the first line": first, "the last line": last, "an old head": first + first}[left]
        )
    found = [(finding.kind, finding.sequence) for finding in chain.verify().findings]
    chain.head.write_text(before)
    assert found == [("head-file", 5 if left in ("nothing", "no file", "the last line") else 9)]


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.key"
    public = sealing.make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert sealing.make_key(path) == public == path.with_suffix(".pub").read_text().strip()


def test_sealing_without_a_key_says_what_to_do(session: Session, tmp_path: Path) -> None:
    audit.record(session, actor="a", action="b")
    with pytest.raises(sealing.KeyMissing, match="hub init"):
        sealing.seal(session, tmp_path / "none.key")


def test_sealing_waits_for_enough_records_or_time(session: Session, tmp_path: Path) -> None:
    key = tmp_path / "audit.key"
    sealing.make_key(key)
    assert sealing.seal_when_due(session, key) is None
    audit.record(session, actor="a", action="b")
    assert sealing.seal_when_due(session, key) is None
    with clock.moved(timedelta(hours=1)):
        made = sealing.seal_when_due(session, key)
    assert made is not None
    assert made.last == audit.head(session)[0]
    assert sealing.seal(session, key) is None


def test_the_head_outside_is_a_line_of_json_for_each_seal(chain: Chain) -> None:
    lines = [json.loads(line) for line in chain.head.read_text().splitlines()]
    assert [line["last"] for line in lines] == [5, 9]
    assert all(len(line["head"]) == 64 for line in lines)


def test_the_result_of_a_verification_is_remembered(chain: Chain) -> None:
    with database.session(chain.url) as session:
        sealing.note(session, sealing.verify(session, chain.public, chain.head))
    with database.session(chain.url) as session:
        told = sealing.last_verification(session)
        assert told is not None
        assert told[0] is True


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(), JSONS, max_size=4), st.text())
def test_whatever_is_recorded_verifies(session: Session, detail: dict[str, Any], words: str) -> None:
    """NUL, half surrogates, NaN, huge numbers: kept in a form that both databases give back as it was hashed."""
    kept = audit.record(session, actor=words, action="x", purpose=words, detail=detail)
    sequence = kept.sequence
    session.expunge(kept)
    again = session.get(AuditRecord, sequence)
    assert again is not None
    assert audit.digest(again) == again.hash


def test_records_are_listed_newest_first_and_filtered(session: Session) -> None:
    for number in range(5):
        audit.record(session, actor=f"a{number % 2}", action="rows.read", object=f"resource:{number}", outcome="allowed")
    found = audit.listed(session, actor="a0", limit=2)
    assert [one.object for one in found] == ["resource:4", "resource:2"]
    assert [one.object for one in audit.listed(session, actor="a0", before=found[-1].sequence)] == ["resource:0"]
    assert audit.listed(session, outcome="refused") == []


EACH = 15


def _write_many(url: str, name: str) -> None:
    for number in range(EACH):
        with database.session(url) as session:
            audit.record(session, actor=name, action="rows.read", detail={"number": number})


def test_threads_and_processes_write_one_chain(url: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(url, f"process{n}")) for n in range(2)]
    threads = [threading.Thread(target=_write_many, args=(url, f"thread{n}")) for n in range(4)]
    for worker in (*processes, *threads):
        worker.start()
    for worker in (*processes, *threads):
        worker.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    with database.session(url) as session:
        found = sealing.verify(session)
    assert found.good, found.findings
    assert found.records == 6 * EACH


def test_a_transaction_that_fails_leaves_no_gap(url: str) -> None:
    def fails() -> None:
        with database.session(url) as session:
            audit.record(session, actor="a", action="b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with database.session(url) as session:
        assert audit.record(session, actor="a", action="b").sequence == 1
        assert sealing.verify(session).good
