"""Does the jobs of a server: takes them from the queue, in processes that can die alone, and ends those that are cancelled."""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from catalog.store import jobs as queue
from hub import jobs
from hub.hub import open_hub
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
LOOK_SECONDS = 2.0
"""How often the queue is looked at where nobody says that there is something: another server's job may be left behind."""
HEARD_SECONDS = 1.0
IDLE_SECONDS = 300.0
log = logging.getLogger("hui.jobs")


class Runner:
    """The runner of one server: `settings.job_workers` threads, each with a process of its own while there is work."""

    def __init__(self, settings: Settings) -> None:
        self.hub = open_hub(settings)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._wake, self._stopping = threading.Semaphore(0), threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"jobs-{number}", daemon=True) for number in range(settings.job_workers)
        ]

    def start(self) -> None:
        """Begin; jobs that another server left behind come first."""
        jobs.runs_here(self.hub.settings.root, self._wake.release)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the processes; what they were at is begun again by the next server."""
        jobs.runs_here(self.hub.settings.root, None)
        self._stopping.set()
        for _ in self._threads:
            self._wake.release()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        process: Process | None = None
        idle_since = time.monotonic()
        while not self._stopping.is_set():
            number = self._claimed()
            if number is not None:
                process = self._done(process, number)
                idle_since = time.monotonic()
            elif process is not None and time.monotonic() - idle_since > IDLE_SECONDS:
                process.end()
                process = None
            else:
                self._wake.acquire(timeout=LOOK_SECONDS)
        if process is not None:
            process.end()

    def _claimed(self) -> str | None:
        try:
            with self.hub.session() as session:
                job = queue.claim(session, self.name, self._gone(queue.runners(session)))
                return job.id if job is not None else None
        except Exception:  # the database is away: the next look finds it again
            log.warning("the queue of jobs could not be read", exc_info=True)
            return None

    def _done(self, process: Process | None, number: str) -> Process | None:
        """The process that did the job and may do the next. What goes wrong here ends the job, never the runner's thread."""
        try:
            process = process if process is not None and process.alive else Process(self.hub.settings)
            self._do(process, number)
        except Exception:
            log.exception("job %s could not be done", number)
            if process is not None:
                process.end()
            with suppress(Exception):  # the catalogue is away: a runner takes the job up again once this one was silent
                jobs.died(self.hub, number)
            return None
        return process

    def _do(self, process: Process, number: str) -> None:
        process.begin(number)
        while not process.over(HEARD_SECONDS):
            if not process.alive:
                log.warning("the process of job %s ended with status %s", number, process.status)
                jobs.died(self.hub, number)
                return
            if self._stopping.is_set():
                process.end()
                jobs.died(self.hub, number, blameless=True)
                return
            if self._unwanted(number):
                process.end()
                jobs.cancelled(self.hub, number)
                return

    def _unwanted(self, number: str) -> bool:
        try:
            with self.hub.session() as session:
                return not queue.heard(session, number, self.name)
        except Exception:
            log.warning("job %s: the catalogue could not be asked", number, exc_info=True)
            return False

    def _gone(self, runners: Sequence[str]) -> list[str]:
        """Runners of this machine whose process is no more. Those of others are given up after a silence."""
        return [name for name in runners if name != self.name and _dead(name)]


class Process:
    """A process that does jobs, started anew where the last one ended."""

    def __init__(self, settings: Settings) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hub.job_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        self._write(settings.model_dump_json())

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Its status once it ended."""
        return self._process.poll()

    def begin(self, number: str) -> None:
        """Let it do a job."""
        self._write(number)

    def over(self, seconds: float) -> bool:
        """Whether it is done with its job, within so many seconds."""
        assert self._process.stdout is not None  # noqa: S101 - opened above
        said = select.poll()  # select() refuses a number from 1,024 on, which a server with many connections has
        said.register(self._process.stdout, select.POLLIN)
        return bool(said.poll(seconds * 1000)) and bool(self._process.stdout.readline())

    def end(self) -> None:
        """Kill it, and what it started."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened above
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:  # it ended: the next look says so
            log.warning("a process for jobs ended before its work")


_serving: dict[Path, Runner] = {}


def start(settings: Settings) -> None:
    """Do this installation's jobs in this server from now on, until `stop`."""
    if settings.root not in _serving:
        _serving[settings.root] = Runner(settings)
        _serving[settings.root].start()


def stop(settings: Settings) -> None:
    """Leave the jobs to the next server."""
    runner = _serving.pop(settings.root, None)
    if runner is not None:
        runner.stop()


def _dead(runner: str) -> bool:
    host, process, _ = runner.rsplit(":", 2) if runner.count(":") >= 2 else ("", "", "")
    if host != socket.gethostname() or not process.isdigit():
        return False
    if int(process) == os.getpid():
        return True  # an earlier process of the same number
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _end_with_parent() -> None:
    """PR_SET_PDEATHSIG: a killed server leaves no job behind that works on while another one begins it again."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    os.setpgrp()
