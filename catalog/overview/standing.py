"""Where each agreement stands, as columns of a query: its stage, the deadline that runs, its group, and whose turn it is.

The register's rows (`register`) say the same of one agreement with words and dates; a page of the register and the badge of
every page ask the database, which reads no more than they show. tests/catalog/overview/test_growth.py holds the two together.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Date, and_, case, false, func, literal, null, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from catalog import workdays
from catalog.access.grants import Grant
from catalog.acquisition import periods
from catalog.acquisition.agreements import IN_FORCE, Agreement, AgreementAgency
from catalog.acquisition.kept_standing import KeptStanding
from catalog.acquisition.terms import CollectionTerms, RequestTerms
from catalog.deliveries.batches import ACCEPTED, Batch
from catalog.entries.resources import Resource
from catalog.releases.releases import Release
from catalog.workflow import BEFORE_ANSWER, HUBS_TURN
from contracts.clock import now, zone

select: Any = sqlalchemy.select
"""Columns of subqueries have no types that could be checked."""
NEAR_DAYS = 5
RENEW_DAYS = 60
"""Calendar days before the end of an agreement from which its renewal is to be decided."""
FINISHED = ("refused", "ended")
KEPT_AT_ONCE = 500
"""Standings that are reckoned in one transaction, which others wait for."""
LOOKED_BACK = 90
"""Days for which a release's deadline is told to the day; one that is late longer is only told to be late."""


def standing(session: Session, day: date) -> Any:
    """One row for each agreement: id, route, stage, due, grouped, shared, hubs (it is the hub's turn).

    Those that are kept for the day are read; the others, of which something changed since, are reckoned now.
    """
    groups = _grouped(session, day)
    kept = select(*_columns(KeptStanding, col(KeptStanding.agreement_id), groups)).where(_valid(day))
    if not _any_changed(session, day):
        return kept
    changed = _reckoned(session, day, _changed(day)).subquery()
    return sqlalchemy.union_all(kept, select(*_columns(changed.c, changed.c.id, groups)))


def keep(session: Session, day: date) -> int:
    """Reckon and keep some of the standings that are not valid on a day; how many. A transaction of its own."""
    wanted = _changed(day).limit(KEPT_AT_ONCE)
    if not _any_changed(session, day):
        return 0
    # Nothing changes unseen while they are reckoned: SQLite lets one write, PostgreSQL has the rows locked, and their day is
    # emptied again by whoever changes something.
    session.connection().execute(update(KeptStanding).where(col(KeptStanding.agreement_id) == "").values(day=None))
    chosen = [row[0] for row in session.execute(wanted.with_for_update(skip_locked=True))]
    rows = [dict(row._mapping) for row in session.execute(_reckoned(session, day, chosen))]
    told = [{"agreement_id": row.pop("id"), "day": day, **row} for row in rows]
    if told:
        session.execute(update(KeptStanding), told)
    return len(told)


def _valid(day: date) -> ColumnElement[bool]:
    until = col(KeptStanding.until)
    return and_(col(KeptStanding.day) == day, or_(until.is_(None), until > now()))


def _changed(day: date) -> Any:
    """Agreements whose standing is to be reckoned anew."""
    return select(col(KeptStanding.agreement_id)).where(or_(*_ended(day)))


def _any_changed(session: Session, day: date) -> bool:
    """Whether there are any: each condition by itself looks at one end of an index, together they read the whole table."""
    there = (select(col(KeptStanding.agreement_id)).where(condition).exists() for condition in _ended(day))
    return bool(session.execute(select(or_(*there))).scalar_one())


def _ended(day: date) -> tuple[ColumnElement[bool], ...]:
    kept = col(KeptStanding.day)
    return kept.is_(None), kept < day, kept > day, col(KeptStanding.until) <= now()


def near(session: Session, day: date) -> date:
    """The first day that is not near any more."""
    return workdays.calendar(session).add(day, NEAR_DAYS + 1)


def _grouped(session: Session, day: date) -> Any:
    far = near(session, day)

    def grouped(finished: Any, due: Any) -> Any:
        late, soon = due < literal(day, Date), due < literal(far, Date)
        return case((finished, "finished"), (late, "late"), (soon, "near"), else_="other")

    return grouped


def _columns(of: Any, number: Any, grouped: Any) -> tuple[Any, ...]:
    return (
        number.label("id"), of.route, of.stage, of.due, grouped(of.finished, of.due).label("grouped"), of.shared, of.hubs,
    )  # fmt: skip


