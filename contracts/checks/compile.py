"""A contract compiled to engine-neutral checks. duckdb.predicates makes SQL of them, polars.schema a Pandera schema."""

from __future__ import annotations

from contracts.checks.formats.coordinate import Coordinate
from contracts.checks.rules import coordinates as of_coordinates
from contracts.checks.rules import deliveries, registry, rows, sets
from contracts.checks.rules.base import BatchCheck, Check, ItemCheck, LineCheck, RowCheck, Scope, SetCheck
from contracts.model import Contract, Delivery, Item, RowRule

__all__ = ["Check", "ItemCheck", "RowCheck", "Scope", "SetCheck", "compile", "unreadable"]


def compile(contract: Contract) -> tuple[Check, ...]:
    """Every check of a contract, item by item in its order, then rows, then the delivery as a whole."""
    checks: list[Check] = [check for item in contract.items for check in of_item(item, contract)]
    checks += [ItemCheck(record=of_coordinates.SWAPPED, of=lon, pair=lat) for lon, lat in coordinates(contract)]
    checks += [_of_row(rule, contract) for rule in contract.row_rules]
    if contract.key:
        private = any(is_private(contract.item(name)) for name in contract.key)
        first = contract.item(contract.key[0])
        checks.append(SetCheck(record=sets.KEY, of=first, together=contract.key, private=private))
    return (*checks, *of_batch(contract))


def is_private(item: Item) -> bool:
    """Whether no value of an item may stand in a message: personal data, and what is graded L3 and above."""
    return item.personal is not None or item.grade >= "L3"


def of_item(item: Item, contract: Contract) -> list[Check]:
    """The checks of one item's values, the simplest first."""
    rules = [rule for rule in registry.OF_VALUES if rule.asked(item)]
    private = is_private(item)
    checks: list[Check] = [ItemCheck(record=rule, of=item, private=private) for rule in rules]
    if item.format:
        pair = partner(item, contract)
        checks.append(ItemCheck(record=registry.of_format(item.format), of=item, pair=pair, private=private))
    if item.references:
        checks.append(ItemCheck(record=sets.REFERENCE, of=item, private=private))
    if item.unique and contract.key != (item.name,):
        checks.append(SetCheck(record=sets.UNIQUE, of=item, together=(item.name,), private=private))
    return checks


def _of_row(rule: RowRule, contract: Contract) -> RowCheck:
    about = tuple(contract.item(name) for name in rule.items)
    return RowCheck(record=rows.ROW, row_rule=rule, about=about, private=any(map(is_private, about)))


def of_batch(contract: Contract) -> list[BatchCheck]:
    """The checks that can refuse a delivery as a whole."""
    rules, checks = contract.batch_rules, []
    if rules.min_rows is not None or rules.max_rows is not None:
        low, high = rules.min_rows, rules.max_rows
        limit = f"{low or 0:,} – {high:,}" if high is not None else f"≥ {low:,}"
        checks.append(BatchCheck(record=deliveries.ROW_COUNT, limit=limit))
    if rules.freshness_item and rules.freshness:
        newest = contract.item(rules.freshness_item)
        checks.append(BatchCheck(record=deliveries.FRESHNESS, of=newest, limit=deliveries.duration(rules.freshness)))
    if contract.delivery is Delivery.FULL:
        checks.append(BatchCheck(record=deliveries.VANISH, limit=f"{rules.vanish_share:.0%}"))
    if rules.quarantine_share is not None:
        checks.append(BatchCheck(record=deliveries.QUARANTINE_SHARE, limit=f"{rules.quarantine_share:.0%}"))
    return checks


def unreadable(rule: str, columns: int | None = None, *, private: bool = False) -> Check:
    """The check that a line breaks of which no row was made, by the rule's name: `columns`, `quotes`, `total` …"""
    return LineCheck(record=registry.named(rule), columns=columns, private=private)


def coordinates(contract: Contract) -> list[tuple[Item, Item]]:
    """Longitudes with their latitudes, paired in the order in which they stand."""
    longitudes = [i for i in contract.items if i.format and i.format.name == "longitude"]
    latitudes = [i for i in contract.items if i.format and i.format.name == "latitude"]
    return list(zip(longitudes, latitudes, strict=False))


def partner(item: Item, contract: Contract) -> Item | None:
    """The other coordinate of a longitude or latitude."""
    if not isinstance(item.format, Coordinate):
        return None
    for longitude, latitude in coordinates(contract):
        if item.name == longitude.name:
            return latitude
        if item.name == latitude.name:
            return longitude
    return None
