"""The catalogue's narrow columns in memory, for lists, counts and figures over every entry there is.

A set of entries is one whole number, a bit for each: an intersection and its size are read in microseconds, however many facets
there are. A session reads only what changed since (`entrychange`, written by triggers), so every list is as fresh as a query.
"""

from __future__ import annotations

import bisect
import gc
import json
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache, reduce
from heapq import nsmallest
from itertools import compress, islice
from operator import or_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import BigInteger, Engine, Text, bindparam, cast, func, select, text
from sqlmodel import Field, Session, SQLModel, col

from catalog.entries.resources import Resource, Sharing
from catalog.entries.search_index import SearchEntry
from catalog.entries.visibility import KNOW_ALL
from catalog.identity.people import Subject
from catalog.releases.releases import Release

MANY = 10_000
"""Entries from which the garbage collector is kept off them."""
MEMORIES = 200
"""Answers that are kept until an entry changes."""
FEW = 5_000
"""Entries of a set that are looked up; more are read along all of them."""
CHANGES = 500
"""Changes of which it is known which entry they were of: what words find is brought up to so many (`words`)."""


class EntryChange(SQLModel, table=True):
    """When an entry, or its words for search, last changed: a number that grows. Written by triggers of the database."""

    resource_id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger, index=True)


class Entry(NamedTuple):
    """What is known of one entry."""

    id: str
    words: int | None
    """Row of the full-text index."""
    name: str
    title: str
    code: str
    provider: str
    class_code: str
    library: str
    sharing: int
    route: str
    cycle: str
    grade: str
    format: str
    state: str
    category: str
    updated_at: datetime | None
    next_due: date | None
    quality: float | None
    rows: int
    bytes: int
    items: int
    kind: str
    item_kinds: str
    """What decides whether somebody sees its items (`search_index.kinds_of`); "?" where it is not known."""
    released: bool
    """A version of it is in force."""


MASKED = (
    "provider", "class_code", "library", "sharing", "route", "cycle", "grade", "format", "state", "category",
    "kind", "item_kinds", "released",
)  # fmt: skip
SORT_KEYS: Mapping[str, Callable[[Entry], tuple[Any, ...]]] = {
    "updated": lambda one: (one.updated_at, one.title),
    "title": lambda one: (one.title,),
    "rows": lambda one: (one.rows, one.title),
    "quality": lambda one: (one.quality, one.title),
    "due": lambda one: (one.next_due, one.title),
    "place": lambda one: (one.provider, one.library, one.name),
}
COLUMNS: Mapping[str, Callable[[Entry], Any]] = {
    "provider": lambda one: one.provider,
    "class_code": lambda one: one.class_code,
    "folded": lambda one: one.title.lower(),
}
"""Kept in a row, too: what has thousands of values is counted along it, and titles are looked through."""
_NEWEST = select(func.coalesce(func.max(EntryChange.revision), 0))
_CHANGED = select(col(EntryChange.resource_id), col(EntryChange.revision)).where(
    col(EntryChange.revision) > bindparam("since", type_=BigInteger)
)
_BITS = bytes(1 if byte == ord("1") else 0 for byte in range(256))
FALLING = ("updated", "rows", "quality")
"""Sorts that begin with the largest; what is missing comes last either way."""


