"""省林业和草原局: hotspots seen by satellites, two CSV files without any identifier; times such as 0050 are text."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from demo.places import position
from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-forestry", "fire_hotspot"
ROWS = (30_000, 15_000)
HEADER = ["经度", "纬度", "亮温", "FRP", "置信度", "卫星", "观测日期", "观测时刻", "行政区划代码"]
SATELLITES = ("NOAA-20", "NOAA-21", "S-NPP", "Aqua", "Terra", "FY-3D", "H9")
WRONG = {
    "pattern": (7, ("2460", "50", "730", "9", "2575", "105", "60")),
    "maximum": (4, ("101", "120", "999")),
    "future": (6, ("2062-10-08", "2055-01-01")),
    "longitude": (0, ("136.2100", "137.0021", "136.9000", "138.1234", "120.1000")),
    "values": (5, ("VIIRS", "MODIS")),
}
SHORT = ["126.1", "50.2", "331.0"]


def spot(plan: Plan, part: int, index: int) -> list[str]:
    """Hotspot number `index` of one file."""
    dice = plan.dice(DATASET, part, index)
    county = plan.places.counties[dice.randrange(len(plan.places.counties))]
    lon, lat = position(county.code, dice.random())
    day = plan.day(2 + dice.randrange(28) + 30 * (len(ROWS) - 1 - part))
    return [
        f"{min(lon + dice.uniform(-0.2, 0.2), 135.0):.4f}",
        f"{lat + dice.uniform(-0.2, 0.2):.4f}",
        f"{dice.uniform(300, 367):.1f}",
        f"{dice.expovariate(0.08):.1f}",
        str(dice.randrange(30, 101)),
        dice.choice(SATELLITES),
        f"{day}",
        f"{dice.randrange(24):02d}{dice.randrange(60):02d}",
        county.code,
    ]


def faulty(plan: Plan) -> Iterator[list[str]]:
    """Rows of the first file that must not be let in."""
    spare = plan.many(ROWS[0])
    for column, values in WRONG.values():
        for value in values:
            row, spare = spot(plan, 0, spare), spare + 1
            yield [*row[:column], value, *row[column + 1 :]]
    yield SHORT


def write(plan: Plan) -> list[Handed]:
    """A file for each of two months; the first one has the faults."""
    told = []
    for part, rows in enumerate(ROWS):
        path = plan.drop(ORGANIZATION, DATASET, f"火情热点_{plan.day(30 * (len(ROWS) - part)):%Y%m%d}.csv")
        total = plan.many(rows)
        bad = list(faulty(plan)) if part == 0 else []
        good = (spot(plan, part, i) for i in range(total))
        with path.open("w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out, lineterminator="\n")
            lines.writerow(HEADER)
            lines.writerows(mingle(good, bad, total, plan.dice(DATASET, part)))
        faults = {**{rule: len(values) for rule, (_, values) in WRONG.items()}, "fields": 1} if bad else {}
        told.append(Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), total + len(bad), faults))
    return told
