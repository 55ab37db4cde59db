"""What a recipient may read, by share (provider), schema (library) and table: of every entry there is, decided in sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from sqlmodel import Session, col, select

from catalog.access import alike, may
from catalog.access.alike import Kinds
from catalog.access.likeness import Held, Like
from catalog.entries.resources import Resource, Route
from catalog.entries.search_index import SearchEntry
from catalog.identity.people import Subject
from catalog.search.mirror import Entry, Mirror, mirror
from contracts import clock

UNKNOWN = "?"
"""Kinds of items of an entry that was not indexed since they are kept."""
ALIKE = ("kind", "library", "sharing", "grade", "category", "item_kinds")
"""What entries that are decided alike have in common, beside whose they are and whether they were bought."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The entries with a version in force that a recipient may download, as sets of the catalogue in memory."""

    known: Mirror
    readable: int
    granted: int
    """Those of the readable ones for which the recipient holds a grant: they are listed first."""

    def providers(self, among: int) -> list[str]:
        """Providers of some entries, by name."""
        return sorted(name for name, held in self.known.masks["provider"].items() if held & among)

    def of(self, share: str, schema: str = "") -> int:
        """The readable entries of a share, or of a schema in it; named without regard to case."""
        wanted = self.readable & _named(self.known.masks["provider"], share)
        return wanted & _named(self.known.masks["library"], schema) if schema else wanted

    def in_order(self, wanted: int) -> list[Entry]:
        """Some entries: those granted to the recipient first, then those open to all, each by share, schema and name."""
        order = list(self.known.members(wanted, self.known.ordered("place")))
        first = set(self.known.members(wanted & self.granted, order))
        return [self._entry(at) for at in order if at in first] + [self._entry(at) for at in order if at not in first]

    def _entry(self, at: int) -> Entry:
        entry = self.known.entries[at]
        assert entry is not None  # noqa: S101 - what is in a set is there
        return entry


def shares(session: Session, subject: Subject) -> list[str]:
    """Names of the shares: providers with a table for this recipient."""
    known = mirror(session)
    with known.lock:
        found = _shared(session, subject, known)
        return list(dict.fromkeys([*found.providers(found.granted), *found.providers(found.readable)]))


def schemas(session: Session, subject: Subject, share: str) -> list[tuple[str, str]]:
    """The share's own name with each of its schemas; none where it has no table for this recipient."""
    known = mirror(session)
    with known.lock:
        found = _shared(session, subject, known)
        libraries = sorted(known.masks["library"].items())
        each = [
            (provider, library)
            for among in (found.granted, found.readable)
            for provider in found.providers(found.of(share) & among)
            for library, held in libraries
            if held & among & found.of(share) & known.masks["provider"][provider]
        ]
        return list(dict.fromkeys(each))


def tables(session: Session, subject: Subject, share: str, schema: str = "") -> list[Entry]:
    """Tables of a share, or of one schema in it, for this recipient."""
    known = mirror(session)
    with known.lock:
        found = _shared(session, subject, known)
        return found.in_order(found.of(share, schema))


def _named(masks: Mapping[str, int], name: str) -> int:
    found = 0
    for value, held in masks.items():
        if value.lower() == name.lower():
            found |= held
    return found


