"""Unified social credit codes of organizations (统一社会信用代码, GB 32100-2015)."""

from __future__ import annotations

import re

from contracts.checks.formats.width import is_half_width
from contracts.model import Format, Recognition, Said, SqlLists

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
PATTERN = r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}"


def check_character(first: str) -> str:
    """The 18th character of a code from its first 17."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(first, WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


class CreditCode(Format):
    """Eighteen characters, the last of which follows from the others."""

    name = "credit-code"
    title = ("统一社会信用代码", "Credit code")
    heading = ("统一社会信用代码不符", "Wrong credit code")
    asks = ("应为有效的统一社会信用代码（GB 32100）", "must be a valid unified social credit code (GB 32100)")
    summary = ("GB 32100 校验位", "GB 32100 check character")
    valid = ("91110108551385082Q",)
    invalid = ("91110108551385082C", "9111010855138508Q", "91110108551385082q", "9111010855138508２Q", "91110I08551385082Q")
    dimension = "accuracy"
    length = 18
    identifies = True
    recognition = Recognition(PATTERN, uniform=True)

    def wrong(self, text: str) -> Said | None:
        """What is wrong with a code, or None."""
        if not re.fullmatch(PATTERN, text):
            return _shape(text)
        expected = check_character(text[:17])
        if text[17] != expected:
            return (
                f"末位校验码应为 {expected}；请按营业执照核对全部 18 位",
                f"the last character should be {expected}; compare all 18 with the business licence",
            )
        return None

    def sql(self, x: str, lists: SqlLists) -> str:
        """True where x is a right credit code; NULL where x is NULL."""
        total = " + ".join(
            f"(strpos('{ALPHABET}', {x}[{i + 1}]) - 1)" + (f" * {w}" if w > 1 else "") for i, w in enumerate(WEIGHTS)
        )
        check = f"'{ALPHABET}'[((31 - ({total}) % 31) % 31 + 1)::INTEGER]"
        return f"(CASE WHEN regexp_full_match({x}, '{PATTERN}') THEN {x}[18] = {check} ELSE {x} IS NULL END)"


def _shape(text: str) -> Said:
    if not is_half_width(text):
        return "含全角字符；请改用半角数字和字母", "it has full-width characters; use half-width digits and letters"
    if len(text) != 18:
        return (
            f"应为 18 位，收到 {len(text)} 位；请按营业执照补全",
            f"it must have 18 characters, this has {len(text)}; complete it from the business licence",
        )
    if re.fullmatch(PATTERN, text.upper()):
        return "字母应为大写；请改为大写", "letters must be capitals; write capitals"
    return (
        "含不允许的字符（不用 I、O、S、V、Z，第 3 至 8 位为数字）；请按营业执照核对",
        "it has characters that are not used (no I, O, S, V, Z; digits at 3 to 8); compare with the business licence",
    )
