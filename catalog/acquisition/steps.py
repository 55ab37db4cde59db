"""Steps taken: what was done with an agreement, by whom, when and why, and how many working days it took."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Field, Session, SQLModel, col, select

from catalog import workdays
from catalog.identity.people import Subject
from catalog.store.column_types import Json, UtcDateTime
from contracts.clock import now


class AgreementStep(SQLModel, table=True):
    """One step of an agreement, from one state to another or within one."""

    id: int | None = Field(default=None, primary_key=True)
    agreement_id: str = Field(foreign_key="agreement.id", index=True)
    act: str = Field(description="need.enter, need.answer, agreement.sign …: the act's word in the audit.")
    before: str = Field(default="", description="The state before; empty for the first step.")
    after: str
    day: date = Field(description="The day that it counts from: that of the letter, or of the entry.")
    at: datetime = Field(default_factory=now, sa_type=UtcDateTime, description="When it was entered.")
    by: str = Field(default="", description="Who, as the audit names them; empty where it was never written down.")
    person_id: str = ""
    organization_id: str = ""
    side: str = Field(default="", description="steward, provider or hub")
    reason: str = ""
    began: date | None = Field(default=None, description="From when its term ran; None where none did.")
    due: date | None = Field(default=None, description="By when it was due.")
    days: int | None = Field(default=None, description="Working days that it took of the term.")
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="What was changed, from and to.")


def record(session: Session, step: AgreementStep, by: Subject) -> AgreementStep:
    """Keep a step; of its term the working days that it took are counted by the calendar of now."""
    if step.began is not None:
        step.days = workdays.calendar(session).between(step.began, step.day)
    step.by, step.person_id, step.organization_id = by.actor, by.person_id, by.organization_id
    session.add(step)
    session.flush()
    return step


def history(session: Session, agreement_id: str) -> Sequence[AgreementStep]:
    """The steps of an agreement, first to last."""
    statement = select(AgreementStep).where(AgreementStep.agreement_id == agreement_id)
    return session.exec(statement.order_by(col(AgreementStep.day), col(AgreementStep.id))).all()


@dataclass(frozen=True, slots=True)
class Reminded:
    """How often somebody was reminded, and when the last time."""

    times: int
    last: date | None


NEVER = Reminded(0, None)


def reminded(session: Session, agreements: Collection[str]) -> dict[str, Reminded]:
    """Reminders of some agreements; those without one are left out."""
    statement = select(AgreementStep.agreement_id, func.count(), func.max(AgreementStep.day))
    statement = statement.where(col(AgreementStep.agreement_id).in_(agreements), AgreementStep.act == "agreement.remind")
    found = session.exec(statement.group_by(col(AgreementStep.agreement_id)))
    return {number: Reminded(times, last) for number, times, last in found}


def took_part(session: Session, agreement_id: str, acts: Collection[str], by: Subject) -> bool:
    """Whether this person took one of these steps, by whatever door and key."""
    statement = select(AgreementStep.id).where(AgreementStep.agreement_id == agreement_id, col(AgreementStep.act).in_(acts))
    own = AgreementStep.person_id == by.person_id if by.person_id else AgreementStep.by == by.actor
    return bool(acts) and session.exec(statement.where(own).limit(1)).first() is not None
