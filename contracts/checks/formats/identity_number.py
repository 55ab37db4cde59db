"""Identity numbers of persons (公民身份号码, GB 11643-1999): shape, date of birth, check character, region."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

from contracts.checks import code_lists
from contracts.checks.code_lists import DIVISIONS, PAST_DIVISIONS
from contracts.checks.formats.width import is_half_width
from contracts.model import Codes, Format, Recognition, Said, SqlLists
from contracts.sql import literal

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
PATTERN = r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9X]"
EARLIEST_BIRTH = "1900-01-01"


def check_character(first: str) -> str:
    """The 18th character of a number from its first 17 digits."""
    return CHECKS[sum(int(c) * w for c, w in zip(first, WEIGHTS, strict=True)) % 11]


class Regions:
    """Regions of identity numbers. A number keeps the code of its holder's first registration, which may be abolished since:
    with a list of abolished codes all six digits must exist, without one only the province is sure."""

    def __init__(self, divisions: Iterable[str], historic: Iterable[str] = ()) -> None:
        self.provinces = frozenset(code[:2] for code in divisions)
        past = frozenset(code[:6] for code in historic if len(code) >= 6)
        self.counties = past | {code[:6] for code in divisions if len(code) >= 6} if past else frozenset()

    @classmethod
    def of(cls, lookups: Codes) -> Regions:
        """Those of the catalogue's lists. Errors: CodeListMissing."""
        return cls(code_lists.fetch(lookups, DIVISIONS), code_lists.optional(lookups, PAST_DIVISIONS))

    def holds(self, code: str) -> bool:
        """True where the six digits may be a region."""
        return code in self.counties if self.counties else code[:2] in self.provinces

    def sql(self, code_sql: str) -> str:
        """True where the six digits may be a region."""
        if self.counties:
            return f"{code_sql} IN ({', '.join(map(literal, sorted(self.counties)))})"
        return f"{code_sql}[:2] IN ({', '.join(map(literal, sorted(self.provinces)))})" if self.provinces else "TRUE"


class IdentityNumber(Format):
    """Eighteen characters: region, date of birth, serial number, check character."""

    name = "identity-number"
    title = ("身份证号", "Identity number")
    heading = ("身份证号不符", "Wrong identity number")
    asks = ("应为有效的居民身份证号（GB 11643）", "must be a valid identity number (GB 11643)")
    summary = ("GB 11643 校验位", "GB 11643 check digit")
    valid = ("11010519491231002X",)
    invalid = (
        "110105194912310021",
        "11010519491231002x",
        "110105491231002",
        "11010519490230002X",
        "11010518991231002X",
        "１10105194912310021",
    )
    dimension = "accuracy"
    lists = (DIVISIONS,)
    optional_lists = (PAST_DIVISIONS,)
    length = 18
    personal = "identity-number"
    identifies = True
    recognition = Recognition(r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]")

    def wrong(self, text: str) -> Said | None:
        """What is wrong with a number by itself, its date included, or None."""
        if not re.fullmatch(PATTERN, text):
            return _shape(text)
        try:
            born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
        except ValueError:
            return (
                f"出生日期 {text[6:14]} 不存在；请按证件核对",
                f"the date of birth {text[6:14]} does not exist; check the card",
            )
        if born.isoformat() < EARLIEST_BIRTH:
            return f"出生日期 {text[6:14]} 过早；请按证件核对", f"the date of birth {text[6:14]} is too early; check the card"
        expected = check_character(text[:17])
        if text[17] != expected:
            return f"末位校验码应为 {expected}；请按证件核对", f"the last character should be {expected}; check the card"
        return None

    def sql(self, x: str, lists: SqlLists) -> str:
        """True where x is a right identity number."""
        total = " + ".join(f"(ascii({x}[{i + 1}]) - 48) * {w}" for i, w in enumerate(WEIGHTS))
        check = f"'{CHECKS}'[(({total}) % 11 + 1)::INTEGER]"
        born = f"TRY_CAST({x}[7:10] || '-' || {x}[11:12] || '-' || {x}[13:14] AS DATE)"
        region = Regions.of(lists.lookups).sql(f"{x}[1:6]")
        return (
            f"(CASE WHEN regexp_full_match({x}, '{PATTERN}') "
            f"THEN {x}[18] = {check} AND {born} IS NOT NULL AND {region} ELSE {x} IS NULL END)"
        )

    def holding(self, lookups: Codes) -> Callable[[str], bool]:
        """Whether its region exists, or may have existed."""
        regions = Regions.of(lookups)
        return lambda text: regions.holds(text[:6])

    def unknown(self, text: str) -> Said:
        """Its region does not exist."""
        return f"地区码 {text[:6]} 不存在；请按证件核对", f"region {text[:6]} does not exist; check the card"


def _shape(text: str) -> Said:
    if not is_half_width(text):
        return "含全角字符；请改用半角数字", "it has full-width characters; use half-width digits"
    if len(text) == 15 and text.isdigit():
        return "为 15 位旧号码；请改填 18 位号码", "this is an old 15-digit number; give the 18-digit one"
    if len(text) != 18:
        return f"应为 18 位，收到 {len(text)} 位", f"it must have 18 characters, this has {len(text)}"
    if text.endswith("x"):
        return "末位 x 应为大写 X", "the last x must be a capital X"
    return "应为 17 位数字加 1 位校验码；请按证件核对", "it must be 17 digits and a check character; check the card"
