"""What no request may be: larger than its route takes, slower than a slow line, endless or odd in its text.

One place for all doors: what passes here holds no NUL, and no text longer than a database's index takes; and its body is
there, so that whoever is slow to send one holds no place among the requests under way (`api.http.admission`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import problem
from api.http.language import language_of
from contracts.errors import HubError
from contracts.texts import odd

LARGEST_BODY = 16 * 2**20
"""Bytes of a request, unless its route says otherwise: a form is read into memory before it is known who sends it."""
LARGEST_FILE = 2 * 2**30
"""Bytes of a file that is handed in on a page; larger ones come through a watched folder or `hub batch deliver`."""
LARGEST_FORM = 2**20
"""Bytes of a form without a file."""
LARGEST_KEPT = 4 * 2**20
"""Bytes of a body that is waited for before the request takes a place; a larger one is a file handed in (`uploading`)."""
BODIES_KEPT = 64 * 2**20
"""Bytes of all bodies that are waited for at once; who comes beyond that comes again."""
BODIED = ("POST", "PUT", "PATCH", "DELETE")
LONGEST_PATH = 4_000
LONGEST_VALUE = 10_000
"""Letters of one parameter or field."""
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
PATIENCE = 30.0
"""Seconds in which something of a body must come."""
SLOWEST = 4_096
"""Bytes a second, after the first PATIENCE: a drip must not hold a place for an hour."""


class TooSlow(HubError):
    """The body did not come in time."""

    def __init__(self) -> None:
        super().__init__("请求内容传送过慢，已中止；请重试。", "The request's content came too slowly; try again.")


class PlainRequests:
    """Pure ASGI: refuses odd or endless text in path, query and form, before any of it reaches a route or a database.

    It waits for the body of a request. That of a caller who names nobody is not read, the sign-in's form apart: no other
    route does anything for them.
    """

    def __init__(self, app: ASGIApp, kept: int = BODIES_KEPT) -> None:
        self.app, self.kept = app, kept
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on every other request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = _address(scope)
        if refusal is not None or scope["method"] not in BODIED or uploading(scope):
            await self._on(refusal, scope, receive, send)
            return
        form = _content_type(scope) == FORM
        if not form and not _names_somebody(scope):
            await self.app(scope, _again(b"", receive), send)
            return
        body = bytearray()
        try:
            refusal = await self._read(receive, body, LARGEST_FORM if form else LARGEST_KEPT)
            if refusal is None and form:
                refusal = _form(bytes(body))
            await self._on(refusal, scope, _again(bytes(body), receive), send)
        except ClientDisconnect:
            return
        finally:
            self._held -= len(body)

    async def _read(self, receive: Receive, body: bytearray, largest: int) -> Refusal | None:
        """Gather the body; the refusal of one that is too large, or for which there is no room now. However small its pieces
        are, it costs what its bytes cost: this runs in the event loop."""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect  # half a body is no body
            piece = message.get("body", b"")
            body += piece
            self._held += len(piece)
            if len(body) > largest:
                return 413, "请求内容过大。", "The request's content is too large."
            if self._held > self.kept:
                return 503, "同时到来的请求过多，请稍后再试。", "Too many requests came at once; try again in a moment."
            if not message.get("more_body"):
                return None

    async def _on(self, refusal: Refusal | None, scope: Scope, receive: Receive, send: Send) -> None:
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, chinese, english = refusal
        request = Request(scope)
        kind, detail = "busy" if status == 503 else "malformed-request", chinese if language_of(request) == "zh" else english
        answer = problem(request, status, kind, detail)
        if status == 503:
            answer.headers["Retry-After"] = "2"
        await answer(scope, receive, send)


Refusal = tuple[int, str, str]
"""Status and what is said in Chinese and English."""


def _address(scope: Scope) -> Refusal | None:
    if len(scope["path"]) > LONGEST_PATH:
        return 414, "网址过长。", "The address is too long."
    wrong = odd(scope["path"])
    if wrong:
        return 400, f"网址{wrong[0]}。", f"The address {wrong[1]}."
    return _values(_pairs(scope["query_string"]), 414, "网址参数", "parameter")


def _form(body: bytes) -> Refusal | None:
    return _values(_pairs(body), 422, "表单字段", "field")


def _pairs(text: bytes) -> list[tuple[str, str]]:
    return parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="replace")


def _values(pairs: Iterable[tuple[str, str]], long: int, zh: str, en: str) -> Refusal | None:
    for name, value in pairs:
        wrong = odd(value) or odd(name)
        if wrong:
            return 400, f"{zh} {name[:40]!r} {wrong[0]}。", f"The {en} {name[:40]!r} {wrong[1]}."
        if max(len(value), len(name)) > LONGEST_VALUE:
            most = f"{LONGEST_VALUE:,}"
            return long, f"{zh} {name[:40]!r} 超过 {most} 个字符。", f"The {en} {name[:40]!r} is longer than {most} characters."
    return None


def _content_type(scope: Scope) -> str:
    return _header(scope, b"content-type").split(";")[0].strip().lower()


def _header(scope: Scope, wanted: bytes) -> str:
    return str(next((value for name, value in scope["headers"] if name == wanted), b"").decode("latin-1"))


def uploading(scope: Scope) -> bool:
    """Whether a file is handed in that is too large to wait for: it is read while its request is under way."""
    return scope["method"] in BODIED and _content_type(scope) == MULTIPART and not 0 <= _length(scope) <= LARGEST_KEPT


def _length(scope: Scope) -> int:
    """Bytes that a body is said to have; -1 where it is not said."""
    told = _header(scope, b"content-length")
    return int(told) if told.isdigit() and len(told) < 16 else -1


def _names_somebody(scope: Scope) -> bool:
    """Whether a request comes with a key or a session, good or not."""
    return bool(_header(scope, b"authorization")) or any(name == b"cookie" for name, _ in scope["headers"])


def _again(body: bytes, receive: Receive) -> Receive:
    """The body that was read, for the route; then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


class InTime:
    """Pure ASGI: a body comes within PATIENCE, and on at SLOWEST at least; the one who drips it is told and let go."""

    def __init__(self, app: ASGIApp, patience: float = PATIENCE, slowest: int = SLOWEST) -> None:
        self.app, self.patience, self.slowest = app, patience, slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on every request; what is late raises where the route reads it, and is answered here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        begun, size, complete, answered, late = loop.time(), 0, False, False, False

        async def in_time() -> Message:
            nonlocal size, complete, late
            if complete:
                return await receive()
            ends = min(loop.time() + self.patience, begun + self.patience + size / self.slowest)
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                late = True
                raise TooSlow from None
            size += len(message.get("body", b""))
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def answering(message: Message) -> None:
            nonlocal answered
            if late and not answered:
                return  # the route's own answer would blame something else
            answered = True
            await send(message)

        try:
            await self.app(scope, in_time, answering)
        except TooSlow:
            if answered:
                raise
        if late and not answered:
            request, error = Request(scope), TooSlow()
            answer = problem(request, 408, "too-slow", error.said(language_of(request)))
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
