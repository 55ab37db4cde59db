"""What a channel is handed from outside: a memory, a landing for what it collects, and readers for foreign bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from contracts.excel.marks import TemplateMark
from contracts.pages import PageRead, PageRequest

Content = Path | Callable[[], Iterable[bytes]]
"""A file of the machine, or what gives the bytes piece by piece; neither is ever whole in memory."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that a channel gives: its bytes, and what the channel knows of it."""

    content: Content
    filename: str
    mark: str
    """The source's own name for this very thing, in this very state. The same mark under one agreement is the same delivery,
    so that what was received before a crash is known again."""
    remember: Mapping[str, Any] = field(default_factory=dict)
    """What the channel's memory holds once it was received."""
    organization_id: str | None = None
    period: str = ""
    corrects: str | None = None
    received_at: datetime | None = None
    """When it arrived, where the channel knows better than the moment of the look."""
    note: tuple[str, str] = ("", "")
    """Why it cannot be delivered, in Chinese and English; empty where it can."""
    claims: str = ""
    """Whom a file that is refused for its sender says it is from; such a refusal goes on record."""


@dataclass(frozen=True, slots=True)
class Received:
    """An arrival that is in landing with its receipt committed; `batch_id` is empty where it was told of and left out."""

    arrival: Arrival
    batch_id: str


class Landing(Protocol):
    """Where a channel puts what is new."""

    def receive(self, arrival: Arrival) -> Received | None:
        """Bytes to landing, synced, and their receipt committed. None where it could not be received: the turn tells why,
        the channel goes on with the next, and this one comes again."""


class Memory(Protocol):
    """What a channel knows of what it gave: cursors, files that were taken. Each write is a committed transaction."""

    def read(self) -> dict[str, Any]:
        """Everything it holds."""

    def write(self, changes: Mapping[str, Any]) -> None:
        """Hold these values, beside the others."""


class Readers(Protocol):
    """Foreign bytes are opened in a process of their own (docs/decisions/0017): these ask it."""

    def page(self, path: Path, request: PageRequest, target: Path, *, name: str, seconds: float) -> PageRead:
        """The records of one page as lines in `target`. Errors: contracts.pages.NoPage."""

    def identify(self, path: Path) -> TemplateMark | None:
        """The mark of a workbook made from one of the hub's templates; None for any other file."""

    def sender(self, mark: TemplateMark, uploader: str) -> str:
        """Which organization sent a workbook; `uploader`: whose own folder it lay in, or "". Errors: HubError."""
