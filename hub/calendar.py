"""Working time: which days are worked, and how many working days each step may take; deadlines follow."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from catalog import workdays
from catalog.acquisition import calendars
from catalog.acquisition.calendars import InvalidCalendar
from catalog.identity.people import Subject
from catalog.workdays import CalendarDay, StepRule
from contracts.clock import today
from hub.acts import act, doing
from hub.acts import given as given_input
from hub.hub import Hub

SET = "set-calendar"
Title = Annotated[str, Field(max_length=60, examples=["国庆补班"], description="Why, e.g. the festival.")]


class Day(BaseModel):
    """A day that differs from its weekday."""

    date: date
    working: bool
    name: Title = ""


class ImportCalendar(BaseModel):
    """A year's official table."""

    year: int = Field(ge=1950, le=2099)
    days: list[Day] = Field(max_length=366, description="Days off and make-up days.")
    source: str = Field(default="", max_length=200, description="Where it is from: a file's name.")


class SetDay(BaseModel):
    """One day to be set right."""

    day: date = Field(examples=["2026-10-10"])
    working: bool
    name: Title = ""


class SetRule(BaseModel):
    """How many working days a step may take, from a day on."""

    step: str = Field(max_length=60, examples=["answer-conditional"])
    days: int = Field(ge=1, le=250, description="Working days.")
    valid_from: date | None = Field(default=None, description="First day; null: today. Deadlines already given stay.")
    basis: str = Field(max_length=500, pattern=r"\S", examples=["《政务数据共享条例》第二十条"], description="What says so.")


class MovedDeadline(BaseModel):
    """A deadline that was counted anew. `estimated`: it still reaches into a year without a table."""

    object: str
    what: str
    before: date
    after: date
    estimated: bool


class CalendarChange(BaseModel):
    """What a change of the calendar moved."""

    year: int
    days: int
    moved: list[MovedDeadline]


class Rule(BaseModel):
    """How many working days a step may take."""

    step: str
    days: int
    valid_from: date
    basis: str


@act(
    "calendar.import",
    policy=SET,
    zh="导入节假日表",
    en="import a year's working days",
    api="PUT /calendar/{year}",
    cli="calendar import",
    portal="/calendar",
    streams=True,
)
def import_year(hub: Hub, subject: Subject, given: ImportCalendar) -> CalendarChange:
    """Put a year's official table in the place of the one held; deadlines given before are counted anew, on record."""
    with doing(hub, subject, "calendar.import", about=f"calendar:{given.year}") as deed:
        years = {one.date.year for one in given.days}
        if years != {given.year}:
            listed = ", ".join(map(str, sorted(years)))
            raise InvalidCalendar(
                f"表中是 {listed} 年的日子，要导入的是 {given.year} 年。",
                f"The table holds {listed}, the year named is {given.year}.",
            )
        days = [CalendarDay(day=one.date, working=one.working, name=one.name) for one in given.days]
        moved = calendars.import_year(deed.session, days)
        deed.detail = {"year": given.year, "days": len(days), "source": given.source} | calendars.detail(moved)
        return CalendarChange(year=given.year, days=len(days), moved=_moved(moved))


@act(
    "calendar.set",
    policy=SET,
    zh="更正一天",
    en="set a day right",
    api="POST /calendar/days/{day}",
    cli="calendar set",
    portal="/calendar",
)
def set_day(hub: Hub, subject: Subject, given: SetDay) -> CalendarChange:
    """Say whether one day is worked; deadlines given before are counted anew, on record."""
    with doing(hub, subject, "calendar.set", about=f"calendar:{given.day}") as deed:
        moved = calendars.set_day(deed.session, given.day, given.working, given.name)
        deed.detail = {"working": given.working, "name": given.name} | calendars.detail(moved)
        return CalendarChange(year=given.day.year, days=1, moved=_moved(moved))


@act(
    "rule.set",
    policy=SET,
    zh="更改办理时限",
    en="set how long a step may take",
    api="POST /rules/{step}",
    cli="calendar rule",
    portal="/calendar",
)
def set_rule(hub: Hub, subject: Subject, given: SetRule) -> Rule:
    """Say how many working days a step may take from a day on; deadlines already given stay."""
    with doing(hub, subject, "rule.set", about=f"rule:{given.step}") as deed:
        start = given.valid_from or today()
        before = workdays.step_days(deed.session, given.step, start)
        rule = workdays.set_step(deed.session, given.step, given.days, start, given.basis.strip())
        deed.detail = {"days": given.days, "before": before, "valid_from": start, "basis": rule.basis}
        return rule_of(rule)


def import_of(days: list[CalendarDay], source: str, year: int | None = None) -> ImportCalendar:
    """The input of an import, from the days of a file; its year, where the door names none."""
    listed = [Day(date=one.day, working=one.working, name=one.name) for one in days]
    return given_input(ImportCalendar, year=year or days[0].day.year, days=listed, source=source[:200])


def rule_of(rule: StepRule) -> Rule:
    """A rule as it is shown."""
    return Rule(step=rule.step, days=rule.days, valid_from=rule.valid_from, basis=rule.basis)


def _moved(moved: list[calendars.Moved]) -> list[MovedDeadline]:
    return [
        MovedDeadline(object=one.object, what=one.what, before=one.before, after=one.after, estimated=one.estimated)
        for one in moved
    ]
