"""The hub's own customProperties: what ODCS has no field for, by name, with what each may say.

A property of another tool is kept and not judged when its name has a prefix: `x-…` or `vendor:…`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.checks.formats import registry as formats
from contracts.model import Delivery
from contracts.odcs.findings import Findings, Path
from contracts.suggest import choose, did_you_mean, like

CYCLES = ("实时", "每日", "每周", "每月", "每季度", "每半年", "每年", "不定期")
PERSONAL = (
    "name", "mobile", "phone", "identity-number", "address", "email", "birth-date", "bank-account", "licence-plate",
    "passport", "photo", "location", "health", "other",
)  # fmt: skip
READING = (
    "media", "encoding", "delimiter", "quote", "escape", "header", "header_row", "skip", "footer", "sheet", "records",
    "member", "comment", "line_end", "newline", "decimal", "columns", "asides", "flattened", "geometry", "mends", "places",
    "edges", "range",
)  # fmt: skip
"""Keys of `reading`, how files of the dataset are read; contracts.inference.sniff writes and warehouse.readers reads them."""

MENDS = ("quoted", "whole", "pointed", "midnight", "excel-days", "roc")
PLACES = ("gcj02", "bd09", "swapped", "minutes", "seconds", "dms", "mercator", "column")
Judge = Callable[[Any], tuple[str, str] | None]
"""What is wrong with a value, in Chinese and English, or None."""


def _text(value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, str) and value.strip() else ("应为文本", "must be text")


def _texts(value: Any) -> tuple[str, str] | None:
    good = isinstance(value, list) and all(isinstance(v, str) for v in value)
    return None if good else ("应为文本列表，如 [a, b]", "must be a list of texts, like [a, b]")


def _flag(value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, bool) else ("应为 true 或 false", "must be true or false")


def _whole(low: int, high: int) -> Judge:
    def judge(value: Any) -> tuple[str, str] | None:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if good else (f"应为 {low} 至 {high} 的整数", f"must be an integer from {low} to {high}")

    return judge


def _share(value: Any) -> tuple[str, str] | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return None if good else ("应为 0 至 1 的比例，如 0.2", "must be a share from 0 to 1, like 0.2")


def _choice(*known: str) -> Judge:
    def judge(value: Any) -> tuple[str, str] | None:
        if value in known:
            return None
        near = like(str(value), known)
        listed = choose(known, 30)
        zh, en = (f"；是否想写 {near}？", f"; did you mean {near}?") if near else ("", "")
        return f"应为 {listed} 之一{zh}", f"must be one of {listed}{en}"

    return judge


def _format(value: Any) -> tuple[str, str] | None:
    """Packs and plug-ins bring formats, so they are asked each time."""
    return _choice(*formats.formats())(value)


def _shaped(pattern: str, zh: str, en: str) -> Judge:
    def judge(value: Any) -> tuple[str, str] | None:
        return None if isinstance(value, str) and re.fullmatch(pattern, value) else (zh, en)

    return judge


def _pair(value: Any) -> tuple[str, str] | None:
    numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)
    if not numbers or any(isinstance(v, bool) for v in value):
        return "应为两个数 [最小, 最大]", "must be two numbers [smallest, largest]"
    return None if value[0] < value[1] else ("第一个数应小于第二个", "the first number must be below the second")


def _codes(value: Any) -> tuple[str, str] | None:
    good = isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= 7 for v in value)
    return None if good else ("应为 1 至 7 的列表（信息资源格式）", "must be a list of 1 to 7 (formats of the 2017 guide)")


def mends_problem(value: Any) -> tuple[str, str] | None:
    """What is wrong with the `mends` of a reading (contracts.inference.mends), or None."""
    good = isinstance(value, Mapping) and all(kind in MENDS for kind in value.values())
    kinds = ", ".join(MENDS)
    return None if good else (f"mends 应为 列名: 种类（{kinds}）", f"mends must be column: kind, one of {kinds}")


def places_problem(value: Any) -> tuple[str, str] | None:
    """What is wrong with the `places` of a reading (contracts.inference.coordinates), or None."""
    good = isinstance(value, list) and all(
        isinstance(each, Mapping)
        and {"longitude", "latitude", "kind"} <= each.keys()
        and each["kind"] in PLACES
        and (each["kind"] != "column" or each.get("datum"))
        for each in value
    )
    kinds = ", ".join(PLACES)
    wrong = (
        f"places 应为列表，每项写 longitude、latitude、kind（{kinds}）",
        f"places must list longitude, latitude and kind, one of {kinds}",
    )
    return None if good else wrong


def _reading(value: Any) -> tuple[str, str] | None:
    if not isinstance(value, Mapping):
        return "应为键值对，如 {encoding: gb18030}", "must be a mapping, like {encoding: gb18030}"
    if wrong := mends_problem(value.get("mends", {})) or places_problem(value.get("places", [])):
        return wrong
    strange = [k for k in value if k not in READING]
    if not strange:
        return None
    zh, en = did_you_mean(str(strange[0]), READING)
    return f"没有 {strange[0]}；{zh}", f"has no {strange[0]}; {en}"


def _bound(value: Any) -> tuple[str, str] | None:
    good = (isinstance(value, str) and value.strip()) or (isinstance(value, int | float) and not isinstance(value, bool))
    return None if good else ("应为 today、now 或界限值", "must be today, now or a bound")


@dataclass(frozen=True, slots=True)
class Property:
    """One customProperty: how its value is judged and what it is for."""

    judge: Judge
    zh: str
    en: str


_NAME = _shaped(
    r"[a-z0-9][a-z0-9_-]{0,62}",
    "应为代码表名，如 park-kind",
    "must be the name of a code list, like park-kind",
)
_MACHINE = _shaped(r"[a-z][a-z0-9_]{0,62}", "应为机器名，如 updated_at", "must be a machine name, like updated_at")
_CLASS = _shaped(
    r"[1-9](\d{2}(\d{3}\d*)?)?",
    "应为类 1 位、项 2 位、目 3 位、细目不限位的数字，如 '205001'（加引号）",
    "must be digits: class 1, item 2, subject 3, detail any, like '205001' (in quotes)",
)

CONTRACT: dict[str, Property] = {
    "titleEn": Property(_text, "英文名称", "Title in English"),
    "descriptionEn": Property(_text, "英文摘要", "Abstract in English"),
    "delivery": Property(_choice(*(d.value for d in Delivery)), "交付方式", "What a delivery means"),
    "versionBy": Property(_MACHINE, "防止旧数据覆盖新数据的信息项", "Item that keeps late files from overwriting newer rows"),
    "library": Property(_choice("resource", "theme", "topic"), "所在库", "Library"),
    "route": Property(_choice("request", "buy", "collect", "derived"), "获取方式", "How the data comes"),
    "classCode": Property(_CLASS, "信息资源分类", "Class code"),
    "sharingType": Property(_whole(1, 3), "共享类型", "Sharing type: 1 unconditional, 2 conditional, 3 not shared"),
    "sharingCondition": Property(_text, "共享条件", "Condition of sharing"),
    "sharingBasis": Property(_text, "共享或不予共享的依据", "Legal basis"),
    "sharingUses": Property(_texts, "共享用途", "Uses: 行政依据, 工作参考, 数据校核, 业务协同"),
    "sharingMethods": Property(_texts, "共享方式", "Methods: database, file, interface, mail, medium"),
    "openType": Property(_whole(0, 2), "开放属性", "Open to the public: 0 no, 1 yes, 2 on condition"),
    "openCondition": Property(_text, "开放条件", "Condition of opening"),
    "cycle": Property(_choice(*CYCLES), "更新周期", "Update cycle"),
    "formats": Property(_codes, "信息资源格式", "Formats, codes 1 to 7"),
    "relatedCodes": Property(_texts, "关联资源代码", "Codes of the same resource elsewhere"),
    "category": Property(_choice("general", "important", "core"), "数据类别", "Category (GB/T 43697-2024)"),
    "vanishShare": Property(_share, "全量交付允许减少的比例", "Share of keys that a full delivery may remove"),
    "quarantineShare": Property(_share, "隔离行超过该比例则整批退回", "Share of quarantined rows that returns the batch"),
    "reading": Property(_reading, "文件读取方式", "How files are read"),
    "fills": Property(
        _texts, "可补缺的信息项（数据集.信息项）", "Items of other datasets whose gaps this fills (dataset.item)"
    ),
}
ITEM: dict[str, Property] = {
    "titleEn": Property(_text, "英文名称", "Title in English"),
    "descriptionEn": Property(_text, "英文说明", "Description in English"),
    "sourceNames": Property(_texts, "文件中的列名", "Headers under which the item may stand in a file"),
    "codeList": Property(_NAME, "代码表", "Code list in the catalogue"),
    "domainFormat": Property(_format, "领域格式", "Domain format"),
    "dateFormats": Property(_texts, "日期时间写法（strptime）", "strptime formats"),
    "epoch": Property(_choice("seconds", "milliseconds"), "1970 年以来的秒或毫秒", "Seconds or milliseconds since 1970"),
    "thousandsSeparators": Property(_flag, "允许千分位逗号", "Thousands separators are allowed"),
    "precision": Property(_whole(1, 38), "总位数", "Digits in all"),
    "scale": Property(_whole(0, 37), "小数位数", "Decimals"),
    "datum": Property(_choice("WGS84", "CGCS2000"), "坐标系", "Datum; GCJ-02 and BD-09 are converted before delivery"),
    "unit": Property(_text, "计量单位", "Unit of measure of a number"),
    "bounds": Property(_pair, "坐标允许范围", "Smallest and largest coordinate"),
    "minimum": Property(_bound, "下限：today、now", "Lower bound that is no literal: today, now"),
    "maximum": Property(_bound, "上限：today、now", "Upper bound that is no literal: today, now"),
    "personal": Property(_choice(*PERSONAL), "个人信息种类", "Kind of personal data"),
    "missingValues": Property(_texts, "表示“无值”的写法", "Texts that stand for no value"),
}
RULE: dict[str, Property] = {"titleEn": Property(_text, "英文名称", "Title in English")}
LEVELS = {"contract": CONTRACT, "item": ITEM, "rule": RULE}


def foreign(name: str) -> bool:
    """True for a property of another tool, which is kept and not judged."""
    return name.startswith("x-") or ":" in name


def judge(entries: Any, level: str, path: Path, findings: Findings) -> dict[str, Any]:
    """Judge a customProperties list; returns the values that are right, by name."""
    good: dict[str, Any] = {}
    if not isinstance(entries, list):
        return good
    for n, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("property"), str) or "value" not in entry:
            continue  # the standard's schema says what is wrong with it
        name, here = entry["property"], (*path, n, "property")
        if foreign(name):
            continue
        known = LEVELS[level]
        if name not in known:
            _unknown(name, level, here, findings)
        elif name in good:
            findings.add(here, (f"{name} 重复", f"{name} is repeated"), ("请只保留一个", "keep one of them"))
        elif wrong := known[name].judge(entry["value"]):
            about = known[name]
            findings.add(
                (*path, n, "value"), (f"{name}（{about.zh}）的值不对", f"{name} ({about.en}) has a wrong value"), wrong
            )
        else:
            good[name] = entry["value"]
    return good


def _unknown(name: str, level: str, path: Path, findings: Findings) -> None:
    elsewhere = [other for other, known in LEVELS.items() if other != level and name in known]
    if elsewhere and not like(name, LEVELS[level]):
        words = {
            "contract": ("契约顶层", "the contract's top level"),
            "item": ("信息项", "an item"),
            "rule": ("规则", "a rule"),
        }
        zh, en = words[elsewhere[0]]
        instead = f"应写在{zh}的 customProperties 下", f"it belongs to the customProperties of {en}"
    else:
        instead = did_you_mean(name, LEVELS[level])
        instead = (f"{instead[0]}；其他工具的属性请加前缀 x-", f"{instead[1]}; prefix another tool's property with x-")
    findings.add(path, (f"没有扩展属性 {name}", f"there is no custom property {name} here"), instead)


def values(entries: Any) -> dict[str, Any]:
    """A customProperties list as a mapping, for documents that were judged before."""
    if not isinstance(entries, list):
        return {}
    return {e["property"]: e["value"] for e in entries if not foreign(e["property"])}
