"""The ledger and look-ups that ingest needs (warehouse.ingest.ports), kept in the catalogue."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, update
from sqlmodel import Session, col, select

from catalog import recovery, tables  # noqa: F401 - every table, for foreign keys
from catalog.acquisition import agreements, deadlines, negotiation, spending
from catalog.acquisition.agreements import Agreement, UnknownAgreement
from catalog.acquisition.spending import Spend
from catalog.audit import chain as audit
from catalog.deliveries import quality
from catalog.deliveries.batches import ACCEPTED, MENDABLE, TAKEN_AWAY, Batch, BatchState, UnknownBatch, get
from catalog.entries import codes
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.identity import people
from catalog.identity.organizations import Organization, UnknownOrganization
from catalog.overview import scores
from catalog.store import database, facts
from catalog.store.counters import next_number
from contracts.clock import day_of, local, now
from contracts.deliveries import Answers, Entry, Fault, Outcome, Placed, Receipt
from contracts.errors import HubError
from contracts.model import Contract

LISTS_SECONDS = 10.0
OPEN = (BatchState.RECEIVED, BatchState.CHECKING)


class WrongCounts(HubError):
    """An outcome whose counts do not add up is a fault of the program, never a fact about data."""

    def __init__(self, batch_id: str, outcome: Outcome) -> None:
        sums = (
            f"{outcome.received} = {outcome.accepted} + {outcome.quarantined}; "
            f"{outcome.accepted} = {outcome.inserted} + {outcome.updated} + {outcome.unchanged}"
        )
        super().__init__(f"批次 {batch_id} 的计数不平：{sums}。", f"Counts of batch {batch_id} do not add up: {sums}.")


class NotHeld(HubError):
    """An answer for a batch that does not wait for one."""

    def __init__(self, batch_id: str, state: str) -> None:
        super().__init__(
            f"批次 {batch_id} 的状态是 {state}，没有待答复的问题；用 hub batch show {batch_id} 查看。",
            f"Batch {batch_id} is {state}; it waits for no answer. See `hub batch show {batch_id}`.",
        )


class CatalogLedger:
    """Receipts and results of deliveries. Every call is its own committed transaction."""

    def __init__(self, engine: Engine | str) -> None:
        self.engine = database.engine(engine) if isinstance(engine, str) else engine

    def receive(self, receipt: Receipt) -> Entry:
        """Write the receipt: a batch with the next number of its day."""
        with database.session(self.engine) as session:
            _require_sender(session, receipt)
            day = local(receipt.received_at).strftime("%Y%m%d")
            sequence = next_number(session, "batch")
            batch = Batch(id=f"{day}-{next_number(session, f'batch:{day}'):04d}", sequence=sequence, **asdict(receipt))
            session.add(batch)
            session.flush()
            _agree(session, batch, receipt.answers, receipt.received_by)
            _note(session, batch, "batch.receive", {"sha256": batch.sha256, "bytes": batch.bytes, "filename": batch.filename})
            return _whole_entry(session, batch)

    def answer(self, batch_id: str, answers: Answers, by: str, states: Sequence[str] = (BatchState.HELD,)) -> Entry:
        """Open a held batch again (or one in other states) with answers; the lasting ones hold for the dataset from now on.

        It takes its place in the order of deliveries now: what was loaded meanwhile came before it.
        """
        with database.session(self.engine) as session:
            waits = col(Batch.id) == batch_id, col(Batch.state).in_(states)
            taken = session.connection().execute(update(Batch).where(*waits).values(state=BatchState.RECEIVED))
            batch = get(session, batch_id)
            if not taken.rowcount:  # one statement looks and takes: of two who answer at once one is too late
                raise NotHeld(batch_id, batch.state)
            batch.answers = asdict(answers.over(Answers.of(batch.answers)))
            batch.sequence = next_number(session, "batch")
            batch.reason = answers.waived or batch.reason
            batch.questions = []
            session.add(batch)
            _agree(session, batch, answers, by)
            session.flush()
            detail = {"dataset": batch.dataset, "answers": _given(answers)}
            audit.record(session, actor=by, action="batch.answer", object=f"batch:{batch.id}", detail=detail)
            return _whole_entry(session, batch)

    def agreed(self, dataset: str) -> Answers:
        """What was answered before and holds for every delivery of a dataset."""
        with database.session(self.engine) as session:
            return _agreed(session, dataset)

    def forget(self, dataset: str, by: str) -> None:
        """Ask again what was answered for a dataset."""
        with database.session(self.engine) as session:
            detail = {"answers": _given(_agreed(session, dataset))}
            facts.remember(session, f"answers:{dataset}", {"answers": {}, "by": by})
            audit.record(session, actor=by, action="batch.forget-answers", object=f"dataset:{dataset}", detail=detail)

    def alike(self, dataset: str, sha256: str) -> Sequence[Entry]:
        """Batches of a dataset with these very bytes that are accepted or held, oldest first."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(Batch.dataset == dataset, Batch.sha256 == sha256)
            statement = statement.where(col(Batch.state).in_((*ACCEPTED, BatchState.HELD)))
            return [_entry(batch) for batch in session.exec(statement.order_by(col(Batch.sequence)))]

    def checking(self, batch_id: str) -> Entry:
        """The batch is being checked, unless it is settled already; its receipt."""
        with database.session(self.engine) as session:
            batch = get(session, batch_id)
            if batch.state in OPEN:
                batch.state = BatchState.CHECKING
                session.add(batch)
            return _whole_entry(session, batch)

    def settle(self, batch_id: str, outcome: Outcome) -> None:
        """Write what became of the batch, its quality, its cost, and what the resource holds now."""
        if outcome.state != BatchState.UNDONE:
            _require_balance(batch_id, outcome)
        with database.session(self.engine) as session:
            batch = get(session, batch_id)
            if _same(batch, outcome):
                return
            _write(batch, outcome)
            session.add(batch)
            session.flush()
            quality.replace_results(session, batch, outcome.quality)
            spending.meter(session, batch)
            _tie_correction(session, batch, outcome)
            _bring_up(session, batch, outcome)
            _note(session, batch, f"batch.{batch.state}", _counts(batch))

    def entry(self, batch_id: str) -> Entry:
        """The receipt of a batch."""
        with database.session(self.engine) as session:
            batch = get(session, batch_id)
            return _whole_entry(session, batch)

    def latest(self, dataset: str) -> Entry | None:
        """The dataset's latest accepted batch that is not undone."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(Batch.dataset == dataset, col(Batch.state).in_(ACCEPTED))
            batch = session.exec(statement.order_by(col(Batch.sequence).desc()).limit(1)).first()
            return _entry(batch) if batch else None

    def unsettled(self) -> Sequence[Entry]:
        """Batches still received or checking, oldest first."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(col(Batch.state).in_(OPEN)).order_by(col(Batch.sequence))
            return [_entry(batch) for batch in session.exec(statement)]

    def waiting(self, dataset: str) -> Sequence[Entry]:
        """Batches of a dataset still received or checking, oldest first."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(Batch.dataset == dataset, col(Batch.state).in_(OPEN))
            return [_entry(batch) for batch in session.exec(statement.order_by(col(Batch.sequence)))]

    def marked(self, agreement_id: str, mark: str) -> Entry | None:
        """The batch that came under an agreement with a source's own mark."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(Batch.mark == mark, Batch.agreement_id == agreement_id)
            batch = session.exec(statement.order_by(col(Batch.sequence).desc())).first()
            return _entry(batch) if batch else None

    def history(self, dataset: str) -> Sequence[Entry]:
        """Accepted batches of a dataset that are not undone, oldest first."""
        with database.session(self.engine) as session:
            statement = select(Batch).where(Batch.dataset == dataset, col(Batch.state).in_(ACCEPTED))
            return [_entry(batch) for batch in session.exec(statement.order_by(col(Batch.sequence)))]

    def placed(self) -> Sequence[Placed]:
        """Every batch with its place in the lake, oldest first."""
        with database.session(self.engine) as session:
            return recovery.placed(session)

    def find(self, batch_id: str) -> Placed | None:
        """A batch's place in the lake; None where the catalogue does not know the batch."""
        with database.session(self.engine) as session:
            return recovery.find(session, batch_id)

    def last_placed(self) -> Placed | None:
        """The newest batch of which the lake holds something."""
        with database.session(self.engine) as session:
            return recovery.last_placed(session)

    def restore(self, batch_id: str, sequence: int, receipt: Receipt) -> None:
        """Write a receipt again that the catalogue lost."""
        with database.session(self.engine) as session:
            recovery.restore(session, batch_id, sequence, receipt)

    def renumber(self, batch_id: str) -> str:
        """Give a batch a new number: the lake knows another one by its number."""
        with database.session(self.engine) as session:
            return recovery.renumber(session, batch_id)

    def reopen(self, batch_id: str) -> None:
        """The lake has lost the batch: it waits to be loaded again."""
        with database.session(self.engine) as session:
            recovery.reopen(session, batch_id)

    def note_chain_behind(self, head_file: Path) -> int:
        """Put on record which seals outside the database the audit chain does not bear out; how many are new."""
        with database.session(self.engine) as session:
            return recovery.note_chain_behind(session, head_file)


