"""采集: completeness of agency × period, by city or county and by month, quarter or year; the chosen cell explained, and who
still has to report."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy import func
from sqlalchemy.orm import lazyload
from sqlmodel import Session, col, select
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.http.dependencies import SessionDep
from api.portal.acquisition import completeness_sheet
from api.portal.components.bars import BarPart, parts
from api.portal.components.deadline import DeadlineClock, clock
from api.portal.shell.guards import CollectPage
from api.portal.shell.page import Page, render, secured
from api.portal.wording.i18n import N_, Language, say
from catalog import access, workdays
from catalog.acquisition import agreements, completeness_sums, periods
from catalog.acquisition.agreements import Agreement, UnknownAgreement
from catalog.acquisition.completeness import COMPLETE, Board, BoardColumn, BoardRow, Cell, board, now_of, now_of_each, reporting
from catalog.acquisition.visibility import visible
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.entries.resources import Resource, UnknownResource
from catalog.entries.visibility import discoverable
from catalog.identity.organizations import Organization, UnknownOrganization
from catalog.ledger import CatalogLookups
from catalog.store import database
from contracts.clock import today
from contracts.excel import template
from warehouse.ingest import senders

router = APIRouter(prefix="/collect", include_in_schema=False)
ORDER = ("on-time", "late", "nil", "returned", "missing", "not-due")
KINDS = {"month": N_("月"), "quarter": N_("季"), "year": N_("年")}
SHOWN = {"month": 12, "quarter": 8, "year": 5}
"""How many periods of a kind stand side by side."""
LEVELS = {"city": N_("市级"), "county": N_("县级")}


@dataclass(frozen=True, slots=True)
class CollectionTask:
    """One collection with how its period of now stands."""

    agreement: Agreement
    resource: Resource
    column: BoardColumn | None
    estimated: bool
    """Its due date lies in a year whose holiday table is not imported."""


TASKS = 20
"""Collections on a page."""


@dataclass(frozen=True, slots=True)
class Urged:
    """Who is to be reminded of what, and how late it is."""

    organization: Organization
    cell: Cell
    clock: DeadlineClock


@dataclass(frozen=True, slots=True)
class BoardView:
    """A board as it was asked for: its periods and levels, what stands beside it, and the agencies' own periods below it."""

    board: Board
    plain: Board
    kind: str
    level: str
    levels: bool
    """Whether counties report, so that there is a choice."""
    earlier: str
    later: str


