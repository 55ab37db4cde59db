"""人员: who works with the hub; registered, changed, closed, given a password and keys."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.forms import AdministrationForm, Form, correctable, perform
from api.portal.shell.guards import AdministrationPage, require_csrf
from api.portal.shell.page import Page, render
from catalog.identity import directory, organizations, people, signins
from catalog.identity.people import Role
from contracts.errors import HubError
from hub import keys
from hub import people as persons
from hub.acts import given
from hub.keys import EndSession, IssueKey, RevokeKey
from hub.people import AddPerson, ChangePerson, ClosePerson, ReopenPerson, SetPassword

router = APIRouter(prefix="/administration", include_in_schema=False)
PEOPLE = "/administration/people"
SIZE = 20


@router.get("")
def administration(page: AdministrationPage) -> Response:
    """The first page of the place."""
    return RedirectResponse(PEOPLE, 303)


@router.get("/people", response_class=HTMLResponse)
def listed(page: AdministrationPage, session: SessionDep) -> HTMLResponse:
    """People found by a name, a role and whether they are open."""
    query = page.request.query_params
    text, role, state = (query.get(name, "").strip()[:100] for name in ("q", "role", "state"))
    role = role if role in list(Role) else ""
    active = {"open": True, "closed": False}.get(state)
    found = directory.people_found(session, text, role=role, active=active, page=number_of(page), size=SIZE)
    return render(
        page,
        "administration/people.html",
        found=found,
        keys=directory.keys_of_all(session, found.rows),
        living=keys.living,
        organizations=organizations.by_id(session, {person.organization_id for person in found.rows}),
        text=text,
        role=role,
        state=state,
    )


@router.post("/people", response_class=HTMLResponse)
def register(page: AdministrationPage, hub: HubDep, session: SessionDep, form: AdministrationForm) -> Response:
    """Register a person, and go on to their page for a key or a password."""

    def act() -> object:
        fields = form.values("login", "name", "name_en", "organization")
        return persons.add(hub, page.subject, given(AddPerson, **fields, roles=form.all("roles")))

    address = f"{PEOPLE}/{quote(form.text('login'), safe='')}"
    return perform(page, session, form, act, address, lambda error: _new(page, session, form, error))


@router.get("/people/new", response_class=HTMLResponse)
def new(page: AdministrationPage, session: SessionDep) -> HTMLResponse:
    """The form for a new person."""
    return _new(page, session, Form())


@router.get("/people/{login}", response_class=HTMLResponse)
def show(page: AdministrationPage, session: SessionDep, login: str) -> HTMLResponse:
    """One person: roles, password, keys, sessions."""
    return _person(page, session, login)


@router.post("/people/{login}/change", response_class=HTMLResponse)
def change(page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, form: AdministrationForm) -> Response:
    """Change name, organization and roles."""

    def act() -> object:
        fields = form.values("name", "name_en", "organization")
        return persons.change(hub, page.subject, given(ChangePerson, login=login, **fields, roles=form.all("roles")))

    return _acted(page, session, login, form, act)


@router.post("/people/{login}/password", response_class=HTMLResponse)
def password(page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, form: AdministrationForm) -> Response:
    """Give the person a password; their sessions end."""

    def act() -> object:
        return persons.set_password(hub, page.subject, given(SetPassword, login=login, password=form.text("password")))

    return _acted(page, session, login, form, act)


@router.post("/people/{login}/close", response_class=HTMLResponse)
def close(page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, form: AdministrationForm) -> Response:
    """Close the person's access."""
    return _acted(page, session, login, form, lambda: persons.close(hub, page.subject, given(ClosePerson, login=login)))


@router.post("/people/{login}/reopen", response_class=HTMLResponse)
def reopen(page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, form: AdministrationForm) -> Response:
    """Let the person in again."""
    return _acted(page, session, login, form, lambda: persons.reopen(hub, page.subject, given(ReopenPerson, login=login)))


@router.post("/people/{login}/keys", response_class=HTMLResponse)
def issue(page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, form: AdministrationForm) -> Response:
    """Issue a key, and show it: this once, on this answer only."""
    require_csrf(page, form.text("csrf"))
    session.rollback()  # the act has a transaction of its own
    try:
        request = given(IssueKey, login=login, label=form.text("label"), days=form.text("days", "365"))
        issued = keys.issue_key(hub, page.subject, request)
    except HubError as error:
        if not correctable(error):
            raise
        return _person(page, session, login, form, error)
    return render(page, "administration/key.html", issued=issued, back=f"{PEOPLE}/{quote(login, safe='')}")


@router.post("/people/{login}/keys/{prefix}/revoke", response_class=HTMLResponse)
def revoke(
    page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, prefix: str, form: AdministrationForm
) -> Response:
    """Take a key back."""
    return _acted(page, session, login, form, lambda: keys.revoke_key(hub, page.subject, given(RevokeKey, prefix=prefix)))


@router.post("/people/{login}/sessions/{number}/end", response_class=HTMLResponse)
def end(
    page: AdministrationPage, hub: HubDep, session: SessionDep, login: str, number: str, form: AdministrationForm
) -> Response:
    """End one of the person's sessions."""
    return _acted(page, session, login, form, lambda: keys.end_session(hub, page.subject, given(EndSession, session=number)))


def number_of(page: Page) -> int:
    """The page that an address asks for."""
    text = page.request.query_params.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _acted(page: Page, session: Session, login: str, form: Form, act: Callable[[], object]) -> Response:
    address = f"{PEOPLE}/{quote(login, safe='')}"
    return perform(page, session, form, act, address, lambda error: _person(page, session, login, form, error))


def _new(page: Page, session: Session, form: Form, wrong: HubError | None = None) -> HTMLResponse:
    return render(
        page,
        "administration/person_new.html",
        status=422 if wrong else 200,
        form=form,
        wrong=wrong,
        roles=list(Role),
        organizations=organizations.bodies(session, active=True),
        own=organizations.own_id(session),
    )


def _person(page: Page, session: Session, login: str, form: Form | None = None, wrong: HubError | None = None) -> HTMLResponse:
    person = people.get_person(session, login)
    return render(
        page,
        "administration/person.html",
        status=422 if wrong else 200,
        person=person,
        form=form or Form(),
        wrong=wrong,
        roles=list(Role),
        organizations=organizations.bodies(session),
        keys=[persons.key_state(key) for key in people.keys_of(session, person)],
        sessions=signins.listed(session, person),
        own=person.id == page.subject.person_id,
        shortest=people.SHORTEST_PASSWORD,
    )
