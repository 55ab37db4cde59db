"""Catalogue entries: search, one entry with the thirteen items, its information items, quality and lineage."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, select

from api.http.dependencies import SessionDep, SubjectDep
from api.v1 import samples
from catalog import access, workdays
from catalog.access.use import known
from catalog.entries import contracts as registry
from catalog.entries import resources, visibility
from catalog.entries.resources import Resource
from catalog.identity import organizations
from catalog.identity.people import Subject
from catalog.lineage import graph as lineage
from catalog.overview import scores
from catalog.search import search
from catalog.search.facets import Filters
from contracts.model import Item

router = APIRouter(tags=["resources"])
IN_ONE = 500
"""Names that one statement asks for: PostgreSQL takes 65,535 values in one, SQLite 32,766."""


class ResourceOut(BaseModel):
    """A catalogue entry; numbers in brackets are those of the 2017 guide's thirteen items."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "enterprise_registration",
                    "title": "企业登记信息",
                    "title_en": "Enterprise registrations",
                    "library": "resource",
                    "provider": {"id": "hlj-market", "name": "省市场监督管理局", "name_en": "Market regulation bureau"},
                    "sharing": 2,
                    "cycle": "每月",
                    "rows": 1318,
                    "version": 3,
                }
            ]
        }
    )
    name: str
    kind: str
    library: str
    route: str
    class_code: str = Field(description="(1)")
    title: str = Field(description="(2)")
    title_en: str
    code: str = Field(description="(3)")
    codes: list[str] = []
    provider: dict[str, str] = Field(description="(4), (5)")
    abstract: str = Field(description="(6)")
    abstract_en: str
    formats: list[int] = Field(description="(7)")
    sharing: int = Field(description="(9) 1 unconditional, 2 conditional, 3 not shared")
    sharing_condition: str
    sharing_basis: str
    sharing_uses: list[str]
    sharing_methods: list[str]
    open: int = Field(description="(10) 0 no, 1 yes, 2 on condition")
    open_condition: str
    cycle: str = Field(description="(11)")
    published_on: date | None = Field(description="(12)")
    related_codes: list[str] = Field(description="(13)")
    grade: str
    category: str
    state: str
    rows: int
    quality: float | None
    version: int = Field(description="Number of the last release, recalled ones included; 0: none yet")
    updated_at: datetime | None
    next_due: date | None
    next_due_estimated: bool = Field(description="The holiday table of its year is not imported: it may still move")


class MatchOut(BaseModel):
    """Why an entry was found."""

    field: str
    text: str


class HitOut(BaseModel):
    """One entry of a list."""

    resource: ResourceOut
    matches: list[MatchOut]


class ChoiceOut(BaseModel):
    """One value of a facet and how many entries have it."""

    value: str | int
    count: int


class SearchOut(BaseModel):
    """One page of entries, limited to those the caller may know of."""

    total: int
    page: int
    pages: int
    items: list[HitOut]
    facets: dict[str, list[ChoiceOut]]


class SuggestionOut(BaseModel):
    """One entry that somebody who types may mean."""

    name: str
    title: str
    library: str


class ItemOut(BaseModel):
    """An information item (8)."""

    name: str
    title: str
    title_en: str
    type: str
    national_type: str
    description: str
    required: bool
    key: int | None
    grade: str
    personal: str | None
    code_list: str | None
    references: str | None
    unit_or_datum: str | None = None
    yours: str = Field(description="clear, hash, null, truncate, or hidden: what your rights show of it")


class QualityOut(BaseModel):
    """Score of the last measurement, 0 to 100, and the rules it comes from."""

    score: float | None
    dimensions: dict[str, float]
    measured_at: datetime | None
    rules: list[dict[str, Any]]


class LineageOut(BaseModel):
    """What a dataset or item comes from and feeds; only entries that the caller may know of."""

    upstream: list[dict[str, str]]
    downstream: list[dict[str, str]]


