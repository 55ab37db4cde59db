"""会话: where the reader is signed in, and the end of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import SESSION_COOKIE, HubDep, SessionDep
from api.portal.shell.guards import AnyPage, SignInFirst, require_csrf
from api.portal.shell.page import Page, render
from catalog.identity import people, signins
from catalog.identity.people import Person
from hub.acts import given
from hub.keys import EndSession, end_session

router = APIRouter(prefix="/sessions", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep, request: Request) -> HTMLResponse:
    """The reader's open sessions, newest first; this one is marked."""
    person = _reader(page, session)
    here = people.number_of(session, request.cookies.get(SESSION_COOKIE, ""))
    return render(page, "pages/sessions.html", sessions=signins.listed(session, person), here=here)


@router.post("/{number}/end")
def end(page: AnyPage, hub: HubDep, session: SessionDep, number: str, csrf: Annotated[str, Form()] = "") -> Response:
    """End one of the reader's sessions."""
    require_csrf(page, csrf)
    session.rollback()  # the act has a transaction of its own
    end_session(hub, page.subject, given(EndSession, session=number))
    return RedirectResponse("/sessions", 303)


def _reader(page: Page, session: Session) -> Person:
    person = session.get(Person, page.subject.person_id) if page.subject.person_id else None
    if person is None:
        raise SignInFirst("/sessions")
    return person
