"""What checks of rows, unreadable lines and whole deliveries say, and what every message is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.checks.compile import Check

Said = tuple[str, str]
"""One text in Chinese and English."""

HEADINGS: dict[str, Said] = {
    "required": ("必填项为空", "Required value missing"),
    "type": ("类型不符", "Wrong type"),
    "length": ("长度不符", "Wrong length"),
    "pattern": ("格式不符", "Wrong form"),
    "minimum": ("小于下限", "Below the minimum"),
    "maximum": ("大于上限", "Above the maximum"),
    "multiple": ("不是规定的倍数", "Not a multiple"),
    "values": ("值不在允许范围", "Value not allowed"),
    "code-list": ("值不在代码表", "Not in the code list"),
    "reference": ("引用的记录不存在", "No such record"),
    "unique": ("值重复", "Repeated value"),
    "key": ("主键重复且内容矛盾", "Same key, contradicting content"),
    "credit-code": ("统一社会信用代码不符", "Wrong credit code"),
    "identity-number": ("身份证号不符", "Wrong identity number"),
    "division": ("行政区划代码不存在", "No such division"),
    "mobile": ("手机号不符", "Wrong mobile number"),
    "longitude": ("经度超出范围", "Longitude out of bounds"),
    "latitude": ("纬度超出范围", "Latitude out of bounds"),
    "swapped": ("经纬度疑似对调", "Longitude and latitude look exchanged"),
    "row": ("项间关系不符", "Items disagree"),
    "columns": ("列数不符，无法解析", "Wrong number of columns"),
    "quotes": ("引号不配对，无法解析", "Unbalanced quotes"),
    "json": ("不是完整的 JSON 对象", "Not a JSON object"),
    "note": ("附注或标题，不是记录", "Note or heading, no record"),
    "total": ("合计行，不是记录", "Total, no record"),
    "total-mismatch": ("合计与各行之和不符", "Total differs from its rows"),
    "example": ("示例行，不是记录", "Example, no record"),
    "numbered": ("只有序号的空行", "Row with a number only"),
    "zeros": ("没有名称的全零行", "Row of zeros without a name"),
    "header": ("重复的表头", "Header repeated"),
    "table": ("下方另一个表的行", "Row of another table below"),
    "empty": ("所有值都是空的", "Every value is empty"),
    "encoding": ("编码错误，无法解析", "Undecodable bytes"),
    "row-count": ("行数超出约定", "Row count out of range"),
    "freshness": ("数据过旧", "Data too old"),
    "vanish": ("全量交付缺失过多", "Too many rows vanish"),
    "quarantine-share": ("隔离行过多", "Too many rows quarantined"),
}


NAMES: dict[str, Said] = {
    "required": ("必填", "Required"),
    "type": ("类型", "Type"),
    "length": ("长度", "Length"),
    "pattern": ("格式", "Form"),
    "minimum": ("下限", "Minimum"),
    "maximum": ("上限", "Maximum"),
    "multiple": ("倍数", "Multiple"),
    "values": ("允许的值", "Allowed values"),
    "code-list": ("代码表", "Code list"),
    "reference": ("引用的记录存在", "Record referred to exists"),
    "unique": ("值不重复", "Unique"),
    "key": ("主键唯一", "Unique key"),
    "credit-code": ("统一社会信用代码", "Credit code"),
    "identity-number": ("身份证号", "Identity number"),
    "division": ("行政区划代码", "Division"),
    "mobile": ("手机号", "Mobile number"),
    "longitude": ("经度范围", "Longitude"),
    "latitude": ("纬度范围", "Latitude"),
    "swapped": ("经纬度未对调", "Coordinates not exchanged"),
    "row": ("项间关系", "Items agree"),
    "columns": ("列数", "Number of columns"),
    "quotes": ("引号配对", "Balanced quotes"),
    "json": ("完整的 JSON 对象", "JSON object"),
    "encoding": ("编码", "Encoding"),
    "row-count": ("行数", "Row count"),
    "freshness": ("时效", "Freshness"),
    "vanish": ("全量交付的完整", "Full delivery is whole"),
    "quarantine-share": ("隔离比例", "Share of quarantine"),
}
"""What each rule asks, in a word: the names under which rules are listed where nothing is wrong with the data."""


ASIDE = {
    "note": ("是附注、落款或标题", "is a note, a signature or a heading"),
    "total": ("是合计", "is a total"),
    "example": ("是填写示例", "is an example of how to fill in"),
    "numbered": ("只有序号", "has a row number only"),
    "zeros": ("没有名称，数值全为零", "has no name and nothing but zeros"),
    "header": ("是重复的表头", "repeats the header"),
    "table": (
        "属于下方的另一个表；要读它，请另用 --header 指出它的表头",
        "belongs to another table below; --header N reads that one",
    ),
}


def shown(value: str | None, limit: int = 60) -> str:
    """A received value as a person may read it in one line."""
    if value is None:
        return "空"
    line = " ".join(value.split("\n")).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def received(check: Check, value: str) -> Said:
    """A received value in quotes; of personal data its length only."""
    if check.private:
        return f"一个 {len(value)} 个字符的值（受保护，不显示）", f"a value of {len(value)} characters (guarded, not shown)"
    return f"“{shown(value)}”", f"“{shown(value)}”"


def named(check: Check) -> Said:
    """The item of a check as people call it; the row where there is none."""
    item = check.of
    if item is None:
        return "整行", "the row"
    return item.title or item.name, item.title_en or item.name


def row(check: Check, value: str | None) -> Said:
    """A rule over several items."""
    rule = check.row_rule
    assert rule is not None  # noqa: S101
    zh, en = rule.title or rule.name, rule.title_en or rule.title or rule.name
    if value is None:
        return f"{zh}（{rule.expression}）", f"{en} ({rule.expression})"
    titles = {item.name: (item.title or item.name, item.title_en or item.name) for item in check.about}
    if check.private:
        got = received(check, value)
    else:
        got = (f" {shown(_titled(value, titles, 0))}", shown(_titled(value, titles, 1)))
    items = [titles.get(name, (name, name)) for name in rule.items]
    return (
        f"{zh}：不相符，收到{got[0]}；请核对 {'、'.join(one[0] for one in items)}。",
        f"{en}: they disagree, received {got[1]}; check {', '.join(one[1] for one in items)}.",
    )


def _titled(value: str, titles: dict[str, Said], language: int) -> str:
    """A received value "name = value, …" with the items' titles."""
    return re.sub(r"(^|, )(\w+) = ", lambda m: f"{m[1]}{titles[m[2]][language] if m[2] in titles else m[2]} = ", value)


