"""Where each agreement stands, kept: reckoned anew only for agreements of which something changed (triggers say so).

A row whose day is empty, or another than today, is not valid: a reader reckons that agreement itself
(catalog.overview.standing).
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from catalog.store.column_types import UtcDateTime


class KeptStanding(SQLModel, table=True):
    """One agreement's standing, as it was reckoned on a day. The database itself empties the day with each change of what the
    standing rests on: agreement, terms, agencies, batches, versions, grants, the entry's next date, calendar and rules."""

    __tablename__ = "keptstanding"

    __table_args__ = (Index("ix_keptstanding_day_due", "day", "due"),)

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id", ondelete="CASCADE")
    day: date | None = Field(default=None, description="For which it holds; empty: for none")
    until: datetime | None = Field(
        default=None, sa_type=UtcDateTime, index=True, description="When a right that it counts expires"
    )
    route: str = ""
    stage: str = ""
    due: date | None = None
    finished: bool = False
    shared: int = 0
    hubs: bool = Field(default=False, description="It is the hub's turn")
