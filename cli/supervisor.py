"""`hub serve` outlives its worker: one that aborts (DuckDB does, when PostgreSQL falls) is started again and answered for."""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import typer

from cli.terminal.language import said
from contracts.errors import HubError

LOOK_SECONDS = 0.1
GRACE_SECONDS = 15.0
YOUNG_SECONDS = 30.0
QUICK_DEATHS = 5
RETRY_SECONDS = 5
HEAD_BYTES = 65_536
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
    """How a worker is started; it is given the socket's and the pipe's descriptors as last two arguments."""
    told: Callable[[str], None] = lambda text: typer.echo(text, err=True)
    worker: subprocess.Popen[bytes] | None = None
    ready: int = -1
    """Our end of the pipe on which the worker says that it serves."""
    serving: bool = False
    stopping: bool = False
    started: float = field(default_factory=time.monotonic)
    deaths: int = 0

    def run(self) -> None:
        """Start a worker and watch it until told to stop; meanwhile answer 503 whenever none serves."""
        self._start()
        try:
            while not self.stopping:
                status = self.worker.poll() if self.worker else None
                if status is not None:
                    self._again(status)
                self._look()
        finally:
            self._end()

    def stop(self) -> None:
        """End the worker, which finishes the requests under way."""
        self.stopping = True

    def _start(self) -> None:
        ours, theirs = os.pipe()
        self.ready, self.serving, self.started = ours, False, time.monotonic()
        handed = [str(self.listening.fileno()), str(theirs)]
        self.worker = subprocess.Popen(
            [*self.command, *handed],
            pass_fds=(self.listening.fileno(), theirs),
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        os.close(theirs)

    def _again(self, status: int) -> None:
        os.close(self.ready)
        young = time.monotonic() - self.started < YOUNG_SECONDS
        self.deaths = self.deaths + 1 if young else 1
        if self.deaths > QUICK_DEATHS:
            raise WorkerEnded(status)
        self.told(said(f"服务进程退出（状态 {status}），重新启动。", f"The server ended (status {status}); starting it again."))
        self._start()

    def _look(self) -> None:
        """Wait a moment for the worker to serve, and answer who comes before it does."""
        if self.serving:
            time.sleep(LOOK_SECONDS)
            return
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.ready, selectors.EVENT_READ)
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
        self.worker.terminate()
        try:
            self.worker.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()


def supervise(listening: socket.socket, host: str, port: int) -> None:
    """Serve by a worker that may die, until Ctrl-C or SIGTERM."""
    listening.setblocking(False)
    supervisor = Supervisor(listening, [sys.executable, "-m", "cli.worker", host, str(port)])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: supervisor.stop())
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    supervisor.run()


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
