"""What a channel brought: files ready to be delivered, and a memory of what was taken already."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from contracts.errors import HubError
from warehouse.settings import Settings

_BATCH_ID = re.compile(r"(?<!\d)(\d{8}-\d{4,})(?!\d)")


class ChannelFailed(HubError):
    """A channel could not be read; nothing was taken from it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file that a channel holds ready; `taken` is called once it was delivered, with the batch's id."""

    path: Path
    filename: str
    organization_id: str | None = None
    period: str = ""
    corrects: str | None = None
    received_at: datetime | None = None
    """When it arrived, where the channel knows better than the moment of the look."""
    taken: Callable[[str], None] = field(default=lambda batch_id: None)
    note: tuple[str, str] = ("", "")
    """Why it cannot be delivered, in Chinese and English; empty where it can."""


@dataclass
class Taken:
    """Which files of a channel were taken, by name with size and time of change; a changed file is a new one.

    Kept beside the catalogue, not in it: losing it costs a second look at files that `deliver` knows as no news.
    """

    path: Path
    held: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, agreement_id: str) -> Taken:
        """The memory of one agreement's channel."""
        path = settings.root / "routes" / f"{agreement_id.replace('/', '_')}.json"
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            held = {}
        return cls(path, held)

    def knows(self, name: str, file: Path) -> bool:
        """Was this very file taken before?"""
        return name in self.held and self.held[name][:2] == _look(file)

    def add(self, name: str, look: list[int], batch_id: str) -> None:
        """Remember a file as it looked when it was read; on disk at once."""
        self.held[name] = [*look, batch_id]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        half = self.path.with_suffix(".part")
        half.write_text(json.dumps(self.held, ensure_ascii=False), encoding="utf-8")
        os.replace(half, self.path)


def _look(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


look = _look


def corrected_batch(filename: str) -> str | None:
    """Identifier of the batch that a mended file names in its own name, as the quarantine's export does."""
    found = _BATCH_ID.search(filename)
    return found.group(1) if found else None
