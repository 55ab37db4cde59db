"""Sign-ins that failed: counted in the catalogue by account and by address, before anything is verified.

Three counters: one person at one address (the usual wrong password), one account from anywhere (a guess from many machines),
one address for any account (a list of accounts from one machine). The first is narrow, so that nobody locks an office out;
the others are wide. Counted first and given back on success, so that a hundred at once are not all let through
(GB/T 22239-2019, 8.1.4.1: lock after repeated failures).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import BigInteger, text
from sqlmodel import Field, Session, SQLModel

from contracts.clock import now
from contracts.errors import HubError


class SignInAttempt(SQLModel, table=True):
    """Attempts since a moment, for one counter."""

    __tablename__ = "sign_in_attempt"

    who: str = Field(primary_key=True, description="SHA-256 of the counter's kind, account and address.")
    since: int = Field(sa_type=BigInteger, description="Seconds since 1970.")
    attempts: int


class TooManyAttempts(HubError):
    """Too many wrong keys or passwords came for one account, or from one address."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"失败次数过多，请在 {seconds} 秒后再试。", f"Too many failed attempts; try again in {seconds} seconds."
        )
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts a counter allows in how many seconds."""

    attempts: int
    seconds: int


PERSON_HERE = Limit(10, 300)
ACCOUNT = Limit(40, 900)
ADDRESS = Limit(200, 300)
FORGET_AFTER = 3600

_COUNT = text(
    "INSERT INTO sign_in_attempt (who, since, attempts) VALUES (:who, :now, 1) ON CONFLICT (who) DO UPDATE SET "
    "attempts = CASE WHEN sign_in_attempt.since <= :cutoff THEN 1 ELSE sign_in_attempt.attempts + 1 END, "
    "since = CASE WHEN sign_in_attempt.since <= :cutoff THEN :now ELSE sign_in_attempt.since END RETURNING since, attempts"
)
_GIVE_BACK = text("UPDATE sign_in_attempt SET attempts = attempts - 1 WHERE who = :who AND attempts > 0")
_CLEAR = text("DELETE FROM sign_in_attempt WHERE who = :who OR since < :forgotten")


def begun(session: Session, account: str, address: str) -> int:
    """Count an attempt; seconds until the next may be made, 0: go on. Commit before the password is looked at.

    Once a counter is full the narrower ones are left alone: a mass of made-up names fills no table.
    """
    moment = int(now().timestamp())
    for who, limit in _counters(account, address):
        values = {"who": who, "now": moment, "cutoff": moment - limit.seconds}
        row = session.connection().execute(_COUNT, values).one()
        since, attempts = int(row[0]), int(row[1])
        if attempts > limit.attempts:
            return max(1, since + limit.seconds - moment)
    return 0


def succeeded(session: Session, account: str, address: str) -> None:
    """It was the person: their own counter here is cleared, the others get one back."""
    forgotten = int(now().timestamp()) - FORGET_AFTER
    *wide, (own, _) = _counters(account, address)
    for who, _ in wide:
        session.connection().execute(_GIVE_BACK, {"who": who})
    session.connection().execute(_CLEAR, {"who": own, "forgotten": forgotten})


def not_tried(session: Session, account: str, address: str) -> None:
    """Nothing was verified (the line was full): the attempt does not count."""
    for who, _ in _counters(account, address):
        session.connection().execute(_GIVE_BACK, {"who": who})


def _counters(account: str, address: str) -> Iterator[tuple[str, Limit]]:
    """The widest first, always in this order: two that count at once wait for each other, they do not lock."""
    for parts, limit in (
        (("address", address), ADDRESS),
        (("account", account), ACCOUNT),
        (("here", account, address), PERSON_HERE),
    ):
        yield hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest(), limit
