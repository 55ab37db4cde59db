"""What words find: entries and their ranks out of the full-text index, kept in the process and brought up to what changed.

A word that a tenth of the entries hold costs the index some ten milliseconds, and people narrow, page and come back with the
same words. What a word found is kept beside the mirror (`Mirror.words`); for entries that changed the index is asked again.
The index answers in one row: SQLite's driver lets go of the interpreter at each row, and then waits for every other reader.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import compress, repeat
from operator import and_

from sqlalchemy import bindparam, text
from sqlmodel import Session

from catalog.entries import tokenizer
from catalog.search.mirror import CHANGES, Mirror

MOST_RANKED = 25_000
"""A word of more entries than this tells none of them apart: they have no rank by it."""
KEPT_RANKS = 4_000_000
"""Ranks that are kept in all, eight bytes each; what was asked for longest ago goes first."""
KEPT_WORDS = 1_000


def _none() -> array[int]:
    return array("i")


@dataclass(frozen=True, slots=True)
class Found:
    """The entries that hold a word, or several: a set of the mirror's."""

    entries: int
    places: array[int] = field(default_factory=_none)
    """Where those stand that have a rank; the others are equal."""
    ranks: array[int] = field(default_factory=_none)
    """Of these, in the same order: larger is better."""
    version: int = 0
    """The mirror's version of which this is."""

    def ranked(self) -> dict[int, int]:
        """Ranks by where the entries stand."""
        return dict(zip(self.places, self.ranks, strict=True))


def holding(session: Session, known: Mirror, wordings: Sequence[str], *, ranked: bool = True) -> Found:
    """The entries that hold a word, in one of its wordings."""
    key, version = (tuple(wordings), ranked), known.version
    kept: Found | None = known.words.get(key)
    if kept is not None and kept.version == version:
        return kept
    rows = _changed_since(known, kept.version) if kept is not None else None
    if kept is None or rows is None:
        found = _asked(session, known, wordings, version, ranked)
    else:
        found = _brought_up(session, known, wordings, kept, rows, version)
    with known.lock:
        known.words.pop(key, None)
        known.words[key] = found
        _forget(known)
    return found


def entries_holding(session: Session, known: Mirror, wordings: Sequence[str]) -> int:
    """The entries that hold one of these texts, without ranks: of a text that half of them hold that is a tenth of the work."""
    return holding(session, known, wordings, ranked=False).entries


def all_of(known: Mirror, words: Sequence[Found]) -> Found:
    """The entries that hold every word, ranks together."""
    entries = reduce(and_, (one.entries for one in words))
    ranked = sorted((one for one in words if one.places), key=lambda one: len(one.places))
    if len(words) == 1 or not ranked:
        return Found(entries, *((ranked[0].places, ranked[0].ranks) if ranked else ()))
    first, others, held = ranked[0], [one.ranked() for one in ranked[1:]], known.flags(entries)
    pairs = zip(first.places, first.ranks, strict=True)
    return _of(entries, {at: rank + sum(other.get(at, 0) for other in others) for at, rank in pairs if held[at]})


def any_of(words: Iterable[Found]) -> Found:
    """The entries that hold some of the words, ranks together."""
    entries, ranks = 0, dict[int, int]()
    for one in words:
        entries |= one.entries
        for at, rank in zip(one.places, one.ranks, strict=True):
            ranks[at] = ranks.get(at, 0) + rank
    return _of(entries, ranks)


def _of(entries: int, ranks: dict[int, int], version: int = 0) -> Found:
    return Found(entries, array("i", ranks.keys()), array("i", ranks.values()), version)


def _changed_since(known: Mirror, version: int) -> set[int] | None:
    """Rows of the index that changed since a version; None where not all of them are known any more."""
    with known.lock:
        if len(known.changes) == CHANGES and known.changes[0][0] > version:
            return None
        return {row for of, row in known.changes if of > version}


def _asked(session: Session, known: Mirror, wordings: Sequence[str], version: int, ranked: bool) -> Found:
    dialect = session.get_bind().dialect.name
    asked = {"asked": _expression(dialect, wordings)}
    ranked = ranked and session.connection().execute(_COUNTED[dialect], asked).scalar_one() <= MOST_RANKED
    told = session.connection().execute((_RANKED if ranked else _LISTED)[dialect], asked).one()
    return _placed(known, told[0], told[1], version)


