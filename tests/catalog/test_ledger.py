"""The ledger: unknown senders and counts that do not add up are refused; every result is written once."""

from __future__ import annotations

import multiprocessing
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from catalog.acquisition import agreements, spending
from catalog.acquisition.agreements import AgreementOver, NotSigned, UnknownAgreement
from catalog.audit import chain as audit
from catalog.deliveries import batches, quality
from catalog.deliveries.batches import Batch, UnknownBatch
from catalog.entries import codes, resources
from catalog.identity.organizations import UnknownOrganization
from catalog.ledger import CatalogLedger, CatalogLookups, NotHeld, WrongCounts
from catalog.overview import scores
from catalog.store import database
from contracts.deliveries import Answers, Fault, Outcome
from tests.catalog import making
from warehouse.ingest.ports import Ledger, Lookups


@pytest.fixture
def ledger(url: str) -> CatalogLedger:
    """A ledger over a catalogue with one resource."""
    with database.session(url) as session:
        making.resource(session)
    return CatalogLedger(url)


def test_it_is_what_ingest_asks_for(ledger: CatalogLedger) -> None:
    as_ledger: Ledger = ledger
    as_lookups: Lookups = CatalogLookups(ledger.engine)
    assert as_ledger.unsettled() == []
    assert as_lookups.contract("major_hazard").title == "危险化学品重大危险源"


def test_of_many_who_answer_a_held_batch_at_once_one_is_in_time(ledger: CatalogLedger) -> None:
    """Two who both were told "done" would load it twice; one who was late opened a discarded batch again."""
    for _ in range(4):
        number = ledger.receive(making.receipt()).batch_id
        ledger.settle(number, Outcome(state="held"))
        ready, told = threading.Barrier(6), []

        def answer(number: str, ready: threading.Barrier, told: list[str]) -> None:
            mine = CatalogLedger(ledger.engine)
            ready.wait()
            try:
                mine.answer(number, Answers(nil=True), "someone")
                told.append("answered")
            except NotHeld:
                told.append("too late")

        people = [threading.Thread(target=answer, args=(number, ready, told)) for _ in range(6)]
        for one in people:
            one.start()
        for one in people:
            one.join()
        assert sorted(told) == ["answered"] + ["too late"] * 5
        with database.session(ledger.engine) as session:
            done = [one.action for one in audit.listed(session, object=f"batch:{number}")]
        assert done.count("batch.answer") == 1


def test_unknown_senders_agreements_batches_lists_and_datasets_are_refused(ledger: CatalogLedger) -> None:
    with pytest.raises(UnknownOrganization):
        ledger.receive(making.receipt(organization_id="nobody"))
    with pytest.raises(UnknownAgreement):
        ledger.receive(making.receipt(agreement_id="YQ-0"))
    with pytest.raises(UnknownBatch):
        ledger.receive(making.receipt(corrects="20000101-0001"))
    with pytest.raises(UnknownBatch):
        ledger.entry("20000101-0001")
    lookups = CatalogLookups(ledger.engine)
    with pytest.raises(KeyError):
        lookups.codes("no-such-list")
    with pytest.raises(KeyError):
        lookups.contract("no_such_dataset")
    with pytest.raises(KeyError):
        lookups.contract("major_hazard", "9.9.9")
    assert ledger.unsettled() == []


@pytest.mark.parametrize(
    "wrong", [{"received": 1285}, {"inserted": 1196}, {"quarantined": 86}, {"updated": 1}, {"accepted": 1198, "inserted": 1198}]
)
def test_counts_that_do_not_add_up_are_refused(ledger: CatalogLedger, wrong: dict[str, int]) -> None:
    entry = ledger.receive(making.receipt())
    with pytest.raises(WrongCounts, match=entry.batch_id):
        ledger.settle(entry.batch_id, replace(making.outcome(), **wrong))
    assert ledger.entry(entry.batch_id).state == "received"


def test_batch_numbers_begin_anew_with_the_day_in_china(ledger: CatalogLedger) -> None:
    evening = datetime(2026, 3, 11, 15, 59, tzinfo=UTC)
    night = datetime(2026, 3, 11, 16, 0, tzinfo=UTC)
    ids = [ledger.receive(making.receipt(at=at)).batch_id for at in (evening, evening, night)]
    assert ids == ["20260311-0001", "20260311-0002", "20260312-0001"]


def test_a_receipt_comes_back_as_it_was_written(ledger: CatalogLedger) -> None:
    told = making.receipt(organization_id="water", period="2026-03", route="collect", media="xlsx", run_id="r1")
    entry = ledger.receive(told)
    assert ledger.entry(entry.batch_id) == entry
    assert entry.receipt == told
    assert [one.batch_id for one in ledger.unsettled()] == [entry.batch_id]


