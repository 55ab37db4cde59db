"""召回: take a version back, with a reason, on a page that says what will follow."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.http.dependencies import SessionDep
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.entries.resources import Resource, UnknownResource
from catalog.overview import register as acquisitions
from catalog.releases import releases
from catalog.releases.releases import Release
from warehouse.serving import extracts

router = APIRouter(prefix="/resources/{name}/versions/{version}/recall", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def ask(page: CataloguePage, session: SessionDep, name: str, version: int) -> HTMLResponse:
    """What a recall ends, and the reason to give."""
    resource, release = _asked(session, page, name, version)
    return _form(session, page, resource, release)


@router.post("", response_class=HTMLResponse)
def answer(
    page: CataloguePage,
    session: SessionDep,
    name: str,
    version: int,
    csrf: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Take the version back: from now on nobody gets it, links already given included."""
    require_csrf(page, csrf)
    resource, release = _asked(session, page, name, version)
    if not reason.strip():
        return _form(session, page, resource, release, wrong=True)
    recalled = releases.recall(session, resource, version, reason=reason.strip(), by=page.subject.actor)
    decision = access.require(session, page.subject, "recall", resource)
    audit.record(
        session,
        actor=page.subject.actor,
        organization_id=page.subject.organization_id,
        action="recall",
        object=f"{resource.name} v{version}",
        policies=decision.policies,
        detail={"reason": reason.strip()},
    )
    gone = BackgroundTask(extracts.forget, page.settings, str(resource.library), resource.name, recalled.snapshot)
    return RedirectResponse(f"/resources/{resource.name}/versions", 303, background=gone)  # once the recall is committed


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
