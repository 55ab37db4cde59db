"""Lists of shares, schemas and tables, in pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.delta_sharing import names as shared
from api.http.dependencies import KeyNotValid, SessionDep, SubjectDep
from catalog.identity import organizations
from catalog.identity.people import Subject
from contracts.errors import HubError

router = APIRouter()
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
    names = organizations.names(session)
    items = [_share(name, names) for name in shared.shares(session, known(subject))]
    return page(items, max_results, page_token)


@router.get("/shares/{share}")
def share(share: str, session: SessionDep, subject: SubjectDep) -> Response:
    """One share."""
    name, _ = shared.schemas(session, known(subject), share)
    return answer({"share": _share(name, organizations.names(session))})


@router.get("/shares/{share}/schemas")
def schemas(
    share: str, session: SessionDep, subject: SubjectDep, max_results: MaxResults = None, page_token: PageToken = ""
) -> Response:
    """Libraries with at least one table for this recipient."""
    name, found = shared.schemas(session, known(subject), share)
    return page([{"name": schema, "share": name} for schema in found], max_results, page_token)


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
    return page(shared.in_order(shared.tables(session, known(subject), share, schema)), max_results, page_token)


@router.get("/shares/{share}/all-tables")
def all_tables(
    share: str, session: SessionDep, subject: SubjectDep, max_results: MaxResults = None, page_token: PageToken = ""
) -> Response:
    """Datasets of all libraries."""
    return page(shared.in_order(shared.tables(session, known(subject), share)), max_results, page_token)


def page(items: Sequence[dict[str, Any]], most: int | None, token: str) -> Response:
    """One page. The token names the last item shown and its place, so that a table granted between pages shifts nothing."""
    limit = min(MOST if most is None else most, MOST)
    start = _after(items, token) if token else 0
    shown = list(items[start : start + limit])
    told: dict[str, Any] = {"items": shown}
    if start + limit < len(items):
        told["nextPageToken"] = _token(start + len(shown), items[start + len(shown) - 1] if start + len(shown) else {})
    return answer(told)


def answer(told: dict[str, Any]) -> Response:
    """A JSON answer, ASCII-escaped, with its charset."""
    return Response(json.dumps(told), headers={"Content-Type": "application/json; charset=utf-8"})


def _share(name: str, names: Any) -> dict[str, str]:
    return {"name": name, "id": name, "displayName": str(names.get(name, name))}


def _place(item: dict[str, Any]) -> str:
    return "/".join(str(item.get(part, "")) for part in ("share", "schema", "name"))


def _token(count: int, last: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([count, _place(last)]).encode()).decode()


def _after(items: Sequence[dict[str, Any]], token: str) -> int:
    """Where the page after a token begins: behind the item it names, else at its number."""
    try:
        count, last = json.loads(base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise PageTokenInvalid from None
    if not isinstance(count, int):
        raise PageTokenInvalid
    return next((place + 1 for place, item in enumerate(items) if _place(item) == last), max(count, 0))
