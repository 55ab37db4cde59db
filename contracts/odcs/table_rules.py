"""Rules over several parts of a contract: keys, delivery, coordinates, row rules, freshness, sharing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.checks import expressions
from contracts.checks.formats import registry as formats
from contracts.model import Item, Type
from contracts.odcs import compile as build
from contracts.odcs import properties
from contracts.odcs.findings import Findings, Path
from contracts.suggest import choose, did_you_mean

TABLE: Path = ("schema", 0)


def judge(
    document: Mapping[str, Any], table: Mapping[str, Any], items: list[Item], own: Mapping[str, Any], f: Findings
) -> None:
    """Judge what holds between parts. `items` are those that are right in themselves, `own` the contract's good properties."""
    listed = table.get("properties")
    parts = [p for p in listed if isinstance(p, Mapping)] if isinstance(listed, list) else []
    names = [str(p.get("name")) for p in parts]
    _key(parts, own, f)
    _version_by(document, parts, names, own, f)
    _coordinates(items, f)
    _headers(parts, f)
    whole = len(items) == len(parts)
    rules = table.get("quality")
    seen: set[str] = set()
    for n, rule in enumerate(rules if isinstance(rules, list) else ()):
        if isinstance(rule, Mapping) and rule.get("type") != "text":
            _rule(rule, (*TABLE, "quality", n), items, whole, seen, f)
    _freshness(document, table, items, whole, f)
    _sharing(own, f)


def own_place(document: Mapping[str, Any], name: str) -> Path:
    """Where a custom property of the contract stands."""
    for n, entry in enumerate(document.get("customProperties") or ()):
        if isinstance(entry, Mapping) and entry.get("property") == name:
            return ("customProperties", n, "value")
    return ("customProperties",)


def _key(parts: list[Mapping[str, Any]], own: Mapping[str, Any], f: Findings) -> None:
    keys = [(n, p) for n, p in enumerate(parts) if p.get("primaryKey") is True]
    for n, part in keys:
        if part.get("required") is not True:
            f.add(
                (*TABLE, "properties", n),
                (f"主键 {part.get('name')} 未标必填", f"the key item {part.get('name')} is not required"),
                ("加 required: true", "add required: true"),
            )
        if part.get("logicalType") == "boolean":
            f.add(
                (*TABLE, "properties", n, "logicalType"),
                ("是/否不能作主键", "a boolean cannot be a key"),
                ("请换一项", "choose another"),
            )
    positions = [p.get("primaryKeyPosition", 1 if len(keys) == 1 else None) for _, p in keys]
    if keys and sorted(str(p) for p in positions) != sorted(str(n + 1) for n in range(len(keys))):
        f.add(
            (*TABLE, "properties", keys[0][0], "primaryKeyPosition"),
            (f"主键次序应为 1 至 {len(keys)}", f"the key's positions must be 1 to {len(keys)}"),
            ("每个主键项写一个 primaryKeyPosition", "write one primaryKeyPosition for each key item"),
        )
    for n, part in enumerate(parts):
        if "primaryKeyPosition" in part and part.get("primaryKey") is not True and part["primaryKeyPosition"] != -1:
            f.add(
                (*TABLE, "properties", n, "primaryKeyPosition"),
                ("不是主键却有主键次序", "it has a position but is no key"),
                ("加 primaryKey: true 或删除", "add primaryKey: true or remove it"),
            )
    if own.get("delivery") in ("changes", "full") and not keys and parts:
        f.add(
            TABLE,
            (f"delivery: {own['delivery']} 需要主键", f"delivery: {own['delivery']} needs a primary key"),
            (
                "给唯一标识一行的信息项加 primaryKey: true，或改为 append",
                "add primaryKey: true to the identifying items, or write append",
            ),
        )


