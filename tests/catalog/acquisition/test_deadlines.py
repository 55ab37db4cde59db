"""One deadline for a dataset, from its agreements: in the register, on the home page, on its own page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session

from api.portal.components.freshness import freshness
from catalog.acquisition import agreements, negotiation
from catalog.acquisition.agreements import Agreement
from catalog.entries import resources
from catalog.ledger import CatalogLedger
from catalog.overview import statistics
from catalog.store import database
from contracts import clock
from tests import agreeing
from tests.agreeing import BY
from tests.catalog import making

pytestmark = pytest.mark.day
NOON = datetime(2026, 3, 12, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _a_thursday() -> Iterator[None]:
    with clock.moved_to(NOON):
        yield


@pytest.fixture
def collection(url: str) -> tuple[CatalogLedger, str]:
    """Two cities report every month, by the fifth of the following one; the entry itself says 每年."""
    with database.session(url) as session:
        making.resource(session, cycle="每年")
        for name in ("harbin", "jixi"):
            making.organization(session, name, f"{name}应急管理局", kind="agency", level="city", division="2301")
        made = making.agreement(
            session, "collect", agencies=("harbin", "jixi"), due_day=5, due_months=1, state="active",
            signed_on=date(2026, 1, 20),
        )  # fmt: skip
        return CatalogLedger(url), made.id


def _report(ledger: CatalogLedger, collected: str, agency: str, period: str, at: date) -> str:
    moment = datetime(at.year, at.month, at.day, 2, tzinfo=UTC)
    told = making.receipt(at=moment, agreement_id=collected, organization_id=agency, period=period)
    batch = ledger.receive(told).batch_id
    ledger.settle(batch, making.outcome(5, 0))
    return batch


def _shown(session: Session) -> tuple[date | None, int, float | None, str]:
    """The dataset's deadline, how many the home page calls overdue, its share on time, and what the dataset's page says."""
    resource = resources.get(session, "major_hazard")
    told = statistics.numbers(session, making.STEWARD)
    return resource.next_due, told.overdue, told.on_time, freshness(session, resource).state


def test_a_collection_that_nobody_reported_for_is_late_everywhere(collection: tuple[CatalogLedger, str]) -> None:
    ledger, _ = collection
    with database.session(ledger.engine) as session:
        assert _shown(session) == (date(2026, 2, 5), 1, 0.0, "late")


def test_a_collection_is_late_until_its_last_agency_has_reported(collection: tuple[CatalogLedger, str]) -> None:
    ledger, collected = collection
    for agency, period, at in (
        ("harbin", "2026-01", date(2026, 2, 3)),
        ("harbin", "2026-02", date(2026, 3, 3)),
        ("jixi", "2026-01", date(2026, 2, 4)),
    ):
        _report(ledger, collected, agency, period, at)
    with database.session(ledger.engine) as session:
        assert _shown(session) == (date(2026, 3, 5), 1, 0.0, "late"), "Jixi owes February"
    _report(ledger, collected, "jixi", "2026-02", date(2026, 3, 9))
    with database.session(ledger.engine) as session:
        assert _shown(session) == (date(2026, 4, 3), 0, 1.0, "on-time"), "5 April is a holiday"


def test_the_cycle_that_both_sides_signed_goes_before_the_entrys(url: str) -> None:
    with database.session(url) as session:
        making.resource(session, cycle="每年")
        made = making.agreement(session, state="active", signed_on=date(2026, 3, 2), cycle="每周").id
    ledger = CatalogLedger(url)
    ledger.settle(ledger.receive(making.receipt(agreement_id=made)).batch_id, making.outcome())
    with database.session(url) as session:
        due = agreements.get(session, made).delivery_due
        assert due == date(2026, 3, 18)
        assert _shown(session)[0] == due
    with clock.moved_to(NOON + timedelta(days=7)), database.session(url) as session:
        assert _shown(session)[1:] == (1, 0.0, "late")


def test_a_signature_sets_a_deadline_and_the_end_takes_it_away(session: Session) -> None:
    resource = making.resource(session)
    made: Agreement = making.agreement(session)
    assert _shown(session)[0] is None
    agreeing.answered(session, made, date(2026, 3, 9))
    negotiation.sign(session, made, BY, on=date(2026, 3, 10), valid_until=None)
    assert resource.next_due == made.delivery_due == date(2026, 4, 7)
    assert statistics.numbers(session, making.STEWARD).on_time is None, "nothing was due yet"
    negotiation.end(session, made, BY)
    assert _shown(session)[0] is None
