"""The register as a page shows it: counted and cut by the database, so that it reads no more rows than it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import ColumnElement, Date, True_, and_, func, literal, not_, or_
from sqlmodel import Session, col

from catalog.acquisition import visibility
from catalog.acquisition.agreements import Agreement
from catalog.identity.organizations import Organization
from catalog.identity.people import Person, Subject
from catalog.overview.standing import near, standing
from catalog.workflow import ROUTES

select: Any = sqlalchemy.select
"""Columns of subqueries have no types that could be checked."""
GROUPS = ("late", "near", "other", "finished")
MOST_HIDDEN = 1_000
"""Hidden agreements that a statement names; where there are more, each asks for itself."""
MOST_NAMES = 500
"""Providers and stewards that the lists of the filters offer at most."""


class Named(NamedTuple):
    """A body or a person that a filter offers."""

    id: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the register is narrowed to."""

    route: str = ""
    stage: str = ""
    provider: str = ""
    steward: str = ""
    late: bool = False
    agreement: str = ""
    words: str = ""


NOTHING = Narrowed()


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole register that the reader may see: how many wait in each stage, and how many of them are late."""

    count: int
    groups: Mapping[str, int]
    waiting: Mapping[str, int]
    late: Mapping[str, int]
    shared: int
    routes: Mapping[str, int]


Seen = ColumnElement[bool]
"""SQL: which agreements a reader may see."""


def seen_by(session: Session, subject: Subject) -> Seen:
    """The agreements that the subject may see, as a condition for a page's several questions: for those who see nearly all, the
    few that are hidden are looked up once."""
    visible = visibility.visible(subject)
    if isinstance(visible, True_) or not visibility.sees_most(subject):
        return visible
    hidden = select(Agreement.id).where(not_(visible)).limit(MOST_HIDDEN + 1)
    numbers = [row[0] for row in session.exec(hidden)]
    return visible if len(numbers) > MOST_HIDDEN else col(Agreement.id).not_in(numbers)


def totals(session: Session, subject: Subject, day: date, seen: Seen | None = None) -> Totals:
    """Counts over every agreement that the subject may see. Of those who see nearly all, what is hidden is taken off."""
    stand = standing(session, day).subquery()
    seen = _or_visible(subject, seen)
    if visibility.sees_most(subject):
        counted = _counted(session, stand, [])
        for key, (hidden, unused) in ({} if isinstance(seen, True_) else _counted(session, stand, [not_(seen)])).items():
            counted[key] = (counted[key][0] - hidden, counted[key][1] - unused)
    else:
        counted = _counted(session, stand, [seen])
    waiting: dict[str, int] = {}
    late: dict[str, int] = {}
    grouping: dict[str, int] = {}
    routes = dict.fromkeys(ROUTES, 0)
    for (stage, grouped, route), (count, _) in counted.items():
        routes[route] = routes.get(route, 0) + count
        grouping[grouped] = grouping.get(grouped, 0) + count
        if grouped != "finished":
            waiting[stage] = waiting.get(stage, 0) + count
        if grouped == "late":
            late[stage] = late.get(stage, 0) + count
    whole, shared = sum(count for count, _ in counted.values()), sum(used for _, used in counted.values())
    return Totals(whole, grouping, waiting, late, shared, routes)


def _counted(session: Session, stand: Any, which: Sequence[ColumnElement[bool]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """How many there are of each stage, group and route, and how many of them are shared."""
    by = (stand.c.stage, stand.c.grouped, stand.c.route)
    statement = select(*by, func.count(), func.sum(stand.c.shared)).group_by(*by)
    if which:
        statement = statement.where(stand.c.id.in_(select(Agreement.id).where(*which)))
    return {(stage, group, route): (count, int(used or 0)) for stage, group, route, count, used in session.exec(statement)}


def groups(session: Session, subject: Subject, day: date, narrowed: Narrowed, seen: Seen | None = None) -> dict[str, int]:
    """How many there are of each group."""
    stand = standing(session, day).subquery()
    statement = _seen(select(stand.c.grouped, func.count()), stand, _or_visible(subject, seen), narrowed)
    counted: dict[str, int] = dict(session.exec(statement.group_by(stand.c.grouped)).all())
    return counted


def numbers(
    session: Session,
    subject: Subject,
    day: date,
    narrowed: Narrowed,
    *,
    group: str = "",
    limit: int,
    after: int = 0,
    seen: Seen | None = None,
) -> Sequence[str]:
    """Agreements of a group, most pressing first, at most so many, after as many."""
    stand = standing(session, day).subquery()
    statement = _seen(select(stand.c.id), stand, _or_visible(subject, seen), narrowed)
    if group:
        statement = statement.where(stand.c.grouped == group)
    found: list[str] = []
    for part in _parts(stand.c.due, group, day, near(session, day)):
        some = statement.where(part).order_by(stand.c.due, stand.c.id)
        found += [row[0] for row in session.exec(some.limit(limit - len(found)).offset(after))]
        if len(found) >= limit:
            break
        after = max(0, after - _size(session, some)) if not found and after else 0
    return found


def _parts(due: Any, group: str, day: date, far: date) -> list[ColumnElement[bool]]:
    """A group's agreements in their order: each part is read from an index, no further than what is shown."""
    late, others = due < literal(day, Date), due >= literal(far, Date)
    known = {
        "late": [late],
        "near": [and_(due >= literal(day, Date), due < literal(far, Date))],
        "other": [others, due.is_(None)],
        "finished": [due.is_(None)],
    }
    return known.get(group) or [due.is_not(None), due.is_(None)]