class CatalogLookups:
    """Code lists and contracts that checks refer to, as the catalogue holds them."""

    def __init__(self, engine: Engine | str) -> None:
        self.engine = database.engine(engine) if isinstance(engine, str) else engine
        self._held: dict[str, tuple[float, Sequence[str]]] = {}

    def codes(self, name: str) -> Sequence[str]:
        """Values of a code list; KeyError when there is none of that name.

        Read again after LISTS_SECONDS: a delivery asks three times for 44,000 divisions, a steward's change may wait so long.
        """
        read, cached = self._held.get(name, (float("-inf"), ()))
        if time.monotonic() - read > LISTS_SECONDS:
            with database.session(self.engine) as session:
                cached = tuple(codes.values(session, name))
            self._held[name] = (time.monotonic(), cached)
        return cached

    def labels(self, name: str) -> dict[str, str]:
        """Chinese label of each code of a list, for the sheet of codes in a template; empty where there is no such list."""
        with database.session(self.engine) as session:
            return {code: label for code, (label, _) in codes.labels(session, name).items()}

    def contract(self, dataset: str, version: str | None = None) -> Contract:
        """The active contract of a dataset, or that version of it; KeyError when there is none."""
        with database.session(self.engine) as session:
            return registry.get(session, dataset, version)


