"""One dataset's turn: whatever its agreements' channels hold is delivered, and what became of it is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlmodel import col, select

from catalog.acquisition import channels
from catalog.acquisition.agreements import IN_FORCE, Agreement, require_running
from catalog.acquisition.channels import ChannelAttempt
from catalog.audit import chain as audit
from catalog.deliveries.batches import Batch
from contracts.clock import today
from contracts.deliveries import Answers, Outcome
from contracts.errors import HubError
from contracts.model import Item
from hub.hub import ACTOR, Hub
from orchestration import lineage
from orchestration.routes import buy, collect, folder, mailbox, request
from orchestration.routes.arrivals import Arrival, ChannelFailed, FetchTime, Unexpected
from orchestration.routes.arrivals import Taken as Memory
from orchestration.routes.folder import Settling, place
from warehouse.ingest import deliver as ingest
from warehouse.ingest.deliver import Delivered
from warehouse.storage import tables
from warehouse.storage.connection import WriterBusy

log = logging.getLogger(__name__)

MAKE_TABLES_SECONDS = 30.0
FILES = ("folder", "template", "sftp")
"""Channels that bring files as they were made; others tell what is true now, and may well say again what was true before."""
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
    bytes: int = 0
    returned: str = ""
    """Workbook with marked errors that went back to the agency."""

    @property
    def refused(self) -> bool:
        """Did nothing of it get in?"""
        return self.outcome.state in ("refused", "returned", "held")


@dataclass
class Acquired:
    """A dataset's turn in one run."""

    dataset: str
    deliveries: list[Taken] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    """What stands in the way of a file or a channel, in Chinese and English."""
    failed: bool = False
    seconds: float = 0.0
    lineage: list[dict[str, Any]] = field(default_factory=list)
    """Events of the deliveries, not yet in the catalogue."""

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
    forget_lost(hub, found)
    settling, busy = Settling(), []
    for dataset, held in found.items():
        files = [path for agreement in held for path in ROUTES[agreement.route].waiting(hub, agreement)]
        settling.look(files)
        if files or not all(_watched(hub, agreement) for agreement in held):
            busy.append(dataset)
    return settling, _referenced_first(hub, busy)


def make_tables(hub: Hub, datasets: Sequence[str]) -> None:
    """Tables of datasets that are about to be loaded, at once; one without a contract is told of when its turn comes.

    Only a saving: where the lake is being written to, each load makes its own.
    """
    contracts = []
    for name in datasets:
        with suppress(KeyError, HubError):
            contracts.append(hub.lookups.contract(name))
    with suppress(WriterBusy):
        tables.make_all(hub.settings, contracts, wait=MAKE_TABLES_SECONDS)


def acquire(
    hub: Hub,
    dataset: str,
    held: Sequence[Agreement],
    *,
    settling: Settling | None = None,
    fetching: FetchTime | None = None,
    run_id: str = "",
    actor: str = ACTOR,
) -> Acquired:
    """Take everything that is ready for a dataset. One file's or channel's trouble does not keep the others out."""
    began = time.perf_counter()
    turn = Acquired(dataset)
    for agreement in held:
        mine = Acquired(dataset)
        asked = time.perf_counter()
        try:
            require_running(agreement, today())
            for arrival in ROUTES[agreement.route].arrivals(hub, agreement, settling, fetching):
                _take(hub, agreement, arrival, mine, run_id, actor)
        except Exception as error:
            _note(mine, error)
        _attempted(hub, agreement, mine, run_id, time.perf_counter() - asked)
        turn.deliveries += mine.deliveries
        turn.notes += mine.notes
        turn.failed = turn.failed or mine.failed
    turn.seconds = time.perf_counter() - began
    return turn


def forget_lost(hub: Hub, found: Mapping[str, Sequence[Agreement]]) -> None:
    """Files whose batch the catalogue does not know any more are taken again: it was brought back from before."""
    memories = [Memory.of(hub.settings, agreement.id) for held in found.values() for agreement in held]
    newest = {memory.newest() for memory in memories} - {""}
    if not newest or _unknown(hub, newest) == set():
        return
    for memory in memories:
        if unknown := _unknown(hub, {str(told[2]) for told in memory.held.values()} - {""}):
            memory.forget(unknown)


def _unknown(hub: Hub, batches: Collection[str]) -> set[str]:
    with hub.session() as session:
        return set(batches) - {batch.id for batch in session.exec(select(Batch).where(col(Batch.id).in_(batches)))}