def _brought_up(session: Session, known: Mirror, wordings: Sequence[str], kept: Found, rows: set[int], version: int) -> Found:
    """What was kept, with the entries that changed asked for again."""
    if not rows:
        return replace(kept, version=version)
    dialect = session.get_bind().dialect.name
    asked = {"asked": _expression(dialect, wordings), "rows": sorted(rows)}
    told = session.connection().execute(_AGAIN[dialect], asked).one()
    now = _placed(known, told[0], told[1], version)
    changed = {known.by_words[row] for row in rows if row in known.by_words}
    before = known.of(changed)
    entries = (kept.entries | before) ^ before | now.entries
    if kept.entries and not kept.places:
        return Found(entries, version=version)
    ranks = {at: rank for at, rank in kept.ranked().items() if at not in changed} if kept.entries & before else kept.ranked()
    return _of(entries, ranks | now.ranked(), version)


def _expression(dialect: str, wordings: Sequence[str]) -> str:
    return tokenizer.fts5_query([wordings]) if dialect == "sqlite" else tokenizer.tsquery([wordings])


def _placed(known: Mirror, rows: str | None, ranks: str | None, version: int) -> Found:
    """Rows of the index, a list in a text as the ranks are, as places in the mirror."""
    if not rows:
        return Found(0, version=version)
    places = array("i", map(known.by_words.get, map(int, rows.split(",")), repeat(-1)))
    told = array("i", map(int, ranks.split(","))) if ranks else _none()
    if -1 in places:  # an entry of this moment, that the mirror reads with the next search
        kept = [at >= 0 for at in places]
        places, told = array("i", compress(places, kept)), array("i", compress(told, kept))
    return Found(known.of(places), places if told else _none(), told, version)


def _forget(known: Mirror) -> None:
    """Let go what was asked for longest ago, where too much is kept."""
    ranks = sum(len(one.ranks) for one in known.words.values())
    while len(known.words) > 1 and (len(known.words) > KEPT_WORDS or ranks > KEPT_RANKS):
        ranks -= len(known.words.pop(next(iter(known.words))).ranks)


_MATCHING = {
    "sqlite": "FROM resource_terms WHERE resource_terms MATCH :asked",
    "postgresql": "FROM (SELECT CAST(:asked AS tsquery) AS q) q JOIN resource_terms t ON t.terms @@ q.q",
}
_RANKS = {
    "sqlite": "SELECT rowid AS at, CAST(-1000 * bm25(resource_terms, 10, 8, 3, 2, 3) AS INTEGER) AS rank",
    "postgresql": "SELECT t.id AS at, CAST(1000000 * ts_rank('{0.2, 0.3, 0.8, 1.0}', t.terms, q.q) AS INTEGER) AS rank",
}
_ONE_ROW = {
    "sqlite": "SELECT group_concat(at), group_concat(rank) FROM ({} LIMIT -1)",
    "postgresql": "SELECT string_agg(CAST(at AS text), ','), string_agg(CAST(rank AS text), ',') FROM ({}) found",
}
_LISTS = {
    "sqlite": "SELECT group_concat(rowid), NULL",
    "postgresql": "SELECT string_agg(CAST(t.id AS text), ','), NULL",
}
_ROWS = {"sqlite": "AND rowid IN :rows", "postgresql": "AND t.id IN :rows"}
_COUNTED = {name: text(f"SELECT count(*) {matching}") for name, matching in _MATCHING.items()}
_LISTED = {name: text(f"{_LISTS[name]} {matching}") for name, matching in _MATCHING.items()}
_RANKED = {name: text(_ONE_ROW[name].format(f"{_RANKS[name]} {matching}")) for name, matching in _MATCHING.items()}
_AGAIN = {
    name: text(_ONE_ROW[name].format(f"{_RANKS[name]} {matching} {_ROWS[name]}")).bindparams(bindparam("rows", expanding=True))
    for name, matching in _MATCHING.items()
}