@router.get("", response_class=HTMLResponse)
def tasks(page: CollectPage, session: SessionDep) -> HTMLResponse:
    """Every collection the reader may know of, some on a page: each has a board of its own to be reckoned."""
    seen = select(Agreement.id).where(Agreement.route == "collect", visible(page.subject))
    total = session.exec(select(func.count()).select_from(seen.subquery())).one()
    told = page.request.query_params.get("page", "1")
    number = max(1, min(int(told) if told.isdecimal() and len(told) < 9 else 1, -(-total // TASKS) or 1))
    chosen = _chosen_of(session, seen.order_by(Agreement.id).offset((number - 1) * TASKS).limit(TASKS))
    known = _known(session, page, {one.dataset for one in chosen})
    columns = now_of_each(session, [one for one in chosen if one.dataset in known])
    calendar = workdays.calendar(session)
    found = [
        CollectionTask(one, known[one.dataset], column, column is not None and calendar.estimated(column.due))
        for one in chosen
        if one.dataset in known
        for column in [columns[one.id]]
    ]
    return render(page, "pages/collect.html", tasks=found, number=number, size=TASKS, total=total)


def _chosen_of(session: Session, ids: Any) -> Sequence[Agreement]:
    statement = select(Agreement).where(col(Agreement.id).in_(ids)).order_by(Agreement.id)
    return session.exec(statement.options(lazyload(Agreement.channels))).all()  # type: ignore[arg-type]


def _known(session: Session, page: Page, names: set[str]) -> dict[str, Resource]:
    """The datasets of these names that the reader may know of."""
    known = session.exec(select(Resource).where(col(Resource.name).in_(names), discoverable(page.subject)))
    return {resource.name: resource for resource in known}


@router.get("/{agreement_id}", response_class=HTMLResponse)
def matrix(page: CollectPage, session: SessionDep, agreement_id: str) -> HTMLResponse:
    """The board of one collection, up to the period asked for."""
    agreement, resource = _asked(session, page, agreement_id)
    view = _view(session, page, agreement)
    shown = view.board
    now = now_of(shown)
    chosen = _chosen(page, shown, now)
    gaps = page.request.query_params.get("gaps") == "1"
    return render(
        page,
        "pages/board.html",
        may_read=lambda cell: access.may_as_sender(session, page.subject, "see-quarantine", resource, cell.organization_id),
        agreement=agreement,
        agreed=reporting(agreement),
        resource=resource,
        board=shown,
        view=view,
        rows=[row for row in shown.rows if not gaps or row.complete < row.due],
        gaps=gaps,
        current=now,
        bar=_bar(now),
        chosen=chosen,
        bodies=_bodies(shown),
        urged=_urged(session, view.plain, now),
        kinds={kind: KINDS[kind] for kind in _kinds(agreement)},
        levels=LEVELS if view.levels else {},
        below={row.organization.id: _below(row, now) for row in shown.rows if row.members},
        order=ORDER,
        overdue=_overdue(session, view.plain, now),
        when=due_words(page.language, agreement),
    )


@router.get("/{agreement_id}/board.xlsx")
def export(page: CollectPage, session: SessionDep, agreement_id: str) -> Response:
    """The board as it is shown, as an Excel sheet."""
    agreement, _ = _asked(session, page, agreement_id)
    shown = _view(session, page, agreement).board
    audit.record(session, actor=page.subject.actor, action="export-board", object=f"agreement:{agreement_id}")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": f'attachment; filename="{agreement_id}-{today():%Y%m%d}.xlsx"'}
    response: Response = secured(Response(completeness_sheet.sheet(page.language, shown), media_type=kind, headers=headers))
    return response


@router.get("/{agreement_id}/template.xlsx")
def blank(page: CollectPage, session: SessionDep, agreement_id: str, agency: str = "", period: str = "") -> Response:
    """The collection's Excel template for a period, made for an agency: the one named, else the reader's own."""
    agreement, _ = _asked(session, page, agreement_id)
    contract = registry.active(session, agreement.dataset)
    agreed = reporting(agreement)
    named = period or periods.named(agreed.period, today())
    calendar = workdays.calendar(session)
    due = periods.due(calendar, named, agreed.due_day, agreed.due_months)
    body = _agency(session, page, agreement_id, agency)
    folder = page.settings.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".xlsx", delete=False) as made:
        target = Path(made.name)
    template.write(
        contract,
        CatalogLookups(database.engine(page.settings.catalog_database)),
        target,
        agency=body.id if body else "",
        agency_title=body.name if body else "",
        division=body.division if body else "",
        period=named,
        due=f"{due}（估算）" if calendar.estimated(due) else f"{due}",
        sign=partial(senders.sign, page.settings) if _may_hand_in(session, page, agreement, body) else None,
    )
    filename = "-".join(part for part in (agreement.title, body.name if body else "", named) if part)
    return FileResponse(target, filename=f"{filename}.xlsx", background=BackgroundTask(target.unlink, missing_ok=True))


def _may_hand_in(session: Session, page: Page, agreement: Agreement, body: Organization | None) -> bool:
    """Whether a signed template may be given: to the agency itself, and to those who deliver for the dataset."""
    if body is None:
        return False
    own = body.id == page.subject.organization_id
    return own or access.may(session, page.subject, "deliver", _resource(session, page, agreement))


def due_words(language: Language, agreement: Agreement) -> str:
    """By which day a period is reported: of its own last month, of the following one, or of a later one."""
    agreed = reporting(agreement)
    if agreed.due_months == 0:
        message = N_("当月 %(day)s 日前") if agreed.period == "month" else N_("期末当月 %(day)s 日前")
        return say(language, message, day=agreed.due_day)
    if agreed.due_months == 1:
        return say(language, "次月 %(day)s 日前", day=agreed.due_day)
    return say(language, "期后第 %(months)s 个月 %(day)s 日前", months=agreed.due_months, day=agreed.due_day)


def _agency(session: Session, page: Page, agreement_id: str, name: str) -> Organization | None:
    """An agency that reports under the collection; the reader's own organization where none is named and it is one."""
    known = {one.id: one for one in agreements.agencies(session, agreement_id)}
    if name and name not in known:
        raise UnknownOrganization(name, known)
    return known.get(name or page.subject.organization_id)


def _asked(session: Session, page: Page, agreement_id: str) -> tuple[Agreement, Resource]:
    agreement = agreements.get(session, agreement_id)
    if agreement.route != "collect":
        raise UnknownAgreement(agreement_id)
    return agreement, _resource(session, page, agreement)


def _resource(session: Session, page: Page, agreement: Agreement) -> Resource:
    """The dataset that the collection feeds, if the reader may know of it."""
    try:
        resource = resources.get(session, agreement.dataset)
    except UnknownResource as error:
        raise UnknownAgreement(agreement.id) from error
    if not access.may(session, page.subject, "discover", resource):
        raise UnknownAgreement(agreement.id)
    return resource


def _kinds(agreement: Agreement) -> list[str]:
    """The periods that a board can be read by: its own and longer ones."""
    return [kind for kind in KINDS if periods.MONTHS[kind] >= periods.MONTHS[reporting(agreement).period]]


def _view(session: Session, page: Page, agreement: Agreement) -> BoardView:
    """The board as the address asks for it: up to which period, by which periods, by city or county."""
    asked = page.request.query_params
    shortest = reporting(agreement).period
    kind = asked.get("by", "") if asked.get("by") in _kinds(agreement) else shortest
    last = min(periods.first_day(asked["to"]), today()) if asked.get("to") else today()
    names = periods.last_periods(kind, last, SHOWN[kind])
    plain = board(session, agreement.id, [one for name in names for one in periods.within(name, shortest)], on=today())
    shown = plain if kind == shortest else completeness_sums.over(plain, kind)
    levels = completeness_sums.has_counties(session, plain)
    level = "county" if asked.get("level") == "county" or not levels else "city"
    if level == "city" and levels:
        shown = completeness_sums.by_city(session, shown)
    first = periods.first_day(names[0])
    whole = bool(shown.columns) and shown.columns[0].period == names[0]
    ends = names[-1] == periods.named(kind, today())
    return BoardView(
        board=shown,
        plain=plain,
        kind=kind,
        level=level,
        levels=levels,
        earlier=periods.named(kind, workdays.add_months(first, -periods.MONTHS[kind])) if whole else "",
        later="" if ends else periods.named(kind, _later(kind, periods.first_day(names[-1]))),
    )


def _later(kind: str, last: date) -> date:
    return min(workdays.add_months(last, periods.MONTHS[kind] * SHOWN[kind]), today())


def _chosen(page: Page, shown: Board, now: BoardColumn | None) -> Cell | None:
    """The cell asked for; without one, the first that is returned or missing now."""
    organization, _, period = page.request.query_params.get("cell", "").partition(":")
    if organization:
        return shown.cell(organization, period)
    cells = [cell for row in shown.rows for cell in row.cells if now and cell.period == now.period]
    return next((cell for state in ("returned", "missing") for cell in cells if cell.state == state), None)


def _below(row: BoardRow, now: BoardColumn | None) -> tuple[int, int]:
    """Of a city: how many counties, and how many of them have reported for the period of now."""
    cells = [cell for member in row.members for cell in member.cells if now and cell.period == now.period]
    return len(row.members), sum(cell.state in COMPLETE for cell in cells)


def _bodies(shown: Board) -> dict[str, Organization]:
    """The organizations that the explanation of a cell names."""
    named = {row.organization.id: row.organization for row in shown.rows}
    named |= {member.organization.id: member.organization for row in shown.rows for member in row.members}
    return named


def _bar(now: BoardColumn | None) -> tuple[BarPart, ...]:
    return parts([(state, now.states.get(state, 0)) for state in ORDER], 11.0) if now else ()


def _overdue(session: Session, plain: Board, now: BoardColumn | None) -> DeadlineClock | None:
    """How late the period is where somebody is still missing: since its oldest report that is."""
    if now is None or now.complete == now.agencies:
        return None
    calendar = workdays.calendar(session)
    due = min((cell.due for cell in _waiting(plain, now)), default=now.due)
    return clock(calendar, today(), calendar.add(due, -10), due)


def _waiting(plain: Board, now: BoardColumn | None) -> list[Cell]:
    """Missing and returned reports of the period that matters now, of every agency; of a longer one those of its periods."""
    within = periods.within(now.period, reporting(plain.agreement).period) if now else []
    return [cell for cell in plain.urge() if cell.period in within]


def _urged(session: Session, plain: Board, now: BoardColumn | None) -> Sequence[Urged]:
    """Missing and returned reports of the period that is due now, of every agency."""
    calendar = workdays.calendar(session)
    bodies = {row.organization.id: row.organization for row in plain.rows}
    return [
        Urged(bodies[c.organization_id], c, clock(calendar, today(), calendar.add(c.due, -10), c.due))
        for c in _waiting(plain, now)
    ]
