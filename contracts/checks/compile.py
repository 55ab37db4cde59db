"""A contract compiled to engine-neutral checks. predicates makes DuckDB SQL of them, frames a Pandera schema."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.checks import batch_messages, messages
from contracts.checks.code_lists import DIVISIONS
from contracts.model import Contract, Format, Item, RowRule, Type


class Scope(StrEnum):
    """What a check must see to decide."""

    ROW = "row"
    """One row alone (and lists)."""
    SET = "set"
    """All rows, of the delivery and of the table: key, unique."""
    REFERENCE = "reference"
    """Another dataset's table."""
    BATCH = "batch"
    """The delivery as a whole; a breach refuses it."""


DIMENSIONS = {
    "required": "completeness",
    "row-count": "completeness",
    "vanish": "completeness",
    "key": "uniqueness",
    "unique": "uniqueness",
    "reference": "consistency",
    "row": "consistency",
    "swapped": "accuracy",
    "longitude": "accuracy",
    "latitude": "accuracy",
    "minimum": "accuracy",
    "maximum": "accuracy",
    "credit-code": "accuracy",
    "identity-number": "accuracy",
    "freshness": "timeliness",
}
"""Dimension of each kind of check (GB/T 36344-2018 names the same six); what is not here is conformity."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing asked of the data. Equal checks of two engines refuse the same rows."""

    rule: str
    """Stable identifier: type, required, key, … or row:<name of the rule>."""
    item: str = ""
    """Machine name of the item, or empty for a rule over the whole row or batch."""
    of: Item | None = None
    pair: Item | None = None
    """The latitude that belongs to a longitude, for `swapped` and for both coordinates."""
    row_rule: RowRule | None = None
    limit: str | None = None
    """The bound of a batch check, as people read it."""
    scope: Scope = Scope.ROW
    about: tuple[Item, ...] = ()
    """The items of a row rule, for its messages."""
    codes: tuple[str, ...] = ()
    """Codes of the list that it looks up, as far as they were given, for its messages."""
    private: bool = False
    """It reads personal data or what is graded L3 and above: no value of it stands in a message."""

    @property
    def kind(self) -> str:
        """The rule without the name of a row rule."""
        return self.rule.partition(":")[0]

    @property
    def dimension(self) -> str:
        """Quality dimension: completeness, uniqueness, accuracy, consistency, timeliness or conformity."""
        return DIMENSIONS.get(self.kind, "conformity")

    @property
    def items(self) -> tuple[str, ...]:
        """Machine names of every item the check reads."""
        if self.row_rule:
            return self.row_rule.items
        return tuple(i.name for i in (self.of, self.pair if self.rule == "swapped" else None) if i)

    @property
    def heading(self) -> tuple[str, str]:
        """The rule's short name, in Chinese and English."""
        return messages.heading(self)

    @property
    def name(self) -> tuple[str, str]:
        """What the rule asks, in a word, in Chinese and English: for lists of rules, where nothing is wrong yet."""
        return messages.name(self)

    def describe(self, value: str | None = None) -> tuple[str, str]:
        """What is wrong with this value and how to mend it, in Chinese and English, for the provider.

        Without a value: what the rule asks, for templates, pages and the API.
        """
        return messages.describe(self, value)


def compile(contract: Contract) -> tuple[Check, ...]:
    """Every check of a contract, item by item in its order, then rows, then the delivery as a whole."""
    checks = [check for item in contract.items for check in of_item(item, contract)]
    checks += [Check("swapped", lon.name, of=lon, pair=lat) for lon, lat in coordinates(contract)]
    guarded = {item.name for item in contract.items if is_private(item)}
    checks += [
        Check(
            f"row:{rule.name}",
            row_rule=rule,
            about=tuple(contract.item(name) for name in rule.items),
            private=not guarded.isdisjoint(rule.items),
        )
        for rule in contract.row_rules
    ]
    if contract.key:
        first = contract.item(contract.key[0])
        private = not guarded.isdisjoint(contract.key)
        checks.append(Check("key", first.name, of=first, limit=", ".join(contract.key), scope=Scope.SET, private=private))
    return (*checks, *of_batch(contract))


def is_private(item: Item) -> bool:
    """Whether no value of an item may stand in a message: personal data, and what is graded L3 and above."""
    return item.personal is not None or item.grade >= "L3"


def of_item(item: Item, contract: Contract) -> list[Check]:
    """The checks of one item's values, the simplest first."""
    asked = [
        ("required", item.required or item.key is not None),
        ("type", item.type is not Type.STRING),
        ("length", item.min_length is not None or item.max_length is not None),
        ("pattern", item.pattern is not None),
        ("minimum", item.minimum is not None),
        ("maximum", item.maximum is not None),
        ("multiple", item.multiple_of is not None),
        ("values", bool(item.values)),
        ("code-list", item.code_list is not None and not (item.code_list == DIVISIONS and item.format is Format.DIVISION)),
        (str(item.format), item.format is not None),
    ]
    pair = partner(item, contract) if item.format in (Format.LONGITUDE, Format.LATITUDE) else None
    private = is_private(item)
    checks = [
        Check(rule, item.name, of=item, pair=pair if rule == item.format else None, private=private)
        for rule, wanted in asked
        if wanted
    ]
    if item.references:
        checks.append(Check("reference", item.name, of=item, private=private, scope=Scope.REFERENCE))
    if item.unique and contract.key != (item.name,):
        checks.append(Check("unique", item.name, of=item, private=private, scope=Scope.SET))
    return checks


def of_batch(contract: Contract) -> list[Check]:
    """The checks that can refuse a delivery as a whole."""
    rules, checks = contract.batch_rules, []
    if rules.min_rows is not None or rules.max_rows is not None:
        low, high = rules.min_rows, rules.max_rows
        told = f"{low or 0:,} – {high:,}" if high is not None else f"≥ {low:,}"
        checks.append(Check("row-count", limit=told, scope=Scope.BATCH))
    if rules.freshness_item and rules.freshness:
        of = contract.item(rules.freshness_item)
        checks.append(Check("freshness", of.name, of=of, limit=batch_messages.duration(rules.freshness), scope=Scope.BATCH))
    if contract.delivery == "full":
        checks.append(Check("vanish", limit=f"{rules.vanish_share:.0%}", scope=Scope.BATCH))
    if rules.quarantine_share is not None:
        checks.append(Check("quarantine-share", limit=f"{rules.quarantine_share:.0%}", scope=Scope.BATCH))
    return checks


def unreadable(rule: str, expected: int | None = None, *, private: bool = False) -> Check:
    """The check that a row breaks which could not be parsed: `columns` (wrong number of fields), `quotes` or `encoding`."""
    return Check(rule, limit=None if expected is None else str(expected), private=private)


def coordinates(contract: Contract) -> list[tuple[Item, Item]]:
    """Longitudes with their latitudes, paired in the order in which they stand."""
    longitudes = [i for i in contract.items if i.format is Format.LONGITUDE]
    latitudes = [i for i in contract.items if i.format is Format.LATITUDE]
    return list(zip(longitudes, latitudes, strict=False))


def partner(item: Item, contract: Contract) -> Item | None:
    """The other coordinate of a longitude or latitude."""
    for longitude, latitude in coordinates(contract):
        if item.name == longitude.name:
            return latitude
        if item.name == latitude.name:
            return longitude
    return None


def bounds(item: Item) -> tuple[float, float]:
    """Smallest and largest value of a coordinate."""
    if item.bounds:
        return item.bounds
    return (-180.0, 180.0) if item.format is Format.LONGITUDE else (-90.0, 90.0)
