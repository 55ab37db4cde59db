"""Looking through the catalogue: filters, and counts in which a facet's own choice does not change its own counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import and_, or_
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from catalog.entries.codes import ResourceClass
from catalog.identity.organizations import Organization
from catalog.search.mirror import Mirror

MANY_VALUES = 500
"""Values of a facet from which the entries that were found are counted one by one, not value by value."""
MOST_CHOICES = 100
"""Values of a facet that are offered: those of most entries, and what is chosen."""
SORTS = ("relevance", "updated", "title", "rows", "quality", "due")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. Several values of one facet mean "or", facets together mean "and"."""

    provider: tuple[str, ...] = ()
    class_code: tuple[str, ...] = ()
    """类 or 项: the first digits of the class code."""
    library: tuple[str, ...] = ()
    sharing: tuple[int, ...] = ()
    route: tuple[str, ...] = ()
    cycle: tuple[str, ...] = ()
    grade: tuple[str, ...] = ()
    format: tuple[int, ...] = ()
    state: tuple[str, ...] = ()

    def chosen(self) -> list[tuple[str, Any]]:
        """Every single choice, for the chips above a list."""
        return [(facet.name, value) for facet in fields(self) for value in getattr(self, facet.name)]

    @staticmethod
    def read(parameters: Mapping[str, Sequence[str]]) -> Filters:
        """Filters from an address's query; what is no value of a facet is left out."""
        read: dict[str, tuple[Any, ...]] = {}
        for facet in fields(Filters):
            values = [value for value in parameters.get(facet.name, ()) if value]
            if facet.name in ("sharing", "format"):
                read[facet.name] = tuple(int(value) for value in values if value.isdecimal() and len(value) < 4)
            else:
                read[facet.name] = tuple(values)
        return Filters(**read)


FACETS = tuple(facet.name for facet in fields(Filters) if facet.name != "state")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet, with how many entries have it under the other facets' choices."""

    value: Any
    count: int
    chosen: bool
    label: str = ""
    label_en: str = ""
    """Names of organizations and classes; values of a fixed list have their words in the portal."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One facet with its values, most entries first (libraries, grades and such in their own order)."""

    name: str
    choices: tuple[Choice, ...]


def passing(known: Mirror, filters: Filters) -> dict[str, int]:
    """For each facet in which something is chosen: the entries that pass it."""
    return {
        facet.name: _passes(known.masks[facet.name], facet.name, getattr(filters, facet.name))
        for facet in fields(filters)
        if getattr(filters, facet.name)
    }


def _passes(masks: Mapping[Any, int], name: str, chosen: tuple[Any, ...]) -> int:
    starts = tuple(code[:3] for code in chosen) if name == "class_code" else ()
    wanted = [value for value in masks if value.startswith(starts)] if starts else chosen
    return reduce(or_, (masks.get(value, 0) for value in wanted), 0)


def counts(known: Mirror, found: int, passed: Mapping[str, int]) -> dict[str, dict[Any, int]]:
    """How many entries have each value of each facet, under the choices of all other facets. A facet of thousands of values is
    counted along its column."""
    counted: dict[str, dict[Any, int]] = {}
    for name in FACETS:
        others = reduce(and_, (mask for other, mask in passed.items() if other != name), found)
        masks = known.masks[name]
        if name in known.columns and len(masks) > MANY_VALUES:
            counted[name] = dict(Counter(known.along(name, others)))
        else:
            counted[name] = {value: count for value, mask in masks.items() if (count := (mask & others).bit_count())}
    return counted


def facets(
    session: Session, counted: Mapping[str, Mapping[Any, int]], filters: Filters, *, named: bool = True
) -> tuple[Facet, ...]:
    """Every facet with its values and, where they are to be read, what they are called."""
    return tuple(Facet(name, _choices(session, name, counted[name], getattr(filters, name), named)) for name in FACETS)


def _choices(
    session: Session, name: str, counted: Mapping[Any, int], chosen: tuple[Any, ...], named: bool
) -> tuple[Choice, ...]:
    counts = {**dict.fromkeys(chosen, 0), **counted}
    counts.pop("", None)
    last = sorted(counts.values())[-MOST_CHOICES] if len(counts) > MOST_CHOICES else 0
    many = [pair for pair in counts.items() if pair[1] >= last or pair[0] in chosen]
    many.sort(key=lambda pair: (-pair[1], str(pair[0])))
    ranked = [pair for at, pair in enumerate(many) if at < MOST_CHOICES or pair[0] in chosen]
    if name not in ("provider", "class_code"):
        order = _ORDER.get(name, {})
        ranked.sort(key=lambda pair: (order.get(pair[0], len(order)), str(pair[0])))
    labels: Mapping[str, tuple[str, str]] = {}
    if named and name == "provider":
        labels = _provider_labels(session, [value for value, _ in ranked])
    elif named and name == "class_code":
        labels = _class_labels(session)
    return tuple(Choice(value, count, value in chosen, *labels.get(value, ("", ""))) for value, count in ranked)


_ORDER: Mapping[str, Mapping[str, int]] = {
    "library": {"resource": 0, "theme": 1, "topic": 2},
    "route": {"request": 0, "buy": 1, "collect": 2, "derived": 3},
    "cycle": {name: at for at, name in enumerate(("实时", "每日", "每周", "每月", "每季度", "每半年", "每年", "不定期"))},
}


def _provider_labels(session: Session, providers: Sequence[str]) -> dict[str, tuple[str, str]]:
    statement = select(col(Organization.id), col(Organization.name), col(Organization.name_en))
    rows = session.connection().execute(statement.where(col(Organization.id).in_(providers)))
    return {row[0]: (row[1], row[2]) for row in rows}


def _class_labels(session: Session) -> dict[str, tuple[str, str]]:
    statement = select(col(ResourceClass.code), col(ResourceClass.name), col(ResourceClass.name_en)).where(
        col(ResourceClass.level) <= 2
    )
    names = {row[0]: (row[1], row[2]) for row in session.connection().execute(statement)}
    return {
        code: (f"{_short(names[code[0]][0])} › {zh}", f"{names[code[0]][1]} › {en}")
        if len(code) == 3 and code[0] in names
        else (zh, en)
        for code, (zh, en) in names.items()
    }


def _short(name: str) -> str:
    return name.removesuffix("信息资源") or name
