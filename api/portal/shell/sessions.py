"""会话: where the reader is signed in, and the end of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import SESSION_COOKIE, SessionDep
from api.portal.shell.guards import AnyPage, SignInFirst, require_csrf
from api.portal.shell.page import Page, render
from catalog.audit import chain as audit
from catalog.identity import people, signins
from catalog.identity.people import Person

router = APIRouter(prefix="/sessions", include_in_schema=False)


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep, request: Request) -> HTMLResponse:
    """The reader's open sessions, newest first; this one is marked."""
    person = _reader(page, session)
    here = people.number_of(session, request.cookies.get(SESSION_COOKIE, ""))
    return render(page, "pages/sessions.html", sessions=signins.listed(session, person), here=here)


@router.post("/{number}/end")
def end(page: AnyPage, session: SessionDep, number: str, csrf: Annotated[str, Form()] = "") -> Response:
    """End one of the reader's own sessions."""
    require_csrf(page, csrf)
    ended = signins.end(session, number, _reader(page, session))
    audit.record(
        session,
        actor=page.subject.actor,
        organization_id=page.subject.organization_id,
        action="session.end",
        object=f"person:{ended.login}",
        detail={"session": ended.id},
    )
    return RedirectResponse("/sessions", 303)


def _reader(page: Page, session: Session) -> Person:
    person = session.get(Person, page.subject.person_id) if page.subject.person_id else None
    if person is None:
        raise SignInFirst("/sessions")
    return person