def test_a_settled_batch_brings_resource_quality_and_record_up(ledger: CatalogLedger) -> None:
    entry = ledger.receive(making.receipt())
    ledger.checking(entry.batch_id)
    faults = [
        Fault("values", "level", 9, "重大", "填 1 至 4", "use 1 to 4"),
        Fault("division", "division", 22, "230899", "a", "b"),
    ]
    results = [
        {"rule": "required", "item": "level", "dimension": "completeness", "rows": 1000, "failed": 10},
        {"rule": "values", "item": "level", "dimension": "conformity", "rows": 1000, "failed": 90},
    ]
    ledger.settle(entry.batch_id, making.outcome(faults=faults, quality=results, table_rows=4568, table_bytes=9))
    with database.session(ledger.engine) as session:
        batch = batches.get(session, entry.batch_id)
        assert [fault["rows"] for fault in batch.faults] == [22, 9]
        assert batches.equation(batch).balanced
        resource = resources.get(session, "major_hazard")
        assert (resource.rows, resource.bytes, resource.quality) == (4568, 9, 95.0)
        assert resource.next_due == date(2026, 4, 13)  # 11 April is a Saturday
        told = scores.score(session, "major_hazard")
        assert told is not None
        assert told.dimensions == {"completeness": 99.0, "conformity": 91.0}
        assert told.weakest == "conformity"
        assert [one.total for one in scores.trend(session, "major_hazard")] == [95.0]
        actions = [one.action for one in audit.listed(session, object=f"batch:{entry.batch_id}")]
    assert actions == ["batch.partial", "batch.receive"]
    assert [one.batch_id for one in ledger.history("major_hazard")] == [entry.batch_id]
    assert ledger.unsettled() == []


def test_settling_twice_changes_nothing(ledger: CatalogLedger) -> None:
    entry = ledger.receive(making.receipt())
    results = [{"rule": "required", "dimension": "completeness", "rows": 10, "failed": 1}]
    ledger.settle(entry.batch_id, making.outcome(quality=results))
    with database.session(ledger.engine) as session:
        before = audit.head(session)
        finished = batches.get(session, entry.batch_id).finished_at
    ledger.settle(entry.batch_id, making.outcome(quality=results))
    with database.session(ledger.engine) as session:
        assert audit.head(session) == before
        assert batches.get(session, entry.batch_id).finished_at == finished
        assert len(quality.results(session, "major_hazard")) == 1


def test_latest_and_history_leave_out_what_was_refused_or_undone(ledger: CatalogLedger) -> None:
    first, second, third = (ledger.receive(making.receipt()).batch_id for _ in range(3))
    ledger.settle(first, making.outcome(10, 0))
    ledger.settle(second, making.outcome(0, 5, state="refused", inserted=0))
    ledger.settle(third, making.outcome(7, 0))
    latest = ledger.latest("major_hazard")
    assert latest is not None
    assert latest.batch_id == third
    ledger.settle(third, replace(making.outcome(0, 0), state="undone", table_rows=10))
    latest = ledger.latest("major_hazard")
    assert latest is not None
    assert latest.batch_id == first
    assert [one.batch_id for one in ledger.history("major_hazard")] == [first]
    with database.session(ledger.engine) as session:
        assert batches.get(session, third).accepted == 7  # what it was stays on record
        assert resources.get(session, "major_hazard").rows == 10


def test_a_correction_mends_the_batch_it_names_until_it_is_undone(ledger: CatalogLedger) -> None:
    first = ledger.receive(making.receipt()).batch_id
    ledger.settle(first, making.outcome())
    mend = ledger.receive(making.receipt(corrects=first)).batch_id
    ledger.settle(mend, making.outcome(80, 7))
    assert ledger.entry(first).state == "partial"  # some rows are still at fault
    again = ledger.receive(making.receipt(corrects=first)).batch_id
    ledger.settle(again, making.outcome(7, 0))
    assert ledger.entry(first).state == "corrected"
    ledger.settle(again, replace(making.outcome(0, 0), state="undone"))
    assert ledger.entry(first).state == "partial"
    with database.session(ledger.engine) as session:
        chain = batches.chain(session, batches.get(session, mend))
        assert [one.id for one in chain] == [first, mend, again]


def _buy(ledger: CatalogLedger) -> str:
    with database.session(ledger.engine) as session:
        made = making.agreement(session, "buy", price_per_record=Decimal("0.0035"), ceiling=Decimal("10.00"), state="signed")
        return made.id


