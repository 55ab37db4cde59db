"""Whether a resource is as fresh as its update cycle promises."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from api.portal.components.deadline import DeadlineClock, clock
from catalog.entries.resources import Resource
from catalog.workdays import calendar
from contracts.clock import day_of, today


@dataclass(frozen=True, slots=True)
class Freshness:
    """on-time or late; "unset" where nothing was loaded yet and nothing is overdue."""

    state: str
    at: datetime | None = None
    due: date | None = None
    clock: DeadlineClock | None = None
    estimated: bool = False
    """The due date lies in a year whose table is not imported."""


def freshness(session: Session, resource: Resource) -> Freshness:
    """Late, in working days, once the day has passed by which the agreement, or else the cycle, wants new data."""
    if resource.updated_at is None and (resource.next_due is None or resource.next_due >= today()):
        unset = resource.next_due
        return Freshness("unset", due=unset, estimated=unset is not None and calendar(session).estimated(unset))
    if resource.next_due is None:
        return Freshness("on-time", resource.updated_at)
    begun = day_of(resource.updated_at) if resource.updated_at is not None else resource.next_due
    days, due = calendar(session), resource.next_due
    shown = clock(days, today(), min(begun, due), due)
    state = "late" if shown.kind == "late" else "on-time"
    return Freshness(state, resource.updated_at, due, shown, days.estimated(due))
