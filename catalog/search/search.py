"""Search over titles, abstracts, items, codes and organizations; says why each entry matched. Exact name first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, String, case, column, or_, text
from sqlmodel import Session, col, select

from catalog.entries import codes, tokenizer
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry, entry_of
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from catalog.search import facets as browse
from catalog.search.facets import Facet, Filters

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
    found = _candidates(session, subject, query, wordings, sort)
    relaxed = bool(words) and not found.ids
    if relaxed:
        found = _candidates(session, subject, query, [_pieces(wordings)], sort)
    passed = browse.passing(found, chosen)
    ids = browse.narrowed(found, passed, reverse=sort in ("updated", "rows", "quality"))
    page = max(1, min(page, -(-len(ids) // size) or 1))
    shown = ids[(page - 1) * size : page * size]
    hits = _hits(session, shown, query, wordings if not relaxed else [[piece] for piece in _pieces(wordings)])
    return Page(hits, len(ids), page, size, browse.facets(session, found, chosen, passed), chosen, query, relaxed)


def _candidates(
    session: Session, subject: Subject, query: str, wordings: Sequence[Sequence[str]], sort: str
) -> browse.Candidates:
    found = _found(session, wordings) if wordings else None
    key: dict[str, list[Any]] = {
        "updated": [col(Resource.updated_at), col(Resource.title)],
        "title": [col(Resource.title)],
        "rows": [col(Resource.rows), col(Resource.title)],
        "quality": [col(Resource.quality), col(Resource.title)],
        "due": [col(Resource.next_due), col(Resource.title)],
    }
    if sort == "relevance" and found is not None:
        return browse.candidates(session, subject, [_tier(query), found.c.rank, col(Resource.title)], found)
    return browse.candidates(session, subject, key.get(sort, key["updated"]), found)


def _tier(query: str) -> ColumnElement[Any]:
    """0: its very name or code; 1: the title holds the query; 2: the rest."""
    key = tokenizer.folded(query)
    exact = or_(col(Resource.title) == query.strip(), col(Resource.name) == key, col(Resource.code) == key)
    return case((exact, 0), (col(Resource.title).contains(query.strip(), autoescape=True), 1), else_=2)


def _found(session: Session, wordings: Sequence[Sequence[str]]) -> Any:
    """The full-text index asked: resource_id and rank, smaller is better.

    Materialised, so that the index is asked once: without statistics SQLite asked it again for every published entry
    (43 s for one word among 100,000 entries).
    """
    if session.get_bind().dialect.name == "sqlite":
        statement = (
            "SELECT e.resource_id AS resource_id, bm25(resource_terms, 10, 8, 3, 2, 3) AS rank FROM resource_terms "
            "JOIN searchentry e ON e.id = resource_terms.rowid WHERE resource_terms MATCH :asked"
        )
        asked = tokenizer.fts5_query(wordings)
    else:
        statement = (
            "SELECT e.resource_id AS resource_id, -ts_rank('{0.2, 0.3, 0.8, 1.0}', t.terms, q.q) AS rank "
            "FROM (SELECT CAST(:asked AS tsquery) AS q) q JOIN resource_terms t ON t.terms @@ q.q "
            "JOIN searchentry e ON e.id = t.id"
        )
        asked = tokenizer.tsquery(wordings)
    matches = text(statement).bindparams(asked=asked).columns(column("resource_id", String), column("rank", Float))
    return matches.cte("found").prefix_with("MATERIALIZED")


def _wordings(session: Session, word: str) -> list[str]:
    """A word, and the same with each synonym that it holds put into the catalogue's words."""
    told = codes.labels(session, codes.SYNONYMS)
    return [word, *(word.replace(typed, says) for typed, (says, _) in told.items() if typed in word and says != word)]


def _pieces(wordings: Sequence[Sequence[str]]) -> list[str]:
    """Every word, and every pair of characters in it: for a search that found nothing whole. A single character is in every
    second title, so it counts only where nothing longer was asked for."""
    pieces = list(dict.fromkeys(piece for texts in wordings for text_ in texts for piece in tokenizer.phrase(text_)))
    return [piece for piece in pieces if len(piece) > 1] or pieces


def _hits(session: Session, ids: Sequence[str], query: str, wordings: Sequence[Sequence[str]]) -> tuple[Hit, ...]:
    asked = (
        select(Resource, Organization, SearchEntry)
        .join(Organization, col(Organization.id) == Resource.provider_id)
        .join(SearchEntry, col(SearchEntry.resource_id) == Resource.id, isouter=True)
        .where(col(Resource.id).in_(ids))
    )
    rows = {row[0].id: row for row in session.exec(asked)}
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
    found: list[Match] = []
    counts: dict[str, int] = {}
    for where, told in _texts(resource, entry):
        for texts in wordings:
            for at, wording in enumerate(texts):
                spans = tokenizer.spans(told, [wording])
                if spans and counts.get(where, 0) < 2 and len(found) < MATCHES_SHOWN:
                    counts[where] = counts.get(where, 0) + 1
                    found.append(Match(where, told, tuple(spans), (texts[0], wording) if at else None))
                    break
    return tuple(found)


def _texts(resource: Resource, entry: SearchEntry | None) -> list[tuple[str, str]]:
    told = [("title", resource.title), ("title", resource.title_en), ("name", resource.name)]
    if entry is None:
        return told
    told += [("code", code) for code in entry.codes]
    told += [("item", item["title"]) for item in entry.items] + [("item", item["name"]) for item in entry.items]
    told += [("abstract", resource.abstract), ("abstract", resource.abstract_en)]
    told += [("label", label) for item in entry.items for label in item["labels"]]
    told += [("organization", name) for name in entry.organization.split("\n")]
    told += [("upstream", title) for title in entry.upstream] + [("class", entry.class_path)]
    return [(where, words) for where, words in told if words]


__all__ = ["Facet", "Filters", "Hit", "Match", "Page", "entry_of", "search"]
