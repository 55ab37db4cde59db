"""`hub contracts sync` over a real catalogue and lake: an additive version migrates the table, a breaking one rebuilds it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.ledger import opened
from catalog.store import database
from cli.contracts import app
from contracts.odcs import loader
from tests import homes
from tests.contracts.making import document, item
from warehouse.ingest.deliver import deliver
from warehouse.settings import Settings
from warehouse.storage.connection import reader

ITEMS = [item("a", "string", primaryKey=True, primaryKeyPosition=1, required=True), item("n", "integer")]


@pytest.fixture
def hub(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HUB_HOME", str(settings.home))
    monkeypatch.setenv("HUB_LANG", "en")
    homes.empty(settings)
    with database.session(settings.catalog_database) as session:
        organizations.add(session, Organization(id="org", name="某厅", kind="department", level="province"))
    (tmp_path / "pack").mkdir()
    return tmp_path / "pack"


def sync(pack: Path, items: Sequence[dict[str, Any]], version: str) -> dict[str, Any]:
    made = document(items, delivery="changes") | {"version": version, "tenant": "org"}
    (pack / "tried.odcs.yaml").write_text(loader.dump(made), encoding="utf-8")
    told = CliRunner().invoke(app, ["sync", str(pack), "--json"], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    (one,) = json.loads(told.stdout)
    return dict(one)


def rows(settings: Settings) -> list[tuple[Any, ...]]:
    with reader(settings) as connection:
        columns = [d[0] for d in connection.execute("SELECT * FROM lake.resource.tried LIMIT 0").description]
        names = ", ".join(f'"{c}"' for c in columns if not c.startswith("_"))
        return connection.execute(f"SELECT {names} FROM lake.resource.tried ORDER BY a").fetchall()


def test_from_first_version_to_third(hub: Path, settings: Settings, tmp_path: Path) -> None:
    assert sync(hub, ITEMS, "1.0.0")["action"] == "create"
    file = tmp_path / "d.csv"
    file.write_text("a,n,x\nk1,5,p\nk2,50,\nk3,7,q\n", encoding="utf-8")
    with opened(settings.catalog_database) as (ledger, lookups):
        deliver(settings, ledger, lookups, file, dataset="tried", received_by="local:test")
    assert rows(settings) == [("k1", 5), ("k2", 50), ("k3", 7)]

    assert sync(hub, ITEMS, "1.0.0")["outcome"] == "same"
    added = sync(hub, [*ITEMS, item("x", "string")], "1.1.0")
    assert (added["action"], added["before"]) == ("migrate", "1.0.0")
    assert rows(settings) == [("k1", 5, None), ("k2", 50, None), ("k3", 7, None)]

    tighter = [ITEMS[0], item("n", "integer", {"maximum": 10}), item("x", "string")]
    broken = sync(hub, tighter, "2.0.0")
    assert broken["action"] == "rebuild"
    assert any(change["breaking"] for change in broken["changes"])
    assert rows(settings) == [("k1", 5, "p"), ("k3", 7, "q")]
