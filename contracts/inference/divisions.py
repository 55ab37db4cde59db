"""Division codes of other years: a code is looked up in the table of its row's year, where the data says the year."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from contracts.checks.formats import division
from contracts.inference.glossary import SIMPLIFIED

TITLE = re.compile(
    "行政区划?(?:代码|编码|码)|区划(?:代码|编码|码)|(?:区县|县区|县级|地区|乡镇|街道|省|市|县)(?:代码|编码)$|政区代码"
)
WORDS = re.compile(r"(^|_)(adcode|division_code|district_code|county_code|region_code|area_code_gb|xzqh(dm)?|qhdm)$")
YEAR_TITLE = re.compile("年份$|年度$|^年$|^year$|统计年")
PREFIX = "division-"
"""A code list `division-1995` is the table of 1995."""


def is_division_title(title: str, name: str) -> bool:
    """Whether a column is called like a division code (GB/T 2260)."""
    return bool(TITLE.search(title.translate(SIMPLIFIED)) or WORDS.search(name))


def is_year_title(title: str) -> bool:
    """Whether a column says the year of its row."""
    return bool(YEAR_TITLE.search(title.translate(SIMPLIFIED).strip().lower()))


@dataclass(frozen=True, slots=True)
class DivisionCounts:
    """Rows of a column of division codes by what they were found to be."""

    current: int = 0
    of_its_year: int = 0
    """Not in today's table, but in that of the row's year."""
    not_of_its_year: int = 0
    """In today's table or another, and not in that of the row's year."""
    unknown: int = 0
    """In no table that the catalogue has."""
    malformed: int = 0


def count(
    rows: Iterable[tuple[str, str | None, int]], today: Collection[str], years: Mapping[int, Collection[str]]
) -> DivisionCounts:
    """What the codes are; `rows`: code, year where the row says it, and how many rows; `years`: older tables by their year."""
    now = division.spellings(frozenset(today))
    tables = {year: division.spellings(frozenset(codes)) for year, codes in years.items()}
    counts = dict.fromkeys(DivisionCounts.__slots__, 0)
    for code, year, number in rows:
        counts[_kind(code, year, now, tables)] += number
    return DivisionCounts(**counts)


def _kind(code: str, year: str | None, now: Collection[str], tables: Mapping[int, Collection[str]]) -> str:
    if not re.fullmatch(division.PATTERN, code):
        return "malformed"
    known = code[:9] in now
    of_year = max((each for each in tables if year and year[:4].isdigit() and each <= int(year[:4])), default=None)
    if of_year is None:
        return "current" if known else "unknown"
    in_year = code[:9] in tables[of_year]
    later = known and int((year or "0")[:4]) > max(tables)
    if in_year or later:
        return "current" if known else "of_its_year"
    return "not_of_its_year" if known else "unknown"


def say(seen: DivisionCounts, years: Collection[int]) -> tuple[str, str]:
    """The counts in a sentence."""
    lines = [
        (seen.current, "行在现行表中", "rows are in today's table"),
        (seen.of_its_year, "行为旧代码，在其年份的表中", "are old codes of the table of their year"),
        (seen.not_of_its_year, "行不在其年份的表中", "are not in the table of their year"),
        (seen.unknown, "行不在任何表中", "are in no table"),
        (seen.malformed, "行位数不对", "have a wrong number of digits"),
    ]
    zh = "、".join(f"{rows} {what}" for rows, what, _ in lines if rows)
    en = ", ".join(f"{rows} {what}" for rows, _, what in lines if rows)
    more = "" if years else "；目录中没有往年的区划表（代码表 division-年份），未按年份核对"
    more_en = "" if years else "; the catalogue has no tables of other years (code lists division-YEAR)"
    return f"行政区划代码：{zh}{more}", f"division codes: {en}{more_en}"