@contextmanager
def opened(url: str) -> Iterator[tuple[CatalogLedger, CatalogLookups]]:
    """Ledger and look-ups of a catalogue, for a command."""
    bind = database.engine(url)
    yield CatalogLedger(bind), CatalogLookups(bind)


def _agreed(session: Session, dataset: str) -> Answers:
    remembered = facts.recall(session, f"answers:{dataset}")
    return Answers.of(remembered.value.get("answers")) if remembered else Answers()


def _agree(session: Session, batch: Batch, answers: Answers, by: str) -> None:
    """Keep the lasting answers for the dataset."""
    if lasting := answers.lasting:
        lasting_answers = asdict(lasting.over(_agreed(session, batch.dataset)))
        facts.remember(session, f"answers:{batch.dataset}", {"answers": lasting_answers, "by": by, "batch": batch.id})


def _given(answers: Answers) -> dict[str, Any]:
    """Answers without those that were not given."""
    return {name: value for name, value in asdict(answers).items() if value}


def _require_sender(session: Session, receipt: Receipt) -> None:
    if receipt.organization_id and session.get(Organization, receipt.organization_id) is None:
        raise UnknownOrganization(receipt.organization_id)
    first = session.get(Batch, receipt.corrects) if receipt.corrects else None
    if receipt.corrects and first is None:
        raise UnknownBatch(receipt.corrects)
    agreement = session.get(Agreement, receipt.agreement_id) if receipt.agreement_id else None
    if receipt.agreement_id and agreement is None:
        raise UnknownAgreement(receipt.agreement_id)
    if agreement is not None and (first is None or first.agreement_id != agreement.id):  # mending outlasts the term
        agreements.require_running(agreement, day_of(receipt.received_at))


