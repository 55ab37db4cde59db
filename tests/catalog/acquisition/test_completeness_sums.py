"""Sums of the completeness board: quarters and years, cities of counties, periods that nobody owed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from catalog.acquisition import agreements, completeness, completeness_sums, negotiation, periods
from catalog.ledger import CatalogLedger
from catalog.store import database
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
        names = [column.period for column in completeness.board(session, collected, on=TODAY).columns]
        assert names == ["2025-11", "2025-12", "2026-01", "2026-02", "2026-03"]
    _report(ledger, collected, "jixi", "2025-09", date(2025, 10, 3), 4)
    with database.session(ledger.engine) as session:
        names = [column.period for column in completeness.board(session, collected, on=TODAY).columns]
        assert names[:2] == ["2025-09", "2025-11"], "a period that somebody reported for is shown all the same"


def test_a_city_is_as_bad_as_its_worst_county_and_holds_the_rows_of_all(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    _report(ledger, collected, "nangang", "2026-01", date(2026, 2, 3), 10)
    _report(ledger, collected, "daoli", "2026-01", date(2026, 2, 9), 5)
    _report(ledger, collected, "nangang", "2026-02", date(2026, 3, 3), 7)
    _report(ledger, collected, "jixi", "2026-02", date(2026, 3, 3), 2)
    with database.session(ledger.engine) as session:
        plain = completeness.board(session, collected, ["2026-01", "2026-02", "2026-03"], on=TODAY)
        assert completeness_sums.has_counties(session, plain)
        told = completeness_sums.by_city(session, plain)
        assert {row.organization.id: len(row.members) for row in told.rows} == {"harbin": 2, "jixi": 0}
        [harbin] = [row for row in told.rows if row.members]
        assert [(cell.state, cell.accepted) for cell in harbin.cells] == [("late", 15), ("missing", 7), ("not-due", 0)]
        assert [part.organization_id for part in harbin.cells[1].parts] == sorted(COUNTIES)
        assert (harbin.complete, harbin.due, harbin.cells[0].on_time) == (1, 2, False)
        february = told.columns[1]
        assert (february.complete, february.agencies, february.accepted) == (1, 2, 9)


def test_a_quarter_is_as_bad_as_the_worst_month_that_is_due(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    for period, day in (("2025-11", date(2025, 12, 3)), ("2025-12", date(2026, 1, 12)), ("2026-01", date(2026, 2, 3))):
        _report(ledger, collected, "jixi", period, day, 3)
    _report(ledger, collected, "jixi", "2026-02", date(2026, 3, 4), 3)
    with database.session(ledger.engine) as session:
        months = [one for name in ("2025Q4", "2026Q1") for one in periods.within(name, "month")]
        told = completeness_sums.over(completeness.board(session, collected, months, on=TODAY), "quarter")
        cells = {(cell.organization_id, cell.period): cell for row in told.rows for cell in row.cells}
        before, now = cells["jixi", "2025Q4"], cells["jixi", "2026Q1"]
        assert (before.state, before.accepted, len(before.parts)) == ("late", 6, 2), "October was due before the signature"
        assert (now.state, now.accepted, now.due) == ("on-time", 6, date(2026, 3, 5)), "March is still to come"
        assert cells["daoli", "2026Q1"].state == "missing", "January is late already"
        assert [(column.period, column.is_due, column.running) for column in told.columns] == [
            ("2025Q4", True, False), ("2026Q1", True, True),
        ]  # fmt: skip


def test_a_period_of_which_nothing_is_due_is_no_gap_and_not_counted(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    with database.session(ledger.engine) as session:
        months = [one for name in ("2026Q1", "2026Q2", "2026Q3") for one in periods.within(name, "month")]
        told = completeness_sums.over(completeness.board(session, collected, months, on=TODAY), "quarter")
        for row in told.rows:
            assert [cell.state for cell in row.cells] == ["missing", "not-due", "not-due"]
            assert (row.complete, row.on_time, row.due) == (0, 0, 1)
        assert [column.is_due for column in told.columns] == [True, False, False]


@pytest.mark.parametrize("kind", ["month", "quarter", "year"])
def test_every_row_counts_the_same_periods_whoever_reported_early(collection: tuple[CatalogLedger, str], kind: str) -> None:
    ledger, collected = collection
    for period, day in (("2026-01", date(2026, 2, 3)), ("2026-02", date(2026, 3, 4)), ("2026-03", date(2026, 3, 11))):
        _report(ledger, collected, "jixi", period, day, 3)
    with database.session(ledger.engine) as session:
        months = ["2025-12", *(one for name in ("2026Q1", "2026Q2") for one in periods.within(name, "month"))]
        told = completeness.board(session, collected, months, on=TODAY)
        told = told if kind == "month" else completeness_sums.over(told, kind)
        due = {"month": 3, "quarter": 2, "year": 2}[kind]
        assert {row.due for row in told.rows} == {due}
        assert {row.organization.id: (row.complete, row.on_time) for row in told.rows}["jixi"] == (due - 1, due - 1)
        assert sum(column.complete for column in told.columns if column.is_due) == sum(row.complete for row in told.rows)
        assert told.complete_rate == (due - 1) / (3 * due)


def test_nothing_is_owed_from_before_a_collection_that_waits_for_its_signature_was_asked_for(
    collection: tuple[CatalogLedger, str],
) -> None:
    ledger, collected = collection
    with database.session(ledger.engine) as session:
        agreement = agreements.get(session, collected)
        agreement.signed_on, agreement.needed_on = None, date(2026, 2, 1)
        session.add(agreement)
        years = [one for year in ("2024", "2025", "2026") for one in periods.within(year, "month")]
        told = completeness_sums.over(completeness.board(session, collected, years, on=TODAY), "year")
        assert [column.period for column in told.columns] == ["2026"]


def test_a_board_of_cities_needs_no_sum(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    with database.session(ledger.engine) as session:
        negotiation.set_agencies(session, agreements.get(session, collected), ["harbin", "jixi"])
        plain = completeness.board(session, collected, ["2026-02"], on=TODAY)
        assert not completeness_sums.has_counties(session, plain)
        assert completeness_sums.by_city(session, plain) == plain


@pytest.mark.parametrize(
    ("period", "kind", "parts"),
    [("2026Q2", "month", ["2026-04", "2026-05", "2026-06"]), ("2026", "quarter", ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]),
     ("2026-02", "month", ["2026-02"])],
)  # fmt: skip
def test_what_a_period_is_made_of(period: str, kind: str, parts: list[str]) -> None:
    assert periods.within(period, kind) == parts