def _attempted(hub: Hub, agreement: Agreement, mine: Acquired, run_id: str, seconds: float) -> None:
    """The outcome of one look at a channel, in the catalogue, with the lineage of what it brought, in one transaction.

    A watched folder without a file is no attempt. Lineage that a crash before this loses is caught up later.
    """
    if not mine.deliveries and not mine.notes and _watched(hub, agreement):
        return
    outcome = channels.FAILED if mine.failed else channels.TAKEN if mine.news else channels.NOTHING
    attempt = ChannelAttempt(
        agreement_id=agreement.id,
        dataset=agreement.dataset,
        channel=str(agreement.channel.get("kind", "")),
        outcome=outcome,
        reason="；".join(zh for zh, _ in mine.notes),
        reason_en="; ".join(en for _, en in mine.notes),
        bytes=sum(taken.bytes for taken in mine.news),
        batches=[taken.batch_id for taken in mine.news],
        seconds=round(seconds, 3),
        run_id=run_id,
    )
    with hub.session() as session:
        lineage.record(session, mine.lineage)
        channels.record(session, attempt)


def passed_over(hub: Hub, found: Mapping[str, Sequence[Agreement]]) -> list[tuple[Path, str, str]]:
    """What lies in watched folders and is not taken, each with why, in Chinese and English."""
    watched = [a for held in found.values() for a in held if a.channel.get("kind") == "folder" and "path" in a.channel]
    return [left for agreement in watched for left in folder.passed_over(hub.settings, agreement.id, agreement.channel)]


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
        if arrival.claims:
            _refused(hub, agreement, arrival, actor)
        arrival.taken("")
        return
    try:
        taken = _deliver(hub, agreement, arrival, turn, run_id, actor)
    except (HubError, OSError) as error:
        _note(turn, error)
        return
    arrival.taken(taken.batch_id)
    turn.deliveries.append(taken)


def _refused(hub: Hub, agreement: Agreement, arrival: Arrival, actor: str) -> None:
    """A file that names a sender it is not from, on record."""
    detail = {"file": arrival.filename, "claims": arrival.claims, "agreement": agreement.id, "reason": arrival.note[1]}
    with hub.session() as session:
        audit.record(
            session, actor=actor, action="deliver", object=f"dataset:{agreement.dataset}", outcome="refused", detail=detail
        )


def _deliver(hub: Hub, agreement: Agreement, arrival: Arrival, turn: Acquired, run_id: str, actor: str) -> Taken:
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
        corrects=_known(hub, arrival, agreement.dataset),
        run_id=run_id,
        filename=arrival.filename,
        received_at=arrival.received_at,
        follow_links=False,
        # An agency that hands its template in without a row reports that there is nothing (零报送).
        answers=Answers(again=agreement.channel.get("kind") not in FILES, nil=agreement.route == "collect"),
    )
    if not delivered.no_op:
        turn.lineage += _events(hub, agreement, delivered)
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
        bytes=delivered.entry.receipt.bytes,
        returned=str(returned or ""),
    )


def _known(hub: Hub, arrival: Arrival, dataset: str) -> str | None:
    """The batch that a file's name says it mends, where there is one of this dataset, from the same sender or from nobody."""
    if arrival.corrects is None:
        return None
    with hub.session() as session:
        batch = session.get(Batch, arrival.corrects)
        if batch is None or batch.dataset != dataset:
            return None
        return batch.id if batch.organization_id in (None, "", arrival.organization_id) else None


def _faulty(agreement: Agreement, delivered: Delivered) -> bool:
    return agreement.route == "collect" and bool(delivered.outcome.quarantined) and not delivered.no_op


def _events(hub: Hub, agreement: Agreement, delivered: Delivered) -> list[dict[str, Any]]:
    contract = hub.lookups.contract(agreement.dataset, delivered.entry.receipt.contract_version)
    return lineage.batch_events(contract, delivered.entry, delivered.outcome, channel=agreement.channel)


def _note(turn: Acquired, error: Exception) -> None:
    turn.failed = True
    told = error if isinstance(error, HubError) else _said(error)
    turn.notes.append((told.message, told.message_en))


def _said(error: Exception) -> HubError:
    """Errors of other libraries in words for people; the traceback goes to the log."""
    if isinstance(error, OSError) and error.strerror:
        return ChannelFailed(f"{error.filename or ''} {error.strerror}", f"{error.filename or ''}: {error.strerror}")
    log.exception("a channel failed", exc_info=error)
    return Unexpected(error)
