"""Sign-in by key or local password, and sign-out. The cookie holds a token of which only the hash is kept."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import SESSION_COOKIE, SessionDep, TooManyAttempts, address_of
from api.portal.shell.guards import AnyPage, require_csrf
from api.portal.shell.page import Page, render
from catalog.audit import chain as audit
from catalog.identity import attempts, passwords, people
from catalog.identity.people import Subject

router = APIRouter(include_in_schema=False)
FORM_COOKIE = "hui_form"
"""Before there is a session the form's token stands in a cookie of its own (double submit)."""
HOURS = people.SIGN_IN_HOURS
Begun = tuple[Subject, str] | None
"""Who signed in, and the token of their session; None: it did not work."""


@router.get("/sign-in", response_class=HTMLResponse)
def ask(page: AnyPage) -> Response:
    """The two ways to sign in."""
    if page.known:
        return RedirectResponse(inside(page.request.query_params.get("next")), 303)
    return _form(page, inside(page.request.query_params.get("next")))


@router.post("/sign-in", response_class=HTMLResponse)
def answer(
    page: AnyPage,
    session: SessionDep,
    form: Annotated[str, Form()] = "",
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session, or say that it did not work (never which part was wrong)."""
    kept = page.request.cookies.get(FORM_COOKIE, "")
    if not kept or not hmac.compare_digest(kept.encode(), form.encode()):
        return _form(page, inside(next), wrong="expired", status=400)
    way, claimed = ("key", key.strip()[:14]) if key else ("password", login.strip()[:80])
    begun = _begun(page, session, claimed, lambda: _tried(page, session, login, password, key))
    detail = {"way": way, "address": address_of(page.request)} | ({} if begun else {"claimed": claimed})
    actor = begun[0].login if begun else people.ANONYMOUS.actor
    audit.record(session, actor=actor, action="portal.sign-in", outcome="done" if begun else "refused", detail=detail)
    if begun is None:
        return _form(page, inside(next), wrong=way, status=401, login=login)
    response = RedirectResponse(inside(next), 303)
    token, age = begun[1], HOURS * 3600
    response.set_cookie(SESSION_COOKIE, token, max_age=age, httponly=True, samesite="lax", secure=_secure(page))
    response.delete_cookie(FORM_COOKIE)
    return response


def _begun(page: Page, session: Session, account: str, attempt: Callable[[], Begun]) -> Begun:
    """Try once, counted before: a name that was only claimed is no person's, so it counts by what was typed."""
    address = address_of(page.request)
    wait = attempts.begun(session, account, address)
    session.commit()
    if wait:
        raise TooManyAttempts(wait)
    try:
        begun = attempt()
    except passwords.SignInBusy:
        attempts.not_tried(session, account, address)
        session.commit()
        raise
    if begun is not None:
        attempts.succeeded(session, account, address)
    return begun


def _tried(page: Page, session: Session, login: str, password: str, key: str) -> Begun:
    if key:
        return people.sign_in_with_key(session, key.strip(), address_of(page.request))
    return people.sign_in(session, login.strip(), password, address_of(page.request))


def _secure(page: Page) -> bool:
    """Whether cookies are for encrypted connections only: by the address people use, whatever the last step's scheme."""
    return page.request.url.scheme == "https" or page.settings.public_url.lower().startswith("https://")


@router.post("/sign-out")
def leave(page: AnyPage, session: SessionDep, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    if page.known:
        require_csrf(page, csrf)
        people.sign_out(session, page.request.cookies.get(SESSION_COOKIE, ""))
        audit.record(session, actor=page.subject.actor, action="portal.sign-out")
    response = RedirectResponse("/", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def inside(wanted: str | None) -> str:
    """An address of this site to go to; anything else is the catalogue."""
    text = wanted or "/"
    parts = urlsplit(text)
    safe = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if safe and "\\" not in text and text.isprintable() and not text.startswith("/sign-") else "/"


def _form(page: Page, wanted: str, *, wrong: str = "", status: int = 200, login: str = "") -> HTMLResponse:
    token = page.request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
    response = render(page, "pages/sign_in.html", status=status, form=token, wanted=wanted, wrong=wrong, login=login)
    response.set_cookie(FORM_COOKIE, token, max_age=3600, httponly=True, samesite="strict", secure=_secure(page))
    return response
