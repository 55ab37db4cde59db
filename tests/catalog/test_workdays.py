"""Working days: the official calendar counts, make-up days included; a year without one is an estimate, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from catalog import workdays
from catalog.workdays import Calendar, UnknownStep, add_months

DAYS = st.dates(date(2023, 1, 1), date(2028, 12, 31))
MONDAY = date(2026, 3, 2)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    days = draw(st.dictionaries(DAYS, st.booleans(), max_size=40))
    return Calendar(days, frozenset(day.year for day in days))


def slow_count(calendar: Calendar, first: date, last: date) -> int:
    """Day by day, as a person with a wall calendar counts."""
    return sum(calendar.working(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


@given(calendars(), DAYS, st.integers(0, 400))
def test_between_counts_as_a_person_does(calendar: Calendar, first: date, days: int) -> None:
    last = first + timedelta(days=days)
    assert calendar.between(first, last) == slow_count(calendar, first, last)
    assert calendar.between(last, first) == -slow_count(calendar, first, last)


@given(calendars(), DAYS, st.integers(1, 60))
def test_add_and_between_agree(calendar: Calendar, day: date, count: int) -> None:
    due = calendar.add(day, count)
    assert calendar.working(due)
    assert calendar.between(day, due) == count
    assert calendar.left(due, day) == count
    assert calendar.add(day, -count) < day


@given(calendars(), DAYS, DAYS)
def test_left_is_negative_exactly_when_the_day_has_passed(calendar: Calendar, due: date, today: date) -> None:
    assert (calendar.left(due, today) < 0) == (due < today)


@given(calendars(), DAYS, DAYS, DAYS)
def test_parts_of_a_term_add_up(calendar: Calendar, a: date, b: date, c: date) -> None:
    a, b, c = sorted((a, b, c))
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)


@given(DAYS, st.integers(-30, 30))
def test_months_later_is_in_that_month(day: date, count: int) -> None:
    later = add_months(day, count)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == count
    assert later.day <= day.day


def test_the_official_calendar_of_2026(session: Session) -> None:
    """Spring Festival 2026: 15 to 23 February off, Saturdays 14 and 28 February worked (国办发明电〔2025〕)."""
    calendar = workdays.calendar(session)
    assert calendar.working(date(2026, 2, 14))
    assert calendar.working(date(2026, 2, 28))
    assert not any(calendar.working(date(2026, 2, day)) for day in range(15, 24))
    assert calendar.add(date(2026, 2, 13), 2) == date(2026, 2, 24)
    assert not calendar.estimated(date(2026, 1, 1), date(2026, 12, 31))


def test_a_year_without_calendar_is_an_estimate_and_says_so(session: Session) -> None:
    calendar = workdays.calendar(session)
    assert calendar.estimated(date(2026, 12, 30), date(2031, 1, 5))
    assert not any(calendar.working(date(2031, 10, day)) for day in (1, 2, 3)), "a festival of the law"
    assert not calendar.working(date(2031, 1, 23)), "Spring Festival, by the moon"
    assert replace(calendar, plain=True).working(date(2031, 10, 1)), "Monday to Friday, as before there was an estimate"
    assert not calendar.estimated()


def test_the_official_table_takes_the_place_of_the_estimate_whole(session: Session) -> None:
    """A day that the law's festivals would give off and that the table does not name is worked."""
    workdays.set_day(session, date(2031, 1, 1), False, "元旦")
    calendar = workdays.calendar(session)
    assert not calendar.estimated(date(2031, 10, 1))
    assert calendar.working(date(2031, 10, 1))


@pytest.mark.parametrize("year", [1950, 2027, 2099, 2150])
def test_an_estimate_counts_as_a_person_does_in_any_year(year: int) -> None:
    calendar, first = Calendar(), date(year, 1, 1)
    assert calendar.between(first, date(year, 12, 31)) == slow_count(calendar, first, date(year, 12, 31))
    assert calendar.estimated(first)


def test_a_steward_corrects_a_day_and_seeding_again_keeps_it(session: Session) -> None:
    workdays.set_day(session, date(2026, 3, 3), False, "专项调休")
    assert workdays.calendar(session).add(MONDAY, 1) == date(2026, 3, 4)
    assert workdays.seed(session) == []
    assert workdays.calendar(session).add(MONDAY, 1) == date(2026, 3, 4)


def test_step_rules_are_dated_and_an_unknown_step_is_refused(session: Session) -> None:
    assert workdays.step_days(session, "answer-conditional", MONDAY) == 10
    workdays.set_step(session, "answer-conditional", 5, date(2026, 7, 1), "新规")
    assert workdays.step_days(session, "answer-conditional", MONDAY) == 10
    assert workdays.step_days(session, "answer-conditional", date(2026, 7, 1)) == 5
    assert workdays.due(session, "answer-unconditional", date(2026, 2, 13)) == date(2026, 2, 14)
    with pytest.raises(UnknownStep, match="coffee"):
        workdays.step_days(session, "coffee", MONDAY)


@pytest.mark.parametrize(
    ("cycle", "due"),
    [
        ("实时", date(2026, 9, 2)),
        ("每日", date(2026, 9, 2)),
        ("每周", date(2026, 9, 8)),
        ("每月", date(2026, 10, 8)),
        ("每季度", date(2026, 12, 1)),
        ("每半年", date(2027, 3, 1)),
        ("每年", date(2027, 9, 1)),
        ("不定期", None),
    ],
)
def test_the_cycle_says_when_data_is_due_next(session: Session, cycle: str, due: date | None) -> None:
    """1 October is a holiday, so monthly data of 1 September is due on the first working day after it."""
    assert workdays.next_due(session, cycle, date(2026, 9, 1)) == due
