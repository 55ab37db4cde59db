"""Rules of this hub over one item of a contract: what its type, format, bounds and values may say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from contracts.checks import datetimes, regex
from contracts.checks.formats import registry as formats
from contracts.checks.formats.coordinate import Coordinate
from contracts.model import Type
from contracts.odcs import compile as build
from contracts.odcs import jdk_dates, properties
from contracts.odcs.findings import Findings, Path
from contracts.suggest import choose
from contracts.vocabulary import GRADES, LAKE_NAMES, MACHINE_NAME


@cache
def zones() -> frozenset[str]:
    """Time zones that this machine knows."""
    return frozenset(available_timezones())


TEMPORAL = (Type.DATE, Type.TIMESTAMP, Type.TIME)
NOT_KEPT = {
    "partitioned": ("表的分区由湖仓决定", "the lake decides partitions"),
    "encryptedName": ("请用授权的掩码规则", "use a grant's mask"),
}


def machine_name(name: Any, path: Path, findings: Findings) -> bool:
    """Judge a name that becomes a table or a column."""
    if isinstance(name, str) and name in LAKE_NAMES:
        findings.add(path, (f"{name} 是保留名", f"{name} is reserved"), ("请换一个名称", "choose another name"))
        return False
    if isinstance(name, str) and MACHINE_NAME.fullmatch(name):
        return True
    suggestion = re.sub(r"[^a-z0-9_]+", "_", str(name).lower()).strip("_")
    suggestion = suggestion if MACHINE_NAME.fullmatch(suggestion) else "item_1"
    findings.add(
        path,
        (f"“{name}”不能作机器名", f"“{name}” cannot be a machine name"),
        (
            f"小写字母开头，只用小写字母、数字和下划线，至多 63 位，例如 {suggestion}；中文名写在 businessName",
            "small letters, digits and underscores, at most 63, beginning with a letter, "
            f"like {suggestion}; titles: businessName",
        ),
    )
    return False


def judge(part: Mapping[str, Any], at: Path, findings: Findings) -> None:
    """Add a finding for everything about one item that this hub cannot keep to or would misread."""
    machine_name(part.get("name"), (*at, "name"), findings)
    own = properties.judge(part.get("customProperties"), "item", (*at, "customProperties"), findings)
    type_ = part.get("logicalType")
    if type_ is None:
        findings.add(at, ("缺少 logicalType", "logicalType is missing"), (f"可用：{choose(Type)}", f"one of: {choose(Type)}"))
        return
    if not isinstance(type_, str) or type_ not in set(Type):
        if isinstance(type_, str) and not findings.under((*at, "logicalType")):
            findings.add(
                (*at, "logicalType"),
                (f"不支持 {type_}", f"{type_} is not supported"),
                (
                    f"嵌套数据请展开为多个信息项；可用：{choose(Type)}",
                    f"flatten nested data into items; one of: {choose(Type)}",
                ),
            )
        return
    options = part.get("logicalTypeOptions")
    options = options if isinstance(options, Mapping) else {}
    _grade(part, at, findings)
    for name, why in NOT_KEPT.items():
        if part.get(name):
            findings.add((*at, name), (f"不支持 {name}", f"{name} is not supported"), why)
    _fits_type(Type(type_), part, options, own, at, findings)
    _bounds(Type(type_), options, own, at, findings)
    _relations(part, at, findings)
    _quality(part, Type(type_), at, findings)


def _grade(part: Mapping[str, Any], at: Path, findings: Findings) -> None:
    grade = part.get("classification")
    if isinstance(grade, str) and grade not in GRADES:
        findings.add(
            (*at, "classification"), (f"没有分级 {grade}", f"there is no grade {grade}"), ("写 L1 至 L4", "write L1 to L4")
        )


ONLY: dict[str, tuple[Type, ...]] = {
    "codeList": (Type.STRING, Type.INTEGER),
    "dateFormats": TEMPORAL,
    "epoch": (Type.TIMESTAMP,),
    "thousandsSeparators": (Type.INTEGER, Type.NUMBER),
    "precision": (Type.NUMBER,),
    "scale": (Type.NUMBER,),
    "unit": (Type.INTEGER, Type.NUMBER),
    "datum": (Type.NUMBER,),
    "bounds": (Type.NUMBER,),
}
"""Types that a custom property of an item makes sense for."""


def _fits_type(
    type_: Type, part: Mapping[str, Any], options: Mapping[str, Any], own: Mapping[str, Any], at: Path, f: Findings
) -> None:
    here = _own_place(part, at)
    for name, types in ONLY.items():
        if name in own and type_ not in types:
            listed = choose(types)
            f.add(
                here(name),
                (f"{name} 不能用于 {type_}", f"{name} does not fit a {type_}"),
                (f"用于：{listed}", f"it fits: {listed}"),
            )
    _format_fits(type_, own, here, f)
    _numbers(type_, options, own, at, here, f)
    _texts(options, at, f) if type_ is Type.STRING else None
    _moments(type_, options, own, at, here, f) if type_ in TEMPORAL else None


Spot = Callable[[str], Path]


def _own_place(part: Mapping[str, Any], at: Path) -> Spot:
    def place(name: str) -> Path:
        for n, entry in enumerate(part.get("customProperties") or ()):
            if isinstance(entry, Mapping) and entry.get("property") == name:
                return (*at, "customProperties", n, "value")
        return at

    return place


def _format_fits(type_: Type, own: Mapping[str, Any], here: Spot, f: Findings) -> None:
    name = own.get("domainFormat")
    form = formats.of(name) if name else None
    if isinstance(form, Coordinate):
        _coordinate_fits(form, type_, own, here, f)
        return
    if form and type_ is not form.type:
        f.add(
            here("domainFormat"),
            (f"{form} 应为文本，否则丢失前导零和精度", f"a {form} must be text, or leading zeros and digits are lost"),
            (f"请改 logicalType: {form.type}", f"write logicalType: {form.type}"),
        )
    for name in ("datum", "bounds"):
        if name in own:
            f.add(
                here(name),
                (f"{name} 只用于坐标", f"{name} is for coordinates only"),
                ("加 domainFormat: longitude 或 latitude", "add domainFormat: longitude or latitude"),
            )


def _coordinate_fits(form: Coordinate, type_: Type, own: Mapping[str, Any], here: Spot, f: Findings) -> None:
    if type_ is not form.type:
        f.add(
            here("domainFormat"),
            (f"{form} 应为 number", f"a {form} must be a number"),
            ("请改 logicalType: number", "write logicalType: number"),
        )
    if "datum" not in own:
        f.add(
            here("domainFormat"),
            ("坐标缺少坐标系", "a coordinate needs a datum"),
            ("加 {property: datum, value: CGCS2000}", "add {property: datum, value: CGCS2000}"),
        )
    low, high = form.limits
    if "bounds" in own and (own["bounds"][0] < low or own["bounds"][1] > high):
        problem = (f"{form} 超出 ±{high:g}", f"a {form} is within ±{high:g}")
        f.add(here("bounds"), problem, ("请核对范围", "check the bounds"))


def _numbers(type_: Type, options: Mapping[str, Any], own: Mapping[str, Any], at: Path, here: Spot, f: Findings) -> None:
    precision, scale = own.get("precision"), own.get("scale")
    if (precision is None) != (scale is None):
        f.add(
            here("precision" if scale is None else "scale"),
            ("precision 与 scale 应同时写", "precision and scale go together"),
            ("补上另一个", "add the other"),
        )
    elif precision is not None and scale is not None and scale > precision:
        f.add(
            here("scale"), ("小数位数多于总位数", "more decimals than digits"), (f"scale ≤ {precision}", f"scale ≤ {precision}")
        )
    place: Path = (*at, "logicalTypeOptions")
    if "multipleOf" in options and (type_ is not Type.INTEGER or not isinstance(options["multipleOf"], int)):
        f.add((*place, "multipleOf"), ("只用于整数", "it is for integers only"), ("请写成行规则", "write a row rule instead"))
    form = options.get("format")
    if type_ is Type.INTEGER and isinstance(form, str) and form not in build.INTEGER_RANGES:
        f.add(
            (*place, "format"),
            (f"不支持 {form}", f"{form} is not supported"),
            ("湖中整数为 64 位：i64", "a lake integer has 64 bits: i64"),
        )
    if type_ is Type.NUMBER and form == "f32":
        f.add(
            (*place, "format"),
            ("不支持 f32", "f32 is not supported"),
            ("写 f64，或 precision 和 scale", "write f64, or precision and scale"),
        )


def _texts(options: Mapping[str, Any], at: Path, f: Findings) -> None:
    place: Path = (*at, "logicalTypeOptions")
    low, high = options.get("minLength"), options.get("maxLength")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        f.add((*place, "minLength"), ("大于 maxLength", "it is above maxLength"), (f"≤ {high}", f"≤ {high}"))
    pattern = options.get("pattern")
    if isinstance(pattern, str) and (wrong := regex.problem(pattern)):
        f.add((*place, "pattern"), wrong[0], wrong[1])
    form = options.get("format")
    if isinstance(form, str):
        if form not in build.TEXT_FORMATS:
            listed = choose(build.TEXT_FORMATS)
            f.add(
                (*place, "format"),
                (f"不检查 {form}", f"{form} is not checked"),
                (f"可用：{listed}；其他请写 pattern", f"one of: {listed}; write a pattern for others"),
            )
        elif pattern:
            f.add((*place, "format"), ("与 pattern 重复", "it repeats pattern"), ("只写一个", "keep one of them"))


def _moments(type_: Type, options: Mapping[str, Any], own: Mapping[str, Any], at: Path, here: Spot, f: Findings) -> None:
    place: Path = (*at, "logicalTypeOptions")
    for form in own.get("dateFormats", ()):
        if wrong := datetimes.problem(form, type_):
            f.add(
                here("dateFormats"),
                (f"{form}：{wrong[0]}", f"{form}: {wrong[1]}"),
                ("例如 %Y-%m-%d %H:%M:%S", "like %Y-%m-%d %H:%M:%S"),
            )
    if "dateFormats" in own and not own["dateFormats"]:
        f.add(
            here("dateFormats"), ("列表为空", "the list is empty"), ("写出至少一种写法或删除", "write one format or remove it")
        )
    form = options.get("format")
    if isinstance(form, str):
        try:
            wrong = datetimes.problem(jdk_dates.strptime(form), type_)
        except ValueError as error:
            wrong = (f"不认识 {error.args[0]}", f"{error.args[0]} is not known")
        if wrong:
            f.add((*place, "format"), (f"{form}：{wrong[0]}", f"{form}: {wrong[1]}"), ("例如 yyyy-MM-dd", "like yyyy-MM-dd"))
        if "dateFormats" in own:
            f.add((*place, "format"), ("与 dateFormats 重复", "it repeats dateFormats"), ("只写一个", "keep one of them"))
    if "epoch" in own and ("dateFormats" in own or form):
        f.add(here("epoch"), ("与日期写法矛盾", "it contradicts the formats"), ("只写一个", "keep one of them"))
    zone = options.get("defaultTimezone")
    if isinstance(zone, str) and zone not in zones():
        problem = (f"没有时区 {zone}", f"there is no zone {zone}")
        f.add((*place, "defaultTimezone"), problem, ("例如 Asia/Shanghai", "like Asia/Shanghai"))


def read_value(type_: Type, text: str, own: Mapping[str, Any], zone: str = "Asia/Shanghai") -> Any:
    """A bound or allowed value in the item's own type; ValueError when it is none."""
    if type_ is Type.INTEGER:
        return int(text)
    if type_ is Type.NUMBER:
        return _decimal(text, own)
    if type_ is Type.DATE:
        return date.fromisoformat(text)
    if type_ is Type.TIMESTAMP:
        return datetimes.moment(text, zone)
    return time.fromisoformat(text)


