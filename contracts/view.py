"""A view: what part of a dataset someone may see. Made by the access decision, applied by the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Mask:
    """How a value is hidden: null removes it, hash replaces it by a salted SHA-256, truncate keeps its first characters
    (of a number: rounds it to `keep` decimals)."""

    kind: Literal["null", "hash", "truncate"]
    keep: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """Items in the contract's order, a mask for some of them, and the rows left by a filter."""

    dataset: str
    library: str
    items: tuple[str, ...]
    masks: Mapping[str, Mask] = field(default_factory=dict)
    row_filter: str = ""
    """SQL expression over the dataset's items, already parsed and checked; empty: every row."""
    salt: str = ""
    """Salt of hash masks, one for each grant, so that two partners cannot join their hashes."""
    reason: str = ""
    """Grant or role that gave this view, for the audit record."""

    def digest(self) -> str:
        """Identifies equal views: files cut for one may serve the other."""
        import hashlib
        import json

        parts = [
            self.library,
            self.dataset,
            self.items,
            sorted((k, m.kind, m.keep) for k, m in self.masks.items()),
            self.row_filter,
            self.salt if any(m.kind == "hash" for m in self.masks.values()) else "",
        ]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()[:32]
