"""Division codes (行政区划代码, GB/T 2260, GB/T 10114): 2 to 12 digits that the catalogue's list must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache

from contracts.checks import code_lists
from contracts.checks.code_lists import DIVISIONS
from contracts.checks.formats.width import is_half_width
from contracts.model import Codes, Format, Said, SqlLists

PATTERN = r"[1-9][0-9]{1}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?)?"


def base(code: str) -> str:
    """A division code without the zeros that fill it up: 230000 is 23, 230800000000 is 2308."""
    for length, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
        if len(code) == length and set(code[shorter:]) == {"0"}:
            code = code[:shorter]
    return code[:9]


def spellings(codes: Collection[str]) -> frozenset[str]:
    """Every way to write the divisions of a list in 2, 4, 6 or 9 digits, filled up with zeros or not.

    A code of 12 digits is a village; lists rarely hold them, so its town (9 digits) must exist.
    """
    return _spellings(codes if isinstance(codes, frozenset) else frozenset(codes))


@lru_cache(maxsize=8)
def _spellings(codes: frozenset[str]) -> frozenset[str]:
    spelled: set[str] = set()
    for code in codes:
        shortest = base(code)
        spelled.update(shortest.ljust(n, "0") for n in (2, 4, 6, 9) if n >= len(shortest))
    return frozenset(spelled)


class Division(Format):
    """A code of a province, city, county, town or village. Recognized by warehouse.onboarding, by its name and the list."""

    name = "division"
    title = ("行政区划代码", "Division")
    heading = ("行政区划代码不存在", "No such division")
    asks = ("应为存在的行政区划代码（2 至 12 位）", "must be an existing division code (2 to 12 digits)")
    summary = ("行政区划代码，须存在", "an existing division code")
    valid = ("23", "2308", "230803", "230803001", "230803001234")
    invalid = ("", "2", "230", "23080", "2308031", "023", "２３")
    lists = (DIVISIONS,)
    choices = DIVISIONS

    def wrong(self, text: str) -> Said | None:
        """What is wrong with a code by itself, or None."""
        if re.fullmatch(PATTERN, text):
            return None
        if not is_half_width(text):
            return "含全角数字；请改用半角数字", "it has full-width digits; use half-width ones"
        return (
            "应为 2、4、6、9 或 12 位数字；请按行政区划代码表填写",
            "it must have 2, 4, 6, 9 or 12 digits; take it from the list of divisions",
        )

    def sql(self, x: str, lists: SqlLists) -> str:
        """True where x is a division code."""
        return (
            f"(CASE WHEN regexp_full_match({x}, '{PATTERN}') THEN {lists.member(DIVISIONS, f'{x}[:9]')} ELSE {x} IS NULL END)"
        )

    def holding(self, lookups: Codes) -> Callable[[str], bool]:
        """Whether the list has it, in any spelling."""
        known = spellings(code_lists.fetch(lookups, DIVISIONS))
        return lambda text: text[:9] in known

    def unknown(self, text: str) -> Said:
        """The list does not have it."""
        return (
            "代码不存在；请从行政区划代码表（或模板下拉表）选择",
            "no such division; choose from the list (or the template's)",
        )
