"""日历: which days are worked, by year, and how long steps may take; set right by those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.forms import AccountForm, Form, correctable
from api.portal.shell.guards import AnyPage, require_csrf
from api.portal.shell.handed_in import HandedIn, form_of
from api.portal.shell.page import Page, render
from api.v1.calendar import LARGEST_TABLE
from catalog import access, workdays
from catalog.acquisition import calendars
from catalog.acquisition.calendars import InvalidCalendar
from contracts.clock import today
from contracts.errors import HubError
from hub import calendar
from hub.acts import given, require
from hub.calendar import CalendarChange, SetDay, SetRule
from hub.hub import Hub
from warehouse.storage import landing

router = APIRouter(prefix="/calendar", include_in_schema=False)


async def handed_in(page: AnyPage) -> AsyncIterator[HandedIn]:
    """The form, for whoever is signed in or not: the route says who may."""
    async with form_of(page) as sent:
        yield sent


@router.get("", response_class=HTMLResponse)
def show(page: AnyPage, session: SessionDep) -> HTMLResponse:
    """Every year with its days off and make-up days, the years whose table is missing, and the rules."""
    return _page(page, session)


@router.post("", response_class=HTMLResponse, max_body_size=LARGEST_TABLE)
def put_in(page: AnyPage, hub: HubDep, session: SessionDep, sent: Annotated[HandedIn, Depends(handed_in)]) -> HTMLResponse:
    """Take a year's table in the place of the one held; the page then tells which deadlines moved."""
    require_csrf(page, sent.csrf)

    def act() -> CalendarChange:
        require(hub, page.subject, "calendar.import")
        if sent.file is None or not sent.file.filename:
            raise InvalidCalendar("请选择文件", "Choose a file")
        filename = landing.told_name(sent.file.filename)
        days = calendars.read(sent.file.file.read(), filename)
        return calendar.import_year(hub, page.subject, calendar.import_of(days, filename))

    return _acted(page, session, "file", act)


@router.post("/days", response_class=HTMLResponse)
def set_day(page: AnyPage, hub: HubDep, session: SessionDep, form: AccountForm) -> HTMLResponse:
    """Set one day right."""
    require_csrf(page, form.text("csrf"))

    def act() -> CalendarChange:
        fields = form.values("day", "name")
        return calendar.set_day(hub, page.subject, given(SetDay, **fields, working=form.text("working") == "yes"))

    return _acted(page, session, "day", act)


@router.post("/rules", response_class=HTMLResponse)
def set_rule(page: AnyPage, hub: HubDep, session: SessionDep, form: AccountForm) -> HTMLResponse:
    """Say how long a step may take."""
    require_csrf(page, form.text("csrf"))

    def act() -> None:
        _set_rule(hub, page, form)

    return _acted(page, session, "rule", act)


def _set_rule(hub: Hub, page: Page, form: Form) -> None:
    fields = form.values("step", "days", "basis")
    calendar.set_rule(hub, page.subject, given(SetRule, **fields, valid_from=form.text("valid_from") or None))


def _acted(page: Page, session: Session, form: str, act: Callable[[], CalendarChange | None]) -> HTMLResponse:
    """Do an act that one of the page's forms asks for; the page says what came of it."""
    session.rollback()  # the act has a transaction of its own
    try:
        change = act()
    except HubError as error:
        if not correctable(error):
            raise
        return _page(page, session, wrong=error, form=form)
    return _page(page, session, change=change, form=form)


def _page(
    page: Page, session: Session, *, change: CalendarChange | None = None, wrong: HubError | None = None, form: str = ""
) -> HTMLResponse:
    missing = calendars.missing(session, today())
    return render(
        page,
        "pages/calendar.html",
        status=422 if wrong else 200,
        years=[*(calendars.of_year(session, year) for year in reversed(missing)), *reversed(calendars.years(session))],
        missing=missing,
        rules=workdays.rules(session),
        may_set=access.may(session, page.subject, calendar.SET),
        change=change,
        wrong=wrong,
        form=form,
    )
