"""The calendar in its operator's hands: a year from a file, one day set right, deadlines counted anew, all on record."""

from __future__ import annotations

import json
from datetime import date, timedelta
from unittest import mock

import pytest
from sqlmodel import Session

from catalog import access, workdays
from catalog.access import Refused
from catalog.acquisition import agreements, calendars
from catalog.acquisition.agreements import Agreement, AgreementOver, NotSigned
from catalog.acquisition.calendars import InvalidCalendar, read
from catalog.identity import people
from catalog.identity.people import Subject
from catalog.overview import inbox
from catalog.workdays import CalendarDay
from tests import agreeing
from tests.catalog.making import organization

WHO = people.local_subject("li")
SPRING = [CalendarDay(day=date(2027, 2, 5) + timedelta(days=n), working=False, name="春节") for n in range(7)]
MAKE_UP = CalendarDay(day=date(2027, 2, 20), working=True, name="春节")


@pytest.mark.parametrize(
    "text",
    [
        "date,working,name\n2027-01-01,no,元旦\n2027-01-09,yes,补班\n",
        "\ufeff日期,是否上班,名称\r\n2027/01/01,休,元旦\r\n2027-01-09,班,补班\r\n",
        '[{"date": "2027-01-01", "working": false, "name": "元旦"}, {"date": "2027-01-09", "working": true, "name": "补班"}]',
        '{"year": 2027, "days": [{"name": "元旦", "date": "2027-01-01", "isOffDay": true},'
        ' {"name": "补班", "date": "2027-01-09", "isOffDay": false}]}',
    ],
)
def test_a_year_is_read_from_csv_and_json_make_up_days_too(text: str) -> None:
    told = [(one.day, one.working, one.name) for one in read(text.encode(), "2027")]
    assert told == [(date(2027, 1, 1), False, "元旦"), (date(2027, 1, 9), True, "补班")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "one year"),
        ("date,working\n", "one year"),
        ("date,working\n2027-02-30,no\n", "Entry 1"),
        ("date,working\n2027-02-03,perhaps\n", "Entry 1"),
        ("date,name\n2027-02-03,x\n", "working is yes or no"),
        ("date,working\n2027-02-03,no\n2027-02-03,yes\n", "twice"),
        ("date,working\n2027-02-03,no\n2028-02-03,no\n", "2027, 2028"),
        ("[1, 2]", "must be"),
        ('{"days": 5}', "must be"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("date,working,name\n2027-02-03,no," + "x" * 200_000 + "\n", "no CSV"),
        ("\x00\xff", "one year"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused_and_says_why(text: str, told: str) -> None:
    with pytest.raises(InvalidCalendar) as caught:
        read(text.encode(), "2027.csv")
    assert told in str(caught.value.message_en)


@pytest.mark.day
def test_deadlines_given_before_are_counted_anew_and_on_record(session: Session) -> None:
    workdays.seed(session)
    organization(session, "hlj-water")
    made = _need(session, needed_on=date(2027, 2, 1))
    other = _need(session, needed_on=date(2027, 2, 1), answer_due=date(2027, 3, 31))
    old = _need(session, needed_on=date(2027, 2, 1), answer_due=date(2027, 2, 15))
    assert made.answer_due == date(2027, 2, 19), "five working days of it are a festival, as far as anybody can know"
    first, second = calendars.import_year(session, [*SPRING, MAKE_UP])
    assert (first.object, first.before, first.after) == (f"agreement:{made.id}", date(2027, 2, 19), made.answer_due)
    assert (second.object, second.before, second.after) == (f"agreement:{old.id}", date(2027, 2, 15), made.answer_due)
    assert made.answer_due == date(2027, 2, 20)
    assert other.answer_due == date(2027, 3, 31)  # given by hand
    assert not workdays.calendar(session).estimated(date(2027, 2, 1))
    back, _ = calendars.set_day(session, date(2027, 2, 20), False, "改休")
    assert back.after == made.answer_due == date(2027, 2, 22)
    assert not back.estimated
    assert made.id in json.dumps(calendars.detail([first, second]))


@pytest.mark.day
def test_a_table_that_comes_with_a_new_version_of_the_hub_moves_deadlines_too(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    workdays.seed(session)
    organization(session, "hlj-water")
    made = _need(session, needed_on=date(2027, 2, 1))
    assert calendars.bring_up(session) == []
    table = {one.day: "Spring Festival" for one in SPRING}
    monkeypatch.setattr(workdays, "holidays", {**workdays.holidays, **table})
    monkeypatch.setattr(workdays, "workdays", {**workdays.workdays, MAKE_UP.day: "Spring Festival"})
    (moved,) = calendars.bring_up(session)
    assert (moved.before, moved.after) == (date(2027, 2, 19), made.answer_due) == (date(2027, 2, 19), date(2027, 2, 20))
    assert calendars.of_year(session, 2027).official


def test_a_year_without_a_table_is_told_as_an_estimate(session: Session) -> None:
    told = calendars.of_year(session, 2031)
    assert not told.official
    assert date(2031, 10, 1) in {one.day for one in told.days if not one.working}
    assert [one.year for one in calendars.years(session)] == sorted(workdays.calendar(session).years), "and not written down"


def test_a_year_put_in_again_takes_the_place_of_the_one_before(session: Session) -> None:
    calendars.import_year(session, [*SPRING, MAKE_UP])
    calendars.import_year(session, SPRING)
    assert workdays.calendar(session).working(MAKE_UP.day) is False
    assert [len(one.days) for one in calendars.years(session) if one.year == 2027] == [len(SPRING)]


def test_one_day_makes_no_year_official(session: Session) -> None:
    with pytest.raises(InvalidCalendar, match="hub calendar import"):
        calendars.set_day(session, date(2031, 1, 1), False, "元旦")


def test_the_next_years_table_is_missed_from_october_on(session: Session) -> None:
    workdays.seed(session)
    assert calendars.missing(session, date(2026, 9, 30)) == []
    assert calendars.missing(session, date(2026, 10, 1)) == [2027]
    assert calendars.missing(session, date(2027, 1, 1)) == [2027]


@pytest.mark.parametrize(("role", "told"), [("steward", True), ("administrator", True), ("provider", False),
                                            ("auditor", False), ("partner", False), ("analyst", False)])  # fmt: skip
def test_a_missing_table_waits_in_the_inbox_of_who_may_import_it(session: Session, role: str, told: bool) -> None:
    organization(session, "o")
    who = Subject("p", "P", "o", frozenset({role}))
    for day, years in ((date(2026, 9, 30), []), (date(2026, 10, 1), ["2027"])):
        waiting = [task.key for task in inbox.inbox(session, who, day).own if task.kind == "calendar"]
        assert waiting == (years if told else [])
    calendars.import_year(session, [*SPRING, MAKE_UP])
    assert not [task for task in inbox.inbox(session, who, date(2026, 10, 1)).own if task.kind == "calendar"]


@pytest.mark.parametrize(("role", "allowed"), [("administrator", True), ("steward", True), ("auditor", False),
                                               ("analyst", False), ("provider", False), ("partner", False)])  # fmt: skip
def test_only_administrators_and_stewards_set_the_calendar(session: Session, role: str, allowed: bool) -> None:
    organization(session, "o")
    who = Subject("p", "P", "o", frozenset({role}))
    if allowed:
        assert access.require(session, who, "set-calendar", None).allowed
    else:
        with pytest.raises(Refused):
            access.require(session, who, "set-calendar", None)


@pytest.mark.parametrize("route", ["request", "buy", "collect"])
def test_nothing_loads_under_an_agreement_that_is_over_or_not_signed(route: str) -> None:
    day = date(2027, 3, 1)
    agreements.require_running(Agreement(id="A", route=route, state="active", valid_until=day), day)
    with pytest.raises(AgreementOver, match="2027-02-28"):
        agreements.require_running(Agreement(id="A", route=route, state="active", valid_until=day - timedelta(days=1)), day)
    with pytest.raises(AgreementOver):
        agreements.require_running(Agreement(id="A", route=route, state="ended"), day)
    with pytest.raises(NotSigned):
        agreements.require_running(Agreement(id="A", route=route, state="accepted"), day)


def _need(session: Session, **told: object) -> Agreement:
    """A need entered on its own day, in a year that has no table."""
    with mock.patch("catalog.acquisition.negotiation.today", return_value=told["needed_on"]):
        return agreeing.enter(
            session, route="request", dataset="river", title="河流", purpose="山洪预警", provider_id="hlj-water", **told
        )
