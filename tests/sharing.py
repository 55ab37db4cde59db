"""A small hub that shares: a real lake with two versions, a real catalogue with every kind of caller, the real application."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session

from api.app import create_app
from catalog import workdays
from catalog.access import grants
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.releases import releases
from catalog.store import database
from contracts import clock
from contracts.odcs import loader
from tests import homes
from warehouse.settings import Settings
from warehouse.storage import connection

PURPOSE = "业务协同：危险货物运输路线避让"
CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:{dataset}
name: {title}
version: 1.0.0
status: active
tenant: {owner}
description: {{purpose: "测试用的重大危险源"}}
schema:
- name: {dataset}
  physicalName: {dataset}
  logicalType: object
  properties:
  - name: hazard_id
    businessName: 重大危险源编号
    logicalType: string
    primaryKey: true
    primaryKeyPosition: 1
    required: true
    classification: L1
  - {{name: name, businessName: 名称, logicalType: string, classification: L1}}
  - {{name: division, businessName: 行政区划代码, logicalType: string, classification: L1}}
  - {{name: level, businessName: 等级, logicalType: integer, classification: L1}}
  - {{name: r_value, businessName: R 值, logicalType: number, classification: L2}}
  - {{name: lon, businessName: 经度, logicalType: number, classification: L2}}
  - {{name: assessed_on, businessName: 评估日期, logicalType: date, classification: L1}}
  - {{name: seen_at, businessName: 最近上线, logicalType: timestamp, classification: L1}}
  - name: capital
    businessName: 注册资本
    logicalType: number
    classification: L3
    customProperties: [{{property: precision, value: 18}}, {{property: scale, value: 6}}]
  - name: owner_phone
    businessName: 包保责任人电话
    logicalType: string
    classification: L2
    customProperties: [{{property: personal, value: mobile}}]
  - {{name: secret_code, businessName: 密级码, logicalType: string, classification: L4}}
customProperties:
- {{property: delivery, value: changes}}
- {{property: library, value: resource}}
- {{property: route, value: {route}}}
- {{property: sharingType, value: {sharing}}}
- {{property: sharingCondition, value: "经提供方同意"}}
- {{property: sharingBasis, value: "测试依据"}}
"""
COLUMNS = (
    "hazard_id VARCHAR, name VARCHAR, division VARCHAR, level BIGINT, r_value DOUBLE, lon DOUBLE, assessed_on DATE, "
    "seen_at TIMESTAMP WITH TIME ZONE, capital DECIMAL(18,6), owner_phone VARCHAR, secret_code VARCHAR, "
    "_batch VARCHAR, _row BIGINT"
)
ROWS = """
SELECT 'MH-' || lpad(i::VARCHAR, 4, '0'), CASE WHEN i % 50 = 0 THEN '=cmd()' ELSE '罐区' || i END,
       CASE WHEN i % 2 = 0 THEN '230803' ELSE '230102' END, i % 4 + 1, i * 1.25, 126.123456 + i / 1000.0,
       DATE '2026-01-01' + i::INTEGER, TIMESTAMPTZ '2026-01-01 00:00:00+08' + to_hours(i::INTEGER), i * 1000.5,
       '1380000' || lpad(i::VARCHAR, 4, '0'), 'S' || i, 'b' || (i % 3), i
FROM range({first}, {last}) t(i)
"""
DATASETS = {
    # name: (owner, sharing, route)
    "hazard": ("hlj-emergency", 2, "collect"),
    "weather": ("hlj-weather", 1, "request"),
    "classified": ("hlj-weather", 3, "request"),
    "power": ("hlj-power", 2, "buy"),
}
ORGANIZATIONS = {
    "hlj-emergency": "department",
    "hlj-weather": "department",
    "hlj-transport": "department",
    "hlj-water": "department",
    "hlj-power": "vendor",
    "firm": "enterprise",
}
PEOPLE = {
    # login: (organization, roles)
    "owner": ("hlj-emergency", ("provider",)),
    "steward": ("hlj-emergency", ("steward",)),
    "analyst": ("hlj-emergency", ("analyst",)),
    "auditor": ("hlj-emergency", ("auditor",)),
    "administrator": ("hlj-emergency", ("administrator",)),
    "partner": ("hlj-transport", ("partner",)),
    "other": ("hlj-water", ("partner",)),
    "outsider": ("firm", ("partner",)),
}
PARTNER_ITEMS = ["hazard_id", "name", "division", "level", "lon", "assessed_on", "seen_at", "capital", "owner_phone"]
PARTNER_MASKS = {"lon": {"kind": "truncate", "keep": 2}, "owner_phone": {"kind": "hash"}}


