"""Rights to data: an organization is granted items and rows of a resource for a purpose, and a grant is revoked."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.access import grants as granted
from catalog.access.grants import Grant
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity import organizations
from catalog.identity.people import Subject
from contracts.clock import now, zone
from hub.acts import act, doing
from hub.hub import Hub
from hub.releases import Name


class GrantRight(BaseModel):
    """A right to items and rows of a resource. Without items: all but those of grade L3, L4 and personal ones."""

    resource: Name
    organization: str = Field(max_length=200, examples=["hlj-transport"], description="Identifier of the organization.")
    purpose: str = Field(max_length=500, pattern=r"\S", examples=["业务协同：企业信用核验"])
    items: list[str] = Field(default=[], max_length=2000, examples=[["credit_code", "name", "lon", "lat"]])
    masks: dict[str, dict[str, Any]] = Field(default={}, examples=[{"lon": {"kind": "truncate", "keep": 2}}])
    row_filter: str = Field(default="", max_length=5000, examples=["division LIKE '2308%'"])
    until: date | None = Field(default=None, description="Last day; null: until it is revoked.", examples=["2027-12-31"])
    basis: str = Field(default="", max_length=500, examples=["省市场监督管理局、省交通运输厅数据共享协议"])


class RevokeRight(BaseModel):
    """A grant to be taken away."""

    grant: str = Field(max_length=64, description="Number of the grant, or its unmistakable beginning.", examples=["1f0c9a2e"])
    reason: str = Field(max_length=500, pattern=r"\S", examples=["协议到期"])


class Right(BaseModel):
    """A grant as it stands after the act."""

    id: str
    resource: str
    organization: str
    state: str
    items: list[str]
    masks: dict[str, Any]
    row_filter: str
    purpose: str
    basis: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    revoke_reason: str


@act(
    "grant",
    policy="manage-grant",
    zh="授权",
    en="grant a right",
    api="POST /resources/{resource}/grants",
    cli="grant",
    portal="/resources/{resource}/grants",
)
def grant(hub: Hub, subject: Subject, given: GrantRight) -> Right:
    """Give an organization a right to items and rows of a resource, for a purpose. InvalidGrant says what to correct."""
    with doing(hub, subject, "grant", given.resource) as deed:
        new_grant = granted.grant(
            deed.session,
            deed.resource,
            registry.active(deed.session, given.resource),
            organizations.get(deed.session, given.organization).id,
            by=subject.actor,
            purpose=given.purpose,
            items=given.items,
            masks=given.masks,
            row_filter=given.row_filter,
            expires_at=_end_of(given.until) if given.until else None,
            basis=given.basis,
        )
        deed.purpose, right = given.purpose, of(deed.session, new_grant)
        deed.detail = right.model_dump(mode="json", exclude={"resource", "purpose"})
        return right


@act(
    "revoke",
    policy="manage-grant",
    zh="收回授权",
    en="revoke a right",
    api="POST /grants/{grant}/revoke",
    cli="revoke",
    portal="/resources/{resource}/grants",
    ends=True,
)
def revoke(hub: Hub, subject: Subject, given: RevokeRight) -> Right:
    """Take a grant away: the next request is refused, and links already given end."""
    with hub.session() as session:
        grant = granted.find(session, given.grant)
        number, resource = grant.id, session.get_one(Resource, grant.resource_id).name
    with doing(hub, subject, "revoke", resource) as deed:
        revoked = granted.revoke(deed.session, number, reason=given.reason.strip())
        deed.purpose, deed.detail = revoked.purpose, {"grant": revoked.id, "reason": given.reason.strip()}
        return of(deed.session, revoked)


def of(session: Session, one: Grant) -> Right:
    """A grant for those who may see it."""
    return Right(
        id=one.id,
        resource=session.get_one(Resource, one.resource_id).name,
        organization=one.organization_id,
        state="revoked" if one.revoked_at else "live" if granted.is_live(one, now()) else "expired",
        **{name: getattr(one, name) for name in _COPIED},
    )


_COPIED = ("items", "masks", "row_filter", "purpose", "basis", "granted_at", "expires_at", "revoked_at", "revoke_reason")


def listed(session: Session, resource: str = "", organization: str = "") -> list[Grant]:
    """Grants of a resource, to an organization, or all; newest first."""
    entry = resources.get(session, resource) if resource else None
    return list(granted.grants(session, resource_id=entry.id if entry else "", organization_id=organization))


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone())
