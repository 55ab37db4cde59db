"""The latest value of each series, as docs/add-a-pack.md makes it: late readings and clocks ahead do not take its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.hub import Hub
from orchestration.execute import execute
from tests import packing
from tests.orchestration.conftest import opened
from warehouse.ingest.deliver import deliver
from warehouse.settings import Settings
from warehouse.storage.connection import reader

SENSORS = Path(__file__).parent / "sensors"
PAGE = Path(__file__).parents[2] / "docs" / "add-a-pack.md"


@pytest.fixture
def hub(settings: Settings) -> Hub:
    hub = opened(settings)
    packing.install(settings, packing.BASE, SENSORS)
    return hub


def delivered(hub: Hub, file: Path, *rows: str) -> None:
    file.write_text("device,quantity,observed_at,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert deliver(hub.settings, hub.ledger, hub.lookups, file, dataset="reading", received_by="test").outcome.state == "loaded"


def test_it_is_the_newest_by_its_own_time_whenever_it_came(hub: Hub, tmp_path: Path) -> None:
    day, ahead = "2026-03-01T", "2099-01-01T00:00:00"
    delivered(hub, tmp_path / "a.csv", f"D1,t,{day}08:00:00,1", f"D1,t,{day}09:00:00,2", f"D1,h,{ahead},9", f"D2,t,{ahead},9")
    delivered(hub, tmp_path / "b.csv", f"D1,t,{day}08:30:00,3", f"D2,t,{day}07:00:00,4", f"D1,t,{day}09:00:00,5")
    (done,) = execute(hub.settings, ["models"])
    assert done.success, done.problems
    with reader(hub.settings) as lake:
        text = "strftime(observed_at AT TIME ZONE 'Asia/Shanghai', '%H:%M')"
        rows = lake.execute(f"SELECT series, {text}, value FROM theme.latest_reading ORDER BY 1").fetchall()
    assert rows == [("D1/t", "09:00", 5.0), ("D2/t", "07:00", 4.0)]


def test_the_page_shows_this_very_model() -> None:
    model = (SENSORS / "transforms" / "models" / "theme" / "latest_reading.sql").read_text(encoding="utf-8")
    assert model in PAGE.read_text(encoding="utf-8")
