"""One delivery, from a file to the lake: landing, receipt, check, one lake transaction, result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from contracts import progress
from contracts.clock import now
from contracts.deliveries import Answers, Entry, Outcome, Receipt
from contracts.model import Contract
from warehouse.ingest import accounts, reconcile, underway
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.ingest.process import Clock, finish, same, told_again
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
        with underway.delivery(settings, dataset, landed.sha256):
            if any(entry.receipt.dataset == dataset for entry in ledger.unsettled()):
                reconcile.reconcile(settings, ledger, lookups, dataset=dataset, mine=landed.sha256)
            receipt = Receipt(
                dataset=dataset,
                contract_version=contract.version,
                sha256=landed.sha256,
                bytes=landed.bytes,
                filename=landing.told_name(filename or Path(path).name),
                received_at=min(received_at or now(), now()),
                received_by=received_by,
                route=route,
                agreement_id=agreement_id,
                organization_id=organization_id,
                period=period,
                corrects=corrects,
                run_id=run_id,
                answers=answers or Answers(),
            )
            latest = ledger.latest(dataset)
            if latest and same(latest.receipt, receipt):
                return Delivered(latest.batch_id, told_again(latest), True, latest)
            held = [e for e in ledger.alike(dataset, landed.sha256) if e.state == "held" and same(e.receipt, receipt)]
            if held and answers:
                return answer(settings, ledger, lookups, held[-1].batch_id, answers, by=received_by)
            if held and held[-1].outcome:
                return Delivered(held[-1].batch_id, held[-1].outcome, True, held[-1])
            entry = ledger.receive(receipt)
            reach("receipt")
            with writer(settings, purpose=f"load {entry.batch_id} {dataset}") as connection:
                entry, outcome = _load(settings, ledger, lookups, connection, entry, contract, clock)
    return Delivered(entry.batch_id, outcome, False, ledger.entry(entry.batch_id))


def _load(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    contract: Contract,
    clock: Clock,
) -> tuple[Entry, Outcome]:
    """Check and load, once lake and ledger agree. Where they did not, the lake may know another batch by this one's number."""
    if accounts.agree(connection, ledger):
        return entry, finish(settings, ledger, lookups, connection, entry, contract, clock)
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
