"""The register and the board: late before near before the rest, in working days; every cell says what came."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import Session

from catalog import workdays
from catalog.access.grants import Grant
from catalog.acquisition import agreements, channels, completeness, negotiation, periods, requests
from catalog.acquisition.agreements import UnknownAgreement
from catalog.acquisition.negotiation import InvalidStep, WrongTerm
from catalog.acquisition.periods import InvalidPeriod
from catalog.acquisition.spending import Spend
from catalog.deliveries.batches import Batch
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.organizations import UnknownOrganization
from catalog.identity.people import ANONYMOUS, Subject
from catalog.ledger import CatalogLedger
from catalog.overview import inbox, statistics
from catalog.overview import register as acquisitions
from catalog.releases import releases
from catalog.releases.releases import InvalidRelease, RecalledRelease, UnknownRelease
from catalog.store import database
from tests import agreeing
from tests.agreeing import BY
from tests.catalog import making

pytestmark = pytest.mark.day

TODAY = date(2026, 3, 12)


class TestAgreement:
    def test_an_unknown_route_provider_agency_or_number_is_refused(self, session: Session) -> None:
        making.organization(session)
        with pytest.raises(WrongTerm, match="steal"):
            making.agreement(session, "steal")
        with pytest.raises(UnknownOrganization):
            making.agreement(session, provider_id="nobody")
        with pytest.raises(UnknownOrganization):
            making.agreement(session, "collect", agencies=["nobody"])
        with pytest.raises(UnknownAgreement):
            agreements.get(session, "YQ-0")

    def test_steps_out_of_order_are_refused(self, session: Session) -> None:
        making.organization(session)
        made = making.agreement(session)
        with pytest.raises(InvalidStep):
            negotiation.sign(session, made, BY, on=TODAY, valid_until=None)
        with pytest.raises(WrongTerm, match="basis"):
            agreeing.answered(session, made, TODAY, " ", accepted=False)
        agreeing.answered(session, made, TODAY, "依据《统计法》第九条", accepted=False)
        with pytest.raises(InvalidStep):
            agreeing.answered(session, made, TODAY)
        with pytest.raises(InvalidStep):
            requests.extend(session, made, BY, authority="省数据局")

    def test_numbers_follow_route_and_year(self, session: Session) -> None:
        making.organization(session)
        told = [making.agreement(session, route).id for route in ("request", "request", "buy", "collect")]
        assert told == ["YQ-2026-001", "YQ-2026-002", "GM-2026-001", "CJ-2026-001"]
        assert making.agreement(session, needed_on=date(2027, 1, 4)).id == "YQ-2027-001"

    def test_the_answer_is_due_by_the_sharing_type_and_may_be_extended_once(self, session: Session) -> None:
        making.resource(session)
        making.resource(session, "open_one", "公开资源", sharingType=1)
        made = making.agreement(session)
        assert made.answer_due == date(2026, 3, 16)
        assert making.agreement(session, dataset="open_one").answer_due == date(2026, 3, 3)
        requests.extend(session, made, BY, authority="省数据局")
        assert made.answer_due == date(2026, 3, 30)
        with pytest.raises(InvalidStep):
            requests.extend(session, made, BY, authority="省数据局")

    def test_answer_and_signature_set_the_next_terms(self, session: Session) -> None:
        making.resource(session)
        made = making.agreement(session, cycle="每日")
        assert made.cron
        agreeing.answered(session, made, date(2026, 3, 9))
        assert (made.state, made.signed_due) == ("accepted", date(2026, 4, 7))
        negotiation.sign(session, made, BY, on=date(2026, 3, 10), valid_until=date(2027, 3, 9))
        assert (made.state, made.delivery_due) == ("signed", date(2026, 4, 7))


class TestPeriods:
    @pytest.mark.parametrize("text", ["", "2026-13", "2026Q5", "26-01", "2026-1", "20260101", "abc", "2026-"])
    def test_what_is_no_period_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidPeriod):
            periods.first_day(text)

    @pytest.mark.parametrize(
        ("kind", "name", "first"),
        [("month", "2026-03", date(2026, 3, 1)), ("quarter", "2026Q1", date(2026, 1, 1)), ("year", "2026", date(2026, 1, 1))],
    )
    def test_names_and_first_days_agree(self, kind: str, name: str, first: date) -> None:
        assert periods.named(kind, date(2026, 3, 12)) == name
        assert periods.first_day(name) == first
        assert periods.kind_of(name) == kind
        assert periods.last_periods(kind, TODAY, 1) == [name]

    def test_twelve_months_back_cross_the_year(self) -> None:
        assert periods.last_periods("month", TODAY, 12)[0] == "2025-04"
        assert periods.last_periods("quarter", TODAY, 3) == ["2025Q3", "2025Q4", "2026Q1"]

    def test_a_due_day_on_a_day_off_moves_to_the_last_working_day_before(self, session: Session) -> None:
        calendar = workdays.calendar(session)
        assert periods.due(calendar, "2026-03", 5, 1) == date(2026, 4, 3)  # 5 April 2026 is Tomb-sweeping Day, a Sunday
        assert periods.due(calendar, "2026-03", 5, 0) == date(2026, 3, 5)
        assert periods.due(calendar, "2026Q1", 31, 1) == date(2026, 4, 30)


def _stage(row: acquisitions.Row) -> list[str]:
    return [stage.state for stage in row.stages]


class TestRegister:
    def test_a_need_goes_through_its_stages(self, url: str) -> None:
        ledger = CatalogLedger(url)
        with database.session(url) as session:
            making.resource(session)
            made = making.agreement(session, cycle="每月")
            register = acquisitions.stages(session, TODAY)
            row = register.rows[0]
            assert (row.current, row.group, _stage(row)) == ("need", "near", ["current", "todo", "todo", "todo", "todo"])
            assert row.deadline is not None
            assert (row.deadline.what, row.deadline.left) == ("answer", 2)
            late = acquisitions.stages(session, date(2026, 3, 18))
            assert (late.rows[0].group, late.late["need"], late.waiting["need"]) == ("late", 1, 1)
            assert late.rows[0].deadline is not None
            assert late.rows[0].deadline.left == -2
            agreeing.answered(session, made, date(2026, 3, 9))
            assert acquisitions.stages(session, TODAY).rows[0].current == "agreement"
            negotiation.sign(session, made, BY, on=date(2026, 3, 10), valid_until=date(2027, 4, 1))
            row = acquisitions.stages(session, TODAY).rows[0]
            assert (row.current, row.stages[1].lines[1].zh) == ("batch", "至 2027-04")
            missed = acquisitions.stages(session, date(2026, 4, 9)).rows[0]
            assert (missed.stages[2].state, missed.stages[2].lines[0].en) == ("late", "First batch missing")
            agreement_id = made.id
        entry = ledger.receive(making.receipt(agreement_id=agreement_id))
        ledger.settle(entry.batch_id, making.outcome(100, 0))
        with database.session(url) as session:
            row = acquisitions.stages(session, TODAY).rows[0]
            assert (row.current, row.agreement.state, _stage(row)[2:]) == ("release", "active", ["done", "current", "todo"])
            resource = resources.get(session, "major_hazard")
            releases.record(session, resource, snapshot=7, columns=[], rows=100)
            row = acquisitions.stages(session, TODAY).rows[0]
            assert (row.current, row.stages[3].lines[0].zh, row.stages[4].state) == ("", "v1", "todo")
            making.organization(session, "transport", "省交通运输厅")
            session.add(Grant(resource_id=resource.id, organization_id="transport"))
            session.flush()
            register = acquisitions.stages(session, TODAY)
            assert (register.rows[0].current, register.rows[0].stages[4].lines[0].en) == ("", "1 in use")
            assert register.shared == 1
            assert acquisitions.in_use(session, resource) == 1

    def test_groups_come_late_near_other_finished(self, session: Session) -> None:
        making.resource(session)
        for due in (date(2026, 5, 6), date(2026, 3, 11), date(2026, 3, 16)):
            making.agreement(session, answer_due=due)
        refused = making.agreement(session)
        agreeing.answered(session, refused, TODAY, "依据不足", accepted=False)
        register = acquisitions.stages(session, TODAY)
        assert [row.group for row in register.rows] == ["late", "near", "other", "finished"]
        assert register.routes == {"request": 4}
        assert len(acquisitions.stages(session, TODAY, route="buy").rows) == 0

    def test_a_purchase_shows_what_is_spent_and_a_term_that_ends(self, session: Session) -> None:
        making.resource(session)
        made = making.agreement(
            session, "buy", state="active", signed_on=date(2025, 6, 18), valid_until=date(2026, 4, 3), ceiling=Decimal(100),
            price_per_record=Decimal(1), why_bought="无部门可提供",
        )  # fmt: skip
        batch = Batch(
            id="b", dataset="major_hazard", contract_version="1", sha256="", bytes=0, filename="", sequence=1, state="loaded",
            agreement_id=made.id, received=72, accepted=72,
        )  # fmt: skip
        session.add(batch)
        session.flush()
        session.add(Spend(batch_id="b", agreement_id=made.id, records=72, amount=Decimal(72)))
        session.flush()
        row = acquisitions.stage_row(session, made, TODAY)
        assert row.stages[1].lines[1].zh == "费用已用 72%"
        assert row.deadline is None or row.deadline.what in ("release", "renew")

    def test_a_year_without_calendar_is_marked(self, session: Session) -> None:
        making.resource(session)
        making.agreement(session)
        assert acquisitions.stages(session, date(2031, 1, 6)).estimated
        assert not acquisitions.stages(session, TODAY).estimated


CITIES = ("harbin", "jixi", "hegang", "yichun", "qitaihe", "heihe")


@pytest.fixture
def collection(url: str) -> tuple[CatalogLedger, str]:
    """Six agencies report monthly by the fifth of the same month."""
    with database.session(url) as session:
        making.resource(session)
        for at, city in enumerate(CITIES):
            making.organization(session, city, f"{city}市应急管理局", kind="agency", level="city", division=f"23{at:02d}")
        made = making.agreement(
            session, "collect", agencies=CITIES, due_day=5, due_months=0, state="active", signed_on=date(2025, 1, 6)
        )
        return CatalogLedger(url), made.id


def _report(
    ledger: CatalogLedger, collected: str, city: str, day: int, accepted: int, quarantined: int = 0, **more: object
) -> str:
    at = datetime(2026, 3, day, 2, tzinfo=UTC)
    told = making.receipt(
        at=at, agreement_id=collected, organization_id=city, period="2026-03", corrects=more.pop("corrects", None)
    )
    entry = ledger.receive(told)
    ledger.settle(entry.batch_id, making.outcome(accepted, quarantined, **more))
    return entry.batch_id


class TestBoard:
    def test_every_state_of_a_cell(self, collection: tuple[CatalogLedger, str]) -> None:
        ledger, collected = collection
        _report(ledger, collected, "harbin", 3, 1009)
        first = _report(ledger, collected, "jixi", 4, 180, 5)
        _report(ledger, collected, "jixi", 9, 5, 0, corrects=first)
        _report(
            ledger, collected, "hegang", 6, 0, 212, state="returned", inserted=0, message="坐标超出本市", message_en="outside"
        )
        _report(ledger, collected, "qitaihe", 5, 0)
        _report(ledger, collected, "heihe", 11, 94, 3)
        with database.session(ledger.engine) as session:
            told = completeness.board(session, collected, ["2026-03", "2026-04"], on=TODAY)
            cells = {row.organization.id: row.cells[0] for row in told.rows}
            assert {city: cell.state for city, cell in cells.items()} == {
                "harbin": "on-time", "jixi": "on-time", "hegang": "returned", "yichun": "missing", "qitaihe": "nil",
                "heihe": "late",
            }  # fmt: skip
            assert (cells["jixi"].accepted, cells["jixi"].quarantined) == (185, 0)
            assert len(cells["jixi"].batches) == 2
            assert (cells["hegang"].message, cells["hegang"].days_late) == ("坐标超出本市", 5)
            assert (cells["heihe"].days_late, cells["yichun"].days_late) == (4, 5)
            assert {cell.state for row in told.rows for cell in row.cells[1:]} == {"not-due"}
            march = told.columns[0]
            assert (march.complete, march.on_time, march.agencies, march.accepted) == (4, 3, 6, 1288)
            assert march.states == {"on-time": 2, "returned": 1, "missing": 1, "nil": 1, "late": 1}
            assert (told.complete_rate, told.on_time_rate) == (4 / 6, 3 / 6)
            assert [cell.organization_id for cell in told.urge()] in (["hegang", "yichun"], ["yichun", "hegang"])
            assert told.cell("heihe", "2026-03") == cells["heihe"]
            assert not told.columns[1].is_due

    def test_an_undone_report_is_missing_again(self, collection: tuple[CatalogLedger, str]) -> None:
        ledger, collected = collection
        batch = _report(ledger, collected, "harbin", 3, 10)
        ledger.settle(batch, making.outcome(0, 0, state="undone"))
        with database.session(ledger.engine) as session:
            cell = completeness.board(session, collected, ["2026-03"], on=TODAY).cell("harbin", "2026-03")
            assert cell is not None
            assert cell.state == "missing"

    def test_a_report_sent_again_after_its_return_counts_from_its_acceptance(
        self, collection: tuple[CatalogLedger, str]
    ) -> None:
        ledger, collected = collection
        _report(ledger, collected, "hegang", 3, 0, 9, state="returned", inserted=0)
        _report(ledger, collected, "hegang", 10, 209)
        with database.session(ledger.engine) as session:
            cell = completeness.board(session, collected, ["2026-03"], on=TODAY).cell("hegang", "2026-03")
            assert cell is not None
            assert (cell.state, cell.accepted, cell.days_late) == ("late", 209, 3)

    def test_without_periods_the_last_twelve_are_shown(self, collection: tuple[CatalogLedger, str]) -> None:
        ledger, collected = collection
        with database.session(ledger.engine) as session:
            told = completeness.board(session, collected, on=TODAY)
            assert [column.period for column in told.columns][::11] == ["2025-04", "2026-03"]
            row = acquisitions.stages(session, TODAY).rows[0]
            assert (row.agencies, row.stages[2].state, row.stages[2].lines[0].zh) == (6, "late", "已收 0 / 6")

    def test_the_register_tells_the_same_deadline_as_the_dataset(self, collection: tuple[CatalogLedger, str]) -> None:
        """At 4481aa4 "overdue 56" stood beside "overdue 101": an older report that is still owed is the deadline of both."""
        ledger, _ = collection
        with database.session(ledger.engine) as session:
            resource = resources.get(session, "major_hazard")
            resource.next_due = date(2025, 12, 5)
            session.add(resource)
            session.flush()
            row = acquisitions.stages(session, TODAY).rows[0]
            assert row.deadline is not None
            assert (row.deadline.due, row.group) == (date(2025, 12, 5), "late")
            resource.next_due = None
            session.flush()
            assert acquisitions.stages(session, TODAY).rows[0].deadline.due == date(2026, 3, 5)  # type: ignore[union-attr]

    def test_the_inbox_of_a_steward_a_provider_and_others(self, collection: tuple[CatalogLedger, str]) -> None:
        ledger, collected = collection
        batch = _report(ledger, collected, "jixi", 4, 180, 5)
        with database.session(ledger.engine) as session:
            making.organization(session, "hub", "省应急管理厅")
            draft = making.resource(session, "draft_one", "草稿", classCode=None)
            assert draft.state == "draft"
            told = inbox.inbox(session, making.STEWARD, TODAY)
            own, followed = ([(task.kind, task.key) for task in tasks] for tasks in (told.own, told.followed))
            assert ("draft", "draft_one") in own
            assert ("quarantine", batch) in followed, "its sender mends it"
            assert ("report", collected) in own + followed
            provider = Subject("gao", organization_id="jixi", roles=frozenset({"provider"}))
            [task] = inbox.inbox(session, provider, TODAY).own
            assert (task.key, task.due, task.left) == (batch, date(2026, 3, 18), 4)
            for other in (ANONYMOUS, making.PARTNER, Subject("a", roles=frozenset({"auditor"}))):
                assert inbox.inbox(session, other, TODAY) == inbox.Inbox()

    def test_nobody_is_given_a_task_that_the_policies_keep_from_them(self, collection: tuple[CatalogLedger, str]) -> None:
        """At 4481aa4 an administrator's inbox held every agency's corrections, and a steward's those of other stewards."""
        ledger, collected = collection
        _report(ledger, collected, "jixi", 4, 180, 5)
        with database.session(ledger.engine) as session:
            making.organization(session, "hub", "省应急管理厅")
            making.resource(session, "draft_one", "草稿", classCode=None)
            administrator = Subject("sun", organization_id="hub", roles=frozenset({"administrator"}))
            assert inbox.inbox(session, administrator, TODAY) == inbox.Inbox()
            for index in range(3):
                failed = channels.ChannelAttempt(
                    agreement_id=collected, dataset="major_hazard", channel="http", outcome="failed"
                )
                channels.record(session, failed)
                assert bool(inbox.inbox(session, administrator, TODAY).own) == (index == 2)
            wang = people.add_person(session, "wang", "王", "hub", ["steward"])
            asked = making.agreement(session, steward_id=wang.id)
            agreeing.answered(session, asked, date(2026, 3, 3))
            named = Subject("wang", person_id=wang.id, roles=frozenset({"steward"}))
            other = Subject("zhao", person_id="another", roles=frozenset({"steward"}))
            signing = ("sign", asked.id)
            assert signing in [(task.kind, task.key) for task in inbox.inbox(session, named, date(2026, 4, 30)).own]
            assert signing in [(task.kind, task.key) for task in inbox.inbox(session, other, date(2026, 4, 30)).followed]
            nameless = Subject("nobody", roles=frozenset({"provider"}))
            assert inbox.inbox(session, nameless, TODAY) == inbox.Inbox()


