"""A watched folder: a provider drops files, the hub takes those that have stopped growing."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import Field

from channels import base
from channels.base import Channel, ChannelFailed, ChannelSettings, Glimpse
from channels.ports import Arrival, Landing
from channels.settling import look

UNFINISHED = ("*.part", "*.partial", "*.tmp", "*.filepart", "*.crdownload", "*.swp", "~*", ".*")
"""Names that uploading programs give to files they have not finished."""
SETTLE_SECONDS = 2.0
"""A file must look the same, in size and time of change, over this long."""


class FolderSettings(ChannelSettings):
    """A folder, and which of its files are meant."""

    path: str = Field(min_length=1, description="The folder; a relative one starts at HUB_HOME.")
    pattern: str = Field(default="*", min_length=1, description="Which names are taken, *.csv; capitals make no other name.")
    settle_seconds: float = Field(default=SETTLE_SECONDS, ge=0, le=3600, description="How long a file must look the same.")


class FolderChannel(Channel[FolderSettings]):
    """Files of one folder, each once, changed ones again."""

    kind = "folder"
    title = ("监视文件夹", "Watched folder")
    settings_model = FolderSettings
    remote = False

    @property
    def place(self) -> Path:
        """The folder."""
        return placed(self.source.home, self.settings.path)

    @property
    def watched(self) -> bool:
        """A folder that is not there is told of when its turn comes."""
        return self.place.is_dir()

    def waiting(self) -> list[Path]:
        """Files that were not taken yet, in the order of their names."""
        if not self.place.is_dir():
            return []
        memory = self.source.memory.read()
        return [path for path in sorted(self.place.iterdir()) if self._wanted(path, memory)]

    def peek(self, limit: int) -> Glimpse:
        """Files as they lie there: those that would be taken, then those that would not, with why."""
        self._require_folder()
        memory = self.source.memory.read()
        ready = [_listed(path) for path in sorted(self.place.iterdir()) if self._wanted(path, memory)]
        others = [{"name": base.remembered_name(path.name), "passed_over": zh, "passed_over_en": en}
                  for path, zh, en in self.passed_over()]  # fmt: skip
        entries = [*ready, *others]
        return Glimpse(tuple(entries[:limit]), len(entries) > limit)

    def collect(self, landing: Landing) -> None:
        """Files that are new or changed, named as agreed, and no longer growing."""
        self._require_folder()
        ready = self.source.settling.settled(self.waiting(), self.settings.settle_seconds)
        for path, seen in ready.items():
            landing.receive(
                Arrival(
                    path,
                    path.name,
                    base.file_mark(path.name, seen),
                    base.as_taken(path.name, seen),
                    organization_id=self.source.organization_id,
                    corrects=base.corrected_batch(path.name),
                )
            )

    def passed_over(self) -> list[tuple[Path, str, str]]:
        """What lies in the folder and is not taken; what was taken before is not named."""
        if not self.place.is_dir():
            return []
        memory, left = self.source.memory.read(), []
        for path in sorted(self.place.iterdir()):
            if _unfinished(path) or (is_own_file(path) and base.remembered(memory, path.name, look(path))):
                continue
            if why := _why_not(path, self.settings.pattern):
                left.append((path, *why))
        return left

    def _wanted(self, path: Path, memory: Mapping[str, Any]) -> bool:
        if not _named(path, self.settings.pattern) or not is_own_file(path):
            return False
        seen = look(path)
        return seen[0] > 0 and not base.remembered(memory, path.name, seen)

    def _require_folder(self) -> None:
        if not self.place.is_dir():
            raise ChannelFailed(
                f"约定的文件夹 {self.place} 不存在；请建立该文件夹，或在协议 {self.source.agreement_id} 中更正通道。",
                f"The agreed folder {self.place} does not exist; make it, or correct the channel of agreement "
                f"{self.source.agreement_id}.",
            )


def placed(home: Path, path: str) -> Path:
    """A folder of a channel's settings; relative paths start at HUB_HOME."""
    place = Path(path).expanduser()
    return place if place.is_absolute() else home / place


def is_own_file(path: Path) -> bool:
    """Whether it is a file of the folder itself: a link may point to anything that the hub may read."""
    return path.is_file() and not path.is_symlink()


def _listed(path: Path) -> dict[str, str]:
    return {"name": base.remembered_name(path.name), "bytes": str(path.stat().st_size)}


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


def _unfinished(path: Path) -> bool:
    return any(fnmatch(path.name, unfinished) for unfinished in UNFINISHED)


def _named(path: Path, pattern: str) -> bool:
    """Capitals make no other name: X.CSV is what Windows makes of x.csv."""
    return not _unfinished(path) and fnmatch(path.name.lower(), pattern.lower())