def _require_balance(batch_id: str, outcome: Outcome) -> None:
    """received = accepted + quarantined; accepted = inserted + updated + unchanged (architecture.md)."""
    parts = outcome.inserted + outcome.updated + outcome.unchanged
    if outcome.received != outcome.accepted + outcome.quarantined or outcome.accepted != parts:
        raise WrongCounts(batch_id, outcome)


_COUNTS = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")


def _counts(batch: Batch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in _COUNTS} | {"snapshot": batch.snapshot}


def _same(batch: Batch, outcome: Outcome) -> bool:
    """Whether the batch has this very outcome already; a corrected batch is a partial one that was mended since."""
    if outcome.state == BatchState.UNDONE:
        return batch.state == BatchState.UNDONE
    state = BatchState.PARTIAL if batch.state == BatchState.CORRECTED else batch.state
    counted = all(getattr(batch, name) == getattr(outcome, name) for name in _COUNTS)
    return state == outcome.state and counted and batch.snapshot == outcome.snapshot


def _write(batch: Batch, outcome: Outcome) -> None:
    batch.state = outcome.state
    batch.finished_at = now()
    batch.snapshot = outcome.snapshot if outcome.snapshot is not None else batch.snapshot
    batch.message, batch.message_en = outcome.message, outcome.message_en
    if outcome.state in TAKEN_AWAY:
        batch.questions = []
        batch.reason = outcome.reason or batch.reason
        return
    for name in _COUNTS:
        setattr(batch, name, getattr(outcome, name))
    batch.questions, batch.replaces = [dict(question) for question in outcome.questions], list(outcome.replaces)
    batch.encoding, batch.media = outcome.encoding or batch.encoding, outcome.media or batch.media
    batch.faults = sorted((asdict(fault) for fault in outcome.faults), key=lambda fault: -fault["rows"])
    batch.checks = [dict(check) for check in outcome.checks]
    batch.seconds = {name: round(seconds, 3) for name, seconds in outcome.seconds.items()}


def _uncounted(session: Session, batch: Batch) -> dict[str, int]:
    """What a correction comes to whose rows no lake has counted: all of the batch that it names, if all of it got in anew."""
    first = session.get(Batch, batch.corrects) if batch.corrects else None
    if first is None:
        return {}
    if batch.state == BatchState.UNDONE:
        return {first.id: 0}
    return {first.id: first.quarantined} if batch.state == BatchState.LOADED and batch.inserted + batch.updated else {}


def _tie_correction(session: Session, batch: Batch, outcome: Outcome) -> None:
    """What a correction mends of the batches above it, as the lake counted it row by row; one is closed when no row is left.

    A correction that is refused, or undone again, leaves the rows open that it does not mend.
    """
    corrected = outcome.mended or _uncounted(session, batch)
    for batch_id, mended in corrected.items():
        first = session.get(Batch, batch_id)
        if first is None or first.state not in (*MENDABLE, BatchState.CORRECTED):
            continue
        first.mended = mended
        if first.accepted:
            first.state = BatchState.CORRECTED if mended >= first.quarantined else BatchState.PARTIAL
        session.add(first)


def _bring_up(session: Session, batch: Batch, outcome: Outcome) -> None:
    """What the resource holds now: rows, bytes, quality, when it changed and when the cycle wants new data."""
    resource = session.exec(select(Resource).where(Resource.name == batch.dataset)).first()
    if resource is None or batch.state == BatchState.HELD:
        return
    measured = scores.score(session, batch.dataset)
    resource.quality = measured.total if measured else resource.quality
    session.add(resource)
    if batch.state not in (*ACCEPTED, BatchState.UNDONE):
        return
    resource.rows = outcome.table_rows if outcome.table_rows is not None else resource.rows
    resource.bytes = outcome.table_bytes if outcome.table_bytes is not None else resource.bytes
    resource.updated_at = now()
    session.add(resource)
    if batch.state != BatchState.UNDONE:
        _next_delivery(session, batch)
    session.flush()
    deadlines.bring_up(session, batch.dataset)