def _decimal(text: str, own: Mapping[str, Any]) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not number.is_finite():
        raise ValueError(text)
    if own.get("precision") and own.get("scale") is not None:
        quantum = number.quantize(Decimal(1).scaleb(-own["scale"]))
        if quantum != number or abs(number) >= Decimal(10) ** (own["precision"] - own["scale"]):
            raise ValueError(text)
    return number


def _bounds(type_: Type, options: Mapping[str, Any], own: Mapping[str, Any], at: Path, f: Findings) -> None:
    place: Path = (*at, "logicalTypeOptions")
    read: dict[str, Any] = {}
    for name in ("minimum", "maximum"):
        strict = "exclusive" + name.capitalize()
        given = [n for n in (name, strict) if n in options] + ([f"customProperties {name}"] if name in own else [])
        if len(given) > 1:
            listed = choose(given)
            f.add((*place, name), (f"{listed} 只能写一个", f"{listed}: only one may be given"), ("保留一个", "keep one"))
        value = own.get(name, options.get(name, options.get(strict)))
        if value is None:
            continue
        spot = place + ((name,) if name in options else (strict,)) if name not in own else at
        if type_ in (Type.STRING, Type.BOOLEAN):
            f.add(
                spot,
                (f"{name} 不能用于 {type_}", f"{name} does not fit a {type_}"),
                ("文本用 minLength、pattern", "use minLength or pattern"),
            )
            continue
        if value in ("today", "now"):
            if type_ not in (Type.DATE, Type.TIMESTAMP):
                f.add(spot, (f"{value} 只用于日期", f"{value} is for dates only"), ("请写数值", "write a value"))
            continue
        try:
            read[name] = read_value(type_, build._text(value), own)
        except ValueError:
            samples = {
                Type.INTEGER: "0",
                Type.NUMBER: "0.5",
                Type.DATE: "2000-01-01",
                Type.TIMESTAMP: "2000-01-01T00:00:00+08:00",
            }
            like = samples.get(type_, "08:00:00")
            f.add(spot, (f"“{value}”不是有效的 {type_}", f"“{value}” is no valid {type_}"), (f"例如 {like}", f"like {like}"))
    if len(read) == 2 and read["minimum"] > read["maximum"]:
        f.add((*place, "minimum"), ("下限大于上限", "the minimum is above the maximum"), ("请核对两者", "check both"))


