"""The warm server: imports the readers once, then forks a supervised worker for each job. Started by `door`, ends with it.

    asker ── channel ──► supervisor (ours; holds the limits of time) ──► worker (opens foreign bytes; dies alone)

The supervisor ends the worker when its time is over or its asker is gone, and tells a death that the worker could not tell.
A worker whose asker keeps it reads several small files in turn, each under its own limits, while it is as it was made.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from contracts.errors import HubError
from warehouse.foreign import jobs, limits, telling
from warehouse.foreign.limits import Limits

OVER_TIME = (signal.SIGXCPU,)
LOOK_SECONDS = 0.2
"""How often a worker's memory is looked at; what asks for all of it at once is stopped by RLIMIT_AS."""
LAST_SECONDS = 1.0
FILES = 100
"""Files that one worker reads in turn at most."""
SOME_NEED = ("contracts.checks.expressions", "sqlglot.dialects.duckdb")
"""Modules of row rules: imported when nobody has asked for IDLE_SECONDS, else by the worker that comes before that."""
IDLE_SECONDS = 0.3
GROWN = 64 << 20
"""Bytes of memory by which a worker may have grown and still read another file."""


def main() -> None:
    """Serve until the asker's end of the socket is closed."""
    asking = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGCHLD, _bury)
    gc.freeze()
    gc.enable()
    if not select.select([asking], [], [], IDLE_SECONDS)[0]:
        for module in SOME_NEED:
            importlib.import_module(module)
    while True:
        word, descriptors, _flags, _address = socket.recv_fds(asking, 1, 1)
        if not word:
            _end()
            return
        if os.fork() == 0:
            asking.close()
            _supervise(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])


def _bury(*_: object) -> None:
    """Take note of supervisors that ended: what their workers took counts for this process, and so for its asker."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _end() -> None:
    """Wait a moment for the last supervisor, which ends right after its answer."""
    deadline = time.monotonic() + LAST_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.01)


def _supervise(channel: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message = _received(channel)
    if message is None:
        return
    ends, sockets = socket.socketpair()  # closed by the kernel when the worker is no more
    worker = os.fork()
    if worker == 0:
        ends.close()
        os._exit(_work(channel, sockets, message))
    sockets.close()
    while not (why := _watch(channel, ends.fileno(), worker, message["limits"])) and _waits(ends):
        message = _next(channel, ends)
        if message is None:
            why = "gone"
            break
    if why:
        os.kill(worker, signal.SIGKILL)
    _pid, status = os.waitpid(worker, 0)
    if status and why != "gone":
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        why = why or ("time" if ended_by in OVER_TIME else "crash")
        with suppress(OSError):
            channel.sendall(b"\n" + json.dumps({"died": why, "signal": ended_by}).encode() + b"\n")


def _waits(ends: socket.socket) -> bool:
    """Whether a worker that told something waits for another file; else it ended."""
    with suppress(OSError):
        return bool(ends.recv(1))
    return False


def _next(channel: socket.socket, ends: socket.socket) -> dict[str, Any] | None:
    """The next file of a worker that serves several, handed on to it; None where nobody asks any more, or it ended."""
    ready, _, _ = select.select([channel, ends], [], [])
    message = None if ends in ready else _received(channel)
    if message is not None:
        with suppress(OSError):  # it ended just now: the watch sees it
            ends.sendall(telling.framed(message))
    return message


def _received(channel: socket.socket) -> dict[str, Any] | None:
    """The asker's message; pickled by our own process, not by anything foreign."""
    with suppress(OSError), channel.makefile("rb") as stream:
        size = stream.read(8)
        data = stream.read(int.from_bytes(size, "big")) if len(size) == 8 else b""
        return dict(pickle.loads(data)) if data else None  # noqa: S301 - see above
    return None


def _watch(channel: socket.socket, ends: int, worker: int, allowed: Limits) -> str:
    """Wait for the worker's word or end; "time", "memory" or "gone" where it has to be ended."""
    deadline = time.monotonic() + allowed.seconds
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([ends, channel], [], [], min(left, LOOK_SECONDS))
        if ends in ready:
            return ""
        if channel in ready:  # closed by the asker; or its next file, which it sends only after the worker's word
            return "" if select.select([ends], [], [], 0)[0] else "gone"
        if limits.resident(worker) > allowed.memory:
            return "memory"
    return "time"


def _work(channel: socket.socket, connection: socket.socket, message: dict[str, Any] | None) -> int:
    """Do the job, and those that follow where the asker keeps this worker; the exit status, 0 where all answers were sent."""
    given, before = limits.given(), _traces()
    for files in itertools.count(1):
        if message is None:
            return 0
        answer = _answer(channel, message, given)
        stays = bool(message["stays"]) and "done" in answer and files < FILES and _fit(before)
        try:
            if stays:
                connection.sendall(b"w")  # first: the next file may be here as soon as the answer is there
            reply = answer | ({"stays": True} if stays else {})
            channel.sendall(json.dumps(reply, ensure_ascii=False).encode(errors="replace") + b"\n")
        except (OSError, MemoryError):
            return 1
        if not stays:
            return 0
        message = _received(connection)
    return 0


def _traces() -> tuple[int, int, int]:
    """What a reading could leave behind in its process: memory, open files, threads."""
    try:
        return limits.resident(os.getpid()), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    except OSError:  # where nobody can say, nobody stays
        return -GROWN, -1, -1


def _fit(before: tuple[int, int, int]) -> bool:
    """Whether this process is as it was made, so that it may read another file."""
    memory, files, threads = _traces()
    return memory - before[0] <= GROWN and 0 < files <= before[1] and threads <= before[2]


def _answer(channel: socket.socket, message: Mapping[str, Any], given: limits.Given) -> dict[str, Any]:
    """Do one job under its own limits."""
    allowed: Limits = message["limits"]
    _quiet(message["folder"])

    def tell(*step: Any) -> None:
        channel.sendall(json.dumps({"step": step}, ensure_ascii=False).encode(errors="replace") + b"\n")

    try:
        limits.join_group(str(message["settings"].get("reading_cgroup") or ""))
        limits.impose(allowed, given, last=not message["stays"])
        return {"done": jobs.do(message["job"], message["settings"], message["folder"], message["request"], tell)}
    except HubError as error:
        return _limit_reached(error, allowed) or telling.told(error)
    except MemoryError:
        return {"over": "memory"}
    except RecursionError:
        return {"over": "depth"}
    except BaseException as error:  # whatever a reader trips over is a sentence for people, and a trace for the log
        return {"error": type(error).__name__, "trace": traceback.format_exc(limit=-30)[-8000:]}


def _limit_reached(error: HubError, allowed: Limits) -> dict[str, Any] | None:
    """A full disk that is none: the file grew beyond what this reading may write."""
    from warehouse.storage.landing import DiskFull

    cause = error.__cause__
    if isinstance(error, DiskFull) and "File too large" in str(cause) and limits.own_output_limit(allowed):
        return {"over": "output"}
    return None


def _quiet(folder: Path) -> None:
    """What libraries say on their way down goes to a file, not to people's screens."""
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(said)
    os.close(nothing)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - for the process


if __name__ == "__main__":
    main()
