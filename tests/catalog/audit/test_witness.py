"""A chain without a seal is a fault; a witness outside knows what this machine forgot; a finding can be put on record."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from catalog.audit import accepted, sealing, witness
from catalog.audit import chain as audit
from catalog.audit.chain import AuditRecord
from catalog.audit.witness import FileWitness, HubWitness, SyslogWitness, WitnessUnreachable, witness_of
from catalog.identity import people
from catalog.store import database
from contracts.clock import now
from tests.catalog import making
from tests.loop import served
from warehouse.settings import Settings


class House:
    """A catalogue of its own with key, head file and witness file."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.key, self.head = url, folder / "keys" / "audit.key", folder / "head.jsonl"
        self.public = sealing.make_key(self.key)
        self.witness = FileWitness(folder / "witness.jsonl")

    def record(self, times: int = 1) -> None:
        with database.session(self.url) as session:
            for _ in range(times):
                audit.record(session, actor="li", action="rows.read")

    def seal(self) -> None:
        with database.session(self.url) as session:
            sealing.seal(session, self.key, self.head)
        with database.session(self.url) as session:
            witness.tell(session, self.witness)

    def verify(self, *, witnessed: bool = True) -> sealing.Verification:
        with database.session(self.url) as session:
            return sealing.verify(session, self.public, self.head, self.witness.read() if witnessed else None)

    def accept(self, reason: str = "磁盘故障，已核对") -> None:
        with database.session(self.url) as session:
            found = sealing.verify(session, self.public, self.head, self.witness.read())
            detail = sealing.acceptance(found, reason)
            audit.record(session, actor="auditor", action=accepted.ACTION, object="audit", detail=detail)
        self.seal()

    def forge(self, *, first: int = 1) -> None:
        """All that someone with the machine can do: a new chain, no seals, an empty head file."""
        with database.session(self.url) as session:
            connection = session.connection()
            for table in ("auditrecord", "auditseal"):
                if connection.dialect.name == "sqlite":
                    for event in ("update", "delete"):
                        connection.execute(text(f"DROP TRIGGER {table}_no_{event}"))
                else:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(text("DELETE FROM auditseal"))
            previous = audit.GENESIS
            for sequence in range(first, audit.head(session)[0] + 1):
                kept = session.get(AuditRecord, sequence)
                assert kept is not None
                kept.actor, kept.previous = "nobody", previous
                kept.hash = previous = audit.digest(kept)
                values = {"a": kept.actor, "p": kept.previous, "h": kept.hash, "s": sequence}
                connection.execute(text("UPDATE auditrecord SET actor=:a, previous=:p, hash=:h WHERE sequence=:s"), values)
            connection.execute(text("UPDATE audithead SET hash = :h"), {"h": previous})
            session.expunge_all()
        self.head.write_text("")


@pytest.fixture
def house(url: str, tmp_path: Path) -> House:
    """Twelve records, sealed after the fifth and the ninth."""
    made = House(url, tmp_path)
    for number in range(1, 13):
        made.record()
        if number in (5, 9):
            made.seal()
    return made


def _kinds(found: sealing.Verification) -> list[tuple[str, int]]:
    return [(one.kind, one.sequence) for one in found.findings]


