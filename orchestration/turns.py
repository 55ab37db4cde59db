"""What became of one dataset in one run: its new deliveries, and what stands in the way of the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from channels.base import ChannelFailed, Unexpected
from contracts.deliveries import Outcome
from contracts.errors import HubError

log = logging.getLogger(__name__)
Note = tuple[str, str]
"""What stands in the way, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One delivery that was taken: its batch and what became of it."""

    batch_id: str
    filename: str
    outcome: Outcome

    @property
    def refused(self) -> bool:
        """Did nothing of it get in?"""
        return self.outcome.state in ("refused", "returned", "held")


@dataclass
class Turn:
    """A dataset's turn in one run."""

    dataset: str
    news: list[Loaded] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """What stands in the way of a file, a channel or a load."""
    failed: bool = False
    """Whether a channel or a load failed; a file that is left out is only told."""
    trouble: list[Note] = field(default_factory=list)
    """Of the notes, those of loads: what channels had is told by the op that asked them."""
    seconds: float = 0.0

    def count(self, name: str) -> int:
        """Sum of one of the outcome's counts over the new deliveries."""
        return sum(int(getattr(loaded.outcome, name)) for loaded in self.news)

    def note(self, error: Exception) -> None:
        """A load went wrong."""
        self.failed = True
        self.trouble.append(words(error))
        self.notes.append(words(error))


def words(error: Exception) -> Note:
    """An error in words for people; what other libraries say goes to the log."""
    if isinstance(error, OSError) and error.strerror:
        error = ChannelFailed(f"{error.filename or ''} {error.strerror}", f"{error.filename or ''}: {error.strerror}")
    if not isinstance(error, HubError):
        log.exception("unexpected", exc_info=error)
        error = Unexpected(error)
    return clean(error.message), clean(error.message_en)


def clean(text: str) -> str:
    """A text that may hold a file's name, as any store can keep it: no half characters, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
