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
from catalog.overview.standing import near, standing
from catalog.overview.task_counts import TaskCounts

select: Any = sqlalchemy.select
"""Columns of subqueries have no types that could be checked."""
KINDS = ("request", "answer", "sign", "deliver", "report", "release", "renew")
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

    def counts(self) -> TaskCounts:
        """How many are the reader's turn, late, and how many another's that the reader follows."""
        late = self._mine() & (self.stand.c.grouped == "late")
        sums = [func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for condition in (self._mine(), late)]
        [(own, overdue, whole)] = self.session.exec(self._asked(*sums, func.count())).all()
        return TaskCounts(int(own), int(overdue), int(whole) - int(own))

    def pressing(self, most: int, *, mine: bool, kind: str = "") -> list[str]:
        """Numbers of the most pressing ones that are the reader's turn, or another's; of one kind of task."""
        statement = self._asked(self.stand.c.id).where(self._mine() if mine else ~self._mine())
        if kind:
            statement = statement.where(self._kind() == kind)
        statement = statement.order_by(self.stand.c.due, self.stand.c.id).limit(most)
        return [row[0] for row in self.session.exec(statement)]

    def kinds(self, *, mine: bool) -> set[str]:
        """Kinds of task that there are, of either turn."""
        statement = self._asked(self._kind()).where(self._mine() if mine else ~self._mine()).distinct()
        return {row[0] for row in self.session.exec(statement)}

    def _kind(self) -> ColumnElement[str]:
        """SQL: which deadline it is that runs, as `register` says it in words."""
        stage, hubs = self.stand.c.stage, self.stand.c.hubs
        return case(
            (and_(hubs, stage == "need"), "request"),
            (and_(hubs, stage.not_in(("agreement", "release"))), "renew"),
            (and_(stage == "agreement", col(Agreement.signed_due).is_(None)), "renew"),
            (stage == "need", "answer"),
            (stage == "agreement", "sign"),
            (stage == "release", "release"),
            (self.stand.c.route == "collect", "report"),
            else_="deliver",
        )

    def _asked(self, *columns: Any) -> Any:
        statement = select(*columns).join_from(self.stand, Agreement, col(Agreement.id) == self.stand.c.id)
        statement = statement.where(self.stand.c.due < near(self.session, self.day), self.stand.c.grouped.in_(("late", "near")))
        return statement.where(col(Agreement.provider_id) == self.own) if self.own else statement

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