def _next_delivery(session: Session, batch: Batch) -> None:
    agreement = session.get(Agreement, batch.agreement_id) if batch.agreement_id else None
    if agreement is None:
        return
    day = day_of(batch.received_at)
    negotiation.begin(session, agreement, people.system_subject("ingest"), day)
    if agreement.route != "collect":
        agreement.delivery_due = agreements.next_delivery(session, agreement, day)
    session.add(agreement)


def _note(session: Session, batch: Batch, action: str, detail: dict[str, Any]) -> None:
    audit.record(
        session,
        actor=batch.received_by or "system:ingest",
        organization_id=batch.organization_id or "",
        action=action,
        object=f"batch:{batch.id}",
        detail={"dataset": batch.dataset, **detail},
        outcome="failed" if batch.state == BatchState.REFUSED else "done",
    )


def _room(session: Session, batch: Batch) -> int | None:
    """How many records the batch's purchase still pays for; what the batch itself cost before is given back first."""
    agreement = session.get(Agreement, batch.agreement_id) if batch.agreement_id else None
    if agreement is None or agreement.route != "buy":
        return None
    left = spending.spending(session, agreement).records_left
    own = session.get(Spend, batch.id)
    return left + own.records if left is not None and own is not None else left


SENT = 50
"""Earlier batches of one sender that a delivery is compared with."""


def _whole_entry(session: Session, batch: Batch) -> Entry:
    """An entry with what its check asks of the ledger: earlier batches of its sender, what it corrects, what is still paid."""
    sent: Sequence[Batch] = ()
    if batch.route == "collect":
        statement = select(Batch).where(Batch.dataset == batch.dataset, Batch.organization_id == batch.organization_id)
        statement = statement.where(col(Batch.state).in_(ACCEPTED)).order_by(col(Batch.sequence).desc())
        sent = session.exec(statement.limit(SENT)).all()
    corrected: list[str] = []
    above = session.get(Batch, batch.corrects) if batch.corrects else None
    while above is not None and above.id not in corrected:
        corrected.append(above.id)
        above = session.get(Batch, above.corrects) if above.corrects else None
    return replace(
        _entry(batch, _room(session, batch)),
        corrected=tuple(corrected),
        sent=tuple(one.id for one in sent),
        comparable=tuple(one.id for one in sent if one.period == batch.period) if batch.route == "collect" else None,
    )


def _entry(batch: Batch, room: int | None = None) -> Entry:
    fields = Receipt.__dataclass_fields__
    fields_of_batch = {name: getattr(batch, name) for name in fields} | {"answers": Answers.of(batch.answers)}
    receipt = Receipt(**fields_of_batch)
    return Entry(
        batch_id=batch.id,
        sequence=batch.sequence,
        receipt=receipt,
        state=str(batch.state),
        received=batch.received,
        accepted=batch.accepted,
        quarantined=batch.quarantined,
        outcome=_outcome(batch),
        replaces=tuple(batch.replaces),
        room=room,
    )


def _outcome(batch: Batch) -> Outcome | None:
    """What became of a settled batch."""
    if batch.state in OPEN:
        return None
    return Outcome(
        state=str(batch.state),
        **{name: getattr(batch, name) for name in _COUNTS},
        snapshot=batch.snapshot,
        encoding=batch.encoding,
        media=batch.media,
        message=batch.message,
        message_en=batch.message_en,
        faults=[Fault(**fault) for fault in batch.faults],
        checks=batch.checks,
        seconds=batch.seconds,
        questions=batch.questions,
        replaces=batch.replaces,
    )
