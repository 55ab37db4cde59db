"""Attempts on channels: every one has an outcome, so that a source that fails is seen, and not only a batch that came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Index, and_, delete, func
from sqlalchemy.orm import aliased, lazyload
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.store.column_types import Json, UtcDateTime, no_items
from contracts.clock import now

TAKEN, NOTHING, FAILED = "taken", "nothing", "failed"
FAILING_AFTER = 3
"""A channel that failed so often in a row is somebody's task."""
MOST = 200
"""Failing channels that are told of at most."""
KEPT = timedelta(days=400)


class ChannelAttempt(SQLModel, table=True):
    """One look at an agreement's channel, and what came of it."""

    __table_args__ = (
        Index("ix_channelattempt_agreement_id_outcome_id", "agreement_id", "outcome", "id"),
        Index("ix_channelattempt_outcome", "outcome", "agreement_id", "id", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    agreement_id: str = Field(foreign_key="agreement.id")
    dataset: str = Field(index=True)
    channel: str = Field(description="folder, http, template …")
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    outcome: str = Field(description="taken, nothing or failed")
    reason: str = ""
    reason_en: str = ""
    bytes: int = Field(default=0, sa_type=BigInteger)
    batches: list[str] = Field(default_factory=no_items, sa_type=Json)
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
    statement = select(ChannelAttempt).order_by(col(ChannelAttempt.id).desc()).offset(after).limit(limit)
    if agreement:
        statement = statement.where(ChannelAttempt.agreement_id == agreement)
    if dataset:
        statement = statement.where(ChannelAttempt.dataset == dataset)
    if outcome:
        statement = statement.where(ChannelAttempt.outcome == outcome)
    return session.exec(statement).all()


def failing(session: Session, least: int = FAILING_AFTER, *, provider_id: str = "", most: int = MOST) -> list[Failing]:
    """Channels in force whose last `least` attempts all failed, longest first; or of a provider's agreements."""
    counted = _in_a_row(least).subquery()
    whole = select(Agreement, ChannelAttempt, counted.c[1], counted.c[2]).join(counted, counted.c[0] == Agreement.id)
    whole = whole.join(ChannelAttempt, col(ChannelAttempt.id) == counted.c[3]).where(col(Agreement.state).in_(IN_FORCE))
    if provider_id:
        whole = whole.where(Agreement.provider_id == provider_id)
    whole = whole.order_by(counted.c[1].desc(), col(Agreement.id)).limit(min(most, MOST)).options(lazyload(Agreement.channels))  # type: ignore[arg-type]
    return [Failing(agreement, times, since, newest) for agreement, newest, times, since in session.exec(whole)]


def count_failing(session: Session, provider_id: str = "", least: int = FAILING_AFTER) -> int:
    """How many channels fail, or of a provider's agreements; no more than `failing` tells of."""
    counted = _in_a_row(least).subquery()
    whole = select(Agreement.id).join(counted, counted.c[0] == Agreement.id).where(col(Agreement.state).in_(IN_FORCE))
    if provider_id:
        whole = whole.where(Agreement.provider_id == provider_id)
    return session.exec(select(func.count()).select_from(whole.limit(MOST).subquery())).one()


def _in_a_row(least: int) -> Any:
    """Agreement, how many of its last attempts failed, since when, and the last one; where they are so many."""
    statement: Any = select(ChannelAttempt.agreement_id, func.count(), func.min(ChannelAttempt.at), func.max(ChannelAttempt.id))
    after = and_(*(col(ChannelAttempt.id) > _last(outcome) for outcome in (TAKEN, NOTHING)))
    statement = statement.where(ChannelAttempt.outcome == FAILED, after).group_by(ChannelAttempt.agreement_id)
    return statement.having(func.count() >= least)


def _last(outcome: str) -> Any:
    """The agreement's last attempt with an outcome: read from the end of an index."""
    other = aliased(ChannelAttempt)
    last = select(func.coalesce(func.max(other.id), 0))
    return last.where(other.agreement_id == ChannelAttempt.agreement_id, other.outcome == outcome).scalar_subquery()


def forget(session: Session) -> int:
    """Remove attempts older than they are kept; how many."""
    done: Any = session.connection().execute(delete(ChannelAttempt).where(col(ChannelAttempt.at) < now() - KEPT))
    return int(done.rowcount)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