@dataclass
class Hub:
    """A filled installation, its application and a key for each person."""

    settings: Settings
    client: TestClient
    keys: dict[str, str] = field(default_factory=dict)

    def auth(self, who: str = "") -> dict[str, str]:
        """Headers of a person; of nobody."""
        return {"Authorization": f"Bearer {self.keys[who]}"} if who else {}

    def get(self, path: str, who: str = "", **more: Any) -> Any:
        """GET as somebody."""
        return self.client.get(path, headers=self.auth(who) | more.pop("headers", {}), **more)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction of the catalogue."""
        with database.session(self.settings.catalog_database) as session:
            yield session

    def grant(self, dataset: str, organization: str, **more: Any) -> str:
        """Give a grant; its number."""
        with self.session() as session:
            resource = resources.get(session, dataset)
            told = {"by": "test", "purpose": PURPOSE} | more
            return grants.grant(session, resource, registry.active(session, dataset), organization, **told).id

    def release(self, dataset: str) -> int:
        """Pin what the table holds now as the next version."""
        with connection.reader(self.settings) as lake:
            [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
            [(rows,)] = lake.execute(f"SELECT count(*) FROM {connection.table('resource', dataset)}").fetchall()
        with self.session() as session:
            resource = resources.get(session, dataset)
            return releases.record(session, resource, snapshot=snapshot, columns=[], rows=rows, by="test").version

    def recall(self, dataset: str, version: int) -> None:
        """Take a version back."""
        with self.session() as session:
            releases.recall(session, resources.get(session, dataset), version, reason="坐标有误", by="test")

    def run(self, sql: str) -> None:
        """Change the lake."""
        with connection.writer(self.settings) as lake:
            lake.execute(sql)


def built(settings: Settings) -> Hub:
    """Two versions of `hazard` (100 rows; then 120, one of them changed, one gone), one of others; a grant for `partner`.

    On SQLite a copy of a home that each process fills once; filling one takes seconds.
    """
    elsewhere = settings.catalog_url or settings.lake_catalog or clock.ahead()
    keys: dict[str, str] = {}
    if elsewhere:
        _fill(settings, keys)
    else:
        home, known = _filled_home()
        homes.copied(home, settings.root)
        keys |= known
    return Hub(settings, TestClient(create_app(settings), raise_server_exceptions=False), keys)


@cache
def _filled_home() -> tuple[Path, dict[str, str]]:
    folder = tempfile.mkdtemp(prefix="hui-sharing-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings, keys = Settings(home=Path(folder) / "var", _env_file=None), {}  # type: ignore[call-arg,var-annotated]
    _fill(settings, keys)
    homes.let_go(settings)
    return settings.root, keys


def _fill(settings: Settings, keys: dict[str, str]) -> None:
    homes.empty(settings)
    hub = Hub(settings, TestClient(FastAPI()), keys)
    with hub.session() as session:
        workdays.seed(session)
        for identifier, kind in ORGANIZATIONS.items():
            organizations.add(session, Organization(id=identifier, name=f"单位 {identifier}", kind=kind))
        for login, (organization, roles) in PEOPLE.items():
            person = people.add_person(session, login, login, organization, roles)
            hub.keys[login] = people.issue_key(session, person)[1]
        for dataset, (owner, sharing, route) in DATASETS.items():
            _entry(session, dataset, owner, sharing, route)
    for dataset in DATASETS:
        name = connection.table("resource", dataset)
        hub.run(f"CREATE TABLE {name} ({COLUMNS})")
        hub.run(f"INSERT INTO {name} {ROWS.format(first=0, last=100)}")
        hub.release(dataset)
    hazard = connection.table("resource", "hazard")
    hub.run(f"INSERT INTO {hazard} {ROWS.format(first=100, last=121)}")
    hub.run(f"UPDATE {hazard} SET name = '改名' WHERE hazard_id = 'MH-0002'")
    hub.run(f"DELETE FROM {hazard} WHERE hazard_id = 'MH-0004'")
    hub.release("hazard")
    hub.grant(
        "hazard", "hlj-transport", items=PARTNER_ITEMS, masks=PARTNER_MASKS, row_filter="division = '230803'",
        expires_at=clock.now() + timedelta(days=30),
    )  # fmt: skip


def _entry(session: Session, dataset: str, owner: str, sharing: int, route: str) -> Resource:
    contract = loader.parse(
        CONTRACT.format(dataset=dataset, title=f"资源 {dataset}", owner=owner, sharing=sharing, route=route)
    )
    registry.register(session, contract, by="test", origin="pack")
    resource = resources.get(session, dataset)
    resource.state = "published"
    session.add(resource)
    return resource
