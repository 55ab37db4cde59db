"""Refused rows corrected one by one: checked while they are edited, then sent as a delivery that corrects their batch."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog import access
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch
from catalog.identity.people import Subject
from contracts import doubts
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract
from hub import acts, deliveries
from hub.acts import act
from hub.deliveries import Delivery, Number, about_batch, begun_before, delivery_of, known
from hub.hub import Hub

if TYPE_CHECKING:
    from warehouse.ingest import row_corrections
    from warehouse.ingest.deliver import Delivered
    from warehouse.ingest.quarantine import RowFault
    from warehouse.ingest.row_corrections import OpenRows

MOST_ROWS = 500
"""Rows of one sending; more are corrected in the exported file."""
Row = dict[str, str]
"""Header as received → value."""


class NothingToCorrect(HubError):
    """A batch that waits for no correction."""

    def __init__(self, batch: str) -> None:
        super().__init__(
            f"批次 {batch} 没有待补正的行：可能已撤销、已搁置或已补正。请到批次页查看现状；新数据请另行报送。",
            f"Batch {batch} has no rows to correct: it was undone, put aside, or corrected already. "
            "See its page for how it stands; send new data as a delivery of its own.",
        )


class RowsNotOpen(HubError):
    """Rows that are in no quarantine, or not any more."""

    def __init__(self, batch: str, rows: Sequence[int]) -> None:
        listed = ", ".join(map(str, rows[:10]))
        super().__init__(
            f"批次 {batch} 的第 {listed} 行不在待补正之列：可能刚由他人补正。请重新打开补正页，再改其余各行。",
            f"Row(s) {listed} of batch {batch} wait for no correction; somebody may have just corrected them. "
            "Open the page again and correct the others.",
        )


class UnknownCell(HubError):
    """A correction of something that the rows do not have."""

    def __init__(self, name: str, headers: Sequence[str]) -> None:
        listed = "、".join(headers)
        super().__init__(
            f"这些行没有“{name}”；可改的有：{listed}。",
            f"The rows have no {name!r}; there are: {', '.join(headers)}.",
        )


class CorrectedRow(BaseModel):
    """One refused row with what is to be otherwise."""

    row: int = Field(ge=0, le=2**62, description="Its number in the file, as quarantine tells it.", examples=[42])
    values: dict[str, str] = Field(
        min_length=1,
        description="Item, or header as received → value; what is not named stays.",
        examples=[{"capacity": "300"}],
    )


class CheckRows(BaseModel):
    """Corrections that are to be tried, before they are sent."""

    batch: Number
    rows: list[CorrectedRow] = Field(min_length=1, max_length=MOST_ROWS)


class CorrectRows(CheckRows):
    """Corrections of a batch's refused rows; rows that are not named stay in quarantine."""


class CellFault(BaseModel):
    """What a row would still be refused for. `header` is empty where it concerns the row as a whole."""

    item: str
    header: str
    rule: str
    message: str
    message_en: str


class CheckedRow(BaseModel):
    """A corrected row and what it would still be refused for."""

    row: int
    faults: list[CellFault]


class CheckedRows(BaseModel):
    """Every row that was tried, in the file's order. What is checked between rows (keys) shows when they are loaded."""

    batch: str
    dataset: str
    rows: list[CheckedRow]


def open_page(hub: Hub, batch: Batch, contract: Contract, *, limit: int, offset: int) -> OpenRows:
    """A page of the rows that still wait for their correction, for who may see them."""
    from warehouse.ingest import row_corrections  # here, for the start: tests/cli/test_start.py

    return _with_headers(row_corrections.open_rows(hub.settings, batch.id, limit=limit, offset=offset), contract)


@act(
    "check-rows",
    policy="deliver",
    zh="试检补正的行",
    en="check corrected rows",
    api="POST /batches/{batch}/corrections/check",
    cli="batch correct",
    portal="/batches/{batch}/rows",
)
def check(hub: Hub, subject: Subject, given: CheckRows) -> CheckedRows:
    """Say what corrected rows would still be refused for. Nothing is loaded."""
    with about_batch(hub, subject, "check-rows", given.batch) as (deed, dataset):
        _require_waiting(deed.session, subject, given.batch)
        deed.detail = {"dataset": dataset, "rows": len(given.rows)}
        deed.pause()
        contract = _meant(hub, dataset)
        waiting = _open(hub, given, contract)
        corrected = _corrected(waiting, contract, given)
        return CheckedRows(batch=given.batch, dataset=dataset, rows=_tried(hub, contract, waiting, corrected))


def _may(hub: Hub, subject: Subject, given: CorrectRows) -> None:
    """Refuse at once who may not correct the batch, and what is no longer to be corrected."""
    with hub.session() as session:
        batch, _ = known(session, subject, given.batch)
        dataset, sender, waits = batch.dataset, batch.organization_id, batch.waits
    acts.require(hub, subject, "correct-rows", dataset, sender_id=sender or None)
    if not waits:
        raise NothingToCorrect(given.batch)


@act(
    "correct-rows",
    policy="deliver",
    zh="补正隔离行",
    en="correct refused rows",
    api="POST /batches/{batch}/corrections",
    cli="batch correct",
    portal="/batches/{batch}/rows",
    long=True,
    may=_may,
    withdraws=deliveries.withdraw,
)
def correct(hub: Hub, subject: Subject, given: CorrectRows) -> Delivery:
    """Send corrected rows as a delivery that corrects their batch. Each keeps the number that it had; the others wait on."""
    with about_batch(hub, subject, "correct-rows", given.batch) as (deed, dataset):
        access.require(deed.session, subject, "see-quarantine", deed.resource, sender_id=_sender(deed.session, given.batch))
        deed.pause()
        delivered = begun_before(hub, dataset) or _deliver(hub, subject, given, dataset)
        deed.object = f"batch:{delivered.batch_id}"
        deed.detail = {"dataset": dataset, "corrects": given.batch, "rows": len(given.rows), "no_op": delivered.no_op}
        return delivery_of(delivered.batch_id, dataset, delivered.outcome, no_op=delivered.no_op)


