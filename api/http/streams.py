"""A file on its way to a reader: before it goes on, the right that it was asked for on must still be there."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.http.punctual import SENDFILE
from catalog.access import compiled
from contracts.errors import HubError
from warehouse.serving import cuts, extracts
from warehouse.serving.cuts import Cut
from warehouse.serving.extracts import ExtractFile, Wanted
from warehouse.settings import Settings

ASKED_EVERY = compiled.FRESH_SECONDS
"""Seconds between two looks at the right: each costs some milliseconds, a chunk a fraction of one."""
AT_ONCE_ROWS = 200_000
"""Rows of a version whose files are cut before an answer that tells of them begins: a fraction of a second."""
log = logging.getLogger(__name__)


class Ended(Exception):
    """An answer ends before it is whole: the server closes the connection, so that nobody takes a part for all of it."""


class Watch:
    """The right behind an answer under way: looked at again before bytes go on, if the last look is some time ago.

    `still` raises HubError once the right has ended; `on_cut` puts that on record with the bytes that had gone out.
    """

    def __init__(self, still: Callable[[], None], on_cut: Callable[[HubError, int], None]) -> None:
        self.still, self.on_cut = still, on_cut
        self.gone, self.asked = 0, time.monotonic()

    async def look(self) -> None:
        """Raises Ended where the right has ended."""
        if time.monotonic() - self.asked < ASKED_EVERY:
            return
        try:
            await run_in_threadpool(self.still)
        except HubError as ended:
            await run_in_threadpool(self.on_cut, ended, self.gone)
            raise Ended from ended
        self.asked = time.monotonic()


class ExtractResponse(FileResponse):
    """A file with Range, HEAD and ETag. Once the right has ended the connection is cut where it is, short of its length. It is
    open from the beginning: it may be put away meanwhile. Where the server offers `sendfile` (`api.http.punctual`) its bytes do
    not pass through here; else a megabyte a step, since each step costs a turn of a thread (64 kB: half the speed)."""

    chunk_size = 1 << 20
    step = 8 << 20

    def __init__(self, file: BinaryIO, path: Any, *, watch: Watch, **more: Any) -> None:
        super().__init__(path, stat_result=os.fstat(file.fileno()), **more)
        self.file, self.watch = file, watch
        self._sendfile: Callable[[int, int, int], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send step after step, as long as the right lasts."""
        self.watch.asked = time.monotonic()  # it was decided just now
        self._sendfile = scope.get("extensions", {}).get(SENDFILE)

        async def watched(message: Message) -> None:
            body = message.get("body", b"")
            if body:
                await self.watch.look()
            await send(message)
            self.watch.gone += len(body)

        try:
            await super().__call__(scope, receive, watched)
        except* Ended:
            log.info("a download was cut: %s", self.path)
        finally:
            self.file.close()

    async def _handle_simple(self, send: Send, send_header_only: bool, send_pathsend: bool) -> None:
        if send_header_only or self._sendfile is None:
            await super()._handle_simple(send, send_header_only, send_pathsend)
        else:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await self._moved(send, 0, os.fstat(self.file.fileno()).st_size)

    async def _handle_single_range(self, send: Send, start: int, end: int, file_size: int, send_header_only: bool) -> None:
        if send_header_only or self._sendfile is None:
            await super()._handle_single_range(send, start, end, file_size, send_header_only)
        else:
            headers = MutableHeaders(raw=list(self.raw_headers))
            headers["content-range"] = f"bytes {start}-{end - 1}/{file_size}"
            headers["content-length"] = str(end - start)
            await send({"type": "http.response.start", "status": 206, "headers": headers.raw})
            await self._moved(send, start, end)

    async def _moved(self, send: Send, start: int, end: int) -> None:
        assert self._sendfile is not None  # noqa: S101 - asked before
        while start < end:
            await self.watch.look()
            count = min(self.step, end - start)
            await self._sendfile(self.file.fileno(), start, count)
            self.watch.gone += count
            start += count
        await send({"type": "http.response.body", "body": b""})

    @asynccontextmanager
    async def _open_file(self) -> AsyncIterator[anyio.AsyncFile[bytes]]:
        yield anyio.wrap_file(self.file)