@router.get("/resources", summary="Search the catalogue", response_model=SearchOut)
def find(
    request: Request,
    session: SessionDep,
    subject: SubjectDep,
    q: Annotated[str, Query(description="Words: titles, abstracts, items, codes, organizations", examples=["企业登记"])] = "",
    page: Annotated[int, Query(ge=1)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 20,
    sort: Annotated[str, Query(description="relevance, updated, title, rows, quality or due")] = "",
) -> Response:
    """Entries that hold every word and pass the filters.

    Filters, each of them repeatable: provider, class_code, library, sharing, route, cycle, grade, format, state.
    """
    parameters = {key: request.query_params.getlist(key) for key in request.query_params}
    found = search.search(session, q, Filters.read(parameters), subject=subject, sort=sort, page=page, size=size, named=False)
    calendar = workdays.calendar(session)
    items = [
        HitOut(
            resource=_out(hit.resource, hit.provider, hit.provider_en, calendar),
            matches=[MatchOut(field=match.field, text=match.text) for match in hit.matches],
        )
        for hit in found.hits
    ]
    facets = {f.name: [ChoiceOut(value=c.value, count=c.count) for c in f.choices] for f in found.facets}
    out = SearchOut(total=found.total, page=found.page, pages=found.pages, items=items, facets=facets)
    return Response(out.model_dump_json(), media_type="application/json")  # FastAPI would check what was just made once more


@router.get("/suggestions", summary="Titles for what somebody is typing")
def suggestions(
    session: SessionDep,
    subject: SubjectDep,
    q: Annotated[str, Query(description="What was typed until now", examples=["企业名"])] = "",
    size: Annotated[int, Query(ge=1, le=20)] = 10,
) -> list[SuggestionOut]:
    """The first entries that hold it, of those that the caller may know of; the very name first, then titles."""
    found = search.suggested(session, q, subject=subject, size=size)
    return [SuggestionOut(name=one.name, title=one.title, library=one.library) for one in found]


@router.get("/resources/{name}/items", summary="Information items")
def items(name: str, session: SessionDep, subject: SubjectDep) -> list[ItemOut]:
    """Names, types and grades of a dataset's items, and what the caller's rights show of each."""
    resource = known(session, subject, name)
    view = access.decide(session, subject, "read-rows", resource).view
    told = []
    for item in registry.items(session, resource):
        mask = view.masks.get(item.name) if view else None
        yours = "hidden" if view is None or item.name not in view.items else mask.kind if mask else "clear"
        told.append(_item(item, yours))
    return told


@router.get("/resources/{name}/quality", summary="Quality")
def measured(name: str, session: SessionDep, subject: SubjectDep) -> QualityOut:
    """The last measurement: score, its dimensions (GB/T 36344-2018), and each rule's count as far as you may see the items."""
    resource = known(session, subject, name)
    score = scores.score(session, resource.name)
    rules = [
        {"rule": one.rule, "item": one.item, "dimension": one.dimension, "rows": one.rows, "failed": one.failed}
        for one in samples.measured(session, subject, resource)[1]
    ]
    return QualityOut(
        score=score.total if score else None,
        dimensions=dict(score.dimensions) if score else {},
        measured_at=score.measured_at if score else None,
        rules=rules,
    )


@router.get("/resources/{name}/lineage", summary="Lineage")
def lines(
    name: str,
    session: SessionDep,
    subject: SubjectDep,
    item: Annotated[str, Query(description="An item's name: its own lineage")] = "",
    depth: Annotated[int, Query(ge=1, le=20)] = 5,
) -> LineageOut:
    """Edges up- and downstream of a dataset, or of one of its items."""
    resource = known(session, subject, name)
    full = f"{resource.library}.{resource.name}"
    up, down = (reached(session, full, item, depth=depth) for reached in (lineage.upstream, lineage.downstream))
    may_know = _known_names(
        session, subject, (node for edge in (*up.edges, *down.edges) for node in (edge.source, edge.target))
    )
    sources = access.may(session, subject, "see-operations")
    return LineageOut(upstream=_edges(up, may_know, sources=sources), downstream=_edges(down, may_know, sources=sources))


@router.get("/resources/{name}/contract", summary="Contract", response_model=None)
def contract(name: str, session: SessionDep, subject: SubjectDep) -> dict[str, Any]:
    """The active contract, the ODCS 3.1 document; samples and profiles of an item only for who sees its values whole."""
    resource = known(session, subject, name)
    active = registry.active(session, resource.name)
    view = access.decide(session, subject, "read-rows", resource, contract=active).view
    return samples.without(active, samples.closed(active, view))


@router.get("/resources/{name}", summary="One entry")
def detail(name: str, session: SessionDep, subject: SubjectDep) -> ResourceOut:
    """One entry, with the thirteen items."""
    resource = known(session, subject, name)
    provider = organizations.get(session, resource.provider_id)
    out = _out(resource, provider.name, provider.name_en, workdays.calendar(session))
    out.codes = [code.code for code in resources.codes_of(session, resource)]
    return out


def _out(resource: Resource, provider: str, provider_en: str, calendar: workdays.Calendar) -> ResourceOut:
    told = {name: getattr(resource, name) for name in _TOLD}
    told["provider"] = {"id": resource.provider_id, "name": provider, "name_en": provider_en}
    estimated = resource.next_due is not None and calendar.estimated(resource.next_due)
    return ResourceOut(**told, version=resource.last_version, next_due_estimated=estimated)


_TOLD = tuple(name for name in ResourceOut.model_fields if name in Resource.model_fields)


def _item(item: Item, yours: str) -> ItemOut:
    return ItemOut(
        name=item.name,
        title=item.title,
        title_en=item.title_en,
        type=str(item.type),
        national_type=resources.national_type(item),
        description=item.description,
        required=item.required,
        key=item.key,
        grade=item.grade,
        personal=item.personal,
        code_list=item.code_list,
        references=".".join(item.references) if item.references else None,
        unit_or_datum=item.unit or item.datum,
        yours=yours,
    )


def _known_names(session: Session, subject: Subject, nodes: Iterable[str]) -> set[str]:
    """Of these nodes the entries that the caller may know of, as library.dataset."""
    named, known = sorted({node.partition(".")[2] for node in nodes}), set()
    asked = select(Resource.library, Resource.name).where(visibility.discoverable(subject))
    for begin in range(0, len(named), IN_ONE):
        some = asked.where(col(Resource.name).in_(named[begin : begin + IN_ONE]))
        known |= {f"{library}.{name}" for library, name in session.exec(some)}
    return known


def _edges(graph: lineage.Graph, may_know: set[str], *, sources: bool) -> list[dict[str, str]]:
    """Edges between known entries. What is on the way of a resource (landing, raw) follows it; files and addresses outside
    are told to those who have to do with how data comes."""

    def seen(node: str) -> bool:
        library, _, name = node.partition(".")
        if library in ("landing", "raw"):
            return f"resource.{name}" in may_know
        return node in may_know if library in ("resource", "theme", "topic") else sources

    return [
        {"source": e.source, "source_item": e.source_item, "target": e.target, "target_item": e.target_item, "job": e.job}
        for e in graph.edges
        if seen(e.source) and seen(e.target)
    ]
