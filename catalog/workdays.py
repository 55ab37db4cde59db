"""Working days: the official holiday calendar by year, and how many days each step may take."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar
from chinese_calendar.constants import holidays, workdays
from sqlalchemy import Text, case, cast, func
from sqlmodel import Field, Session, SQLModel, col, select

from catalog import festivals
from contracts.errors import HubError


class CalendarDay(SQLModel, table=True):
    """A day that differs from its weekday: a holiday, or a weekend day that is worked."""

    day: date = Field(primary_key=True)
    working: bool
    name: str = ""


class StepRule(SQLModel, table=True):
    """How many working days a step may take; a steward may edit it (catalogue-rules.md)."""

    step: str = Field(primary_key=True, description="answer-unconditional, answer-conditional, deliver, …")
    valid_from: date = Field(primary_key=True)
    days: int
    basis: str = ""


class UnknownStep(HubError):
    """No rule says how long a step may take."""

    def __init__(self, step: str) -> None:
        super().__init__(
            f"没有步骤「{step}」的时限规则；请在时限规则表中补充。", f"No rule for step {step!r}; add one to the rule table."
        )


_BASIS = "国发〔2016〕51号；《政务数据共享条例》（国务院令第809号，2025-08-01 起施行）"
STEP_DAYS: Mapping[str, int] = {
    "answer-unconditional": 1,
    "answer-conditional": 10,
    "extend-answer": 10,
    "sign": 20,
    "deliver": 20,
    "answer-correction": 10,
    "mend-quarantine": 10,
    "consent-request": 5,
    "complete-request": 5,
    "settle-dispute": 10,
    "update-entry": 10,
    "review-entry": 2,
}
"""Where the rule table begins (recalled, so a steward may change every one of them)."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked. A year without its official table is estimated by the festivals, and `estimated` says so."""

    days: Mapping[date, bool] = field(default_factory=dict)
    years: frozenset[int] = frozenset()
    plain: bool = False
    """Monday to Friday in years without a table: how deadlines were counted before there was an estimate."""
    _known: dict[int, tuple[list[date], list[int]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def working(self, day: date) -> bool:
        """Whether a day is worked, make-up workdays included."""
        differing = self._differing(day.year).get(day) if day.year not in self.years else self.days.get(day)
        return day.weekday() < 5 if differing is None else differing

    def _differing(self, year: int) -> Mapping[date, bool]:
        """The days of a year without a table that are taken to differ from their weekday."""
        return {} if self.plain else festivals.estimate(year)

    def estimated(self, *days: date) -> bool:
        """Whether any year that the days span has no official table, so that the count is an estimate."""
        years = [day.year for day in days]
        return any(year not in self.years for year in range(min(years), max(years) + 1)) if years else False

    def add(self, day: date, count: int) -> date:
        """The day `count` working days after `day`, which is not counted itself; back in time where negative."""
        step = timedelta(days=1 if count >= 0 else -1)
        left = abs(count)
        while left:
            day += step
            left -= self.working(day)
        return day

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and including `last`; negative when `last` is the earlier one."""
        if last < first:
            return -self.between(last, first)
        weeks, rest = divmod((last - first).days, 7)
        count = weeks * 5 + sum((first + timedelta(days=n)).weekday() < 5 for n in range(1, rest + 1))
        for year in range(first.year, last.year + 1):
            days, more = self._more_than_weekdays(year)
            count += more[bisect_right(days, last)] - more[bisect_right(days, first)]
        return count

    def _more_than_weekdays(self, year: int) -> tuple[list[date], list[int]]:
        """Days of a year that differ from their weekday, in order; by how many working days they do, summed up to each."""
        if year not in self._known:
            told = self.days if year in self.years else self._differing(year)
            differing = sorted((day, worked - (day.weekday() < 5)) for day, worked in told.items() if day.year == year)
            sums = [0, *itertools.accumulate(more for _, more in differing)]
            self._known[year] = [day for day, _ in differing], sums
        return self._known[year]

    def left(self, due: date, today: date) -> int:
        """Working days left until a deadline: 0 on the day itself, negative once it has passed.

        A deadline that passed on a day off is late from the next day on, by at least one.
        """
        count = self.between(today, due)
        return min(count, -1) if due < today else count

    def last_before(self, day: date) -> date:
        """The day itself where it is worked, otherwise the last working day before it."""
        while not self.working(day):
            day -= timedelta(days=1)
        return day

    def first_after(self, day: date) -> date:
        """The day itself where it is worked, otherwise the next working day."""
        while not self.working(day):
            day += timedelta(days=1)
        return day


def seed(session: Session) -> list[int]:
    """Write the calendars of all years that the library knows and the catalogue does not, and the first step rules.

    Returns the years added. A year that is there already is left as a steward may have edited it.
    """
    known = {day.year for day in session.exec(select(col(CalendarDay.day)))}
    added = sorted({day.year for day in (*holidays, *workdays)} - known)
    for table, working in ((holidays, False), (workdays, True)):
        for day, name in table.items():
            if day.year not in known:
                session.add(CalendarDay(day=day, working=working, name=_festival(name)))
    for step, days in STEP_DAYS.items():
        if session.exec(select(StepRule).where(StepRule.step == step)).first() is None:
            session.add(StepRule(step=step, valid_from=date(2016, 9, 5), days=days, basis=_BASIS))
    session.flush()
    session.info.pop("calendar", None)
    return added


def _festival(name: str) -> str:
    known = {member.value: member.chinese for member in chinese_calendar.Holiday}
    return known.get(name, name)


def set_day(session: Session, day: date, working: bool, name: str = "") -> CalendarDay:
    """Correct or add one day of the calendar."""
    calendar_day = session.merge(CalendarDay(day=day, working=working, name=name))
    session.flush()
    session.info.pop("calendar", None)
    return calendar_day


def calendar(session: Session) -> Calendar:
    """The calendar as the catalogue holds it, read once for a session."""
    cached = session.info.get("calendar")
    if cached is None:
        told: str | None = session.exec(_DAYS).one()
        cached = session.info["calendar"] = _read(told or "")
    return cached


_DAYS = select(func.aggregate_strings(cast(col(CalendarDay.day), Text) + case((col(CalendarDay.working), "+"), else_="-"), ","))
"""Every day in one text: five hundred rows and their dates took a twentieth of a search."""


@lru_cache(maxsize=8)
def _read(told: str) -> Calendar:
    days = {date.fromisoformat(one[:-1]): one[-1] == "+" for one in told.split(",") if one}
    return Calendar(days, frozenset(day.year for day in days))


def step_days(session: Session, step: str, on: date) -> int:
    """Working days a step may take, by the rule in force on a day."""
    days = session.exec(
        select(StepRule.days)
        .where(StepRule.step == step, col(StepRule.valid_from) <= on)
        .order_by(col(StepRule.valid_from).desc())
    ).first()
    if days is None:
        raise UnknownStep(step)
    return days


@dataclass(frozen=True, slots=True)
class StepTime:
    """How many working days one step may take, whatever day it began on: read once for a page."""

    rules: tuple[tuple[date, int], ...]
    """(valid from, days), the newest first."""
    otherwise: int

    def days(self, on: date) -> int:
        """By the rule in force on that day; before the first rule, what the hub began with."""
        return next((days for valid_from, days in self.rules if valid_from <= on), self.otherwise)


def step_time(session: Session, step: str) -> StepTime:
    """The rules of a step, for many days at once."""
    rules = select(col(StepRule.valid_from), col(StepRule.days)).where(StepRule.step == step)
    in_force = session.exec(rules.order_by(col(StepRule.valid_from).desc())).all()
    return StepTime(tuple((valid_from, days) for valid_from, days in in_force), STEP_DAYS[step])


def rules(session: Session) -> list[StepRule]:
    """Every rule, by step, the newest first."""
    return list(session.exec(select(StepRule).order_by(StepRule.step, col(StepRule.valid_from).desc())))


def set_step(session: Session, step: str, days: int, valid_from: date, basis: str = "") -> StepRule:
    """A new rule for a step, in force from a day on; deadlines already given stay."""
    step_rule = session.merge(StepRule(step=step, days=days, valid_from=valid_from, basis=basis))
    session.flush()
    return step_rule


def due(session: Session, step: str, since: date) -> date:
    """By when a step that began on a day must be done."""
    return calendar(session).add(since, step_days(session, step, since))


def next_due(session: Session, cycle: str, last: date) -> date | None:
    """By when an update cycle (item 11) wants the next data after that of `last`; None for 不定期.

    A date on a day off moves to the next working day; 实时 and 每日 data is due every calendar day.
    """
    months = {"每月": 1, "每季度": 3, "每半年": 6, "每年": 12}
    if cycle in ("实时", "每日"):
        return last + timedelta(days=1)
    if cycle == "每周":
        return calendar(session).first_after(last + timedelta(days=7))
    if cycle in months:
        return calendar(session).first_after(add_months(last, months[cycle]))
    return None


def add_months(day: date, count: int) -> date:
    """The same day of a later month, or that month's last day."""
    month = day.year * 12 + day.month - 1 + count
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))
