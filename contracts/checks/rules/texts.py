"""How long a text is, and how it is written."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from contracts.checks import pattern_words, regex
from contracts.checks.rules.base import ItemCheck, Rule
from contracts.checks.rules.wording import sentence
from contracts.model import Said
from contracts.sql import full_match

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext


def _length_sql(check: ItemCheck, c: SqlContext) -> str:
    x, low, high = c.value(check.of), check.of.min_length, check.of.max_length
    short = f"length({x}) < {low}" if low is not None else None
    long = f"length({x}) > {high}" if high is not None else None
    return f"coalesce({' OR '.join(part for part in (short, long) if part)}, FALSE)"


def _length_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    size, low, high = f.value(check.of).str.len_chars(), check.of.min_length, check.of.max_length
    parts = ([size < low] if low is not None else []) + ([size > high] if high is not None else [])
    return reduce(or_, parts).fill_null(False)


def _length(check: ItemCheck, value: str | None) -> Said:
    low, high = check.of.min_length, check.of.max_length
    if low is not None and low == high:
        wants = f"应为 {low} 个字符", f"must have {low} characters"
    elif low is not None and high is not None:
        wants = f"应为 {low} 至 {high} 个字符", f"must have {low} to {high} characters"
    elif low is not None:
        wants = f"至少 {low} 个字符", f"must have at least {low} characters"
    else:
        wants = f"至多 {high} 个字符", f"must have at most {high} characters"
    size = len(value or "")
    return sentence(check, value, wants, (f"现为 {size} 个，请补全或精简", f"it has {size}, complete or shorten it"))


def _pattern_sql(check: ItemCheck, c: SqlContext) -> str:
    return f"coalesce(NOT {full_match(c.value(check.of), check.of.pattern or '')}, FALSE)"


def _pattern_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return f.value(check.of).str.contains(regex.whole(check.of.pattern or "")).not_().fill_null(False)


def _pattern(check: ItemCheck, value: str | None) -> Said:
    item = check.of
    like = f"，例如 {item.sample}" if item.sample else ""
    like_en = f", like {item.sample}" if item.sample else ""
    zh, en = pattern_words.words(item.pattern or "") or ("与规定的写法一致", "as agreed")
    wants = (f"应写作 {zh}{like}", f"must be written {en}{like_en}")
    if value is None and item.pattern:
        wants = (f"{wants[0]}（{item.pattern}）", f"{wants[1]} ({item.pattern})")
    return sentence(check, value, wants, ("请核对每一位", "check every character"))


LENGTH: Rule[ItemCheck] = Rule(
    name="length",
    title=("长度", "Length"),
    heading=("长度不符", "Wrong length"),
    asked=lambda item: item.min_length is not None or item.max_length is not None,
    sql=_length_sql,
    frame=_length_frame,
    message=_length,
)
PATTERN: Rule[ItemCheck] = Rule(
    name="pattern",
    title=("格式", "Form"),
    heading=("格式不符", "Wrong form"),
    asked=lambda item: item.pattern is not None,
    sql=_pattern_sql,
    frame=_pattern_frame,
    message=_pattern,
)