class TestRelease:
    def test_a_version_whose_snapshot_is_gone_or_another_is_found(self, session: Session) -> None:
        resource = making.resource(session)
        made = releases.record(session, resource, snapshot=7, columns=[], rows=100)
        assert releases.without_snapshot(session, {7: made.released_at}) == []
        assert releases.without_snapshot(session, {6: made.released_at}) == [(resource.name, 1)]
        assert releases.without_snapshot(session, {7: made.released_at + timedelta(hours=1)}) == [(resource.name, 1)]

    def test_what_was_never_released_recalled_or_has_no_reason_is_refused(self, session: Session) -> None:
        resource = making.resource(session)
        with pytest.raises(UnknownRelease):
            releases.get(session, resource)
        made = releases.record(session, resource, snapshot=3, columns=[], rows=1)
        with pytest.raises(UnknownRelease):
            releases.get(session, resource, 2)
        with pytest.raises(InvalidRelease):
            releases.recall(session, resource, 1, reason="  ", by="li")
        releases.recall(session, resource, 1, reason="坐标有误", by="li")
        with pytest.raises(RecalledRelease, match="坐标有误"):
            releases.get(session, resource, 1)
        with pytest.raises(RecalledRelease):
            releases.recall(session, resource, 1, reason="再次", by="li")
        assert releases.get(session, resource, 1, recalled=True) is made

    def test_numbers_go_on_after_a_recall_and_recalled_versions_pin_nothing(self, session: Session) -> None:
        resource = making.resource(session)
        for snapshot in (3, 5, 5):
            releases.record(session, resource, snapshot=snapshot, columns=[{"name": "a", "type": "VARCHAR"}], rows=snapshot)
        releases.recall(session, resource, 3, reason="有误", by="li")
        assert releases.record(session, resource, snapshot=9, columns=[], rows=1).version == 4
        assert releases.pins(session) == {3: ["major_hazard v1"], 5: ["major_hazard v2"], 9: ["major_hazard v4"]}
        assert [one.version for one in releases.listed(session, resource)] == [4, 3, 2, 1]
        latest = releases.latest(session, resource)
        assert latest is not None
        assert latest.version == 4
        assert {release.version for release, _ in releases.newest(session)} == {1, 2, 4}


def test_the_figures_of_the_home_page_count_what_one_may_know_of(session: Session) -> None:
    making.resource(session).rows = 5
    late = making.resource(session, "late_one", "逾期资源", sharingType=3)
    late.next_due, late.rows = date(2026, 3, 10), 7
    session.flush()
    told = statistics.numbers(session, making.STEWARD, TODAY)
    assert (told.resources, told.providers, told.items, told.rows, told.shareable, told.overdue, told.on_time) == (
        2,
        1,
        4,
        12,
        1,
        1,
        0,
    )
    public = statistics.numbers(session, ANONYMOUS, TODAY)
    assert (public.resources, public.rows, public.overdue, public.on_time) == (1, 5, 0, None)
    assert [one.resource.name for one in statistics.overdue(session, making.STEWARD, TODAY)] == ["late_one"]
    assert statistics.overdue(session, ANONYMOUS, TODAY) == []
