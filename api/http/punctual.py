"""The server's side of a connection: who opens one and sends no request, half of its head, or one without end, is let go."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
LARGEST_HEAD = 300_000
"""Bytes of a head or trailer that did not end yet: more than the 256 KB that are read at once."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


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