def unparsed(check: Check, value: str | None) -> Said:
    """A row that could not be split into columns or decoded."""
    line = None if check.private else value
    received = f"，收到 {line}" if line else ""
    received_en = f", received {line}" if line else ""
    if check.kind == "columns":
        wants = f"每行应有 {check.limit} 列" if check.limit else "列数应与表头一致"
        wants_en = f"a row must have {check.limit} columns" if check.limit else "a row must have as many columns as the header"
        return (
            f"{wants}{received}；请检查多余或缺少的分隔符、合并单元格和换行。",
            f"{wants_en}{received_en}; look for stray or missing delimiters, merged cells and line breaks.",
        )
    if check.kind == "quotes":
        return (
            f"引号不配对{received}；字段内的引号请写成两个引号。",
            f"quotes do not balance{received_en}; double the quotes inside a field.",
        )
    if check.kind == "json":
        return (
            "这一行不是完整的 JSON 对象；请每行写一个对象，检查括号、引号和换行。",
            "this line is not a whole JSON object; write one object a line, look at brackets, quotes and line breaks.",
        )
    if check.kind == "total-mismatch":
        return (
            f"合计行与各行之和不符{received}；请核对合计和各行，合计行不作为记录。",
            f"this total differs from the sum of its rows{received_en}; check both. It is no record.",
        )
    if check.kind in ASIDE:
        zh, en = ASIDE[check.kind]
        return f"这一行{zh}，不是记录，已另放{received}。", f"this row {en}; it is no record and was set aside{received_en}."
    return (
        f"有无法按文件编码读取的字节{received}；请用 UTF-8 或 GB18030 重新导出。",
        f"some bytes cannot be read in the file's encoding{received_en}; export it again as UTF-8 or GB18030.",
    )


def duration(span: timedelta) -> str:
    """A freshness limit as people read it: 35 d, 6 h, 15 min."""
    if span >= timedelta(days=1) and span.seconds == 0:
        return f"{span.days} d"
    if span.total_seconds() % 3600 == 0:
        return f"{span.total_seconds() / 3600:g} h"
    return f"{span.total_seconds() / 60:g} min"


def batch(check: Check, value: str | None) -> Said:
    """A rule about the delivery as a whole."""
    got = f"，收到 {value}" if value else ""
    got_en = f", received {value}" if value else ""
    return {
        "row-count": (
            f"一批应有 {check.limit} 行{got}；请核对是否漏报或重复导出。",
            f"a delivery must have {check.limit} rows{got_en}; check for missing or repeated parts.",
        ),
        "freshness": (
            f"最新的“{named(check)[0]}”距收到不得超过 {check.limit}{got}；请确认交付的是最新数据。",
            f"the newest {named(check)[1]} may be at most {check.limit} old{got_en}; make sure that this is the latest data.",
        ),
        "vanish": (
            f"全量交付至多可减少 {check.limit} 的记录{got}；若确实减少，请书面说明后由数据管理员放行。",
            f"a full delivery may remove at most {check.limit} of the records{got_en}; if they are gone, tell the steward.",
        ),
        "quarantine-share": (
            f"被隔离的行至多占 {check.limit}{got}；整批退回，请修改后重新报送。",
            f"at most {check.limit} of the rows may be quarantined{got_en}; mend the delivery and send it again.",
        ),
    }[check.kind]
