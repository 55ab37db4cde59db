"""Small facts that outlive a process: the result of the last audit verification, when something was last done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, Session, SQLModel

from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now


class Remembered(SQLModel, table=True):
    """One fact under a name, and when it was written."""

    name: str = Field(primary_key=True)
    value: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


def remember(session: Session, name: str, value: dict[str, Any]) -> Remembered:
    """Write a fact, over the one of that name."""
    remembered = session.merge(Remembered(name=name, value=value, at=now()))
    session.flush()
    return remembered


def recall(session: Session, name: str) -> Remembered | None:
    """The fact of that name."""
    return session.get(Remembered, name)
