"""Files as the bodies of requests: written down piece by piece, gone after the answer."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from warehouse.settings import Settings

BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"format": "binary"}}}}}
"""What a route that takes one says of its body."""


@asynccontextmanager
async def received(request: Request, settings: Settings, filename: str) -> AsyncIterator[Path]:
    """The body as a file with the ending of its name."""
    await run_in_threadpool(settings.scratch.mkdir, parents=True, exist_ok=True)
    folder = await run_in_threadpool(lambda: tempfile.TemporaryDirectory(dir=settings.scratch))
    try:
        path = Path(folder.name) / ("upload" + "".join(Path(filename).suffixes[-2:])[-20:])  # its own name may be too long
        with await run_in_threadpool(path.open, "wb") as target:
            async for chunk in request.stream():
                await run_in_threadpool(target.write, chunk)
        yield path
    finally:
        await run_in_threadpool(folder.cleanup)
