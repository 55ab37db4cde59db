"""提出需求: a need for data, by request, purchase or collection, with the fields of its route only."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.acquisition import channel_test, faults, terms_form
from api.portal.acquisition.channel_test import Look
from api.portal.shell.forms import AcquireForm, Form, correctable
from api.portal.shell.guards import AcquirePage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.workflow import ROUTES
from contracts.errors import HubError
from hub import acquisition
from hub import needs as looking
from hub.acquisition import EnterNeed
from hub.acts import InvalidInput, given
from hub.needs import AlreadyThere, FoundEntry, MatchNeed

router = APIRouter(prefix="/agreements/new", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def ask(page: AcquirePage, session: SessionDep) -> HTMLResponse:
    """The form of a route."""
    query = page.request.query_params
    known = {name: (query[name][:200],) for name in ("dataset", "title", "provider") if name in query}
    return _page(page, session, Form(known), query.get("route", ""))


@router.post("/matches", response_class=HTMLResponse)
def look(page: AcquirePage, session: SessionDep, form: AcquireForm) -> HTMLResponse:
    """What the hub has of the need, as its items are typed; nothing is put on record before the need is entered."""
    require_csrf(page, form.text("csrf"))
    access.require(session, page.subject, "manage-agreement", None)
    found = _found(page, session, form)
    return render(page, "acquisition/looked.html", form=form, faults={}, found=found, bodies=_bodies(session, found or ()))


@router.post("", response_class=HTMLResponse)
def enter(page: AcquirePage, hub: HubDep, session: SessionDep, form: AcquireForm) -> Response:
    """Enter the need, and go on to its page."""
    require_csrf(page, form.text("csrf"))
    session.rollback()  # the act has a transaction of its own
    route = form.text("route")
    if form.text("do") == "test":
        return _page(page, session, form, route, look=channel_test.of_form(hub, page.subject, form, route))
    try:
        request = given(
            EnterNeed,
            route=route,
            **terms_form.common(form),
            **terms_form.terms(form, route),
            **form.values("dataset", "provider", "number", "in_spite_of"),
            items=terms_form.items(form),
            wanted_by=form.text("wanted_by") or None,
            needed_on=form.text("needed_on") or None,
            channels=terms_form.channels(form),
        )
        entered = acquisition.enter(hub, page.subject, request)
    except HubError as error:
        if not correctable(error):
            raise
        return _page(page, session, form, route, error)
    return RedirectResponse(f"/agreements/{entered.id}", 303)


def _page(
    page: Page, session: Session, form: Form, route: str, wrong: HubError | None = None, look: Look | None = None
) -> HTMLResponse:
    access.require(session, page.subject, "manage-agreement", None)
    known = organizations.bodies(session, active=True)
    found = wrong.matches if isinstance(wrong, AlreadyThere) else _found(page, session, form) if form.text("items") else None
    return render(
        page,
        "acquisition/need.html",
        status=422 if wrong else 200,
        form=form,
        route_kind=route if route in ROUTES else "request",
        routes=ROUTES,
        organizations=known,
        agencies=[one for one in known if one.kind == "agency"],
        offered=terms_form,
        look=look,
        found=found,
        bodies=_bodies(session, found or ()),
        faults=faults.of(wrong or (look.wrong if look else None)),
    )


def _found(page: Page, session: Session, form: Form) -> list[FoundEntry] | None:
    """What the hub has of the items that were typed; None while there are none that can be looked for."""
    told = form.values("title", "purpose", "dataset")
    try:
        asked = given(MatchNeed, items=terms_form.items(form), **told)
    except InvalidInput:
        return None
    return looking.look(session, page.subject, asked) if asked.items else None


def _bodies(session: Session, found: Iterable[FoundEntry]) -> dict[str, Organization]:
    return organizations.by_id(session, {one.provider for one in found})
