"""召回: take a version back, with a reason, on a page that says what will follow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.access.use import LARGEST
from catalog.entries import resources
from catalog.entries.resources import Resource, UnknownResource
from catalog.overview import register as acquisitions
from catalog.releases import releases
from catalog.releases.releases import Release
from hub.releases import Recall, recall

router = APIRouter(prefix="/resources/{name}/versions/{version}/recall", include_in_schema=False)
Number = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("", response_class=HTMLResponse)
def ask(page: CataloguePage, session: SessionDep, name: str, version: Number) -> HTMLResponse:
    """What a recall ends, and the reason to give."""
    resource, release = _asked(session, page, name, version)
    return _form(session, page, resource, release)


@router.post("", response_class=HTMLResponse)
def answer(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    version: Number,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take the version back: from now on nobody gets it, links already given included."""
    require_csrf(page, csrf)
    if not reason.strip():
        return _form(session, page, *_asked(session, page, name, version), wrong=True)
    session.rollback()  # the act has a transaction of its own
    recall(hub, page.subject, Recall(resource=name, version=version, reason=reason.strip()[:500]))
    return RedirectResponse(f"/resources/{name}/versions", 303)


def _asked(session: Session, page: Page, name: str, version: int) -> tuple[Resource, Release]:
    resource = resources.get(session, name)
    if not access.may(session, page.subject, "discover", resource):
        raise UnknownResource(name)
    access.require(session, page.subject, "recall", resource)
    return resource, releases.get(session, resource, version)


def _form(session: Session, page: Page, resource: Resource, release: Release, *, wrong: bool = False) -> HTMLResponse:
    latest = releases.latest(session, resource)
    return render(
        page,
        "pages/recall.html",
        status=422 if wrong else 200,
        resource=resource,
        release=release,
        is_latest=latest is not None and latest.version == release.version,
        uses=acquisitions.in_use(session, resource),
        wrong=wrong,
    )
