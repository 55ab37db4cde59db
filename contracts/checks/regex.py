"""Patterns of contracts run in two engines, RE2 (DuckDB) and Rust's regex (polars): both must read them alike.

RE2's \\d, \\w, \\s and \\b are ASCII, Rust's are Unicode: `rust` rewrites them. What the two read differently is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

Wrong = tuple[tuple[str, str], tuple[str, str]]
"""Problem and what to write instead, each in Chinese and English."""

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_UNLIKE = (
    (re.compile(r"\\[<>]"), r"\< \>"),
    (re.compile(r"\\b\{"), r"\b{…}"),
    (re.compile(r"\{,"), "{,n}"),
    (re.compile(r"\(\?[a-zA-Z-]*x"), "(?x)"),
    (re.compile(r"\\[BCQEuU]"), r"\B \C \Q \E \u"),
)


def problem(pattern: str) -> Wrong | None:
    """What is wrong with a pattern, or None when both engines compile it and read it alike."""
    if re.search(r"\(\?(?:=|!|<=|<!)", pattern) or re.search(r"\\[1-9]", pattern):
        return (
            ("不支持环视和反向引用", "look-around and back-references are not supported"),
            ("请拆成 pattern 与行规则", "split it into a pattern and a row rule"),
        )
    for form, shown in _UNLIKE:
        if form.search(_outside_escapes(pattern)):
            return (f"两个引擎对 {shown} 理解不同", f"the two engines read {shown} differently"), (
                "请换一种写法",
                "write it otherwise",
            )
    if _nests_class(pattern):
        return ("方括号内不能再有 [、&&、--、~~", "no [, &&, --, ~~ inside brackets"), (r"请写 \[", r"write \[")
    for engine, compile_ in (("RE2", _re2), ("Rust regex", _rust)):
        if wrong := compile_(pattern):
            return (f"正则表达式错误（{engine}）：{wrong}", f"the pattern is wrong ({engine}): {wrong}"), (
                "请核对括号和转义",
                "check brackets and escapes",
            )
    return None


def _outside_escapes(pattern: str) -> str:
    return pattern.replace("\\\\", "")


def _nests_class(pattern: str) -> bool:
    inside, n = False, 0
    while n < len(pattern):
        char = pattern[n]
        if char == "\\":
            n += 2
            continue
        if inside and (pattern[n : n + 2] in ("&&", "--", "~~") or (char == "[" and pattern[n + 1 : n + 2] != ":")):
            return True
        if inside and char == "[":
            n = pattern.find(":]", n) + 2 if pattern.find(":]", n) > 0 else n + 1
            continue
        if not inside and char == "[":
            inside = True
            n += 2 if pattern[n + 1 : n + 2] == "^" else 1
            n += 1 if pattern[n : n + 1] == "]" else 0
            continue
        inside = inside and char != "]"
        n += 1
    return False


@lru_cache(maxsize=1024)
def _re2(pattern: str) -> str | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern=f"^(?:{pattern})$")
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ").splitlines()[0][:120]
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of one text matches, as RE2 reads the pattern."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return bool(pc.match_substring_regex(pa.array([text]), pattern=rf"\A(?:{pattern})\z")[0].as_py())


@lru_cache(maxsize=1024)
def _rust(pattern: str) -> str | None:
    import polars as pl

    try:
        pl.Series([""]).str.contains(whole(pattern))
    except pl.exceptions.PolarsError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return next((line for line in reversed(lines) if line.startswith("error:")), lines[-1] if lines else "?")[:120]
    return None


@lru_cache(maxsize=4096)
def rust(pattern: str) -> str:
    """The pattern for Rust's regex with RE2's ASCII meaning of \\d, \\w, \\s and \\b."""
    rewritten, inside, n = "", False, 0
    while n < len(pattern):
        char = pattern[n]
        if char == "\\":
            rewritten += _escape(pattern[n : n + 2], inside)
            n += 2
            continue
        if not inside and char == "[":
            inside = True
            lead = 2 if pattern[n + 1 : n + 2] == "^" else 1
            lead += 1 if pattern[n + lead : n + lead + 1] == "]" else 0
            rewritten += pattern[n : n + lead]
            n += lead
            continue
        if inside and pattern.startswith("[:", n) and (end := pattern.find(":]", n)) > 0:
            rewritten += pattern[n : end + 2]
            n = end + 2
            continue
        inside = inside and char != "]"
        rewritten += char
        n += 1
    return rewritten


def _escape(pair: str, inside: bool) -> str:
    letter = pair[1:]
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES and letter:
        return f"[^{_CLASSES[letter.lower()]}]"
    if letter == "b" and not inside:
        return r"(?-u:\b)"
    return pair


def whole(pattern: str) -> str:
    """The Rust pattern that the whole text must match."""
    return f"^(?:{rust(pattern)})$"
