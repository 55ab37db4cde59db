"""补正: a correcting delivery, handed in on a page of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.http.limits import LARGEST_FILE
from api.portal.batches.batch import BatchView, NotNow, shown
from api.portal.shell.background import follow
from api.portal.shell.guards import BatchesPage, require_csrf
from api.portal.shell.handed_in import HandedIn, form_of
from api.portal.shell.page import Page, render
from catalog import access
from hub.deliveries import Deliver
from hub.hub import Hub

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)


@router.get("/correct", response_class=HTMLResponse)
def ask_correction(page: BatchesPage, session: SessionDep, batch_id: str) -> HTMLResponse:
    """Where the mended rows are handed in."""
    view = _mendable(page, session, batch_id)
    return render(page, "pages/correct.html", view=view, batch=view.batch)


async def handed_in(page: BatchesPage) -> AsyncIterator[HandedIn]:
    """The form of those who may see batches."""
    async with form_of(page) as sent:
        yield sent


@router.post("/correct", max_body_size=LARGEST_FILE)
def do_correction(
    page: BatchesPage, hub: HubDep, session: SessionDep, batch_id: str, sent: Annotated[HandedIn, Depends(handed_in)]
) -> Response:
    """Receive a correcting delivery, tied to the batch it mends; then its page."""
    require_csrf(page, sent.csrf)
    view = _mendable(page, session, batch_id)
    file = sent.file
    if file is None or not file.filename:
        return render(page, "pages/correct.html", status=422, view=view, batch=view.batch, wrong=True)
    session.rollback()  # the act has a transaction of its own
    return _deliver(page, hub, view, file, file.filename)


def _mendable(page: Page, session: SessionDep, batch_id: str) -> BatchView:
    view = shown(session, page, batch_id)
    access.require(session, page.subject, "deliver", view.resource, sender_id=view.batch.organization_id)
    if not view.may_mend:
        raise NotNow(batch_id)
    return view


def _deliver(page: Page, hub: Hub, view: BatchView, file: UploadFile, filename: str) -> Response:
    page.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=page.settings.scratch) as folder:
        path = Path(folder) / ("upload" + "".join(Path(filename).suffixes[-2:])[-20:])  # its own name may be too long in bytes
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
        given = Deliver(resource=view.batch.dataset, file=path, filename=filename[:1000], corrects=view.batch.id)
        return follow(hub, page, "deliver", given)
