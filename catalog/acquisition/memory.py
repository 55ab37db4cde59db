"""What a channel remembers of its source: cursors, files that were taken. It comes back with the catalogue, as batches do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Engine
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store import database
from catalog.store.column_types import UtcDateTime
from contracts.clock import now


class ChannelMemory(SQLModel, table=True):
    """One thing that an agreement's channel remembers."""

    __tablename__ = "channel_memory"

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    channel: int = Field(default=1, primary_key=True, description="Its number among the agreement's channels.")
    key: str = Field(primary_key=True, description="since, file:<name> …, as the channel calls it")
    value: Any = Field(default=None, sa_type=JSON)
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class CatalogMemory:
    """One channel's memory (channels.ports.Memory). Every write is its own committed transaction."""

    def __init__(self, engine: Engine, agreement_id: str, channel: int = 1) -> None:
        self.engine, self.agreement_id, self.channel = engine, agreement_id, channel

    def read(self) -> dict[str, Any]:
        """Everything it holds."""
        with database.session(self.engine) as session:
            return read(session, self.agreement_id, self.channel)

    def write(self, changes: Mapping[str, Any]) -> None:
        """Hold these values, beside the others."""
        with database.session(self.engine) as session:
            write(session, self.agreement_id, changes, self.channel)


def read(session: Session, agreement_id: str, channel: int = 1) -> dict[str, Any]:
    """What a channel remembers."""
    statement = select(ChannelMemory.key, ChannelMemory.value).where(
        ChannelMemory.agreement_id == agreement_id, col(ChannelMemory.channel) == channel
    )
    return dict(session.exec(statement).all())


def write(session: Session, agreement_id: str, changes: Mapping[str, Any], channel: int = 1) -> None:
    """Remember these values, over those of the same keys."""
    for key, value in changes.items():
        session.merge(ChannelMemory(agreement_id=agreement_id, channel=channel, key=key, value=value, at=now()))
    session.flush()
