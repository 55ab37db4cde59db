"""Collect: from a channel to landing, with a receipt. Sources are asked beside each other; the writer's lock is never held."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from filelock import FileLock, Timeout

from catalog.acquisition import channels as attempts
from catalog.acquisition.agreements import require_running
from catalog.acquisition.channels import ChannelAttempt
from catalog.audit import chain as audit
from catalog.deliveries.batches import Batch
from channels import registry
from channels.base import Channel, ChannelFailed, OutOfTime
from channels.ports import Arrival, Received
from channels.settling import Settling
from contracts.clock import today
from contracts.deliveries import Answers
from contracts.errors import HubError
from contracts.model import Item
from hub import sources
from hub.hub import ACTOR, Hub
from hub.sources import Agreed
from orchestration.turns import Note, clean, words
from orchestration.waiting import next_of
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Reception
from warehouse.storage.failpoints import reach

GRACE_SECONDS = 30.0
"""A source that took all of its own time gets this long to end by itself; then it is given up."""
LOOK_SECONDS = 0.2


class TookTooLong(ChannelFailed):
    """A source that did not end within its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"来源在 {seconds:.0f} 秒内没有结束，已放弃本次收取；请检查对方，或调整通道的时限。",
            f"The source did not end within {seconds:.0f} s and was given up; look at it, or change the channel's time-out.",
        )


@dataclass
class Collected:
    """One look at a channel: what it left in landing, and what stands in its way."""

    agreed: Agreed
    receptions: list[Reception] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    failed: bool = False
    seconds: float = 0.0

    @property
    def news(self) -> list[Reception]:
        """Deliveries that were not here before."""
        return [reception for reception in self.receptions if reception.news]

    def note(self, error: Exception) -> None:
        """Something of the channel went wrong."""
        self.failed = True
        self.notes.append(words(error))


@dataclass
class RunTime:
    """How long one run may ask sources elsewhere; files on this machine come in every run."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds that are left. Errors: OutOfTime."""
        left = self.began + self.seconds - time.monotonic()
        if left <= 0:
            raise OutOfTime(self.seconds)
        return left


@dataclass
class HubLanding:
    """channels.ports.Landing for one look at a channel."""

    hub: Hub
    agreed: Agreed
    kind: type[Channel[Any]]
    collected: Collected
    run_id: str
    actor: str
    received: list[Received] = field(default_factory=list)

    def receive(self, arrival: Arrival) -> Received | None:
        """Bytes to landing, and their receipt; one file's trouble does not keep the others out."""
        if any(arrival.note):
            return self._left_out(arrival)
        try:
            reception = self._reception(arrival)
        except (HubError, OSError) as error:
            self.collected.note(error)
            return None
        self.collected.receptions.append(reception)
        return self._received(arrival, reception.entry.batch_id)

    def _reception(self, arrival: Arrival) -> Reception:
        hub, agreement = self.hub, self.agreed.agreement
        return ingest.receive(
            hub.settings,
            hub.ledger,
            hub.lookups,
            arrival.content,
            dataset=agreement.dataset,
            received_by=self.actor,
            filename=arrival.filename,
            route=agreement.route,
            agreement_id=agreement.id,
            organization_id=arrival.organization_id,
            period=arrival.period,
            corrects=_corrected(hub, arrival, agreement.dataset),
            run_id=self.run_id,
            mark=arrival.mark if self.agreed.number == 1 else f"{self.agreed.number}:{arrival.mark}",
            received_at=arrival.received_at,
            # An agency that hands its template in without a row reports that there is nothing (零报送).
            answers=Answers(again=self.kind.says_what_is_true_now, nil=agreement.route == "collect"),
        )

    def _left_out(self, arrival: Arrival) -> Received:
        zh, en = map(clean, arrival.note)
        self.collected.notes.append((zh, en))
        if arrival.claims:  # a file that names a sender it is not from is on record
            agreement = self.agreed.agreement
            detail = {"file": clean(arrival.filename), "claims": arrival.claims, "agreement": agreement.id, "reason": en}
            with self.hub.session() as session:
                audit.record(
                    session,
                    actor=self.actor,
                    action="deliver",
                    object=f"dataset:{agreement.dataset}",
                    outcome="refused",
                    detail=detail,
                )
        return self._received(arrival, "")

    def _received(self, arrival: Arrival, batch_id: str) -> Received:
        self.received.append(Received(arrival, batch_id))
        return self.received[-1]


