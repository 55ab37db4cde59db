"""A lake with the demo's resource tables and a few rows in each, on which dbt really runs; one for the whole session."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from contracts.model import Contract
from contracts.odcs import loader
from orchestration import dbt
from tests import homes, packing
from warehouse.settings import Settings
from warehouse.storage import connection, tables

FIRST, SECOND, THIRD = "20260301-0001", "20260302-0001", "20260303-0001"


@cache
def pack() -> list[Contract]:
    """The contracts of the pack whose models these are."""
    return [loader.read(path) for path in sorted((packing.EMERGENCY / "contracts").glob("*.odcs.yaml"))]


def put(settings: Settings, dataset: str, rows: Sequence[dict[str, Any]], batch: str = FIRST) -> None:
    """Add rows to a resource table; items left out are empty."""
    contract = next(contract for contract in pack() if contract.dataset == dataset)
    with connection.writer(settings) as writer:
        tables.make(writer, contract, libraries=("resource",))
        for number, row in enumerate(rows, 1):
            told = {**row, "_batch": batch, "_row": number}
            names, marks = ", ".join(f'"{name}"' for name in told), ", ".join("?" for _ in told)
            writer.execute(f"INSERT INTO lake.resource.{dataset} ({names}) VALUES ({marks})", list(told.values()))


def read(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the lake."""
    with connection.reader(settings) as reader:
        return reader.execute(query).fetchall()


def write(settings: Settings, statement: str) -> None:
    """Change the lake."""
    with connection.writer(settings) as writer:
        writer.execute(statement)


def fill(settings: Settings) -> None:
    """Two counties, three enterprises and some events near one of them."""
    connection.initialise(settings)
    packing.install(settings, packing.BASE, packing.EMERGENCY)
    with connection.writer(settings) as writer:
        for contract in pack():
            tables.make(writer, contract, libraries=("resource",))
    put(
        settings,
        "division",
        [
            {"code": "23", "name": "黑龙江省", "level": 1},
            {"code": "2308", "name": "佳木斯市", "level": 2, "parent_code": "23"},
            {"code": "230803", "name": "向阳区", "level": 3, "parent_code": "2308"},
            {"code": "230804", "name": "前进区", "level": 3, "parent_code": "2308"},
        ],
    )
    enterprises = [("A", "230803", 130.0, 46.0), ("B", "230803", 130.1, 46.0), ("C", "230804", 134.0, 48.0)]
    put(
        settings,
        "enterprise_registration",
        [
            {"credit_code": code, "name": f"企业{code}", "division": division, "status": "存续", "lon": lon, "lat": lat}
            for code, division, lon, lat in enterprises
        ],
    )
    put(settings, "major_hazard", [{"hazard_id": "H1", "credit_code": "A", "level": "1", "sensor_count": 3}])
    put(settings, "earthquake", [quake("q1", 6.1), quake("q2", 3.0)])
    fires = [{"lon": 130.01, "lat": 46.0, "frp": 120.0, "acq_date": "2026-03-01", "acq_time": "0050", "division": "230803"}]
    put(settings, "fire_hotspot", fires)


def quake(identifier: str, magnitude: float, lon: float = 130.2, lat: float = 46.1) -> dict[str, Any]:
    """One earthquake."""
    told = {"occurred_at": "2026-03-01 08:00:00+08", "lon": lon, "lat": lat, "place": "佳木斯"}
    return {"event_id": identifier, "magnitude": magnitude, **told}


@pytest.fixture(scope="session")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dbt.ModelsRun]:
    """The filled lake after one run of all models; tests only read it."""
    settings = Settings(home=tmp_path_factory.mktemp("modelled") / "var", _env_file=None)
    fill(settings)
    run = dbt.build(settings, run_id="first-run")
    homes.let_go(settings)
    return settings, run


@pytest.fixture
def lake(modelled: tuple[Settings, dbt.ModelsRun], settings: Settings) -> Settings:
    """A copy of the filled and modelled lake, a test's own, to be changed."""
    shutil.copytree(modelled[0].root, settings.root, symlinks=True)
    return settings
