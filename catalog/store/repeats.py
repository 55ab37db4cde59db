"""Acts asked for under an idempotency key: asked for once more they are answered, not done again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col

from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now

KEPT = timedelta(days=7)
"""How long an answer is kept; a program that comes back later than this begins anew."""


class Repeat(SQLModel, table=True):
    """One act under a caller's key. `answer` is null while it is under way."""

    caller: str = Field(primary_key=True, description="login of who asked")
    key: str = Field(primary_key=True)
    act: str
    digest: str = Field(description="HMAC-SHA-256 of what was asked")
    answer: dict[str, Any] | None = Field(default=None, sa_type=Json)
    begun_at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)


def find(session: Session, caller: str, key: str) -> Repeat | None:
    """What the caller asked for under that key; older ones are forgotten."""
    session.connection().execute(delete(Repeat).where(col(Repeat.begun_at) < now() - KEPT))
    return session.get(Repeat, (caller, key))


def begin(session: Session, caller: str, key: str, act: str, digest: str) -> None:
    """Take note that it is under way; IntegrityError where another request did so meanwhile."""
    session.add(Repeat(caller=caller, key=key, act=act, digest=digest))
    session.flush()


def end(session: Session, caller: str, key: str, answer: dict[str, Any] | None) -> None:
    """Keep its answer; None: it was not done and may be asked for again under the same key."""
    repeat = session.get_one(Repeat, (caller, key))
    if answer is None:
        session.delete(repeat)
    else:
        repeat.answer = answer
        session.add(repeat)
    session.flush()