def _relations(part: Mapping[str, Any], at: Path, f: Findings) -> None:
    relations = part.get("relationships")
    if not isinstance(relations, list):
        return
    if len(relations) > 1:
        f.add((*at, "relationships"), ("只支持一个引用", "one reference is supported"), ("请保留一个", "keep one"))
    for n, relation in enumerate(relations):
        to = relation.get("to") if isinstance(relation, Mapping) else None
        dataset, _, item = str(to).partition(".")
        if isinstance(to, str) and not (MACHINE_NAME.fullmatch(dataset) and MACHINE_NAME.fullmatch(item)):
            f.add(
                (*at, "relationships", n, "to"),
                (f"“{to}”写法不对", f"“{to}” is not written right"),
                ("写作 数据集.信息项，如 division.code", "write dataset.item, like division.code"),
            )
        elif isinstance(to, list):
            f.add(
                (*at, "relationships", n, "to"),
                ("只支持单项引用", "a reference has one item"),
                ("写作 division.code", "write division.code"),
            )


def _quality(part: Mapping[str, Any], type_: Type, at: Path, f: Findings) -> None:
    rules = part.get("quality")
    for n, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, Mapping) or rule.get("type") == "text":
            continue
        here: Path = (*at, "quality", n)
        if rule.get("metric") != "invalidValues":
            f.add(
                here,
                (
                    f"信息项不支持规则 {rule.get('metric') or rule.get('type')}",
                    f"an item has no rule {rule.get('metric') or rule.get('type')}",
                ),
                (
                    "空值用 required，重复用 unique，取值用 metric: invalidValues",
                    "use required, unique, or metric: invalidValues",
                ),
            )
            continue
        values = (rule.get("arguments") or {}).get("validValues") if isinstance(rule.get("arguments"), Mapping) else None
        if not isinstance(values, list) or not values:
            f.add(
                here,
                ("缺少 arguments.validValues", "arguments.validValues is missing"),
                ("arguments: {validValues: [a, b]}", "arguments: {validValues: [a, b]}"),
            )
        elif strange := [k for k in rule["arguments"] if k != "validValues"]:
            f.add(
                (*here, "arguments", strange[0]),
                (f"没有参数 {strange[0]}", f"there is no argument {strange[0]}"),
                ("只写 validValues", "write validValues only"),
            )
        elif type_ not in (Type.STRING, Type.INTEGER):
            f.add(
                here,
                (f"取值列表不用于 {type_}", f"a list of values does not fit a {type_}"),
                ("请用 minimum、maximum", "use minimum and maximum"),
            )
        elif type_ is Type.INTEGER and any(isinstance(v, bool) or not re.fullmatch(r"-?\d+", str(v)) for v in values):
            f.add(
                (*here, "arguments", "validValues"),
                ("应为整数列表", "it must list integers"),
                ("例如 [1, 2, 3]", "like [1, 2, 3]"),
            )
        if rule.get("mustBe") != 0:
            f.add(
                here, ("应写 mustBe: 0", "mustBe: 0 is needed"), ("每一行都检查：mustBe: 0", "each row is checked: mustBe: 0")
            )
