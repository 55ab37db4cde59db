"""Waiting for what another thread says."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import TypeVar

Said = TypeVar("Said")
STEP_SECONDS = 0.02


def next_of(queue: SimpleQueue[Said], seconds: float) -> Said:
    """What comes next, waited for so many seconds at most. Errors: Empty.

    In steps, not by the queue's own time-out: that ends by a clock that no test can set to another day (libfaketime 0.9.10
    knows no sem_clockwait, and the wait never ends; `.ci/days` makes a demo on one).
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return queue.get_nowait()
        except Empty:
            if time.monotonic() >= end:
                raise
            time.sleep(STEP_SECONDS)
