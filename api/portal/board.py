"""采集: completeness of agency × period, the chosen cell explained, and who still has to report."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from sqlmodel import Session
from starlette.background import BackgroundTask
from starlette.responses import Response

from api.dependencies import SessionDep
from api.portal import board_sheet
from api.portal.bars import Part, parts
from api.portal.clock import Clock, clock
from api.portal.doors import CollectPage
from api.portal.formats import today
from api.portal.frame import Page, render, secured
from api.portal.languages import N_
from catalog import access, agreements, audit, database, periods, registry, resources, workdays
from catalog.agreements import Agreement, UnknownAgreement
from catalog.board import Board, BoardColumn, Cell, board
from catalog.ledger import CatalogLookups
from catalog.organizations import Organization
from catalog.resources import Resource, UnknownResource
from contracts import template

router = APIRouter(prefix="/collect", include_in_schema=False)
ORDER = ("on-time", "late", "nil", "returned", "missing", "not-due")
SHOWN = 12
KINDS = {"month": N_("月"), "quarter": N_("季"), "year": N_("年")}


@dataclass(frozen=True, slots=True)
class Task:
    """One collection with how its period of now stands."""

    agreement: Agreement
    resource: Resource
    column: BoardColumn | None


@dataclass(frozen=True, slots=True)
class Urged:
    """Who is to be reminded of what, and how late it is."""

    organization: Organization
    cell: Cell
    clock: Clock


@router.get("", response_class=HTMLResponse)
def tasks(page: CollectPage, session: SessionDep) -> HTMLResponse:
    """Every collection the reader may know of."""
    found = []
    for agreement in agreements.listed(session, route="collect"):
        try:
            resource = _resource(session, page, agreement)
        except UnknownAgreement:
            continue
        shown = board(session, agreement.id, on=today())
        found.append(Task(agreement, resource, _now(shown)))
    return render(page, "pages/collect.html", tasks=found)


@router.get("/{agreement_id}", response_class=HTMLResponse)
def matrix(page: CollectPage, session: SessionDep, agreement_id: str) -> HTMLResponse:
    """The board of one collection: twelve periods up to the one asked for."""
    agreement, resource = _asked(session, page, agreement_id)
    last = _last(page, agreement)
    shown = board(session, agreement_id, periods.last_periods(agreement.period, last, SHOWN), on=today())
    now = _now(shown)
    chosen = _chosen(page, shown, now)
    gaps = page.request.query_params.get("gaps") == "1"
    return render(
        page,
        "pages/board.html",
        agreement=agreement,
        resource=resource,
        board=shown,
        rows=[row for row in shown.rows if not gaps or row.complete < row.due],
        gaps=gaps,
        current=now,
        bar=_bar(now),
        chosen=chosen,
        organization=session.get(Organization, chosen.organization_id) if chosen else None,
        urged=_urged(session, shown, now),
        kinds=KINDS,
        earlier=_shift(agreement, last, -SHOWN),
        later=_shift(agreement, last, SHOWN) if shown.columns[-1].period != periods.named(agreement.period, today()) else "",
        order=ORDER,
        overdue=_overdue(session, now),
    )


@router.get("/{agreement_id}/board.xlsx")
def export(page: CollectPage, session: SessionDep, agreement_id: str) -> Response:
    """The board as an Excel sheet."""
    agreement, _ = _asked(session, page, agreement_id)
    shown = board(session, agreement_id, periods.last_periods(agreement.period, _last(page, agreement), SHOWN), on=today())
    audit.record(session, actor=page.subject.actor, action="export-board", object=f"agreement:{agreement_id}")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": f'attachment; filename="{agreement_id}-{today():%Y%m%d}.xlsx"'}
    response: Response = secured(Response(board_sheet.sheet(page.language, shown), media_type=kind, headers=headers))
    return response


@router.get("/{agreement_id}/template.xlsx")
def blank(page: CollectPage, session: SessionDep, agreement_id: str, agency: str = "", period: str = "") -> Response:
    """The collection's Excel template, for an agency and a period."""
    agreement, _ = _asked(session, page, agreement_id)
    contract = registry.active(session, agreement.dataset)
    named = period or periods.named(agreement.period, today())
    periods.first_day(named)
    folder = page.settings.scratch
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".xlsx", delete=False) as made:
        target = Path(made.name)
    lookups = CatalogLookups(database.engine(page.settings.catalog_database))
    template.write(contract, lookups, target, agency=agency, period=named)
    filename = f"{agreement.title}-{named}.xlsx"
    return FileResponse(target, filename=filename, background=BackgroundTask(target.unlink, missing_ok=True))


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


def _last(page: Page, agreement: Agreement) -> date:
    """A day in the last period to show: as asked, never after today."""
    wanted = page.request.query_params.get("to", "")
    if not wanted:
        return today()
    return min(periods.first_day(wanted), today())


def _shift(agreement: Agreement, last: date, months: int) -> str:
    step = periods.MONTHS[agreement.period] * months
    return periods.named(agreement.period, min(workdays.add_months(last.replace(day=1), step), today()))


def _now(shown: Board) -> BoardColumn | None:
    """The period that matters now: the last one that is due, else the first of those to come."""
    due = [column for column in shown.columns if column.is_due]
    return due[-1] if due else (shown.columns[0] if shown.columns else None)


def _chosen(page: Page, shown: Board, now: BoardColumn | None) -> Cell | None:
    """The cell asked for; without one, the first that is returned or missing now."""
    organization, _, period = page.request.query_params.get("cell", "").partition(":")
    if organization:
        return shown.cell(organization, period)
    cells = [cell for row in shown.rows for cell in row.cells if now and cell.period == now.period]
    return next((cell for state in ("returned", "missing") for cell in cells if cell.state == state), None)


def _bar(now: BoardColumn | None) -> tuple[Part, ...]:
    return parts([(state, now.states.get(state, 0)) for state in ORDER], 11.0) if now else ()


def _overdue(session: Session, now: BoardColumn | None) -> Clock | None:
    """How late the period is where somebody is still missing."""
    if now is None or now.complete == now.agencies:
        return None
    calendar = workdays.calendar(session)
    return clock(calendar, today(), calendar.add(now.due, -10), now.due)


def _urged(session: Session, shown: Board, now: BoardColumn | None) -> Sequence[Urged]:
    """Missing and returned reports of the period that is due now."""
    calendar = workdays.calendar(session)
    bodies = {row.organization.id: row.organization for row in shown.rows}
    waiting = [cell for cell in shown.urge() if now and cell.period == now.period]
    return [Urged(bodies[c.organization_id], c, clock(calendar, today(), calendar.add(c.due, -10), c.due)) for c in waiting]
