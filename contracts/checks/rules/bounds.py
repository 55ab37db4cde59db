"""How small, how great, a multiple of what: numbers, dates and times."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from contracts.checks import datetimes
from contracts.checks.rules.base import Dimension, ItemCheck, Rule
from contracts.checks.rules.wording import sentence
from contracts.model import Item, Said, Type

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext

TEMPORAL = (Type.DATE, Type.TIMESTAMP, Type.TIME)


def _bound(check: ItemCheck) -> tuple[bool, str, bool]:
    """Whether it is the lower one, its text, and whether it is itself outside."""
    item, low = check.of, check.record.name == "minimum"
    text = item.minimum if low else item.maximum
    return low, text or "", item.exclusive_minimum if low else item.exclusive_maximum


def _sql(check: ItemCheck, c: SqlContext) -> str:
    item, (low, text, strict) = check.of, _bound(check)
    if item.type in (Type.INTEGER, Type.NUMBER):
        limit = c.number(item, text)
    else:
        moment, strict = datetimes.bound(item, text, c.now, low=low, strict=strict)
        limit = c.moment(moment)
    sign = {(True, False): "<", (True, True): "<=", (False, False): ">", (False, True): ">="}[low, strict]
    return f"coalesce({c.value(item)} {sign} {limit}, FALSE)"


def _frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    item, (low, text, strict) = check.of, _bound(check)
    if item.type in (Type.INTEGER, Type.NUMBER):
        limit = f.constant(item, _number(item, text))
    else:
        moment, strict = datetimes.bound(item, text, f.now, low=low, strict=strict)
        limit = f.constant(item, moment)
    x = f.value(item)
    outside = (x <= limit if strict else x < limit) if low else (x >= limit if strict else x > limit)
    return outside.fill_null(False)


def _number(item: Item, text: str) -> int | float | Decimal:
    if item.type is Type.INTEGER:
        return int(text)
    return Decimal(text) if item.precision else float(text)


def _message(check: ItemCheck, value: str | None) -> Said:
    low, bound, strict = _bound(check)
    words = {"today": ("收到当日", "the day of receipt"), "now": ("收到时刻", "the moment of receipt")}
    name = words.get(bound, (bound, bound))
    if check.of.type in TEMPORAL:
        zh, en = _WORDS[True, low, strict]
        remedy = "请核对年月日", "check the year, month and day"
    else:
        zh, en = _WORDS[False, low, strict]
        remedy = "请核对数值和单位", "check the value and its unit"
    return sentence(check, value, (f"{zh}{name[0]}", f"{en} {name[1]}"), remedy)


_WORDS: dict[tuple[bool, bool, bool], Said] = {
    (True, True, True): ("应晚于", "must be after"),
    (True, True, False): ("不得早于", "may not be before"),
    (True, False, True): ("应早于", "must be before"),
    (True, False, False): ("不得晚于", "may not be after"),
    (False, True, True): ("应大于", "must be above"),
    (False, True, False): ("不得小于", "may not be below"),
    (False, False, True): ("应小于", "must be below"),
    (False, False, False): ("不得大于", "may not be above"),
}
"""By: a moment, the lower bound, itself outside."""


def _multiple_sql(check: ItemCheck, c: SqlContext) -> str:
    return f"coalesce({c.value(check.of)} % {check.of.multiple_of} <> 0, FALSE)"


def _multiple_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return (f.value(check.of) % check.of.multiple_of != 0).fill_null(False)


def _multiple(check: ItemCheck, value: str | None) -> Said:
    of = check.of.multiple_of
    return sentence(check, value, (f"应为 {of} 的倍数", f"must be a multiple of {of}"), ("请核对数值", "check the value"))


MINIMUM: Rule[ItemCheck] = Rule(
    name="minimum",
    title=("下限", "Minimum"),
    heading=("小于下限", "Below the minimum"),
    dimension=Dimension.ACCURACY,
    asked=lambda item: item.minimum is not None,
    sql=_sql,
    frame=_frame,
    message=_message,
)
MAXIMUM: Rule[ItemCheck] = Rule(
    name="maximum",
    title=("上限", "Maximum"),
    heading=("大于上限", "Above the maximum"),
    dimension=Dimension.ACCURACY,
    asked=lambda item: item.maximum is not None,
    sql=_sql,
    frame=_frame,
    message=_message,
)
MULTIPLE: Rule[ItemCheck] = Rule(
    name="multiple",
    title=("倍数", "Multiple"),
    heading=("不是规定的倍数", "Not a multiple"),
    asked=lambda item: item.multiple_of is not None,
    sql=_multiple_sql,
    frame=_multiple_frame,
    message=_multiple,
)
