"""The calendar's routes: everybody reads which days are worked, only stewards and administrators put a year's table in."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from catalog.acquisition import calendars
from catalog.audit.chain import AuditRecord
from catalog.entries import resources
from contracts.clock import today
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

YEAR = 2061
TABLE = f"date,working,name\n{YEAR}-10-03,no,国庆\n{YEAR}-10-08,yes,补班\n"
ESTIMATED = "2061-10-01"


@pytest.fixture
def own(settings: Settings) -> Any:
    """A hub of this test's own, its calendar to be changed."""
    made = built(settings)
    yield made
    connection.forget(settings)


def _put(hub: Hub, who: str, table: str = TABLE, year: int = YEAR) -> Any:
    return hub.client.put(f"/api/v1/calendar/{year}", content=table.encode(), headers=hub.auth(who))


@pytest.mark.parametrize("who", ["", "partner", "analyst", "auditor", "owner", "outsider"])
def test_others_put_no_table_in(hub: Hub, who: str) -> None:
    answer = _put(hub, who)
    assert answer.status_code == (403 if who else 401)
    assert answer.json()["type"] == f"urn:hui:problem:{'refused' if who else 'key-not-valid'}"
    with hub.session() as session:
        assert YEAR not in {one.year for one in calendars.years(session)}


@pytest.mark.parametrize(
    ("table", "year", "said"),
    [
        ("", YEAR, "one year"),
        ("date,working\n2061-02-30,no\n", YEAR, "Entry 1"),
        (TABLE, YEAR + 1, "the year named"),
        ("date,working\n2061-10-03,no\n2062-10-03,no\n", YEAR, "one year"),
    ],
)
def test_what_is_no_table_of_that_year_changes_nothing_and_says_why(hub: Hub, table: str, year: int, said: str) -> None:
    answer = _put(hub, "steward", table, year)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hui:problem:invalid-calendar")
    assert said in hub.client.put(
        f"/api/v1/calendar/{year}", content=table, headers=hub.auth("steward") | {"Accept-Language": "en"}
    ).json()["detail"]  # fmt: skip
    with hub.session() as session:
        assert not {YEAR, YEAR + 1} & {one.year for one in calendars.years(session)}


def test_a_table_that_is_longer_than_a_year_is_not_read(hub: Hub) -> None:
    assert _put(hub, "steward", "date,working\n" + " " * 1_000_001).status_code == 413


@pytest.mark.parametrize("year", ["1949", "2100", "soon"])
def test_a_year_beyond_what_can_be_known_is_refused(hub: Hub, year: str) -> None:
    assert hub.get(f"/api/v1/calendar/{year}").status_code == 422


def test_a_year_without_a_table_is_an_estimate_until_it_is_imported_on_record(own: Hub) -> None:
    told = own.get(f"/api/v1/calendar/{YEAR}").json()
    assert told["official"] is False
    assert {"date": ESTIMATED, "working": False, "name": "国庆节"} in told["days"]
    assert YEAR not in own.get("/api/v1/calendar").json()["years"]
    done = _put(own, "steward")
    assert (done.status_code, done.json()["days"]) == (200, 2)
    told = own.get(f"/api/v1/calendar/{YEAR}").json()
    assert (told["official"], [(day["date"], day["working"]) for day in told["days"]]) == (
        True,
        [(f"{YEAR}-10-03", False), (f"{YEAR}-10-08", True)],
    )
    assert YEAR in own.get("/api/v1/calendar").json()["years"]
    with own.session() as session:
        [record] = session.exec(select(AuditRecord).where(AuditRecord.action == "calendar.import")).all()
        assert record.object == f"calendar:{YEAR}"


@pytest.mark.day
def test_a_due_date_in_a_year_without_a_table_is_marked_as_estimated(own: Hub) -> None:
    with own.session() as session:
        calendars.import_year(session, calendars.read(_year(today().year).encode(), "this year"))
    for due, estimated in ((date(YEAR, 3, 1), True), (today(), False)):
        with own.session() as session:
            resource = resources.get(session, "weather")
            resource.next_due = due
            session.add(resource)
        told = own.get("/api/v1/resources/weather", "partner").json()
        assert (told["next_due"], told["next_due_estimated"]) == (f"{due}", estimated)


def _year(year: int) -> str:
    return f"date,working,name\n{year}-01-01,no,元旦\n"
