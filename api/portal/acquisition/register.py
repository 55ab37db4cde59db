"""获取登记: each need from 需求 over 协议, 批次 and 发布 to 共享, with the deadline that runs, in working days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import SessionDep
from api.portal.acquisition import register_sheet
from api.portal.acquisition.completeness import due_words
from api.portal.batches.listing import known_datasets
from api.portal.components import deadline as clocks
from api.portal.components.gallery import Stage
from api.portal.shell.guards import AcquirePage
from api.portal.shell.page import Page, render, secured
from api.portal.wording.formats import short_date
from api.portal.wording.i18n import N_, say
from catalog import access, workdays
from catalog.acquisition import spending
from catalog.acquisition.spending import Spending
from catalog.audit import chain as audit
from catalog.entries.visibility import KNOW_ALL
from catalog.identity.people import Role
from catalog.overview import register as acquisitions
from catalog.overview.register import STAGES, Row
from contracts.clock import today

router = APIRouter(include_in_schema=False)
STAGE_WORDS: Mapping[str, tuple[str, str, str]] = {
    "need": (N_("需求"), "bulb", N_("待答复")),
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
    "answer": (N_("应于 %(day)s 答复"), N_("%(day)s 前答复")),
    "sign": (N_("应于 %(day)s 签订"), N_("%(day)s 前签订")),
    "deliver": (N_("应于 %(day)s 交付"), N_("%(day)s 前交付")),
    "report": (N_("应于 %(day)s 报送"), N_("%(day)s 前报送")),
    "release": (N_("应于 %(day)s 发布"), N_("%(day)s 前发布")),
    "renew": (N_("应于 %(day)s 决定续签"), N_("%(day)s 前决定续签")),
}
"""What a deadline asks: said when late, said before."""
FOLDED = {"late": 20, "near": 12, "other": 20, "finished": 0}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the register as it is shown."""

    row: Row
    stages: Sequence[tuple[str, Stage]]
    clock: clocks.Clock | None
    phrase: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one urgency; some may be folded away behind a link."""

    name: str
    word: str
    tone: str
    lines: Sequence[Line]
    total: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the register is narrowed to."""

    route: str = ""
    stage: str = ""
    provider: str = ""
    steward: str = ""
    late: bool = False
    agreement: str = ""
    words: str = ""


@router.get("/acquire", response_class=HTMLResponse)
def register(page: AcquirePage, session: SessionDep) -> HTMLResponse:
    """The register, late needs first."""
    rows = visible(session, page)
    asked = _asked(page)
    chosen = [row for row in rows if _passes(row, asked)]
    unfolded = page.request.query_params.get("open", "")
    groups = _groups(session, page, chosen, unfolded)
    response = render(
        page,
        "pages/register.html",
        rows=rows,
        chosen=chosen,
        asked=asked,
        totals=_totals(rows),
        stages=STAGE_WORDS,
        groups=groups,
        estimated_years=_estimated(groups),
        routes={kind: sum(row.agreement.route == kind for row in rows) for kind in ("request", "buy", "collect")},
        providers=sorted({row.provider.id: row.provider for row in rows}.values(), key=lambda one: one.name),
        stewards=sorted({row.steward.id: row.steward for row in rows if row.steward}.values(), key=lambda one: one.name),
        detail=_detail(session, page, chosen) if asked.agreement else None,
        estimated=workdays.calendar(session).estimated,
        may_enter=access.may(session, page.subject, "manage-agreement"),
        sees_attempts=access.may(session, page.subject, "see-attempts"),
        priced=len(chosen) == 1 and _sees_price(page, chosen[0]),
    )
    if page.request.headers.get("hx-request"):
        response.headers["HX-Push-Url"] = page.here()
    return response


@router.get("/acquire.xlsx")
def sheet(page: AcquirePage, session: SessionDep) -> Response:
    """The register as chosen, as an Excel sheet."""
    asked = _asked(page)
    chosen = [row for row in visible(session, page) if _passes(row, asked)]
    data = register_sheet.sheet(page.language, chosen, {name: known[0] for name, known in STAGE_WORDS.items()})
    audit.record(session, actor=page.subject.actor, action="export-register", detail={"rows": len(chosen)})
    name = "acquisitions" if page.language == "en" else "register"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": f'attachment; filename="{name}-{today():%Y%m%d}.xlsx"'}
    response: Response = secured(Response(data, media_type=kind, headers=headers))
    return response


