"""Sums of the completeness board: quarters and years, cities of counties, periods that nobody owed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from catalog import agreements, board, boards, database, periods
from catalog.ledger import CatalogLedger
from tests.catalog import making

TODAY = date(2026, 3, 12)
COUNTIES = ("nangang", "daoli")


@pytest.fixture
def collection(url: str) -> tuple[CatalogLedger, str]:
    """Harbin's two counties report, and Jixi itself: monthly, by the fifth of the following month."""
    with database.session(url) as session:
        making.resource(session)
        making.organization(session, "harbin", "哈尔滨市应急管理局", kind="agency", level="city", division="2301")
        making.organization(session, "jixi", "鸡西市应急管理局", kind="agency", level="city", division="2303")
        for name in COUNTIES:
            making.organization(
                session, name, f"{name}应急管理局", kind="agency", level="county", division="230103", parent_id="harbin"
            )
        made = making.agreement(
            session, "collect", agencies=(*COUNTIES, "jixi"), due_day=5, due_months=1, state="active",
            signed_on=date(2025, 11, 20),
        )  # fmt: skip
        return CatalogLedger(url), made.id


def _report(ledger: CatalogLedger, collected: str, agency: str, period: str, at: date, rows: int) -> None:
    moment = datetime(at.year, at.month, at.day, 2, tzinfo=UTC)
    told = making.receipt(at=moment, agreement_id=collected, organization_id=agency, period=period)
    ledger.settle(ledger.receive(told).batch_id, making.outcome(rows))


def test_periods_due_before_the_signature_are_not_owed(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    with database.session(ledger.engine) as session:
        names = [column.period for column in board.board(session, collected, on=TODAY).columns]
        assert names == ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    _report(ledger, collected, "jixi", "2025-09", date(2025, 10, 3), 4)
    with database.session(ledger.engine) as session:
        names = [column.period for column in board.board(session, collected, on=TODAY).columns]
        assert names[:2] == ["2025-09", "2025-11"], "a period that somebody reported for is shown all the same"


def test_a_city_is_as_bad_as_its_worst_county_and_holds_the_rows_of_all(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    _report(ledger, collected, "nangang", "2026-01", date(2026, 2, 3), 10)
    _report(ledger, collected, "daoli", "2026-01", date(2026, 2, 9), 5)
    _report(ledger, collected, "nangang", "2026-02", date(2026, 3, 3), 7)
    _report(ledger, collected, "jixi", "2026-02", date(2026, 3, 3), 2)
    with database.session(ledger.engine) as session:
        plain = board.board(session, collected, ["2026-01", "2026-02", "2026-03"], on=TODAY)
        assert boards.has_counties(session, plain)
        told = boards.by_city(session, plain)
        assert {row.organization.id: len(row.members) for row in told.rows} == {"harbin": 2, "jixi": 0}
        [harbin] = [row for row in told.rows if row.members]
        assert [(cell.state, cell.accepted) for cell in harbin.cells] == [("late", 15), ("missing", 7), ("not-due", 0)]
        assert [part.organization_id for part in harbin.cells[1].parts] == sorted(COUNTIES)
        assert (harbin.complete, harbin.due, harbin.cells[0].on_time) == (1, 2, False)
        february = told.columns[1]
        assert (february.complete, february.agencies, february.accepted) == (1, 2, 9)


def test_a_quarter_is_complete_once_each_month_is(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    for period, day in (("2025-11", date(2025, 12, 3)), ("2025-12", date(2026, 1, 12)), ("2026-01", date(2026, 2, 3))):
        _report(ledger, collected, "jixi", period, day, 3)
    _report(ledger, collected, "jixi", "2026-02", date(2026, 3, 4), 3)
    with database.session(ledger.engine) as session:
        months = [one for name in ("2025Q4", "2026Q1") for one in periods.within(name, "month")]
        told = boards.over(board.board(session, collected, months, on=TODAY), "quarter")
        cells = {(cell.organization_id, cell.period): cell for row in told.rows for cell in row.cells}
        before, now = cells["jixi", "2025Q4"], cells["jixi", "2026Q1"]
        assert (before.state, before.accepted, len(before.parts)) == ("late", 6, 2), "October was due before the signature"
        assert (now.state, now.accepted) == ("not-due", 6), "March is still to come"
        assert cells["daoli", "2026Q1"].state == "missing", "January is late already"
        assert now.due == date(2026, 4, 3)
        assert [column.period for column in told.columns] == ["2025Q4", "2026Q1"]


def test_a_board_of_cities_needs_no_sum(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    with database.session(ledger.engine) as session:
        agreements.set_agencies(session, agreements.get(session, collected), ["harbin", "jixi"])
        plain = board.board(session, collected, ["2026-02"], on=TODAY)
        assert not boards.has_counties(session, plain)
        assert boards.by_city(session, plain) == plain


@pytest.mark.parametrize(
    ("period", "kind", "parts"),
    [("2026Q2", "month", ["2026-04", "2026-05", "2026-06"]), ("2026", "quarter", ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]),
     ("2026-02", "month", ["2026-02"])],
)  # fmt: skip
def test_what_a_period_is_made_of(period: str, kind: str, parts: list[str]) -> None:
    assert periods.within(period, kind) == parts
