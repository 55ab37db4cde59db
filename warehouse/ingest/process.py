"""A received batch, from landing into the lake, and its result into the ledger. Always under the writer lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import duckdb

from contracts import doubts as doubts_of
from contracts import progress
from contracts.deliveries import Entry, Outcome, Receipt
from contracts.doubts import Doubt
from contracts.model import Contract, Delivery
from warehouse.ingest import corrections, doubts, merge, open_batch, quarantine, set_checks, stage
from warehouse.ingest import outcome as verdict
from warehouse.ingest.ports import Ledger, Lookups
from warehouse.settings import Settings
from warehouse.storage import commits, landing, standing, tables
from warehouse.storage.connection import count
from warehouse.storage.failpoints import reach

OPEN = ("received", "checking")
FEW = 100_000
"""Rows of delivery and table together up to which one thread loads: a second one finds nothing to do, and looks for it all the
time (ten rows: 76 ms of CPU with two, 44 ms with one; 2026-11-28)."""


Reading = Callable[[Contract, Entry], stage.Stage]
"""A batch, and the contract as it holds for it, to a written stage: `open_batch.read`."""


@dataclass(slots=True)
class Clock:
    """Seconds of each step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; steps of one name add up."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def finish(
    settings: Settings,
    ledger: Ledger,
    lookups: Lookups,
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    contract: Contract | None = None,
    clock: Clock | None = None,
    read: Reading | None = None,
) -> Outcome:
    """Check and load a received batch from landing, under the writer lock, and settle it in the ledger. `read`: how it becomes
    a stage, where that is begun before (warehouse.ingest.ahead)."""
    clock = clock or Clock()
    entry = ledger.checking(entry.batch_id)
    if entry.state not in OPEN:  # another process, reconciling, was faster: what it made of this very batch
        return entry.outcome or told_again(entry)
    reach("check")
    latest, receipt = ledger.latest(entry.receipt.dataset), entry.receipt
    contract = contract or lookups.contract(receipt.dataset, receipt.contract_version)
    entry = answered(ledger, entry)
    if latest and latest.sequence < entry.sequence and same(latest.receipt, receipt):
        outcome = replace(told_again(latest), state=latest.state)
    elif latest and (older := _older(ledger, latest, entry)):
        outcome = verdict.held([older], contract)
    else:
        outcome = _checked(connection, read or partial(open_batch.read, settings, lookups), entry, contract, clock)
    reach("commit-after")
    outcome = replace(outcome, seconds={name: round(s, 3) for name, s in clock.seconds.items()})
    ledger.settle(entry.batch_id, outcome)
    reach("settle")
    return outcome


def answered(ledger: Ledger, entry: Entry) -> Entry:
    """The batch with what was answered before for its dataset, where it says nothing else itself."""
    receipt = entry.receipt
    return replace(entry, receipt=replace(receipt, answers=receipt.answers.over(ledger.agreed(receipt.dataset))))


def same(earlier: Receipt, receipt: Receipt) -> bool:
    """Whether two receipts are of the same bytes, contract version, sender and period, as far as both name them."""
    if (earlier.sha256, earlier.contract_version) != (receipt.sha256, receipt.contract_version):
        return False
    pairs = ((earlier.organization_id, receipt.organization_id), (earlier.period, receipt.period))
    return all(one == other or not one or not other for one, other in pairs)


def _older(ledger: Ledger, latest: Entry, entry: Entry) -> Doubt | None:
    """The question of an older file that comes again after newer ones."""
    receipt = entry.receipt
    if receipt.answers.again or receipt.corrects:
        return None
    alike = [e for e in ledger.alike(receipt.dataset, receipt.sha256) if e.state != "held" and same(e.receipt, receipt)]
    return doubts_of.older(alike[-1].batch_id, latest.batch_id) if alike else None


def told_again(entry: Entry) -> Outcome:
    """The counts of a batch that is settled already."""
    return Outcome(
        state=entry.state,
        received=entry.received,
        accepted=entry.accepted,
        quarantined=entry.quarantined,
        unchanged=entry.accepted,
        message=f"与批次 {entry.batch_id} 相同，无需再次入库。",
        message_en=f"The same as batch {entry.batch_id}; there is nothing to load.",
    )


def _checked(connection: duckdb.DuckDBPyConnection, read: Reading, entry: Entry, contract: Contract, clock: Clock) -> Outcome:
    """The outcome of check and load; a file that breaks the engine is refused, or it would stand in the way for ever."""
    try:
        return check_and_load(connection, read, entry, contract, clock)
    except verdict.Refused as refused:
        return refused.outcome
    except duckdb.Error as error:
        if landing.disk_full(error) or isinstance(error, duckdb.OutOfMemoryException | duckdb.TransactionException):
            raise
        return Outcome(
            state="refused",
            message=f"文件无法处理，未入库：{error}。原文件已留存，请联系管理员。",
            message_en=f"The file could not be processed, nothing was loaded: {error}. It is kept; ask the administrator.",
        )


