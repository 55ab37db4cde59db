"""A draft contract as a person corrects it: names, titles, required items, formats and grades, the rest stays."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ItemEdit:
    """What is to be otherwise about one item; None: as drafted."""

    name: str | None = None
    title: str | None = None
    title_en: str | None = None
    required: bool | None = None
    format: str | None = None
    """Domain format; empty: none."""
    grade: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetEdit:
    """What is to be otherwise about the whole; empty: as drafted."""

    dataset: str = ""
    title: str = ""
    title_en: str = ""
    owner: str = ""


def edited(document: Mapping[str, Any], whole: DatasetEdit, edits: Mapping[str, ItemEdit]) -> dict[str, Any]:
    """A drafted document with the edits of its items, by their drafted names. What is wrong with it the lint says."""
    result: dict[str, Any] = copy.deepcopy(dict(document))
    result["name"], result["tenant"] = whole.title or result["name"], whole.owner or result["tenant"]
    if whole.dataset:
        result["id"] = f"urn:hui:dataset:{whole.dataset}"
    if whole.title_en:
        _set(result, "titleEn", whole.title_en)
    for table in result.get("schema", ()):
        if whole.dataset:
            table["name"] = table["physicalName"] = whole.dataset
        for item in table.get("properties", ()):
            edit = edits.get(item.get("name"))
            if edit is not None:
                _edit(item, edit)
        renamed = {old: edit.name for old, edit in edits.items() if edit.name and edit.name != old}
        for rule in table.get("quality", ()):
            _rename(rule, renamed)
    return result


def _edit(item: dict[str, Any], edit: ItemEdit) -> None:
    if edit.name:
        item["name"] = item["physicalName"] = edit.name
    if edit.title:
        item["businessName"] = edit.title
    if edit.title_en is not None:
        _set(item, "titleEn", edit.title_en)
    if edit.required is not None and not item.get("primaryKey"):
        item["required"] = True if edit.required else None
    if edit.format is not None:
        _set(item, "domainFormat", edit.format)
    if edit.grade:
        item["classification"] = edit.grade


def _set(part: dict[str, Any], name: str, value: str) -> None:
    """A custom property with another value; without any where it is empty."""
    others = [one for one in part.get("customProperties") or () if one.get("property") != name]
    part["customProperties"] = [*others, *([{"property": name, "value": value}] if value else [])]


def _rename(rule: dict[str, Any], renamed: Mapping[str, str]) -> None:
    """A drafted rule speaks of items by their names."""
    for old, new in renamed.items():
        rule["implementation"] = re.sub(rf"\b{re.escape(old)}\b", new, str(rule.get("implementation", "")))
