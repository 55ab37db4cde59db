"""The server's side of a connection: who opens one and sends no request, half of its head, or one without end, is let go; and
bytes of a file go to it by the machine's `sendfile`, which uvicorn does not offer."""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_SECONDS = 20.0
LARGEST_HEAD = 300_000
"""Bytes of a head or trailer that did not end yet: more than the 256 KB that are read at once."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


SENDFILE = "hui.sendfile"
"""Where an application finds it: in the extensions of its scope."""
PATIENCE_MS = 5
"""How long a thread waits for a connection to take more, before the loop does."""


class Punctual(HttpToolsProtocol):
    """uvicorn's protocol with a time for the head of each request; uvicorn itself only ends connections that were used."""

    head_seconds = HEAD_SECONDS
    _late: asyncio.TimerHandle | None = None
    _heading = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time runs from the first moment."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Whose head (or trailer) has no end after so many bytes is let go: uvicorn would keep all of them."""
        self._heading += len(data)
        super().data_received(data)
        if self._heading > LARGEST_HEAD and not self.transport.is_closing():
            if self._late is not None:
                self._arrived()
                self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        """Bytes of a body are the application's, which counts them."""
        self._heading = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The whole request is there, its trailer too."""
        self._heading = 0
        super().on_message_complete()

    def on_message_begin(self) -> None:
        """It runs again for each further request on the connection."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """The head is there; for the body the application sees to it (`api.http.limits.InTime`)."""
        self._arrived()
        self._heading = 0
        super().on_headers_complete()
        if self.cycle is not None and self.transport.get_extra_info("sslcontext") is None and hasattr(os, "sendfile"):
            self.cycle.scope["extensions"] = {SENDFILE: partial(self._sendfile, self.cycle)}  # type: ignore[dict-item]

    async def _sendfile(self, cycle: RequestResponseCycle, file: int, offset: int, count: int) -> None:
        """So many bytes of an open file, as the next of the answer's body, whose head with its length has been sent."""
        end = offset + count
        while self.transport.get_write_buffer_size() and not cycle.disconnected:
            await asyncio.sleep(0.001)  # what was written before goes first
        if cycle.disconnected:
            return
        line = os.dup(self.transport.get_extra_info("socket").fileno())  # the loop watches the other one
        try:
            while offset < end and not cycle.disconnected:
                offset += (sent := await run_in_threadpool(_moved, line, file, offset, end))
                cycle.expected_content_length -= sent
                if offset < end:
                    await self._writable(cycle, line)
        except OSError:
            self.transport.abort()
        finally:
            os.close(line)

    async def _writable(self, cycle: RequestResponseCycle, line: int) -> None:
        ready = asyncio.Event()
        self.loop.add_writer(line, ready.set)
        try:
            while not ready.is_set() and not cycle.disconnected:
                with suppress(TimeoutError):
                    await asyncio.wait_for(ready.wait(), 1)
        finally:
            self.loop.remove_writer(line)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._arrived()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_seconds, self._give_up)

    def _arrived(self, *_: Any) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


def _moved(line: int, file: int, offset: int, end: int) -> int:
    """Bytes that went out while the connection took them; a file may have to come from the disk, so this is no work for the
    loop. OSError: the reader is gone, or the file is shorter than it was."""
    begun, poll = offset, select.poll()
    poll.register(line, select.POLLOUT)
    while offset < end and poll.poll(PATIENCE_MS):
        try:
            sent = os.sendfile(line, file, offset, end - offset)
        except BlockingIOError:
            continue
        if not sent:
            raise OSError("the file ends before its length")
        offset += sent
    return offset - begun
