"""`hub serve` outlives its worker: started again, and nobody is refused a connection meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.supervisor import Supervisor, WorkerEnded
from tests import homes
from tests.crash.rounds import ROOT
from warehouse.settings import Settings


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`hub serve` over an empty hub."""
    homes.empty(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "HUB_HOME": str(settings.root)}
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        yield process, f"http://127.0.0.1:{port}/health"
        process.terminate()
        process.wait(60)


def status(url: str) -> tuple[int, str]:
    try:
        answer = httpx.get(url, timeout=60)
    except httpx.TransportError as error:
        return 0, type(error).__name__
    return answer.status_code, answer.headers.get("Retry-After", "")


def until(holds: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_worker_that_aborts_is_started_again_and_answered_for(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = served
    until(lambda: status(url)[0] == 200)
    (worker,) = psutil.Process(process.pid).children()
    worker.send_signal(signal.SIGABRT)
    seen: list[tuple[int, str]] = []
    until(lambda: seen.append(status(url)) or seen[-1][0] == 200)  # type: ignore[func-returns-value]
    assert {answer for answer in seen[1:] if answer[0] != 200} <= {(503, "5")}
    (again,) = psutil.Process(process.pid).children()
    assert again.pid != worker.pid
    process.terminate()
    assert process.wait(60) == 0
    assert not psutil.pid_exists(again.pid)


def test_whoever_comes_between_two_workers_gets_503(tmp_path: Path) -> None:
    """A worker that dies before it serves: the socket stays ours, and answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        supervisor = Supervisor(listening, [sys.executable, "-c", "import time; time.sleep(60)"], deaths=1)
        supervisor._start()
        asked = subprocess.Popen(
            [sys.executable, "-c", f"import httpx; a = httpx.get({address!r}); print(a.status_code, a.headers['retry-after'])"],
            stdout=subprocess.PIPE,
            text=True,
        )
        while asked.poll() is None:
            supervisor._look()
        supervisor._end()
        assert asked.stdout is not None
        assert asked.stdout.read().split() == ["503", "5"]


def test_one_that_never_serves_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(WorkerEnded, match="7"):
            Supervisor(listening, [sys.executable, "-c", "raise SystemExit(7)"], told=lambda text: None).run()


def test_one_that_served_is_started_again_however_often_it_is_killed() -> None:
    """Ten times serves and is killed: none of these is a start that failed."""
    serving = "import os, signal, sys; os.write(int(sys.argv[-1]), b'!'); os.kill(os.getpid(), signal.SIGKILL)"
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        supervisor = Supervisor(listening, [sys.executable, "-c", serving], told=told.append)
        supervisor._start()
        until(lambda: supervisor._tend(others_serve=False) or len(told) == 10)  # type: ignore[func-returns-value]
        assert supervisor.failed == 0
        supervisor._end()


def test_a_home_that_cannot_be_served_is_told_once(tmp_path: Path) -> None:
    """The worker looks at the catalogue, so that the supervisor imports nothing for it; it is not started again."""
    environment = {**os.environ, "HUB_HOME": str(tmp_path / "none"), "HUB_LANG": "en"}
    command = [sys.executable, "-m", "cli", "serve", "--port", "0"]
    run = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=240)
    assert run.returncode == 1
    assert [line for line in run.stderr.splitlines() if "hub init" in line] == run.stderr.splitlines()[1:]
