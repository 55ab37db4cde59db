"""Whether there is a value, and whether it is of the item's type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contracts.checks.formats.width import is_half_width
from contracts.checks.rules.base import Dimension, ItemCheck, Rule
from contracts.checks.rules.wording import named, sentence
from contracts.model import Item, Said, Type

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext

TYPE_NAMES: dict[Type, Said] = {
    Type.STRING: ("文本", "text"),
    Type.INTEGER: ("整数", "an integer"),
    Type.NUMBER: ("数字", "a number"),
    Type.BOOLEAN: ("是/否", "a yes/no value"),
    Type.DATE: ("日期", "a date"),
    Type.TIMESTAMP: ("日期时间", "a date and time"),
    Type.TIME: ("时间", "a time"),
}
DIRECTIVES = {
    "%Y": "2024", "%y": "24", "%m": "03", "%d": "09", "%H": "16", "%I": "04", "%M": "05", "%S": "08",
    "%f": "250", "%p": "PM", "%b": "Mar", "%B": "March", "%z": "+08:00",
}  # fmt: skip
"""9 March 2024, 16:05:08.250 in each directive, to show people a format by an example."""


def _required_sql(check: ItemCheck, c: SqlContext) -> str:
    empty = f"({c.text(check.of)}) IS NULL" if check.of.type is not Type.STRING else "TRUE"
    return f"CASE WHEN {c.value(check.of)} IS NOT NULL THEN FALSE ELSE {empty} END"


def _required_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return f.text(check.of).is_null()


def _required(check: ItemCheck, value: str | None) -> Said:
    zh, en = named(check)
    return f"“{zh}”必填，不能为空；请补填。", f"{en} is required and may not be empty; fill it in."


def _type_sql(check: ItemCheck, c: SqlContext) -> str:
    return f"CASE WHEN {c.value(check.of)} IS NOT NULL THEN FALSE ELSE ({c.text(check.of)}) IS NOT NULL END"


def _type_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return f.text(check.of).is_not_null() & f.value(check.of).is_null()


def _type(check: ItemCheck, value: str | None) -> Said:
    zh, en = expects(check.of)
    return sentence(check, value, (f"应为{zh}", f"must be {en}"), _type_remedy(check.of, value or ""))


def _type_remedy(item: Item, value: str) -> Said:
    if not is_half_width(value):
        return "含全角字符，请改用半角", "it has full-width characters, use half-width ones"
    if item.type in (Type.INTEGER, Type.NUMBER):
        return _number_remedy(item, value)
    if item.type is Type.BOOLEAN:
        return "请填 是 或 否", "write yes or no"
    return "请按此写法填写，并核对日期时间确实存在", "write it so, and check that the date and time exist"


def _number_remedy(item: Item, value: str) -> Said:
    if "," in value and not item.thousands:
        return "请去掉千分位逗号", "remove the thousands separators"
    if value.strip().rstrip("%") != value.strip():
        return "请去掉百分号，按数值填写", "remove the percent sign"
    if item.type is Type.INTEGER and value.replace(".", "", 1).lstrip("+-").isdigit() and "." in value:
        return "不能有小数，请核对后填整数", "decimals are not allowed, give a whole number"
    if item.type is Type.NUMBER and item.precision is None and re.fullmatch(r"\s*[+-]?[\d,]{8,}(\.\d+)?\s*", value):
        return (
            "位数多于浮点数能精确保存的 15 位，会被舍入；请核对，或请管理员在契约中写 precision 和 scale（DECIMAL）",
            "it has more than the 15 digits that a number keeps and would be rounded; check it, or ask the steward for "
            "precision and scale (DECIMAL) in the contract",
        )
    if value.lstrip("+-").isdigit():
        return "数值超出可存范围，请核对位数", "the value is too large, check its digits"
    return "只填数字，单位和说明另列", "give digits only, without units or remarks"


def example(fmt: str) -> str:
    """A strptime format shown as one moment, e.g. 2024/03/09."""
    for directive, text in DIRECTIVES.items():
        fmt = fmt.replace(directive, text)
    return fmt


def expects(item: Item) -> Said:
    """How the item's type is written."""
    zh, en = TYPE_NAMES[item.type]
    if item.epoch:
        unit = ("毫秒", "milliseconds") if item.epoch == "milliseconds" else ("秒", "seconds")
        return f"1970 年以来的{unit[0]}数（整数）", f"whole {unit[1]} since 1970"
    if item.type in (Type.DATE, Type.TIMESTAMP, Type.TIME):
        default = {Type.DATE: "%Y-%m-%d", Type.TIMESTAMP: "%Y-%m-%d %H:%M:%S", Type.TIME: "%H:%M:%S"}[item.type]
        samples = [example(f) for f in item.formats or (default,)]
        return f"{zh}，写作 {' 或 '.join(samples)}", f"{en} written as {' or '.join(samples)}"
    if item.type is Type.NUMBER and item.precision is not None and item.scale is not None:
        whole = item.precision - item.scale
        return (
            f"数字，整数部分至多 {whole} 位、小数至多 {item.scale} 位",
            f"a number of at most {whole} digits and {item.scale} decimals",
        )
    if item.type is Type.BOOLEAN:
        return "是/否（是、否、true、false、Y、N、1、0）", "a yes/no value (true, false, Y, N, 1, 0, 是, 否)"
    return zh, en


REQUIRED: Rule[ItemCheck] = Rule(
    name="required",
    title=("必填", "Required"),
    heading=("必填项为空", "Required value missing"),
    dimension=Dimension.COMPLETENESS,
    asked=lambda item: item.required or item.key is not None,
    sql=_required_sql,
    frame=_required_frame,
    message=_required,
)
TYPE: Rule[ItemCheck] = Rule(
    name="type",
    title=("类型", "Type"),
    heading=("类型不符", "Wrong type"),
    asked=lambda item: item.type is not Type.STRING,
    sql=_type_sql,
    frame=_type_frame,
    message=_type,
)
