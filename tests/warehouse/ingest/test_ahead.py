"""Deliveries of one hold of the lock: the next one is read while the one before is loaded, and nothing else is otherwise."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from contracts.deliveries import Answers, Entry
from contracts.model import Contract
from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import deliver as ingest
from warehouse.ingest import open_batch
from warehouse.ingest.ahead import Ahead
from warehouse.ingest.deliver import Attempt, Reception
from warehouse.ingest.stage import Stage, folder

HEAD = "编号,名称,数量\n"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Which file was read, and whether ahead."""
    told: list[tuple[str, bool]] = []
    read = open_batch.read

    def noted(settings: Any, lookups: Any, contract: Contract, entry: Entry) -> Stage:
        told.append((entry.receipt.filename, threading.current_thread() is not threading.main_thread()))
        return read(settings, lookups, contract, entry)

    monkeypatch.setattr(open_batch, "read", noted)
    return told


def received(hub: Hub, text: str | bytes, name: str) -> Reception:
    path = hub.file(text, name)
    return ingest.receive(hub.settings, hub.ledger, hub.given, path, dataset="things", received_by="test", filename=name)


def loaded(hub: Hub, *receptions: Reception) -> Sequence[Attempt]:
    waiting = list(receptions)

    def following() -> Reception | None:
        return waiting.pop(0) if waiting else None

    return ingest.load(hub.settings, hub.ledger, hub.given, following, hold_seconds=60)


def staged(hub: Hub) -> list[str]:
    """Files of the lake's folder that no table has."""
    known = {str(row[0]) for row in hub.sql("SELECT data_file FROM ducklake_list_files('lake', 'things', schema => 'raw')")}
    return [path.name for path in folder(hub.settings, "things").iterdir() if str(path) not in known]


def test_they_come_in_their_order_whatever_one_of_them_is(hub: Hub, readings: list[tuple[str, bool]]) -> None:
    hub.given.add(thing())
    first = received(hub, HEAD + "a,甲,1\n", "1.csv")
    broken = received(hub, b"\xd0\xcf\x11\xe0 no workbook", "2.xls")
    wrong = received(hub, "别的,东西\n1,2\n", "3.csv")
    last = received(hub, HEAD + "a,乙,2\nb,丙,x\n", "4.csv")
    attempts = loaded(hub, first, broken, wrong, last)
    assert [one.error for one in attempts] == [None] * 4
    assert [one.delivered.outcome.state for one in attempts if one.delivered] == ["loaded", "refused", "refused", "partial"]
    assert hub.things() == [("a", "乙", 2)]
    assert sorted(readings) == [("1.csv", False), ("2.xls", False), ("3.csv", True), ("4.csv", True)]
    assert staged(hub) == []


def test_what_is_answered_meanwhile_holds(hub: Hub, readings: list[tuple[str, bool]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file was read, as it was understood then, before the first one's load was over."""
    hub.given.add(thing())
    begin = Ahead.begin

    def answered(ahead: Ahead, entry: Entry) -> None:
        begin(ahead, entry)
        ahead._begun[entry.batch_id].exception()
        agreed = Answers(columns={"数目": "amount"})
        monkeypatch.setattr(type(hub.ledger), "agreed", lambda *_: agreed)

    monkeypatch.setattr(Ahead, "begin", answered)
    first, second = received(hub, HEAD + "a,甲,1\n", "1.csv"), received(hub, "编号,名称,数目\nb,乙,2\n", "2.csv")
    assert [one.error for one in loaded(hub, first, second)] == [None, None]
    assert hub.things() == [("a", "甲", 1), ("b", "乙", 2)]
    assert sorted(readings) == [("1.csv", False), ("2.csv", False), ("2.csv", True)]
    assert staged(hub) == []


def test_a_large_one_is_read_in_its_turn(hub: Hub, readings: list[tuple[str, bool]]) -> None:
    hub.given.add(thing())
    large = HEAD + "".join(f"{n:06d},第 {n} 行,{n}\n" for n in range(open_batch.SMALL // 12))
    loaded(hub, received(hub, HEAD + "a,甲,1\n", "1.csv"), received(hub, large, "2.csv"))
    assert readings == [("1.csv", False), ("2.csv", False)]


def test_what_ends_the_process_leaves_nothing_of_what_was_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        """Nobody catches it."""

    def ended(*_: Any) -> None:
        raise Ended

    hub.given.add(thing())
    first, second = (received(hub, HEAD + f"{name},甲,1\n", f"{name}.csv") for name in "ab")
    with monkeypatch.context() as patched:
        patched.setattr(type(hub.ledger), "settle", ended)
        with pytest.raises(Ended):
            loaded(hub, first, second)
    assert staged(hub) == []
    hub.reconcile()
    assert [row[0] for row in hub.things()] == ["a", "b"]
