"""Domain formats: credit code, identity number, division code, mobile number. Pure functions and their SQL.

Each format has a function that says what is wrong with one text, in Chinese and English, or None when it is right;
and an SQL expression for DuckDB that is true where the text is right, made of vectorised functions only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import date
from functools import lru_cache

Wrong = tuple[str, str]
"""What is wrong and how to mend it, in Chinese and English."""

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
CREDIT_PATTERN = r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"

IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
IDENTITY_CHECKS = "10X98765432"
IDENTITY_PATTERN = r"[1-9][0-9]{5}(?:19|20)[0-9]{9}[0-9X]"
EARLIEST_BIRTH = "1900-01-01"

DIVISION_PATTERN = r"[1-9][0-9]{1}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{3}(?:[0-9]{3})?)?)?)?"
MOBILE_PATTERN = r"1[3-9][0-9]{9}"


def credit_check_character(first: str) -> str:
    """The 18th character of a unified social credit code from its first 17 (GB 32100-2015)."""
    total = sum(CREDIT_ALPHABET.index(c) * w for c, w in zip(first, CREDIT_WEIGHTS, strict=True))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def identity_check_character(first: str) -> str:
    """The 18th character of an identity number from its first 17 digits (GB 11643-1999)."""
    return IDENTITY_CHECKS[sum(int(c) * w for c, w in zip(first, IDENTITY_WEIGHTS, strict=True)) % 11]


def is_half_width(text: str) -> bool:
    """False where full-width digits or letters stand in place of ASCII."""
    return not any("\uff01" <= c <= "\uff5e" for c in text)


def credit_code(text: str) -> Wrong | None:
    """What is wrong with a unified social credit code (GB 32100-2015), or None."""
    if not re.fullmatch(CREDIT_PATTERN, text):
        return _credit_shape(text)
    expected = credit_check_character(text[:17])
    if text[17] != expected:
        return (
            f"末位校验码应为 {expected}；请按营业执照核对全部 18 位",
            f"the last character should be {expected}; compare all 18 with the business licence",
        )
    return None


def _credit_shape(text: str) -> Wrong:
    if not is_half_width(text):
        return "含全角字符；请改用半角数字和字母", "it has full-width characters; use half-width digits and letters"
    if len(text) != 18:
        return (
            f"应为 18 位，收到 {len(text)} 位；请按营业执照补全",
            f"it must have 18 characters, this has {len(text)}; complete it from the business licence",
        )
    if re.fullmatch(CREDIT_PATTERN, text.upper()):
        return "字母应为大写；请改为大写", "letters must be capitals; write capitals"
    return (
        "含不允许的字符（不用 I、O、S、V、Z，第 3 至 8 位为数字）；请按营业执照核对",
        "it has characters that are not used (no I, O, S, V, Z; digits at 3 to 8); compare with the business licence",
    )


def identity_number(text: str, regions: Regions | None = None) -> Wrong | None:
    """What is wrong with an identity number (GB 11643-1999), or None. Its date and its region must exist too."""
    if not re.fullmatch(IDENTITY_PATTERN, text):
        return _identity_shape(text)
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return f"出生日期 {text[6:14]} 不存在；请按证件核对", f"the date of birth {text[6:14]} does not exist; check the card"
    if born.isoformat() < EARLIEST_BIRTH:
        return f"出生日期 {text[6:14]} 过早；请按证件核对", f"the date of birth {text[6:14]} is too early; check the card"
    expected = identity_check_character(text[:17])
    if text[17] != expected:
        return f"末位校验码应为 {expected}；请按证件核对", f"the last character should be {expected}; check the card"
    if regions is not None and not regions.holds(text[:6]):
        return f"地区码 {text[:6]} 不存在；请按证件核对", f"region {text[:6]} does not exist; check the card"
    return None


def _identity_shape(text: str) -> Wrong:
    if not is_half_width(text):
        return "含全角字符；请改用半角数字", "it has full-width characters; use half-width digits"
    if len(text) == 15 and text.isdigit():
        return "为 15 位旧号码；请改填 18 位号码", "this is an old 15-digit number; give the 18-digit one"
    if len(text) != 18:
        return f"应为 18 位，收到 {len(text)} 位", f"it must have 18 characters, this has {len(text)}"
    if text.endswith("x"):
        return "末位 x 应为大写 X", "the last x must be a capital X"
    return "应为 17 位数字加 1 位校验码；请按证件核对", "it must be 17 digits and a check character; check the card"


class Regions:
    """Regions of identity numbers. A number keeps the code of its holder's first registration, which may be abolished since:
    with a list of abolished codes all six digits must exist, without one only the province is sure."""

    def __init__(self, divisions: Iterable[str], historic: Iterable[str] = ()) -> None:
        self.provinces = frozenset(code[:2] for code in divisions)
        past = frozenset(code[:6] for code in historic if len(code) >= 6)
        self.counties = past | {code[:6] for code in divisions if len(code) >= 6} if past else frozenset()

    def holds(self, code: str) -> bool:
        """True where the six digits may be a region."""
        return code in self.counties if self.counties else code[:2] in self.provinces

    def sql(self, code_sql: str) -> str:
        """True where the six digits may be a region."""
        if self.counties:
            return f"TRY_CAST({code_sql} AS {enum(self.counties)}) IS NOT NULL"
        return f"{code_sql}[:2] IN ({', '.join(map(quote, sorted(self.provinces)))})" if self.provinces else "TRUE"


@lru_cache(maxsize=8)
def _spellings(codes: frozenset[str]) -> frozenset[str]:
    spelled: set[str] = set()
    for code in codes:
        base = division_base(code)
        spelled.update(base.ljust(n, "0") for n in (2, 4, 6, 9) if n >= len(base))
    return frozenset(spelled)


def division_base(code: str) -> str:
    """A division code without the zeros that fill it up: 230000 is 23, 230800000000 is 2308 (GB/T 2260, GB/T 10114)."""
    for length, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
        if len(code) == length and set(code[shorter:]) == {"0"}:
            code = code[:shorter]
    return code[:9]


def division_spellings(codes: Collection[str]) -> frozenset[str]:
    """Every way to write the divisions of a list in 2, 4, 6 or 9 digits, filled up with zeros or not.

    A code of 12 digits is a village; lists rarely hold them, so its town (9 digits) must exist.
    """
    return _spellings(codes if isinstance(codes, frozenset) else frozenset(codes))


def division(text: str, spellings: Collection[str] | None = None) -> Wrong | None:
    """What is wrong with a division code of 2 to 12 digits, or None. `spellings`: see division_spellings."""
    if not re.fullmatch(DIVISION_PATTERN, text):
        if not is_half_width(text):
            return "含全角数字；请改用半角数字", "it has full-width digits; use half-width ones"
        return (
            "应为 2、4、6、9 或 12 位数字；请按行政区划代码表填写",
            "it must have 2, 4, 6, 9 or 12 digits; take it from the list of divisions",
        )
    if spellings is not None and text[:9] not in spellings:
        return (
            "代码不存在；请从行政区划代码表（或模板下拉表）选择",
            "no such division; choose from the list (or the template's)",
        )
    return None


def mobile(text: str) -> Wrong | None:
    """What is wrong with a mainland mobile number, or None."""
    if re.fullmatch(MOBILE_PATTERN, text):
        return None
    if not is_half_width(text):
        return "含全角数字；请改用半角数字", "it has full-width digits; use half-width ones"
    return (
        "应为 11 位手机号（1 开头，不含区号、空格和横线）",
        "it must be an 11-digit mobile number without prefix, spaces or dashes",
    )


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def enum(values: Iterable[str]) -> str:
    """A DuckDB ENUM type of these values: a cast to it is the fastest membership test there is."""
    return _enum(values if isinstance(values, frozenset) else frozenset(values))


@lru_cache(maxsize=16)
def _enum(values: frozenset[str]) -> str:
    return f"ENUM({', '.join(quote(v) for v in sorted(values))})"


def credit_code_sql(x: str) -> str:
    """True where x is a right credit code; NULL where x is NULL."""
    total = " + ".join(
        f"(strpos('{CREDIT_ALPHABET}', {x}[{i + 1}]) - 1)" + (f" * {w}" if w > 1 else "") for i, w in enumerate(CREDIT_WEIGHTS)
    )
    check = f"'{CREDIT_ALPHABET}'[((31 - ({total}) % 31) % 31 + 1)::INTEGER]"
    return f"(CASE WHEN regexp_full_match({x}, '{CREDIT_PATTERN}') THEN {x}[18] = {check} ELSE {x} IS NULL END)"


def identity_number_sql(x: str, regions: Regions | None = None) -> str:
    """True where x is a right identity number."""
    total = " + ".join(f"(ascii({x}[{i + 1}]) - 48) * {w}" for i, w in enumerate(IDENTITY_WEIGHTS))
    check = f"'{IDENTITY_CHECKS}'[(({total}) % 11 + 1)::INTEGER]"
    born = f"TRY_CAST({x}[7:10] || '-' || {x}[11:12] || '-' || {x}[13:14] AS DATE)"
    region = f" AND {regions.sql(f'{x}[1:6]')}" if regions is not None else ""
    return (
        f"(CASE WHEN regexp_full_match({x}, '{IDENTITY_PATTERN}') "
        f"THEN {x}[18] = {check} AND {born} IS NOT NULL{region} ELSE {x} IS NULL END)"
    )


def division_sql(x: str, member: Callable[[str], str] | None = None) -> str:
    """True where x is a division code; `member` makes the SQL that looks 9 digits up among the spellings."""
    exists = member(f"{x}[:9]") if member else "TRUE"
    return f"(CASE WHEN regexp_full_match({x}, '{DIVISION_PATTERN}') THEN {exists} ELSE {x} IS NULL END)"


def mobile_sql(x: str) -> str:
    """True where x is a mainland mobile number."""
    return f"regexp_full_match({x}, '{MOBILE_PATTERN}')"
