"""What tests of the catalogue fill it with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlmodel import Session

from catalog.acquisition.agreements import Agreement
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource, get
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.identity.people import Person, Role, Subject
from contracts.deliveries import Outcome, Receipt
from contracts.model import Contract
from contracts.odcs import loader
from tests import agreeing

STEWARD = Subject("li", "李敏", "hub", frozenset({Role.STEWARD}))
PARTNER = Subject("wang", "王钰", "water", frozenset({Role.PARTNER}))


def organization(session: Session, identifier: str = "water", name: str = "省水利厅", **more: Any) -> Organization:
    """A department."""
    return organizations.add(session, Organization(**({"id": identifier, "name": name, "kind": "department"} | more)))


def person(session: Session, login: str = "li", roles: tuple[str, ...] = ("steward",), **more: Any) -> Person:
    """Someone of the water department."""
    if session.get(Organization, "water") is None:
        organization(session)
    return people.add_person(session, login, "李敏", "water", roles, **more)


def text(
    dataset: str = "major_hazard",
    title: str = "危险化学品重大危险源",
    *,
    version: str = "1.0.0",
    owner: str = "water",
    description: str = "一至四级重大危险源的位置与等级",
    items: Mapping[str, str] | None = None,
    grade: str = "L1",
    **properties: Any,
) -> str:
    """An ODCS document: items are {name: title}, the first one the key; properties stand under customProperties
    (None leaves one out)."""
    named = items if items is not None else {"hazard_id": "重大危险源编号", "level": "等级"}
    told = {
        "titleEn": title,
        "route": "collect",
        "classCode": "205001",
        "sharingType": 2,
        "sharingCondition": "限安全监管",
        "sharingUses": ["行政依据"],
        "sharingBasis": "《政务数据共享条例》",
        "cycle": "每月",
        "formats": [3],
    } | properties
    return loader.dump(
        {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": f"urn:hui:dataset:{dataset}",
            "name": title,
            "version": version,
            "status": "active",
            "tenant": owner,
            "description": {"purpose": description},
            "schema": [
                {
                    "name": dataset,
                    "physicalName": dataset,
                    "logicalType": "object",
                    "properties": [_item(at, name, words, grade) for at, (name, words) in enumerate(named.items())],
                }
            ],
            "customProperties": [{"property": name, "value": value} for name, value in told.items() if value is not None],
        }
    )


def _item(at: int, name: str, title: str, grade: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "businessName": title, "logicalType": "string", "classification": grade}
    return made | ({"primaryKey": True, "primaryKeyPosition": 1, "required": True} if at == 0 else {})


def contract(dataset: str = "major_hazard", title: str = "危险化学品重大危险源", **more: Any) -> Contract:
    """The compiled document of `text`."""
    return loader.parse(text(dataset, title, **more))


def resource(session: Session, dataset: str = "major_hazard", title: str = "危险化学品重大危险源", **more: Any) -> Resource:
    """A published entry with an active contract; its provider is made when missing."""
    owner = str(more.get("owner", "water"))
    if session.get(Organization, owner) is None:
        organization(session, owner, f"机构{owner}" if owner != "water" else "省水利厅")
    registry.register(session, contract(dataset, title, **more), by="test", origin="pack")
    return get(session, dataset)


def agreement(session: Session, route: str = "request", dataset: str = "major_hazard", **more: Any) -> Agreement:
    """A need, entered on 2026-03-02, a Monday."""
    told = {"id": "", "title": "重大危险源", "purpose": "安全监管", "provider_id": "water", "needed_on": date(2026, 3, 2)}
    agencies = more.pop("agencies", ())
    return agreeing.enter(session, route=route, dataset=dataset, agencies=agencies, **(told | more))


def receipt(dataset: str = "major_hazard", at: datetime | None = None, **more: Any) -> Receipt:
    """A file that arrived on 2026-03-11 at nine in China."""
    told: dict[str, Any] = {
        "contract_version": "1.0.0",
        "sha256": "9f2c" * 16,
        "bytes": 412_000,
        "filename": "jiamusi.xlsx",
        "received_at": at or datetime(2026, 3, 11, 1, 12, 4, tzinfo=UTC),
        "received_by": "system:ingest",
    }
    return Receipt(dataset=dataset, **(told | more))


def outcome(accepted: int = 1197, quarantined: int = 87, **more: Any) -> Outcome:
    """A load whose counts add up."""
    state = "partial" if quarantined else "loaded"
    told: dict[str, Any] = {"state": state, "inserted": accepted, "snapshot": 7, "table_rows": accepted}
    return Outcome(received=accepted + quarantined, accepted=accepted, quarantined=quarantined, **(told | more))
