"""The whole demo: three routes by Dagster, and everything it promises to show."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import select

from catalog.access import grants
from catalog.acquisition import completeness, spending
from catalog.acquisition.agreements import get as agreement
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.deliveries.batches import Batch
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity.people import Person
from catalog.overview import register as acquisitions
from catalog.releases import releases
from catalog.store import database
from demo import agreements as agreed
from demo.agencies import AGENCIES, FAULTS, LATE, NOTHING, SILENT, SWAPPED, WRONG
from tests.demo.made import Made

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.day]


@pytest.fixture(scope="module")
def batches(demo: Made) -> list[Batch]:
    """Every batch, in the order of receipt."""
    with database.session(demo.settings.catalog_database) as session:
        return list(session.exec(select(Batch).order_by(Batch.sequence)))  # type: ignore[arg-type]


class TestDeliveries:
    def test_every_batch_reconciles(self, batches: list[Batch]) -> None:
        assert len(batches) > 50
        for batch in batches:
            assert batch.received == batch.accepted + batch.quarantined, batch.id
            assert batch.accepted == batch.inserted + batch.updated + batch.unchanged, batch.id

    def test_what_was_handed_over_was_received_with_exactly_its_faults(self, demo: Made, batches: list[Batch]) -> None:
        told = Counter((h.dataset, h.organization, h.period, h.received, h.quarantined) for h in demo.handed)
        found = Counter((b.dataset, b.organization_id, b.period, b.received, b.quarantined) for b in batches)
        assert found == told

    def test_quarantine_names_the_rule_that_was_broken(self, demo: Made, batches: list[Batch]) -> None:
        first = {batch.dataset: batch for batch in reversed(batches) if batch.route != "collect"}
        for handed in demo.handed:
            if handed.step != "first" or not handed.faults:
                continue
            rules = Counter()
            for fault in first[handed.dataset].faults:
                rules[fault["rule"]] += fault["rows"]
            for rule in {"credit-code", "code-list", "mobile", "division", "reference", "key", "pattern"} & set(handed.faults):
                assert rules[rule] == handed.faults[rule], (handed.dataset, rule)

    def test_each_mistake_of_a_workbook_breaks_its_own_rule_only(self, batches: list[Batch]) -> None:
        wrong = next(b for b in batches if b.organization_id == f"{WRONG}-emergency" and b.quarantined)
        rules = Counter({fault["rule"]: fault["rows"] for fault in wrong.faults})
        assert rules == Counter(FAULTS)

    def test_every_end_of_a_delivery_is_there_to_be_seen(self, batches: list[Batch]) -> None:
        assert {b.state for b in batches} == {"loaded", "partial", "corrected", "returned", "refused", "undone"}

    def test_each_came_by_its_route_under_an_agreement_in_a_dagster_run(self, batches: list[Batch]) -> None:
        assert {b.route for b in batches} == {"request", "buy", "collect"}
        assert all(batch.agreement_id and batch.run_id for batch in batches)

    def test_mended_rows_came_back_under_the_first_batch(self, batches: list[Batch]) -> None:
        mended = next(batch for batch in batches if batch.corrects)
        first = next(batch for batch in batches if batch.id == mended.corrects)
        assert (first.state, mended.quarantined) == ("corrected", 0)
        assert first.quarantined >= mended.received  # two rows of one key are mended by one


class TestPurchase:
    def test_spend_is_metered_from_accepted_rows(self, demo: Made, batches: list[Batch]) -> None:
        accepted = sum(batch.accepted for batch in batches if batch.route == "buy")
        with database.session(demo.settings.catalog_database) as session:
            bought = agreement(session, agreed.PURCHASE)
            spent, terms = spending.spending(session, bought), spending.terms(bought)
            price, fills_items = terms.price_per_record, terms.fills_items
        assert price is not None
        assert spent.records == accepted
        assert spent.spent == price * accepted
        assert fills_items == ["status"]


class TestBoard:
    def test_late_returned_nil_missing_and_on_time(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            shown = completeness.board(session, agreed.COLLECTION, on=demo.day)
        now = {row.organization.id.removesuffix("-emergency"): row.cells[-1] for row in shown.rows}
        assert len(now) == len(AGENCIES) == 12
        expected = {LATE: "late", SWAPPED: "returned", SILENT: "missing", NOTHING: "nil"}
        assert {city: cell.state for city, cell in now.items()} == {city: expected.get(city, "on-time") for city in now}
        assert now[WRONG].quarantined == sum(FAULTS.values())

    def test_errors_went_back_at_their_cells(self, demo: Made) -> None:
        returned = sorted(path.parent.name for path in (demo.home / "demo" / "outbox").rglob("*.xlsx"))
        assert returned == sorted(f"{city}-emergency" for city in (WRONG, SWAPPED))

    def test_the_register_has_late_ones_some_due_soon_and_others(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            register = acquisitions.stages(session, demo.day)
        groups = {name: len(register.group(name)) for name in ("late", "near", "other")}
        assert all(groups.values()), groups


class TestVersions:
    def test_two_versions_with_their_difference(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            second, first = releases.listed(session, resources.get(session, "enterprise_registration"))
            assert first.added is None
            assert (second.added or 0) > 0
            assert (second.changed or 0) > 0
            assert second.removed == 0
            assert second.rows == first.rows + (second.added or 0)

    def test_a_recalled_version_is_refused_and_the_one_after_it_is_right(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            warnings = resources.get(session, "weather_warning")
            third, second, first = releases.listed(session, warnings)
            assert second.recalled_at
            assert "演练" in second.recall_reason
            assert (second.rows, third.rows) == (first.rows + 12, first.rows)
            with pytest.raises(releases.RecalledRelease, match="召回"):
                releases.get(session, warnings, 2)

    def test_themes_and_topics_are_built_and_published(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            derived = session.exec(select(Resource).where(Resource.library != "resource")).all()
            assert {resource.name for resource in derived} >= {"geography", "hazard", "enterprise", "regional_risk"}
            assert all(resource.rows > 0 and resource.last_version == 1 for resource in derived)


class TestSharing:
    def test_partners_hold_different_grants_of_one_resource_and_the_outsider_none(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            held = {grant.organization_id: grant for grant in grants.grants(session, resource_id=_id(session))}
        assert set(held) == {"hlj-transport", "hlj-water"}
        left, right = held.values()
        assert left.items != right.items
        assert left.row_filter != right.row_filter

    def test_profiles_hold_keys_of_their_own_for_their_owner_only(self, demo: Made) -> None:
        tokens = set()
        for name in ("partner-a", "partner-b", "outsider"):
            path = demo.home / "demo" / f"{name}.share"
            told = json.loads(path.read_text())
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert told["shareCredentialsVersion"] == 1
            assert told["endpoint"].endswith("/delta-sharing/")
            tokens.add(told["bearerToken"])
        assert len(tokens) == 3

    def test_no_secret_stands_in_the_catalogue_or_is_the_same_elsewhere(self, demo: Made) -> None:
        password = (demo.home / "demo" / "password").read_text().strip()
        token = (demo.home / "demo" / "department-token").read_text().strip()
        with database.session(demo.settings.catalog_database) as session:
            hashes = session.exec(select(Person.password_hash)).all()
        assert all(one.startswith("$argon2id$") for one in hashes if one)
        for secret in (password, token):
            assert secret.encode() not in (demo.home / "catalog.db").read_bytes()
        for name in ("password", "department-token"):
            assert stat.S_IMODE(os.stat(demo.home / "demo" / name).st_mode) == 0o600

    def test_the_audit_chain_holds(self, demo: Made) -> None:
        with database.session(demo.settings.catalog_database) as session:
            assert audit.head(session)[0] > 100
            verified = sealing.verify(session, head_file=demo.settings.audit_head)
        assert verified.good, verified.findings
        assert verified.seals > 0


class TestAgain:
    def test_a_second_run_changes_nothing_and_is_quick(self, demo: Made) -> None:
        catalogue = demo.home / "catalog.db"

        def state() -> tuple[object, ...]:
            with database.session(demo.settings.catalog_database) as session:
                return (audit.head(session), len(session.exec(select(Batch.id)).all()), sorted(_files(demo)))

        before = state()
        done = demo.hub("demo", "--scale", "0.05", "--no-serve", "--json", "--today", str(demo.day + timedelta(days=42)))
        assert state() == before
        told = json.loads(done.stdout)
        assert sum(one["received"] for one in told["datasets"]) > 10_000
        assert all(one["received"] == one["accepted"] + one["quarantined"] for one in told["datasets"])
        assert catalogue.exists()

    def test_another_scale_is_refused(self, demo: Made) -> None:
        done = demo.hub("demo", "--scale", "3", "--no-serve", check=False)
        assert done.returncode == 1
        assert "scale 0.05" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_real_hub_is_left_alone(self, tmp_path: object, demo: Made) -> None:
        home = demo.home.parent / "real-home"
        real = Made(home)
        real.hub("init")
        done = real.hub("demo", "--no-serve", check=False)
        assert done.returncode == 1
        assert "not a demo" in done.stderr
        assert not (home / "demo").exists()


def _id(session: object) -> str:
    return resources.get(session, "major_hazard").id  # type: ignore[arg-type]


def _files(demo: Made) -> list[str]:
    kept = ("lake", "landing", "demo")
    return [str(path.relative_to(demo.home)) for name in kept for path in (demo.home / name).rglob("*") if path.is_file()]
