"""Counters: numbers given out once each, however many ask at the same time."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel

_NEXT = text(
    "INSERT INTO counter (name, value) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value"
)


class Counter(SQLModel, table=True):
    """The last number given out under a name."""

    name: str = Field(primary_key=True, description="batch, batch:20260311, code:2050103, agreement:YQ-2026 …")
    value: int


def next_number(session: Session, name: str) -> int:
    """The next number under a name, from 1. Others who ask wait until this transaction ends, so there are no gaps."""
    return int(session.connection().execute(_NEXT, {"name": name}).scalar_one())