def look_ahead(hub: Hub, found: Mapping[str, Sequence[Agreed]]) -> tuple[Settling, list[Agreed]]:
    """The first look at every folder, and the channels that may have news."""
    settling, busy = Settling(), []
    for agreed in (one for agreements in found.values() for one in agreements):
        try:
            channel = sources.opened(hub, agreed)
            files = channel.waiting()
            settling.look(files)
            if files or not channel.watched:
                busy.append(agreed)
        except (HubError, OSError):
            busy.append(agreed)  # its turn tells why
    return settling, busy


def waiting(hub: Hub, agreed: Agreed) -> list[Path]:
    """Files that wait in a channel; none where it cannot be looked at, which its turn tells."""
    try:
        return sources.opened(hub, agreed).waiting()
    except (HubError, OSError):
        return []


def passed_over(hub: Hub, found: Mapping[str, Sequence[Agreed]]) -> list[tuple[Path, str, str]]:
    """What lies in watched folders and is not taken, each with why, in Chinese and English."""
    left: list[tuple[Path, str, str]] = []
    for agreed in (one for agreements in found.values() for one in agreements):
        try:
            left += sources.opened(hub, agreed).passed_over()
        except (HubError, OSError):
            continue
    return left


def referenced_first(hub: Hub, datasets: Collection[str]) -> dict[str, frozenset[str]]:
    """Datasets in an order in which a reference finds its target loaded, each with those it waits for; circles are cut."""
    wanted, ordered, under_way = set(datasets), dict[str, frozenset[str]](), set[str]()

    def visit(name: str) -> None:
        if name in ordered or name in under_way:
            return
        under_way.add(name)
        targets = {item.references[0] for item in _items(hub, name) if item.references} & wanted - {name}
        for target in sorted(targets):
            visit(target)
        ordered[name] = frozenset(targets & ordered.keys())

    for name in sorted(wanted):
        visit(name)
    return ordered


def collect(
    hub: Hub,
    agreed: Agreed,
    *,
    settling: Settling | None = None,
    run_time: RunTime | None = None,
    run_id: str = "",
    actor: str = ACTOR,
) -> Collected:
    """One look at a channel: whatever is new is in landing with its receipt when this returns, and the attempt on record."""
    return Look(hub, agreed, settling or Settling(), run_time or RunTime(hub.settings.run_fetch_seconds), run_id, actor).take()


@dataclass
class Look:
    """One look at a channel, under way."""

    hub: Hub
    agreed: Agreed
    settling: Settling
    run_time: RunTime
    run_id: str
    actor: str
    collected: Collected = field(init=False)
    began: float = 0.0
    limit: float = float("inf")
    """Seconds after which it is given up."""
    _ended: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.collected = Collected(self.agreed)

    def take(self) -> Collected:
        """Collect, acknowledge, and leave the one attempt of this look in the catalogue."""
        self.began = time.monotonic()
        with alone(self.hub, self.agreed) as free:
            if not free:  # another run is at it; its attempt is that one's
                return Collected(self.agreed)
            try:
                self._ask()
            except Exception as error:
                self.collected.note(error)
            self.collected.seconds = time.monotonic() - self.began
            if self._first():
                _record(self.hub, self.collected, self.run_id)
            return self.collected

    def give_up(self) -> Collected | None:
        """What is known of a source that did not end in time, as failed; None where it has just ended."""
        if not self._first():
            return None
        given_up = replace(self.collected, notes=[*self.collected.notes], receptions=[*self.collected.receptions])
        given_up.note(TookTooLong(self.limit))
        given_up.seconds = time.monotonic() - self.began
        _record(self.hub, given_up, self.run_id)
        return given_up

    @property
    def overdue(self) -> bool:
        """Whether it has had all of its time, and then some."""
        return bool(self.began) and time.monotonic() - self.began > self.limit + GRACE_SECONDS

    def _ask(self) -> None:
        require_running(self.agreed.agreement, today())
        kind = registry.of(self.agreed.kind, self.agreed.agreement.route)
        seconds = self.run_time.left() if kind.remote else float("inf")
        channel = sources.opened(self.hub, self.agreed, settling=self.settling, seconds=seconds)
        if kind.remote:
            self.limit = min(seconds, channel.seconds)
        landing = HubLanding(self.hub, self.agreed, kind, self.collected, self.run_id, self.actor)
        try:
            channel.collect(landing)
        finally:
            reach("acknowledge")
            if landing.received:
                channel.acknowledge(landing.received)

    def _first(self) -> bool:
        """Whether this is its end: a look that was given up and ends after all leaves no second attempt."""
        return self._ended.acquire(blocking=False)


