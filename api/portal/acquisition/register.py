"""获取登记: each need from 需求 over 协议, 批次 and 发布 to 共享, with the deadline that runs, in working days."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import SessionDep
from api.portal.acquisition import register_sheet
from api.portal.acquisition.completeness import due_words
from api.portal.components import deadline as clocks
from api.portal.components.gallery import StageMark
from api.portal.shell.guards import AcquirePage
from api.portal.shell.page import Page, render, secured
from api.portal.wording.formats import short_date
from api.portal.wording.i18n import N_, say
from catalog import access, workdays
from catalog.acquisition import spending
from catalog.acquisition.spending import Spending
from catalog.audit import chain as audit
from catalog.overview import register as acquisitions
from catalog.overview import register_page
from catalog.overview.register import STAGES, Row
from catalog.overview.register_page import Narrowed, Seen
from contracts.clock import today

router = APIRouter(include_in_schema=False)
STAGE_WORDS: Mapping[str, tuple[str, str, str]] = {
    "need": (N_("需求"), "bulb", N_("待对方答复")),
    "agreement": (N_("协议"), "writing-sign", N_("待签订")),
    "batch": (N_("批次"), "package", N_("待交付")),
    "release": (N_("发布"), "versions", N_("待发布")),
    "share": (N_("共享"), "share-3", N_("已在用")),
}
"""Stage: its word, its icon, what waits in it."""
GROUPS: Mapping[str, tuple[str, str]] = {
    "late": (N_("逾期"), "late"),
    "near": (N_("5 个工作日内到期"), "soon"),
    "other": (N_("其余在办"), ""),
    "finished": (N_("已结束"), ""),
}
DUE_WORDS: Mapping[str, tuple[str, str]] = {
    "request": (N_("应于 %(day)s 继续办理"), N_("%(day)s 前继续办理")),
    "answer": (N_("应于 %(day)s 答复"), N_("%(day)s 前答复")),
    "sign": (N_("应于 %(day)s 签订"), N_("%(day)s 前签订")),
    "deliver": (N_("应于 %(day)s 交付"), N_("%(day)s 前交付")),
    "report": (N_("应于 %(day)s 报送"), N_("%(day)s 前报送")),
    "release": (N_("应于 %(day)s 发布"), N_("%(day)s 前发布")),
    "renew": (N_("应于 %(day)s 决定续签"), N_("%(day)s 前决定续签")),
}
"""What a deadline asks: said when late, said before."""
SIZE = 20
PART = 500
"""Rows that the sheet reads at a time."""
BESIDE = 5
"""Rows of the others, while one group is unfolded."""
FOLDED = {"late": 12, "near": 8, "other": 10, "finished": 0}


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """One row of the register as it is shown."""

    row: Row
    stages: Sequence[tuple[str, StageMark]]
    clock: clocks.DeadlineClock | None
    phrase: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one urgency; some may be folded away behind a link."""

    name: str
    word: str
    tone: str
    lines: Sequence[RegisterLine]
    total: int


@router.get("/acquire", response_class=HTMLResponse)
def register(page: AcquirePage, session: SessionDep) -> HTMLResponse:
    """The register, late needs first."""
    asked, subject, day = _asked(page), page.subject, today()
    seen = register_page.seen_by(session, subject)
    total = register_page.totals(session, subject, day, seen)
    sizes = total.groups if asked == register_page.NOTHING else register_page.groups(session, subject, day, asked, seen)
    groups, pages = _groups(session, page, asked, sizes, seen)
    detail = _detail(session, page, groups) if asked.agreement else None
    response = render(
        page,
        "pages/register.html",
        whole=total.count,
        chosen={"open": sum(sizes.values()) - sizes.get("finished", 0), "late": sizes.get("late", 0)},
        asked=asked,
        totals={name: (total.waiting.get(name, 0), total.late.get(name, 0)) for name in STAGES} | {"share": (total.shared, 0)},
        stages=STAGE_WORDS,
        groups=groups,
        pages=pages,
        estimated_years=_estimated(groups),
        routes=total.routes,
        providers=register_page.providers(session, subject, seen),
        stewards=register_page.stewards(session, subject, seen),
        detail=detail,
        estimated=workdays.calendar(session).estimated,
        may_enter=access.may(session, subject, "manage-agreement"),
        sees_attempts=access.may(session, subject, "see-attempts"),
        priced=detail is not None and access.may(session, subject, "see-price", detail[0].agreement),
    )
    if page.request.headers.get("hx-request"):
        response.headers["HX-Push-Url"] = page.here()
    return response


