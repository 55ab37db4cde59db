"""People's queries of the lake run in worker processes: few at once, a bounded queue, and an abort ends one worker only.

DuckDB can abort its whole process (out of memory in a destructor, a lost PostgreSQL under a ROLLBACK); no Python handler sees
it. A server starts the workers with `start`; where nobody did (the command line, Dagster, tests) a query runs where it is
called. One worker answers one query at a time, so a query's memory is the worker's.
"""

from __future__ import annotations

import functools
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import duckdb

from contracts.errors import HubError
from warehouse.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")
ROOT = Path(__file__).resolve().parents[2]
IDLE_SECONDS = 300.0
"""A worker that had nothing to do for so long ends, and gives its memory back; the next query starts another."""
RETRY_SECONDS = 2
log = logging.getLogger("hui.lake")


class LakeBusy(HubError):
    """As many people read the lake as it can serve; the caller comes again after `seconds` (a whole number)."""

    def __init__(self) -> None:
        self.seconds = RETRY_SECONDS
        super().__init__(
            f"查询排队已满，请 {RETRY_SECONDS} 秒后重试。", f"Too many queries wait in line; try again in {RETRY_SECONDS} s."
        )


class QueryTooLarge(HubError):
    """A query needs more memory than one may have."""

    def __init__(self) -> None:
        super().__init__(
            "查询所需内存超过限额；请缩小范围、减少信息项或加筛选条件。",
            "The query needs more memory than it may have; ask for fewer rows or items, or add a filter.",
        )


class QueryEnded(HubError):
    """The process that ran a query ended under it."""

    def __init__(self) -> None:
        self.seconds = RETRY_SECONDS
        super().__init__(
            "查询进程中途结束（内存不足，或数据库连接中断）；其他请求不受影响。请缩小范围后重试。",
            "The process of this query ended (out of memory, or its database is gone); others go on. Narrow it and try again.",
        )


@dataclass
class _Worker:
    """One process and the connection to it."""

    process: subprocess.Popen[bytes]
    connection: Connection

    def ask(self, call: bytes, patience: float | None = None) -> tuple[str, Any]:
        """The outcome of a call: ("result", value) or ("error", what `_packed` made of it). EOFError or OSError: it died."""
        self.connection.send_bytes(call)
        if not self.connection.poll(patience):
            raise EOFError
        return cast("tuple[str, Any]", pickle.loads(self.connection.recv_bytes()))  # noqa: S301 - our own process

    def end(self) -> None:
        """Close the connection: an idle worker ends by itself, a busy one is killed."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


class Workers:
    """The workers of one installation: `processes` at most (`settings.readers`), `settings.reader_queue` callers in line."""

    def __init__(self, settings: Settings, processes: int = 0) -> None:
        self._settings = settings
        self._processes = processes or settings.readers
        self._slots = threading.Semaphore(self._processes)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._callers = 0
        self._closed = False

    def run(self, function: Callable[..., R], *arguments: Any, **options: Any) -> R:
        """Call a module's function in a worker. `LakeBusy` where the line is full or does not move, `QueryEnded` where the
        worker died; what the function raised is raised here."""
        return self.run_within(None, function, *arguments, **options)

    def run_within(self, patience: float | None, function: Callable[..., R], *arguments: Any, **options: Any) -> R:
        """The same; a worker that has no answer in so many seconds is ended, too."""
        call = pickle.dumps((function, arguments, options))
        with self._admitted():
            kind, outcome = self._ask(call, patience)
        if kind == "error":
            raise _unpacked(outcome)
        return cast(R, outcome)

    def close(self) -> None:
        """End every worker."""
        with self._lock:
            self._closed = True
            workers, self._idle = self._idle, []
        for worker in workers:
            worker.end()

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        with self._lock:
            if self._callers >= self._processes + self._settings.reader_queue:
                raise LakeBusy
            self._callers += 1
        try:
            if not self._slots.acquire(timeout=self._settings.reader_wait):
                raise LakeBusy
            try:
                yield
            finally:
                self._slots.release()
        finally:
            with self._lock:
                self._callers -= 1

    def _ask(self, call: bytes, patience: float | None = None) -> tuple[str, Any]:
        worker = self._take()
        try:
            outcome = worker.ask(call, patience)
        except (EOFError, OSError):
            worker.end()
            log.warning("a query's worker ended with status %s", worker.process.returncode)
            raise QueryEnded from None
        except BaseException:  # half an answer may be on its way: the connection cannot be used again
            worker.end()
            raise
        self._give_back(worker)
        return outcome

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _start(self._settings)
            if worker.process.poll() is None and not worker.connection.poll():
                return worker
            worker.end()  # idle for long, or killed: another one

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.end()


_serving: dict[Path, Workers] = {}
"""The workers of this process, by HUB_HOME."""
_asking: dict[Path, Workers] = {}
"""Those that people's own questions run in: one that takes a minute makes no reader of rows wait."""


def start(settings: Settings) -> Workers:
    """Let queries of this installation run in workers from now on, until `stop`. Workers begin with the first query."""
    _asking.setdefault(settings.root, Workers(settings, settings.question_workers))
    return _serving.setdefault(settings.root, Workers(settings))


def stop(settings: Settings) -> None:
    """End the workers of an installation; queries then run where they are called."""
    for serving in (_serving, _asking):
        workers = serving.pop(settings.root, None)
        if workers is not None:
            workers.close()


def serving(settings: Settings) -> bool:
    """Whether a server runs here on this installation."""
    return settings.root in _serving


def in_worker(function: Callable[P, R]) -> Callable[P, R]:
    """A module's function whose first argument is the settings: called in a worker wherever workers were started.

    Arguments and result cross a process: no callbacks, no connections.
    """

    @functools.wraps(function)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        settings = arguments[0]
        workers = _serving.get(settings.root) if _serving and isinstance(settings, Settings) else None
        if workers is not None:
            return workers.run(called, *arguments, **options)
        try:
            return function(*arguments, **options)
        except duckdb.OutOfMemoryException:
            raise QueryTooLarge from None

    return called


def question(function: Callable[..., R], settings: Settings, *arguments: Any, patience: float, **options: Any) -> R:
    """Call a module's function, whose first argument is the settings, in a worker for questions, where there are any."""
    workers = _asking.get(settings.root)
    if workers is not None:
        return workers.run_within(patience, function, settings, *arguments, **options)
    return function(settings, *arguments, **options)


def serve(connection: Connection) -> None:
    """The worker's side: answer calls until the other end is closed or nothing is asked for long."""
    while connection.poll(IDLE_SECONDS):
        try:
            function, arguments, options = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the server that made us
        except EOFError:
            return
        try:
            answer = pickle.dumps(("result", function(*arguments, **options)))
        except BaseException as error:
            answer = pickle.dumps(("error", _packed(error)))
        connection.send_bytes(answer)


def _start(settings: Settings) -> _Worker:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "warehouse.serving.query_worker", str(theirs.fileno()), settings.reader_memory],
            cwd=ROOT,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))},
        )
    return _Worker(process, Connection(ours.detach()))


def _packed(error: BaseException) -> tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]:
    """An error without its traceback and causes; one that cannot cross becomes a RuntimeError with its words."""
    packed = (type(error), error.args, dict(error.__dict__))
    with suppress(Exception):
        pickle.dumps(packed)
        return packed
    return (RuntimeError, (f"{type(error).__name__}: {error}",), {})


def _unpacked(packed: tuple[type[BaseException], tuple[Any, ...], dict[str, Any]]) -> BaseException:
    """The error again, without its constructor, whose arguments may be others than its message."""
    kind, arguments, attributes = packed
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error