def test_a_chain_made_anew_without_seals_is_a_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 4481aa4: good, 0 seals."""
    assert house.verify().good
    house.forge()
    later = now() + sealing.NEVER_SEALED_AFTER + timedelta(minutes=1)
    monkeypatch.setattr(sealing, "now", lambda: later)
    assert _kinds(house.verify(witnessed=False)) == [("unsealed", 1)]


def test_a_young_chain_may_wait_for_its_first_seal(url: str, tmp_path: Path) -> None:
    house = House(url, tmp_path)
    house.record()
    assert house.verify(witnessed=False).good


def test_a_seal_is_due_after_twenty_records(session: Session, tmp_path: Path) -> None:
    sealing.make_key(tmp_path / "key")
    for _ in range(19):
        audit.record(session, actor="li", action="rows.read")
    assert sealing.seal_when_due(session, tmp_path / "key") is None
    audit.record(session, actor="li", action="rows.read")
    assert sealing.seal_when_due(session, tmp_path / "key") is not None


class TestTheWitness:
    def test_it_knows_a_chain_that_was_made_anew_with_its_seals(self, house: House) -> None:
        house.forge()
        with database.session(house.url) as session:
            sealing.seal(session, house.key, house.head)
        assert house.verify(witnessed=False).good, "this machine alone cannot know"
        assert {("changed", 5), ("changed", 9)} <= set(_kinds(house.verify()))

    def test_it_knows_a_tail_that_was_cut_with_its_seal(self, house: House) -> None:
        house.record(3)
        house.seal()
        line = house.head.read_text().splitlines(keepends=True)
        with database.session(house.url) as session:
            connection = session.connection()
            for table in ("auditrecord", "auditseal"):
                if connection.dialect.name == "sqlite":
                    connection.execute(text(f"DROP TRIGGER {table}_no_delete"))
                else:
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(text("DELETE FROM auditrecord WHERE sequence > 9"))
            connection.execute(text("DELETE FROM auditseal WHERE last > 9"))
            kept = session.get(AuditRecord, 9)
            assert kept is not None
            connection.execute(text("UPDATE audithead SET last = 9, hash = :h"), {"h": kept.hash})
        house.head.write_text("".join(line[:2]))
        assert house.verify(witnessed=False).good
        assert _kinds(house.verify()) == [("truncated", 10)]

    def test_what_was_taken_out_of_it_is_found(self, house: House) -> None:
        house.witness.path.write_text(house.witness.path.read_text().splitlines(keepends=True)[1])
        assert _kinds(house.verify()) == [("witness", 5)]

    def test_one_that_is_away_is_caught_up_with(self, house: House, tmp_path: Path) -> None:
        away = FileWitness(tmp_path / "nowhere" / "seals")
        house.record()
        with database.session(house.url) as session:
            sealing.seal(session, house.key, house.head)
        with pytest.raises(WitnessUnreachable), database.session(house.url) as session:
            witness.tell(session, away)
        assert house.verify().good, "it was not told, so it need not have it"
        with database.session(house.url) as session:
            assert witness.waiting(session, now() + timedelta(minutes=1)) == 1
            assert witness.tell(session, house.witness) == 1
            assert witness.tell(session, house.witness) == 0
        assert house.verify().good

    def test_syslog_is_told_and_its_log_is_read(self, house: House, tmp_path: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
            log.bind(("127.0.0.1", 0))
            log.settimeout(20)
            named = witness_of(f"syslog://127.0.0.1:{log.getsockname()[1]}")
            assert isinstance(named, SyslogWitness)
            assert named.read() is None
            house.record()
            with database.session(house.url) as session:
                sealing.seal(session, house.key, house.head)
                assert witness.tell(session, named) == 1
            message = log.recv(4096)
        told = house.witness.path.read_bytes().splitlines()
        lines = [b"Nov 27 09:00:00 host hui-audit: " + line for line in told] + [message.rstrip(b"\0")]
        (tmp_path / "auth.log").write_bytes(b"\n".join(lines))
        with database.session(house.url) as session:
            assert sealing.verify(session, house.public, house.head, FileWitness(tmp_path / "auth.log").read()).good

    @pytest.mark.parametrize(
        ("text_", "kind"),
        [
            ("/mnt/worm/seals", FileWitness),
            ("file:///mnt/x", FileWitness),
            ("syslog:/dev/log", SyslogWitness),
            ("https://h", HubWitness),
        ],
    )
    def test_it_is_named_by_a_setting(self, text_: str, kind: type) -> None:
        assert isinstance(witness_of(text_), kind)
        assert witness_of("") is None


@pytest.fixture
def second(postgres_database: Callable[[str], str], tmp_path: Path) -> tuple[Settings, dict[str, str]]:
    """Another hub, with keys of an auditor and of a steward."""
    settings = Settings(home=tmp_path / "second", _env_file=None)  # type: ignore[call-arg]
    database.migrate(settings.catalog_database)
    keys = {}
    with database.session(settings.catalog_database) as session:
        for login in ("auditor", "steward"):
            keys[login] = people.issue_key(session, making.person(session, login, (login,)))[1]
    return settings, keys


def test_a_second_hub_is_a_witness(house: House, second: tuple[Settings, dict[str, str]]) -> None:
    from api.app import create_app

    settings, keys = second
    with served(create_app(settings)) as (address, _):
        named = HubWitness(address, keys["auditor"])
        house.record()
        with database.session(house.url) as session:
            sealing.seal(session, house.key, house.head)
        for stranger in (
            HubWitness(address, keys["steward"]),
            HubWitness(address, "hui_x_y"),
            HubWitness("http://127.0.0.1:1", ""),
        ):
            with pytest.raises(WitnessUnreachable), database.session(house.url) as session:
                witness.tell(session, stranger)
        with pytest.raises(WitnessUnreachable):
            named.write([{"last": 3, "head": "0" * 64, "public_key": house.public, "signature": "AAAA"}])
        with database.session(house.url) as session:
            witness.remember(session, witness.TOLD, {"last": 0})
            assert witness.tell(session, named) == 3
        with database.session(house.url) as session:
            assert sealing.verify(session, house.public, house.head, named.read()).good
        house.forge()
        with database.session(house.url) as session:
            assert not sealing.verify(session, house.public, None, named.read()).good


class TestOnRecord:
    """At 4481aa4 a lost head file left the chain damaged for ever, whatever was done."""

    @pytest.mark.parametrize("sealed_before", [True, False])
    def test_a_lost_head_file_is_put_on_record_and_work_goes_on(self, house: House, sealed_before: bool) -> None:
        house.head.unlink()
        if sealed_before:
            house.record()
            house.seal()
        assert _kinds(house.verify()) == [("head-file", 5)]
        house.accept("磁盘更换时丢失，已与见证核对")
        after = house.verify()
        assert after.good, after.findings
        assert [one.reason for one in after.accepted] == ["磁盘更换时丢失，已与见证核对"]
        house.record(2)
        house.seal()
        assert house.verify().good
        house.head.write_text(house.head.read_text().splitlines(keepends=True)[0])
        assert [one.kind for one in house.verify().findings] == ["head-file"], "what is lost after that is a finding again"

    @pytest.mark.parametrize("url", ["sqlite"], indirect=True)
    def test_an_older_catalogue_that_was_brought_back_is_put_on_record(self, house: House, tmp_path: Path) -> None:
        older = House(house.url.replace("catalog.db", "older.db"), tmp_path)
        with database.engine(house.url).connect() as connection:
            connection.exec_driver_sql(f"VACUUM INTO '{database.engine(older.url).url.database}'")
        house.record(4)
        house.seal()
        older.head, older.witness = house.head, house.witness
        assert not older.verify().good
        older.accept("目录库由备份恢复")
        older.record(9)
        older.seal()
        assert older.verify().good, older.verify().findings

    def test_a_reason_is_needed(self, house: House) -> None:
        house.head.unlink()
        with database.session(house.url) as session:
            found = sealing.verify(session, house.public, house.head)
            with pytest.raises(sealing.NoReason):
                sealing.acceptance(found, "  ")
