"""The jobs, through Dagster in this process: what is in the folders ends in the lake, under its agreement, and is told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlmodel import select

from catalog.acquisition.agreements import Agreement
from catalog.acquisition.spending import Spend
from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from catalog.identity.organizations import Organization
from hub.hub import Hub
from orchestration.execute import Executed, UnknownJob, execute
from tests.orchestration.conftest import agree, drop
from warehouse.storage.connection import reader


def run(hub: Hub, *jobs: str, datasets: tuple[str, ...] = ()) -> Executed:
    (*_, last) = execute(hub.settings, jobs, datasets=datasets)
    return last


def rows(hub: Hub, table: str) -> list[tuple[object, ...]]:
    with reader(hub.settings) as connection:
        return connection.execute(f"SELECT site_id, amount FROM {table} ORDER BY 1").fetchall()


def test_one_run_takes_all_datasets_what_is_referred_to_first(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "well", "2026-03.csv", "S1,5", "S9,1")  # S9 is no station
    drop(inbox / "station", "2026-03.csv", "S1,1", "S2,2")
    drop(inbox / "meter", "2026-03.csv", "M1,7")
    done = run(stocked, "refresh")
    assert done.success
    assert done.problems == ()
    told = {one.dataset: (one.received, one.accepted, one.quarantined) for one in done.loaded}
    assert told == {"meter": (1, 1, 0), "station": (2, 2, 0), "well": (2, 1, 1)}
    assert all(one.balanced for one in done.loaded)
    assert [one.dataset for one in done.loaded].index("station") < [one.dataset for one in done.loaded].index("well")
    assert rows(stocked, "resource.well") == [("S1", 5)]


def test_each_batch_points_to_its_agreement_its_sender_and_its_run(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "2026-03.csv", "S1,1")
    done = run(stocked, "request")
    with stocked.session() as session:
        batch = session.exec(select(Batch)).one()
        assert (batch.agreement_id, batch.organization_id, batch.route) == ("XY-station", "hlj-water", "request")
        assert (batch.run_id, batch.filename) == (done.run_id, "2026-03.csv")
        assert session.get_one(Agreement, "XY-station").state == "active"


def test_a_second_run_finds_nothing_new(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "2026-03.csv", "S1,1")
    run(stocked, "request")
    again = run(stocked, "request")
    assert again.success
    assert again.loaded == ()


def test_a_route_leaves_the_other_routes_files(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    drop(inbox / "meter", "a.csv", "M1,1")
    assert [one.dataset for one in run(stocked, "buy").loaded] == ["meter"]
    assert [one.dataset for one in run(stocked, "request").loaded] == ["station"]


def test_a_run_may_be_narrowed_to_some_datasets(stocked: Hub, inbox: Path) -> None:
    for name in ("station", "meter"):
        drop(inbox / name, "a.csv", "X1,1")
    assert [one.dataset for one in run(stocked, "refresh", datasets=("meter",)).loaded] == ["meter"]


def test_several_files_are_several_batches_in_the_order_of_their_names(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "2026-02.csv", "S1,2")
    drop(inbox / "station", "2026-01.csv", "S1,1")
    (one,) = run(stocked, "request").loaded
    assert len(one.batches) == 2
    assert rows(stocked, "resource.station") == [("S1", 2)]


def test_a_broken_channel_is_told_and_keeps_nobody_out(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    (inbox / "well").rmdir()
    done = run(stocked, "refresh")
    assert not done.success
    assert [one.dataset for one in done.loaded] == ["station"]
    assert any("well" in problem for problem in done.problems)


def test_a_file_that_is_no_data_keeps_nobody_out(stocked: Hub, inbox: Path) -> None:
    (inbox / "station" / "a.csv").write_bytes(b"PK\x03\x04 not really a workbook")
    drop(inbox / "meter", "a.csv", "M1,1")
    done = run(stocked, "refresh")
    assert "meter" in [one.dataset for one in done.loaded]
    assert any("station" in problem for problem in done.problems)


def test_a_delivery_that_mends_another_is_tied_to_it(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1", "S2,-1")
    (first,) = run(stocked, "request").loaded
    drop(inbox / "station", f"隔离行_{first.batches[0]}.csv", "S2,1")
    run(stocked, "request")
    with stocked.session() as session:
        mended = session.exec(select(Batch).where(Batch.corrects == first.batches[0])).one()
        assert mended.accepted == 1
        assert session.get_one(Batch, first.batches[0]).state == "corrected"


def test_a_file_s_name_ties_it_to_no_batch_of_another_sender(stocked: Hub, inbox: Path) -> None:
    """Who drops a file named after somebody else's batch would close what is open of it."""
    drop(inbox / "station", "a.csv", "S1,1", "S2,-1")
    (first,) = run(stocked, "request").loaded
    with stocked.session() as session:
        session.add(Organization(id="hlj-river", name="河道局", kind="department"))
        session.flush()
        channel = {"kind": "folder", "path": str(inbox / "river"), "settle_seconds": 0.1}
        agree(session, "XY-river", "station", "request", "hlj-river", channel)
    (inbox / "river").mkdir()
    drop(inbox / "river", f"隔离行_{first.batches[0]}.csv", "S2,1")
    run(stocked, "request")
    with stocked.session() as session:
        other = session.exec(select(Batch).where(Batch.organization_id == "hlj-river")).one()
        assert (other.accepted, other.corrects) == (1, None)
        assert session.get_one(Batch, first.batches[0]).state == "partial"


