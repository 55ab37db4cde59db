"""A hub with one dataset, shelters, and nothing in it: for deliveries from their beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.entries import contracts as registry
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from contracts.odcs import loader
from tests import homes
from tests.hub.examples import WAIT
from tests.sharing import Hub, TestClient, create_app
from warehouse.settings import Settings

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: urn:hui:dataset:shelter
name: 应急避难场所
version: 1.0.0
status: active
tenant: hlj-emergency
description: {purpose: "测试"}
schema:
- name: shelter
  physicalName: shelter
  logicalType: object
  properties:
  - {name: id, businessName: 编号, logicalType: string, primaryKey: true, primaryKeyPosition: 1, required: true}
  - {name: name, businessName: 名称, logicalType: string}
  - {name: places, businessName: 容纳人数, logicalType: integer, logicalTypeOptions: {minimum: 0}}
customProperties:
- {property: delivery, value: changes}
- {property: library, value: resource}
- {property: route, value: collect}
"""
PEOPLE = {
    "owner": ("hlj-emergency", "provider"),
    "steward": ("hlj-emergency", "steward"),
    "agency": ("hrb", "partner"),
    "stranger": ("firm", "partner"),
}
HEAD = "编号,名称,容纳人数\n"


def built(home: Path) -> Hub:
    """The hub, in a home of its own."""
    settings = Settings(home=home, _env_file=None)
    homes.empty(settings)
    made = Hub(settings, TestClient(create_app(settings), raise_server_exceptions=False))
    with made.session() as session:
        for identifier in ("hlj-emergency", "hrb", "firm"):
            organizations.add(session, Organization(id=identifier, name=identifier, kind="department"))
        for login, (organization, role) in PEOPLE.items():
            person = people.add_person(session, login, login, organization, [role])
            made.keys[login] = people.issue_key(session, person)[1]
        registry.register(session, loader.parse(CONTRACT), by="test", origin="pack")
    return made


def send(hub: Hub, who: str, text: str, **query: str) -> Any:
    told = {"filename": "shelters.csv", **query}
    headers = hub.auth(who) | WAIT
    return hub.client.post("/api/v1/resources/shelter/deliveries", params=told, content=text.encode(), headers=headers)
