"""省水利厅: the register of reservoirs as a workbook, their hourly levels by an interface."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import xlsxwriter

from demo.pages import save
from demo.places import position
from demo.plan import Handed, Plan, mingle

ORGANIZATION, REGISTER, LEVELS = "hlj-water", "reservoir", "reservoir_level"
RESERVOIRS, READINGS, PAGE = 600, 40_000, 2_000
HEADER = ["水库编码", "水库名称", "行政区划代码", "经度", "纬度", "总库容（万立方米）", "坝高（米）", "汛限水位（米）"]
RIVERS = (
    "磨盘山",
    "龙凤山",
    "镜泊",
    "莲花",
    "桃山",
    "五号",
    "红旗",
    "东升",
    "兴隆",
    "团结",
    "曙光",
    "太平",
    "青年",
    "双河",
    "长青",
    "细鳞河",
    "磨石",
    "大罗密",
    "山口",
    "尼尔基",
)


def reservoirs(plan: Plan) -> int:
    """How many reservoirs there are; at least 320, below which the contract refuses the list."""
    return max(320, plan.many(RESERVOIRS))


def reservoir(plan: Plan, index: int) -> list[Any]:
    """Reservoir number `index` as a row of the workbook."""
    dice = plan.dice(REGISTER, index)
    county = plan.places.counties[dice.randrange(len(plan.places.counties))]
    lon, lat = position(county.code, dice.random())
    name = f"{dice.choice(RIVERS)}{'' if index < 20 else index}水库"
    capacity = round(dice.lognormvariate(6, 1.5), 1)
    text = f"{capacity:,.1f}"
    return [
        f"SK23{index:06d}",
        name,
        county.code,
        lon,
        lat,
        text,
        round(dice.uniform(6, 60), 1),
        round(dice.uniform(90, 420), 2),
    ]


def faulty(plan: Plan) -> dict[str, list[list[Any]]]:
    """Rows of the register that must not be let in."""
    rows = [["SK23" + f"{990000 + n}", *reservoir(plan, n)[1:]] for n in range(5)]
    twin = rows[0]
    return {
        "key": [twin, [*twin[:6], 61.5, twin[7]]],
        "required": [[rows[1][0], "", *rows[1][2:]]],
        "swapped": [[*rows[2][:3], rows[2][4], rows[2][3], *rows[2][5:]]],
        "maximum": [[*rows[3][:6], 3500, rows[3][7]]],
    }


def write(plan: Plan) -> list[Handed]:
    """The register, a later copy cut off in the middle, and the levels."""
    wrong, total = faulty(plan), reservoirs(plan)
    bad = [row for rows in wrong.values() for row in rows]
    path = plan.drop(ORGANIZATION, REGISTER, f"水库名录_{plan.today.year}.xlsx")
    rows = _register(path, mingle((reservoir(plan, i) for i in range(total)), bad, total, plan.dice(REGISTER)))
    cut = plan.folder / "later" / "水库名录_导出中断.xlsx"
    cut.parent.mkdir(parents=True, exist_ok=True)
    left = _register(cut, (reservoir(plan, i) for i in range(min(total - 100, total * 6 // 10))))
    return [
        Handed(REGISTER, ORGANIZATION, str(path.relative_to(plan.folder)), rows, {r: len(v) for r, v in wrong.items()}),
        Handed(
            REGISTER, ORGANIZATION, str(cut.relative_to(plan.folder)), left, {"vanished": left}, "refused", outcome="refused"
        ),
        _levels(plan),
    ]


def _register(path: Path, rows: Iterator[list[Any]]) -> int:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("水库名录")
    sheet.write_row(0, 0, HEADER)
    number = 0
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, row)
    book.close()
    return number


def reading(plan: Plan, index: int) -> dict[str, Any]:
    """One reading: 200 reservoirs in turn, an hour back each time round."""
    dice = plan.dice(LEVELS, index)
    number, hours = index % 200, index // 200
    flood = reservoir(plan, number)[7]
    return {
        "reservoir_id": f"SK23{number:06d}",
        "observed_at": (plan.moment(0.1) - timedelta(hours=hours)).isoformat(timespec="seconds"),
        "level": round(flood - 2 + dice.uniform(-1.5, 1.5), 2),
        "storage": round(dice.uniform(100, 9000), 1),
    }


def _levels(plan: Plan) -> Handed:
    total = plan.many(READINGS)
    wrong = {
        "reference": [{**reading(plan, n), "reservoir_id": f"SK23{880000 + n}"} for n in range(6)],
        "minimum": [{**reading(plan, n), "level": -3} for n in range(2)],
        "maximum": [{**reading(plan, 0), "observed_at": plan.moment(-300).isoformat(timespec="seconds")}],
        "type": [{**reading(plan, n), "level": "--"} for n in range(4)],
    }
    bad = [r for readings in wrong.values() for r in readings]
    good = (reading(plan, i) for i in range(total))
    rows = save(plan, LEVELS, "first", mingle(good, bad, total, plan.dice(LEVELS)), PAGE, "rows")
    return Handed(LEVELS, ORGANIZATION, f"departments/{LEVELS}/first", rows, {r: len(v) for r, v in wrong.items()})
