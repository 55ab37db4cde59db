"""Waiting for what another thread says."""

from __future__ import annotations

import select
import time
from queue import Empty, SimpleQueue
from typing import TypeVar

Said = TypeVar("Said")
STEP_SECONDS = 0.02


def next_of(queue: SimpleQueue[Said], seconds: float) -> Said:
    """What comes next, waited for so many seconds at most. Errors: Empty.

    In steps, and by select, so that it ends on another day as well (`.ci/days`): where libfaketime 0.9.10 fakes the monotonic
    clock a lock's own time-out never comes (it knows no sem_clockwait), where it does not time.sleep is refused (EINVAL).
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return queue.get_nowait()
        except Empty:
            if time.monotonic() >= end:
                raise
            select.select([], [], [], STEP_SECONDS)
