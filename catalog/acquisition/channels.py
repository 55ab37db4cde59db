"""Attempts on channels: every one has an outcome, so that a source that fails is seen, and not only a batch that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, delete, func
from sqlalchemy.orm import aliased
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now

TAKEN, NOTHING, FAILED = "taken", "nothing", "failed"
FAILING_AFTER = 3
"""A channel that failed so often in a row is somebody's task."""
MOST = 200
"""Failing channels that are told of at most."""
KEPT = timedelta(days=400)


class ChannelAttempt(SQLModel, table=True):
    """One look at an agreement's channel, and what came of it."""

    id: int | None = Field(default=None, primary_key=True)
    agreement_id: str = Field(foreign_key="agreement.id", index=True)
    dataset: str = Field(index=True)
    channel: str = Field(description="folder, http, template …")
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    outcome: str = Field(description="taken, nothing or failed")
    reason: str = ""
    reason_en: str = ""
    bytes: int = Field(default=0, sa_type=BigInteger)
    batches: list[str] = Field(default_factory=list, sa_type=Json)
    seconds: float = 0.0
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel that fails: how many times in a row, since when, and why the last time."""

    agreement: Agreement
    times: int
    since: datetime
    last: ChannelAttempt


def record(session: Session, attempt: ChannelAttempt) -> ChannelAttempt:
    """Keep an attempt; NUL and half characters of foreign answers are left out of its reason."""
    attempt.reason, attempt.reason_en = _clean(attempt.reason), _clean(attempt.reason_en)
    session.add(attempt)
    session.flush()
    return attempt


def listed(
    session: Session, *, dataset: str = "", agreement: str = "", outcome: str = "", limit: int = 50, after: int = 0
) -> Sequence[ChannelAttempt]:
    """Attempts, newest first; `after`: how many of the newest are passed over."""
    asked = select(ChannelAttempt).order_by(col(ChannelAttempt.id).desc()).offset(after).limit(limit)
    if agreement:
        asked = asked.where(ChannelAttempt.agreement_id == agreement)
    if dataset:
        asked = asked.where(ChannelAttempt.dataset == dataset)
    if outcome:
        asked = asked.where(ChannelAttempt.outcome == outcome)
    return session.exec(asked).all()


def failing(session: Session, least: int = FAILING_AFTER) -> list[Failing]:
    """Channels in force whose last `least` attempts all failed, longest first."""
    better = aliased(ChannelAttempt)
    ended: Any = (
        select(func.coalesce(func.max(better.id), 0))
        .where(better.agreement_id == ChannelAttempt.agreement_id, better.outcome != FAILED)
        .scalar_subquery()
    )
    asked = (
        select(ChannelAttempt.agreement_id, func.count(), func.min(ChannelAttempt.at), func.max(ChannelAttempt.id))
        .where(ChannelAttempt.outcome == FAILED, col(ChannelAttempt.id) > ended)
        .group_by(ChannelAttempt.agreement_id)
        .having(func.count() >= least)
    )
    counted = asked.subquery()
    whole = select(Agreement, ChannelAttempt, counted.c[1], counted.c[2]).join(counted, counted.c[0] == Agreement.id)
    whole = whole.join(ChannelAttempt, col(ChannelAttempt.id) == counted.c[3]).where(col(Agreement.state).in_(IN_FORCE))
    whole = whole.order_by(counted.c[1].desc(), col(Agreement.id)).limit(MOST)
    return [Failing(agreement, times, since, newest) for agreement, newest, times, since in session.exec(whole)]


def forget(session: Session) -> int:
    """Remove attempts older than they are kept; how many."""
    done: Any = session.connection().execute(delete(ChannelAttempt).where(col(ChannelAttempt.at) < now() - KEPT))
    return int(done.rowcount)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
