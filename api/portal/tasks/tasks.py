"""Beside the catalogue: what was released, as far as the reader may know of it; and where a waiting task is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from api.portal.components.deadline import DeadlineClock, clock
from catalog.entries.resources import Resource
from catalog.entries.visibility import judged
from catalog.identity.people import Subject
from catalog.overview.inbox import Task
from catalog.releases.releases import Release
from catalog.workdays import Calendar, calendar
from contracts.clock import today

SHOWN = 4


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """A task with its clock and the page where it is done."""

    task: Task
    clock: DeadlineClock | None
    link: str


def waiting(session: Session, tasks: Sequence[Task]) -> list[OpenTasks]:
    """Tasks with their clocks."""
    days = calendar(session)
    return [OpenTasks(task, _clock(days, task), _link(task)) for task in tasks]


def _clock(days: Calendar, task: Task) -> DeadlineClock | None:
    return clock(days, today(), task.start, task.due) if task.due else None


def _link(task: Task) -> str:
    if task.kind in ("quarantine", "returned", "answer-batch", "undone"):
        return f"/batches/{task.key}"
    if task.kind == "channel":
        return f"/attempts?agreement={task.key}"
    if task.kind == "draft":
        return f"/resources/{task.key}"
    if task.kind == "report":
        return f"/collect/{task.key}"
    if task.kind == "calendar":
        return "/calendar"
    return f"/agreements/{task.key}"


def released(session: Session, subject: Subject) -> list[tuple[Release, Resource]]:
    """The last releases of what the reader may know of."""
    asked = select(Release, Resource).join(Resource, col(Resource.id) == Release.resource_id)
    asked = asked.where(judged(subject), col(Release.recalled_at).is_(None))
    return list(session.exec(asked.order_by(col(Release.released_at).desc()).limit(SHOWN)).all())


def late_by(session: Session, overdue: Sequence[object]) -> list[tuple[object, DeadlineClock]]:
    """Overdue resources with how late they are."""
    days = calendar(session)
    return [(one, clock(days, today(), one.due, one.due)) for one in overdue]  # type: ignore[attr-defined]
