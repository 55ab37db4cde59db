"""The figures of the home page, counted over what the subject may know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from catalog.entries.resources import Resource, Sharing
from catalog.entries.visibility import judged
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from catalog.search.mirror import Mirror, mirror
from contracts.clock import today


@dataclass(frozen=True, slots=True)
class Numbers:
    """Resources, providers, items, rows, what may be shared, and how many are up to date by their cycle."""

    resources: int
    providers: int
    items: int
    rows: int
    bytes: int
    shareable: int
    published: int
    on_time: float | None
    """Share of the resources of which something was due by now, or came, that are not overdue."""
    overdue: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """A resource whose data should have come by now."""

    resource: Resource
    provider: str
    provider_en: str
    due: date


def numbers(session: Session, subject: Subject, on: date | None = None) -> Numbers:
    """One line of figures."""
    day = on or today()
    known = mirror(session)
    with known.lock:
        wanted = known.discoverable(subject)
        counted: Numbers = known.remembered(("numbers", wanted, day), lambda: _numbers(known, wanted, day))
    return counted


def _numbers(known: Mirror, wanted: int, day: date) -> Numbers:
    entries = [one for at in known.members(wanted, range(len(known.entries))) if (one := known.entries[at]) is not None]
    late = sum(1 for one in entries if one.next_due is not None and one.next_due < day)
    were_due = sum(1 for one in entries if one.next_due is not None and (one.next_due < day or one.updated_at is not None))
    return Numbers(
        resources=len(entries),
        providers=len({one.provider for one in entries}),
        items=sum(one.items for one in entries),
        rows=sum(one.rows for one in entries),
        bytes=sum(one.bytes for one in entries),
        shareable=sum(1 for one in entries if one.sharing != Sharing.NOT_SHARED),
        published=sum(1 for one in entries if one.state == "published"),
        on_time=(were_due - late) / were_due if were_due else None,
        overdue=late,
    )


def overdue(session: Session, subject: Subject, on: date | None = None, limit: int = 5) -> list[Overdue]:
    """Resources whose data is late, latest first."""
    day = on or today()
    statement = select(Resource, Organization).join(Organization, col(Organization.id) == Resource.provider_id)
    statement = statement.where(judged(subject), col(Resource.next_due) < day)
    rows = session.exec(statement.order_by(col(Resource.next_due), col(Resource.title)).limit(limit))
    return [Overdue(one, provider.name, provider.name_en, one.next_due) for one, provider in rows if one.next_due]
