"""What no request may be: larger than its route takes, or with a NUL in its address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem
from api.language import language_of

LARGEST_BODY = 16 * 2**20
"""Bytes of a request, unless its route says otherwise: a form is read into memory before it is known who sends it."""
LARGEST_FILE = 2 * 2**30
"""Bytes of a file that is handed in on a page; larger ones come through a watched folder or `hub batch deliver`."""


class PlainAddresses:
    """Pure ASGI: refuses a NUL in path or query. SQLite keeps one, PostgreSQL refuses it, DuckDB ends the text there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on every other request."""
        if scope["type"] == "http" and (
            "\0" in scope["path"] or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]
        ):
            request = Request(scope)
            chinese = language_of(request) == "zh"
            detail = "网址中有空字符。" if chinese else "The address holds a NUL character."
            await problem(request, 400, "malformed-address", detail)(scope, receive, send)
            return
        await self.app(scope, receive, send)
