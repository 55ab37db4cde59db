"""Detectors of work that holds the server's event loop: one for what may never be done there, one for how long it is held."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from warehouse.storage import connection

ROOT = Path(__file__).resolve().parent.parent
SERVING = ("starlette", "fastapi", "uvicorn", "api")
OURS = ("api", "catalog", "warehouse", "contracts")


def in_the_loop() -> bool:
    """Whether this thread runs an event loop that serves the application (Playwright runs one of its own in tests)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).split(".")[0]
        if name in SERVING and frame.f_code.co_flags & 0x80:  # a coroutine of theirs
            return True
        frame = frame.f_back
    return False


class NothingInTheLoop:
    """Notes each statement to the catalogue and each use of the lake that is made on a serving loop's thread."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._instance = connection._instance
        self._lock = connection.writer_lock

    def __enter__(self) -> NothingInTheLoop:
        event.listen(Engine, "before_cursor_execute", self._statement)
        connection._instance = self._watched(self._instance, "the lake is opened")  # type: ignore[assignment]
        connection.writer_lock = self._watched(self._lock, "the lake's writer is waited for")  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._statement)
        connection._instance, connection.writer_lock = self._instance, self._lock  # type: ignore[assignment]

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self._note(f"the catalogue is asked: {statement[:120]}")

    def _watched(self, work: Callable[..., Any], what: str) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            self._note(what)
            return work(*given, **named)

        return watched

    def _note(self, what: str) -> None:
        if in_the_loop():
            where = [line for line in traceback.format_stack(limit=60) if str(ROOT) in line and ".venv" not in line]
            self.violations.append(f"in the event loop {what}\n{''.join(where[-6:])}")


@contextmanager
def one_for_all_clients() -> Iterator[None]:
    """One event loop, with its worker threads, for the requests of every TestClient whose application's lifespan nobody began:
    a loop and three threads for each request cost more than to answer it."""
    own = TestClient._portal_factory
    with start_blocking_portal() as portal:

        @contextmanager
        def factory(client: TestClient) -> Iterator[BlockingPortal]:
            yield client.portal or portal

        TestClient._portal_factory = factory  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            TestClient._portal_factory = own  # type: ignore[method-assign]


class LoopWatch:
    """Asks a loop to answer, over and over, from a thread of its own; keeps where it stood when it did not.

    Wall time alone would blame the loop for a busy machine: held is a loop that stands in our own code at each look.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: int, patience: float = 1.0) -> None:
        self.loop, self.thread, self.patience = loop, thread, patience
        self.held: list[str] = []
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> LoopWatch:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join(10)

    def _watch(self) -> None:
        while not self._over.is_set():
            answered = threading.Event()
            try:
                self.loop.call_soon_threadsafe(answered.set)
            except RuntimeError:
                return  # closed
            looks = 0
            while not answered.wait(self.patience / 4) and not self._over.is_set():
                looks = looks + 1 if self._stands_in_ours() else 0
                if looks == 4:
                    self.held.append(self._where())
                    break
            self._over.wait(0.02)

    def _frames(self) -> list[traceback.FrameSummary]:
        frame = sys._current_frames().get(self.thread)
        return list(traceback.extract_stack(frame)) if frame else []

    def _stands_in_ours(self) -> bool:
        return any(Path(one.filename).is_relative_to(ROOT / room) for one in self._frames() for room in OURS)

    def _where(self) -> str:
        return "the event loop is held at\n" + "".join(traceback.format_list(self._frames()[-12:]))


@contextmanager
def served(app: Any) -> Iterator[tuple[str, LoopWatch]]:
    """The application (or a whole configuration of the server) on a real port in a thread of its own, its loop watched; the
    address and the watch."""
    whole = isinstance(app, uvicorn.Config)
    server = uvicorn.Server(app if whole else uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started, "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with LoopWatch(loops[0], thread.ident or 0) as watch:
            yield f"http://127.0.0.1:{port}", watch
    finally:
        server.should_exit = True
        thread.join(20)
