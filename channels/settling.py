"""Which files have stopped growing: one look for all of a run, one wait."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.clock import machine


def look(file: Path) -> list[int]:
    """Size and time of change, by which a file is known to be as it was."""
    return seen(file.stat())


def seen(status: os.stat_result) -> list[int]:
    """The same of a file that was asked about already."""
    return [status.st_size, status.st_mtime_ns]


@dataclass
class Settling:
    """Each file is looked at twice, `seconds` apart, all of a run in the same wait.

    A file last changed longer ago than that needs no second look. The clock of a mounted share that runs ahead makes
    files look young, never old.
    """

    first: dict[Path, tuple[list[int], float]] = field(default_factory=dict)

    def look(self, files: Iterable[Path]) -> None:
        """The first look; later ones change nothing."""
        now = time.monotonic()
        for path in files:
            if path not in self.first and path.is_file():
                self.first[path] = (look(path), now)

    def settled(self, files: Sequence[Path], seconds: float) -> dict[Path, list[int]]:
        """Those files that look as they did at first, with how they look."""
        self.look(files)
        now, clock = machine().timestamp(), time.monotonic()
        first = {path: self.first[path] for path in files if path in self.first}
        waits = [at + seconds - clock for (_, changed), at in first.values() if now - changed / 1e9 < seconds]
        if waits and max(waits) > 0:
            time.sleep(max(waits))
        return {path: seen for path, (seen, _) in first.items() if path.is_file() and look(path) == seen}
