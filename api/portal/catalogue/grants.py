"""授权: who has a right to a resource; given and taken back on its page, by those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.guards import CataloguePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.identity import organizations
from contracts.errors import HubError
from hub import sharing
from hub.acts import given, known
from hub.sharing import GrantRight, RevokeRight

router = APIRouter(prefix="/resources/{name}/grants", include_in_schema=False)
MASKS: Mapping[str, dict[str, object]] = {
    "": {},
    "null": {"kind": "null"},
    "hash": {"kind": "hash"},
    "first-2": {"kind": "truncate", "keep": 2},
    "first-3": {"kind": "truncate", "keep": 3},
    "first-6": {"kind": "truncate", "keep": 6},
}
"""Ways to mask an item that the form offers; others are given by the API or the command."""


@dataclass(frozen=True, slots=True)
class GrantForm:
    """A form of this page."""

    csrf: str = ""
    text: Mapping[str, str] = field(default_factory=dict)
    items: tuple[str, ...] = ()


async def sent_in(page: CataloguePage) -> AsyncIterator[GrantForm]:
    """The form, read only once `page` knows who sends it."""
    async with page.request.form(max_files=0, max_fields=5000) as form:
        text = {name: value for name, value in form.items() if isinstance(value, str)}
        items = tuple(value for value in form.getlist("items") if isinstance(value, str))
        yield GrantForm(text.get("csrf", ""), text, items)


SentDep = Annotated[GrantForm, Depends(sent_in)]


@router.get("", response_class=HTMLResponse)
def ask(page: CataloguePage, session: SessionDep, name: str) -> HTMLResponse:
    """Rights given, newest first, and the form to give one."""
    return _page(page, session, name, GrantForm())


@router.post("", response_class=HTMLResponse)
def grant(page: CataloguePage, hub: HubDep, session: SessionDep, name: str, sent: SentDep) -> Response:
    """Give a right."""
    require_csrf(page, sent.csrf)
    session.rollback()  # the act has a transaction of its own
    try:
        masks = {
            item: MASKS[sent.text.get(f"mask-{item}", "")] for item in sent.items if sent.text.get(f"mask-{item}") in MASKS
        }
        words = {one: sent.text.get(one, "") for one in ("organization", "purpose", "row_filter", "basis")}
        told = {item: mask for item, mask in masks.items() if mask}
        request = given(
            GrantRight, resource=name, items=list(sent.items), masks=told, until=sent.text.get("until") or None, **words
        )
        sharing.grant(hub, page.subject, request)
    except access.Refused:
        raise
    except HubError as wrong:
        return _page(page, session, name, sent, wrong)
    return RedirectResponse(f"/resources/{name}/grants", 303)


@router.post("/revoke", response_class=HTMLResponse)
def revoke(page: CataloguePage, hub: HubDep, session: SessionDep, name: str, sent: SentDep) -> Response:
    """Take a right away."""
    require_csrf(page, sent.csrf)
    session.rollback()
    try:
        request = given(RevokeRight, grant=sent.text.get("grant", ""), reason=sent.text.get("reason", ""))
        sharing.revoke(hub, page.subject, request)
    except access.Refused:
        raise
    except HubError as wrong:
        return _page(page, session, name, sent, wrong)
    return RedirectResponse(f"/resources/{name}/grants", 303)


def _page(page: Page, session: Session, name: str, sent: GrantForm, wrong: HubError | None = None) -> HTMLResponse:
    resource = _asked(session, page, name)
    known_ones = organizations.bodies(session)
    return render(
        page,
        "pages/grants.html",
        status=422 if wrong else 200,
        resource=resource,
        contract=registry.active(session, resource.name),
        rights=[sharing.of(session, one) for one in sharing.listed(session, resource.name)],
        organizations={one.id: one for one in known_ones},
        receivers=[one for one in known_ones if one.active and one.id != resource.provider_id],
        masks=tuple(MASKS),
        sent=sent,
        wrong=wrong,
    )


def _asked(session: Session, page: Page, name: str) -> Resource:
    resource = known(session, page.subject, name)
    access.require(session, page.subject, "manage-grant", resource)
    return resource