def _size(session: Session, statement: Any) -> int:
    return int(session.exec(select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one())


def providers(session: Session, subject: Subject, seen: Seen | None = None) -> list[Named]:
    """Bodies that the visible agreements are put to, by name."""
    put = select(Agreement.id).where(Agreement.provider_id == Organization.id, _or_visible(subject, seen))
    return _named(session, Organization, put.correlate(Organization).exists())


def stewards(session: Session, subject: Subject, seen: Seen | None = None) -> list[Named]:
    """People who look after the visible agreements, by name."""
    after = select(Agreement.id).where(Agreement.steward_id == Person.id, _or_visible(subject, seen))
    return _named(session, Person, after.correlate(Person).exists())


def _named(session: Session, table: Any, which: ColumnElement[bool]) -> list[Named]:
    statement = select(table.id, table.name, table.name_en).where(which).order_by(table.name).limit(MOST_NAMES)
    return [Named(*row) for row in session.exec(statement)]


def _or_visible(subject: Subject, seen: Seen | None) -> Seen:
    return visibility.visible(subject) if seen is None else seen


def _seen(statement: Any, stand: Any, seen: Seen, narrowed: Narrowed) -> Any:
    """Of the agreements that are seen those that are asked for; joined only where something is asked of them."""
    conditions = [*_conditions(stand, narrowed), *([] if isinstance(seen, True_) else [seen])]
    if not conditions:
        return statement
    return statement.join(Agreement, col(Agreement.id) == stand.c.id).where(*conditions)


def _conditions(stand: Any, narrowed: Narrowed) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    exact = (
        (stand.c.id, narrowed.agreement), (stand.c.route, narrowed.route), (stand.c.stage, narrowed.stage),
        (col(Agreement.provider_id), narrowed.provider), (col(Agreement.steward_id), narrowed.steward),
    )  # fmt: skip
    conditions += [column == wanted for column, wanted in exact if wanted]
    if narrowed.late:
        conditions.append(stand.c.grouped == "late")
    if narrowed.words:
        conditions.append(_found_by(narrowed.words))
    return conditions


def _found_by(words: str) -> ColumnElement[bool]:
    """Number, names, purpose, dataset or body hold the words."""
    body = select(Organization.id).where(
        or_(
            func.lower(Organization.name).contains(words.lower(), autoescape=True),
            func.lower(Organization.name_en).contains(words.lower(), autoescape=True),
        )
    )
    texts = (Agreement.id, Agreement.title, Agreement.title_en, Agreement.purpose, Agreement.dataset)
    own = [func.lower(text).contains(words.lower(), autoescape=True) for text in texts]
    return or_(*own, col(Agreement.provider_id).in_(body))
