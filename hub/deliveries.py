"""Deliveries: a file is handed in for a dataset, what it leaves open is answered, and a steward decides what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field
from sqlmodel import Session, select

from catalog import access
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch, UnknownBatch
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource, UnknownResource
from catalog.entries.visibility import concerning
from catalog.identity.people import Subject
from contracts import doubts
from contracts.deliveries import LONGEST_REASON, Answers, Outcome
from contracts.errors import HubError
from hub import acts
from hub.acts import Deed, act, doing
from hub.hub import Hub
from hub.releases import Name

if TYPE_CHECKING:
    from warehouse.ingest import deliver as ingest

COUNTS = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")
Number = Annotated[str, Field(max_length=40, examples=["20260311-0042"], description="Number of the batch.")]


class NothingAnswered(HubError):
    """An answer that answers nothing."""

    def __init__(self, batch: str) -> None:
        super().__init__(
            f"请给出答复；hub batch show {batch} 列出可选的答复。",
            f"Give an answer; `hub batch show {batch}` lists those there are.",
        )


class OtherDataset(HubError):
    """A correction of a batch of another dataset."""

    def __init__(self, batch: str, dataset: str) -> None:
        super().__init__(f"批次 {batch} 属于数据集 {dataset}。", f"Batch {batch} is of the dataset {dataset}.")


class Open(BaseModel):
    """What a person says where a file leaves it open; items are named as people name them."""

    columns: dict[str, str] = Field(default={}, description="Header in the file → item that it holds.")
    absent: list[str] = Field(default=[], description="Items that may be missing or empty, though they had values before.")
    dates: dict[str, str] = Field(default={}, description="Item → order of day, month and year: dmy, mdy or ymd.")
    overlap: Literal["", "append", "replace"] = Field(default="", description="What rows do that came before, without a key.")
    key: list[str] = Field(default=[], description="Items that identify a row, where the contract names none.")
    nil: bool = Field(default=False, description="A file without rows is a nil return.")
    again: bool = Field(default=False, description="Load an older file after newer ones.")


class Deliver(BaseModel):
    """A file for a dataset. A correction (`corrects`) comes from whom, for the period and under the agreement of its batch."""

    resource: Name
    file: Path
    filename: str = Field(default="", max_length=1000, description="Its name; empty: that of the file.")
    agreement: str = Field(default="", max_length=64, description="Agreement it comes under.")
    organization: str = Field(default="", max_length=200, description="Who sent it; empty: the caller's.")
    period: str = Field(default="", max_length=10, description="2026-03, 2026Q1 or 2026, for collections.")
    corrects: str = Field(default="", max_length=40, description="Batch whose quarantined rows it corrects.")
    answers: Open = Open()


class Answer(Open):
    """Answers to what a held batch leaves open."""

    batch: Number


class Decide(BaseModel):
    """A decision about a batch, for a reason; its sender reads it."""

    batch: Number
    reason: str = Field(max_length=LONGEST_REASON, pattern=r"\S", examples=["测试文件，不是报送"])


class Export(BaseModel):
    """A batch whose refused rows are wanted as a table to be corrected."""

    batch: Number
    file: Path
    kind: Literal["csv", "xlsx"] = "csv"


class Rebuild(BaseModel):
    """A dataset to be checked and loaded anew."""

    resource: Name


class Delivery(BaseModel):
    """What became of a batch: received = accepted + quarantined. `questions`: what it leaves open, where it is held."""

    batch: str
    dataset: str
    state: str
    no_op: bool = Field(description="The very bytes were the latest accepted ones; nothing was done.")
    received: int
    accepted: int
    quarantined: int
    inserted: int
    updated: int
    unchanged: int
    removed: int
    message: str
    message_en: str
    checks: list[dict[str, Any]]
    questions: list[dict[str, Any]]


class Exported(BaseModel):
    """Rows that were written."""

    batch: str
    dataset: str
    rows: int


class Rebuilt(BaseModel):
    """Batches that were checked and loaded again, oldest first."""

    resource: str
    batches: list[Delivery]


def _may_deliver(hub: Hub, subject: Subject, given: Deliver) -> None:
    may_deliver(hub, subject, given.resource, given.corrects)


def withdraw(hub: Hub, subject: Subject, job: str) -> None:
    """Put the batch aside that a cancelled job left half-way; one whose rows the lake has already is brought to its end."""
    from warehouse.ingest import acts as decisions  # here, for the start: tests/cli/test_start.py
    from warehouse.ingest import process, reconcile
    from warehouse.ingest.discard import NothingToDiscard

    with hub.session() as session:
        batch = session.exec(select(Batch).where(Batch.run_id == f"job:{job}")).first()
        half_way = (batch.id, batch.dataset) if batch is not None and batch.state in process.OPEN else None
    if half_way is None:
        return
    number, dataset = half_way
    try:
        decisions.ACTS["discard"].do(hub.settings, hub.ledger, hub.lookups, number, "报送已取消 / cancelled", by=subject.actor)
    except NothingToDiscard:
        reconcile.reconcile(hub.settings, hub.ledger, hub.lookups, dataset=dataset)


def may_deliver(hub: Hub, subject: Subject, resource: str, corrects: str = "") -> None:
    """Refuse, on record, who may not deliver, before their file is read. Errors: UnknownResource, UnknownBatch, Refused."""
    batch = _batch(hub, subject, corrects, resource)
    acts.require(hub, subject, "deliver", resource, sender_id=batch.organization_id if batch else None)


@act(
    "deliver",
    policy="deliver",
    zh="送交数据",
    en="deliver a file",
    api="POST /resources/{resource}/deliveries",
    cli="batch deliver",
    portal="/batches/{batch}/correct",
    streams=True,
    long=True,
    may=_may_deliver,
    withdraws=withdraw,
)
def deliver(hub: Hub, subject: Subject, given: Deliver) -> Delivery:
    """Receive a file for a dataset, check it, and load what is good."""
    from warehouse.ingest import deliver as ingest
    from warehouse.storage import landing

    corrected = _batch(hub, subject, given.corrects, given.resource)
    sender = (corrected.organization_id if corrected else given.organization) or subject.organization_id
    mends = corrected.organization_id if corrected else None  # who sent a batch may correct it; that allows no first delivery
    with doing(hub, subject, "deliver", given.resource, sender_id=mends) as deed:
        if not corrected and sender != subject.organization_id:
            access.require(deed.session, subject, "manage-agreement", deed.resource)  # who owes it is the agreement's to say
        answers = _answers(deed, given.answers)
        _require_own(hub, given, sender)
        filename = landing.told_name(given.filename or given.file.name)
        deed.pause()
        delivered = begun_before(hub, given.resource) or ingest.deliver(
            hub.settings,
            hub.ledger,
            hub.lookups,
            given.file,
            dataset=given.resource,
            received_by=subject.actor,
            route=corrected.route if corrected else "",
            agreement_id=(corrected.agreement_id if corrected else given.agreement) or None,
            organization_id=sender or None,
            period=corrected.period if corrected else given.period,
            corrects=given.corrects or None,
            run_id=f"job:{hub.job}" if hub.job else "",
            filename=filename,
            answers=answers,
        )
        deed.object = f"batch:{delivered.batch_id}"
        deed.detail = {"dataset": given.resource, "no_op": delivered.no_op, "filename": filename, "corrects": given.corrects}
        return delivery_of(delivered.batch_id, given.resource, delivered.outcome, no_op=delivered.no_op)


@act(
    "answer-batch",
    policy="answer-batch",
    zh="答复批次",
    en="answer what a batch leaves open",
    api="POST /batches/{batch}/answer",
    cli="batch answer",
    portal="/batches/{batch}",
)
def answer(hub: Hub, subject: Subject, given: Answer) -> Delivery:
    """Answer what a held batch leaves open, and go on with it. Answers about columns, dates and rows are kept."""
    from warehouse.ingest import deliver as ingest

    with about_batch(hub, subject, "answer-batch", given.batch) as (deed, dataset):
        answers = _answers(deed, given)
        if answers is None:
            raise NothingAnswered(given.batch)
        deed.detail = {"dataset": dataset}
        deed.pause()
        delivered = ingest.answer(hub.settings, hub.ledger, hub.lookups, given.batch, answers, by=subject.actor)
        return delivery_of(given.batch, dataset, delivered.outcome)


def _decide(hub: Hub, subject: Subject, given: Decide, name: str) -> Delivery:
    from warehouse.ingest import acts as decisions

    decision = decisions.ACTS[name]
    with about_batch(hub, subject, decision.action, given.batch) as (deed, dataset):
        was = batches.get(deed.session, given.batch).state
        deed.pause()
        outcome = decision.do(hub.settings, hub.ledger, hub.lookups, given.batch, given.reason, by=subject.actor)
        deed.detail = {"reason": given.reason.strip(), "was": was, "state": outcome.state}
        return delivery_of(given.batch, dataset, outcome)


@act(
    "undo-batch",
    policy="undo-batch",
    zh="撤销批次",
    en="undo a batch",
    api="POST /batches/{batch}/undo",
    cli="batch undo",
    portal="/batches/{batch}/undo",
)
def undo(hub: Hub, subject: Subject, given: Decide) -> Delivery:
    """Take a batch back: the table becomes what it would be without it. Released versions stay as they are."""
    return _decide(hub, subject, given, "undo")


@act(
    "pass-batch",
    policy="pass-batch",
    zh="放行批次",
    en="let a batch pass",
    api="POST /batches/{batch}/pass",
    cli="batch pass",
    portal="/batches/{batch}/pass",
)
def let_pass(hub: Hub, subject: Subject, given: Decide) -> Delivery:
    """Load a batch that broke a rule about the whole. Its rows are checked as ever: those at fault stay in quarantine."""
    return _decide(hub, subject, given, "pass")


@act(
    "discard-batch",
    policy="discard-batch",
    zh="搁置批次",
    en="put a batch aside",
    api="POST /batches/{batch}/discard",
    cli="batch discard",
    portal="/batches/{batch}/discard",
)
def discard(hub: Hub, subject: Subject, given: Decide) -> Delivery:
    """Put a batch aside that waits, is stuck, held or refused, without opening it again; its file is kept."""
    return _decide(hub, subject, given, "discard")


@act(
    "export-quarantine",
    policy="see-quarantine",
    zh="导出隔离行",
    en="export refused rows",
    api="GET /batches/{batch}/quarantine.{kind}",
    cli="batch export",
    portal="/batches/{batch}/quarantine.{kind}",
    streams=True,
)
def export(hub: Hub, subject: Subject, given: Export) -> Exported:
    """Write a batch's refused rows as the provider's own table with a column of reasons, to be corrected and sent again."""
    from warehouse.ingest import quarantine

    with about_batch(hub, subject, "export-quarantine", given.batch) as (deed, dataset):
        version = batches.get(deed.session, given.batch).contract_version
        contract = registry.get(deed.session, dataset, version)
        deed.pause()
        rows = quarantine.export(hub.settings, given.batch, contract, given.file, kind=given.kind, lookups=hub.lookups)
        deed.detail = {"rows": rows, "kind": given.kind}
        return Exported(batch=given.batch, dataset=dataset, rows=rows)


@act(
    "rebuild",
    policy="manage-contract",
    zh="重建数据集",
    en="rebuild a dataset",
    api="POST /resources/{resource}/rebuild",
    cli="rebuild",
    portal="/resources/{resource}/rebuild",
    long=True,
)
def rebuild_dataset(hub: Hub, subject: Subject, given: Rebuild) -> Rebuilt:
    """Check and load every accepted batch again, from its landed bytes, under the active contract."""
    from warehouse.ingest import rebuild

    with doing(hub, subject, "rebuild", given.resource, about=f"dataset:{given.resource}") as deed:
        deed.pause()
        rebuilt = rebuild.rebuild(hub.settings, hub.ledger, hub.lookups, given.resource)
        deed.detail = {"batches": len(rebuilt)}
        outcomes = [delivery_of(batch, given.resource, outcome) for batch, outcome in rebuilt]
        return Rebuilt(resource=given.resource, batches=outcomes)


def known(session: Session, subject: Subject, batch_id: str) -> tuple[Batch, Resource]:
    """The batch and its dataset's entry, if the subject may know of the dataset and the batch concerns them."""
    batch = batches.get(session, batch_id)
    try:
        resource = acts.known(session, subject, batch.dataset)
    except UnknownResource as error:
        raise UnknownBatch(batch_id) from error
    if session.exec(select(Batch.id).where(Batch.id == batch.id, concerning(subject))).first() is None:
        raise UnknownBatch(batch_id)
    return batch, resource


