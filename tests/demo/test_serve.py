"""`hub serve` and the demo's two processes: ready soon, small, and gone when told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.demo.made import ROOT, Made

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
READY_SECONDS = 60.0
"""Outcome: 15 s on two idle cores (measured 5 s); a test machine may be busy with four other things."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(demo: Made, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "HUB_HOME": str(demo.home), "HUB_LANG": "en"}
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> float:
    began = time.monotonic()
    while time.monotonic() - began < READY_SECONDS:
        assert process.poll() is None, process.communicate()[1]
        try:
            if httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200:
                return time.monotonic() - began
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("not ready")


def test_it_is_ready_small_and_ends_cleanly_when_told(demo: Made) -> None:
    port = free_port()
    with started(demo, "cli", "serve", "--port", str(port)) as process:
        wait_until_ready(port, process)
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == 200
        assert psutil.Process(process.pid).memory_info().rss < 700e6
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_taken_port_is_said_plainly(demo: Made) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = demo.hub("serve", "--port", str(taken.getsockname()[1]), check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_both_processes_of_the_demo(demo: Made, tmp_path: Path) -> None:
    mine = demo.copy(tmp_path / "var")
    port = free_port()
    options = ("--port", str(port), "--home", str(mine.home), "--department-port", str(free_port()))
    with started(mine, "demo.together", *options) as process:
        wait_until_ready(port, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert {"serve", "work"} <= {word for child in children for word in child.cmdline()}
        process.send_signal(signal.SIGINT)
        process.wait(60)
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    assert len(gone) >= 2
