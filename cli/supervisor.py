"""`hub serve` outlives its workers: one that aborts (DuckDB does, when PostgreSQL falls) is started again and answered for."""

from __future__ import annotations

import ctypes
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from cli.terminal.language import said
from contracts.errors import HubError

LOOK_SECONDS = 0.1
GRACE_SECONDS = 15.0
FAILED_STARTS = 5
"""Starts in a row after which no other is tried. A worker that served is started again however often it is killed."""
RETRY_SECONDS = 5
HEAD_BYTES = 65_536
UNFIT = 78
"""Status of a worker that cannot serve this installation and has said why: EX_CONFIG of sysexits.h."""
FIRST, AGAIN = "first", "again"
"""The first worker looks at the catalogue; later it may be away, which is no reason to serve nobody."""
UNAVAILABLE = {
    "type": "urn:hui:problem:restarting",
    "title": "暂时不可用 / Unavailable for the moment",
    "status": 503,
    "detail": "服务正在重新启动，请稍后重试。 / The service is starting again; try again in a moment.",
}


class WorkerEnded(HubError):
    """The worker ends again as soon as it is started."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"服务进程一再退出（状态 {status}），不再重启；原因见上，请运行 hub doctor。",
            f"The server keeps ending (status {status}) and is not started again; the reason stands above, run `hub doctor`.",
        )


@dataclass
class Supervisor:
    """Holds the listening socket, so that no connection is refused while a worker is started again."""

    listening: socket.socket
    command: list[str]
    """How a worker is started; it is given FIRST or AGAIN, and the socket's and the pipe's descriptors as last arguments."""
    told: Callable[[str], None] = lambda text: typer.echo(text, err=True)
    worker: subprocess.Popen[bytes] | None = None
    ready: int = -1
    """Our end of the pipe on which the worker says that it serves."""
    serving: bool = False
    stopping: bool = False
    deaths: int = 0
    failed: int = 0
    """Starts in a row that never served."""

    def run(self) -> None:
        """Start a worker and watch it until told to stop; meanwhile answer 503 whenever none serves."""
        watch([self])

    def stop(self) -> None:
        """End the worker, which finishes the requests under way."""
        self.stopping = True

    def _start(self) -> None:
        ours, theirs = os.pipe()
        self.ready, self.serving = ours, False
        handed = [AGAIN if self.deaths else FIRST, str(self.listening.fileno()), str(theirs)]
        self.worker = subprocess.Popen(
            [*self.command, *handed],
            pass_fds=(self.listening.fileno(), theirs),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        os.close(theirs)

    def _again(self, status: int) -> None:
        said_last = bool(select.select([self.ready], [], [], 0)[0]) and bool(os.read(self.ready, 1))
        served = self.serving or said_last
        os.close(self.ready)
        if status == UNFIT:
            raise typer.Exit(1)
        self.deaths, self.failed = self.deaths + 1, 0 if served else self.failed + 1
        self.serving = False
        if self.failed > FAILED_STARTS:
            raise WorkerEnded(status)
        self.told(said(f"服务进程退出（状态 {status}），重新启动。", f"The server ended (status {status}); starting it again."))
        self._start()

    def _tend(self, others_serve: bool) -> None:
        status = self.worker.poll() if self.worker else None
        if status is not None:
            self._again(status)
        self._look(others_serve)

    def _look(self, others_serve: bool = False) -> None:
        """Wait a moment for the worker to serve, and answer who comes before any does."""
        if self.serving:
            time.sleep(LOOK_SECONDS)
            return
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.ready, selectors.EVENT_READ)
            if not others_serve:
                waiting.register(self.listening, selectors.EVENT_READ)
            happened = {key.fd for key, _ in waiting.select(LOOK_SECONDS)}
        if self.ready in happened:
            self.serving = bool(os.read(self.ready, 1))
            if not self.serving:
                time.sleep(LOOK_SECONDS)  # it died before it served: the next look sees its status
        elif self.deaths and self.listening.fileno() in happened:
            self._answer()

    def _answer(self) -> None:
        with suppress(OSError):
            client, _ = self.listening.accept()
            with client:
                client.settimeout(1.0)
                head = b""
                while b"\r\n\r\n" not in head and len(head) < HEAD_BYTES and (part := client.recv(8192)):
                    head += part
                client.sendall(_unavailable())

    def _end(self) -> None:
        if self.worker is None or self.worker.poll() is not None:
            return
        self.worker.terminate()  # again, perhaps: all are told first, so that they end beside each other
        try:
            self.worker.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()


def watch(supervisors: Sequence[Supervisor]) -> None:
    """Start the worker of each and watch them until one is told to stop; the kernel gives each connection to one of them."""
    for one in supervisors:
        one._start()
    try:
        while not any(one.stopping for one in supervisors):
            for one in supervisors:
                one._tend(any(other.serving for other in supervisors if other is not one))
    finally:
        for one in supervisors:
            with suppress(OSError):
                if one.worker is not None and one.worker.poll() is None:
                    one.worker.terminate()
        for one in supervisors:
            one._end()


def supervise(listening: socket.socket, host: str, port: int, workers: int = 1) -> None:
    """Serve by so many workers that may die, until Ctrl-C or SIGTERM."""
    listening.setblocking(False)
    command = [sys.executable, "-m", "cli.worker", host, str(port)]
    supervisors = [Supervisor(listening, command) for _ in range(workers)]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisors[0].stop())
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    with tempfile.TemporaryDirectory(prefix="hui-metrics-") as folder:
        if workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # what one counts, each of them can tell
        watch(supervisors)


def _unavailable() -> bytes:
    body = json.dumps(UNAVAILABLE, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_SECONDS}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _end_with_parent() -> None:
    """PR_SET_PDEATHSIG: a killed supervisor leaves no worker behind; the terminal's Ctrl-C is for the supervisor alone."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    os.setpgrp()
