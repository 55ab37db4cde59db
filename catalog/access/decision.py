"""The one access decision: who may do what with which resource, and what part of it they see. Default deny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from catalog.access import views
from catalog.access.grants import Grant, is_live, live_grant
from catalog.access.likeness import Held, Like
from catalog.access.policy_set import rule_book
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.deliveries import batches
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource, Route, Sharing
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from contracts import clock
from contracts.errors import HubError
from contracts.model import Contract
from contracts.view import View

DATA_ACTIONS = frozenset({"preview", "read-rows", "download", "query"})
NEVER = 2**62
"""Expiry of a grant without one, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, by which policies, why in both languages, and what may be seen."""

    allowed: bool
    policies: tuple[str, ...]
    reason: str
    reason_en: str
    view: View | None = None
    purpose: str = ""
    grant_id: str = ""
    closed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Items left out or masked because of what they are, with the policies that say so."""

    def said(self, language: str) -> str:
        """The reason in "zh" or "en"."""
        return self.reason if language.startswith("zh") else self.reason_en


class Refused(HubError):
    """The decision was no. Carries what the audit record needs; `on_record`: it has one already."""

    on_record = False

    def __init__(self, decision: Decision, subject: Subject, action: str, thing: str) -> None:
        named = f"（规则：{'、'.join(decision.policies)}）" if decision.policies else ""
        named_en = f" (policy: {', '.join(decision.policies)})" if decision.policies else ""
        super().__init__(f"{decision.reason}{named}", f"{decision.reason_en}{named_en}")
        self.decision, self.subject, self.action, self.thing = decision, subject, action, thing


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on besides who and what."""

    now: datetime
    purpose: str = ""
    recalled: bool = False
    sender: bool = False
    unreleased: bool = False
    grant: Grant | Held | None = None
    submitter: bool = False

    def context(self) -> dict[str, Any]:
        """As the Cedar schema has it."""
        context: dict[str, Any] = {
            "now": int(self.now.timestamp()),
            "purpose": self.purpose,
            "recalled": self.recalled,
            "sender": self.sender,
            "unreleased": self.unreleased,
            "submitter": self.submitter,
        }
        if self.grant is not None:
            ends = self.grant.expires_at
            context["grant"] = {
                "expires": int(ends.timestamp()) if ends else NEVER,
                "revoked": self.grant.revoked_at is not None,
                "purpose": self.grant.purpose,
            }
        return context


def decide(
    session: Session,
    subject: Subject,
    action: str,
    resource: Resource | Agreement | None,
    *,
    purpose: str = "",
    now: datetime | None = None,
    recalled: bool = False,
    unreleased: bool = False,
    submitter: bool = False,
    sender_id: str | None = None,
    contract: Contract | None = None,
) -> Decision:
    """Ask the policies. `resource` None means the installation itself (audit-read, administer, receive-lineage).

    `recalled`: the version asked for was recalled. `unreleased`: the table as it is now is wanted.
    `submitter`: the subject took a step that must not be decided on by the same person.
    `sender_id`: the organization that sent the batch in question.
    For an allowed use of data the decision holds the view to apply; an empty one (no item visible) is a refusal.
    """
    at = now or clock.now()
    uses_data = action in DATA_ACTIONS
    data = resource if isinstance(resource, Resource) else None
    grant = live_grant(session, data, subject.organization_id, purpose, at) if uses_data and data else None
    sent_it = bool(sender_id) and sender_id == subject.organization_id
    circumstances = Circumstances(at, purpose, recalled, sent_it, unreleased, grant, submitter)
    thing = {"type": type(resource).__name__, "id": resource.id} if resource else {"type": "Hub", "id": "hub"}
    request, entities = request_of(subject, action, thing, circumstances), entities_of(session, subject)
    if isinstance(resource, Resource):
        entities.append(resource_entity(resource, redistribution=bought(resource) and _redistribution(session, resource.name)))
    elif resource is not None:
        entities.append(_agreement(session, subject, thing, resource))
    [(allowed, policies)] = rule_book().ask([request], entities)
    if not allowed:
        return _refusal(subject, data, policies, uses_data)
    named_purpose = purpose or (grant.purpose if grant else "")
    if not uses_data or data is None:
        return Decision(True, policies, *_reasons(policies), purpose=named_purpose)
    live = grant if grant is not None and is_live(grant, at) else None
    basis = views.basis(subject, data, policies, live)
    if sent_it:  # whatever else the sender may: what it asks for here is what it sent
        basis = views.of_sender(subject, batches.loaded_from(session, data.name, subject.organization_id))
    active = contract or registry.active(session, data.name)
    view, closed = views.view(request, entities, active, data, basis)
    if not view.items:
        return Decision(
            False,
            ("personal-information", "grade-3-by-name"),
            "没有任何信息项对您开放；请申请列明所需信息项的授权",
            "None of its items is open to you; ask for a grant that names the items you need",
        )
    return Decision(True, policies, *_reasons(policies), view, named_purpose, grant.id if basis.grant and grant else "", closed)


def require(
    session: Session, subject: Subject, action: str, resource: Resource | Agreement | None, **circumstances: Any
) -> Decision:
    """The decision, or Refused."""
    decision = decide(session, subject, action, resource, **circumstances)
    if not decision.allowed:
        thing = f"agreement:{resource.id}" if isinstance(resource, Agreement) else resource.name if resource else "hub"
        raise Refused(decision, subject, action, thing)
    return decision


def may(
    session: Session, subject: Subject, action: str, resource: Resource | Agreement | None = None, **circumstances: Any
) -> bool:
    """Whether the subject may, for links and buttons."""
    return decide(session, subject, action, resource, **circumstances).allowed


def may_as_sender(session: Session, subject: Subject, action: str, resource: Resource, sender_id: str) -> bool:
    """Whether the subject may, with a delivery that this organization sent."""
    return decide(session, subject, action, resource, sender_id=sender_id).allowed


def request_of(subject: Subject, action: str, thing: Mapping[str, str], circumstances: Circumstances) -> dict[str, Any]:
    """What the policies are asked: whether the subject may do this with that thing."""
    action_ = {"type": "Action", "id": action}
    return {"principal": _uid(subject), "action": action_, "resource": thing, "context": circumstances.context()}


def entities_of(session: Session, subject: Subject) -> list[dict[str, Any]]:
    """Who asks, and for which organization."""
    entities = [_person(_uid(subject), subject, organizations.own_id(session))]
    return entities + ([_organization(session, subject.organization_id)] if subject.organization_id else [])


def _uid(subject: Subject) -> dict[str, str]:
    return {"type": "Person", "id": subject.person_id or subject.login}


def _person(uid: Mapping[str, str], subject: Subject, own: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {"kind": subject.kind, "own": bool(own) and subject.organization_id == own}
    attributes["byPassword"] = subject.kind == "person" and bool(subject.csrf) and not subject.key_prefix
    if subject.organization_id:
        attributes["organization"] = _reference("Organization", subject.organization_id)
    if subject.agreement:
        attributes["agreement"] = _reference("Agreement", subject.agreement)
    roles = [{"type": "Role", "id": str(role)} for role in sorted(subject.roles)]
    return {"uid": uid, "attrs": attributes, "parents": roles}


def _organization(session: Session, organization_id: str) -> dict[str, Any]:
    organization = session.get(Organization, organization_id)
    attributes = {
        "kind": organization.kind if organization is not None else "",
        "active": organization is not None and organization.active,
    }
    return {"uid": {"type": "Organization", "id": organization_id}, "attrs": attributes, "parents": []}


def bought(resource: Resource | Like) -> bool:
    """Whether it came from a vendor, so that the purchase says who may have it."""
    return str(resource.route) == Route.BUY


def resource_entity(resource: Resource | Like, *, redistribution: bool) -> dict[str, Any]:
    """An entry as the policies know it. `redistribution`: every purchase that feeds it may be passed on."""
    attributes = {
        "provider": _reference("Organization", resource.provider_id),
        "kind": resource.kind,
        "library": str(resource.library),
        "sharing": int(resource.sharing),
        "grade": int(resource.grade[1:]) if resource.grade[1:].isdigit() else 4,
        "category": resource.category,
        "state": resource.state,
        "bought": bought(resource),
        "redistribution": redistribution,
    }
    return {"uid": {"type": "Resource", "id": resource.id}, "attrs": attributes, "parents": []}


def _agreement(session: Session, subject: Subject, uid: Mapping[str, str], agreement: Agreement) -> dict[str, Any]:
    fed = session.exec(select(Resource).where(Resource.name == agreement.dataset)).first()
    attributes: dict[str, Any] = {"provider": _reference("Organization", agreement.provider_id), "data_known": False}
    if fed is not None:
        attributes["data_provider"] = _reference("Organization", fed.provider_id)
        attributes["data_known"] = decide(session, subject, "discover", fed).allowed
    return {"uid": uid, "attrs": attributes, "parents": []}


def _redistribution(session: Session, dataset: str) -> bool:
    """Whether every purchase that feeds the dataset may be passed on."""
    statement = select(PurchaseTerms.redistribution).join(Agreement)
    statement = statement.where(Agreement.dataset == dataset, Agreement.route == "buy")
    permissions = session.exec(statement.order_by(col(Agreement.created_at))).all()
    return bool(permissions) and all(permissions)


def _reference(kind: str, identifier: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": identifier}}


def _reasons(policies: tuple[str, ...]) -> tuple[str, str]:
    rules = [rule_book().rules[name] for name in policies if name in rule_book().rules]
    return "；".join(rule.reason for rule in rules), "; ".join(rule.reason_en for rule in rules)


def _refusal(subject: Subject, resource: Resource | None, policies: tuple[str, ...], uses_data: bool) -> Decision:
    if policies:
        return Decision(False, policies, *_reasons(policies))
    if subject.kind == "anonymous":
        return Decision(False, (), "请先登录或提供有效密钥", "Sign in, or send a valid key")
    if uses_data and resource is not None and resource.sharing != Sharing.NOT_SHARED:
        return Decision(
            False,
            (),
            "没有授权：此资源须向提供方申请，经同意后使用（默认拒绝）",
            "No grant: ask the provider of this resource and use it after consent (default deny)",
        )
    return Decision(False, (), "您的角色没有这项权限（默认拒绝）", "Your role has no right to this (default deny)")