def _shared(session: Session, subject: Subject, known: Mirror) -> Shared:
    """Decided in sets: entries without a grant by what they have in common, those with one by their grants as well; one by one
    where it is not known which items there are."""
    at = clock.now()
    wanted = known.masks["state"].get("published", 0) & known.masks["released"].get(True, 0)
    grants = alike.grants_of(session, subject, at)
    held = {place: grants[name] for name in grants if (place := known.place.get(name)) is not None}
    granted, unknown = wanted & known.of(held), wanted & known.masks["item_kinds"].get(UNKNOWN, 0)
    asked = _Asked(session, subject, known, at, _passed_on(session, known))
    readable = asked.alike(wanted & ~granted & ~unknown) | asked.granted(granted & ~unknown, held) | asked.each(unknown)
    return Shared(known, readable, readable & granted)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One recipient's question."""

    session: Session
    subject: Subject
    known: Mirror
    at: datetime
    passed_on: int
    """Entries that were bought and may be passed on."""

    def alike(self, wanted: int) -> int:
        """Those of some entries, none of which rests on a grant, that may be read."""
        sets: dict[Like, int] = {}
        for (own, bought), among in self._split(wanted):
            for values, entries in _groups(self.known, among):
                told = dict(zip(ALIKE, values, strict=True))
                kinds = dict.fromkeys(told.pop("item_kinds").split(), ())
                like = Like(
                    **told, provider_id=self.subject.organization_id if own else alike.ANOTHER, state="published",
                    route=Route.BUY if bought else "", redistribution=bought == 2, items=alike.kinds_in(kinds, None),
                )  # fmt: skip
                sets[like] = sets.get(like, 0) | entries
        return self._allowed(sets)

    def granted(self, wanted: int, held: Mapping[int, Held]) -> int:
        """Those of some entries for which the recipient holds a grant that may be read."""
        places: dict[Like, list[int]] = {}
        named = self._item_names() if any(one.items or one.masks for one in held.values()) else {}
        for at in self.known.members(wanted, held):
            entry = self.known.entries[at]
            if entry is not None:
                kinds: Kinds = named.get(entry.id) or dict.fromkeys(entry.item_kinds.split(), ())
                places.setdefault(self._like(entry, kinds, held[at], at), []).append(at)
        return self._allowed({like: self.known.of(found) for like, found in places.items()})

    def each(self, wanted: int) -> int:
        """Those of some entries that may be read, asked one by one."""
        places = self.known.members(wanted, range(len(self.known.entries))) if wanted else ()
        found = ((at, self.session.get(Resource, entry.id)) for at in places if (entry := self.known.entries[at]))
        return self.known.of(at for at, one in found if one and may(self.session, self.subject, "download", one))

    def _allowed(self, sets: Mapping[Like, int]) -> int:
        each = list(sets)
        answers = alike.decided(self.session, self.subject, "download", each, self.at)
        found = 0
        for like, allowed in zip(each, answers, strict=True):
            found |= sets[like] if allowed else 0
        return found

    def _split(self, wanted: int) -> Iterator[tuple[tuple[bool, int], int]]:
        """By whether they are the recipient's own, and whether they were bought (1), and may be passed on (2)."""
        own = self.known.masks["provider"].get(self.subject.organization_id, 0)
        bought = self.known.masks["route"].get(Route.BUY, 0)
        whose, how = ((True, own), (False, ~own)), ((0, ~bought), (1, bought & ~self.passed_on), (2, bought & self.passed_on))
        for (mine, first), (way, second) in product(whose, how):
            if among := wanted & first & second:
                yield (mine, way), among

    def _item_names(self) -> dict[str, Any]:
        """Items by kind, of entries for which the recipient holds a grant."""
        asked = select(SearchEntry.resource_id, SearchEntry.item_kinds)
        return dict(self.session.exec(asked.where(col(SearchEntry.resource_id).in_(alike.held_by(self.subject)))).all())

    def _like(self, one: Entry, kinds: Kinds, grant: Held, at: int) -> Like:
        bought, provider_id = one.route == Route.BUY, alike.provider_of(self.subject, one.provider)
        return Like(
            provider_id=provider_id, kind=one.kind, library=one.library, route=Route.BUY if bought else "",
            sharing=one.sharing, grade=one.grade, category=one.category, state=one.state,
            redistribution=bought and bool(self.passed_on >> at & 1), items=alike.kinds_in(kinds, grant),
            given=alike.given(grant, self.at),
        )  # fmt: skip


def _passed_on(session: Session, known: Mirror) -> int:
    asked = select(Resource.id).where(col(Resource.name).in_(alike.redistributed()))
    return known.of(known.place[name] for name in session.exec(asked) if name in known.place)


def _groups(known: Mirror, wanted: int, names: Sequence[str] = ALIKE) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Some entries by what they have in common."""
    if not names:
        yield (), wanted
        return
    for value, held in known.masks[names[0]].items():
        if among := wanted & held:
            for values, entries in _groups(known, among, names[1:]):
                yield (value, *values), entries
