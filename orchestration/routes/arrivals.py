"""What a channel brought: files ready to be delivered, and a memory of what was taken already."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
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
    claims: str = ""
    """Whom a file that is refused for its sender says it is from; such a refusal goes on record."""


class Unexpected(HubError):
    """Something that nobody thought of went wrong with a channel; its inner words are for the log."""

    def __init__(self, error: Exception) -> None:
        kind = type(error).__name__
        super().__init__(
            f"意外错误（{kind}），本通道本次未收取；详情见运行日志，请联系管理员。",
            f"An unexpected error ({kind}); nothing more was taken from this channel. "
            "The run's log has the details, tell the administrator.",
        )


@dataclass
class FetchTime:
    """How long one run may ask endpoints in all: what is left is for the next run, files in folders come in every run."""

    seconds: float
    used: float = 0.0

    def left(self) -> float:
        """Seconds left; ChannelFailed where there are none."""
        if self.used >= self.seconds:
            raise ChannelFailed(
                f"本次运行向接口收取已用满 {self.seconds:.0f} 秒，此接口留待下次（HUB_RUN_FETCH_SECONDS 可调）。",
                f"This run has asked endpoints for its {self.seconds:.0f} s; this one is for the next run "
                "(HUB_RUN_FETCH_SECONDS sets the limit).",
            )
        return self.seconds - self.used

    @contextmanager
    def asking(self) -> Iterator[float]:
        """Count the time of one fetch, which gets what is left."""
        left, began = self.left(), time.monotonic()
        try:
            yield left
        finally:
            self.used += time.monotonic() - began


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

    def newest(self) -> str:
        """The newest batch that it remembers; "" where there is none."""
        return max((str(told[2]) for told in self.held.values() if len(told) > 2), default="")

    def forget(self, unknown: Collection[str]) -> None:
        """Files whose batch the catalogue has lost are new again."""
        self.held = {name: told for name, told in self.held.items() if str(told[2]) not in unknown}
        self._write()

    def add(self, name: str, look: list[int], batch_id: str) -> None:
        """Remember a file as it looked when it was read; on disk at once."""
        self.held[name] = [*look, batch_id]
        self._write()

    def _write(self) -> None:
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