def test_spend_is_metered_from_accepted_rows(stocked: Hub, inbox: Path) -> None:
    with stocked.session() as session:
        agreement = session.get_one(Agreement, "XY-meter")
        agreement.purchase.price_per_record, agreement.purchase.ceiling = Decimal("0.5"), Decimal("100")
        session.add(agreement)
    drop(inbox / "meter", "a.csv", "M1,1", "M2,2", "M3,-1")
    run(stocked, "buy")
    with stocked.session() as session:
        spend = session.exec(select(Spend)).one()
        assert (spend.records, spend.amount) == (2, Decimal("1.00"))


def test_a_batch_beyond_the_ceiling_is_held_back_whole_and_on_record(stocked: Hub, inbox: Path) -> None:
    def ceiling(yuan: str) -> None:
        with stocked.session() as session:
            agreement = session.get_one(Agreement, "XY-meter")
            agreement.purchase.price_per_record, agreement.purchase.ceiling = Decimal("0.5"), Decimal(yuan)
            session.add(agreement)

    ceiling("1.40")  # pays for two records
    drop(inbox / "meter", "a.csv", "M1,1", "M2,2", "M3,-1")
    assert [one.accepted for one in run(stocked, "buy").loaded] == [2], "a record at fault costs nothing"
    drop(inbox / "meter", "b.csv", "M4,4", "M5,5")
    run(stocked, "buy")
    with stocked.session() as session:
        held = session.exec(select(Batch).where(Batch.filename == "b.csv")).one()
        assert (held.state, held.received, held.accepted, held.quarantined) == ("refused", 2, 0, 2)
        assert "XY-meter" in held.message
        assert "pays for 0 more records, this has 2" in held.message_en
        assert [check["rule"] for check in held.checks if not check["passed"]] == ["ceiling"]
        assert sum(spend.amount for spend in session.exec(select(Spend))) == Decimal("1.00")
        record = session.exec(select(AuditRecord).where(AuditRecord.object == f"batch:{held.id}")).all()[-1]
        assert (record.action, record.outcome) == ("batch.refused", "failed")
        first = held.id
    assert [key for key, _ in rows(stocked, "resource.meter")] == ["M1", "M2"]
    ceiling("2.00")
    drop(inbox / "meter", "c.csv", "M4,4", "M5,5")
    run(stocked, "buy")
    assert [key for key, _ in rows(stocked, "resource.meter")] == ["M1", "M2", "M4", "M5"]
    with stocked.session() as session:
        assert session.get_one(Batch, first).state == "refused", "what was refused stays on record"
        assert sum(spend.amount for spend in session.exec(select(Spend))) == Decimal("2.00")


def test_an_ended_purchase_takes_nothing(stocked: Hub, inbox: Path) -> None:
    from datetime import date

    with stocked.session() as session:
        agreement = session.get_one(Agreement, "XY-meter")
        agreement.valid_until = date(2020, 1, 1)
        session.add(agreement)
    drop(inbox / "meter", "a.csv", "M1,1")
    done = run(stocked, "buy")
    assert not done.success
    assert done.loaded == ()
    assert any("2020-01-01" in problem for problem in done.problems)


def test_two_agreements_may_feed_one_dataset(stocked: Hub, inbox: Path) -> None:
    (inbox / "more").mkdir()
    with stocked.session() as session:
        agree(session, "XY-more", "station", "request", "hlj-emergency", {"kind": "folder", "path": "inbox/more"})
    drop(inbox / "station", "a.csv", "S1,1")
    drop(inbox / "more", "b.csv", "S2,1")
    run(stocked, "request")
    with stocked.session() as session:
        held = session.exec(select(Batch.agreement_id, Batch.organization_id)).all()
        assert sorted(held) == [("XY-more", "hlj-emergency"), ("XY-station", "hlj-water")]


def test_a_job_that_is_not_there_says_which_are(stocked: Hub) -> None:
    with pytest.raises(UnknownJob, match="request"):
        run(stocked, "collect")