def check_and_load(
    connection: duckdb.DuckDBPyConnection, read: Reading, entry: Entry, contract: Contract, clock: Clock
) -> Outcome:
    """The lake's side of a load; raises `verdict.Refused` where the delivery as a whole is not accepted."""
    progress.reached("checking")
    with clock.step("check"):
        staged = read(meaning(contract, entry), entry)
    try:
        return _transaction(connection, staged, entry, clock)
    finally:
        staged.tidy()


def meaning(contract: Contract, entry: Entry) -> Contract:
    """The contract as it holds for this delivery, with what was answered.

    One that mends another has only some rows, so nothing is missing from it.
    """
    contract = doubts_of.answered(contract, entry.receipt.answers)
    if not entry.receipt.corrects:
        return contract
    rules = replace(contract.batch_rules, min_rows=None, max_rows=None, freshness_item=None, freshness=None)
    delivery = Delivery.CHANGES if contract.delivery is Delivery.FULL else contract.delivery
    return replace(contract, delivery=delivery, batch_rules=rules)


def _transaction(connection: duckdb.DuckDBPyConnection, staged: stage.Stage, entry: Entry, clock: Clock) -> Outcome:
    before = standing.of(connection, staged.contract.dataset, staged.batch)
    with stage.one_thread(connection) if before.rows + staged.rows <= FEW else nullcontext():
        outcome = _committed(connection, staged, entry, clock, before)
    if outcome.state in ("refused", "returned"):
        return outcome
    after = standing.of(connection, staged.contract.dataset, staged.batch)
    return replace(outcome, snapshot=after.snapshot, table_bytes=after.bytes)


def _committed(
    connection: duckdb.DuckDBPyConnection, staged: stage.Stage, entry: Entry, clock: Clock, before: standing.Standing
) -> Outcome:
    connection.execute("BEGIN")
    try:
        tables.make(connection, staged.contract, known=before.columns)
        with clock.step("check"):
            if entry.receipt.answers.waived:
                quarantine.forget(connection, entry.batch_id)  # it was returned before
            replaces = doubts.settle(connection, staged, entry)
            delta, outcome = judge(connection, staged, entry, replaces, rows=before.rows)
        if outcome.state in ("refused", "returned"):
            return _refuse(connection, staged, entry, outcome)
        progress.reached("loading", staged.rows)
        with clock.step("load"):
            merge.into_raw(connection, staged, new=before.batch_unknown)
            reach("raw")
            merge.into_resource(connection, staged, delta)
            reach("resource")
            quarantine.keep(connection, staged)
            outcome = replace(outcome, mended=corrections.keep(connection, staged, entry))
            reach("quarantine")
            commits.sign(connection, "load", staged.batch, staged.contract.dataset, outcome, entries=[entry])
            reach("commit-before")
            staged.committing = True
            connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    return outcome


def judge(
    connection: duckdb.DuckDBPyConnection,
    staged: stage.Stage,
    entry: Entry,
    replaces: Sequence[str] = (),
    rows: int | None = None,
) -> tuple[merge.Delta, Outcome]:
    """Checks that see the whole delivery and the table, and the outcome that follows. Inside the load's transaction.

    `replaces`: deliveries whose rows go out of the table as this one comes in. `rows`: how many the table has, where that is
    known; in a transaction that changed it before it is counted.
    """
    stage.begin(connection, staged)
    set_checks.repeats(connection, staged)
    set_checks.references(connection, staged)
    if staged.contract.delivery is Delivery.APPEND:
        set_checks.against_series(connection, staged)
    delta = merge.compare(connection, staged, rows)
    merge.spare_unreadable(connection, staged)
    set_checks.against_table(connection, staged)
    delta.replaces = tuple(replaces)
    merge.total(connection, staged, delta)
    rejected = count(connection, f"SELECT count(*) FROM {staged.source.rejects}") if staged.source.rejects else 0
    faults = quarantine.collect(connection, staged)
    received, lost = staged.rows + rejected, staged.at_fault + rejected
    checks = [
        *verdict.columns(staged),
        *verdict.values(connection, staged),
        *verdict.damaged(connection, staged),
        *verdict.batch_rules(connection, staged, entry, delta, received),
    ]
    checks += verdict.ceiling(entry, received - lost)
    checks += verdict.nothing_accepted(received, lost)
    checks = verdict.waived(checks, entry.receipt.answers.waived)
    checks += verdict.notes(staged)
    refused = verdict.refusal(staged, checks, faults, received)
    return delta, refused or verdict.accepted(staged, delta, checks, faults, received, lost, verdict.aside(connection, staged))


def _refuse(connection: duckdb.DuckDBPyConnection, staged: stage.Stage, entry: Entry, outcome: Outcome) -> Outcome:
    """Nothing is loaded; the rows at fault are kept so that the provider can mend them."""
    if not outcome.faults:
        connection.execute("ROLLBACK")
        return outcome
    quarantine.keep(connection, staged)
    reach("quarantine")
    commits.sign(connection, "load", staged.batch, staged.contract.dataset, outcome, entries=[entry])
    reach("commit-before")
    connection.execute("COMMIT")
    return replace(outcome, snapshot=standing.newest(connection))
