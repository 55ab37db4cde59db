"""How many requests are under way at once: others wait in line, and where the line is long they are told to come back.

A request holds a connection to the catalogue from its first query to its answer, and takes a thread for each of its steps.
Were more let in than there are threads and connections, those that hold one would wait for those that wait for the other.
"""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.errors import problem
from api.http.language import language_of
from api.http.limits import uploading

AT_ONCE = 24
"""Requests between their first byte and the head of their answer; below the 40 threads, and half the catalogue's connections
(a request that delivers a batch takes a second one)."""
UPLOADS = 8
"""Of these, large files that are handed in: each keeps its place until its last byte came, on a slow line for an hour."""
IN_LINE = 400
LONGEST_WAIT = 20.0
"""Seconds in the line."""
RETRY_AFTER = "2"
OPEN = ("/health", "/static/")
"""Answered without the catalogue, and at once."""


class Admission:
    """Pure ASGI: first come, first served; the place is free again when the answer begins, however slowly it is read."""

    def __init__(self, app: ASGIApp, at_once: int = AT_ONCE, in_line: int = IN_LINE, wait: float = LONGEST_WAIT) -> None:
        self.app, self.at_once, self.in_line, self.wait = app, at_once, in_line, wait
        self._waiting = 0
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, asyncio.Semaphore]] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in when there is a place."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        taken: list[asyncio.Semaphore] = []
        if not await self._admitted(uploading(scope), taken):
            await _busy(Request(scope))(scope, receive, send)
            return

        def leave() -> None:
            while taken:
                taken.pop().release()

        async def leaving(message: Message) -> None:
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self.app(scope, receive, leaving)
        finally:
            leave()

    async def _admitted(self, upload: bool, taken: list[asyncio.Semaphore]) -> bool:
        """Take a place, and one of the few for uploads before it; what was taken is in `taken`."""
        if self._waiting >= self.in_line:
            return False
        loop = asyncio.get_running_loop()
        places = self._loops.setdefault(
            loop, {False: asyncio.Semaphore(self.at_once), True: asyncio.Semaphore(max(1, self.at_once * UPLOADS // AT_ONCE))}
        )
        self._waiting += 1
        try:
            async with asyncio.timeout(self.wait):
                for one in (places[True], places[False]) if upload else (places[False],):
                    await one.acquire()
                    taken.append(one)
        except TimeoutError:
            while taken:
                taken.pop().release()
            return False
        finally:
            self._waiting -= 1
        return True


def _busy(request: Request) -> ASGIApp:
    chinese = language_of(request) == "zh"
    detail = "同时到来的请求过多，请稍后再试。" if chinese else "Too many requests came at once; try again in a moment."
    answer = problem(request, 503, "busy", detail)
    answer.headers["Retry-After"] = RETRY_AFTER
    return answer
