"""The figures of the home page, counted over what the subject may know of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, case, func, or_
from sqlmodel import Session, col, select

from catalog.entries.resources import Resource, Sharing
from catalog.entries.search_index import SearchEntry
from catalog.entries.visibility import discoverable
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
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
    """One line of figures, from one query."""
    day = on or today()
    late = and_(col(Resource.next_due).is_not(None), col(Resource.next_due) < day)
    came = col(Resource.next_due).is_not(None) & col(Resource.updated_at).is_not(None)
    asked = (
        select(  # type: ignore[call-overload]
            func.count(),
            func.count(func.distinct(Resource.provider_id)),
            func.coalesce(func.sum(SearchEntry.item_count), 0),
            func.coalesce(func.sum(Resource.rows), 0),
            func.coalesce(func.sum(Resource.bytes), 0),
            func.coalesce(func.sum(case((col(Resource.sharing) != int(Sharing.NOT_SHARED), 1), else_=0)), 0),
            func.coalesce(func.sum(case((col(Resource.state) == "published", 1), else_=0)), 0),
            func.coalesce(func.sum(case((or_(late, came), 1), else_=0)), 0),
            func.coalesce(func.sum(case((late, 1), else_=0)), 0),
        )
        .select_from(Resource)
        .join(SearchEntry, col(SearchEntry.resource_id) == Resource.id, isouter=True)
        .where(discoverable(subject))
    )
    count, providers, items, rows, size, shareable, published, were_due, overdue_ = session.exec(asked).one()
    on_time = (were_due - overdue_) / were_due if were_due else None
    return Numbers(count, providers, int(items), int(rows), int(size), int(shareable), int(published), on_time, int(overdue_))


def overdue(session: Session, subject: Subject, on: date | None = None, limit: int = 5) -> list[Overdue]:
    """Resources whose data is late, latest first."""
    day = on or today()
    asked = select(Resource, Organization).join(Organization, col(Organization.id) == Resource.provider_id)
    asked = asked.where(discoverable(subject), col(Resource.next_due) < day)
    found = session.exec(asked.order_by(col(Resource.next_due), col(Resource.title)).limit(limit))
    return [Overdue(one, provider.name, provider.name_en, one.next_due) for one, provider in found if one.next_due]