def _version_by(
    document: Mapping[str, Any], parts: list[Mapping[str, Any]], names: list[str], own: Mapping[str, Any], f: Findings
) -> None:
    name = own.get("versionBy")
    if name is None:
        return
    place = own_place(document, "versionBy")
    if name not in names:
        f.add(place, (f"没有信息项 {name}", f"there is no item {name}"), did_you_mean(name, names))
        return
    part = parts[names.index(name)]
    if part.get("logicalType") not in ("date", "timestamp", "integer", "number"):
        f.add(
            place,
            (f"{name} 不能比较先后", f"{name} has no order in time"),
            ("应为日期、日期时间或数字", "choose a date, timestamp or number"),
        )
    if not any(p.get("primaryKey") for p in parts):
        f.add(
            place,
            ("没有主键时 versionBy 无效", "versionBy means nothing without a key"),
            ("请删除或加主键", "remove it or add a key"),
        )


def _coordinates(items: list[Item], f: Findings) -> None:
    lons = [i for i in items if i.format == formats.LONGITUDE]
    lats = [i for i in items if i.format == formats.LATITUDE]
    if len(lons) != len(lats):
        names = choose([i.name for i in lons + lats])
        f.add(
            (*TABLE, "properties"),
            (
                f"经度 {len(lons)} 项、纬度 {len(lats)} 项，应成对：{names}",
                f"{len(lons)} longitudes, {len(lats)} latitudes: {names}",
            ),
            ("请补全 domainFormat", "give both their domainFormat"),
        )
    for lon, lat in zip(lons, lats, strict=False):
        if lon.datum != lat.datum:
            f.add(
                (*TABLE, "properties"),
                (f"{lon.name} 与 {lat.name} 坐标系不同", f"{lon.name} and {lat.name} have different data"),
                ("请写同一个 datum", "write the same datum"),
            )


def _headers(parts: list[Mapping[str, Any]], f: Findings) -> None:
    """Two items that claim the same header of a file would take turns by chance."""
    claimed: dict[str, str] = {}
    for n, part in enumerate(parts):
        own = [e for e in part.get("customProperties") or () if isinstance(e, Mapping) and e.get("property") == "sourceNames"]
        headers = own[0].get("value") if own else None
        for header in headers if isinstance(headers, list) else ():
            other = claimed.setdefault(str(header).strip().lower(), str(part.get("name")))
            if other != part.get("name"):
                f.add(
                    (*TABLE, "properties", n, "customProperties"),
                    (f"列名“{header}”已属于 {other}", f"the header “{header}” belongs to {other} already"),
                    ("请从一处删除", "remove it from one of them"),
                )


def _rule(rule: Mapping[str, Any], at: Path, items: list[Item], whole: bool, seen: set[str], f: Findings) -> None:
    kind = rule.get("type", "library")
    properties.judge(rule.get("customProperties"), "rule", (*at, "customProperties"), f)
    if kind == "custom":
        _row_rule(rule, at, items, whole, seen, f)
    elif kind == "library" and rule.get("metric") == "rowCount":
        _row_count(rule, at, f)
    elif kind in ("library", "sql"):
        kind_name = rule.get("metric") or "sql"
        f.add(
            at,
            (f"表级不支持规则 {kind_name}", f"a dataset has no rule {kind_name}"),
            (
                "行规则写 type: custom, engine: hui；行数写 metric: rowCount",
                "write type: custom, engine: hui, or metric: rowCount",
            ),
        )


def _row_rule(rule: Mapping[str, Any], at: Path, items: list[Item], whole: bool, seen: set[str], f: Findings) -> None:
    if rule.get("engine") not in (None, "hui"):
        f.add(
            (*at, "engine"),
            (f"没有引擎 {rule['engine']}", f"there is no engine {rule['engine']}"),
            ("写 engine: hui", "write engine: hui"),
        )
        return
    name = rule.get("name")
    if not isinstance(name, str) or not name:
        f.add(at, ("规则没有 name", "the rule has no name"), ("name: dates_in_order", "name: dates_in_order"))
    elif name in seen:
        f.add((*at, "name"), (f"规则名 {name} 重复", f"the rule name {name} is repeated"), ("请改名", "rename it"))
    seen.add(str(name))
    text = rule.get("implementation")
    if not isinstance(text, str):
        f.add(
            (*at, "implementation"),
            ("应为表达式文本", "it must be an expression"),
            ('如 "ended_on >= started_on"', 'like "ended_on >= started_on"'),
        )
        return
    try:
        expressions.parse(text, items)
    except expressions.InvalidExpression as error:
        if whole or "没有信息项" not in error.message:  # an item that is itself wrong was told already
            f.add((*at, "implementation"), (error.message, error.message_en))


