"""An ODCS document that was found right, compiled to the contract as the hub uses it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from contracts.checks import expressions
from contracts.checks.formats import registry as formats
from contracts.model import BatchRules, Contract, Delivery, Item, RowRule, Type
from contracts.odcs import jdk_dates, properties

INTEGER_RANGES = {
    "i8": (-(2**7), 2**7 - 1),
    "i16": (-(2**15), 2**15 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "i64": None,
    "u8": (0, 2**8 - 1),
    "u16": (0, 2**16 - 1),
    "u32": (0, 2**32 - 1),
}
"""Ranges of ODCS integer formats; a lake integer has 64 bits."""

TEXT_FORMATS = {
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "ipv4": r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.|$)){4}",
}
"""ODCS string formats that the hub checks, as patterns."""

UNITS = {"d": 86400, "day": 86400, "days": 86400, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "m": 60, "min": 60,
         "minute": 60, "minutes": 60, "w": 604800, "week": 604800, "weeks": 604800, "y": 31536000, "yr": 31536000,
         "year": 31536000, "years": 31536000}  # fmt: skip
LATENCY = ("latency", "ly", "freshness")
"""Names of the service-level property that says how old the newest value may be."""


def contract(document: Mapping[str, Any], text: str = "") -> Contract:
    """The contract of a document that lint found right; one that was not checked may raise anything."""
    table = document["schema"][0]
    own = properties.values(document.get("customProperties"))
    items = tuple(item(part) for part in table["properties"])
    about = document.get("description") or {}
    return Contract(
        id=document["id"],
        version=document["version"],
        dataset=table["name"],
        title=document.get("name") or table.get("businessName") or table["name"],
        items=items,
        title_en=own.get("titleEn", ""),
        description=about.get("purpose", ""),
        description_en=own.get("descriptionEn", ""),
        status=document.get("status", "draft"),
        owner=document.get("tenant", ""),
        delivery=Delivery(own["delivery"]) if "delivery" in own else default_delivery(items),
        version_by=own.get("versionBy"),
        row_rules=tuple(row_rule(q, items) for q in table.get("quality", ()) if q.get("type") == "custom"),
        batch_rules=batch_rules(document, table, own),
        catalogue=own,
        reading=own.get("reading", {}),
        document=document,
        text=text,
    )


def default_delivery(items: tuple[Item, ...]) -> Delivery:
    """Append where no key is unique, changes where there is one (architecture.md)."""
    return Delivery.CHANGES if any(i.key for i in items) else Delivery.APPEND


def item(part: Mapping[str, Any]) -> Item:
    """One information item of a property of the table."""
    own = properties.values(part.get("customProperties"))
    options = part.get("logicalTypeOptions") or {}
    type_ = Type(part["logicalType"])
    low, low_open = _bound(options, own, "minimum", "exclusiveMinimum")
    high, high_open = _bound(options, own, "maximum", "exclusiveMaximum")
    if type_ is Type.INTEGER and (span := INTEGER_RANGES.get(options.get("format", "i64"))):
        low, high = low if low is not None else str(span[0]), high if high is not None else str(span[1])
    key = part.get("primaryKeyPosition", 1) if part.get("primaryKey") else None
    return Item(
        name=part["name"],
        title=part.get("businessName") or part["name"],
        type=type_,
        title_en=own.get("titleEn", ""),
        description=part.get("description", ""),
        source=tuple(own.get("sourceNames", ())),
        required=bool(part.get("required", False)),
        unique=bool(part.get("unique", False)),
        key=key,
        precision=own.get("precision"),
        scale=own.get("scale"),
        thousands=own.get("thousandsSeparators", False),
        formats=time_formats(type_, options, own),
        epoch=own.get("epoch"),
        timezone=options.get("defaultTimezone", "Asia/Shanghai"),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        pattern=options.get("pattern") or (TEXT_FORMATS.get(options.get("format", "")) if type_ is Type.STRING else None),
        minimum=low,
        maximum=high,
        exclusive_minimum=low_open,
        exclusive_maximum=high_open,
        code_list=own.get("codeList"),
        values=_values(part),
        references=_reference(part),
        format=formats.of(own["domainFormat"]) if "domainFormat" in own else None,
        datum=own.get("datum"),
        unit=own.get("unit", ""),
        bounds=(float(own["bounds"][0]), float(own["bounds"][1])) if "bounds" in own else None,
        grade=str(part.get("classification", "L1")),
        personal=own.get("personal"),
        sample=_text(part["examples"][0]) if part.get("examples") else None,
        missing=tuple(own.get("missingValues", ())),
        multiple_of=options.get("multipleOf"),
    )


def time_formats(type_: Type, options: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[str, ...]:
    """strptime formats of a date, timestamp or time: dateFormats, else ODCS's own format, which may be a JDK pattern."""
    if type_ not in (Type.DATE, Type.TIMESTAMP, Type.TIME):
        return ()
    if own.get("dateFormats"):
        return tuple(own["dateFormats"])
    return (jdk_dates.strptime(options["format"]),) if options.get("format") else ()


