"""Errors as pages: what failed, what is safe, what to do next; a refusal names its policy. The API keeps problem details."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlmodel import select
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from api.http.dependencies import SESSION_COOKIE
from api.http.errors import on_record, record_refusal, retry_after, status_of
from api.portal.shell.domain import domain
from api.portal.shell.footer import owner
from api.portal.shell.guards import OPEN_PLACES, SignInFirst, places_of
from api.portal.shell.page import Page, page_of, render
from catalog import access
from catalog.access import Refused
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.identity.people import ANONYMOUS, signed_in
from catalog.store import database
from contracts.errors import HubError
from warehouse.settings import Settings

log = logging.getLogger("hui.portal")
API = ("/api/", "/delta-sharing", "/health", "/ready", "/metrics", "/docs", "/openapi", "/static/")
Handler = Callable[[Request, Any], Response]
"""Never a coroutine: handlers look up and record in the catalogue, so the framework must run them in a thread."""


def is_page(request: Request) -> bool:
    """Whether a person's browser asked for a page of the portal."""
    path = request.url.path
    return not path.startswith(API) and "text/html" in request.headers.get("accept", "text/html")


def install(app: FastAPI, settings: Settings) -> None:
    """Answer errors on pages with a page; hand every other one to the handler that was there before."""

    def page(request: Request) -> Page:
        return _frame(request, settings)

    def sign_in_first(request: Request, error: SignInFirst) -> Response:
        return RedirectResponse(error.location, 303)

    def refused(request: Request, error: Refused) -> Response:
        record_refusal(request, error)
        status = 401 if error.subject.kind == "anonymous" else 403
        return render(page(request), "pages/refused.html", status=status, error=error, provider=_provider(settings, error))

    def hub_error(request: Request, error: HubError) -> Response:
        status, _ = status_of(error)
        on_record(request, error)
        kept = page(request)
        answer = render(kept, "pages/error.html", status=status, said=error.said(kept.language), reference="")
        answer.headers.update(retry_after(error))
        return answer

    def http_error(request: Request, error: HTTPException) -> Response:
        return render(page(request), "pages/error.html", status=error.status_code, said="", reference="")

    def invalid(request: Request, error: RequestValidationError) -> Response:
        return render(page(request), "pages/error.html", status=422, said="", reference="")

    def unexpected(request: Request, error: Exception) -> Response:
        reference = f"e-{secrets.token_hex(3)}"
        log.error("%s %s failed [%s]", request.method, request.url.path, reference, exc_info=error)
        return render(page(request), "pages/error.html", status=500, said="", reference=reference)

    handlers: dict[type[Exception], Handler] = {
        Refused: refused,
        HubError: hub_error,
        HTTPException: http_error,
        RequestValidationError: invalid,
        Exception: unexpected,
    }
    app.add_exception_handler(SignInFirst, sign_in_first)  # type: ignore[arg-type]
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, _choose(handler, _before(app, kind)))


def _before(app: FastAPI, kind: type[Exception]) -> Handler | None:
    """The handler that the application already has for a kind of error, or for one of its bases."""
    known = [app.exception_handlers[base] for base in kind.__mro__ if base in app.exception_handlers]
    if known and iscoroutinefunction(known[0]):
        raise TypeError(f"the handler of {kind.__name__} is a coroutine: its work on the catalogue would hold the loop")
    return cast("Handler", known[0]) if known else None


def _choose(handler: Handler, before: Handler | None) -> Handler:
    def chosen(request: Request, error: Exception) -> Response:
        answer = handler if is_page(request) or before is None else before
        return answer(request, error)

    return chosen


def _provider(settings: Settings, error: Refused) -> Organization | None:
    """Who answers for the resource in question, if the reader may know of it."""
    with database.session(settings.catalog_database) as session:
        resource = session.exec(select(Resource).where(Resource.name == error.thing)).first()
        if resource is None or not access.may(session, error.subject, "discover", resource):
            return None
        return session.get(Organization, resource.provider_id)


def _frame(request: Request, settings: Settings) -> Page:
    """The frame of an error page: the reader's own places; the catalogue's alone where nothing can be looked up."""
    bare = page_of(request, settings, ANONYMOUS, places=OPEN_PLACES)
    try:
        with database.session(settings.catalog_database) as session:
            subject = signed_in(session, request.cookies.get(SESSION_COOKIE, "")) or ANONYMOUS
            name, name_en = owner(session)
            places = places_of(session, subject)
            return page_of(request, settings, subject, places=places, owner=name, owner_en=name_en, domain=domain(session))
    except Exception:
        log.exception("the frame of an error page could not be looked up")
        return bare
