"""What part of a dataset an allowed use may see: from the grant, or from the role, item by item."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.access.grants import Grant, mask
from catalog.access.rules import rule_book
from catalog.people import Role, Subject
from catalog.resources import Resource
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
    grant: Grant | None = None
    masks_hidden: bool = False
    whole: bool = False


def basis(subject: Subject, resource: Resource, policies: tuple[str, ...], grant: Grant | None) -> Basis:
    """Which of the policies that allowed a use gives its view."""
    names = set(policies)
    if names & WHOLE:
        return Basis("local" if subject.kind == "local" else f"provider:{resource.provider_id}", whole=True)
    if names & STAFF:
        return Basis(f"role:{Role.ANALYST if subject.has(Role.ANALYST) else Role.STEWARD}", masks_hidden=True)
    if grant is not None and "conditional-with-grant" in names:
        return Basis(f"grant:{grant.id}", grant=grant)
    return Basis("unconditional")


def view(
    request: Mapping[str, Any], entities: list[dict[str, Any]], contract: Contract, resource: Resource, basis: Basis
) -> View:
    """Items in the contract's order with their masks; the grant's row filter; its salt."""
    grant = basis.grant
    asked = [item for item in contract.items if grant is None or not grant.items or item.name in grant.items]
    named = set(grant.items) | set(grant.masks) if grant else set()
    clear = _clear(request, entities, asked, named)
    masks: dict[str, Mask] = {}
    items: list[str] = []
    for item in asked:
        if clear[_class(item, named)]:
            items.append(item.name)
            if grant and item.name in grant.masks:
                masks[item.name] = mask(grant.masks[item.name])
        elif basis.masks_hidden:
            items.append(item.name)
            masks[item.name] = Mask("null")
    return View(
        dataset=contract.dataset,
        library=str(resource.library),
        items=tuple(items),
        masks=masks,
        row_filter=grant.row_filter if grant else "",
        salt=grant.salt if grant else _salt(basis.reason, resource.id),
        reason=basis.reason,
    )


def _class(item: Item, named: set[str]) -> tuple[int, bool, bool]:
    """Items of the same grade and kind are decided once: a table of 3,000 columns asks a handful of questions."""
    grade = int(item.grade[1:]) if item.grade[1:].isdigit() else 4
    return grade, item.personal is not None, item.name in named


def _clear(
    request: Mapping[str, Any], entities: list[dict[str, Any]], items: list[Item], named: set[str]
) -> dict[tuple[int, bool, bool], bool]:
    classes = list(dict.fromkeys(_class(item, named) for item in items))
    asked = [
        {
            **request,
            "action": {"type": "Action", "id": "see-item"},
            "context": {**request["context"], "item": {"grade": grade, "personal": personal, "named": is_named}},
        }
        for grade, personal, is_named in classes
    ]
    return dict(zip(classes, (allowed for allowed, _ in rule_book().ask(asked, entities)), strict=True))


def _salt(reason: str, resource_id: str) -> str:
    """Views of a role hash nothing today; a salt that is at least different for each keeps it so by default."""
    return hashlib.sha256(f"{reason}\0{resource_id}".encode()).hexdigest()[:32]
