"""批次页: one delivery: its equation, its steps, why rows were quarantined, the rows themselves, downloads."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.batches import quarantine as faults
from api.portal.batches import steps
from api.portal.components.deadline import DeadlineClock, clock, done
from api.portal.shell.guards import BatchesPage
from api.portal.shell.page import Page, render
from catalog import access, workdays
from catalog.access import Decision
from catalog.acquisition.agreements import Agreement
from catalog.audit import chain as audit
from catalog.deliveries import batches
from catalog.deliveries.batches import ACCEPTED, MENDABLE, Batch, BatchState
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from contracts.clock import day_of, today
from contracts.errors import HubError
from contracts.model import Contract
from hub import deliveries
from hub.deliveries import Export, known
from warehouse.ingest.acts import ACTS
from warehouse.storage import landing

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)
ROWS, MOST_ROWS = 10, 1_000
"""Rows of a page; and of one sheet to print."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with everything its page says of it."""

    batch: Batch
    resource: Resource
    contract: Contract
    sender: Organization | None
    agreement: Agreement | None
    seen: Decision
    """Whether the reader may see quarantined rows and their values."""
    chain: Sequence[Batch]
    mend: DeadlineClock | None
    may_do: frozenset[str]
    """Names of the acts (warehouse.ingest.acts) that the batch's state and the reader's rights allow."""
    may_mend: bool
    may_answer: bool


class NotNow(HubError):
    """The batch's state does not allow the step."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"批次 {batch_id} 当前的状态不允许这一步；请回到批次页查看。",
            f"The state of batch {batch_id} does not allow this step; see its page.",
        )


def shown(session: Session, page: Page, batch_id: str) -> BatchView:
    """The batch, if the reader may know of its dataset and it concerns them."""
    batch, resource = known(session, page.subject, batch_id)
    seen = access.decide(session, page.subject, "see-quarantine", resource, sender_id=batch.organization_id)
    deliver = access.decide(session, page.subject, "deliver", resource, sender_id=batch.organization_id)
    chain = batches.chain(session, batch)
    answer = access.decide(session, page.subject, "answer-batch", resource)
    may_do = frozenset(
        one.name
        for one in ACTS.values()
        if one.possible(batch.state, batch.checks) and access.may(session, page.subject, one.action, resource)
    )
    return BatchView(
        batch=batch,
        resource=resource,
        contract=registry.get(session, batch.dataset, batch.contract_version),
        sender=session.get(Organization, batch.organization_id) if batch.organization_id else None,
        agreement=session.get(Agreement, batch.agreement_id) if batch.agreement_id else None,
        seen=seen,
        chain=chain,
        mend=_mend(session, batch, chain),
        may_do=may_do,
        may_mend=deliver.allowed and batch.waits,
        may_answer=answer.allowed and batch.state == BatchState.HELD,
    )


def _mend(session: Session, batch: Batch, chain: Sequence[Batch]) -> DeadlineClock | None:
    """The clock of a correction: working days from receipt, by the rule table; done once no row is open any more."""
    if batch.state not in (*MENDABLE, BatchState.CORRECTED):
        return None
    calendar = workdays.calendar(session)
    start = day_of(batch.received_at)
    later = [one for one in chain if one.corrects == batch.id and one.state in ACCEPTED]
    if later and not batch.waits:
        return done(calendar, start, day_of(later[-1].received_at))
    return clock(calendar, today(), start, workdays.due(session, "mend-quarantine", start))


@router.get("", response_class=HTMLResponse)
def batch(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """The page of one delivery."""
    view = shown(session, page, batch_id)
    asked = page.request.query_params
    rule, item = asked.get("rule", ""), asked.get("item", "")
    number = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 9 else 1
    size = MOST_ROWS if asked.get("rows") == "all" else ROWS
    table = None
    if view.seen.allowed and view.batch.quarantined:
        table = faults.table(
            page, view.contract, view.batch, rule, item, max(number, 1), size, whole=asked.get("columns") == "all"
        )
        on_record(session, page, view, "see-quarantine", {"page": number, "rule": rule})
    return render(
        page,
        "pages/batch.html",
        view=view,
        batch=view.batch,
        equation=batches.equation(view.batch),
        steps=steps.steps(session, page, view.batch, view.resource, view.contract),
        reasons=faults.reasons(page, view.contract, view.batch),
        table=table,
        number=max(number, 1),
        size=size,
        printable=size == ROWS and view.batch.quarantined > ROWS,
        rule=rule,
        item=item,
    )


@router.get("/receipt", response_class=HTMLResponse)
def receipt(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """回执: what came, when, from whom, its hash, and the equation; made to be printed."""
    view = shown(session, page, batch_id)
    return render(page, "pages/receipt.html", view=view, batch=view.batch, equation=batches.equation(view.batch))


@router.get("/original")
def original(page: BatchesPage, session: SessionDep, batch_id: str) -> Response:
    """The very bytes that were received."""
    view = _permitted(session, page, batch_id)
    on_record(session, page, view, "download-original", {"sha256": view.batch.sha256})
    path = landing.locate(page.settings, view.batch.sha256)
    return FileResponse(path, filename=view.batch.filename, media_type="application/octet-stream")


@router.get("/quarantine.{kind}")
def export(page: BatchesPage, hub: HubDep, session: SessionDep, batch_id: str, kind: Literal["csv", "xlsx"]) -> Response:
    """The refused rows as the provider's own table with a column of reasons, to correct and deliver again."""
    view = _permitted(session, page, batch_id)
    session.expunge(view.batch)
    session.rollback()  # the act has transactions of its own
    folder = page.settings.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=f".{kind}", delete=False) as made:
        target = Path(made.name)
    try:
        deliveries.export(hub, page.subject, Export(batch=batch_id, file=target, kind=kind))
    except BaseException:
        target.unlink()
        raise
    name = f"{Path(view.batch.filename).stem}-{'隔离行' if page.language == 'zh' else 'quarantine'}.{kind}"
    return FileResponse(target, filename=name, background=BackgroundTask(target.unlink, missing_ok=True))


def _permitted(session: Session, page: Page, batch_id: str) -> BatchView:
    view = shown(session, page, batch_id)
    access.require(session, page.subject, "see-quarantine", view.resource, sender_id=view.batch.organization_id)
    return view


def on_record(session: Session, page: Page, view: BatchView, action: str, detail: dict[str, object]) -> None:
    """Somebody looked at what was refused of a batch, or took it away."""
    audit.record(
        session,
        actor=page.subject.actor,
        organization_id=page.subject.organization_id,
        action=action,
        object=f"batch:{view.batch.id}",
        outcome="allowed",
        policies=view.seen.policies,
        detail=detail,
    )
