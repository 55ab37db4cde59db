"""Passwords: Argon2id, verified by a few at a time. Each takes 64 MB and a core: beside each other 120 took 2.7 GB."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from contracts.errors import HubError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
IN_LINE = 16
LONGEST_WAIT = 10.0
"""Seconds in the line."""


class SignInBusy(HubError):
    """More sign-ins at once than are verified; nothing was tried."""

    seconds = 5

    def __init__(self) -> None:
        super().__init__("同时登录的人过多，请稍后再试。", "Too many are signing in at once; try again in a moment.")


class Line:
    """Places for work that is dear: a few at once, some in line, the rest are refused."""

    def __init__(self, at_once: int = AT_ONCE, in_line: int = IN_LINE, wait: float = LONGEST_WAIT) -> None:
        self.in_line, self.wait = in_line, wait
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._waiting = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, as soon as one is free; SignInBusy where the line is full or does not move."""
        with self._lock:
            if self._waiting >= self.in_line:
                raise SignInBusy
            self._waiting += 1
        try:
            taken = self._places.acquire(timeout=self.wait)
        finally:
            with self._lock:
                self._waiting -= 1
        if not taken:
            raise SignInBusy
        try:
            yield
        finally:
            self._places.release()


LINE = Line()
"""Of this process."""


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _hasher().hash(password)


def fits(stored: str, password: str) -> bool:
    """Whether the password is the one of which the hash is kept; "" takes as long and is nobody's.

    Waits for a place in the line: do not hold a write to the catalogue meanwhile.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    with LINE.place():
        try:
            return _hasher().verify(stored or _nobody(), password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


@cache
def _hasher() -> PasswordHasher:
    """Argon2id, with the library's defaults (RFC 9106 low-memory profile)."""
    from argon2 import PasswordHasher  # here, for the start: tests/cli/test_start.py

    return PasswordHasher()


@cache
def _nobody() -> str:
    """A hash that no password has; made at the first sign-in, not at import (0.1 s)."""
    return _hasher().hash(secrets.token_hex())