@dataclass
class Mirror:
    """Every entry, with the set of those that have each value."""

    entries: list[Entry | None] = field(default_factory=list)
    place: dict[str, int] = field(default_factory=dict)
    by_words: dict[int, int] = field(default_factory=dict)
    masks: dict[str, dict[Any, int]] = field(default_factory=lambda: {name: {} for name in MASKED})
    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    orders: dict[str, list[int]] = field(default_factory=dict)
    memory: dict[Hashable, Any] = field(default_factory=dict)
    since: int | None = None
    """What changed from this revision on is not known yet."""
    seen: dict[str, int] = field(default_factory=dict)
    """Changes that were read last: PostgreSQL shows them again as long as an older transaction is open."""
    version: int = 0
    changes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=CHANGES))
    """The last changes: which version of this came of them, and the entry's row of the full-text index."""
    words: dict[Hashable, Any] = field(default_factory=dict)
    """What words find (`words`)."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def all(self) -> int:
        """The set of all entries."""
        return reduce(or_, self.masks["state"].values(), 0)

    def refresh(self, session: Session) -> None:
        """Read what changed."""
        begun, upto = self.since, _upto(session)
        if begun is None:
            self.seen = {} if _counts(session) else self._shown(session, upto)
            self._fill(map(_entry, session.connection().execute(_narrow())))
            self.since = upto
            if len(self.entries) >= MANY:
                gc.collect()
                gc.freeze()  # what stays is not gone through at each collection: 100 ms at 100,000 entries
            return
        if upto == begun and _counts(session):
            return
        read = self._shown(session, begun)
        revisions = {one: revision for one, revision in read.items() if self.seen.get(one) != revision}
        self.since, self.seen = upto, read
        if not revisions:
            return
        later = select(col(EntryChange.resource_id)).where(col(EntryChange.revision) > begun)
        rows = session.connection().execute(_narrow().where(col(Resource.id).in_(later)))
        found = {row[0]: _entry(row) for row in rows}
        different = {one: found.get(one) for one in revisions if found.get(one) != self._known(one)}
        for identifier, entry in different.items():
            self._put(identifier, entry)
        if different:
            self.memory.clear()
        self.version += 1
        now_ = (one for one in map(self._known, revisions) if one is not None and one.words is not None)
        self.changes.extend((self.version, one.words) for one in now_ if one.words is not None)

    def _shown(self, session: Session, since: int) -> dict[str, int]:
        """Changes from a revision on; read before the entries, which are then as new as these or newer."""
        return dict(session.connection().execute(_CHANGED, {"since": since}).all())

    def of(self, positions: Iterable[int]) -> int:
        """The set of some entries."""
        digits = bytearray(b"0") * len(self.entries) or bytearray(b"0")
        for at in positions:
            digits[at] = 49
        digits.reverse()
        return int(digits, 2)

    def members(self, wanted: int, among: Iterable[int]) -> Iterator[int]:
        """Those of some entries that a set holds, in their order."""
        bits = wanted.to_bytes(len(self.entries) // 8 + 1, "little")
        return (at for at in among if bits[at >> 3] >> (at & 7) & 1)

    def flags(self, wanted: int) -> bytes:
        """A set as a byte for each entry, 1 for those that it holds: for `itertools.compress`."""
        return f"{wanted:0{len(self.entries)}b}"[::-1].encode().translate(_BITS)

    def along(self, column: str, wanted: int) -> Iterable[Any]:
        """The values that those of a set have, one for each."""
        values = self.columns[column]
        if wanted.bit_count() > FEW:
            return compress(values, self.flags(wanted))
        return [values[at] for at in self.positions(wanted)]

    def positions(self, wanted: int) -> Iterator[int]:
        """Where those of a small set stand."""
        flags = self.flags(wanted)
        at = flags.find(1)
        while at >= 0:
            yield at
            at = flags.find(1, at + 1)

    def first(self, wanted: int, sort: str, most: int) -> list[int]:
        """The first of a set in an order."""
        if wanted.bit_count() <= FEW and sort not in FALLING:
            return nsmallest(most, self.positions(wanted), key=self._key(sort))
        return list(islice(self.members(wanted, self.ordered(sort)), most))

    def ordered(self, sort: str) -> Iterable[int]:
        """Every entry in an order; by what changed last where nothing else is asked for."""
        sort = sort if sort in SORT_KEYS else "updated"
        order = self.orders.get(sort)
        if order is None:
            known = (at for at, one in enumerate(self.entries) if one is not None)
            order = self.orders[sort] = sorted(known, key=self._key(sort))
        return reversed(order) if sort in FALLING else order

    def discoverable(self, subject: Subject) -> int:
        """The entries that the subject may know of, as `visibility.discoverable` has it of rows."""
        published = self.masks["state"].get("published", 0)
        if subject.kind == "anonymous":
            return published & self.masks["category"].get("general", 0) & ~self.masks["sharing"].get(int(Sharing.NOT_SHARED), 0)
        if subject.kind in ("local", "system") or subject.has(*KNOW_ALL):
            return self.all
        return published | (self.masks["provider"].get(subject.organization_id, 0) if subject.organization_id else 0)

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """An answer, made once until an entry changes."""
        if key not in self.memory:
            if len(self.memory) >= MEMORIES:
                self.memory.clear()
            self.memory[key] = make()
        return self.memory[key]

    def _known(self, identifier: str) -> Entry | None:
        at = self.place.get(identifier)
        return None if at is None else self.entries[at]

    def _key(self, sort: str) -> Callable[[int], tuple[Any, ...]]:
        falling, key = sort in FALLING, SORT_KEYS[sort]
        return lambda at: _nulls_last(key(self.entries[at]), falling)  # type: ignore[arg-type]

    def _fill(self, entries: Iterable[Entry]) -> None:
        gathered: dict[str, dict[Any, list[int]]] = {name: {} for name in MASKED}
        for at, one in enumerate(entries):
            self.entries.append(one)
            self._named(at, one)
            for name, column in self.columns.items():
                column.append(COLUMNS[name](one))
            for name in MASKED:
                for value in _values(name, one):
                    gathered[name].setdefault(value, []).append(at)
        self.masks = {name: {value: self.of(places) for value, places in found.items()} for name, found in gathered.items()}

    def _named(self, at: int, entry: Entry) -> None:
        self.place[entry.id] = at
        if entry.words is not None:
            self.by_words[entry.words] = at

    def _put(self, identifier: str, entry: Entry | None) -> None:
        """An entry as it is now, in the place of what was known of it."""
        at = self.place.get(identifier)
        if at is None:
            if entry is None:
                return
            at = len(self.entries)
            self.entries.append(None)
            for column in self.columns.values():
                column.append("")
        before = self.entries[at]
        for sort, order in self.orders.items():
            if before is not None:
                order.remove(at)
            if entry is not None:
                key, self.entries[at] = self._key(sort), entry
                bisect.insort(order, at, key=key)
                self.entries[at] = before
        self.entries[at] = entry
        for name, column in self.columns.items():
            column[at] = COLUMNS[name](entry) if entry is not None else ""
        for name in MASKED:
            masks = self.masks[name]
            for value in _values(name, before) if before else ():
                masks[value] &= ~(1 << at)
            for value in _values(name, entry) if entry else ():
                masks[value] = masks.get(value, 0) | 1 << at
        if entry is not None:
            self._named(at, entry)


_mirrors: WeakKeyDictionary[Engine, Mirror] = WeakKeyDictionary()
_making = threading.Lock()


def mirror(session: Session) -> Mirror:
    """The catalogue as this session sees it. One that has written something reads for itself: it may take that back."""
    if _has_written(session):
        own = Mirror()
        own.refresh(session)
        return own
    engine = session.connection().engine
    with _making:
        shared = _mirrors.setdefault(engine, Mirror())
    with shared.lock:
        shared.refresh(session)
    return shared


def forget(engine: Engine) -> None:
    """Read the catalogue of an engine anew: its tables were emptied without their triggers."""
    _mirrors.pop(engine, None)


def _has_written(session: Session) -> bool:
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return bool(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]
    return connection.execute(text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")).scalar_one()


def _upto(session: Session) -> int:
    """What is read now holds every change up to this revision. PostgreSQL: of the transactions before the oldest open one."""
    if _counts(session):
        newest: int = session.connection().execute(_NEWEST).scalar_one()
        return newest
    return int(session.connection().execute(text("SELECT txid_snapshot_xmin(txid_current_snapshot())")).scalar_one()) - 1


def _counts(session: Session) -> bool:
    """Whether revisions are counted one after the other, by who alone may write."""
    return session.get_bind().dialect.name == "sqlite"


def _narrow() -> Any:
    in_force = col(Release.recalled_at).is_(None)
    columns: Any = (
        Resource.id, SearchEntry.id, Resource.name, Resource.title, Resource.code, Resource.provider_id,
        func.substr(Resource.class_code, 1, 3), Resource.library, Resource.sharing, Resource.route, Resource.cycle,
        Resource.grade, cast(col(Resource.formats), Text), Resource.state, Resource.category, Resource.updated_at,
        Resource.next_due, Resource.quality, Resource.rows, Resource.bytes, func.coalesce(SearchEntry.item_count, 0),
        Resource.kind, cast(col(SearchEntry.item_kinds), Text),
        select(col(Release.version)).where(col(Release.resource_id) == Resource.id, in_force).exists(),
    )  # fmt: skip
    return select(*columns).join(SearchEntry, col(SearchEntry.resource_id) == Resource.id, isouter=True)


def _entry(row: Sequence[Any]) -> Entry:
    return Entry._make((*row[:-2], _kinds(row[-2]), bool(row[-1])))


@lru_cache(maxsize=4096)
def _kinds(text_: str | None) -> str:
    """Which kinds of item there are: two entries of the same ones are of one set."""
    known = json.loads(text_ or "null")
    return "?" if known is None else " ".join(sorted(known))


def _values(name: str, entry: Entry) -> Sequence[Any]:
    value = getattr(entry, name)
    return _formats(value) if name == "format" else (value,)


@lru_cache(maxsize=512)
def _formats(text_: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(json.loads(text_ or "[]")))


def _nulls_last(key: tuple[Any, ...], falling: bool) -> tuple[Any, ...]:
    """A key of which missing parts come last, whichever way it is sorted."""
    return tuple(((part is not None) == falling, part if part is not None else 0) for part in key)
