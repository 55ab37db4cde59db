"""Sensors and schedules as the daemon evaluates them: what they ask for, and that they ask once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlmodel import select

from catalog.acquisition import channels as attempts
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.channels import ChannelAttempt
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.audit.chain import AuditSeal
from catalog.deliveries.batches import Batch
from contracts import clock
from contracts.deliveries import Receipt
from hub import sources
from hub.hub import Hub
from orchestration import listening, sensors
from orchestration.assets import ROUTE_TAG
from orchestration.collect import alone
from orchestration.definitions import definitions
from orchestration.execute import execute, instance
from tests import packing
from tests.agreeing import set_channel
from tests.orchestration.conftest import drop, site


def ticked(hub: Hub, name: str, cursor: str | None = None) -> tuple[list[dg.RunRequest], Any]:
    """What a sensor asks for at one look, and all it says."""
    sensor = definitions(hub.settings).get_repository_def().get_sensor_def(name)
    context = dg.build_sensor_context(cursor=cursor)
    data = sensor.evaluate_tick(context)
    return list(data.run_requests or []), data


class TestDropped:
    def test_a_file_asks_for_a_run_once_it_looked_the_same_twice(self, stocked: Hub, inbox: Path) -> None:
        drop(inbox / "station", "a.csv", "S1,1")
        first, data = ticked(stocked, "request_dropped")
        assert first == []
        (request,), _ = ticked(stocked, "request_dropped", data.cursor)
        assert [key.to_user_string() for key in request.asset_selection or []] == ["landing/arrivals", "resource/station"]
        assert request.tags[ROUTE_TAG] == "request"

    def test_a_file_that_grew_in_between_waits(self, stocked: Hub, inbox: Path) -> None:
        path = drop(inbox / "station", "a.csv", "S1,1")
        _, data = ticked(stocked, "request_dropped")
        path.write_text(path.read_text(encoding="utf-8") + "S2,2\n", encoding="utf-8")
        assert ticked(stocked, "request_dropped", data.cursor)[0] == []

    def test_the_same_files_have_the_same_key_so_they_ask_once(self, stocked: Hub, inbox: Path) -> None:
        drop(inbox / "station", "a.csv", "S1,1")
        _, data = ticked(stocked, "request_dropped")
        keys = {ticked(stocked, "request_dropped", data.cursor)[0][0].run_key for _ in range(2)}
        assert len(keys) == 1

    def test_a_file_that_was_taken_asks_no_more(self, stocked: Hub, inbox: Path) -> None:
        drop(inbox / "station", "a.csv", "S1,1")
        list(execute(stocked.settings, ["request"]))
        assert sensors.waiting(stocked, "request") == {}

    def test_another_routes_files_are_not_its_business(self, stocked: Hub, inbox: Path) -> None:
        drop(inbox / "meter", "a.csv", "M1,1")
        assert sensors.waiting(stocked, "request") == {}
        assert list(sensors.waiting(stocked, "buy")) == ["meter"]


class TestHeard:
    """A channel that listens: `hub run` and the daemon ask it by the same lock."""

    @pytest.fixture
    def heard(self, stocked: Hub) -> Hub:
        channel = {"kind": "mqtt", "url": "mqtt://127.0.0.1:9", "topics": "level/+site_id"}
        with stocked.session() as session:
            agreement = session.get_one(Agreement, "XY-well")
            set_channel(session, agreement, channel)
            agreement.cycle = "实时"
        return stocked

    def asked(self, hub: Hub) -> list[dg.RunRequest]:
        with instance(hub.settings) as opened:
            sensor = definitions(hub.settings).get_repository_def().get_sensor_def("request_heard")
            return list(sensor.evaluate_tick(dg.build_sensor_context(instance=opened)).run_requests or [])

    def ended(self, hub: Hub, outcome: str) -> None:
        with hub.session() as session:
            attempts.record(session, ChannelAttempt(agreement_id="XY-well", dataset="well", channel="mqtt", outcome=outcome))

    def test_it_is_asked_again_when_the_look_has_ended_and_later_where_nothing_came(self, heard: Hub) -> None:
        (request,) = self.asked(heard)
        assert [key.to_user_string() for key in request.asset_selection or []] == ["landing/arrivals", "resource/well"]
        self.ended(heard, attempts.TAKEN)
        assert len(self.asked(heard)) == 1
        for outcome, pause in ((attempts.NOTHING, 60), (attempts.FAILED, 300)):
            self.ended(heard, outcome)
            assert self.asked(heard) == []
            with clock.moved(timedelta(seconds=pause)):
                assert len(self.asked(heard)) == 1
                self.ended(heard, attempts.TAKEN)

    def test_one_that_is_being_listened_to_is_left_alone(self, heard: Hub) -> None:
        (agreed,) = sources.in_force(heard)["well"]
        with alone(heard, agreed) as free:
            assert free
            assert self.asked(heard) == []

    def test_a_run_that_waits_is_not_asked_for_twice(self, heard: Hub) -> None:
        with instance(heard.settings) as opened:
            job = definitions(heard.settings).get_repository_def().get_job("request")
            opened.create_run_for_job(job, status=dg.DagsterRunStatus.STARTING, tags={listening.TAG: "request"})
        assert self.asked(heard) == []

    def test_where_messages_are_not_wanted_as_they_come_the_broker_keeps_them(self, heard: Hub) -> None:
        with heard.session() as session:
            session.get_one(Agreement, "XY-well").cycle = "每日"
        assert listening.channels(heard, "request") == []
        names = {one.name for one in definitions(heard.settings).get_repository_def().sensor_defs}
        assert "request_heard" not in names


class TestModels:
    def test_a_new_batch_of_a_dataset_they_read_asks_for_the_models(self, stocked: Hub, inbox: Path, tmp_path: Path) -> None:
        from catalog.entries import contracts as registry
        from warehouse.ingest import deliver as ingest

        assert ticked(stocked, "models_behind")[0] == []
        with stocked.session() as session:
            registry.register(session, site("hazmat_vehicle"), by="test", origin="pack")
        args = (stocked.settings, stocked.ledger, stocked.lookups, drop(tmp_path, "a.csv", "V1,1"))
        ingest.deliver(*args, dataset="hazmat_vehicle", received_by="test")
        (request,), data = ticked(stocked, "models_behind")
        assert request.run_key == f"batch-{sensors.newest_batch(stocked)}"
        assert ticked(stocked, "models_behind", data.cursor)[0] == []

    def test_models_built_since_by_hand_are_not_built_again(self, stocked: Hub, tmp_path: Path) -> None:
        from catalog.deliveries import quality
        from catalog.entries import contracts as registry
        from contracts.packs.contents import open_pack
        from warehouse.ingest import deliver as ingest

        with stocked.session() as session:
            registry.register(session, site("hazmat_vehicle"), by="test", origin="pack")
        args = (stocked.settings, stocked.ledger, stocked.lookups, drop(tmp_path, "a.csv", "V1,1"))
        ingest.deliver(*args, dataset="hazmat_vehicle", received_by="test")
        first, *others = open_pack(packing.EMERGENCY).models
        result = {"rule": "unique", "item": "id", "dimension": "uniqueness", "rows": 1, "failed": 0}
        with stocked.session() as session:
            for name in others:
                quality.write_results(session, name, [result])
        assert len(ticked(stocked, "models_behind")[0]) == 1, "one model is older than the batch"
        with stocked.session() as session:
            quality.write_results(session, first, [result])
        requests, data = ticked(stocked, "models_behind")
        assert requests == []
        ingest.deliver(*args[:3], drop(tmp_path, "b.csv", "V2,1"), dataset="hazmat_vehicle", received_by="test")
        assert len(ticked(stocked, "models_behind", data.cursor)[0]) == 1

    def test_a_batch_of_another_dataset_does_not(self, stocked: Hub, inbox: Path) -> None:
        drop(inbox / "station", "a.csv", "S1,1")
        list(execute(stocked.settings, ["request"]))
        assert sensors.newest_batch(stocked) == 0


def test_an_interrupted_delivery_asks_to_be_finished(stocked: Hub) -> None:
    from datetime import timedelta

    from contracts.clock import now

    told = {"dataset": "station", "contract_version": "1.0.0", "bytes": 1, "filename": "a.csv", "received_by": "test"}
    stocked.ledger.receive(Receipt(sha256="0" * 64, received_at=now(), **told))
    assert ticked(stocked, "left_behind")[0] == []
    stocked.ledger.receive(Receipt(sha256="1" * 64, received_at=now() - timedelta(hours=1), **told))
    assert len(ticked(stocked, "left_behind")[0]) == 1


def test_audit_is_sealed_by_the_sensor(stocked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    sealing.make_key(stocked.settings.audit_key)
    monkeypatch.setattr(sealing, "SEAL_AFTER_RECORDS", 1)
    with stocked.session() as session:
        audit.record(session, actor="local:test", action="test")
    ticked(stocked, "audit_seal")
    with stocked.session() as session:
        assert len(session.exec(select(AuditSeal)).all()) == 1


def test_a_schedule_asks_for_the_datasets_of_its_rhythm(stocked: Hub) -> None:
    schedule = definitions(stocked.settings).get_repository_def().get_schedule_def("request_0_6_any_any_any")
    (request,) = schedule.evaluate_tick(dg.build_schedule_context()).run_requests or []
    assert {key.to_user_string() for key in request.asset_selection or []} == {
        "landing/arrivals",
        "resource/station",
        "resource/well",
    }


def test_the_maintenance_job_runs(stocked: Hub, inbox: Path) -> None:
    sealing.make_key(stocked.settings.audit_key)
    drop(inbox / "station", "a.csv", "S1,1")
    list(execute(stocked.settings, ["request"]))
    (done,) = execute(stocked.settings, ["maintenance"])
    assert done.success, done.problems
    with stocked.session() as session:
        assert session.exec(select(AuditSeal)).all()
        assert session.exec(select(Batch)).one().state == "loaded"
