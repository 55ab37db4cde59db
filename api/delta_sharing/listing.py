"""Lists of shares, schemas and tables, in pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from sqlmodel import Session
from starlette.responses import Response

from api.delta_sharing import names
from api.http.dependencies import KeyNotValid, SessionDep, SubjectDep
from catalog.identity import organizations
from catalog.identity.people import Subject
from catalog.overview import shared
from catalog.search.mirror import Entry
from contracts.errors import HubError

router = APIRouter()
Listed = TypeVar("Listed")
MOST = 1000
MaxResults = Annotated[int | None, Query(alias="maxResults", ge=0, le=2**31 - 1)]
PageToken = Annotated[str, Query(alias="pageToken")]


class PageTokenInvalid(HubError):
    """A page token that was not handed out."""

    def __init__(self) -> None:
        super().__init__("pageToken 无效。", "The pageToken is not valid.")


def known(subject: Subject) -> Subject:
    """Every call needs a recipient: nothing is listed for callers without a key."""
    if subject.kind == "anonymous":
        raise KeyNotValid
    return subject


@router.get("/shares")
def shares(session: SessionDep, subject: SubjectDep, max_results: MaxResults = None, page_token: PageToken = "") -> Response:
    """Shares with at least one table for this recipient."""
    found = shared.shares(session, known(subject))
    return page(found, max_results, page_token, lambda shown: _shares(session, shown), lambda name: f"//{name}")


@router.get("/shares/{share}")
def share(share: str, session: SessionDep, subject: SubjectDep) -> Response:
    """One share."""
    name, _ = names.schemas(session, known(subject), share)
    return answer({"share": _shares(session, [name])[0]})


@router.get("/shares/{share}/schemas")
def schemas(
    share: str, session: SessionDep, subject: SubjectDep, max_results: MaxResults = None, page_token: PageToken = ""
) -> Response:
    """Libraries with at least one table for this recipient."""
    name, found = names.schemas(session, known(subject), share)
    told = lambda shown: [{"name": schema, "share": name} for schema in shown]  # noqa: E731
    return page(found, max_results, page_token, told, lambda schema: f"{name}//{schema}")


@router.get("/shares/{share}/schemas/{schema}/tables")
def tables(
    share: str,
    schema: str,
    session: SessionDep,
    subject: SubjectDep,
    max_results: MaxResults = None,
    page_token: PageToken = "",
) -> Response:
    """Datasets of one library."""
    return page(names.tables(session, known(subject), share, schema), max_results, page_token, _tables, _place)


@router.get("/shares/{share}/all-tables")
def all_tables(
    share: str, session: SessionDep, subject: SubjectDep, max_results: MaxResults = None, page_token: PageToken = ""
) -> Response:
    """Datasets of all libraries."""
    return page(names.tables(session, known(subject), share), max_results, page_token, _tables, _place)


def page(
    found: Sequence[Listed],
    most: int | None,
    token: str,
    told: Callable[[Sequence[Listed]], list[dict[str, str]]],
    place: Callable[[Listed], str],
) -> Response:
    """One page. The token names the last one shown and its place, so that a table granted between pages shifts nothing."""
    limit = min(MOST if most is None else most, MOST)
    start = _after(found, token, place) if token else 0
    shown = found[start : start + limit]
    body: dict[str, Any] = {"items": told(shown)}
    if start + limit < len(found):
        count = start + len(shown)
        body["nextPageToken"] = _token(count, place(found[count - 1]) if count else "//")
    return answer(body)


def answer(told: dict[str, Any]) -> Response:
    """A JSON answer, ASCII-escaped, with its charset."""
    return Response(json.dumps(told), headers={"Content-Type": "application/json; charset=utf-8"})


def _shares(session: Session, shown: Sequence[str]) -> list[dict[str, str]]:
    names_ = organizations.names(session, shown)
    return [{"name": name, "id": name, "displayName": names_.get(name, name)} for name in shown]


def _tables(shown: Sequence[Entry]) -> list[dict[str, str]]:
    return [
        {"name": one.name, "schema": one.library, "share": one.provider, "shareId": one.provider, "id": one.id} for one in shown
    ]


def _place(one: Entry) -> str:
    return f"{one.provider}/{one.library}/{one.name}"


def _token(count: int, last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([count, last]).encode()).decode()


def _after(found: Sequence[Listed], token: str, place: Callable[[Listed], str]) -> int:
    """Where the page after a token begins: behind the one it names, else at its number."""
    try:
        count, last = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise PageTokenInvalid from None
    if not isinstance(count, int):
        raise PageTokenInvalid
    if 0 < count <= len(found) and place(found[count - 1]) == last:
        return count
    return next((at + 1 for at, one in enumerate(found) if place(one) == last), max(count, 0))