def _bound(options: Mapping[str, Any], own: Mapping[str, Any], name: str, open_name: str) -> tuple[str | None, bool]:
    if name in own:
        return _text(own[name]), False
    if open_name in options:
        return _text(options[open_name]), True
    return (_text(options[name]), False) if name in options else (None, False)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _values(part: Mapping[str, Any]) -> tuple[str, ...]:
    for rule in part.get("quality", ()):
        if rule.get("metric") == "invalidValues":
            return tuple(_text(v) for v in rule.get("arguments", {}).get("validValues", ()))
    return ()


def _reference(part: Mapping[str, Any]) -> tuple[str, str] | None:
    for relation in part.get("relationships", ()):
        dataset, _, item_name = str(relation["to"]).partition(".")
        return dataset, item_name
    return None


def row_rule(rule: Mapping[str, Any], items: tuple[Item, ...]) -> RowRule:
    """A custom quality rule of engine hui."""
    own = properties.values(rule.get("customProperties"))
    text = str(rule["implementation"])
    expression = expressions.parse(text, items)
    return RowRule(rule["name"], text, expression.items, title=rule.get("description", ""), title_en=own.get("titleEn", ""))


def batch_rules(document: Mapping[str, Any], table: Mapping[str, Any], own: Mapping[str, Any]) -> BatchRules:
    """What is asked of a delivery as a whole: rowCount, latency, shares."""
    low = high = None
    for rule in table.get("quality", ()):
        if rule.get("metric") == "rowCount":
            low, high = row_count(rule)
    fresh_item, fresh = None, None
    for sla in document.get("slaProperties") or ():
        if sla["property"] in LATENCY and "." in str(sla.get("element", "")):
            fresh_item = str(sla["element"]).partition(".")[2]
            fresh = timedelta(seconds=float(sla["value"]) * UNITS[str(sla.get("unit", "d"))])
    return BatchRules(
        min_rows=low,
        max_rows=high,
        freshness_item=fresh_item,
        freshness=fresh,
        vanish_share=float(own.get("vanishShare", 0.2)),
        quarantine_share=own.get("quarantineShare"),
    )


def row_count(rule: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Fewest and most rows that a rowCount rule allows."""
    if "mustBeBetween" in rule:
        return int(rule["mustBeBetween"][0]), int(rule["mustBeBetween"][1])
    if "mustBe" in rule:
        return int(rule["mustBe"]), int(rule["mustBe"])
    if "mustBeGreaterThan" in rule:
        return int(rule["mustBeGreaterThan"]) + 1, None
    if "mustBeGreaterOrEqualTo" in rule:
        return int(rule["mustBeGreaterOrEqualTo"]), None
    if "mustBeLessThan" in rule:
        return None, int(rule["mustBeLessThan"]) - 1
    return (None, int(rule["mustBeLessOrEqualTo"])) if "mustBeLessOrEqualTo" in rule else (None, None)
