"""Periods that agencies report for: months, quarters and years, and by when each is due."""

from __future__ import annotations

from datetime import date

from catalog.workdays import Calendar, add_months
from contracts.errors import HubError

YEARS = range(1900, 2200)
"""Years of periods; from one beyond them no due day can be reckoned."""
MONTHS = {"month": 1, "quarter": 3, "year": 12}


class InvalidPeriod(HubError):
    """A text that names no period."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"「{text}」不是报送期；应写作 2026-03、2026Q1 或 2026。", f"{text!r} is no period; write 2026-03, 2026Q1 or 2026."
        )


def first_day(period: str) -> date:
    """First day of `2026-03`, `2026Q1` or `2026`."""
    try:
        if "Q" in period:
            year, quarter = period.split("Q")
            day = date(int(year), {"1": 1, "2": 4, "3": 7, "4": 10}[quarter], 1)
        else:
            day = date(int(period[:4]), int(period[5:7]) if len(period) == 7 and period[4] == "-" else {4: 1}[len(period)], 1)
    except (KeyError, ValueError) as error:
        raise InvalidPeriod(period) from error
    if day.year not in YEARS:
        raise InvalidPeriod(period)
    return day


def named(kind: str, day: date) -> str:
    """The period of a kind that a day lies in."""
    if kind == "year":
        return f"{day.year}"
    return f"{day.year}Q{(day.month + 2) // 3}" if kind == "quarter" else f"{day:%Y-%m}"


def kind_of(period: str) -> str:
    """month, quarter or year."""
    first_day(period)
    return {True: "quarter", False: "month" if "-" in period else "year"}["Q" in period]


def last_periods(kind: str, day: date, count: int) -> list[str]:
    """The last `count` periods of a kind, that of `day` included, oldest first."""
    start = first_day(named(kind, day))
    return [named(kind, add_months(start, -MONTHS[kind] * back)) for back in range(count - 1, -1, -1)]


def within(period: str, kind: str) -> list[str]:
    """The shorter periods that a period is made of: the months of a quarter, the quarters of a year."""
    start, length = first_day(period), MONTHS[kind_of(period)]
    return [named(kind, add_months(start, step)) for step in range(0, length, MONTHS[kind])]


def due(calendar: Calendar, period: str, day: int, months: int) -> date:
    """By when a period is reported: a day of the month `months` after its last one (0: of its own last month); on a day
    off, the last working day before it."""
    last_month = add_months(first_day(period), MONTHS[kind_of(period)] - 1)
    wanted = add_months(last_month, months)
    return calendar.last_before(_day(wanted, day))


def _day(month: date, day: int) -> date:
    """A day of a month, or its last one."""
    last = date.fromordinal(add_months(month, 1).toordinal() - 1)
    return min(last, date.fromordinal(month.toordinal() + day - 1))
