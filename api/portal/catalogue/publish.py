"""发布与重建: a new version of a resource, or its tables made anew; both take their time and are followed as jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.background import follow
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import render
from catalog import access
from catalog.deliveries import batches
from catalog.releases import releases
from hub.acts import given, known
from hub.deliveries import Rebuild
from hub.releases import Publish

router = APIRouter(prefix="/resources/{name}", include_in_schema=False)


@router.get("/versions/publish", response_class=HTMLResponse)
def ask_to_publish(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """What will be published, and a note for those who use it."""
    resource = known(session, page.subject, name)
    access.require(session, page.subject, "release", resource)
    return render(page, "pages/publish.html", resource=resource, last=releases.latest(session, resource))


@router.post("/versions/publish")
def publish(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    csrf: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Publish what the table holds now as the next version."""
    require_csrf(page, csrf)
    session.rollback()  # the act has a transaction of its own
    return follow(hub, page, "release", given(Publish, resource=name, note=note.strip()))


@router.get("/rebuild", response_class=HTMLResponse)
def ask_to_rebuild(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """What a rebuild does."""
    resource = known(session, page.subject, name)
    access.require(session, page.subject, "manage-contract", resource)
    return render(page, "pages/rebuild.html", resource=resource, accepted=batches.count_accepted(session, name))


@router.post("/rebuild")
def rebuild(page: CataloguePage, hub: HubDep, session: SessionDep, name: str, csrf: Annotated[str, Form()] = "") -> Response:
    """Check and load every accepted batch again, under the contract in force."""
    require_csrf(page, csrf)
    session.rollback()  # the act has a transaction of its own
    return follow(hub, page, "rebuild", given(Rebuild, resource=name))
