"""Every rule that there is, in the order in which an item is asked them."""

from __future__ import annotations

from functools import cache
from typing import Any

from contracts.checks.formats import registry as formats
from contracts.checks.formats.coordinate import Coordinate
from contracts.checks.rules import bounds, coordinates, deliveries, lines, lists, presence, rows, sets, texts
from contracts.checks.rules import formats as of_formats
from contracts.checks.rules.base import ItemCheck, Rule
from contracts.model import Format

OF_VALUES: tuple[Rule[ItemCheck], ...] = (
    presence.REQUIRED,
    presence.TYPE,
    texts.LENGTH,
    texts.PATTERN,
    bounds.MINIMUM,
    bounds.MAXIMUM,
    bounds.MULTIPLE,
    lists.VALUES,
    lists.CODE_LIST,
)
"""The simplest first; then comes that of the item's format."""
OTHERS: tuple[Rule[Any], ...] = (
    coordinates.LONGITUDE,
    coordinates.LATITUDE,
    coordinates.SWAPPED,
    rows.ROW,
    sets.KEY,
    sets.UNIQUE,
    sets.REFERENCE,
    deliveries.ROW_COUNT,
    deliveries.FRESHNESS,
    deliveries.VANISH,
    deliveries.QUARANTINE_SHARE,
    *lines.UNREAD,
    *lines.ASIDE,
)


@cache
def of_format(form: Format) -> Rule[ItemCheck]:
    """The rule that a format brings; coordinates are judged in pairs."""
    if isinstance(form, Coordinate):
        return coordinates.LONGITUDE if form.name == "longitude" else coordinates.LATITUDE
    return of_formats.rule(form)


def rules() -> dict[str, Rule[Any]]:
    """Every rule by its name, those of the formats that are installed among them."""
    known = {one.name: one for one in (*OF_VALUES, *OTHERS)}
    return {**{name: of_format(form) for name, form in formats.formats().items()}, **known}


def named(name: str) -> Rule[Any]:
    """The rule of a name, as batches of any age record it; one that is no more has its name alone."""
    kind = name.partition(":")[0]
    return rules().get(kind) or lines.unknown(name)
