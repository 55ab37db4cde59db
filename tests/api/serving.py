"""Served hubs of several processes, for the tests that load them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import psutil


def until(holds: Callable[[], bool], seconds: float = 240) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def workers(server: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that serve."""
    children = psutil.Process(server.pid).children()
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE and "cli.worker" in child.cmdline()]
