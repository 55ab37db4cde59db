"""What a check says to the provider: the rule, what was received, how to mend it. Chinese first, English beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from contracts.checks import batch_messages, pattern_words
from contracts.checks.batch_messages import HEADINGS, NAMES, Said, named, received
from contracts.checks.formats import registry as formats
from contracts.model import Item, Type

if TYPE_CHECKING:
    from contracts.checks.compile import Check

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


def name(check: Check) -> Said:
    """What the rule asks, in a word; a row rule has its own title."""
    if check.row_rule and check.row_rule.title:
        return check.row_rule.title, check.row_rule.title_en or check.row_rule.title
    return NAMES.get(check.kind, HEADINGS.get(check.kind, (check.rule, check.rule)))


SHOWN_CODES = 12
"""Codes of a list that a message names."""


def heading(check: Check) -> Said:
    """The rule's short name; a row rule has its own title."""
    if check.row_rule and check.row_rule.title:
        return check.row_rule.title, check.row_rule.title_en or check.row_rule.title
    return HEADINGS.get(check.kind, (check.rule, check.rule))


def describe(check: Check, value: str | None) -> Said:
    """What is wrong with the value and how to mend it; without a value, what the rule asks."""
    zh, en = MAKERS[check.kind](check, value) if check.kind in MAKERS else heading(check)
    return zh, en


def _told(check: Check, value: str | None, wants: Said, mend: Said) -> Said:
    zh, en = named(check)
    if value is None:
        return f"“{zh}”{wants[0]}", f"{en} {wants[1]}"
    return (
        f"“{zh}”{wants[0]}，收到{received(check, value)[0]}；{mend[0]}。",
        f"{en} {wants[1]}, received {received(check, value)[1]}; {mend[1]}.",
    )


def _required(check: Check, value: str | None) -> Said:
    zh, en = named(check)
    return f"“{zh}”必填，不能为空；请补填。", f"{en} is required and may not be empty; fill it in."


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


def _type(check: Check, value: str | None) -> Said:
    item = check.of
    assert item is not None  # noqa: S101 - compile() gives every type check its item
    zh, en = expects(item)
    return _told(check, value, (f"应为{zh}", f"must be {en}"), _type_mend(item, value or ""))


def _type_mend(item: Item, value: str) -> Said:
    if not formats.is_half_width(value):
        return "含全角字符，请改用半角", "it has full-width characters, use half-width ones"
    if item.type in (Type.INTEGER, Type.NUMBER):
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
    if item.type is Type.BOOLEAN:
        return "请填 是 或 否", "write yes or no"
    return "请按此写法填写，并核对日期时间确实存在", "write it so, and check that the date and time exist"


def _length(check: Check, value: str | None) -> Said:
    item = check.of
    assert item is not None  # noqa: S101
    low, high = item.min_length, item.max_length
    if low is not None and low == high:
        wants = f"应为 {low} 个字符", f"must have {low} characters"
    elif low is not None and high is not None:
        wants = f"应为 {low} 至 {high} 个字符", f"must have {low} to {high} characters"
    elif low is not None:
        wants = f"至少 {low} 个字符", f"must have at least {low} characters"
    else:
        wants = f"至多 {high} 个字符", f"must have at most {high} characters"
    size = len(value or "")
    return _told(check, value, wants, (f"现为 {size} 个，请补全或精简", f"it has {size}, complete or shorten it"))


def _pattern(check: Check, value: str | None) -> Said:
    item = check.of
    assert item is not None  # noqa: S101
    like = f"，例如 {item.sample}" if item.sample else ""
    like_en = f", like {item.sample}" if item.sample else ""
    zh, en = pattern_words.words(item.pattern or "") or ("与规定的写法一致", "as agreed")
    wants = (f"应写作 {zh}{like}", f"must be written {en}{like_en}")
    if value is None and item.pattern:
        wants = (f"{wants[0]}（{item.pattern}）", f"{wants[1]} ({item.pattern})")
    return _told(
        check,
        value,
        wants,
        ("请核对每一位", "check every character"),
    )


def _bound(check: Check, value: str | None) -> Said:
    item = check.of
    assert item is not None  # noqa: S101
    low = check.rule == "minimum"
    bound = item.minimum if low else item.maximum
    strict = item.exclusive_minimum if low else item.exclusive_maximum
    temporal = item.type in (Type.DATE, Type.TIMESTAMP, Type.TIME)
    words = {"today": ("收到当日", "the day of receipt"), "now": ("收到时刻", "the moment of receipt")}.get(bound or "")
    name = words or (str(bound), str(bound))
    if temporal:
        zh = ("应晚于" if strict else "不得早于") if low else ("应早于" if strict else "不得晚于")
        en = (
            ("must be after" if strict else "may not be before")
            if low
            else ("must be before" if strict else "may not be after")
        )
        mend = "请核对年月日", "check the year, month and day"
    else:
        zh = ("应大于" if strict else "不得小于") if low else ("应小于" if strict else "不得大于")
        en = ("must be above" if strict else "may not be below") if low else ("must be below" if strict else "may not be above")
        mend = "请核对数值和单位", "check the value and its unit"
    return _told(check, value, (f"{zh}{name[0]}", f"{en} {name[1]}"), mend)


def _multiple(check: Check, value: str | None) -> Said:
    of = check.of.multiple_of if check.of else ""
    return _told(check, value, (f"应为 {of} 的倍数", f"must be a multiple of {of}"), ("请核对数值", "check the value"))


def _values(check: Check, value: str | None) -> Said:
    values = check.of.values if check.of else ()
    some, some_en = _some(values, 8)
    return _told(check, value, (f"只能是 {some}", f"must be one of {some_en}"), ("请改填其中之一", "write one of them"))