def collect_all(
    hub: Hub, busy: Sequence[Agreed], *, settling: Settling, run_id: str = "", at_once: int = 0
) -> Iterator[Collected]:
    """Every channel's look, as each ends: so many at once, a slow one in nobody's way but that of its own time-out.

    The threads are of the kind that a process does not wait for: one that hangs in a foreign library ends with the run.
    """
    run_time = RunTime(hub.settings.run_fetch_seconds)
    todo = deque(Look(hub, agreed, settling, run_time, run_id, ACTOR) for agreed in busy)
    ended: SimpleQueue[tuple[Look, Collected]] = SimpleQueue()
    under_way: dict[int, Look] = {}
    while todo or under_way:
        while todo and len(under_way) < (at_once or hub.settings.collectors):
            look = todo.popleft()
            under_way[id(look)] = look
            threading.Thread(target=_run, args=(look, ended), name=f"collect {look.agreed.label}", daemon=True).start()
        try:
            look, collected = next_of(ended, LOOK_SECONDS)
            if under_way.pop(id(look), None) is not None:
                yield collected
        except Empty:
            for look in [one for one in under_way.values() if one.overdue]:
                if (given_up := look.give_up()) is not None:
                    under_way.pop(id(look))
                    yield given_up


def _run(look: Look, ended: SimpleQueue[tuple[Look, Collected]]) -> None:
    try:
        collected = look.take()
    except Exception as error:  # the catalogue went away while the attempt was being recorded
        collected = look.collected
        collected.note(error)
    ended.put((look, collected))


@contextmanager
def alone(hub: Hub, agreed: Agreed) -> Iterator[bool]:
    """Whether nobody else is asking this source: two runs that did would give its files twice as much work."""
    folder = hub.settings.root / sources.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{sources.folder(hub.settings, agreed).name}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _record(hub: Hub, collected: Collected, run_id: str) -> None:
    """The outcome of one look at a channel, in the catalogue."""
    outcome = attempts.FAILED if collected.failed else attempts.TAKEN if collected.news else attempts.NOTHING
    attempt = ChannelAttempt(
        agreement_id=collected.agreed.agreement.id,
        dataset=collected.agreed.dataset,
        channel=collected.agreed.kind,
        outcome=outcome,
        reason="；".join(zh for zh, _ in collected.notes),
        reason_en="; ".join(en for _, en in collected.notes),
        bytes=sum(reception.entry.receipt.bytes for reception in collected.news),
        batches=[reception.entry.batch_id for reception in collected.news],
        seconds=round(collected.seconds, 3),
        run_id=run_id,
    )
    with hub.session() as session:
        attempts.record(session, attempt)


def _corrected(hub: Hub, arrival: Arrival, dataset: str) -> str | None:
    """The batch that a file's name says it corrects, where it is one of this dataset, from the same sender or from nobody."""
    if arrival.corrects is None:
        return None
    with hub.session() as session:
        batch = session.get(Batch, arrival.corrects)
        if batch is None or batch.dataset != dataset:
            return None
        return batch.id if batch.organization_id in (None, "", arrival.organization_id) else None


def _items(hub: Hub, dataset: str) -> Sequence[Item]:
    try:
        return hub.lookups.contract(dataset).items
    except (KeyError, HubError):
        return ()  # collecting will say that there is no contract
