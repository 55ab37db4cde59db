"""Working days as JSON: the years with their official table, one year's days, and a year's table handed in."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from api.http.dependencies import HubDep, KeyHolder, SessionDep
from catalog import workdays
from catalog.acquisition import calendars
from catalog.acquisition.calendars import Year
from contracts.clock import today
from hub.acts import require
from hub.calendar import CalendarChange, Rule, import_of, import_year, rule_of

router = APIRouter(tags=["calendar"])
LARGEST_TABLE = 1_000_000
"""Bytes of a year's table; the longest one lists 366 days."""
YearPath = Annotated[int, Path(ge=1950, le=2099, description="The year; estimates are known from 1950 to 2099.")]
EXAMPLE = "date,working,name\n2027-01-01,no,元旦\n2027-02-20,yes,春节\n"


class DayOut(BaseModel):
    """A day that differs from its weekday."""

    date: date
    working: bool
    name: str


class YearOut(BaseModel):
    """A year's days off and make-up days."""

    year: int
    official: bool = Field(description="Its table is imported; otherwise its days, and the deadlines in it, are an estimate")
    days: list[DayOut]


class CalendarOut(BaseModel):
    """Which years have their official table, and which are missed by now."""

    years: list[int]
    missing: list[int] = Field(description="This year, and from 1 October on the next, while its table is not imported")


async def table_of(request: Request) -> bytes:
    """The body, whatever it says it is."""
    return await request.body()


@router.get("/calendar", summary="Years with an official table")
def listed(session: SessionDep) -> CalendarOut:
    """The years whose table of holidays and make-up days is imported, and those that are missed."""
    return CalendarOut(years=sorted(workdays.calendar(session).years), missing=calendars.missing(session, today()))


@router.get("/calendar/{year}", summary="One year's days off and make-up days")
def one(year: YearPath, session: SessionDep) -> YearOut:
    """Every day of a year that differs from its weekday; without an official table an estimate by the law's festivals."""
    return _out(calendars.of_year(session, year))


@router.put(
    "/calendar/{year}",
    max_body_size=LARGEST_TABLE,
    summary="Import a year's official table",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"example": EXAMPLE}}}},
)
def put_in(year: YearPath, hub: HubDep, subject: KeyHolder, content: Annotated[bytes, Depends(table_of)]) -> CalendarChange:
    """Put a year's table in the place of the one held: CSV (date, working, name) or JSON, as `hub calendar import` takes it.

    Deadlines given before are counted anew, on record. Stewards and administrators may.
    """
    require(hub, subject, "calendar.import")
    return import_year(hub, subject, import_of(calendars.read(content, f"{year}"), "api", year=year))


@router.get("/rules", summary="Working days that each step may take")
def rules(session: SessionDep) -> list[Rule]:
    """Every rule, by step, the newest first; the one in force is the newest that has begun."""
    return [rule_of(rule) for rule in workdays.rules(session)]


def _out(told: Year) -> YearOut:
    days = [DayOut(date=each.day, working=each.working, name=each.name) for each in told.days]
    return YearOut(year=told.year, official=told.official, days=days)
