"""Search over titles, abstracts, items, codes and organizations; says why each entry matched. Exact name first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import compress, islice
from operator import and_
from typing import Any

from sqlalchemy import Row, bindparam, or_
from sqlmodel import Session, col, select

from catalog.entries import codes, tokenizer
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry, entry_of
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from catalog.search import facets as browse
from catalog.search import words
from catalog.search.facets import Facet, Filters
from catalog.search.mirror import Entry, Mirror, mirror

MATCHES_SHOWN = 4
MOST_PIECES = 40
"""Of a long text that nothing holds: the index is asked for each of them."""


@dataclass(frozen=True, slots=True)
class Match:
    """One reason why an entry was found: where, and the text with the spans to highlight."""

    field: str
    """title, name, code, organization, abstract, item, label (of an item's code list), upstream or class."""
    text: str
    spans: tuple[tuple[int, int], ...]
    synonym: tuple[str, str] | None = None
    """(what was typed, what the catalogue says), where a synonym led here."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry of a list, with its provider and why it matched."""

    resource: Resource
    provider: str
    provider_en: str
    matches: tuple[Match, ...] = ()
    exact: bool = False
    title_spans: tuple[tuple[int, int], ...] = ()
    abstract_spans: tuple[tuple[int, int], ...] = ()
    item_count: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, its facets, and how many entries there are in all."""

    hits: tuple[Hit, ...]
    total: int
    page: int
    size: int
    facets: tuple[Facet, ...]
    filters: Filters
    query: str = ""
    relaxed: bool = False
    """Nothing held all the words, so entries that hold some of them are shown."""

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, -(-self.total // self.size))


def search(
    session: Session,
    query: str = "",
    filters: Filters | None = None,
    *,
    subject: Subject,
    sort: str = "",
    page: int = 1,
    size: int = 20,
    named: bool = True,
) -> Page:
    """Entries that the subject may know of, that hold every word of the query and pass the filters; one page of them.

    `named`: what values of facets are called, too. An empty query lists all. Sorted by relevance where words were asked for,
    otherwise by what changed last.
    """
    query = "".join(character for character in query if character.isprintable() or character.isspace())
    chosen, terms = filters or Filters(), tokenizer.terms(query)
    sort = sort if sort in browse.SORTS else ("relevance" if terms else "updated")
    known = mirror(session)
    wordings = _wordings(session, terms)
    found, relaxed = _found(session, known, subject, wordings)
    very = _very(session, query) if found is not None and sort == "relevance" else ()
    with known.lock:
        visible = known.discoverable(subject)
        candidates = visible if found is None else visible & found.entries
        passed = browse.passing(known, chosen)
        narrowed = reduce(and_, passed.values(), candidates)
        total = narrowed.bit_count()
        page = max(1, min(page, -(-total // size) or 1))
        if found is None or sort != "relevance":
            on: Iterable[int] = islice(known.members(narrowed, known.ordered(sort)), (page - 1) * size, page * size)
        else:
            on = _by_relevance(known, found, narrowed, query, very, page * size)[(page - 1) * size :]
        shown = [one.id for one in (known.entries[at] for at in on) if one is not None]
        counted = known.remembered(("counts", candidates, chosen), lambda: browse.counts(known, candidates, passed))
    listed = browse.facets(session, counted, chosen, named=named)
    hits = _hits(session, shown, query, wordings if not relaxed else [[piece] for piece in _pieces(wordings)])
    return Page(hits, total, page, size, listed, chosen, query, relaxed)


def suggested(session: Session, query: str, *, subject: Subject, size: int = 10) -> list[Entry]:
    """The first entries that hold what somebody is typing, of those that the subject may know of; none that hold some of it."""
    query = "".join(character for character in query if character.isprintable() or character.isspace())
    terms = tokenizer.terms(query)
    if not terms:
        return []
    known = mirror(session)
    found = words.all_of(known, [words.holding(session, known, wordings) for wordings in _wordings(session, terms)])
    very = _very(session, query)
    with known.lock:
        narrowed = known.discoverable(subject) & found.entries
        first = _by_relevance(known, found, narrowed, query, very, size)
        return [one for one in (known.entries[at] for at in first) if one is not None]


def _found(
    session: Session, known: Mirror, subject: Subject, wordings: Sequence[Sequence[str]]
) -> tuple[words.Found | None, bool]:
    """The entries that hold all the words; those that hold some of them, where the subject may know of none that hold all."""
    if not wordings:
        return None, False
    found = words.all_of(known, [words.holding(session, known, texts) for texts in wordings])
    with known.lock:
        if known.discoverable(subject) & found.entries:
            return found, False
    return words.any_of(words.holding(session, known, [piece]) for piece in _pieces(wordings)), True


def _very(session: Session, query: str) -> frozenset[str]:
    """Entries that are called exactly so, or have exactly this name or code."""
    rows = session.connection().execute(_VERY, {"typed": query.strip(), "key": tokenizer.folded(query)})
    return frozenset(row[0] for row in rows)


_VERY = select(col(Resource.id)).where(
    or_(
        col(Resource.title) == bindparam("typed"),
        col(Resource.name) == bindparam("key"),
        col(Resource.code) == bindparam("key"),
    )
)


def _by_relevance(known: Mirror, found: words.Found, among: int, query: str, very: Iterable[str], most: int) -> list[int]:
    """The first of some entries: its very name or code first, then titles that hold the query, each by rank."""
    folded, titles = query.strip().lower(), known.columns["folded"]
    held, exact = known.flags(among), {at for at in map(known.place.get, very) if at is not None}
    chosen = [at for at in exact if held[at]]
    of_these = bytes(map(held.__getitem__, found.places))
    ranked = list(zip(compress(found.ranks, of_these), compress(found.places, of_these), strict=True))
    others = 0  # those that hold words which too many hold to be told apart by them
    if len(ranked) < among.bit_count():
        others = among & ~known.of(found.places) & ~known.of(exact)
    first = _best([pair for pair in ranked if pair[1] in exact], titles, most)
    first += sorted(set(chosen) - set(first), key=titles.__getitem__)
    for named in (True, False):
        if len(first) >= most:
            break
        some = [pair for pair in ranked if (folded in titles[pair[1]]) is named and pair[1] not in exact]
        more = _best(some, titles, most)
        if len(more) < most and others:
            holding = known.remembered(
                ("titles", folded), lambda: known.of(at for at, title in enumerate(titles) if title and folded in title)
            )
            more += known.first(others & holding if named else others & ~holding, "title", most)
        first += more
    return first[:most]


def _best(pairs: Sequence[tuple[int, int]], titles: Sequence[str], most: int) -> list[int]:
    """Of (rank, where it stands) the best, by title where ranks are equal."""
    if len(pairs) > most:
        last = heapq.nlargest(most, (rank for rank, _ in pairs))[-1]
        pairs = [pair for pair in pairs if pair[0] >= last]
    return [at for _, at in heapq.nsmallest(most, pairs, key=lambda pair: (-pair[0], titles[pair[1]]))]


def _wordings(session: Session, terms: Sequence[str]) -> list[list[str]]:
    """Each word, and the same with each synonym that it holds put into the catalogue's words."""
    synonyms = codes.labels(session, codes.SYNONYMS) if terms else {}
    return [
        [word, *(word.replace(typed, says) for typed, (says, _) in synonyms.items() if typed in word and says != word)]
        for word in terms
    ]


def _pieces(wordings: Sequence[Sequence[str]]) -> list[str]:
    """Every word, and every pair of characters in it: for a search that found nothing whole. A single character is in every
    second title, so it counts only where nothing longer was asked for."""
    pieces = list(dict.fromkeys(piece for texts in wordings for text_ in texts for piece in tokenizer.phrase(text_)))
    return ([piece for piece in pieces if len(piece) > 1] or pieces)[:MOST_PIECES]


_SHOWN = (
    select(Resource, Organization.name, Organization.name_en, SearchEntry)
    .join(Organization, col(Organization.id) == Resource.provider_id)
    .join(SearchEntry, col(SearchEntry.resource_id) == Resource.id, isouter=True)
    .where(col(Resource.id).in_(bindparam("ids", expanding=True)))
)


def _hits(session: Session, ids: Sequence[str], query: str, wordings: Sequence[Sequence[str]]) -> tuple[Hit, ...]:
    rows = {row[0].id: row for row in session.execute(_SHOWN, {"ids": ids})} if ids else {}
    return tuple(_hit(rows[identifier], query, wordings) for identifier in ids)


def _hit(row: Row[*tuple[Any, ...]], query: str, wordings: Sequence[Sequence[str]]) -> Hit:
    resource, provider, provider_en, entry = row[0], row[1], row[2], row[3]
    texts = [text_ for some in wordings for text_ in some]
    return Hit(
        resource=resource,
        provider=provider,
        provider_en=provider_en,
        matches=_matches(resource, entry, wordings),
        exact=bool(query) and tokenizer.folded(query) in (tokenizer.folded(resource.title), resource.name, resource.code),
        title_spans=tuple(tokenizer.spans(resource.title, texts)),
        abstract_spans=tuple(tokenizer.spans(resource.abstract, texts)),
        item_count=entry.item_count if entry else 0,
    )


def _matches(resource: Resource, entry: SearchEntry | None, wordings: Sequence[Sequence[str]]) -> tuple[Match, ...]:
    """Reasons in the order of their weight, each field's first two."""
    matches: list[Match] = []
    counts: dict[str, int] = {}
    for where, candidate in _texts(resource, entry) if wordings else ():
        for texts in wordings:
            if counts.get(where, 0) == 2:
                break
            if len(matches) == MATCHES_SHOWN:
                return tuple(matches)
            for at, wording in enumerate(texts):
                if spans := tokenizer.spans(candidate, [wording]):
                    counts[where] = counts.get(where, 0) + 1
                    matches.append(Match(where, candidate, tuple(spans), (texts[0], wording) if at else None))
                    break
    return tuple(matches)


def _texts(resource: Resource, entry: SearchEntry | None) -> list[tuple[str, str]]:
    texts = [("title", resource.title), ("title", resource.title_en), ("name", resource.name)]
    if entry is None:
        return texts
    texts += [("code", code) for code in entry.codes]
    texts += [("item", item["title"]) for item in entry.items] + [("item", item["name"]) for item in entry.items]
    texts += [("abstract", resource.abstract), ("abstract", resource.abstract_en)]
    texts += [("label", label) for item in entry.items for label in item["labels"]]
    texts += [("organization", name) for name in entry.organization.split("\n")]
    texts += [("upstream", title) for title in entry.upstream] + [("class", entry.class_path)]
    return [(where, words) for where, words in texts if words]


__all__ = ["Facet", "Filters", "Hit", "Match", "Page", "entry_of", "search"]
