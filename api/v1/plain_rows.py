"""The rows of `api.v1.rows` for requests by key whose parameters need no second look: answered without FastAPI's solving.

The same reading, record and answer; what is left out is half of what such a request costs. Whatever is not plain goes on.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.dependencies import bearer_of, purpose_in
from api.v1 import representations, rows
from api.v1.rows import Asked

ADDRESS = re.compile(r"/api/v1/resources/([^/]+)/rows(?:/([^/]+))?")
PAGE = {"select": "select", "filter": "where", "order": "order", "after": "after", "version": "version"}
ROW = {"select": "select", "version": "version"}
"""Parameters that are taken as they are."""
ROUTES = (SimpleNamespace(path="/api/v1/resources/{name}/rows"), SimpleNamespace(path="/api/v1/resources/{name}/rows/{key}"))
"""As which the requests are counted."""


class PlainRows:
    """Pure ASGI, around the routes: what fails here is answered as what fails in a route."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is plain; hand on every other request."""
        found = ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        asked = _asked(Request(scope), *found.groups()) if found else None
        if asked is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = ROUTES[asked.key is not None]
        answer = await run_in_threadpool(rows.answered, Request(scope), asked)
        await answer(scope, receive, send)


def _asked(request: Request, name: str, key: str | None) -> Asked | None:
    """What is asked for; None for what is not plain."""
    if not bearer_of(request):
        return None
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    told, known = dict(query), ROW if key is not None else PAGE
    repeated = len(query) != len(told)
    form, limit = told.pop("format", ""), told.pop("limit", "1000") if key is None else "1000"
    if repeated or told.keys() - known.keys() or not rows.VERSION.fullmatch(told.get("version", "")):
        return None
    if not re.fullmatch("[0-9]{1,5}", limit) or not 1 <= int(limit) <= rows.MOST:
        return None
    try:
        form = representations.chosen(request, form)
    except representations.NotAcceptable:
        return None
    purpose = purpose_in(request.headers.get("x-purpose", ""))
    return Asked(name, form, key, purpose=purpose, limit=int(limit), **{known[word]: text for word, text in told.items()})
