"""The plan of one demo: where it writes, how much, as of which day, and what was handed over."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

from demo.places import Places

T = TypeVar("T")
CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Plan:
    """Everything the departments' modules need; equal plans write equal files."""

    folder: Path
    """The demo's folder in HUB_HOME; departments' files lie in `inbox` and `departments` below it."""
    places: Places
    today: date
    scale: float = 1.0
    seed: int = 2026

    @property
    def inbox(self) -> Path:
        """Where departments drop files: one folder for each organization and dataset."""
        return self.folder / "inbox"

    @property
    def pages(self) -> Path:
        """What the small department server serves."""
        return self.folder / "departments"

    @property
    def periods(self) -> int:
        """How many months the cities have reported: a year; few at a small scale."""
        return 12 if self.scale >= 0.5 else 4

    def many(self, rows: int) -> int:
        """How many rows at this scale; never fewer than 20, so that every fault has room."""
        return max(20, round(rows * self.scale))

    def dice(self, *names: object) -> random.Random:
        """Random numbers for one purpose: the same for equal seeds and names, whatever else is drawn."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, names))}")  # noqa: S311 - invented data, not a secret

    def day(self, back: int) -> date:
        """The day so many days ago."""
        return self.today - timedelta(days=back)

    def moment(self, back: float) -> datetime:
        """The moment so many days before today began, China time."""
        return datetime(self.today.year, self.today.month, self.today.day, tzinfo=CHINA) - timedelta(days=back)

    def drop(self, organization: str, dataset: str, name: str) -> Path:
        """Path of a file that an organization drops for a dataset; its folder is made."""
        folder = self.inbox / organization / dataset
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


@dataclass(frozen=True, slots=True)
class Handed:
    """One thing handed over, and what the hub must make of it."""

    dataset: str
    organization: str
    path: str
    """Relative to the demo's folder."""
    received: int
    faults: dict[str, int] = field(default_factory=dict)
    """Rows that must be quarantined, by what is wrong with them."""
    step: str = "first"
    """first, second, mended, refused or period (a collection's)."""
    period: str = ""
    outcome: str = ""
    """The batch state expected where it is not loaded (no faults) or partial."""

    @property
    def quarantined(self) -> int:
        """Rows expected in quarantine."""
        return sum(self.faults.values())


def mingle(good: Iterable[T], bad: Sequence[T], total: int, dice: random.Random) -> Iterator[T]:
    """Good rows with the bad ones strewn among them, streaming; `total` is about how many good ones there are."""
    waiting = sorted(zip((dice.randrange(max(1, total)) for _ in bad), range(len(bad)), strict=True))
    for position, row in enumerate(good):
        while waiting and waiting[0][0] <= position:
            yield bad[waiting.pop(0)[1]]
        yield row
    yield from (bad[index] for _, index in waiting)


def serial(index: int, salt: int, size: int) -> int:
    """A number below `size` that scrambles `index` without repeats (salt and 7919 are prime to every size used)."""
    return (index * 7919 + salt) % size


def write_manifest(path: Path, handed: Sequence[Handed]) -> None:
    """Keep what was handed over, so that tests and people can hold the hub to it."""
    path.write_text(json.dumps([asdict(h) for h in handed], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> list[Handed]:
    """What was handed over."""
    return [Handed(**payload) for payload in json.loads(path.read_text(encoding="utf-8"))]


def fraction(*names: object) -> float:
    """A number from 0 to 1 that belongs to these names: cheap, stable, without a generator's state."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=6).digest()) / 2**48
