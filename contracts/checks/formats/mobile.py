"""Mobile numbers of the Chinese mainland (手机号)."""

from __future__ import annotations

import re

from contracts.checks.formats.width import is_half_width
from contracts.model import Format, Recognition, Said, SqlLists

PATTERN = r"1[3-9][0-9]{9}"


class Mobile(Format):
    """Eleven digits, without prefix."""

    name = "mobile"
    title = ("手机号", "Mobile number")
    heading = ("手机号不符", "Wrong mobile number")
    asks = ("应为手机号", "must be a mobile number")
    summary = ("11 位手机号", "11-digit mobile number")
    valid = ("13945412345",)
    invalid = ("12945412345", "1394541234", "+8613945412345", "139 4541 2345", "0451-8888888", "１3945412345")
    length = 11
    personal = "mobile"
    recognition = Recognition(PATTERN, named=True)

    def wrong(self, text: str) -> Said | None:
        """What is wrong with a number, or None."""
        if re.fullmatch(PATTERN, text):
            return None
        if not is_half_width(text):
            return "含全角数字；请改用半角数字", "it has full-width digits; use half-width ones"
        return (
            "应为 11 位手机号（1 开头，不含区号、空格和横线）",
            "it must be an 11-digit mobile number without prefix, spaces or dashes",
        )

    def sql(self, x: str, lists: SqlLists) -> str:
        """True where x is a mobile number."""
        return f"regexp_full_match({x}, '{PATTERN}')"
