"""The record of what was looked for before a need was entered: for a purchase the proof that nobody holds it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from catalog.store.column_types import Json, UtcDateTime, no_items
from contracts.clock import now


class NeedSearch(SQLModel, table=True):
    """One search, kept with the need that came of it and never changed."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    by: str = Field(description="Who looked, as the audit names them.")
    looked_for: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="title, purpose, items")
    found: list[dict[str, Any]] = Field(
        default_factory=no_items,
        sa_type=Json,
        description="Entries that were named, as they were then: resource, title, score, …",
    )
    enough: float = Field(description="Score from which on going on needed a reason.")
