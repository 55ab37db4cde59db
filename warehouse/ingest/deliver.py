"""One delivery, from a file to the lake: landing, receipt, check, one lake transaction, result.

`deliver` does all of it at once. Channels do it by halves: `receive` brings bytes to landing and writes their receipt, beside
whatever is being loaded; `load` takes what waits, under the writer's lock (docs/decisions/0025).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from contracts import progress
from contracts.clock import now
from contracts.deliveries import Answers, Entry, Outcome, Receipt
from contracts.model import Contract
from warehouse.ingest import accounts, reconcile, underway
from warehouse.ingest.ahead import Ahead
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.ingest.process import Clock, Reading, finish, same, told_again
from warehouse.settings import Settings
from warehouse.storage import landing
from warehouse.storage.connection import writer
from warehouse.storage.failpoints import reach


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery. `no_op`: the very bytes were the dataset's latest accepted ones, nothing was done."""

    batch_id: str
    outcome: Outcome
    no_op: bool
    entry: Entry


def deliver(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    path: Path,
    *,
    dataset: str,
    contract: Contract | None = None,
    received_by: str,
    route: str = "",
    agreement_id: str | None = None,
    organization_id: str | None = None,
    period: str = "",
    corrects: str | None = None,
    run_id: str = "",
    filename: str | None = None,
    received_at: datetime | None = None,
    follow_links: bool = True,
    answers: Answers | None = None,
) -> Delivered:
    """Receive a file for a dataset, check it against its contract, and load what is good.

    `received_at` is when it arrived, where that was before now (it lay in a mailbox); never later than now. `answers` say what
    the file leaves open; where something stays open, the batch is held for them (`answer`) and nothing is loaded.

    A crash at any moment leaves the old state or the new one; `ingest.reconcile` finishes the job. Raises HubError when
    nothing could be done (no such file, a full disk, the lake is busy); a delivery that breaks its contract's rules is no
    error but an outcome: refused or returned.
    """
    clock = Clock()
    contract = contract or lookups.contract(dataset)
    with landing.room_said(settings):
        progress.reached("receiving")
        with clock.step("landing"):
            landed = landing.land(settings, Path(path), follow_links=follow_links)
        receipt = _receipt(
            contract,
            landed,
            filename or Path(path).name,
            received_at,
            dataset=dataset,
            received_by=received_by,
            route=route,
            agreement_id=agreement_id,
            organization_id=organization_id,
            period=period,
            corrects=corrects,
            run_id=run_id,
            answers=answers or Answers(),
        )
        with underway.delivery(settings, dataset, landed.sha256):
            if ledger.waiting(dataset):
                reconcile.reconcile(settings, ledger, lookups, dataset=dataset, mine=landed.sha256)
            received = _receive(ledger, receipt, ledger.latest(dataset))
            if not received.news:
                return Delivered(received.entry.batch_id, _known(received.entry), True, received.entry)
            entry, outcome = _under_lock(settings, ledger, lookups, received, contract, clock)
    return Delivered(entry.batch_id, outcome, False, ledger.entry(entry.batch_id))


@dataclass(frozen=True, slots=True)
class Reception:
    """A delivery that is in landing, with its receipt. `news`: it waits to be loaded; otherwise it was here before."""

    entry: Entry
    news: bool
    seconds: float = 0.0
    """How long its bytes took to landing."""
    answered: bool = False
    """A held batch of these very bytes goes on with what the delivery answers."""
    left_behind: bool = False
    """An earlier process received it, and may have loaded it before it died: the lake is asked first."""


def receive(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    content: Path | Callable[[], Iterable[bytes]],
    *,
    dataset: str,
    received_by: str,
    filename: str,
    route: str = "",
    agreement_id: str | None = None,
    organization_id: str | None = None,
    period: str = "",
    corrects: str | None = None,
    run_id: str = "",
    mark: str = "",
    received_at: datetime | None = None,
    answers: Answers | None = None,
) -> Reception:
    """Bring what a channel gives to landing and write its receipt, without the writer's lock; `load` does the rest.

    What came before under the same mark is not taken again, whatever became of it. The bytes that wait last, or were loaded
    last, are no news either. Raises HubError where nothing could be received.
    """
    before = ledger.marked(agreement_id, mark) if agreement_id and mark else None
    if before is not None:
        return Reception(before, news=False)
    contract, clock = lookups.contract(dataset), Clock()
    with landing.room_said(settings):
        with clock.step("landing"):
            landed = landing.land(settings, content, follow_links=False)
        receipt = _receipt(
            contract,
            landed,
            filename,
            received_at,
            dataset=dataset,
            received_by=received_by,
            route=route,
            agreement_id=agreement_id,
            organization_id=organization_id,
            period=period,
            corrects=corrects,
            run_id=run_id,
            mark=mark,
            answers=answers or Answers(),
        )
        with underway.delivery(settings, dataset, landed.sha256):
            waiting = ledger.waiting(dataset)
            received = _receive(ledger, receipt, waiting[-1] if waiting else ledger.latest(dataset))
    return replace(received, seconds=clock.seconds["landing"])


@dataclass(frozen=True, slots=True)
class Attempt:
    """A load that was tried: what became of it, or why it could not be. Its receipt stays, so that it is tried again."""

    reception: Reception
    delivered: Delivered | None = None
    error: Exception | None = None
    seconds: float = 0.0


