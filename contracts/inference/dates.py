"""Which way dates are written in a column, from every one of its values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from contracts.checks import datetimes

ISO = ""
"""No format: a moment in ISO 8601, padded or not, with or without zone."""
DAY = "%Y-%m-%d"
"""A day in ISO 8601."""
DAYS = (
    "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y", "%m.%d.%Y",
    "%m/%d/%y", "%d/%m/%y", "%m-%d-%y", "%d-%m-%y", "%y/%m/%d", "%y-%m-%d", "%y.%m.%d", "%d.%m.%y",
    "%d-%b-%Y", "%d %b %Y", "%d-%b-%y", "%d-%B-%Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
CLOCKS = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", " %H:%M:%S%z", " %H:%M:%S %z", " %I:%M %p",
    " %I:%M:%S %p",    " %I:%M%p", " %I:%M:%S%p", " %H时%M分", " %H时%M分%S秒", "%H:%M", "%H:%M:%S", "%H时%M分", "%H时%M分%S秒",
)  # fmt: skip
JOINED = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%d %H%M%S", "%Y%m%d %H%M", "%Y%m%dT%H%M")
MONTH_ONLY = ("%Y年%m月", "%Y-%m")


@lru_cache(maxsize=1)
def formats() -> tuple[str, ...]:
    """Every format that is tried."""
    isoish = (
        DAY, "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f",
        "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S%z",
        "%Y-%m-%d %I:%M:%S %p",
        "%Y-%m-%d %I:%M %p", "%Y-%m-%d %H时%M分",
    )  # fmt: skip
    return (*(day + clock for day in DAYS for clock in CLOCKS), *JOINED, *isoish)


@lru_cache(maxsize=2048)
def pattern(fmt: str) -> str:
    """The strict pattern of a format, as the checks will ask for it."""
    if fmt == ISO:
        return rf"{datetimes.NAIVE}|{datetimes.NAIVE} ?{datetimes.ZONE}"
    return datetimes.plain(datetimes.pattern(fmt))


def candidates(values: Iterable[str]) -> tuple[str, ...]:
    """Formats that read at least one of some values; all others need not be counted."""
    seen = list(dict.fromkeys(values))
    compiled = [(fmt, re.compile(pattern(fmt))) for fmt in (ISO, *formats())]
    return tuple(fmt for fmt, form in compiled if any(form.fullmatch(value) for value in seen))


@dataclass(frozen=True, slots=True)
class Written:
    """How a column's dates are written: formats that together read `rows` of its values."""

    formats: tuple[str, ...]
    rows: int
    timed: bool
    """Some values have a time of day."""
    rivals: tuple[str, ...] = ()
    """Orders ("dmy", "mdy") that read the values as well: the person chooses."""


def order(fmt: str) -> str:
    """dmy, mdy or ymd: the order in which a format says day, month and year."""
    letters = re.sub(r"[^YymbBd]", "", fmt).replace("Y", "y").replace("b", "m").replace("B", "m")
    return letters[:3] or "ymd"


def numeric_month(fmt: str) -> bool:
    """Whether the month is a number, so that day and month can be mistaken; with two digits of the year that, too."""
    return "%m" in fmt and (order(fmt) in {"dmy", "mdy"} or "%y" in fmt)


def written(counts: Mapping[str, int], filled: int, prefer: str = "") -> Written | None:
    """The one consistent way in which a column's dates are written.

    `counts`: rows that each format reads. `prefer`: the order other columns of the file show, or a person told.
    """
    if counts.get(ISO) and counts[ISO] >= filled:
        return Written((ISO,), counts[ISO], True)
    orders: dict[str, dict[str, int]] = {}
    for fmt, rows in counts.items():
        if rows:
            orders.setdefault(order(fmt), {})[fmt] = rows
    neutral = {f: r for o, formats in orders.items() for f, r in formats.items() if not numeric_month(f)}
    best: list[Written] = []
    for name in ("ymd", "mdy", "dmy"):
        chosen = _cover({**neutral, **{f: r for f, r in orders.get(name, {}).items() if numeric_month(f)}}, filled)
        if chosen and (not best or chosen.rows >= best[0].rows):
            best = (
                [chosen, *[b for b in best if b.rows == chosen.rows]] if not best or chosen.rows == best[0].rows else [chosen]
            )
    if not best:
        return None
    ambiguous = {order(f) for b in best for f in b.formats if numeric_month(f)}
    if len(ambiguous) > 1:
        if prefer in ambiguous:
            return next(b for b in best if any(order(f) == prefer for f in b.formats if numeric_month(f)))
        return Written(best[0].formats, best[0].rows, best[0].timed, tuple(sorted(ambiguous)))
    return best[0]


def _cover(counts: Mapping[str, int], filled: int) -> Written | None:
    """The fewest formats that read the most; formats of one order never read the same text differently."""
    if not counts:
        return None
    ranked = sorted(counts.items(), key=lambda each: (-each[1], len(each[0])))
    if ISO in counts and counts[ISO] >= max(counts.values()) and counts[ISO] >= 0.99 * filled:
        return Written((ISO,), counts[ISO], True)
    ranked = [each for each in ranked if each[0] != ISO]  # it stands alone: a list of formats names each
    if not ranked:
        return None
    best, rows = ranked[0]
    if rows == filled:
        return Written((best,), rows, timed(best))
    chosen, total = [best], rows
    for fmt, more in ranked[1:]:
        if total < filled and more and total + more <= filled and not _overlap(fmt, chosen):
            chosen, total = [*chosen, fmt], total + more
    return Written(tuple(chosen), total, any(timed(f) for f in chosen))


def _overlap(fmt: str, chosen: list[str]) -> bool:
    """Whether two formats may read the same text: same separators and as many digits; only year length tells then."""
    return any(re.sub("%y", "%Y", fmt) == re.sub("%y", "%Y", other) for other in chosen)


def timed(fmt: str) -> bool:
    """Whether a format has a time of day."""
    return fmt == ISO or "%H" in fmt or "%I" in fmt
