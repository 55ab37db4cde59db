"""Samples in a contract: real values, so those of guarded items are for who may see the item."""

from __future__ import annotations

import copy
from collections.abc import Set
from typing import Any

from contracts.model import Contract
from contracts.view import View

GRADE_HIDDEN = 3
"""From this grade on a sample is guarded, and that of a personal item always."""


def guarded(contract: Contract, view: View | None) -> frozenset[str]:
    """Items whose samples are not for a reader with this view (None: with no right to the data)."""
    clear = {name for name in view.items if name not in view.masks} if view else set()
    return frozenset(
        item.name
        for item in contract.items
        if item.sample and item.name not in clear and (item.personal or int(item.grade[1:] or 1) >= GRADE_HIDDEN)
    )


def without(contract: Contract, hidden: Set[str]) -> dict[str, Any]:
    """The contract's document without the samples of these items."""
    document: dict[str, Any] = copy.deepcopy(dict(contract.document))
    for table in document.get("schema", ()):
        for item in table.get("properties", ()):
            if item.get("name") in hidden:
                item.pop("examples", None)
    return document
