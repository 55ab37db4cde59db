"""Definitions from the catalogue: keys, groups, jobs and schedules as they stand; a thousand datasets load in seconds."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from catalog.acquisition.agreements import Agreement
from catalog.entries.contracts import ContractVersion
from catalog.entries.resources import Resource
from hub.hub import Hub
from orchestration.definitions import definitions
from orchestration.execute import instance
from tests.counting import statements
from tests.orchestration.conftest import agree
from warehouse.settings import Settings

MODELS = {"theme/enterprise", "theme/geography", "theme/hazard", "topic/regional_risk"}


def repository(settings: Settings) -> dg.RepositoryDefinition:
    made = definitions(settings)
    dg.Definitions.validate_loadable(made)
    return made.get_repository_def()


class TestSnapshot:
    def test_asset_keys_and_groups(self, stocked: Hub) -> None:
        graph = repository(stocked.settings).asset_graph
        held = {node.key.to_user_string(): node.group_name for node in graph.asset_nodes if node.is_materializable}
        assert held == {
            "landing/arrivals": "landing",
            "resource/meter": "resource",
            "resource/station": "resource",
            "resource/well": "resource",
            "theme/enterprise": "theme",
            "theme/geography": "theme",
            "theme/hazard": "theme",
            "topic/regional_risk": "topic",
        }

    def test_jobs_schedules_and_sensors(self, stocked: Hub) -> None:
        made = repository(stocked.settings)
        jobs = {name for name in made.job_names if not name.startswith("__")}
        assert jobs == {"request", "buy", "refresh", "models", "maintenance", "reconcile"}
        assert {(one.name, one.cron_schedule, one.job_name) for one in made.schedule_defs} == {
            ("buy_0_6_any_any_any", "0 6 * * *", "buy"),
            ("request_0_6_any_any_any", "0 6 * * *", "request"),
            ("maintenance_nightly", "30 2 * * *", "maintenance"),
        }
        assert {one.name for one in made.sensor_defs} == {
            "request_dropped",
            "buy_dropped",
            "left_behind",
            "models_behind",
            "lineage_spool",
            "audit_seal",
            "runs_nobody_runs",
        }

    def test_checks_come_from_the_contract_and_the_models_tests(self, stocked: Hub) -> None:
        graph = repository(stocked.settings).asset_graph
        held = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
        assert {("resource/well", "delivered"), ("resource/well", "quality")} <= held
        assert ("theme/hazard", "hazard_id_unique") in held

    def test_schedules_and_sensors_run_without_anyone_turning_them_on(self, stocked: Hub) -> None:
        made = repository(stocked.settings)
        assert all(one.default_status is dg.DefaultScheduleStatus.RUNNING for one in made.schedule_defs)
        assert all(one.default_status is dg.DefaultSensorStatus.RUNNING for one in made.sensor_defs)

    def test_freshness_comes_from_the_cycle(self, stocked: Hub) -> None:
        node = repository(stocked.settings).asset_graph.get(dg.AssetKey(["resource", "well"]))
        assert node.freshness_policy is not None
        assert node.freshness_policy.fail_window.to_timedelta().days == 2  # type: ignore[attr-defined]

    def test_models_come_after_what_they_read(self, stocked: Hub) -> None:
        node = repository(stocked.settings).asset_graph.get(dg.AssetKey(["topic", "regional_risk"]))
        assert {key.to_user_string() for key in node.parent_keys} == {"theme/enterprise", "theme/geography", "theme/hazard"}


def test_an_agreements_own_schedule_wins_over_its_cycles(stocked: Hub) -> None:
    with stocked.session() as session:
        agreement = session.get_one(Agreement, "XY-well")
        agreement.cron = "*/5 * * * *"
        session.add(agreement)
    made = repository(stocked.settings)
    assert {one.cron_schedule for one in made.schedule_defs if one.job_name == "request"} == {"*/5 * * * *", "0 6 * * *"}


def test_before_init_there_are_no_assets_and_no_error(settings: Settings) -> None:
    settings.root.mkdir(parents=True)
    keys = {key.to_user_string() for key in repository(settings).asset_graph.materializable_asset_keys}
    assert keys == set()


def test_a_thousand_datasets_load_with_a_handful_of_questions(hub: Hub) -> None:
    with hub.session() as session:
        for number in range(1_000):
            name = f"set_{number:04d}"
            told = {"title": name, "provider_id": "hlj-water", "cycle": "每日", "library": "resource", "route": "request"}
            session.add(Resource(name=name, **told))
            session.add(ContractVersion(dataset=name, version="1.0.0", status="active", text="", sha256=""))
            agree(session, name, name, "request", "hlj-water", {"kind": "folder", "path": name})
    with statements(hub.settings.catalog_database) as asked:
        made = repository(hub.settings)
        made.load_all_definitions()
    assert len(asked) < 50
    assert len(list(made.asset_graph.materializable_asset_keys)) == 1_000 + len(MODELS) + 1
    assert len([one for one in made.schedule_defs if one.job_name == "request"]) == 1


def test_the_instance_keeps_its_state_in_hub_home_and_tells_nobody(settings: Settings) -> None:
    before = dict(os.environ)
    with instance(settings) as opened:
        assert not opened.telemetry_enabled
        assert Path(opened.root_directory).is_relative_to(settings.root)
        assert Path(opened.storage_directory()).is_relative_to(settings.root)
    assert dict(os.environ) == before
