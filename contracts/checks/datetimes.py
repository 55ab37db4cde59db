"""Dates and times as text: strptime formats as strict patterns, and ISO 8601 as the default.

A pattern is matched before anything is parsed: engines' own parsers take "2024-01-05 junk" or drop a zone. Numbers may be
padded or not where something stands between them; joined ones (%Y%m%d) have their full width. Years are 1000 to 9999.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from contracts.model import Item, Type

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")  # fmt: skip
ZONE = r"(?:[Zz]|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"

LOOSE = {
    "Y": r"[1-9][0-9]{3}",
    "y": r"[0-9]{2}",
    "m": r"1[0-2]|0?[1-9]",
    "d": r"3[01]|[12][0-9]|0?[1-9]",
    "H": r"2[0-3]|[01]?[0-9]",
    "I": r"1[0-2]|0?[1-9]",
    "M": r"[0-5]?[0-9]",
    "S": r"[0-5]?[0-9]",
    "f": r"[0-9]{1,6}",
    "p": r"[AaPp][Mm]",
    "b": "(?i:" + "|".join(m[:3] for m in MONTHS) + ")",
    "B": "(?i:" + "|".join(MONTHS) + ")",
    "z": ZONE,
}
JOINED = {
    **LOOSE,
    "m": r"1[0-2]|0[1-9]",
    "d": r"3[01]|[12][0-9]|0[1-9]",
    "H": r"2[0-3]|[01][0-9]",
    "I": r"1[0-2]|0[1-9]",
    "M": r"[0-5][0-9]",
    "S": r"[0-5][0-9]",
}
NUMERIC = frozenset("YymdHIMSf")
DATE_PARTS = frozenset("YymdbB")
TIME_PARTS = frozenset("HIMSfpz")

ISO_DATE = "%Y-%m-%d"
DATE = r"[1-9][0-9]{3}-(?:1[0-2]|0?[1-9])-(?:3[01]|[12][0-9]|0?[1-9])"
CLOCK = r"(?:2[0-3]|[01]?[0-9]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
NAIVE = rf"{DATE}[ T]{CLOCK}"
ZONED = rf"({NAIVE}) ?({ZONE})"

EPOCH_DIGITS = {"seconds": 12, "milliseconds": 15}
EPOCH_LIMITS = {"seconds": (-30610224000, 253402300799), "milliseconds": (-30610224000000, 253402300799999)}
"""Years 1000 to 9999."""


def tokens(fmt: str) -> list[tuple[str, str]]:
    """A strptime format as ("directive", letter) and ("text", literal); ValueError names what is not known."""
    parts: list[tuple[str, str]] = []
    n = 0
    while n < len(fmt):
        if fmt[n] != "%":
            parts.append(("text", fmt[n]))
            n += 1
            continue
        letter = fmt[n + 1 : n + 2]
        if letter == "-":  # %-m: not padded, which every format allows here
            n += 1
            letter = fmt[n + 1 : n + 2]
        if letter == "%":
            parts.append(("text", "%"))
        elif letter in LOOSE:
            parts.append(("directive", letter))
        else:
            raise ValueError(f"%{letter}")
        n += 2
    return parts


@lru_cache(maxsize=1024)
def pattern(fmt: str) -> str:
    """The strict pattern of a strptime format, each directive a group named by its letter (RE2 and Rust syntax)."""
    parts = tokens(fmt)
    regex = ""
    for n, (kind, text) in enumerate(parts):
        if kind == "text":
            regex += re.escape(text) if text.isascii() else text
            continue
        beside = [parts[k] for k in (n - 1, n + 1) if 0 <= k < len(parts)]
        joined = text in NUMERIC and any(k == "directive" and t in NUMERIC for k, t in beside)
        regex += f"(?P<{text}>{(JOINED if joined else LOOSE)[text]})"
    return regex


def plain(named: str) -> str:
    """A pattern without the names of its groups: smaller, and quicker to match."""
    return re.sub(r"\(\?P<\w>", "(?:", named)


def canonical(fmt: str) -> str:
    """The format as DuckDB's strptime wants it: without %-."""
    return fmt.replace("%-", "%")


def problem(fmt: str, type_: Type) -> tuple[str, str] | None:
    """What is wrong with a strptime format for an item of this type, or None."""
    try:
        letters = [text for kind, text in tokens(fmt) if kind == "directive"]
    except ValueError as error:
        return f"不支持 {error.args[0]}", f"{error.args[0]} is not supported"
    has = set(letters)
    if len(letters) != len(has):
        return "同一指令出现两次", "a directive stands twice"
    if "%z" in fmt and not fmt.endswith("%z"):
        return "%z 应在末尾", "%z must stand at the end"
    day = bool(has & {"Y", "y"}) and bool(has & {"m", "b", "B"}) and "d" in has
    clock = bool(has & {"H", "I"})
    if type_ is Type.TIME:
        if has & DATE_PARTS or "z" in has or not clock:
            return "时间应有 %H 或 %I，且没有日期和时区", "a time needs %H or %I, and no date or zone"
    elif not day:
        return "缺少年、月或日（%Y %m %d）", "year, month or day is missing (%Y %m %d)"
    if type_ is Type.DATE and has & TIME_PARTS:
        return "日期不能有时间；请改用 timestamp 类型", "a date has no time; use the type timestamp"
    if ("I" in has) != ("p" in has):
        return "%I 和 %p 应同时出现", "%I and %p go together"
    if clash := [f"%{a} %{b}" for a, b in (("Y", "y"), ("H", "I"), ("b", "B"), ("m", "b"), ("m", "B")) if {a, b} <= has]:
        return f"{clash[0]} 不能同时出现", f"{clash[0]} exclude each other"
    return None


def today(now: datetime, zone: str) -> date:
    """The local date of a moment."""
    return now.astimezone(ZoneInfo(zone)).date()


def moment(text: str, zone: str) -> datetime:
    """A timestamp bound as an aware moment; one without a zone is in the item's zone. ValueError when it is none."""
    parsed = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(zone))


def bound(item: Item, text: str, now: datetime, *, low: bool, strict: bool) -> tuple[date | datetime | time, bool]:
    """A bound as a value, and whether it is strict. `today` means the whole local day, for a timestamp too."""
    if item.type is Type.TIME:
        return time.fromisoformat(text), strict
    if item.type is Type.DATE:
        return (today(now, item.timezone) if text in ("today", "now") else date.fromisoformat(text)), strict
    if text == "now":
        return now, strict
    if text != "today":
        return moment(text, item.timezone), strict
    begins = datetime.combine(today(now, item.timezone), time(), ZoneInfo(item.timezone))
    ends = begins + timedelta(days=1)
    if low:
        return (ends if strict else begins), False
    return (begins if strict else ends), True
