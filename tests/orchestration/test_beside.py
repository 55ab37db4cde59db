"""Collect and load side by side: a source that is slow, dead or busy delays no other; small loads share a hold of the lock."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import func, select

from catalog.acquisition import channels as attempts
from catalog.acquisition.agreements import Agreement
from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from channels import registry as kinds
from channels.base import Channel, ChannelSettings, Glimpse
from channels.ports import Landing
from contracts.deliveries import Entry, Receipt
from hub import sources
from hub.hub import Hub
from orchestration import collect
from orchestration.collect import collect_all, look_ahead
from orchestration.execute import execute
from orchestration.queue import LoadQueue
from tests.agreeing import set_channel
from tests.orchestration.conftest import agree, drop, site
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Reception
from warehouse.settings import Settings
from warehouse.storage.connection import writer_lock

MANY = 50


class Slow:
    """An endpoint that goes on sending blanks while others are loaded, and falls silent when all of them are."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self.loaded_meanwhile = hub, 0
        self.listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/levels"

    def _serve(self) -> None:
        with suppress(OSError):
            client, _ = self.listening.accept()
            with client:
                client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while self.loaded_meanwhile < MANY:
                    client.sendall(b" ")
                    time.sleep(0.3)
                    self.loaded_meanwhile = _count_loaded(self.hub)
                time.sleep(3600)


def _count_loaded(hub: Hub) -> int:
    with hub.session() as session:
        return session.exec(select(func.count()).select_from(Batch).where(Batch.state == "loaded")).one()


@pytest.fixture
def crowded(hub: Hub) -> Hub:
    """Fifty datasets with a file each, and one whose source is an endpoint."""
    with hub.session() as session:
        for number in range(MANY):
            name = f"set_{number:02d}"
            registry.register(session, site(name), by="test", origin="pack")
            folder = hub.settings.root / "inbox" / name
            folder.mkdir(parents=True)
            drop(folder, "a.csv", f"S{number},{number}")
            agree(session, f"XY-{name}", name, "request", "hlj-water", {"kind": "folder", "path": f"inbox/{name}"})
        registry.register(session, site("slow"), by="test", origin="pack")
    return hub


@pytest.mark.slow
def test_fifty_are_loaded_while_one_hangs_and_that_one_ends_by_its_time_out(crowded: Hub) -> None:
    slow = Slow(crowded)
    with crowded.session() as session:
        channel = {"kind": "http", "url": slow.url, "attempts": 1, "timeout": 2, "page_seconds": 500, "fetch_seconds": 550}
        agree(session, "XY-slow", "slow", "request", "hlj-water", channel)
    (done,) = execute(crowded.settings, ["request"])
    slow.listening.close()
    assert slow.loaded_meanwhile == MANY
    assert not done.success
    assert len(done.loaded) == MANY
    with crowded.session() as session:
        (failed,) = attempts.listed(session, outcome=attempts.FAILED)
        assert (failed.agreement_id, failed.batches) == ("XY-slow", [])
        assert "silent" in failed.reason_en
        newest = session.exec(select(func.max(Batch.finished_at))).one()
        assert newest is not None
        assert newest.replace(tzinfo=failed.at.tzinfo) < failed.at
        assert len(attempts.listed(session, outcome=attempts.TAKEN, limit=100)) == MANY
    assert len([problem for problem in done.problems if "slow" in problem]) >= 1


class Hanging(Channel[ChannelSettings]):
    """A plug-in's channel that never comes back, and keeps no time."""

    kind = "hanging"
    title = ("不返回", "Never comes back")
    settings_model = ChannelSettings
    hold = threading.Event()

    def peek(self, limit: int) -> Glimpse:
        return Glimpse()

    def collect(self, landing: Landing) -> None:
        self.hold.wait()

    @property
    def seconds(self) -> float:
        return 0.3


