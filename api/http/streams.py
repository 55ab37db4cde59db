"""A file on its way to a reader: before it goes on, the right that it was asked for on must still be there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from catalog.access import compiled
from contracts.errors import HubError

ASKED_EVERY = compiled.FRESH_SECONDS
"""Seconds between two looks at the right: each costs some milliseconds, a chunk a fraction of one."""


class Cut(Exception):
    """The right has ended while the bytes were under way."""


class ExtractResponse(FileResponse):
    """A file with Range, HEAD and ETag; a megabyte a step, since each step costs a turn of a thread (64 kB: half the speed).

    `still` raises HubError once the right has ended: the connection is then cut where it is, short of its length, so that
    nobody takes half a file for a whole one; `on_cut` puts it on record with the bytes that had gone out.
    """

    chunk_size = 1 << 20

    def __init__(self, *given: Any, still: Callable[[], None], on_cut: Callable[[HubError, int], None], **more: Any) -> None:
        super().__init__(*given, **more)
        self.still, self.on_cut = still, on_cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send chunk after chunk, as long as the right lasts."""
        gone, asked = 0, time.monotonic()  # it was decided just now

        async def watched(message: Message) -> None:
            nonlocal gone, asked
            body = message.get("body", b"")
            if body and time.monotonic() - asked >= ASKED_EVERY:
                try:
                    await run_in_threadpool(self.still)
                except HubError as ended:
                    await run_in_threadpool(self.on_cut, ended, gone)
                    raise Cut from ended
                asked = time.monotonic()
            await send(message)
            gone += len(body)

        try:
            await super().__call__(scope, receive, watched)
        except* Cut:  # the answer stays short of its length: the server closes the connection
            logging.getLogger(__name__).info("a download was cut: %s", self.path)
