"""This process's side: one job, one worker process, its answer or what became of it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.clock import now
from warehouse.foreign import telling
from warehouse.foreign.limits import Limits
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
INHERITED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "HUB_LANG")
INHERITED_BEGIN = ("LC_", "LD_", "PYTHON", "FAKETIME", "COV", "DYLD_")
"""Variables that a reading process gets: no secret of the hub stands in its environment."""
START = "import gc; gc.disable(); from warehouse.foreign.server import main; main()"
"""The collector has nothing to find while modules are imported, and takes an eighth of the time to say so."""
Progress = Callable[..., None]
_guard = threading.Lock()
_thread = threading.local()


@dataclass(slots=True)
class _Server:
    """The warm server of this process, and the socket on which a worker is asked for."""

    process: subprocess.Popen[bytes]
    asking: socket.socket
    owner: int

    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def close(self) -> None:
        self.asking.close()
        if self.owner == os.getpid():
            with suppress(
                subprocess.TimeoutExpired, OSError
            ):  # at the end of a process whose clock was moved, waiting may fail
                self.process.wait(5)


_server: _Server | None = None


def warm() -> None:
    """Start the server now, so that it imports what it needs while the caller still does other things."""
    with _guard:
        _warm()


def close() -> None:
    """End the server, if there is one; what its workers took of CPU and memory then counts for this process's children."""
    global _server
    with _guard:
        if _server is not None:
            _server.close()
            _server = None


@contextmanager
def in_turn() -> Iterator[None]:
    """Within it, small plain files that this thread has read (`run` with `shared`) share a worker, one after the other."""
    worker = _Worker()
    _thread.worker = worker
    try:
        yield
    finally:
        worker.close()
        if getattr(_thread, "worker", None) is worker:
            del _thread.worker


def run(
    settings: Settings,
    job: str,
    limits: Limits,
    request: Mapping[str, Any],
    *,
    name: str,
    progress: Progress | None = None,
    shared: bool = False,
) -> dict[str, Any]:
    """Do a job of `warehouse.foreign.jobs` in a process of its own; its answer.

    `name` is how people call the file. Raises what the job raised where that is for people (HubError), `CannotBeRead` where
    it went over its limits, died, or tripped over something that nobody foresaw: the log `reading.log` has the rest.
    `shared`: the worker may have read others before (`in_turn`); such a one cannot speak against a file: that is read alone.
    """
    worker = getattr(_thread, "worker", None) if shared else None
    with _folder(settings) as folder:
        message = {
            "job": job,
            "limits": limits,
            "settings": {**settings.model_dump(), "home": settings.root},
            "folder": folder,
            "request": dict(request),
            "stays": worker is not None,
        }
        read_before = False
        if worker is not None:
            read_before, answer = worker.ask(message, progress)
        else:
            with _ask() as channel:
                channel.sendall(telling.framed(message))
                answer = _answer(channel, progress)
        if _good(answer) or ("done" in answer and not read_before):
            done: dict[str, Any] = answer["done"]
            return done
        if not read_before:
            _log(settings, job, name, answer, folder)
            raise telling.raised(answer, name, limits)
    return run(settings, job, limits, request, name=name, progress=progress)


class _Worker:
    """A worker that reads several files in turn, made for the first of them and again where the last one did not stay."""

    channel: socket.socket | None = None

    def ask(self, message: Mapping[str, Any], progress: Progress | None) -> tuple[bool, dict[str, Any]]:
        """Whether it has read another file before, and its answer."""
        read_before, stays = self.channel is not None, False
        channel = self.channel = self.channel or _channel()
        try:
            channel.sendall(telling.framed(message))
            answer = _answer(channel, progress)
            stays = bool(answer.pop("stays", False)) and _good(answer)
        except OSError:  # it ended between two files
            if not read_before:
                raise
            answer = {"died": "lost"}
        finally:
            if not stays:
                self.close()
        return read_before, answer

    def close(self) -> None:
        """Its supervisor ends it."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None


def _good(answer: Mapping[str, Any]) -> bool:
    return "done" in answer and "refused" not in answer["done"]


def _warm() -> _Server:
    global _server
    if _server is None or not _server.alive():
        if _server is not None:
            _server.close()
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", START],
                cwd=ROOT, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_environment(), start_new_session=True,
            )  # fmt: skip
        _server = _Server(process, ours, os.getpid())
        atexit.register(_server.close)
    return _server


def _environment() -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k in INHERITED or k.startswith(INHERITED_BEGIN)}
    return inherited | {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


@contextmanager
def _ask() -> Iterator[socket.socket]:
    """A channel to a worker that was made for it."""
    with _channel() as ours:
        yield ours


def _channel() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs, _guard:
        try:
            socket.send_fds(_warm().asking, [b"w"], [theirs.fileno()])
        except OSError:  # it died between the look and the question
            _forget()
            socket.send_fds(_warm().asking, [b"w"], [theirs.fileno()])
    return ours


def _forget() -> None:
    global _server
    if _server is not None:
        _server.process.kill()
        _server.close()
        _server = None


def _answer(channel: socket.socket, progress: Progress | None) -> dict[str, Any]:
    """Lines of JSON until the one that is no step; a line cut off by a death is followed by what the supervisor says of it."""
    with channel.makefile("rb") as lines:
        for line in lines:
            try:
                payload = json.loads(line)
            except ValueError:
                continue
            if "step" not in payload:
                return dict(payload)
            if progress is not None:
                progress(*payload["step"])
    return {"died": "lost"}


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """Where the worker puts what it makes on the way; all of it goes with it."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=settings.scratch, prefix="reading-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _log(settings: Settings, job: str, name: str, answer: Mapping[str, Any], folder: Path) -> None:
    """What is not for people's eyes, for whoever looks after the hub."""
    if "error" in answer and "trace" not in answer:
        return
    said, why = folder / "said", answer.get("died") or answer.get("over") or "error"
    lines = [
        f"{now().isoformat(timespec='seconds')} {job} {name!r}: {why} {answer.get('signal', '')}",
        str(answer.get("trace", "")),
        said.read_text(encoding="utf-8", errors="replace")[-4000:] if said.is_file() else "",
    ]
    with suppress(OSError):
        settings.logs.mkdir(parents=True, exist_ok=True)
        with (settings.logs / "reading.log").open("a", encoding="utf-8") as log:
            log.write("\n".join(filter(None, lines)) + "\n")
    logging.getLogger(__name__).info("%s", lines[0])
