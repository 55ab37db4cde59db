"""Who may use what in the demo: grants with items, masks and rows, keys, and Delta Sharing profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from catalog.access import grants
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.people import Person
from contracts.clock import now
from demo.kept import write_secret
from hub.keys import profile_text

ACTOR = "system:demo"
DAYS = 180


@dataclass(frozen=True, slots=True)
class Given:
    """One grant of the demo."""

    dataset: str
    organization: str
    purpose: str
    basis: str
    items: tuple[str, ...]
    row_filter: str
    masks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


GRANTS = (
    Given(
        "enterprise_registration",
        "hlj-transport",
        "业务协同：危险货物运输企业核验",
        "省应急管理厅、省交通运输厅数据共享协议",
        ("credit_code", "name", "division", "industry_code", "status", "lon", "lat", "updated_on"),
        "status = '存续'",
        {"lon": {"kind": "truncate", "keep": 2}, "lat": {"kind": "truncate", "keep": 2}},
    ),
    Given(
        "enterprise_registration",
        "hlj-water",
        "业务协同：水库下游企业转移避险",
        "省防汛抗旱指挥部成员单位职责",
        ("credit_code", "name", "division", "address", "legal_person", "phone", "status"),
        "starts_with(division, '2301') OR starts_with(division, '2308')",
        {"legal_person": {"kind": "hash"}, "phone": {"kind": "truncate", "keep": 3}},
    ),
    Given(
        "major_hazard",
        "hlj-transport",
        "业务协同：危险货物运输路线避让",
        "省应急管理厅、省交通运输厅数据共享协议",
        ("hazard_id", "name", "credit_code", "enterprise_name", "division", "level", "lon", "lat", "medium", "status"),
        "level IN ('1', '2')",
    ),
    Given(
        "major_hazard",
        "hlj-water",
        "业务协同：洪水影响范围内危险源转移",
        "省防汛抗旱指挥部成员单位职责",
        ("hazard_id", "name", "division", "level", "r_value", "medium", "owner_phone", "status"),
        "status <> '拆除'",
        {"owner_phone": {"kind": "null"}},
    ),
)
PROFILES = {"partner-a": "partner", "partner-b": "partner-water", "outsider": "outsider"}
"""Profile file: login of the person whose key it holds."""


def give(session: Session) -> int:
    """Give every grant that is not there yet; how many were given."""
    count = 0
    for given in GRANTS:
        resource = resources.get(session, given.dataset)
        if grants.grants(session, resource_id=resource.id, organization_id=given.organization):
            continue
        grants.grant(
            session,
            resource,
            registry.active(session, given.dataset),
            given.organization,
            by=ACTOR,
            purpose=given.purpose,
            items=given.items,
            masks=given.masks,
            row_filter=given.row_filter,
            basis=given.basis,
            expires_at=now() + timedelta(days=DAYS),
        )
        audit.record(session, actor=ACTOR, action="grant", object=given.dataset, purpose=given.purpose, outcome="done")
        count += 1
    return count


def profiles(session: Session, folder: Path, address: str, persons: Mapping[str, Person]) -> list[Path]:
    """A Delta Sharing profile with a key of its own for each partner and for the outsider; files there already stay."""
    paths = []
    for name, login in PROFILES.items():
        path = folder / f"{name}.share"
        if not path.is_file():
            expires = now() + timedelta(days=DAYS)
            _, bearer = people.issue_key(session, persons[login], f"demo {name}", expires)
            write_secret(path, profile_text(address, bearer, expires))
        paths.append(path)
    return paths
