"""How many tasks wait that no agreement makes, counted by the database: what the badge of every page adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, case, func, or_, true
from sqlmodel import Session, col

from catalog import workdays
from catalog.acquisition import calendars, channels
from catalog.deliveries.batches import WAITING, Batch, BatchState
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from contracts.clock import zone

select: Any = sqlalchemy.select
"""Columns of sums have no types that could be checked."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "answer-batch": (BatchState.HELD,),
    "quarantine": (BatchState.PARTIAL,),
    "returned": (BatchState.RETURNED, BatchState.REFUSED),
}
"""Kinds of task that a batch is, with its states."""
TOLD_DAYS = 30
"""Days for which a sender is told of a delivery that was undone."""
UNFINISHED = ("draft", "registered")


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Tasks that are the reader's turn, how many of these are late, and those that the reader follows."""

    own: int = 0
    late: int = 0
    followed: int = 0

    def __add__(self, other: TaskCounts) -> TaskCounts:
        return TaskCounts(self.own + other.own, self.late + other.late, self.followed + other.followed)


def counted(session: Session, subject: Subject, own: str, day: date, *, manages: bool) -> TaskCounts:
    """Of batches, undone deliveries, drafts, channels and calendar. `own`: the organization that they concern, "" for all."""
    failing = channels.count_failing(session, own)
    rest = failing + (_undone(session, own, day) if own else len(calendars.missing(session, day)))
    batches = _count(
        session, Batch, batches_of(own), batches_mine(subject, manages=manages), col(Batch.received_at), "mend-quarantine", day
    )
    drafts = _count(
        session, Resource, drafts_of(own), drafts_mine(manages=manages), col(Resource.created_at), "review-entry", day
    )
    return TaskCounts(rest) + batches + drafts


def kinds(session: Session, subject: Subject, own: str, *, manages: bool, mine: bool) -> set[str]:
    """Kinds of task that batches and drafts make, of either turn."""
    turn, drafted = batches_mine(subject, manages=manages), drafts_mine(manages=manages)
    states = select(Batch.state).where(*batches_of(own), turn if mine else ~turn).distinct()
    waiting = {row[0] for row in session.exec(states)}
    draft = select(Resource.id).where(*drafts_of(own), drafted if mine else ~drafted).limit(1)
    found = {kind for kind, told in KINDS.items() if waiting.intersection(told)}
    return found | ({"draft"} if session.exec(draft).first() else set())


def batches_of(own: str) -> list[ColumnElement[bool]]:
    """The batches that wait, or those of an organization."""
    waiting: Any = sqlalchemy.text(WAITING.format(batch="batch."))
    return [waiting, *([col(Batch.organization_id) == own] if own else [])]


def batches_mine(subject: Subject, *, manages: bool) -> ColumnElement[bool]:
    """Batches that are the reader's turn: held ones are answered by the hub, the others mended by who sent them."""
    held = col(Batch.state) == BatchState.HELD
    if not manages:
        return ~held
    return or_(held, func.coalesce(Batch.organization_id, "").in_(("", subject.organization_id)))


def drafts_of(own: str) -> list[ColumnElement[bool]]:
    """Entries that are not published yet, or those of an organization."""
    return [col(Resource.state).in_(UNFINISHED), *([col(Resource.provider_id) == own] if own else [])]


def drafts_mine(*, manages: bool) -> ColumnElement[bool]:
    """Drafts are completed by their provider, registered ones reviewed by the hub."""
    return true() if manages else col(Resource.state) == "draft"


def undone_of(own: str, day: date) -> list[ColumnElement[bool]]:
    """Deliveries of an organization that were taken back lately."""
    since = datetime.combine(day - timedelta(days=TOLD_DAYS), time(), tzinfo=zone())
    on = func.coalesce(Batch.finished_at, Batch.received_at)
    return [col(Batch.state) == BatchState.UNDONE, col(Batch.organization_id) == own, on >= since]


def _undone(session: Session, own: str, day: date) -> int:
    return int(session.exec(select(func.count()).select_from(Batch).where(*undone_of(own, day))).scalar_one())


def _count(
    session: Session, table: Any, which: list[Any], mine: ColumnElement[bool], since: Any, step: str, day: date
) -> TaskCounts:
    late = mine & (since < _late_before(session, step, day))
    sums = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in (mine, late)]
    [(own, overdue, whole)] = session.exec(select(*sums, func.count()).select_from(table).where(*which)).all()
    return TaskCounts(int(own), int(overdue), int(whole) - int(own))


def _late_before(session: Session, step: str, day: date) -> datetime:
    """What waits since before this moment is late on a day."""
    calendar, days = workdays.calendar(session), workdays.step_days(session, step, day)
    begun = day
    while calendar.add(begun, days) >= day:
        begun -= timedelta(days=1)
    return datetime.combine(begun + timedelta(days=1), time(), tzinfo=zone())
