"""The sub-application: its own form of errors, its own routes."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from api import signed_links
from api.delta_sharing import changes, listing, names, tables
from api.http import errors
from api.http.attempts import Attempts
from api.http.language import language_of
from api.http.premade import premade
from catalog.access import Refused
from contracts.errors import HubError
from warehouse.settings import Settings

CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "UNSUPPORTED_OPERATION",
    410: "RESOURCE_DOES_NOT_EXIST",
    413: "MALFORMED_REQUEST",
    422: "INVALID_PARAMETER_VALUE",
}
"""The protocol's error code of each status."""
OWN = {names.NotThere: 404, signed_links.LinkEnded: 403}
SPECIAL = {tables.Malformed: "MALFORMED_REQUEST", changes.Unsupported: "UNSUPPORTED_OPERATION"}


def create(settings: Settings, attempts: Attempts) -> FastAPI:
    """The protocol's door over one installation."""
    app = FastAPI(title="Hui 汇: Delta Sharing", openapi_url=None, docs_url=None, redoc_url=None, routes=[*_routes()])
    app.state.settings, app.state.attempts = settings, attempts
    app.add_exception_handler(HubError, hub_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, unexpected)
    return app


@cache
def _routes() -> list[BaseRoute]:
    made = APIRouter()
    for module in (listing, tables, changes, signed_links):
        made.include_router(module.router)
    return premade(made)


def told(status: int, message: str, code: str = "") -> Response:
    """An error as the protocol has it; never 429 or 5xx for a refusal, since clients repeat those for 100 seconds."""
    return JSONResponse(
        {"errorCode": code or CODES.get(status, "INTERNAL_ERROR"), "message": message},
        status,
        media_type="application/json; charset=utf-8",
    )


def hub_error(request: Request, error: Exception) -> Response:
    """An error meant for people."""
    assert isinstance(error, HubError)  # noqa: S101 - registered for this class only
    status = 401 if status_for(error) == 429 else status_for(error)
    errors.on_record(request, error)
    if isinstance(error, Refused):
        status = 403
    status = OWN.get(type(error), status)
    message = error.said(language_of(request)) if request.headers.get("accept-language") else str(error)
    answer = told(status, message, SPECIAL.get(type(error), ""))
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def status_for(error: HubError) -> int:
    """HTTP status, by the same table as everywhere."""
    return errors.status_of(error)[0]


def invalid(request: Request, error: Exception) -> Response:
    """Parameters that are no numbers, or out of range."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = "; ".join(f"{'.'.join(str(p) for p in one['loc'])}: {one['msg']}" for one in error.errors())
    return told(400, faults)


def http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101
    return told(error.status_code, str(error.detail))


def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours, with the reference that stands in the log."""
    answer = errors.unexpected(request, error)
    reference = bytes(answer.body).decode().split('"reference":"')[-1].rstrip('"}')
    return told(500, f"The hub failed; reference {reference}.")
