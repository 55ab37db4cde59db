"""Search over titles, abstracts, items, codes and organizations; says why each entry matched. Exact name first."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import and_

from sqlalchemy import text
from sqlmodel import Session, col, select

from catalog.entries import codes, tokenizer
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry, entry_of
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from catalog.search import facets as browse
from catalog.search.facets import Facet, Filters
from catalog.search.mirror import Mirror, mirror

MATCHES_SHOWN = 4


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
) -> Page:
    """Entries that the subject may know of, that hold every word of the query and pass the filters; one page of them.

    An empty query lists all. Sorted by relevance where words were asked for, otherwise by what changed last.
    """
    query = "".join(character for character in query if character.isprintable() or character.isspace())
    chosen, words = filters or Filters(), tokenizer.terms(query)
    wordings = [_wordings(session, word) for word in words]
    sort = sort if sort in browse.SORTS else ("relevance" if words else "updated")
    found = _found(session, wordings) if wordings else None
    known = mirror(session)
    with known.lock:
        visible = known.discoverable(subject)
        places = None if found is None else list(_places(known, found))
        relaxed = places is not None and not visible & known.of(places)
        if relaxed:
            found = _found(session, [_pieces(wordings)])
            places = list(_places(known, found))
        candidates = visible if places is None else visible & known.of(places)
        passed = browse.passing(known, chosen)
        narrowed = reduce(and_, passed.values(), candidates)
        total = narrowed.bit_count()
        page = max(1, min(page, -(-total // size) or 1))
        if found is None or sort != "relevance":
            on = islice(known.members(narrowed, known.ordered(sort)), (page - 1) * size, page * size)
        else:
            ranks = {at: found[row] for row in found if (at := known.by_words.get(row)) is not None}
            on = islice(
                _by_relevance(known, ranks, known.members(narrowed, ranks), query, page * size), (page - 1) * size, None
            )
        shown = [one.id for one in (known.entries[at] for at in on) if one is not None]
        make = lambda: browse.counts(known, candidates, passed, places)  # noqa: E731
        counted = make() if wordings else known.remembered(("counts", candidates, chosen), make)
    listed = browse.facets(session, counted, chosen)
    hits = _hits(session, shown, query, wordings if not relaxed else [[piece] for piece in _pieces(wordings)])
    return Page(hits, total, page, size, listed, chosen, query, relaxed)


def _places(known: Mirror, found: Mapping[int, float]) -> Iterator[int]:
    """Where the entries stand that the full-text index found."""
    return (known.by_words[row] for row in found if row in known.by_words)


def _by_relevance(known: Mirror, ranks: Mapping[int, float], among: Iterable[int], query: str, most: int) -> list[int]:
    """The first of some entries: its very name or code first, then titles that hold the query, each by rank."""
    typed, folded, key = query.strip(), query.strip().lower(), tokenizer.folded(query)

    def order(at: int) -> tuple[int, float, str]:
        entry = known.entries[at]
        if entry is None:
            return 3, 0, ""
        exact = entry.title == typed or key in (entry.name, entry.code)
        return 0 if exact else 1 if folded in entry.title.lower() else 2, ranks[at], entry.title

    return heapq.nsmallest(most, among, key=order)


def _found(session: Session, wordings: Sequence[Sequence[str]]) -> dict[int, float]:
    """The full-text index asked, once: rows of SearchEntry with their rank, smaller is better."""
    if session.get_bind().dialect.name == "sqlite":
        statement = "SELECT rowid, bm25(resource_terms, 10, 8, 3, 2, 3) FROM resource_terms WHERE resource_terms MATCH :asked"
        expression = tokenizer.fts5_query(wordings)
    else:
        statement = (
            "SELECT t.id, -ts_rank('{0.2, 0.3, 0.8, 1.0}', t.terms, q.q) FROM (SELECT CAST(:asked AS tsquery) AS q) q "
            "JOIN resource_terms t ON t.terms @@ q.q"
        )
        expression = tokenizer.tsquery(wordings)
    found: dict[int, float] = dict(session.connection().execute(text(statement), {"asked": expression}).all())
    return found


def _wordings(session: Session, word: str) -> list[str]:
    """A word, and the same with each synonym that it holds put into the catalogue's words."""
    synonyms = codes.labels(session, codes.SYNONYMS)
    return [word, *(word.replace(typed, says) for typed, (says, _) in synonyms.items() if typed in word and says != word)]


def _pieces(wordings: Sequence[Sequence[str]]) -> list[str]:
    """Every word, and every pair of characters in it: for a search that found nothing whole. A single character is in every
    second title, so it counts only where nothing longer was asked for."""
    pieces = list(dict.fromkeys(piece for texts in wordings for text_ in texts for piece in tokenizer.phrase(text_)))
    return [piece for piece in pieces if len(piece) > 1] or pieces


def _hits(session: Session, ids: Sequence[str], query: str, wordings: Sequence[Sequence[str]]) -> tuple[Hit, ...]:
    statement = (
        select(Resource, Organization, SearchEntry)
        .join(Organization, col(Organization.id) == Resource.provider_id)
        .join(SearchEntry, col(SearchEntry.resource_id) == Resource.id, isouter=True)
        .where(col(Resource.id).in_(ids))
    )
    rows = {row[0].id: row for row in session.exec(statement)}
    return tuple(_hit(*rows[identifier], query, wordings) for identifier in ids)


def _hit(
    resource: Resource, provider: Organization, entry: SearchEntry | None, query: str, wordings: Sequence[Sequence[str]]
) -> Hit:
    words = [text_ for texts in wordings for text_ in texts]
    return Hit(
        resource=resource,
        provider=provider.name,
        provider_en=provider.name_en,
        matches=_matches(resource, entry, wordings),
        exact=bool(query) and tokenizer.folded(query) in (tokenizer.folded(resource.title), resource.name, resource.code),
        title_spans=tuple(tokenizer.spans(resource.title, words)),
        abstract_spans=tuple(tokenizer.spans(resource.abstract, words)),
        item_count=entry.item_count if entry else 0,
    )


def _matches(resource: Resource, entry: SearchEntry | None, wordings: Sequence[Sequence[str]]) -> tuple[Match, ...]:
    """Reasons in the order of their weight, each field's first two."""
    matches: list[Match] = []
    counts: dict[str, int] = {}
    for where, candidates in _texts(resource, entry):
        for texts in wordings:
            for at, wording in enumerate(texts):
                spans = tokenizer.spans(candidates, [wording])
                if spans and counts.get(where, 0) < 2 and len(matches) < MATCHES_SHOWN:
                    counts[where] = counts.get(where, 0) + 1
                    matches.append(Match(where, candidates, tuple(spans), (texts[0], wording) if at else None))
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