@router.get("/acquire.xlsx")
def sheet(page: AcquirePage, session: SessionDep) -> Response:
    """The register as chosen, as an Excel sheet."""
    chosen = list(_whole(session, page, _asked(page)))
    data = register_sheet.sheet(page.language, chosen, {name: known[0] for name, known in STAGE_WORDS.items()})
    audit.record(session, actor=page.subject.actor, action="export-register", detail={"rows": len(chosen)})
    name = "acquisitions" if page.language == "en" else "register"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": f'attachment; filename="{name}-{today():%Y%m%d}.xlsx"'}
    response: Response = secured(Response(data, media_type=kind, headers=headers))
    return response


def _whole(session: Session, page: Page, asked: Narrowed) -> Iterator[Row]:
    """Every row that is asked for, late ones first, read in parts."""
    for group in register_page.GROUPS:
        for after in itertools.count(0, PART):
            part = register_page.numbers(session, page.subject, today(), asked, group=group, limit=PART, after=after)
            yield from acquisitions.rows_of(session, part, today())
            if len(part) < PART:
                break


def _asked(page: Page) -> Narrowed:
    query = page.request.query_params
    return Narrowed(
        route=query.get("route", ""),
        stage=query.get("stage", ""),
        provider=query.get("provider", ""),
        steward=query.get("steward", ""),
        late=query.get("late") == "1",
        agreement=query.get("agreement", ""),
        words=(query.get("q") or "").strip()[:100],
    )


def _estimated(groups: Sequence[Group]) -> list[int]:
    """Years without a holiday table that some deadline shown runs into."""
    clocks_shown = [line.clock for group in groups for line in group.lines if line.clock]
    return sorted({year for shown in clocks_shown for year in shown.estimated})


def _groups(
    session: Session, page: Page, asked: Narrowed, sizes: Mapping[str, int], seen: Seen
) -> tuple[list[Group], tuple[int, int, int] | None]:
    """The groups as they are shown, one of them unfolded page by page: its page, size and total."""
    calendar, unfolded, pages = workdays.calendar(session), page.request.query_params.get("open", ""), None
    shown: dict[str, Sequence[str]] = {}
    for name in (name for name in GROUPS if sizes.get(name)):
        limit, after = FOLDED[name] if sum(sizes.values()) > 1 else 1, 0
        if unfolded == name:
            number = _number(page.request.query_params.get("page"))
            limit, after, pages = SIZE, (number - 1) * SIZE, (number, SIZE, sizes[name])
        elif unfolded in sizes:
            limit = min(limit, BESIDE)
        if limit:
            shown[name] = register_page.numbers(
                session, page.subject, today(), asked, group=name, limit=limit, after=after, seen=seen
            )
    rows = acquisitions.rows_of(session, [number for numbers in shown.values() for number in numbers], today())
    lines = {row.agreement.id: _line(page, calendar, row) for row in rows}
    groups = [
        Group(name, *GROUPS[name], [lines[number] for number in shown.get(name, ()) if number in lines], sizes[name])
        for name in GROUPS
        if sizes.get(name)
    ]
    return groups, pages


def _number(text: str | None) -> int:
    return max(int(text), 1) if text and text.isdecimal() and len(text) < 6 else 1


def _line(page: Page, calendar: workdays.Calendar, row: Row) -> RegisterLine:
    at = "zh" if page.language == "zh" else "en"
    stages = []
    for stage in row.stages:
        first, *rest = [getattr(line, at) for line in stage.lines] or [""]
        state = {"todo": "waiting"}.get(stage.state, stage.state)
        stages.append((stage.name, StageMark(state, first, tuple(text for text in rest if text), _link(row, stage.name))))
    if row.deadline is None:
        return RegisterLine(row, stages, None, "")
    shown = clocks.clock(calendar, today(), row.deadline.start, row.deadline.due)
    words = DUE_WORDS[row.deadline.what][0 if shown.kind == "late" else 1]
    return RegisterLine(row, stages, shown, say(page.language, words, day=short_date(row.deadline.due)))


def _link(row: Row, stage: str) -> str:
    """Where a stage's own page is."""
    if stage == "batch" and row.stages[2].lines and row.agreement.route == "collect":
        return f"/collect/{row.agreement.id}"
    if stage == "batch" and row.stages[2].state == "done":
        return f"/batches?agreement={row.agreement.id}"
    if stage == "release" and row.stages[3].state == "done" and row.resource:
        return f"/resources/{row.resource.name}/versions"
    return ""


def _detail(session: Session, page: Page, groups: Sequence[Group]) -> tuple[Row, Spending | None, str] | None:
    """The agreement in full where one was asked for, with what it has cost or by when it is reported."""
    rows = [line.row for group in groups for line in group.lines]
    if len(rows) != 1:
        return None
    agreed = rows[0].agreement
    spent = spending.spending(session, agreed) if agreed.route == "buy" else None
    return rows[0], spent, due_words(page.language, agreed)
