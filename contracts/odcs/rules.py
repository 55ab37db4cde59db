"""What the standard's schema cannot say: rules of this hub over a contract's parts. Everything is looked at, wrong or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from contracts.model import Item
from contracts.odcs import compile as build
from contracts.odcs import item_rules, properties, table_rules
from contracts.odcs.findings import Findings, Path
from contracts.suggest import choose

STATES = ("draft", "active", "retired", "proposed", "deprecated")
VERSION = re.compile(r"\d+\.\d+\.\d+")


def judge(document: Mapping[str, Any], findings: Findings) -> None:
    """Add a finding for everything that this hub cannot keep to or would misread."""
    own = properties.judge(document.get("customProperties"), "contract", ("customProperties",), findings)
    _head(document, findings)
    tables = document.get("schema")
    if not isinstance(tables, list) or len(tables) != 1 or not isinstance(tables[0], Mapping):
        count = len(tables) if isinstance(tables, list) else 0
        findings.add(
            ("schema",),
            (f"应恰好有一个数据集，现有 {count} 个", f"there must be exactly one dataset, this has {count}"),
            ("一个契约一个数据集：schema: [{name: …, properties: […]}]", "one contract for one dataset: schema: [{name: …}]"),
        )
        return
    _table(tables[0], findings)
    items = _items(tables[0], findings)
    _together(document, tables[0], items, own, findings)


def _head(document: Mapping[str, Any], findings: Findings) -> None:
    version = document.get("version")
    if isinstance(version, str) and not VERSION.fullmatch(version):
        findings.add(
            ("version",),
            (f"版本号 {version} 写法不对", f"the version {version} is not written right"),
            ("写作 1.0.0", "write 1.0.0"),
        )
    status = document.get("status")
    if isinstance(status, str) and status not in STATES:
        listed = choose(STATES)
        findings.add(
            ("status",), (f"没有状态 {status}", f"there is no status {status}"), (f"可用：{listed}", f"one of: {listed}")
        )
    api = document.get("apiVersion")
    if isinstance(api, str) and api.startswith("v2"):
        findings.add(("apiVersion",), ("不支持 v2 文档", "v2 documents are not supported"), ("请改为 v3.1.0", "write v3.1.0"))


def _table(table: Mapping[str, Any], findings: Findings) -> None:
    at: Path = ("schema", 0)
    item_rules.machine_name(table.get("name"), (*at, "name"), findings)
    physical = table.get("physicalName")
    if isinstance(physical, str) and physical != table.get("name"):
        findings.add(
            (*at, "physicalName"),
            ("与 name 不同", "it differs from name"),
            (f"请写 {table.get('name')} 或删除", f"write {table.get('name')} or remove it"),
        )
    if table.get("customProperties"):
        own = table["customProperties"]
        judged = [p for p in own if isinstance(p, Mapping) and not properties.foreign(str(p.get("property", "")))]
        if judged:
            findings.add(
                (*at, "customProperties"),
                ("此处不读扩展属性", "custom properties are not read here"),
                ("请移到契约顶层", "move them to the top"),
            )
    if table.get("relationships"):
        findings.add(
            (*at, "relationships"),
            ("不支持表级关系", "relationships of a table are not supported"),
            ("请写在信息项的 relationships 下", "write them under the item's relationships"),
        )
    if not isinstance(table.get("properties"), list) or not table["properties"]:
        findings.add((*at, "properties"), ("没有信息项", "there are no items"), ("请列出每一列", "list every column"))


def _items(table: Mapping[str, Any], findings: Findings) -> list[Item]:
    """Judge every item; returns those that are right."""
    good: list[Item] = []
    seen: dict[str, int] = {}
    parts = table.get("properties")
    for n, part in enumerate(parts if isinstance(parts, list) else ()):
        if not isinstance(part, Mapping):
            continue
        at: Path = ("schema", 0, "properties", n)
        before = len(findings.found)
        item_rules.judge(part, at, findings)
        name = str(part.get("name", "")).lower()
        if name in seen:
            findings.add(
                (*at, "name"),
                (f"{name} 与第 {seen[name] + 1} 个信息项重名", f"{name} is the name of item {seen[name] + 1} too"),
                ("请改名", "rename it"),
            )
        seen.setdefault(name, n)
        if len(findings.found) == before and not findings.under(at):
            good.append(build.item(part))
    return good


def _together(
    document: Mapping[str, Any], table: Mapping[str, Any], items: list[Item], own: Mapping[str, Any], f: Findings
) -> None:
    """Rules over several items."""

    table_rules.judge(document, table, items, own, f)
