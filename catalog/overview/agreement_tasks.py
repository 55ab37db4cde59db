"""Agreements whose deadline is late or near: how many are whose turn, and the most pressing of them, from the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, case, false, func, literal, or_, true
from sqlmodel import Session, col

from catalog.acquisition.agreements import Agreement
from catalog.identity.people import Subject
from catalog.overview.standing import standing

select: Any = sqlalchemy.select
"""Columns of subqueries have no types that could be checked."""
KINDS = ("answer", "sign", "deliver", "report", "release", "renew")
"""Kinds of task that an agreement makes."""


@dataclass
class Turns:
    """One reader's agreements that are late or near. `own`: the organization that they concern; "" for the hub's stewards."""

    session: Session
    subject: Subject
    own: str
    day: date
    manages: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        self.stand = standing(self.session, self.day).subquery()

    def counts(self) -> tuple[int, int]:
        """How many are the reader's turn, and how many another's that the reader follows."""
        mine = func.coalesce(func.sum(case((self._mine(), 1), else_=0)), 0)
        [(own, whole)] = self.session.exec(self._asked(mine, func.count())).all()
        return int(own), int(whole) - int(own)

    def pressing(self, most: int) -> list[str]:
        """Numbers of the most pressing ones of either turn, at most so many of each."""
        found: list[str] = []
        for condition in (self._mine(), ~self._mine()):
            asked = self._asked(self.stand.c.id).where(condition).order_by(self.stand.c.due, self.stand.c.id)
            found += [row[0] for row in self.session.exec(asked.limit(most))]
        return found

    def _asked(self, *columns: Any) -> Any:
        asked = select(*columns).join_from(self.stand, Agreement, col(Agreement.id) == self.stand.c.id)
        asked = asked.where(self.stand.c.grouped.in_(("late", "near")))
        return asked.where(col(Agreement.provider_id) == self.own) if self.own else asked

    def _mine(self) -> ColumnElement[bool]:
        """SQL: it is the turn of the reader's organization, or the hub's and nobody else is named."""
        subject = self.subject
        theirs = col(Agreement.provider_id) == subject.organization_id
        if self.own:
            return theirs
        named = or_(col(Agreement.steward_id).is_(None), col(Agreement.steward_id) == subject.person_id)
        free = true() if subject.kind == "local" else named
        hubs = and_(self.stand.c.hubs, free) if self.manages else false()
        return case((self.stand.c.hubs, hubs), else_=theirs) == literal(True)
