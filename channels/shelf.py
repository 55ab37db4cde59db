"""Files that lie somewhere: which are meant, which are whole, each taken once, changed ones again.

A channel of files knows where they lie (a `Shelf`) and how it is opened; what becomes of them is the same everywhere.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatch, translate
from typing import Any, Literal, TypeVar

from pydantic import Field

from channels import base
from channels.base import Channel, ChannelSettings, Glimpse
from channels.ports import Arrival, Content, Landing

UNFINISHED = ("*.part", "*.partial", "*.tmp", "*.filepart", "*.crdownload", "*.swp", "~*", ".*")
"""Names that uploading programs give to files they have not finished."""
SETTLE_SECONDS = 2.0
"""A file must look the same, in size and time of change, over this long."""
Kind = Literal["file", "link", "folder", "other"]
_UNFINISHED = re.compile("|".join(map(translate, UNFINISHED)))


class ShelfSettings(ChannelSettings):
    """Which of the files that lie there are meant."""

    pattern: str = Field(default="*", min_length=1, description="Which names are taken, *.csv; capitals make no other name.")


class SettleSettings(ChannelSettings):
    """For places where a file can be seen before it is whole."""

    settle_seconds: float = Field(default=SETTLE_SECONDS, ge=0, le=3600, description="How long a file must look the same.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that lies on a shelf."""

    name: str
    look: list[Any]
    """By what it is known to be as it was: its bytes (-1: not told), when it was changed, a tag where there is one."""
    kind: Kind = "file"

    @property
    def bytes(self) -> int:
        """Its size; -1 where the source does not tell it."""
        return int(self.look[0])


class Shelf(ABC):
    """A place where files lie, open."""

    away: bool = False
    """Whether there is no sense in asking for more: it is gone, or the time or room for this collect is used up."""
    settle_seconds: float = 0.0

    @abstractmethod
    def entries(self) -> Iterable[Entry]:
        """What lies there now. Errors: ChannelFailed."""

    @abstractmethod
    def content(self, entry: Entry) -> Content:
        """A file's bytes."""

    def settled(self, wanted: Sequence[Entry]) -> Sequence[Entry]:
        """Those that look alike at a second look, `settle_seconds` later. A server's clock says nothing of a file's age."""
        if not wanted or not self.settle_seconds:
            return wanted
        time.sleep(self.settle_seconds)
        looks = {entry.name: entry.look for entry in self.entries()}
        return [entry for entry in wanted if looks.get(entry.name) == entry.look]


Shelved = TypeVar("Shelved", bound=ShelfSettings)


class ShelfChannel(Channel[Shelved]):
    """Files of one place, each once, changed ones again."""

    @abstractmethod
    def shelf(self) -> AbstractContextManager[Shelf]:
        """The place, open. Errors: ChannelFailed."""

    def peek(self, limit: int) -> Glimpse:
        """Files as they lie there: those that would be taken, then those that would not, with why."""
        with self.shelf() as shelf:
            entries = list(shelf.entries())
        ready = [_listed(entry) for entry in self.wanted(entries)]
        others = [{"name": base.remembered_name(entry.name), "passed_over": zh, "passed_over_en": en}
                  for entry, zh, en in self.unwanted(entries)]  # fmt: skip
        listed = [*ready, *others]
        return Glimpse(tuple(listed[:limit]), len(listed) > limit)

    def collect(self, landing: Landing) -> None:
        """Files that are new or changed, named as agreed, and no longer growing."""
        with self.shelf() as shelf:
            for entry in shelf.settled(self.wanted(shelf.entries())):
                arrival = Arrival(
                    shelf.content(entry),
                    entry.name,
                    base.file_mark(entry.name, entry.look),
                    base.as_taken(entry.name, entry.look),
                    organization_id=self.source.organization_id,
                    corrects=base.corrected_batch(entry.name.rpartition("/")[2]),
                )
                if landing.receive(arrival) is None and shelf.away:
                    return

    def wanted(self, entries: Iterable[Entry]) -> list[Entry]:
        """Files that were not taken yet, in the order of their names."""
        memory = self.source.memory.read()
        meant = (one for one in entries if self._meant(one) and not base.remembered(memory, one.name, one.look))
        return sorted(meant, key=lambda entry: entry.name)

    def unwanted(self, entries: Iterable[Entry]) -> list[tuple[Entry, str, str]]:
        """What is not taken, each with why, in Chinese and English; what was taken before is not named."""
        memory, left = self.source.memory.read(), []
        for entry in sorted(entries, key=lambda entry: entry.name):
            if unfinished(entry.name) or _taken(memory, entry):
                continue
            if why := self._why_not(entry):
                left.append((entry, *why))
        return left

    def _meant(self, entry: Entry) -> bool:
        return not unfinished(entry.name) and self._why_not(entry) is None

    def _why_not(self, entry: Entry) -> tuple[str, str] | None:
        if entry.kind == "link":
            return "是链接，不跟随；请放入文件本身", "is a link, which is not followed; put the file itself there"
        if entry.kind == "folder":
            return "是子文件夹，不收取；请把文件放到上一级", "is a folder, which is not looked into; put its files one level up"
        if entry.kind == "other":
            return "不是普通文件", "is no plain file"
        if not fnmatch(entry.name.lower(), self.settings.pattern.lower()):  # X.CSV is what Windows makes of x.csv
            return f"文件名不符合约定的 {self.settings.pattern}", f"is not named as agreed ({self.settings.pattern})"
        if entry.bytes == 0:
            return "是空文件；请核对是否传输完整", "is empty; see whether it came whole"
        return None


def unfinished(name: str) -> bool:
    """Whether a name, or one of the folders in it, is what uploading programs call what they have not finished."""
    return any(_UNFINISHED.match(part) for part in name.split("/"))


def _taken(memory: Mapping[str, Any], entry: Entry) -> bool:
    return entry.kind == "file" and base.remembered(memory, entry.name, entry.look)


def _listed(entry: Entry) -> dict[str, str]:
    size = {"bytes": str(entry.bytes)} if entry.bytes >= 0 else {}
    return {"name": base.remembered_name(entry.name), **size}
