"""Working days as JSON: the years with their official table, one year's days, and a year's table handed in."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from api.http.dependencies import SessionDep, SubjectDep
from catalog import access, workdays
from catalog.acquisition import calendars
from catalog.acquisition.calendars import InvalidCalendar, Moved, Year
from contracts.clock import today

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


class MovedOut(BaseModel):
    """A deadline that was counted anew."""

    object: str
    what: str
    before: date
    after: date
    estimated: bool


class ImportedOut(BaseModel):
    """What an import changed."""

    year: int
    days: int
    moved: list[MovedOut]


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
def put_in(
    year: YearPath, session: SessionDep, subject: SubjectDep, content: Annotated[bytes, Depends(table_of)]
) -> ImportedOut:
    """Put a year's table in the place of the one held: CSV (date, working, name) or JSON, as `hub calendar import` takes it.

    Deadlines given before are counted anew, on record. Stewards and administrators may.
    """
    access.require(session, subject, "set-calendar", None)
    days = calendars.read(content, f"{year}")
    if days[0].day.year != year:
        raise InvalidCalendar(
            f"表中是 {days[0].day.year} 年的日子，地址是 {year} 年。",
            f"The table holds {days[0].day.year}, the address says {year}.",
        )
    moved = calendars.import_year(session, subject, days, "api")
    return ImportedOut(year=year, days=len(days), moved=[_moved(each) for each in moved])


def _out(told: Year) -> YearOut:
    days = [DayOut(date=each.day, working=each.working, name=each.name) for each in told.days]
    return YearOut(year=told.year, official=told.official, days=days)


def _moved(each: Moved) -> MovedOut:
    return MovedOut(object=each.object, what=each.what, before=each.before, after=each.after, estimated=each.estimated)
