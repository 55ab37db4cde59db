"""The server's side of a connection: who opens one and sends no request, or half of its head, is let go."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0


class Punctual(HttpToolsProtocol):
    """uvicorn's protocol with a time for the head of each request; uvicorn itself only ends connections that were used."""

    head_seconds = HEAD_SECONDS
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time runs from the first moment."""
        super().connection_made(transport)
        self._expect()

    def on_message_begin(self) -> None:
        """It runs again for each further request on the connection."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """The head is there; for the body the application sees to it (`api.limits.InTime`)."""
        self._arrived()
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
