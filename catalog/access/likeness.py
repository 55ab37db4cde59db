"""What a decision knows of an entry and of a grant, whichever ones they are: those of which it knows the same are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """A grant, as far as a decision knows it."""

    items: Sequence[str]
    masks: Mapping[str, Any]
    row_filter: str
    expires_at: datetime | None
    revoked_at: datetime | None
    purpose: str = ""
    """None is named where many entries are decided on, so that of the grant does not matter."""
    id: str = ""
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a decision knows of the grant that a use would rest on."""

    live: bool
    over: bool
    """By the second, as the policies see it."""
    revoked: bool
    lists: bool
    """It names items; otherwise it gives all of them."""
    filters: bool
    """It gives some rows only."""


@dataclass(frozen=True, slots=True)
class Like:
    """All that a decision on the data of an entry rests on, besides who asks and when."""

    provider_id: str
    kind: str
    library: str
    route: str
    sharing: int
    grade: str
    category: str
    state: str
    redistribution: bool
    items: frozenset[tuple[str, bool, bool]]
    """Kind of item, whether the grant lists it, whether the grant masks it."""
    given: Given | None = None

    @property
    def id(self) -> str:
        """No entry has it."""
        return ""