@contextmanager
def about_batch(hub: Hub, subject: Subject, name: str, batch_id: str) -> Iterator[tuple[Deed, str]]:
    """An act about a batch that the subject may know of; with its dataset."""
    with hub.session() as session:
        batch, _ = known(session, subject, batch_id)
        dataset, sender = batch.dataset, batch.organization_id
    with doing(hub, subject, name, dataset, about=f"batch:{batch_id}", sender_id=sender or None) as deed:
        yield deed, dataset


def _batch(hub: Hub, subject: Subject, corrects: str, dataset: str) -> Batch | None:
    """The batch that is corrected, if any."""
    if not corrects:
        return None
    with hub.session() as session:
        batch, _ = known(session, subject, corrects)
        session.expunge(batch)
    if batch.dataset != dataset:
        raise OtherDataset(corrects, batch.dataset)
    return batch


def begun_before(hub: Hub, dataset: str) -> ingest.Delivered | None:
    """What became of the batch that this job received before its process died; None where it came to none."""
    from warehouse.ingest import deliver as ingest
    from warehouse.ingest import process, reconcile

    with hub.session() as session:
        query = select(Batch.id).where(Batch.run_id == f"job:{hub.job}") if hub.job else None
        number = session.exec(query).first() if query is not None else None
    if number is None:
        return None
    reconcile.reconcile(hub.settings, hub.ledger, hub.lookups, dataset=dataset)
    entry = hub.ledger.entry(number)
    return ingest.Delivered(number, entry.outcome or process.told_again(entry), False, entry)


