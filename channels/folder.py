"""A watched folder: a provider drops files, the hub takes those that have stopped growing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from channels.base import ChannelFailed
from channels.settling import Settling, seen
from channels.shelf import Entry, Kind, SettleSettings, Shelf, ShelfChannel, ShelfSettings


class FolderSettings(ShelfSettings, SettleSettings):
    """A folder, and which of its files are meant."""

    path: str = Field(min_length=1, description="The folder; a relative one starts at HUB_HOME.")


@dataclass
class FolderShelf(Shelf):
    """A folder of this machine, or one that is mounted here."""

    place: Path
    settling: Settling
    settle_seconds: float

    def entries(self) -> Iterator[Entry]:
        """What lies there; a link is one, whatever it points to: it may be anything that the hub may read."""
        with os.scandir(self.place) as listed:
            for one in listed:
                try:
                    yield Entry(one.name, seen(one.stat(follow_symlinks=False)), _kind(one))
                except FileNotFoundError:  # taken away since
                    continue

    def content(self, entry: Entry) -> Path:
        """The file itself."""
        return self.place / entry.name

    def settled(self, wanted: Sequence[Entry]) -> list[Entry]:
        """Those that look as they did at the run's first look, which is the same for all of its folders."""
        looks = self.settling.settled([self.place / entry.name for entry in wanted], self.settle_seconds)
        return [Entry(path.name, look) for path, look in looks.items()]


class FolderChannel(ShelfChannel[FolderSettings]):
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

    @contextmanager
    def shelf(self) -> Iterator[FolderShelf]:
        """The folder. Errors: ChannelFailed, where it is not there."""
        if not self.place.is_dir():
            raise ChannelFailed(
                f"约定的文件夹 {self.place} 不存在；请建立该文件夹，或在协议 {self.source.agreement_id} 中更正通道。",
                f"The agreed folder {self.place} does not exist; make it, or correct the channel of agreement "
                f"{self.source.agreement_id}.",
            )
        yield self._shelf

    def waiting(self) -> list[Path]:
        """Files that were not taken yet, in the order of their names."""
        if not self.place.is_dir():
            return []
        return [self.place / entry.name for entry in self.wanted(self._shelf.entries())]

    def passed_over(self) -> list[tuple[Path, str, str]]:
        """What lies in the folder and is not taken; what was taken before is not named."""
        if not self.place.is_dir():
            return []
        return [(self.place / entry.name, zh, en) for entry, zh, en in self.unwanted(self._shelf.entries())]

    @property
    def _shelf(self) -> FolderShelf:
        return FolderShelf(self.place, self.source.settling, self.settings.settle_seconds)


def placed(home: Path, path: str) -> Path:
    """A folder of a channel's settings; relative paths start at HUB_HOME."""
    place = Path(path).expanduser()
    return place if place.is_absolute() else home / place


def is_own_file(path: Path) -> bool:
    """Whether it is a file of the folder itself: a link may point to anything that the hub may read."""
    return path.is_file() and not path.is_symlink()


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return "link"
    if entry.is_dir():
        return "folder"
    return "file" if entry.is_file() else "other"