def test_a_purchase_is_metered_and_its_ceiling_known_before_the_load(ledger: CatalogLedger) -> None:
    bought = _buy(ledger)
    entry = ledger.receive(making.receipt(agreement_id=bought))
    assert entry.room == 2857
    ledger.settle(entry.batch_id, making.outcome(1000, 0))
    with database.session(ledger.engine) as session:
        agreement = agreements.get(session, bought)
        told = spending.spending(session, agreement)
        assert (told.spent, told.records, told.records_left) == (Decimal("3.50"), 1000, 1857)
        assert told.share == pytest.approx(0.35)
        assert agreement.state == "active"
        assert agreement.delivery_due == date(2026, 4, 13)
        spending.require_room(session, agreement, 1857)
        with pytest.raises(spending.CeilingReached, match="ceiling"):
            spending.require_room(session, agreement, 1858)
        assert spending.monthly(session, agreement) == [("2026-03", 1000, Decimal("3.50"))]
    assert ledger.receive(making.receipt(agreement_id=bought)).room == 1857
    assert ledger.entry(entry.batch_id).room == 2857  # its own cost does not stand in its way


def test_a_purchase_that_was_undone_costs_nothing(ledger: CatalogLedger) -> None:
    bought = _buy(ledger)
    entry = ledger.receive(making.receipt(agreement_id=bought))
    ledger.settle(entry.batch_id, making.outcome(1000, 0))
    ledger.settle(entry.batch_id, replace(making.outcome(0, 0), state="undone"))
    with database.session(ledger.engine) as session:
        assert spending.spending(session, agreements.get(session, bought)).spent == 0


def test_code_lists_are_looked_up_in_order(ledger: CatalogLedger) -> None:
    with database.session(ledger.engine) as session:
        codes.replace(session, "hazard-level", [("2", "二级", ""), ("1", "一级", ""), ("2", "again", "")], title="等级")
    assert list(CatalogLookups(ledger.engine).codes("hazard-level")) == ["2", "1"]


def test_batches_are_listed_filtered_and_paged(ledger: CatalogLedger) -> None:
    for number in range(5):
        entry = ledger.receive(making.receipt(organization_id="water", period=f"2026-0{number + 1}"))
        ledger.settle(entry.batch_id, making.outcome(1, number % 2))
    with database.session(ledger.engine) as session:
        page = batches.listed(session, batches.BatchFilters(state=("partial",)), page=9, size=1)
        assert (page.total, page.page, len(page.batches)) == (2, 2, 1)
        assert page.states == {"loaded": 3, "partial": 2}
        assert batches.listed(session, batches.BatchFilters(period="2026-02")).total == 1
        assert batches.listed(session, batches.BatchFilters(dataset="none")).batches == []


EACH = 12


def _receive_many(url: str) -> None:
    ledger = CatalogLedger(url)
    for _ in range(EACH):
        ledger.receive(making.receipt())


def test_threads_and_processes_get_numbers_without_gap_or_repeat(ledger: CatalogLedger, url: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers: list[threading.Thread | multiprocessing.process.BaseProcess] = [
        threading.Thread(target=_receive_many, args=(url,)) for _ in range(3)
    ]
    workers += [context.Process(target=_receive_many, args=(url,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    with database.session(url) as session:
        found = session.exec(select(Batch).order_by(Batch.sequence)).all()  # type: ignore[arg-type]
        assert [one.sequence for one in found] == list(range(1, 5 * EACH + 1))
        assert [one.id for one in found] == [f"20260311-{number:04d}" for number in range(1, 5 * EACH + 1)]


@pytest.mark.parametrize("told", [{"valid_until": date(2026, 3, 10)}, {"state": "ended"}, {"state": "accepted"}])
def test_nothing_is_received_under_an_agreement_that_does_not_run(ledger: CatalogLedger, told: dict[str, Any]) -> None:
    with database.session(ledger.engine) as session:
        signed = {"state": "active", "signed_on": date(2026, 3, 2)}
        made = making.agreement(session, **(signed | told)).id
    with pytest.raises((AgreementOver, NotSigned)):
        ledger.receive(making.receipt(agreement_id=made))
    assert ledger.unsettled() == []


def test_what_came_in_time_is_mended_after_the_term(ledger: CatalogLedger) -> None:
    with database.session(ledger.engine) as session:
        made = making.agreement(session, state="active", signed_on=date(2026, 3, 2), valid_until=date(2026, 3, 11)).id
    first = ledger.receive(making.receipt(agreement_id=made)).batch_id
    ledger.settle(first, making.outcome())
    later = datetime(2026, 3, 20, 1, tzinfo=UTC)
    mended = making.receipt(at=later, agreement_id=made, corrects=first, sha256="aa" * 32)
    assert ledger.receive(mended).receipt.corrects == first
    with pytest.raises(AgreementOver):
        ledger.receive(making.receipt(at=later, agreement_id=made, sha256="bb" * 32))