def visible(session: Session, page: Page) -> list[Row]:
    """Rows about data that the reader may know of; those who keep the register see all."""
    rows = list(acquisitions.stages(session, today()).rows)
    if page.subject.has(*KNOW_ALL):
        return rows
    own = page.subject.organization_id
    if page.subject.has(Role.ANALYST):
        known = set(known_datasets(session, page.subject))
        return [row for row in rows if row.agreement.dataset in known or row.agreement.provider_id == own]
    return [row for row in rows if own and own in (row.agreement.provider_id, row.resource.provider_id if row.resource else "")]


def _sees_price(page: Page, row: Row) -> bool:
    """What data cost concerns those who keep the register or audit it, and the two who agreed on it."""
    sides = (row.agreement.provider_id, row.resource.provider_id if row.resource else "")
    return page.subject.has(Role.STEWARD, Role.AUDITOR) or page.subject.organization_id in sides


def _asked(page: Page) -> Asked:
    told = page.request.query_params
    return Asked(
        route=told.get("route", ""),
        stage=told.get("stage", ""),
        provider=told.get("provider", ""),
        steward=told.get("steward", ""),
        late=told.get("late") == "1",
        agreement=told.get("agreement", ""),
        words=(told.get("q") or "").strip()[:100],
    )


def _passes(row: Row, asked: Asked) -> bool:
    if asked.agreement and row.agreement.id != asked.agreement:
        return False
    if asked.words and asked.words.casefold() not in _told(row):
        return False
    return (
        asked.route in ("", row.agreement.route)
        and asked.stage in ("", row.current)
        and asked.provider in ("", row.agreement.provider_id)
        and asked.steward in ("", row.agreement.steward_id or "-")
        and (not asked.late or row.group == "late")
    )


def _estimated(groups: Sequence[Group]) -> list[int]:
    """Years without a holiday table that some deadline shown runs into."""
    clocks_shown = [line.clock for group in groups for line in group.lines if line.clock]
    return sorted({year for shown in clocks_shown for year in shown.estimated})


def _told(row: Row) -> str:
    """What a row is found by: number, names, purpose, dataset and bodies."""
    one, provider = row.agreement, row.provider
    names = (one.id, one.title, one.title_en, one.purpose, one.dataset, provider.name, provider.name_en)
    return " ".join(filter(None, names)).casefold()


def _totals(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """For each stage: how many wait in it, how many of them are late; for 共享, how many are in use."""
    told = {}
    for name in STAGES:
        waiting = [row for row in rows if row.current == name and row.group != "finished"]
        told[name] = (len(waiting), sum(row.group == "late" for row in waiting))
    told["share"] = (sum(row.stages[4].state == "done" for row in rows), 0)
    return told


def _groups(session: Session, page: Page, rows: Sequence[Row], unfolded: str) -> list[Group]:
    calendar = workdays.calendar(session)
    groups = []
    for name, (word, tone) in GROUPS.items():
        members = [row for row in rows if row.group == name]
        shown = members if unfolded == name or len(rows) == 1 else members[: FOLDED[name]]
        if members:
            groups.append(Group(name, word, tone, [_line(page, calendar, row) for row in shown], len(members)))
    return groups


def _line(page: Page, calendar: workdays.Calendar, row: Row) -> Line:
    at = "zh" if page.language == "zh" else "en"
    stages = []
    for stage in row.stages:
        first, *rest = [getattr(line, at) for line in stage.lines] or [""]
        state = {"todo": "waiting"}.get(stage.state, stage.state)
        stages.append((stage.name, Stage(state, first, tuple(text for text in rest if text), _link(row, stage.name))))
    if row.deadline is None:
        return Line(row, stages, None, "")
    shown = clocks.clock(calendar, today(), row.deadline.start, row.deadline.due)
    words = DUE_WORDS[row.deadline.what][0 if shown.kind == "late" else 1]
    return Line(row, stages, shown, say(page.language, words, day=short_date(row.deadline.due)))


def _link(row: Row, stage: str) -> str:
    """Where a stage's own page is."""
    if stage == "batch" and row.stages[2].lines and row.agreement.route == "collect":
        return f"/collect/{row.agreement.id}"
    if stage == "batch" and row.stages[2].state == "done":
        return f"/batches?agreement={row.agreement.id}"
    if stage == "release" and row.stages[3].state == "done" and row.resource:
        return f"/resources/{row.resource.name}/versions"
    return ""


def _detail(session: Session, page: Page, rows: Sequence[Row]) -> tuple[Row, Spending | None, str] | None:
    """The agreement in full where one was asked for, with what it has cost or by when it is reported."""
    if len(rows) != 1:
        return None
    agreed = rows[0].agreement
    spent = spending.spending(session, agreed) if agreed.route == "buy" else None
    return rows[0], spent, due_words(page.language, agreed)
