"""Grants: who may use which items and rows of what, for which purpose, until when."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Field, Session, SQLModel, col, select

from catalog.access.likeness import Held
from catalog.entries.resources import Resource, Sharing
from catalog.store.column_types import Json, UtcDateTime, new_id, no_items
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract
from contracts.view import Mask


class Grant(SQLModel, table=True):
    """A right given to an organization. It may be taken away at any moment."""

    id: str = Field(primary_key=True, default_factory=new_id)
    resource_id: str = Field(foreign_key="resource.id", index=True)
    organization_id: str = Field(foreign_key="organization.id", index=True)
    items: list[str] = Field(default_factory=no_items, sa_type=Json, description="Item names; empty: all of the contract")
    masks: dict[str, Any] = Field(
        default_factory=dict,
        sa_type=Json,
        description='{item: {"kind": "null"} | {"kind": "hash"} | {"kind": "truncate", "keep": 6}}',
    )
    row_filter: str = Field(default="", description="SQL expression over the resource's items, parsed and checked")
    salt: str = Field(default_factory=lambda: secrets.token_hex(16))
    purpose: str = ""
    basis: str = ""
    granted_by: str = ""
    granted_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoke_reason: str = ""


class InvalidGrant(HubError):
    """A grant that names what is not there, hides what it does not give, or filters by something unreadable."""


class UnknownGrant(HubError):
    """No grant of that number."""

    def __init__(self, grant_id: str) -> None:
        super().__init__(
            f"没有编号以「{grant_id}」开头的授权；用 hub grants 查看。",
            f"There is no grant whose number begins with {grant_id!r}; see `hub grants`.",
        )


def grant(
    session: Session,
    resource: Resource,
    contract: Contract,
    organization_id: str,
    *,
    by: str,
    purpose: str,
    items: Sequence[str] = (),
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    row_filter: str = "",
    expires_at: datetime | None = None,
    basis: str = "",
) -> Grant:
    """Give an organization a right to some items and rows, for a purpose, until a day. InvalidGrant says what to mend."""
    masks = masks or {}
    if int(resource.sharing) == Sharing.NOT_SHARED:
        raise InvalidGrant(
            f"「{resource.title}」不予共享（{resource.sharing_basis or '依据未填'}），不能授权。",
            f"{resource.name} is not shared ({resource.sharing_basis or 'basis not given'}); no grant can change that.",
        )
    if not purpose.strip():
        raise InvalidGrant("授权须写明用途。", "A grant needs a purpose.")
    if expires_at is not None and expires_at <= now():
        raise InvalidGrant(f"到期时间 {expires_at:%Y-%m-%d} 已过。", f"The expiry {expires_at:%Y-%m-%d} has already passed.")
    _check_items(contract, items, masks)
    given = Grant(
        resource_id=resource.id,
        organization_id=organization_id,
        items=list(items),
        masks={name: dict(rule) for name, rule in masks.items()},
        row_filter=_check_filter(contract, row_filter),
        purpose=purpose.strip(),
        basis=basis,
        granted_by=by,
        expires_at=expires_at,
    )
    session.add(given)
    session.flush()
    return given


def revoke(session: Session, grant_id: str, *, reason: str) -> Grant:
    """Take a grant away, at once: the next request is refused, links already given included."""
    given = find(session, grant_id)
    if given.revoked_at is None:
        given.revoked_at, given.revoke_reason = now(), reason
        session.add(given)
        session.flush()
    return given


def find(session: Session, grant_id: str) -> Grant:
    """The grant of that number, or of which it is the unmistakable beginning."""
    matching = session.exec(select(Grant).where(col(Grant.id).startswith(grant_id, autoescape=True)).limit(2)).all()
    if len(matching) != 1 or not grant_id:
        raise UnknownGrant(grant_id)
    return matching[0]


def grants(session: Session, *, resource_id: str = "", organization_id: str = "") -> Sequence[Grant]:
    """Grants of a resource, to an organization, or all; newest first."""
    statement = select(Grant).order_by(col(Grant.granted_at).desc())
    if resource_id:
        statement = statement.where(Grant.resource_id == resource_id)
    if organization_id:
        statement = statement.where(Grant.organization_id == organization_id)
    return session.exec(statement).all()


def live_grant(session: Session, resource: Resource, organization_id: str, purpose: str, at: datetime) -> Grant | None:
    """The grant a use would rest on: a live one first, of the purpose named if there is one, then the newest.

    An ended grant is returned where there is no live one, so that the refusal can say that it ended.
    """
    if not organization_id:
        return None
    candidates = list(grants(session, resource_id=resource.id, organization_id=organization_id))
    return min(candidates, key=lambda g: (not is_live(g, at), bool(purpose) and g.purpose != purpose), default=None)


def is_live(given: Grant | Held, at: datetime) -> bool:
    """Neither revoked nor expired."""
    return given.revoked_at is None and (given.expires_at is None or at < given.expires_at)


def mask(rule: Mapping[str, Any]) -> Mask:
    """A mask as the catalogue keeps it; InvalidGrant for another kind."""
    kind = rule.get("kind")
    if kind not in ("null", "hash", "truncate") or set(rule) - {"kind", "keep"}:
        raise InvalidGrant(
            f"遮蔽方式 {dict(rule)} 不可用；可用 null、hash、truncate（加 keep）。",
            f"The mask {dict(rule)} is not one; use null, hash, or truncate with keep.",
        )
    keep = rule.get("keep", 0)
    if not isinstance(keep, int) or isinstance(keep, bool) or not -9 <= keep <= 64:
        raise InvalidGrant(f"keep={keep!r} 应为 -9 到 64 的整数。", f"keep={keep!r} must be a whole number from -9 to 64.")
    return Mask(kind, keep)


def _check_items(contract: Contract, items: Sequence[str], masks: Mapping[str, Mapping[str, Any]]) -> None:
    known = {item.name for item in contract.items}
    for name in [*items, *masks]:
        if name not in known:
            raise InvalidGrant(
                f"「{contract.title}」没有信息项 {name}；有：{'、'.join(sorted(known))}。",
                f"{contract.dataset} has no item {name!r}; it has {', '.join(sorted(known))}.",
            )
    beside = [name for name in masks if items and name not in items]
    if beside:
        raise InvalidGrant(f"遮蔽了未授权的信息项：{'、'.join(beside)}。", f"Masked but not granted: {', '.join(beside)}.")
    for rule in masks.values():
        mask(rule)


def _check_filter(contract: Contract, row_filter: str) -> str:
    """The row filter as SQL, parsed and checked against the contract's items; empty stays empty."""
    if not row_filter.strip():
        return ""
    from contracts.checks import expressions  # sqlglot: 0.15 s that other commands save

    try:
        return expressions.parse(row_filter, contract.items).sql()
    except expressions.InvalidExpression as error:
        raise InvalidGrant(f"行筛选条件不可用：{error.message}", f"The row filter cannot be used: {error.message_en}") from None
