"""A small hub with two departments, a vendor's and an agency's datasets, and folders that they drop files into."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from catalog.entries import contracts as registry
from catalog.identity.organizations import Organization
from contracts.odcs import loader
from hub import sources
from hub.hub import Hub, open_hub
from orchestration.collect import collect_all, look_ahead
from orchestration.execute import instance
from orchestration.load import Loading
from orchestration.rounds import Round
from orchestration.turns import Turn
from tests import homes, packing
from tests.agreeing import flat
from warehouse.settings import Settings

SITE = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:{name}
name: {title}
version: 1.0.0
status: active
tenant: {owner}
description: {{purpose: 测试用}}
schema:
- name: {name}
  physicalName: {name}
  logicalType: object
  properties:
  - name: site_id
    businessName: 编号
    logicalType: string
    primaryKey: true
    primaryKeyPosition: 1
    required: true
    customProperties: [{{property: titleEn, value: ID}}]{reference}
  - name: amount
    businessName: 数量
    logicalType: integer
    logicalTypeOptions: {{minimum: 0}}
    customProperties: [{{property: titleEn, value: Amount}}]
customProperties:
- {{property: delivery, value: changes}}
- {{property: titleEn, value: {name}}}
- {{property: library, value: resource}}
- {{property: route, value: {route}}}
- {{property: cycle, value: 每日}}
- {{property: classCode, value: "205001"}}
- {{property: sharingType, value: 1}}
- {{property: sharingUses, value: [工作参考]}}
"""


def site(name: str, owner: str = "hlj-water", route: str = "request", references: str = "") -> Any:
    """A contract of two items; `references` names the dataset whose site_id it must hold."""
    reference = f"\n    relationships: [{{type: foreignKey, to: {references}.site_id}}]" if references else ""
    text = SITE.format(name=name, title=f"{name} 台账", owner=owner, route=route, reference=reference)
    return loader.parse(text)


def agree(session: Session, identifier: str, dataset: str, route: str, provider: str, channel: dict[str, Any]) -> None:
    """A signed agreement under which a dataset comes."""
    session.add(
        flat(
            id=identifier,
            route=route,
            dataset=dataset,
            title=dataset,
            purpose="测试",
            provider_id=provider,
            cycle="每日",
            cron="0 6 * * *",
            channel=channel,
            state="signed",
            needed_on=date(2026, 1, 5),
        )
    )


def opened(settings: Settings) -> Hub:
    """An installation with organizations and no dataset."""
    homes.empty(settings)
    shutil.copytree(_empty_runs(), settings.root, dirs_exist_ok=True)
    hub = open_hub(settings)
    with hub.session() as session:
        for identifier, kind in (("hlj-water", "department"), ("hlj-power", "vendor"), ("hlj-emergency", "department")):
            session.add(Organization(id=identifier, name=identifier, kind=kind))
    return hub


@cache
def _empty_runs() -> Path:
    """What Dagster makes of a home before its first run, half a second of CPU; made once."""
    folder = tempfile.mkdtemp(prefix="hui-runs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = Settings(home=Path(folder) / "var", _env_file=None)  # type: ignore[call-arg]
    settings.root.mkdir()
    with instance(settings):
        pass
    return settings.root


def stock(hub: Hub) -> Hub:
    """Two datasets by request, the second referring to the first, and one bought; a folder for each."""
    with hub.session() as session:
        for name, owner, route, references in (
            ("well", "hlj-water", "request", "station"),
            ("station", "hlj-water", "request", ""),
            ("meter", "hlj-power", "buy", ""),
        ):
            registry.register(session, site(name, owner, route, references), by="test", origin="pack")
            (hub.settings.root / "inbox" / name).mkdir(parents=True)
            channel = {"kind": "folder", "path": f"inbox/{name}", "pattern": "*.csv", "settle_seconds": 0.2}
            agree(session, f"XY-{name}", name, route, owner, channel)
    return hub


@pytest.fixture
def hub(settings: Settings) -> Hub:
    """An installation with organizations and the models of a pack, and no dataset."""
    hub = opened(settings)
    with hub.session() as session:
        packing.in_use(session, settings, packing.EMERGENCY)
    return hub


@pytest.fixture
def stocked(hub: Hub) -> Hub:
    """A hub with three datasets and a watched folder for each."""
    return stock(hub)


@pytest.fixture
def inbox(stocked: Hub) -> Path:
    """Folder below which each dataset of the stocked hub has its own."""
    return stocked.settings.root / "inbox"


def drop(folder: Path, name: str, *rows: str) -> Path:
    """A CSV file of sites, as a department would drop it."""
    path = folder / name
    path.write_text("编号,数量\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def turn(hub: Hub, dataset: str) -> Turn:
    """A dataset's channels collected from, and what came loaded: as a run does it, without Dagster, one after the other."""
    found = sources.in_force(hub, [dataset])
    settling, busy = look_ahead(hub, found)
    whole = Round()
    whole.begin({dataset: frozenset()}, [dataset for _ in busy])
    for collected in collect_all(hub, busy, settling=settling):
        whole.bring(collected)
    whole.end()
    return next(Loading(hub, whole, frozenset([dataset])).run(), Turn(dataset))