def _deliver(hub: Hub, subject: Subject, given: CorrectRows, dataset: str) -> Delivered:
    from warehouse.ingest import deliver as ingest
    from warehouse.ingest import row_corrections
    from warehouse.storage import landing

    with hub.session() as session:
        _require_waiting(session, subject, given.batch)
        batch = batches.get(session, given.batch)
        session.expunge(batch)
    contract = _meant(hub, dataset)
    waiting = _open(hub, given, contract)
    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=hub.settings.scratch) as folder:
        path = Path(folder) / "corrected.csv"
        row_corrections.write(path, waiting.headers, _corrected(waiting, contract, given))
        return ingest.deliver(
            hub.settings,
            hub.ledger,
            hub.lookups,
            path,
            dataset=dataset,
            received_by=subject.actor,
            route=batch.route,
            agreement_id=batch.agreement_id,
            organization_id=batch.organization_id,
            period=batch.period,
            corrects=batch.id,
            run_id=f"job:{hub.job}" if hub.job else "",
            filename=landing.told_name(f"{Path(batch.filename).stem}-补正.csv"),
        )


def _sender(session: Session, batch: str) -> str | None:
    return batches.get(session, batch).organization_id or None


def _require_waiting(session: Session, subject: Subject, number: str) -> None:
    """The batch waits for a correction, and the subject may see what was refused of it. Errors: NothingToCorrect, Refused."""
    batch, resource = known(session, subject, number)
    access.require(session, subject, "see-quarantine", resource, sender_id=batch.organization_id)
    if not batch.waits:
        raise NothingToCorrect(batch.id)


def _meant(hub: Hub, dataset: str) -> Contract:
    """The contract by which a correction is checked, with what was answered about the dataset's files."""
    return doubts.answered(hub.lookups.contract(dataset), hub.ledger.agreed(dataset))


def _open(hub: Hub, given: CheckRows, contract: Contract) -> OpenRows:
    """The named rows as they were received. Errors: RowsNotOpen."""
    from warehouse.ingest import row_corrections

    numbers = sorted({one.row for one in given.rows})
    waiting = row_corrections.open_rows(hub.settings, given.batch, numbers=numbers, limit=MOST_ROWS)
    there = {row.row for row in waiting.rows}
    if missing := [number for number in numbers if number not in there]:
        raise RowsNotOpen(given.batch, missing)
    return _with_headers(waiting, contract)


def _with_headers(waiting: OpenRows, contract: Contract) -> OpenRows:
    """Where no row could be split into columns, the contract says which there should be."""
    from warehouse.ingest.row_corrections import OpenRows

    if waiting.headers:
        return waiting
    return OpenRows(tuple(item.title or item.name for item in contract.items), waiting.rows, waiting.total)


def _corrected(waiting: OpenRows, contract: Contract, given: CheckRows) -> dict[int, Row]:
    """Each row whole: as received, with what is to be otherwise. Errors: UnknownCell."""
    from warehouse.readers.column_match import match

    headers = match(contract, waiting.headers).headers
    rows: dict[int, Row] = {row.row: {name: value or "" for name, value in row.values.items()} for row in waiting.rows}
    for one in given.rows:
        rows[one.row] |= {_header(name, waiting.headers, headers, contract): value for name, value in one.values.items()}
    return rows


def _header(name: str, headers: Sequence[str], items: Mapping[str, str], contract: Contract) -> str:
    """The header that a name means: itself, or that of the item of that name or title."""
    if name in headers:
        return name
    item = next((one for one in contract.items if name in (one.name, one.title, one.title_en) and one.name in items), None)
    if item is None:
        raise UnknownCell(name, headers)
    return items[item.name]


def _tried(hub: Hub, contract: Contract, waiting: OpenRows, corrected: Mapping[int, Row]) -> list[CheckedRow]:
    from warehouse.ingest import open_batch, row_corrections
    from warehouse.readers.column_match import match

    lists = open_batch.lists_for(contract, hub.lookups)
    faults = row_corrections.trial(hub.settings, contract, lists, waiting.headers, corrected, at=now())
    headers = match(contract, waiting.headers).headers
    received = {row.row: row for row in waiting.rows}
    return [
        CheckedRow(
            row=number,
            faults=[
                CellFault(
                    item=one.item,
                    header=headers.get(one.item, ""),
                    rule=one.rule,
                    message=one.message,
                    message_en=one.message_en,
                )
                for one in faults[number]
                if not _passed_before(one, received[number], values, headers)
            ],
        )
        for number, values in sorted(corrected.items())
    ]


def _passed_before(fault: RowFault, row: row_corrections.QuarantinedRow, values: Row, headers: Mapping[str, str]) -> bool:
    """Whether an untouched cell was accepted in its file: dates in another spelling are read where the whole file has it."""
    header = headers.get(fault.item, "")
    untouched = bool(header) and row.line is None and values.get(header, "") == (row.values.get(header) or "")
    return untouched and (fault.item, fault.rule) not in {(one.item, one.rule) for one in row.faults}