def _reckoned(session: Session, day: date, which: Any) -> Any:
    """The standings of some agreements: id, route, stage, due, finished, shared, until, hubs."""
    return _Standing(session, day).select(which)


class _Standing:
    """The columns, on one day."""

    def __init__(self, session: Session, day: date) -> None:
        self.day, self.calendar = day, workdays.calendar(session)
        self.update_time = workdays.step_time(session, "update-entry")
        self.last, self.release = aliased(Batch), aliased(Release)
        self.combinations = session.exec(_COMBINATIONS).all()
        self.collects = col(Agreement.route) == "collect"
        self.in_force = col(Agreement.state).in_(IN_FORCE)

    def select(self, which: Any) -> Any:
        """What is costly is reckoned once for each agreement, in the inner query; the deadline from it."""
        asked = self._joined(select(*self._reckoned())).where(col(Agreement.id).in_(which))
        inner = asked.cte("reckoned").prefix_with("MATERIALIZED")
        of = inner.c
        own = case(
            (of.stage == "need", func.coalesce(of.turn_due, of.answer_due)),
            (of.stage == "agreement", of.signed_due),
            (of.stage == "batch", of.batch_due),
            (of.stage == "release", of.release_due),
            else_=null(),
        )
        ahead = case((of.state.in_(IN_FORCE), of.batch_due), else_=null())
        first = and_(of.renewal.is_not(None), or_(ahead.is_(None), of.renewal < ahead))
        renews = case((own.is_not(None), false()), else_=first)
        due = func.coalesce(own, case((first, of.renewal), else_=ahead))
        finished = of.state.in_(FINISHED)
        columns: Any = (
            of.id,
            of.route,
            case((finished, ""), else_=of.stage).label("stage"),
            case((finished, null()), else_=due).label("due"),
            finished.label("finished"),
            of.shared,
            of.until,
            or_(of.stage.in_(("agreement", "release")), of.state.in_(HUBS_TURN), renews).label("hubs"),
        )
        return select(*columns)

    def _reckoned(self) -> tuple[Any, ...]:
        stage = self._stage()
        return (
            col(Agreement.id).label("id"),
            col(Agreement.route).label("route"),
            col(Agreement.state).label("state"),
            col(RequestTerms.answer_due).label("answer_due"),
            col(RequestTerms.turn_due).label("turn_due"),
            col(Agreement.signed_due).label("signed_due"),
            stage.label("stage"),
            self._batch_due().label("batch_due"),
            case((col(self.last.id).is_not(None), self._release_due()), else_=null()).label("release_due"),
            self._renewal().label("renewal"),
            self._shared().label("shared"),
            self._until().label("until"),
        )

    def _joined(self, statement: Any) -> Any:
        newest = (
            select(func.max(Batch.sequence))
            .where(col(Batch.agreement_id) == Agreement.id, col(Batch.state).in_(ACCEPTED))
            .correlate(Agreement)
            .scalar_subquery()
        )
        version = (
            select(func.max(Release.version))
            .where(col(Release.resource_id) == Resource.id, col(Release.recalled_at).is_(None))
            .correlate(Resource)
            .scalar_subquery()
        )
        return (
            statement.select_from(Agreement)
            .outerjoin(RequestTerms, col(RequestTerms.agreement_id) == Agreement.id)
            .outerjoin(CollectionTerms, col(CollectionTerms.agreement_id) == Agreement.id)
            .outerjoin(Resource, col(Resource.name) == Agreement.dataset)
            .outerjoin(self.last, col(self.last.sequence) == newest)
            .outerjoin(self.release, and_(col(self.release.resource_id) == Resource.id, col(self.release.version) == version))
        )

    def _stage(self) -> ColumnElement[str]:
        """The first stage that waits; "" where none does."""
        awaits_answer = and_(col(Agreement.state).in_(BEFORE_ANSWER), col(Agreement.route) == "request")
        unsigned = and_(col(Agreement.signed_on).is_(None), col(Agreement.state).not_in((*IN_FORCE, "ended")))
        missing = and_(self.in_force, case((self.collects, self._uncollected()), else_=self._undelivered()))
        return case(
            (awaits_answer, "need"),
            (unsigned, "agreement"),
            (missing, "batch"),
            (and_(col(self.last.id).is_not(None), ~self._released()), "release"),
            else_="",
        )

    def _undelivered(self) -> ColumnElement[bool]:
        late = and_(col(Agreement.delivery_due).is_not(None), col(Agreement.delivery_due) < literal(self.day, Date))
        return or_(late, col(self.last.id).is_(None))

    def _uncollected(self) -> ColumnElement[bool]:
        whole = (
            select(func.count()).where(col(AgreementAgency.agreement_id) == Agreement.id).correlate(Agreement).scalar_subquery()
        )
        came = (
            select(func.count(func.distinct(Batch.organization_id)))
            .where(col(Batch.agreement_id) == Agreement.id, col(Batch.state).in_(ACCEPTED), col(Batch.period) == self._period())
            .correlate(Agreement, CollectionTerms)
            .scalar_subquery()
        )
        return or_(whole == 0, came < whole)

    def _period(self) -> ColumnElement[str]:
        return self._by_terms(lambda period, day, months: literal(_reporting(period, months, self.day)), literal(""))

    def _report_due(self) -> ColumnElement[date]:
        """By when the period that agencies report now is due; an older one that is still owed goes before it."""
        current = self._by_terms(
            lambda period, day, months: literal(
                periods.due(self.calendar, _reporting(period, months, self.day), day, months), Date
            ),
            null(),
        )
        return case((col(Resource.next_due) < current, col(Resource.next_due)), else_=current)

    def _by_terms(self, value: Any, otherwise: Any) -> Any:
        """A value for each combination of terms that some collection has."""
        period, day, months = (
            func.coalesce(col(CollectionTerms.period), "month"),
            func.coalesce(col(CollectionTerms.due_day), 5),
            func.coalesce(col(CollectionTerms.due_months), 1),
        )
        known = {("month", 5, 1), *(tuple(one) for one in self.combinations)}
        whens = [(and_(period == p, day == d, months == m), value(p, d, m)) for p, d, m in sorted(known)]
        return case(*whens, else_=otherwise)

    def _released(self) -> ColumnElement[bool]:
        last, release = self.last, self.release
        finished = func.coalesce(col(last.finished_at), col(last.received_at))
        changed = (col(last.inserted) > 0) | (col(last.updated) > 0) | (col(last.removed) > 0)
        return and_(col(release.version).is_not(None), or_(col(release.released_at) >= finished, ~changed))

    def _release_due(self) -> ColumnElement[date]:
        """After the last batch, in the working days that an update of the entry may take."""
        received, whens = col(self.last.received_at), []
        for back in range(-1, LOOKED_BACK):
            since = self.day - timedelta(days=back)
            due = self.calendar.add(since, self.update_time.days(since))
            whens.append((received >= datetime.combine(since, time(), tzinfo=zone()), literal(due, Date)))
        return case(*whens, else_=literal(self.day - timedelta(days=LOOKED_BACK), Date))

    def _batch_due(self) -> ColumnElement[date]:
        return case((self.collects, self._report_due()), else_=col(Agreement.delivery_due))

    def _renewal(self) -> ColumnElement[date]:
        near = col(Agreement.valid_until) <= literal(self.day + timedelta(days=RENEW_DAYS), Date)
        return case((near, col(Agreement.valid_until)), else_=null())

    def _until(self) -> Any:
        """When the first of the live rights expires."""
        rights = select(func.min(Grant.expires_at)).where(col(Grant.resource_id) == Resource.id, col(Grant.expires_at) > now())
        return rights.correlate(Resource).scalar_subquery()

    def _shared(self) -> ColumnElement[int]:
        """1 where a version is in force and somebody holds a live right to it."""
        live = or_(col(Grant.expires_at).is_(None), col(Grant.expires_at) > now())
        statement = (
            select(Grant.id)
            .where(col(Grant.resource_id) == Resource.id, col(Grant.revoked_at).is_(None), live)
            .correlate(Resource)
            .exists()
        )
        return case((and_(col(self.release.version).is_not(None), statement), 1), else_=0)


_COMBINATIONS = select(CollectionTerms.period, CollectionTerms.due_day, CollectionTerms.due_months).distinct()


def _reporting(kind: str, months: int, day: date) -> str:
    """The period that agencies report now: the last one whose reporting has begun."""
    back = max(periods.MONTHS[kind], months)
    return periods.named(kind, day if months == 0 else workdays.add_months(day.replace(day=1), -back))
