"""目录: search, facets, results, numbers, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlmodel import Session

from api.http.dependencies import SessionDep, SubjectDep
from api.portal.components.freshness import Freshness, freshness
from api.portal.shell.guards import CataloguePage
from api.portal.shell.page import Page, render, secured
from api.portal.tasks import tasks as waiting
from api.portal.wording import labels as words
from api.portal.wording.i18n import N_
from catalog import access
from catalog.identity.people import Subject
from catalog.overview import statistics
from catalog.overview.inbox import pressing
from catalog.search.facets import SORTS, Filters
from catalog.search.search import Hit, search, suggested

router = APIRouter(include_in_schema=False)

SIZES = (20, 50, 100)
OPTION = Markup('<option value="{}">{}</option>')
SORT_WORDS: Mapping[str, str] = {
    "relevance": N_("相关度"),
    "updated": N_("最近更新"),
    "title": N_("名称"),
    "rows": N_("行数"),
    "quality": N_("质量"),
    "due": N_("更新时限"),
}
FACET_WORDS: Mapping[str, str] = {
    "provider": N_("提供方"),
    "class_code": N_("资源分类"),
    "library": N_("所在库"),
    "sharing": N_("共享类型"),
    "route": N_("获取途径"),
    "cycle": N_("更新周期"),
    "grade": N_("数据分级"),
    "format": N_("资源格式"),
}
MATCH_WORDS: Mapping[str, str] = {
    "title": N_("名称"),
    "name": N_("机器名"),
    "code": N_("资源代码"),
    "organization": N_("提供方"),
    "abstract": N_("摘要"),
    "item": N_("信息项"),
    "label": N_("码表"),
    "upstream": N_("血缘上游"),
    "class": N_("分类"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One choice above the list, and the address without it."""

    facet: str
    value: Any
    label: str
    label_en: str
    without: str


@dataclass(frozen=True, slots=True)
class Drop:
    """A condition to drop where nothing was found: what it is, and how many there would be."""

    chip: Chip
    count: int


@dataclass(frozen=True, slots=True)
class ResultEntry:
    """One result with its freshness."""

    hit: Hit
    fresh: Freshness


@router.get("/suggestions", response_class=HTMLResponse)
def suggestions(session: SessionDep, subject: SubjectDep, q: str = "") -> HTMLResponse:
    """Titles for what somebody is typing into a field of search."""
    found = suggested(session, q.strip()[:200], subject=subject)
    options = Markup("").join(OPTION.format(one.title, one.name) for one in found)
    answer: HTMLResponse = secured(HTMLResponse(options))
    return answer


@router.get("/", response_class=HTMLResponse)
def home(page: CataloguePage, session: SessionDep) -> HTMLResponse:
    """The catalogue: everything the reader may know of, found and narrowed."""
    asked = page.request.query_params
    query = (asked.get("q") or "").strip()[:200]
    filters = known(Filters.read({key: asked.getlist(key) for key in asked}))
    size = _number(asked.get("size"), SIZES[0], SIZES)
    found = search(
        session,
        query,
        filters,
        subject=page.subject,
        sort=asked.get("sort") or "",
        page=_number(asked.get("page"), 1),
        size=size,
    )
    chips = _chips(page, filters, found.facets)
    tasks = pressing(session, page.subject, waiting.SHOWN)
    response = render(
        page,
        "pages/home.html",
        query=query,
        found=found,
        entries=[ResultEntry(hit, freshness(session, hit.resource)) for hit in found.hits],
        chips=chips,
        drops=_drops(session, page.subject, query, filters, chips) if not found.total else [],
        sort=asked.get("sort") if asked.get("sort") in SORTS else ("relevance" if query else "updated"),
        sorts={key: word for key, word in SORT_WORDS.items() if query or key != "relevance"},
        facet_words=FACET_WORDS,
        match_words=MATCH_WORDS,
        filtering=asked.get("view") == "filters",
        may_onboard=access.may(session, page.subject, "manage-contract"),
        figures=statistics.numbers(session, page.subject),
        tasks=page.tasks,
        tasks_late=page.tasks_late,
        waiting=waiting.waiting(session, tasks),
        released=waiting.released(session, page.subject),
        overdue=waiting.late_by(session, statistics.overdue(session, page.subject, limit=waiting.SHOWN)),
    )
    if page.request.headers.get("hx-request"):
        response.headers["HX-Push-Url"] = page.here()
    return response


def known(filters: Filters) -> Filters:
    """The filters without values that the fixed lists do not have: an address may be typed by hand."""
    lists: Mapping[str, Mapping[Any, Any]] = {
        "sharing": words.SHARING,
        "route": words.ROUTES,
        "library": words.LIBRARIES,
        "format": words.FORMATS,
    }
    kept = {name: tuple(value for value in getattr(filters, name) if value in told) for name, told in lists.items()}
    grades = tuple(grade for grade in filters.grade if grade in ("L1", "L2", "L3", "L4"))
    return replace(filters, **kept, grade=grades)


def _number(text: str | None, otherwise: int, allowed: tuple[int, ...] = ()) -> int:
    value = int(text) if text and text.isdecimal() and len(text) < 9 else otherwise
    return value if value > 0 and (not allowed or value in allowed) else otherwise


def _chips(page: Page, filters: Filters, facets: Any) -> list[Chip]:
    labels = {(facet.name, choice.value): choice for facet in facets for choice in facet.choices}
    chips = []
    for name, value in filters.chosen():
        known = labels.get((name, value))
        rest = [str(other) for other in getattr(filters, name) if other != value]
        without = page.here(**{name: rest or None, "page": None})
        word = _word(name, value)
        chips.append(
            Chip(name, value, known.label if known and known.label else word, known.label_en if known else "", without)
        )
    return chips


def _word(facet: str, value: Any) -> str:
    """What a value of a fixed list is called: a message to translate, or the value itself."""
    tables: Mapping[str, Mapping[Any, Any]] = {
        "sharing": words.SHARING,
        "route": words.ROUTES,
        "library": words.LIBRARIES,
        "format": words.FORMATS,
    }
    known = tables.get(facet, {}).get(value, value)
    return known.word if isinstance(known, words.Word) else str(known)


def _drops(session: Session, subject: Subject, query: str, filters: Filters, chips: list[Chip]) -> list[Drop]:
    """What dropping each condition would give, most first; conditions that give nothing are left out."""
    found = []
    for chip in chips[:6]:
        rest = tuple(value for value in getattr(filters, chip.facet) if value != chip.value)
        fewer = replace(filters, **{chip.facet: rest})
        found.append(Drop(chip, search(session, query, fewer, subject=subject, size=1).total))
    return sorted((drop for drop in found if drop.count), key=lambda drop: -drop.count)