def _row_count(rule: Mapping[str, Any], at: Path, f: Findings) -> None:
    if "mustBeBetween" in rule and isinstance(rule["mustBeBetween"], list) and len(rule["mustBeBetween"]) == 2:
        low, high = rule["mustBeBetween"]
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            f.add((*at, "mustBeBetween"), ("下限大于上限", "the first is above the second"), ("[最少, 最多]", "[fewest, most]"))
    if rule.get("unit") not in (None, "rows"):
        f.add((*at, "unit"), ("行数的单位是 rows", "the unit of a row count is rows"), ("unit: rows", "unit: rows"))
    if "mustBe" in rule and (isinstance(rule["mustBe"], bool) or not isinstance(rule["mustBe"], int)):
        f.add((*at, "mustBe"), ("应为整数", "it must be an integer"), ("mustBe: 1000", "mustBe: 1000"))
    if "mustNotBe" in rule or "mustNotBeBetween" in rule:
        f.add(
            at,
            ("行数不支持 mustNot…", "a row count has no mustNot…"),
            ("写 mustBeBetween: [最少, 最多]", "write mustBeBetween: [fewest, most]"),
        )


def _freshness(document: Mapping[str, Any], table: Mapping[str, Any], items: list[Item], whole: bool, f: Findings) -> None:
    slas = document.get("slaProperties")
    for n, sla in enumerate(slas if isinstance(slas, list) else ()):
        if not isinstance(sla, Mapping) or sla.get("property") not in build.LATENCY:
            continue
        at: Path = ("slaProperties", n)
        dataset, _, name = str(sla.get("element", "")).partition(".")
        known = {i.name: i for i in items}
        if dataset != table.get("name") or not name:
            sample = f"{table.get('name')}.信息项", f"{table.get('name')}.item"
            f.add(
                (*at, "element"),
                ("时效应指明信息项", "a latency needs its item"),
                (f"element: {sample[0]}", f"element: {sample[1]}"),
            )
        elif name not in known:
            if whole:
                f.add((*at, "element"), (f"没有信息项 {name}", f"there is no item {name}"), did_you_mean(name, known))
        elif known[name].type not in (Type.DATE, Type.TIMESTAMP):
            f.add(
                (*at, "element"),
                (f"{name} 不是日期", f"{name} is no date"),
                ("应为 date 或 timestamp", "choose a date or timestamp"),
            )
        if isinstance(sla.get("value"), bool) or not isinstance(sla.get("value"), int | float) or sla["value"] <= 0:
            f.add((*at, "value"), ("应为正数", "it must be above 0"), ("value: 35", "value: 35"))
        if str(sla.get("unit", "d")) not in build.UNITS:
            f.add(
                (*at, "unit"),
                (f"没有单位 {sla['unit']}", f"there is no unit {sla['unit']}"),
                ("写 d、h 或 min", "write d, h or min"),
            )


def _sharing(own: Mapping[str, Any], f: Findings) -> None:
    """State Council Order 809 and 国发〔2016〕51号: conditional names its condition, not shared names its legal basis."""
    if own.get("sharingType") == 2 and "sharingCondition" not in own:
        f.add(
            ("customProperties",),
            ("有条件共享应写明条件", "conditional sharing must name its condition"),
            ("加 {property: sharingCondition, value: …}", "add {property: sharingCondition, value: …}"),
        )
    if own.get("sharingType") == 3 and "sharingBasis" not in own:
        f.add(
            ("customProperties",),
            ("不予共享应引用法律、法规或政策", "what is not shared must cite a law, regulation or policy"),
            ("加 {property: sharingBasis, value: 《…》}", "add {property: sharingBasis, value: 《…》}"),
        )
