"""日历: which days are worked, by year, and a year's official table handed in by those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.http.dependencies import SessionDep
from api.portal.batches.correcting import HandedIn, form_of
from api.portal.shell.guards import AnyPage, require_csrf
from api.portal.shell.page import Page, render
from api.v1.calendar import LARGEST_TABLE
from catalog import access
from catalog.acquisition import calendars
from catalog.acquisition.calendars import InvalidCalendar
from contracts.clock import today
from warehouse.storage import landing

router = APIRouter(prefix="/calendar", include_in_schema=False)


async def handed_in(page: AnyPage) -> AsyncIterator[HandedIn]:
    """The form, for whoever is signed in or not: the route says who may."""
    async with form_of(page) as sent:
        yield sent


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep) -> HTMLResponse:
    """Every year with its days off and make-up days, and the years whose table is missing."""
    return _shown(page, session)


@router.post("", response_class=HTMLResponse, max_body_size=LARGEST_TABLE)
def put_in(page: AnyPage, session: SessionDep, sent: Annotated[HandedIn, Depends(handed_in)]) -> HTMLResponse:
    """Take a year's table in the place of the one held; the page then tells which deadlines moved."""
    require_csrf(page, sent.csrf)
    access.require(session, page.subject, "set-calendar", None)
    if sent.file is None or not sent.file.filename:
        return _shown(page, session, 422, wrong=InvalidCalendar("请选择文件", "Choose a file"))
    filename = landing.told_name(sent.file.filename)
    try:
        days = calendars.read(sent.file.file.read(), filename)
    except InvalidCalendar as wrong:
        return _shown(page, session, 422, wrong=wrong)
    moved = calendars.import_year(session, page.subject, days, filename)
    return _shown(page, session, taken=days[0].day.year, moved=moved)


def _shown(page: Page, session: Session, status: int = 200, **told: Any) -> HTMLResponse:
    missing = calendars.missing(session, today())
    return render(
        page,
        "pages/calendar.html",
        status=status,
        years=[*(calendars.of_year(session, year) for year in reversed(missing)), *reversed(calendars.years(session))],
        missing=missing,
        may_set=access.may(session, page.subject, "set-calendar"),
        **told,
    )
