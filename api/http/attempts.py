"""How often sign-in failed from an address: after too many, it waits (GB/T 22239: lock after repeated failures)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

ALLOWED = 20
WINDOW_SECONDS = 60.0
ADDRESSES = 10_000
"""Addresses remembered; the oldest go first, so that no mass of them fills the memory."""


class Attempts:
    """Failures of the last minute by address, in this process."""

    def __init__(self, allowed: int = ALLOWED, window: float = WINDOW_SECONDS) -> None:
        self.allowed, self.window = allowed, window
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def failed(self, address: str, now: float | None = None) -> None:
        """Note one failure."""
        with self._lock:
            held = self._failures.setdefault(address, deque(maxlen=self.allowed))
            held.append(time.monotonic() if now is None else now)
            self._failures.move_to_end(address)
            while len(self._failures) > ADDRESSES:
                self._failures.popitem(last=False)

    def wait(self, address: str, now: float | None = None) -> int:
        """Seconds until the address may try again; 0: now."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            held = self._failures.get(address)
            if held is None or len(held) < self.allowed:
                return 0
            return max(0, int(held[0] + self.window - moment + 0.999))