def _some(values: Sequence[str], limit: int) -> tuple[str, str]:
    """The first of several values, as Chinese and as English lists them."""
    more = "…" if len(values) > limit else ""
    return "、".join(values[:limit]) + more, ", ".join(values[:limit]) + more


def _code_list(check: Check, value: str | None) -> Said:
    name = check.of.code_list if check.of else ""
    some, some_en = _some(check.codes, SHOWN_CODES)
    listed = (f"（{some}）", f" ({some_en})") if some else ("", "")
    return _told(
        check,
        value,
        (f"应为代码表 {name} 中的代码{listed[0]}", f"must be a code of the list {name}{listed[1]}"),
        ("请填代码而非名称，从模板下拉表选择", "write the code, not its label; choose from the template's list"),
    )


def _reference(check: Check, value: str | None) -> Said:
    dataset, item = check.of.references if check.of and check.of.references else ("", "")
    return _told(
        check,
        value,
        (f"应为数据集 {dataset} 中已有的 {item}", f"must exist as {item} in the dataset {dataset}"),
        (f"请核对，或先报送 {dataset} 中的该记录", f"check it, or deliver that record of {dataset} first"),
    )


def _unique(check: Check, value: str | None) -> Said:
    return _told(
        check,
        value,
        ("不得重复", "must be unique"),
        ("该值已出现在其他记录，请核对哪一条正确", "another record has this value, check which one is right"),
    )


def _key(check: Check, value: str | None) -> Said:
    return _told(
        check,
        value,
        (
            f"是主键（{check.limit}），同一主键只能有一条记录",
            f"is the key ({check.limit}); a key may stand for one record only",
        ),
        (
            "本批中有内容不同的同键记录，请只保留正确的一条",
            "this delivery has records with this key that differ; keep the right one",
        ),
    )


def _format(check: Check, value: str | None) -> Said:
    name = {
        "credit-code": ("应为有效的统一社会信用代码（GB 32100）", "must be a valid unified social credit code (GB 32100)"),
        "identity-number": ("应为有效的居民身份证号（GB 11643）", "must be a valid identity number (GB 11643)"),
        "division": ("应为存在的行政区划代码（2 至 12 位）", "must be an existing division code (2 to 12 digits)"),
        "mobile": ("应为手机号", "must be a mobile number"),
    }[check.kind]
    if value is None:
        return _told(check, None, name, ("", ""))
    if check.kind == "division":
        wrong = formats.division(value.strip()) or formats.division(value.strip(), frozenset())
    else:
        explainers: dict[str, Callable[[str], Said | None]] = {
            "credit-code": formats.credit_code,
            "identity-number": formats.identity_number,
            "mobile": formats.mobile,
        }
        wrong = explainers[check.kind](value.strip())
    if wrong is None:  # the shape and check character are right: only the region can be unknown
        wrong = f"地区码 {value.strip()[:6]} 不存在；请按证件核对", f"region {value.strip()[:6]} does not exist; check the card"
    return _told(check, value, name, _veiled(wrong) if check.private else wrong)


def _veiled(wrong: Said) -> Said:
    """What is wrong, without a date of birth or a region."""
    return re.sub("[0-9]{6,}", "…", wrong[0]), re.sub("[0-9]{6,}", "…", wrong[1])


def _coordinate(check: Check, value: str | None) -> Said:
    from contracts.checks.compile import bounds

    item = check.of
    assert item is not None  # noqa: S101
    low, high = bounds(item)
    kind = ("经度", "longitude") if check.kind == "longitude" else ("纬度", "latitude")
    datum = f"（{item.datum}）" if item.datum else ""
    return _told(
        check,
        value,
        (f"应在{kind[0]} {low:g} 至 {high:g} 度之间{datum}", f"must be a {kind[1]} from {low:g} to {high:g} degrees"),
        ("请用十进制度，核对坐标和坐标系", "use decimal degrees, check the place and the datum"),
    )


def _swapped(check: Check, value: str | None) -> Said:
    other = check.pair
    zh, en = (other.title or other.name, other.title_en or other.name) if other else ("纬度", "latitude")
    return _told(
        check,
        value,
        (f"与“{zh}”疑似对调", f"and {en} look exchanged"),
        ("请核对后交换两列的值", "check, then exchange the two values"),
    )


MAKERS = {
    "required": _required,
    "type": _type,
    "length": _length,
    "pattern": _pattern,
    "minimum": _bound,
    "maximum": _bound,
    "multiple": _multiple,
    "values": _values,
    "code-list": _code_list,
    "reference": _reference,
    "unique": _unique,
    "key": _key,
    "credit-code": _format,
    "identity-number": _format,
    "division": _format,
    "mobile": _format,
    "longitude": _coordinate,
    "latitude": _coordinate,
    "swapped": _swapped,
    "row": batch_messages.row,
    "columns": batch_messages.unparsed,
    "quotes": batch_messages.unparsed,
    "encoding": batch_messages.unparsed,
    "json": batch_messages.unparsed,
    "note": batch_messages.unparsed,
    "total": batch_messages.unparsed,
    "total-mismatch": batch_messages.unparsed,
    "example": batch_messages.unparsed,
    "numbered": batch_messages.unparsed,
    "zeros": batch_messages.unparsed,
    "header": batch_messages.unparsed,
    "table": batch_messages.unparsed,
    "row-count": batch_messages.batch,
    "freshness": batch_messages.batch,
    "vanish": batch_messages.batch,
    "quarantine-share": batch_messages.batch,
}