def load(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    following: Callable[[], Reception | None],
    *,
    hold_seconds: float,
) -> list[Attempt]:
    """Load what was received, in one hold of the writer's lock: small deliveries together, until the time is over or
    `following` gives none. One's trouble keeps no other out. Raises WriterBusy where the lock did not come free."""
    reception = following()
    if reception is None:
        return []
    attempts = []
    purpose = f"load {reception.entry.batch_id} {reception.entry.receipt.dataset}"
    with writer(settings, purpose=purpose) as connection, Ahead(settings, ledger, lookups) as ahead:
        until = time.monotonic() + hold_seconds
        while reception is not None:
            upcoming = following() if time.monotonic() < until else None
            if upcoming is not None:
                ahead.begin(upcoming.entry)
            attempts.append(_attempted(settings, ledger, lookups, connection, reception, ahead))
            reception = upcoming
    return attempts


def _attempted(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    connection: duckdb.DuckDBPyConnection,
    reception: Reception,
    ahead: Ahead,
) -> Attempt:
    began, clock = time.perf_counter(), Clock({"landing": reception.seconds} if reception.seconds else {})
    try:
        with landing.room_said(settings):
            entry, left_behind = reception.entry, reception.left_behind or not reception.news
            entry, outcome = _load(
                settings, ledger, lookups, connection, entry, None, clock, left_behind=left_behind, read=ahead.read
            )
        delivered = Delivered(entry.batch_id, outcome, False, ledger.entry(entry.batch_id))
        return Attempt(reception, delivered, seconds=time.perf_counter() - began)
    except Exception as error:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        return Attempt(reception, error=error, seconds=time.perf_counter() - began)


def _receipt(contract: Contract, landed: landing.Landed, filename: str, received_at: datetime | None, **about: Any) -> Receipt:
    return Receipt(
        contract_version=contract.version,
        sha256=landed.sha256,
        bytes=landed.bytes,
        filename=landing.told_name(filename),
        received_at=min(received_at or now(), now()),
        **about,
    )


def _receive(ledger: Ledger, receipt: Receipt, last: Entry | None) -> Reception:
    """The receipt of a delivery, unless it is the last one again; a held one of the same bytes goes on where this answers."""
    if last and same(last.receipt, receipt):
        return Reception(last, news=False)
    alike = ledger.alike(receipt.dataset, receipt.sha256)
    waiting = [entry for entry in alike if entry.state == "held" and same(entry.receipt, receipt)]
    if waiting and receipt.answers:
        answered = ledger.answer(waiting[-1].batch_id, receipt.answers, receipt.received_by)
        reach("receipt")
        return Reception(answered, news=True, answered=True)
    if waiting and waiting[-1].outcome:
        return Reception(waiting[-1], news=False)
    entry = ledger.receive(receipt)
    reach("receipt")
    return Reception(entry, news=True)


def _known(entry: Entry) -> Outcome:
    """What a delivery comes to that was here before."""
    return entry.outcome if entry.state == "held" and entry.outcome else told_again(entry)


def _under_lock(
    settings: Settings, ledger: Ledger, lookups: Lookups, received: Reception, contract: Contract, clock: Clock
) -> tuple[Entry, Outcome]:
    entry = received.entry
    with writer(settings, purpose=f"load {entry.batch_id} {entry.receipt.dataset}") as connection:
        if received.answered:
            return entry, finish(settings, ledger, lookups, connection, entry, None, clock)
        return _load(settings, ledger, lookups, connection, entry, contract, clock)


def _load(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    contract: Contract | None,
    clock: Clock,
    *,
    left_behind: bool = False,
    read: Reading | None = None,
) -> tuple[Entry, Outcome]:
    """Check and load, once lake and ledger agree. Where they did not, the lake may know another batch by this one's number."""
    if accounts.agree(connection, ledger):
        if left_behind:  # both may agree on what came after it
            return entry, reconcile.brought_to_end(settings, ledger, lookups, connection, entry)
        return entry, finish(settings, ledger, lookups, connection, entry, contract, clock, read)
    mended = reconcile.mend(settings, ledger, lookups, connection)
    number = next((one.batch_id for one in mended if one.was == entry.batch_id), entry.batch_id)
    for waiting in ledger.unsettled():  # in their order: what the lake lost comes before what is new
        if waiting.sequence < ledger.entry(number).sequence and waiting.receipt.dataset == entry.receipt.dataset:
            reconcile.settle(settings, ledger, lookups, connection, waiting)
    return ledger.entry(number), reconcile.brought_to_end(settings, ledger, lookups, connection, ledger.entry(number))


def answer(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    batch_id: str,
    answers: Answers,
    *,
    by: str,
    states: Sequence[str] = ("held",),
) -> Delivered:
    """Go on with a held batch (or one in other states), as the newest delivery of its dataset; lasting answers are kept."""
    clock = Clock()
    with landing.room_said(settings):
        entry = ledger.answer(batch_id, answers, by, states)
        reach("receipt")
        with writer(settings, purpose=f"load {batch_id} {entry.receipt.dataset}") as connection:
            outcome = finish(settings, ledger, lookups, connection, entry, None, clock)
    return Delivered(batch_id, outcome, False, ledger.entry(batch_id))
