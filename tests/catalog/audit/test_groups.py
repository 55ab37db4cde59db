"""Records in groups: few commits for many requests, one chain, and no record lost of what went out."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from catalog.audit import chain, groups, sealing
from catalog.audit.chain import AuditRecord
from catalog.store import database
from tests.counting import statements

ROOT = Path(__file__).resolve().parents[3]
READERS = """
import sys, threading
from catalog.audit import chain, groups
from catalog.store import database
name, url = sys.argv[1:]
line = groups.of(database.engine(url))
def read(thread):
    for number in range(100_000):
        line.record(chain.draft(actor=f"{name}-{thread}-{number}", action="read-rows", outcome="allowed"))
        sys.stdout.write(f"{name}-{thread}-{number}\\n")
        sys.stdout.flush()
for thread in range(6):
    threading.Thread(target=read, args=(thread,)).start()
"""
"""Six readers, who say what went out once it is on record."""


def at_once(works: list[Callable[[], None]], ready: Callable[[], bool]) -> list[threading.Thread]:
    """Threads that run the works; returns when `ready`."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < until
        time.sleep(0.01)
    return threads


def test_those_who_come_together_are_committed_together(url: str) -> None:
    line, done = groups.Groups(database.engine(url)), []

    def read(number: int) -> None:
        line.record(chain.draft(actor=f"reader {number}", action="read-rows"))
        done.append(number)

    with database.session(url) as holder:
        chain.record(holder, actor="who holds the head", action="release.publish")
        works = [lambda number=number: read(number) for number in range(20)]
        with statements(url) as asked:
            threads = at_once(works, lambda: len(line._line) >= 19)
            assert not done, "nobody is answered before the commit"
            holder.commit()
            for thread in threads:
                thread.join(60)
    assert len([one for one in asked if one.startswith("UPDATE audithead")]) == 2, "the first alone, then all the others"
    with database.session(url) as session:
        found = sealing.verify(session)
    assert (found.good, found.records, sorted(done)) == (True, 21, list(range(20)))


def test_what_kept_a_group_from_its_commit_is_told_to_each_of_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line, failed = groups.Groups(database.engine(url)), []
    gate, there = threading.Event(), threading.Event()

    def broken(connection: Connection) -> None:
        there.set()
        gate.wait(60)
        raise OperationalError("INSERT", {}, Exception("disk full"))

    def read() -> None:
        try:
            line.record(chain.draft(actor="reader", action="read-rows"))
        except OperationalError as error:
            failed.append(error)

    with monkeypatch.context() as patch:
        patch.setattr(chain, "take", broken)
        threads = at_once([read] * 5, lambda: there.is_set() and len(line._line) == 4)
        gate.set()
        for thread in threads:
            thread.join(60)
    assert len(failed) == 5
    line.record(chain.draft(actor="reader", action="read-rows"))
    with database.session(url) as session:
        assert chain.head(session)[0] == 1, "and the line goes on"


def test_who_wrote_records_in_its_own_transaction(url: str) -> None:
    with database.session(url) as session:
        chain.record(session, actor="one", action="release.publish")
        groups.record(session, actor="two", action="read-rows")  # the head is its own: in a group it would wait for itself
        session.rollback()
    with database.session(url) as session:
        assert chain.head(session)[0] == 0
        groups.record(session, actor="three", action="read-rows")
        session.rollback()
    with database.session(url) as session:
        assert session.exec(select(AuditRecord.actor)).all() == ["three"], "a reader's record stays, whatever its session does"


def test_a_kill_loses_no_record_of_what_went_out(url: str) -> None:
    """Two processes at once; each is killed in the middle of its groups."""
    command = [sys.executable, "-c", READERS]
    readers = [
        subprocess.Popen([*command, name, url], stdout=subprocess.PIPE, text=True, cwd=ROOT) for name in ("first", "second")
    ]
    went_out: list[str] = []
    for lines, reader in zip((150, 300), readers, strict=True):
        assert reader.stdout is not None
        went_out += [reader.stdout.readline().strip() for _ in range(lines)]
        reader.send_signal(signal.SIGKILL)
        went_out += [line.strip() for line in reader.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        reader.wait(60)
    with database.session(url) as session:
        recorded = set(session.exec(select(AuditRecord.actor)))
        found = sealing.verify(session)
    assert len(went_out) >= 450
    assert set(went_out) <= recorded
    assert found.good, found.findings