class GrowingResponse(StreamingResponse):
    """A file that is sent while it is cut. Without a length, unless it is known; what ends its cut ends the connection, and so
    does a file that came to be another one than was asked for."""

    def __init__(self, cut: Cut, *, known: ExtractFile | None, file_id: str, watch: Watch, **more: Any) -> None:
        """`cut.opened()` waits for its first rows: what keeps them from coming is still an answer of its own."""
        self.cut, self.file_id, self.watch = cut, file_id, watch
        self.file = cut.opened()
        super().__init__(self._pieces(), **more)
        if known is not None:
            self.headers["Content-Length"] = str(known.size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The right is looked at first: waiting for the first rows took its time."""
        try:
            await run_in_threadpool(self.watch.still)
            self.watch.asked = time.monotonic()
            await super().__call__(scope, receive, send)
        except* Ended as ended:
            log.info("a download was cut: %s: %s", self.cut.path, ended.exceptions[0])
        finally:
            self.file.close()

    async def _pieces(self) -> AsyncIterator[bytes]:
        held = b""  # the last byte waits until it is known that it is the last one of the right file
        async for piece in self._grown():
            await self.watch.look()
            yield held + piece[:-1]
            self.watch.gone += len(held) + len(piece) - 1
            held = piece[-1:]
        self._require_whole(self.watch.gone + len(held))
        yield held

    async def _grown(self) -> AsyncIterator[bytes]:
        """Its bytes as they come, until it is done and there are no more."""
        while True:
            over = self.cut.done.done()
            if piece := await run_in_threadpool(self.file.read, ExtractResponse.chunk_size):
                yield piece
            elif over:
                return
            else:
                await anyio.sleep(cuts.LOOK_SECONDS)
                await self.watch.look()

    def _require_whole(self, size: int) -> None:
        """Ended where its cut failed, or where what was sent is not what was asked for."""
        error = self.cut.done.exception()
        if error is not None:
            raise Ended(str(error)) from error
        file = self.cut.done.result()
        if file.size != size or self.file_id not in ("", file.id):
            raise Ended("it is another file now")


class LinesResponse(StreamingResponse):
    """An answer of which each piece is sent as soon as it is known, as long as the right lasts (`still` raises HubError once it
    has ended). `failed` says what ended it, if the reader understands that; empty: the connection is cut."""

    def __init__(
        self, pieces: AsyncIterator[str], *, still: Callable[[], None], failed: Callable[[HubError], str], **more: Any
    ) -> None:
        self.still, self.failed = still, failed
        super().__init__(self._pieces(pieces), **more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send piece after piece; the right is looked at before the first, too: preparing them took its time."""
        await run_in_threadpool(self.still)
        try:
            await super().__call__(scope, receive, send)
        except* Ended as ended:
            log.info("an answer was cut: %s", ended.exceptions[0])

    async def _pieces(self, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
        asked = time.monotonic()
        try:
            async for piece in pieces:
                if time.monotonic() - asked >= ASKED_EVERY:
                    await run_in_threadpool(self.still)
                    asked = time.monotonic()
                yield piece
        except HubError as error:
            told = self.failed(error)
            if not told:
                raise Ended(str(error)) from error
            yield told


def at_once(settings: Settings, wanted: Wanted, rows: int) -> tuple[ExtractFile, ...] | None:
    """Every file of a version of so many rows, where nobody waits long for them; None: they are told one by one, as they are
    cut (`arriving`)."""
    return cuts.known(settings, wanted) or (tuple(cuts.files(settings, wanted)) if rows <= AT_ONCE_ROWS else None)


async def arriving(settings: Settings, wanted: Wanted) -> AsyncIterator[ExtractFile]:
    """Every file, each as soon as it is known. Who waits for a cut holds no thread meanwhile; who goes away begins no other."""
    plan = await run_in_threadpool(extracts.plan, settings, wanted)
    for number in range(len(plan.parts)):
        if known := await run_in_threadpool(extracts.described, settings, plan, number):
            yield known
        else:
            cut = await run_in_threadpool(cuts.begun, settings, plan, number)
            yield await asyncio.wrap_future(cut.done)