@pytest.fixture
def hanging(stocked: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(kinds, "OWN", {**kinds.OWN, "hanging": Hanging})
    monkeypatch.setattr(collect, "GRACE_SECONDS", 0.2)
    with stocked.session() as session:
        set_channel(session, session.get_one(Agreement, "XY-station"), {"kind": "hanging"})
    Hanging.hold.clear()
    yield stocked
    Hanging.hold.set()


def test_a_source_that_keeps_no_time_is_given_up_with_one_failed_attempt(hanging: Hub, inbox: Path) -> None:
    drop(inbox / "meter", "a.csv", "M1,1")
    found = sources.in_force(hanging, ["station", "meter"])
    settling, busy = look_ahead(hanging, found)
    ended = {one.agreed.dataset: one for one in collect_all(hanging, busy, settling=settling, at_once=2)}
    assert len(ended["meter"].news) == 1
    assert ended["station"].failed
    assert "given up" in ended["station"].notes[0][1]
    with hanging.session() as session:
        assert [one.outcome for one in attempts.listed(session, dataset="station")] == [attempts.FAILED]
    again = {one.agreed.dataset: one for one in collect_all(hanging, busy, settling=settling)}
    assert not again["station"].failed, "another run leaves a source alone that is still being asked"
    Hanging.hold.set()
    for thread in threading.enumerate():
        if thread.name == "collect XY-station":
            thread.join(10)
    with hanging.session() as session:
        assert len(attempts.listed(session, dataset="station")) == 1, "it ended after all, and that is no second attempt"


def test_a_hanging_source_does_not_take_the_places_of_others(hanging: Hub, inbox: Path) -> None:
    """With one place at a time the others come when its time is over."""
    drop(inbox / "well", "a.csv", "S1,1")
    settling, busy = look_ahead(hanging, sources.in_force(hanging, ["station", "well"]))
    assert {one.agreed.dataset for one in collect_all(hanging, busy, settling=settling, at_once=1)} == {"station", "well"}


def test_collecting_goes_on_while_somebody_holds_the_writers_lock(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    settling, busy = look_ahead(stocked, sources.in_force(stocked, ["station"]))
    with writer_lock(stocked.settings, purpose="test"):
        (collected,) = collect_all(stocked, busy, settling=settling)
    assert len(collected.news) == 1
    with stocked.session() as session:
        assert session.exec(select(Batch.state)).all() == ["received"]


def test_what_an_earlier_run_left_in_landing_is_loaded_by_the_next(stocked: Hub, inbox: Path) -> None:
    """The process died between the two ops."""
    drop(inbox / "station", "a.csv", "S1,1")
    settling, busy = look_ahead(stocked, sources.in_force(stocked, ["station"]))
    list(collect_all(stocked, busy, settling=settling, run_id="dead"))
    (done,) = execute(stocked.settings, ["request"])
    assert done.success
    with stocked.session() as session:
        assert session.exec(select(Batch.state)).all() == ["loaded"]


def test_small_deliveries_share_one_hold_of_the_lock(stocked: Hub, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds: list[str] = []
    real = ingest.writer

    def counted(settings: Settings, *, purpose: str = "", **more: Any) -> Any:
        holds.append(purpose)
        return real(settings, purpose=purpose, **more)

    monkeypatch.setattr(ingest, "writer", counted)
    settling, busy = look_ahead(stocked, {})
    for number in range(5):
        drop(inbox / "station", f"{number}.csv", f"S{number},1")
    settling, busy = look_ahead(stocked, sources.in_force(stocked, ["station"]))
    (collected,) = collect_all(stocked, busy, settling=settling)
    waiting = list(collected.news)
    done = ingest.load(
        stocked.settings, stocked.ledger, stocked.lookups, lambda: waiting.pop(0) if waiting else None, hold_seconds=600
    )
    assert [attempt.error for attempt in done] == [None] * 5
    assert len(holds) == 1
    with stocked.session() as session:
        assert set(session.exec(select(Batch.state))) == {"loaded"}


class TestTurns:
    """A dataset with a great many deliveries keeps no other waiting."""

    def queue(self, order: Sequence[str], *waiting: str) -> LoadQueue:
        queue = LoadQueue(order)
        for number, dataset in enumerate(waiting):
            queue.add(_reception(dataset, number))
        return queue

    def taken(self, queue: LoadQueue, ready: Any = lambda dataset: True) -> list[str]:
        return [one.entry.receipt.dataset for one in iter(lambda: queue.next(ready), None) if one]

    def test_one_of_each_and_then_the_next_of_each(self) -> None:
        queue = self.queue(["a", "b", "c"], *["a"] * 100, "b", "c", "b")
        assert self.taken(queue)[:6] == ["a", "b", "c", "a", "b", "a"]

    def test_within_a_dataset_in_the_order_of_receipt(self) -> None:
        queue = self.queue(["a", "b"], "a", "b", "a", "b")
        numbers = [one.entry.sequence for one in iter(lambda: queue.next(lambda dataset: dataset == "a"), None) if one]
        assert numbers == [0, 2]

    def test_who_comes_while_others_are_loaded_has_its_turn_next(self) -> None:
        queue = self.queue(["a"], *["a"] * 10)
        queue.next(lambda dataset: True)
        queue.add(_reception("late", 99))
        assert self.taken(queue)[:2] == ["late", "a"]

    def test_one_that_is_not_ready_is_passed_over_and_not_lost(self) -> None:
        queue = self.queue(["a", "b"], "a", "b", "b")
        assert self.taken(queue, lambda dataset: dataset != "a") == ["b", "b"]
        assert queue.holds("a")

    def test_a_batch_is_in_it_once(self) -> None:
        queue = self.queue(["a"], "a")
        queue.add(_reception("a", 0))
        assert len(self.taken(queue)) == 1


def _reception(dataset: str, number: int) -> Reception:
    from contracts.clock import now

    receipt = Receipt(dataset, "1.0.0", "0" * 64, 1, "a.csv", now())
    return Reception(Entry(f"20260301-{number:04d}", number, receipt, "received"), news=True)
