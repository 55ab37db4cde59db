"""What a contract tells of values: samples and profiles, each for who sees the item itself; and the counts of its rules."""

from __future__ import annotations

import copy
from collections.abc import Sequence, Set
from typing import Any

from sqlmodel import Session

from catalog import access
from catalog.access import Decision
from catalog.deliveries import quality
from catalog.deliveries.quality import QualityResult
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from contracts.model import Contract
from contracts.view import View


def closed(contract: Contract, view: View | None) -> frozenset[str]:
    """Items of which a reader with this view sees no whole value (None: with no right to the data, so all of them)."""
    clear = {name for name in view.items if name not in view.masks} if view else set()
    return frozenset(item.name for item in contract.items if item.name not in clear)


def without(contract: Contract, hidden: Set[str]) -> dict[str, Any]:
    """The contract's document without what is made from the values of these items: samples, and a draft's profile of them; of
    all of them, without the profile of the whole."""
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    for table in document.get("schema", ()):
        for item in table.get("properties", ()):
            if item.get("name") in hidden:
                item.pop("examples", None)
                _unprofiled(item)
    if hidden >= {item.name for item in contract.items}:
        for part in (document, *document.get("schema", ())):
            _unprofiled(part)
    return document


def _unprofiled(part: dict[str, Any]) -> None:
    """`x-…` properties are what tools noted of the data (contracts.inference.draft: smallest, largest, how many values)."""
    noted = part.get("customProperties")
    if isinstance(noted, list):
        rest = [one for one in noted if not str(one.get("property", "")).startswith("x-")]
        part["customProperties"] = rest
        if not rest:
            del part["customProperties"]


def measured(session: Session, subject: Subject, resource: Resource) -> tuple[Decision, Sequence[QualityResult]]:
    """The newest count of each rule, and the decision it is told by: who mends rows knows all of them, others those of items
    that they see and of whole rows; nobody without a right to the data any."""
    found = quality.results(session, resource.name)
    mends = access.decide(session, subject, "see-quarantine", resource)
    if mends.allowed:
        return mends, found
    decision = access.decide(session, subject, "preview", resource)
    view = decision.view
    if not decision.allowed or view is None:
        return decision, ()
    return decision, [one for one in found if not one.item or (one.item in view.items and one.item not in view.masks)]
