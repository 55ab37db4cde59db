"""What part of a dataset an allowed use may see: from the grant, or from the role, item by item."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.access.grants import Grant, mask
from catalog.access.likeness import Held, Like
from catalog.access.policy_set import rule_book
from catalog.entries.resources import Resource
from catalog.identity.people import Role, Subject
from contracts.model import Contract, Item
from contracts.view import Mask, View

WHOLE = frozenset({"provider-own-data", "local-operator"})
"""Policies that open a dataset whole."""
STAFF = frozenset({"analyst-queries", "analyst-downloads", "steward-previews"})
"""Policies of those who work in the hub: what they may not see is masked, so that they see that it is there."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a use of data rests on; the widest right wins: one's own data, then work in the hub, then a grant, then the law."""

    reason: str
    grant: Grant | Held | None = None
    masks_hidden: bool = False
    named_by: Grant | Held | None = None
    """A grant that opens to those who work in the hub the items it names, of every row."""
    row_filter: str = ""


def basis(subject: Subject, resource: Resource | Like, policies: tuple[str, ...], grant: Grant | Held | None) -> Basis:
    """Which of the policies that allowed a use gives its view."""
    names = set(policies)
    staff = subject.kind != "local" and subject.has(Role.ANALYST, Role.STEWARD) and not subject.has(Role.PROVIDER)
    if names & WHOLE and not staff:
        return Basis("local" if subject.kind == "local" else f"provider:{resource.provider_id}")
    if names & (STAFF | WHOLE):
        role = Role.ANALYST if subject.has(Role.ANALYST) else Role.STEWARD
        naming = grant if grant is not None and not grant.row_filter else None
        return Basis(f"role:{role}", masks_hidden=True, named_by=naming)
    if grant is not None and "conditional-with-grant" in names:
        return Basis(f"grant:{grant.id}", grant=grant)
    return Basis("unconditional")


def of_sender(subject: Subject, batches: Sequence[str]) -> Basis:
    """What an organization sees of the rows it sent itself: those its batches brought, or brought up to date, last."""
    sent = ", ".join(f"'{batch}'" for batch in batches) or "NULL"
    return Basis(f"sender:{subject.organization_id}", row_filter=f"_batch IN ({sent})")


def view(
    request: Mapping[str, Any], entities: list[dict[str, Any]], contract: Contract, resource: Resource | Like, basis: Basis
) -> tuple[View, dict[str, tuple[str, ...]]]:
    """Items in the contract's order with their masks; the grant's row filter; its salt. And the policies that close items."""
    grant = basis.grant
    granted_items = [item for item in contract.items if grant is None or not grant.items or item.name in grant.items]
    naming = grant or basis.named_by
    named = set(naming.items) | set(naming.masks) if naming else set()
    clear = _clear(request, entities, granted_items, named)
    masks: dict[str, Mask] = {}
    items: list[str] = []
    closed: dict[str, tuple[str, ...]] = {}
    for item in granted_items:
        is_clear, policies = clear[_class(item, named)]
        if is_clear:
            items.append(item.name)
            if naming and item.name in naming.masks:
                masks[item.name] = mask(naming.masks[item.name])
            continue
        closed[item.name] = policies
        if basis.masks_hidden:
            items.append(item.name)
            masks[item.name] = Mask("null")
    seen = View(
        dataset=contract.dataset,
        library=str(resource.library),
        items=tuple(items),
        masks=masks,
        row_filter=grant.row_filter if grant else basis.row_filter,
        salt=naming.salt if naming else _salt(basis.reason, resource.id),
        reason=basis.reason,
    )
    return seen, closed


def _class(item: Item, named: set[str]) -> tuple[int, bool, bool]:
    """Items of the same grade and kind are decided once: a table of 3,000 columns asks a handful of questions."""
    grade = int(item.grade[1:]) if item.grade[1:].isdigit() else 4
    return grade, item.personal is not None, item.name in named


def _clear(
    request: Mapping[str, Any], entities: list[dict[str, Any]], items: list[Item], named: set[str]
) -> dict[tuple[int, bool, bool], tuple[bool, tuple[str, ...]]]:
    classes = list(dict.fromkeys(_class(item, named) for item in items))
    requests = [
        {
            **request,
            "action": {"type": "Action", "id": "see-item"},
            "context": {**request["context"], "item": {"grade": grade, "personal": personal, "named": is_named}},
        }
        for grade, personal, is_named in classes
    ]
    return dict(zip(classes, rule_book().ask(requests, entities), strict=True))


def _salt(reason: str, resource_id: str) -> str:
    """Views of a role hash nothing today; a salt that is at least different for each keeps it so by default."""
    return hashlib.sha256(f"{reason}\0{resource_id}".encode()).hexdigest()[:32]
