"""A trial format, brought as a plug-in would bring it: ISBN-13 of books. Not shipped."""

from __future__ import annotations

import re

from contracts.model import Format, Recognition, Said, SqlLists

PATTERN = r"97[89][0-9]{10}"


class Isbn13(Format):
    """Thirteen digits, the last of which follows from the others (GB/T 5795-2006)."""

    name = "isbn-13"
    title = ("国际标准书号", "ISBN")
    heading = ("国际标准书号不符", "Wrong ISBN")
    asks = ("应为有效的国际标准书号（ISBN-13）", "must be a valid ISBN-13")
    summary = ("ISBN-13 校验位", "ISBN-13 check digit")
    valid = ("9787302511625", "9780306406157")
    invalid = ("9787302511626", "978730251162", "7302511624", "978-7-302-51162-5", "９787302511625")
    dimension = "accuracy"
    length = 13
    identifies = True
    recognition = Recognition(PATTERN)

    def wrong(self, text: str) -> Said | None:
        if not re.fullmatch(PATTERN, text):
            return (
                "应为 978 或 979 开头的 13 位数字；请按版权页填写",
                "it must be 13 digits that begin with 978 or 979",
            )
        last = -sum(int(c) * (3 if n % 2 else 1) for n, c in enumerate(text[:12])) % 10
        if int(text[12]) != last:
            return f"末位校验码应为 {last}；请按版权页核对", f"the last digit should be {last}; compare with the book"
        return None

    def sql(self, x: str, lists: SqlLists) -> str:
        total = " + ".join(f"(ascii({x}[{n + 1}]) - 48) * {3 if n % 2 else 1}" for n in range(13))
        return f"(CASE WHEN regexp_full_match({x}, '{PATTERN}') THEN ({total}) % 10 = 0 ELSE {x} IS NULL END)"
