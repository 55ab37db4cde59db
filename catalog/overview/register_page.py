"""The register as a page shows it: counted and cut by the database, so that it reads no more rows than it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col

from catalog.acquisition import visibility
from catalog.acquisition.agreements import Agreement
from catalog.identity.organizations import Organization
from catalog.identity.people import Person, Subject
from catalog.overview.standing import standing
from catalog.workflow import ROUTES

select: Any = sqlalchemy.select
"""Columns of subqueries have no types that could be checked."""
GROUPS = ("late", "near", "other", "finished")
MOST_NAMES = 500
"""Providers and stewards that the lists of the filters offer at most."""


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


@dataclass(frozen=True, slots=True)
class Totals:
    """The whole register that the reader may see: how many wait in each stage, and how many of them are late."""

    count: int
    waiting: Mapping[str, int]
    late: Mapping[str, int]
    shared: int
    routes: Mapping[str, int]


def totals(session: Session, subject: Subject, day: date) -> Totals:
    """Counts over every agreement that the subject may see, from one query."""
    stand = standing(session, day).subquery()
    columns = (stand.c.stage, stand.c.grouped, stand.c.route, func.count(), func.sum(stand.c.shared))
    asked = _seen(select(*columns), stand, subject).group_by(stand.c.stage, stand.c.grouped, stand.c.route)
    waiting: dict[str, int] = {}
    late: dict[str, int] = {}
    routes = dict.fromkeys(ROUTES, 0)
    whole = shared = 0
    for stage, grouped, route, count, used in session.exec(asked):
        whole, shared = whole + count, shared + int(used or 0)
        routes[route] = routes.get(route, 0) + count
        if grouped != "finished":
            waiting[stage] = waiting.get(stage, 0) + count
        if grouped == "late":
            late[stage] = late.get(stage, 0) + count
    return Totals(whole, waiting, late, shared, routes)


def groups(session: Session, subject: Subject, day: date, narrowed: Narrowed) -> dict[str, int]:
    """How many there are of each group."""
    stand = standing(session, day).subquery()
    asked = _seen(select(stand.c.grouped, func.count()), stand, subject).where(*_conditions(stand, narrowed))
    counted: dict[str, int] = dict(session.exec(asked.group_by(stand.c.grouped)).all())
    return counted


def numbers(
    session: Session, subject: Subject, day: date, narrowed: Narrowed, *, group: str = "", limit: int, after: int = 0
) -> Sequence[str]:
    """Agreements of a group, most pressing first, at most so many, after as many."""
    stand = standing(session, day).subquery()
    asked = _seen(select(stand.c.id), stand, subject).where(*_conditions(stand, narrowed))
    if group:
        asked = asked.where(stand.c.grouped == group)
    asked = asked.order_by(stand.c.due.is_(None), stand.c.due, stand.c.id).limit(limit).offset(after)
    return [row[0] for row in session.exec(asked)]


def providers(session: Session, subject: Subject) -> list[Organization]:
    """Bodies that the visible agreements are put to, by name."""
    named = select(Agreement.provider_id).where(visibility.visible(subject))
    asked = select(Organization).where(col(Organization.id).in_(named)).order_by(col(Organization.name)).limit(MOST_NAMES)
    return [row[0] for row in session.exec(asked)]


def stewards(session: Session, subject: Subject) -> list[Person]:
    """People who look after the visible agreements, by name."""
    named = select(Agreement.steward_id).where(visibility.visible(subject), col(Agreement.steward_id).is_not(None))
    asked = select(Person).where(col(Person.id).in_(named)).order_by(col(Person.name)).limit(MOST_NAMES)
    return [row[0] for row in session.exec(asked)]


def _seen(asked: Any, stand: Any, subject: Subject) -> Any:
    """Of the agreements that the subject may see."""
    return asked.join(Agreement, col(Agreement.id) == stand.c.id).where(visibility.visible(subject))


def _conditions(stand: Any, narrowed: Narrowed) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    exact = (
        (stand.c.id, narrowed.agreement), (stand.c.route, narrowed.route), (stand.c.stage, narrowed.stage),
        (col(Agreement.provider_id), narrowed.provider), (col(Agreement.steward_id), narrowed.steward),
    )  # fmt: skip
    found += [column == wanted for column, wanted in exact if wanted]
    if narrowed.late:
        found.append(stand.c.grouped == "late")
    if narrowed.words:
        found.append(_found_by(narrowed.words))
    return found


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
