"""A watched folder: a provider drops files, the hub takes those that have stopped growing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from contracts.clock import machine
from orchestration.routes.arrivals import Arrival, ChannelFailed, Taken, corrected_batch, look
from warehouse.settings import Settings

UNFINISHED = ("*.part", "*.partial", "*.tmp", "*.filepart", "*.crdownload", "*.swp", "~*", ".*")
"""Names that uploading programs give to files they have not finished."""
SETTLE_SECONDS = 2.0
"""A file must look the same, in size and time of change, over this long; `settle_seconds` in the channel overrides it."""


def place(settings: Settings, channel: Mapping[str, Any], key: str = "path") -> Path:
    """The channel's folder; relative paths start at HUB_HOME."""
    path = Path(str(channel[key])).expanduser()
    return path if path.is_absolute() else settings.root / path


def waiting(settings: Settings, agreement_id: str, channel: Mapping[str, Any]) -> list[Path]:
    """Files that were not taken yet, finished or not, in the order of their names. Cheap: for a sensor's look."""
    folder = place(settings, channel)
    if not folder.is_dir():
        return []
    taken, pattern = Taken.of(settings, agreement_id), str(channel.get("pattern", "*"))
    return [
        path
        for path in sorted(folder.iterdir())
        if _named(path, pattern) and is_own_file(path) and path.stat().st_size > 0 and not taken.knows(path.name, path)
    ]


def passed_over(settings: Settings, agreement_id: str, channel: Mapping[str, Any]) -> list[tuple[Path, str, str]]:
    """What lies in the folder and is not taken, each with why, in Chinese and English; what was taken before is not named."""
    folder = place(settings, channel)
    if not folder.is_dir():
        return []
    taken, pattern = Taken.of(settings, agreement_id), str(channel.get("pattern", "*"))
    found = []
    for path in sorted(folder.iterdir()):
        if _unfinished(path) or (is_own_file(path) and taken.knows(path.name, path)):
            continue
        if why := _why_not(path, pattern):
            found.append((path, *why))
    return found


def is_own_file(path: Path) -> bool:
    """Whether it is a file of the folder itself: a link may point to anything that the hub may read."""
    return path.is_file() and not path.is_symlink()


def _why_not(path: Path, pattern: str) -> tuple[str, str] | None:
    if path.is_symlink():
        return "是链接，不跟随；请放入文件本身", "is a link, which is not followed; put the file itself there"
    if path.is_dir():
        return "是子文件夹，不收取；请把文件放到上一级", "is a folder, which is not looked into; put its files one level up"
    if not path.is_file():
        return "不是普通文件", "is no plain file"
    if not _named(path, pattern):
        return f"文件名不符合约定的 {pattern}", f"is not named as agreed ({pattern})"
    if path.stat().st_size == 0:
        return "是空文件；请核对是否传输完整", "is empty; see whether it came whole"
    return None


@dataclass
class Settling:
    """Which files have stopped growing: each is looked at twice, `seconds` apart, all of a run in the same wait.

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
        held = {path: self.first[path] for path in files if path in self.first}
        waits = [at + seconds - clock for (_, changed), at in held.values() if now - changed / 1e9 < seconds]
        if waits and max(waits) > 0:
            time.sleep(max(waits))
        return {path: seen for path, (seen, _) in held.items() if path.is_file() and look(path) == seen}


def arrivals(
    settings: Settings,
    agreement_id: str,
    channel: Mapping[str, Any],
    organization_id: str | None,
    settling: Settling | None = None,
) -> list[Arrival]:
    """Files ready to be delivered: new or changed, named as agreed, and no longer growing."""
    folder = place(settings, channel)
    if not folder.is_dir():
        raise ChannelFailed(
            f"约定的文件夹 {folder} 不存在；请建立该文件夹，或在协议 {agreement_id} 中更正通道。",
            f"The agreed folder {folder} does not exist; make it, or mend the channel of agreement {agreement_id}.",
        )
    files = waiting(settings, agreement_id, channel)
    ready = (settling or Settling()).settled(files, settle_seconds(channel))
    taken = Taken.of(settings, agreement_id)
    return [_arrival(path, seen, taken, organization_id) for path, seen in ready.items()]


def settle_seconds(channel: Mapping[str, Any]) -> float:
    """How long a file of this channel must look the same."""
    return float(channel.get("settle_seconds", SETTLE_SECONDS))


def _unfinished(path: Path) -> bool:
    return any(fnmatch(path.name, unfinished) for unfinished in UNFINISHED)


def _named(path: Path, pattern: str) -> bool:
    """Capitals make no other name: X.CSV is what Windows makes of x.csv."""
    return not _unfinished(path) and fnmatch(path.name.lower(), pattern.lower())


def _arrival(path: Path, seen: list[int], taken: Taken, organization_id: str | None) -> Arrival:
    return Arrival(
        path=path,
        filename=path.name,
        organization_id=organization_id,
        corrects=corrected_batch(path.name),
        taken=lambda batch_id: taken.add(path.name, seen, batch_id),
    )
