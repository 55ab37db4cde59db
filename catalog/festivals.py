"""Days off of a year whose official table is not known yet: an estimate by the law's festivals, from the package `holidays`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType

CHINESE = "zh_CN"


@cache
def named(year: int) -> Mapping[date, tuple[bool, str]]:
    """Days of a year that differ from their weekday, as far as they can be known before its table: worked or not, and why.

    《全国年节及纪念日放假办法》 names the festivals; which days are exchanged for them is published with the table, so
    that make-up days stand in an estimate only where the package knows them already. The years 1950 to 2099; others have none.
    """
    import holidays  # 0.1 s, and only where a deadline reaches such a year

    known = holidays.country_holidays("CN", years=year, language=CHINESE)
    days = {day: (False, name) for day, name in known.items()} | dict.fromkeys(known.weekend_workdays, (True, ""))
    return MappingProxyType({day: days[day] for day in sorted(days) if day.year == year})


@cache
def estimate(year: int) -> Mapping[date, bool]:
    """The same days, worked or not."""
    return MappingProxyType({day: worked for day, (worked, _) in named(year).items()})
