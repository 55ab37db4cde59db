"""Named places where a test may kill the process, to see that what is left can be mended."""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    "landing-copy",
    "landing-rename",
    "receipt",
    "acknowledge",
    "check",
    "staged",
    "raw",
    "resource",
    "quarantine",
    "commit-before",
    "commit-after",
    "settle",
    "undo",
    "release",
    "compaction",
    "expiry",
    "clean-up",
    "backup",
)
"""Every point there is, in the order a delivery reaches them; `acknowledge` lies between collect and load, `commit-after`
between lake and catalogue."""

_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Die here by SIGKILL when HUB_CRASH_AT is `name`, or `name:n` and this is the n-th time."""
    wanted = os.environ.get("HUB_CRASH_AT")
    if not wanted:
        return
    point, _, turn = wanted.partition(":")
    if point != name:
        return
    _reached[name] += 1
    if _reached[name] == int(turn or 1):
        os.kill(os.getpid(), signal.SIGKILL)
