"""A catalogue that lost its last commits, or whose lake did: receipts written again, numbers cleared, batches opened again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, text, update
from sqlmodel import Session, SQLModel, col, select

from catalog.acquisition.agreements import Agreement
from catalog.audit import chain as audit
from catalog.deliveries.batches import Batch, BatchState, get
from catalog.identity.organizations import Organization
from catalog.store.counters import next_number
from contracts.clock import day_of
from contracts.deliveries import Placed, Receipt

ACTOR = "system:reconcile"
BEHIND = "catalogue.behind"
"""Action of the record that names seals outside the database which the chain does not bear out."""

_RAISE = text(
    "INSERT INTO counter (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = CASE WHEN counter.value < :value THEN :value ELSE counter.value END"
)
_PLACED: tuple[Any, ...] = (
    Batch.id,
    Batch.sequence,
    Batch.dataset,
    Batch.contract_version,
    Batch.sha256,
    Batch.state,
    Batch.snapshot,
    Batch.accepted,
    Batch.quarantined,
)


def placed(session: Session) -> Sequence[Placed]:
    """Every batch with its place in the lake, oldest first; only the columns that say it."""
    rows = session.execute(select(*_PLACED).order_by(col(Batch.sequence))).all()
    return [_place(row) for row in rows]


def find(session: Session, batch_id: str) -> Placed | None:
    """A batch's place in the lake, where the catalogue knows the batch."""
    row = session.execute(select(*_PLACED).where(Batch.id == batch_id)).first()
    return _place(row) if row else None


def last_placed(session: Session) -> Placed | None:
    """The newest batch of which the lake holds something."""
    statement = select(*_PLACED).where(col(Batch.snapshot).is_not(None))
    row = session.execute(statement.order_by(col(Batch.sequence).desc()).limit(1)).first()
    return _place(row) if row else None


def restore(session: Session, batch_id: str, sequence: int, receipt: Receipt) -> None:
    """Write a lost receipt again as it was, in its place; one that was given its place meanwhile comes after it.

    An agreement, sender or corrected batch that the catalogue has lost as well is left out, and named in the record.
    """
    day, _, number = batch_id.partition("-")
    _raise(session, "batch", sequence)
    _raise(session, f"batch:{day}", int(number) if number.isdigit() else 0)
    late = session.exec(select(Batch).where(Batch.sequence == sequence)).first()
    if late is not None:
        late.sequence = next_number(session, "batch")
        session.add(late)
        session.flush()
    fields, unknown = _known(session, receipt)
    session.add(Batch(id=batch_id, sequence=sequence, **fields))
    session.flush()
    _note(session, batch_id, "batch.restore", {"dataset": receipt.dataset, "sha256": receipt.sha256, "unknown": unknown})


def renumber(session: Session, batch_id: str) -> str:
    """Give a batch a new number and place; whatever names it names the new one from now on."""
    batch = get(session, batch_id)
    day = day_of(batch.received_at).strftime("%Y%m%d")
    fields = batch.model_dump()
    place = next_number(session, "batch")
    number = f"{day}-{next_number(session, f'batch:{day}'):04d}"
    session.add(Batch.model_validate({**fields, "id": number, "sequence": place}))
    session.flush()
    for table, column in _named_in():
        session.connection().execute(update(table).where(column == batch_id).values({column: number}))
    session.delete(batch)
    session.flush()
    _note(session, number, "batch.renumber", {"was": batch_id, "sha256": fields["sha256"]})
    return number


def reopen(session: Session, batch_id: str) -> None:
    """What the lake held of the batch is lost there: it is received and waits for its turn."""
    batch = get(session, batch_id)
    detail = {"state": batch.state, "snapshot": batch.snapshot, "accepted": batch.accepted, "quarantined": batch.quarantined}
    batch.state, batch.snapshot, batch.finished_at = BatchState.RECEIVED, None, None
    session.add(batch)
    session.flush()
    _note(session, batch_id, "batch.reopen", detail)


def _place(row: Any) -> Placed:
    return Placed(*row)


def _raise(session: Session, name: str, value: int) -> None:
    session.connection().execute(_RAISE, {"name": name, "value": value})


def _known(session: Session, receipt: Receipt) -> tuple[dict[str, Any], list[str]]:
    """The receipt's fields, without those that point to nothing any more."""
    fields, unknown = asdict(receipt), []
    for name, kind in (("agreement_id", Agreement), ("organization_id", Organization), ("corrects", Batch)):
        if fields[name] and session.get(kind, fields[name]) is None:
            unknown.append(f"{name}: {fields[name]}")
            fields[name] = None
    return fields, unknown


def _named_in() -> Iterator[tuple[Table, Column[Any]]]:
    """Columns of other rows that hold a batch's number: foreign keys, and those named so."""
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if column.name == "batch_id" or any(key.target_fullname == "batch.id" for key in column.foreign_keys):
                yield table, column


def _note(session: Session, batch_id: str, action: str, detail: dict[str, Any]) -> None:
    audit.record(session, actor=ACTOR, action=action, object=f"batch:{batch_id}", detail=detail)


def note_chain_behind(session: Session, head_file: Path) -> int:
    """Put on record, once, which seals of the head file outside the database this catalogue's chain does not bear out.

    The record says what a catalogue brought back from before has lost; `hub audit verify` goes on to show it.
    """
    from catalog.audit import sealing  # here, for the start: tests/cli/test_start.py

    lost = [seal for seal in sealing.written(head_file) if not _borne_out(session, seal)]
    known = session.exec(select(audit.AuditRecord).where(audit.AuditRecord.action == BEHIND)).all()
    noted = {(seal["last"], seal["head"]) for record in known for seal in record.detail.get("seals", ())}
    new = [seal for seal in lost if (seal["last"], seal["head"]) not in noted]
    if new:
        last, head = audit.head(session)
        detail = {"chain": {"last": last, "head": head}, "seals": new}
        audit.record(session, actor=ACTOR, action=BEHIND, object="audit", outcome="failed", detail=detail)
    return len(new)


def _borne_out(session: Session, seal: dict[str, Any]) -> bool:
    record = session.get(audit.AuditRecord, seal["last"])
    return record is not None and record.hash == seal["head"]