def _require_own(hub: Hub, given: Deliver, sender: str) -> None:
    """A workbook names no other agency than the one that it is handed in for."""
    from warehouse.foreign import files
    from warehouse.ingest import senders

    mark = files.identify(given.file, hub.settings) if sender else None
    if mark is not None and mark.dataset == given.resource:
        senders.sender(hub.settings, mark, sender)


def _answers(deed: Deed, given: Open) -> Answers | None:
    """The answers, items by their machine names; who may deliver may not always answer."""
    maps = [f"{header}={item}" for header, item in given.columns.items()]
    orders = [f"{item}={order}" for item, order in given.dates.items()]
    contract = registry.get(deed.session, deed.resource.name)
    answers = doubts.given(contract, maps, given.absent, orders, given.overlap, ",".join(given.key), given.again, given.nil)
    if answers == Answers():
        return None
    access.require(deed.session, deed.subject, "answer-batch", deed.resource)
    return answers


def delivery_of(batch: str, dataset: str, outcome: Outcome, *, no_op: bool = False) -> Delivery:
    """What became of a batch, as every door tells it."""
    return Delivery(
        batch=batch,
        dataset=dataset,
        no_op=no_op,
        checks=[dict(one) for one in outcome.checks],
        questions=[dict(one) for one in outcome.questions],
        **{name: getattr(outcome, name) for name in ("state", "message", "message_en", *COUNTS)},
    )
