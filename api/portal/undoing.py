"""Changes to a batch, each on a page of its own: undo with a reason, and a correcting delivery."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.dependencies import SessionDep
from api.limits import LARGEST_FILE
from api.portal.batch import Shown, shown
from api.portal.doors import BatchesPage, require_csrf
from api.portal.frame import Page, render
from catalog import access, acquisitions, audit, database
from catalog.ledger import CatalogLedger, CatalogLookups
from contracts.errors import HubError
from warehouse import ingest, landing, undo

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)


class NotNow(HubError):
    """The batch's state does not allow the step."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(
            f"批次 {batch_id} 当前的状态不允许这一步；请回到批次页查看。",
            f"The state of batch {batch_id} does not allow this step; see its page.",
        )


@router.get("/undo", response_class=HTMLResponse)
def ask_undo(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """What undoing will do, and the reason to give."""
    told = shown(session, page, batch_id)
    access.require(session, page.subject, "undo-batch", told.resource)
    if not told.may_undo:
        raise NotNow(batch_id)
    return render(page, "pages/undo.html", told=told, batch=told.batch, uses=acquisitions.in_use(session, told.resource))


@router.post("/undo")
def do_undo(
    page: BatchesPage,
    session: SessionDep,
    batch_id: str,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take the batch's rows out of raw and resource again, on record with the reason."""
    require_csrf(page, csrf)
    told = shown(session, page, batch_id)
    decision = access.require(session, page.subject, "undo-batch", told.resource)
    if not told.may_undo:
        raise NotNow(batch_id)
    if not reason.strip():
        uses = acquisitions.in_use(session, told.resource)
        return render(page, "pages/undo.html", status=422, told=told, batch=told.batch, uses=uses, wrong=True)
    engine = database.engine(page.settings.catalog_database)
    undo.undo(page.settings, CatalogLedger(engine), CatalogLookups(engine), batch_id, reason.strip())
    on_record(page, "undo-batch", batch_id, decision.policies, {"reason": reason.strip()})
    return RedirectResponse(f"/batches/{batch_id}", 303)


@router.get("/correct", response_class=HTMLResponse)
def ask_correction(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """Where the mended rows are handed in."""
    told = _mendable(page, session, batch_id)
    return render(page, "pages/correct.html", told=told, batch=told.batch)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a form with a file brought."""

    csrf: str
    file: UploadFile | None


async def handed_in(page: BatchesPage) -> AsyncIterator[HandedIn]:
    """The form, read only once `page` knows who sends it: declared as a parameter it would be read before."""
    async with page.request.form(max_files=1, max_fields=4) as form:
        csrf, file = form.get("csrf"), form.get("file")
        yield HandedIn(csrf if isinstance(csrf, str) else "", file if isinstance(file, UploadFile) else None)


@router.post("/correct", max_body_size=LARGEST_FILE)
def do_correction(
    page: BatchesPage, session: SessionDep, batch_id: str, sent: Annotated[HandedIn, Depends(handed_in)]
) -> Response:
    """Receive a correcting delivery, tied to the batch it mends; then its page."""
    require_csrf(page, sent.csrf)
    told = _mendable(page, session, batch_id)
    file = sent.file
    if file is None or not file.filename:
        return render(page, "pages/correct.html", status=422, told=told, batch=told.batch, wrong=True)
    filename = landing.told_name(file.filename)
    delivered = _deliver(page, told, file, filename)
    on_record(page, "deliver", delivered.batch_id, told.seen.policies, {"corrects": batch_id, "filename": filename})
    return RedirectResponse(f"/batches/{delivered.batch_id}", 303)


def _mendable(page: Page, session: SessionDep, batch_id: str) -> Shown:
    told = shown(session, page, batch_id)
    access.require(session, page.subject, "deliver", told.resource, sender_id=told.batch.organization_id)
    if not told.may_mend:
        raise NotNow(batch_id)
    return told


def _deliver(page: Page, told: Shown, file: UploadFile, filename: str) -> ingest.Delivered:
    batch = told.batch
    engine = database.engine(page.settings.catalog_database)
    page.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=page.settings.scratch) as folder:
        path = Path(folder) / ("upload" + "".join(Path(filename).suffixes[-2:])[-20:])  # its own name may be too long in bytes
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
        return ingest.deliver(
            page.settings,
            CatalogLedger(engine),
            CatalogLookups(engine),
            path,
            dataset=batch.dataset,
            received_by=page.subject.actor,
            route=batch.route,
            agreement_id=batch.agreement_id,
            organization_id=batch.organization_id,
            period=batch.period,
            corrects=batch.id,
            filename=filename,
        )


def on_record(page: Page, action: str, batch_id: str, policies: tuple[str, ...], detail: dict[str, object]) -> None:
    """One act about a batch, in a transaction of its own: the ledger has written through other connections meanwhile."""
    with database.session(page.settings.catalog_database) as session:
        audit.record(
            session,
            actor=page.subject.actor,
            organization_id=page.subject.organization_id,
            action=action,
            object=f"batch:{batch_id}",
            policies=policies,
            detail=detail,
        )
