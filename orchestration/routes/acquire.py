"""One dataset's turn: whatever its agreements' channels hold is delivered, and what became of it is told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sqlmodel import col, select

from catalog.agreements import IN_FORCE, Agreement
from catalog.batches import Batch
from contracts.deliveries import Outcome
from contracts.errors import HubError
from contracts.model import Item
from orchestration import lineage
from orchestration.hub import ACTOR, Hub
from orchestration.routes import buy, collect, mailbox, request
from orchestration.routes.arrivals import Arrival
from orchestration.routes.folder import Settling, place
from warehouse import ingest, tables

ROUTES: dict[str, ModuleType] = {"request": request, "buy": buy, "collect": collect}


@dataclass(frozen=True, slots=True)
class Taken:
    """One delivery that was taken: its batch and what became of it."""

    batch_id: str
    filename: str
    agreement_id: str
    organization_id: str
    period: str
    no_op: bool
    outcome: Outcome
    returned: str = ""
    """Workbook with marked errors that went back to the agency."""

    @property
    def refused(self) -> bool:
        """Did nothing of it get in?"""
        return self.outcome.state in ("refused", "returned")


@dataclass
class Acquired:
    """A dataset's turn in one run."""

    dataset: str
    deliveries: list[Taken] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    """What stands in the way of a file or a channel, in Chinese and English."""
    failed: bool = False
    seconds: float = 0.0

    @property
    def news(self) -> list[Taken]:
        """Deliveries that were not already here."""
        return [taken for taken in self.deliveries if not taken.no_op]

    def count(self, name: str) -> int:
        """Sum of one of the outcome's counts over the new deliveries."""
        return sum(int(getattr(taken.outcome, name)) for taken in self.news)


def agreements(hub: Hub, datasets: Iterable[str] = (), route: str = "") -> dict[str, list[Agreement]]:
    """Agreements in force by dataset, in the order of their numbers; one query for a thousand datasets."""
    wanted = set(datasets)
    with hub.session() as session:
        asked = select(Agreement).where(col(Agreement.state).in_(IN_FORCE), *((Agreement.route == route,) if route else ()))
        found: dict[str, list[Agreement]] = {}
        for agreement in session.exec(asked.order_by(Agreement.id)):
            if not wanted or agreement.dataset in wanted:
                found.setdefault(agreement.dataset, []).append(agreement)
        return found


def look_ahead(hub: Hub, found: Mapping[str, Sequence[Agreement]]) -> tuple[Settling, list[str]]:
    """The first look at every folder, and the datasets that may have news: referenced ones before those that refer."""
    settling, busy = Settling(), []
    for dataset, held in found.items():
        files = [path for agreement in held for path in ROUTES[agreement.route].waiting(hub, agreement)]
        settling.look(files)
        if files or not all(_watched(hub, agreement) for agreement in held):
            busy.append(dataset)
    return settling, _referenced_first(hub, busy)


def make_tables(hub: Hub, datasets: Sequence[str]) -> None:
    """Tables of datasets that are about to be loaded, at once; one without a contract is told of when its turn comes."""
    contracts = []
    for name in datasets:
        with suppress(KeyError, HubError):
            contracts.append(hub.lookups.contract(name))
    tables.make_all(hub.settings, contracts)


def acquire(
    hub: Hub, dataset: str, held: Sequence[Agreement], *, settling: Settling | None = None, run_id: str = "", actor: str = ACTOR
) -> Acquired:
    """Take everything that is ready for a dataset. One file's or channel's trouble does not keep the others out."""
    began = time.perf_counter()
    turn = Acquired(dataset)
    for agreement in held:
        try:
            found = ROUTES[agreement.route].arrivals(hub, agreement, settling)
        except (HubError, OSError) as error:
            _note(turn, error)
            continue
        for arrival in found:
            _take(hub, agreement, arrival, turn, run_id, actor)
    turn.seconds = time.perf_counter() - began
    return turn


def _watched(hub: Hub, agreement: Agreement) -> bool:
    """Is the channel a folder that is there, so that no file in it means no news?"""
    channel = agreement.channel
    return channel.get("kind") in ("folder", "template") and "path" in channel and place(hub.settings, channel).is_dir()


def _referenced_first(hub: Hub, datasets: Sequence[str]) -> list[str]:
    """Datasets in an order in which a reference finds its target loaded; a circle is cut where it is met."""
    wanted, ordered, open_ = set(datasets), dict[str, None](), set[str]()

    def visit(name: str) -> None:
        if name in ordered or name in open_:
            return
        open_.add(name)
        for item in _items(hub, name):
            if item.references and item.references[0] in wanted:
                visit(item.references[0])
        ordered[name] = None

    for name in sorted(datasets):
        visit(name)
    return list(ordered)


def _items(hub: Hub, dataset: str) -> Sequence[Item]:
    try:
        return hub.lookups.contract(dataset).items
    except (KeyError, HubError):
        return ()  # deliver will say that there is no contract


def _take(hub: Hub, agreement: Agreement, arrival: Arrival, turn: Acquired, run_id: str, actor: str) -> None:
    if any(arrival.note):
        turn.notes.append(arrival.note)
        arrival.taken("")
        return
    try:
        taken = _deliver(hub, agreement, arrival, run_id, actor)
    except (HubError, OSError) as error:
        _note(turn, error)
        return
    arrival.taken(taken.batch_id)
    turn.deliveries.append(taken)


def _deliver(hub: Hub, agreement: Agreement, arrival: Arrival, run_id: str, actor: str) -> Taken:
    delivered = ingest.deliver(
        hub.settings,
        hub.ledger,
        hub.lookups,
        arrival.path,
        dataset=agreement.dataset,
        received_by=actor,
        route=agreement.route,
        agreement_id=agreement.id,
        organization_id=arrival.organization_id,
        period=arrival.period,
        corrects=_known(hub, arrival.corrects, agreement.dataset),
        run_id=run_id,
        filename=arrival.filename,
        received_at=arrival.received_at,
    )
    if not delivered.no_op:
        _record(hub, agreement, delivered)
    returned = (
        mailbox.give_back(hub.settings, agreement.channel, arrival, delivered.batch_id)
        if _faulty(agreement, delivered)
        else None
    )
    return Taken(
        batch_id=delivered.batch_id,
        filename=arrival.filename,
        agreement_id=agreement.id,
        organization_id=arrival.organization_id or "",
        period=arrival.period,
        no_op=delivered.no_op,
        outcome=delivered.outcome,
        returned=str(returned or ""),
    )


def _known(hub: Hub, batch_id: str | None, dataset: str) -> str | None:
    """The batch that a file's name says it mends, where there is one of this dataset."""
    if batch_id is None:
        return None
    with hub.session() as session:
        batch = session.get(Batch, batch_id)
        return batch_id if batch is not None and batch.dataset == dataset else None


def _faulty(agreement: Agreement, delivered: Any) -> bool:
    return agreement.route == "collect" and bool(delivered.outcome.quarantined) and not delivered.no_op


def _record(hub: Hub, agreement: Agreement, delivered: Any) -> None:
    contract = hub.lookups.contract(agreement.dataset, delivered.entry.receipt.contract_version)
    events = lineage.batch_events(contract, delivered.entry, delivered.outcome, channel=agreement.channel)
    with hub.session() as session:
        lineage.record(session, events)


def _note(turn: Acquired, error: Exception) -> None:
    turn.failed = True
    turn.notes.append((error.message, error.message_en) if isinstance(error, HubError) else (str(error), str(error)))
