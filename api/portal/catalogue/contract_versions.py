"""契约的登记、比较与生效: a version is written on its page, compared with the one in force, and put in its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.catalogue import contract as contract_text
from api.portal.shell.background import follow
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from contracts.errors import HubError
from contracts.odcs.findings import InvalidContract
from hub import contracts
from hub.acts import given, known
from hub.contracts import ActivateContract, BreakingChange, CompareContract, ComparedContract, SaveContract
from hub.hub import Hub

router = APIRouter(prefix="/resources/{name}/contract", include_in_schema=False)
LARGEST = 4 * contracts.LARGEST
"""Bytes of the field that holds a contract."""


async def written(page: CataloguePage) -> AsyncIterator[tuple[str, str]]:
    """The form's token and the contract, read only once `page` knows who sends them; as a part of a multipart form it may
    be longer than a field."""
    async with page.request.form(max_files=0, max_fields=4, max_part_size=LARGEST) as form:
        csrf, text = form.get("csrf"), form.get("text")
        yield (csrf if isinstance(csrf, str) else "", text.replace("\r\n", "\n") if isinstance(text, str) else "")


@router.get("/edit", response_class=HTMLResponse)
def edit(
    page: CataloguePage, session: SessionDep, name: str, version: Annotated[str, Query(max_length=40)] = ""
) -> HTMLResponse:
    """A version's text to be changed, without the examples that its reader may not see."""
    resource = _asked(session, page, name)
    contract = registry.get(session, resource.name, version or None)
    decision = access.decide(session, page.subject, "read-rows", resource, contract=contract)
    text, hidden = contract_text.text(contract, decision)
    return _editor(page, resource, text, hidden=hidden)


@router.post("/edit", response_class=HTMLResponse)
def save(
    page: CataloguePage, hub: HubDep, session: SessionDep, name: str, sent: Annotated[tuple[str, str], Depends(written)]
) -> Response:
    """Keep what was written as a draft, then show what it changes; with faults the page comes back with all of the text."""
    csrf, text = sent
    require_csrf(page, csrf)
    resource = _asked(session, page, name)
    session.rollback()  # the act has a transaction of its own
    try:
        saved = contracts.save(hub, page.subject, given(SaveContract, text=text))
    except access.Refused:
        raise
    except HubError as wrong:
        return _editor(page, resource, text, wrong)
    return RedirectResponse(f"/resources/{saved.resource}/contract/compare?version={saved.version}", 303)


@router.get("/compare", response_class=HTMLResponse)
def compare(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    version: Annotated[str, Query(max_length=40)] = "",
    against: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """What a version changes against another one, and whom it concerns."""
    resource = _asked(session, page, name)
    versions = contracts.versions(session, resource.name)
    status = {one.version: one.status for one in versions}
    session.rollback()
    compared = _compared(hub, page, resource, version or versions[0].version, against)
    draft = status.get(compared.version) != "active"
    return render(page, "pages/contract_compare.html", resource=resource, compared=compared, versions=versions, draft=draft)


@router.get("/{version}/activate", response_class=HTMLResponse)
def ask(page: CataloguePage, hub: HubDep, session: SessionDep, name: str, version: str) -> HTMLResponse:
    """What follows when a version is put in force."""
    resource = _asked(session, page, name)
    session.rollback()
    return _confirm(hub, page, resource, version)


@router.post("/{version}/activate", response_class=HTMLResponse)
def activate(
    page: CataloguePage,
    hub: HubDep,
    session: SessionDep,
    name: str,
    version: str,
    csrf: Annotated[str, Form()] = "",
    breaking: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Put it in force; a breaking one for a reason, said to be meant."""
    require_csrf(page, csrf)
    resource = _asked(session, page, name)
    session.rollback()
    request = given(ActivateContract, resource=resource.name, version=version, breaking=breaking, reason=reason)
    try:
        return follow(hub, page, "contract.activate", request)
    except BreakingChange as wrong:
        return _confirm(hub, page, resource, version, wrong, reason)


def _asked(session: Session, page: Page, name: str) -> Resource:
    """The resource, for who writes its contract. Errors: WrittenByModel."""
    resource = known(session, page.subject, name)
    access.require(session, page.subject, contracts.MANAGE, resource)
    registry.require_written(session, resource.name)
    session.expunge(resource)
    return resource


def _compared(hub: Hub, page: Page, resource: Resource, version: str, against: str = "") -> ComparedContract:
    return contracts.compare(
        hub, page.subject, given(CompareContract, resource=resource.name, version=version, against=against)
    )


def _editor(page: Page, resource: Resource, text: str, wrong: HubError | None = None, *, hidden: bool = False) -> HTMLResponse:
    findings = wrong.findings if isinstance(wrong, InvalidContract) else ()
    return render(
        page,
        "pages/contract_edit.html",
        status=422 if wrong else 200,
        resource=resource,
        text=text,
        hidden=hidden,
        wrong=wrong,
        findings=findings,
    )


def _confirm(
    hub: Hub, page: Page, resource: Resource, version: str, wrong: HubError | None = None, reason: str = ""
) -> HTMLResponse:
    compared = _compared(hub, page, resource, version)
    return render(
        page,
        "pages/contract_activate.html",
        status=422 if wrong else 200,
        resource=resource,
        compared=compared,
        wrong=wrong,
        reason=reason,
    )
