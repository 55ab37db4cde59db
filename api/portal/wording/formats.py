"""How numbers, moments and sizes are written on pages: thousands with commas, dates 2026-03-12, this year 03-12."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime
from decimal import Decimal

from markupsafe import Markup, escape

from contracts.clock import day_of, local, today


def number(value: float | Decimal | None) -> str:
    """12345.6 → 12,345.6; whole numbers without decimals; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"


def share(part: float, whole: float, decimals: int = 1) -> str:
    """A part of a whole as a percentage: 93.2%. Neither 0 nor 100 is said of something that only comes near."""
    if not whole:
        return "0%"
    value = 100 * part / whole
    least = 10**-decimals
    if 0 < value < least:
        return f"<{least:g}%"
    if 100 - least < value < 100:
        return f"{100 - least:g}%"
    return f"{value:.{decimals}f}%".replace(f".{'0' * decimals}%", "%")


def score(value: float | None) -> str:
    """A quality score with one decimal; 100 without."""
    return "" if value is None else f"{value:.1f}".removesuffix(".0") if value == 100 else f"{value:.1f}"


def size(value: int | None) -> str:
    """Bytes in the unit a person reads: 412 KB."""
    amount = float(value or 0)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}".replace(".0 ", " ")
        amount /= 1000
    return f"{amount:.2f} TB"


def full_date(value: date | datetime | None) -> str:
    """2026-03-12."""
    if isinstance(value, datetime):
        value = day_of(value)
    return value.isoformat() if value else ""


def short_date(value: date | datetime | None) -> str:
    """03-12 within this year, the whole date otherwise."""
    text = full_date(value)
    return text[5:] if text[:4] == str(today().year) else text


def moment(value: datetime | None) -> str:
    """2026-03-11 09:12:04 on the hub's clock."""
    return local(value).strftime("%Y-%m-%d %H:%M:%S") if value else ""


def short_moment(value: datetime | None) -> str:
    """09:12 for today, 03-11 09:12 for this year."""
    if value is None:
        return ""
    here = local(value)
    if here.date() == today():
        return here.strftime("%H:%M")
    return f"{short_date(here)} {here:%H:%M}"


def seconds(value: float | None) -> str:
    """1.8 s; under a hundredth says so."""
    if value is None:
        return ""
    return "<0.01 s" if value < 0.01 else f"{value:.2f} s" if value < 1 else f"{value:.1f} s"


def magnitude(value: int, language: str) -> str:
    """6.18 亿, 18.4 万, 618 M: for summaries only; the full number stands in the title."""
    steps = ((10**8, " 亿"), (10**4, " 万")) if language == "zh" else ((10**9, " B"), (10**6, " M"))
    for step, unit in steps:
        if value >= step * (10 if unit == " 万" else 1):
            return f"{value / step:.2f}".rstrip("0").rstrip(".") + unit
    return f"{value:,}"


def short_period(period: str, language: str) -> str:
    """The head of a period's column: 3 月, 1 季度, 2026; Mar, Q1, 2026."""
    if "Q" in period:
        return f"{period[5:]} 季度" if language == "zh" else f"Q{period[5:]}"
    if "-" in period:
        return f"{int(period[5:])} 月" if language == "zh" else calendar.month_abbr[int(period[5:])]
    return period


def long_period(period: str, language: str) -> str:
    """2026 年 3 月, 2026 年 1 季度; March 2026, Q1 2026."""
    year, head = period[:4], short_period(period, language)
    if head == period:
        return f"{year} 年" if language == "zh" else year
    if language == "zh":
        return f"{year} 年 {head}"
    return f"{calendar.month_name[int(period[5:])] if '-' in period else head} {year}"


def marked(text: str, words: tuple[str, ...] | list[str]) -> Markup:
    """Text with every occurrence of the words between <mark>, everything else escaped."""
    found = [re.escape(word) for word in sorted(set(words), key=len, reverse=True) if word]
    if not found or not text:
        return escape(text)
    parts = re.split(f"({'|'.join(found)})", text, flags=re.IGNORECASE)
    return Markup("").join(Markup("<mark>{}</mark>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))


def han(text: object) -> bool:
    """Whether text is Chinese (a few Latin letters in it change nothing), so that an English page marks its language."""
    letters = [letter for letter in str(text) if letter.isalpha()]
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
    return chinese > 0 and 3 * chinese >= len(letters) - chinese


def spans(text: str, places: tuple[tuple[int, int], ...]) -> Markup:
    """Text with the given stretches between <mark>, everything else escaped."""
    said, at = Markup(""), 0
    for start, end in places:
        said += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start:end])
        at = end
    return said + escape(text[at:])


def slashes(text: str) -> Markup:
    """Code that may wrap after a slash or an ampersand and nowhere inside a word."""
    parts = re.split(r"(?<=[/&])(?!/)", text)
    return Markup("<wbr>").join(parts)
