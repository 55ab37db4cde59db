"""How far a fetch has come, kept beside its file: a broken one goes on only where what it has is still what the source says."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from contracts.clock import now

GOES_ON = timedelta(hours=24)
"""A fetch that broke off longer ago begins anew: addresses of next pages have died by then, and the list has changed."""


@dataclass
class Progress:
    """How far a fetch has come. `url` is the next page's address, `last` that of the last one got, with its digest."""

    url: str
    page: int
    asked: str = ""
    """Digest of the channel's settings: others ask for another list."""
    records: int = 0
    offset: int = 0
    """Records before the page that is asked for; `last_offset` before the last one got."""
    last_offset: int = 0
    bytes: int = 0
    since: str = ""
    newest: str = ""
    finished: bool = False
    last: str = ""
    last_page: int = 0
    digest: str = ""
    total: int | None = None
    """Records that the source said there are, on the first page."""
    began: str = field(default_factory=lambda: now().isoformat())

    def keep(self, state: Path) -> None:
        """On disk at once, whole or as it was before."""
        half = state.with_suffix(".part")
        with half.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(half, state)


def kept(state: Path, file: Path, address: str) -> Progress | None:
    """The progress of a fetch that broke off; None where it is old, of other settings, or its file is not whole."""
    try:
        progress = Progress(**json.loads(state.read_text(encoding="utf-8")))
        fresh = now() - datetime.fromisoformat(progress.began) < GOES_ON
    except (OSError, ValueError, TypeError):
        return None
    return progress if fresh and progress.asked == address and _whole(file, progress) else None


def _whole(file: Path, progress: Progress) -> bool:
    """Whether the file holds, up to where it was kept, as many whole lines as records were counted."""
    if not file.is_file() or file.stat().st_size < progress.bytes:
        return False
    lines, left, end = 0, progress.bytes, b"\n"
    with file.open("rb") as source:
        while left and (block := source.read(min(left, 1 << 20))):
            lines, left, end = lines + block.count(b"\n"), left - len(block), block[-1:]
    return lines == progress.records and end == b"\n"
