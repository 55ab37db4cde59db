"""Serve and work side by side until Ctrl-C or SIGTERM ends both: `python -m demo.together --port N --home DIR`.

A process of its own, which imports nothing heavy: the two that it starts are the hub, and a thread plays the departments.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.department import serve_beside

GRACE_SECONDS = 40.0
"""`hub work` gives its own processes twenty seconds."""


def commands(port: int) -> list[list[str]]:
    """The two processes of a hub."""
    hub = [sys.executable, "-m", "cli"]
    return [[*hub, "serve", "--port", str(port)], [*hub, "work"]]


def start(port: int, environment: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    """Start both, each in a group of its own, so that Ctrl-C reaches them once and through us."""
    return [
        subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=_end_with_parent)
        for command in commands(port)
    ]


def _end_with_parent() -> None:
    """Be told to end when the parent is killed and cannot tell us (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End what still runs, gently, and after a while for good."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def watch(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until one of them ends by itself; its status."""
    while True:
        for process in processes:
            if (status := process.poll()) is not None:
                return status
        time.sleep(0.3)


def main() -> None:
    """Run both until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--department-port", type=int, required=True)
    options = parser.parse_args()

    def told(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT too: a shell starts background jobs with it ignored
        signal.signal(number, told)
    token = (options.home / "demo" / "department-token").read_text(encoding="utf-8").strip()
    department = serve_beside(options.home / "demo" / "departments", token, options.department_port)
    processes = start(options.port, dict(os.environ, HUB_HOME=str(options.home)))
    status = 0
    try:
        status = watch(processes)
    except KeyboardInterrupt:
        print("\n正在停止 / stopping …", flush=True)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop(processes)
        department.shutdown()
    sys.exit(status)


if __name__ == "__main__":
    main()
