"""At midnight every standing is another day's: PostgreSQL's planner is told, or it takes the day for one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from api import background
from benchmarks import large_catalogue
from benchmarks.large_catalogue import SMALL
from catalog.overview import standing
from catalog.store import database
from contracts.clock import today
from warehouse.settings import Settings

SIZE = replace(SMALL, resources=300, agreements=90, batches=300, audit=5, attempts=10, bodies=80)


def test_the_planner_knows_the_day_of_standings(
    postgres_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_database("")
    settings = Settings(home=tmp_path / "var", catalog_url=url, _env_file=None)  # type: ignore[call-arg]
    large_catalogue.fill(settings.catalog_database, SIZE)
    monkeypatch.setattr(standing, "KEPT_AT_ONCE", 20)
    monkeypatch.setattr(background, "KEPT_AT_ONCE", 20)
    background.keep_standings(settings)
    with database.engine(settings.catalog_database).connect() as connection:
        asked = "EXPLAIN SELECT 1 FROM keptstanding WHERE day = %s"
        plan = connection.exec_driver_sql(asked, (today(),)).scalars().first()
    assert f"rows={SIZE.agreements} " in str(plan)
    database.engine(settings.catalog_database).dispose()
