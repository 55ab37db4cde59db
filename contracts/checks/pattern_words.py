"""A regular expression in words, for people who mend data: what each part asks, as far as it is of the usual kinds."""

from __future__ import annotations

import re

KINDS = {
    r"\d": ("个数字", "digits"),
    "[0-9]": ("个数字", "digits"),
    "[A-Z]": ("个大写字母", "capital letters"),
    "[a-z]": ("个小写字母", "small letters"),
    "[A-Za-z]": ("个字母", "letters"),
    "[a-zA-Z]": ("个字母", "letters"),
    "[0-9A-Z]": ("个数字或大写字母", "digits or capital letters"),
    "[A-Z0-9]": ("个数字或大写字母", "digits or capital letters"),
    "[0-9a-zA-Z]": ("个数字或字母", "digits or letters"),
    "[A-Za-z0-9]": ("个数字或字母", "digits or letters"),
    r"\w": ("个数字或字母", "digits or letters"),
    "[1-9]": ("个 1 至 9 的数字", "digits from 1 to 9"),
    ".": ("个任意字符", "characters of any kind"),
}
_PART = re.compile(
    r"(?P<kind>" + "|".join(map(re.escape, KINDS)) + r")(?P<times>\{\d+(?:,\d*)?\}|[+*?])?"
    r"|(?P<letters>(?:\\[^dwsDWSbB0-9a-zA-Z]|[^\\.\[\](){}+*?|^$])+)(?![{+*?])"
)


def words(pattern: str) -> tuple[str, str] | None:
    """A pattern as a list of its parts, in Chinese and English; None where it has parts of another kind."""
    text = pattern.removeprefix("^").removesuffix("$")
    zh, en, place = [], [], 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            return None
        place = part.end()
        if letters := part["letters"]:
            literal = re.sub(r"\\(.)", r"\1", letters)
            zh.append(f"“{literal}”")
            en.append(f"“{literal}”")
            continue
        count_zh, count_en = _times(part["times"])
        kind_zh, kind_en = KINDS[part["kind"]]
        zh.append(f"{count_zh} {kind_zh}")
        en.append(f"{count_en} {kind_en[:-1] if count_en == '1' and kind_en.endswith('s') else kind_en}")
    return ("、".join(zh), ", ".join(en)) if zh else None


def _times(quantifier: str | None) -> tuple[str, str]:
    if not quantifier:
        return "1", "1"
    if quantifier in "+*?":
        return {"+": ("至少 1", "at least 1"), "*": ("任意多", "any number of"), "?": ("至多 1", "at most 1")}[quantifier]
    low, comma, high = quantifier.strip("{}").partition(",")
    if not comma:
        return low, low
    return (f"{low} 至 {high}", f"{low} to {high}") if high else (f"至少 {low}", f"at least {low}")
