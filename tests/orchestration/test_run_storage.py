"""Dagster's events in HUB_HOME: of its own form, over a connection that is kept."""

from __future__ import annotations

import sqlite3
from typing import Any

import dagster as dg
import pytest

from orchestration.execute import instance
from orchestration.run_storage import KEPT, EventStorage
from warehouse.settings import Settings


def run(opened: dg.DagsterInstance, assets: int) -> str:
    """A run that reports so many materializations; its number."""

    @dg.multi_asset(specs=[dg.AssetSpec(f"one_{number}") for number in range(assets)])
    def made() -> Any:
        for number in range(assets):
            yield dg.MaterializeResult(asset_key=f"one_{number}", metadata={"rows": number})

    return dg.materialize([made], instance=opened).run_id


def test_events_cost_no_connection_each(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, opened_files = sqlite3.connect, []

    def noted(file: Any, *given: Any, **more: Any) -> Any:
        opened_files.append(str(file))
        return connect(file, *given, **more)

    with instance(settings) as opened:
        assert isinstance(opened.event_log_storage, EventStorage)
        run(opened, 2)
        for module in (sqlite3, sqlite3.dbapi2):
            monkeypatch.setattr(module, "connect", noted)
        number = run(opened, 40)
        history = settings.root / "dagster" / "history" / "runs"
        assert len([file for file in opened_files if f"{history}/" in file]) <= 5
        assert len(opened.all_logs(number, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)) == 40
    with instance(settings) as again:
        assert len(again.all_logs(number, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)) == 40


def test_few_runs_are_held_open(settings: Settings) -> None:
    with instance(settings) as opened:
        runs = [run(opened, 1) for _ in range(KEPT + 3)]
        storage = opened.event_log_storage
        assert isinstance(storage, EventStorage)
        assert len(storage._engines) == KEPT
        assert all(opened.all_logs(number) for number in runs)
    assert not storage._engines
