"""Twelve cities' emergency bureaus: the collection's own template, filled in as each of them would.

In the period now due one is late, one makes mistakes, one sends coordinates the wrong way round, one sends nothing, one has
nothing to report; earlier periods have what changed, and a few lapses.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from contracts.checks.code_lists import Lists
from contracts.excel import marks, template
from contracts.model import Contract
from demo.enterprises import enterprise, mobile, person
from demo.places import AGENCIES
from demo.plan import CHINA, Handed, Plan, fraction, mingle, serial

DATASET = "major_hazard"
HAZARDS = {
    "harbin": 260, "qiqihar": 140, "jixi": 70, "hegang": 60, "shuangyashan": 60, "daqing": 320,
    "yichun": 30, "jiamusi": 130, "qitaihe": 50, "mudanjiang": 120, "heihe": 40, "suihua": 150,
}  # fmt: skip
MOST = 2_000
"""Rows of one workbook at most: nobody fills in more by hand, whatever the scale."""
MEDIA = ("液氨", "液化石油气", "汽油", "甲醇", "苯", "氯气", "天然气", "乙烯", "过氧化氢", "硝酸铵")
PLACES = {"液氨": "液氨罐区", "液化石油气": "液化气储罐区", "天然气": "天然气调压站", "氯气": "液氯库"}
STATUSES = ("在用",) * 16 + ("备用", "停用", "停用", "拆除")
LATE, WRONG, SWAPPED, SILENT, NOTHING = "mudanjiang", "jiamusi", "hegang", "yichun", "qitaihe"
"""Who does what in the period now due."""
FAULTS = {
    "credit-code": 6, "division": 4, "swapped": 5, "maximum": 3, "code-list": 2, "required": 2, "row:level_fits_r": 4,
}  # fmt: skip
LAPSES = {("heihe", 1): "late", ("suihua", 2): "late", ("yichun", 4): "missing", ("qitaihe", 6): "nil", ("jixi", 8): "late"}
"""(agency, periods before the one now due) in earlier months."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """What a round of workbooks is made from."""

    contract: Contract
    lists: Lists
    """Code lists by name, read once."""
    dues: Sequence[tuple[str, date]]
    """Periods with their due dates, oldest first; the last is the one now due."""


@lru_cache(maxsize=4)
def _members(plan: Plan) -> dict[str, list[int]]:
    """Numbers of enterprises in each city, enough of them for its hazards."""
    members: dict[str, list[int]] = {division: [] for division in AGENCIES.values()}
    for index in range(6000):
        county = plan.places.weighted[serial(index, plan.seed, len(plan.places.weighted))]
        if county.parent in members:
            members[county.parent].append(index)
    return members


def count(plan: Plan, city: str) -> int:
    """How many hazards a city has; at least as many as the demo's faults need."""
    return min(MOST, max({WRONG: 110, SWAPPED: 40}.get(city, 12), round(HAZARDS[city] * plan.scale)))


def hazard(plan: Plan, city: str, index: int, assessed: date) -> Row:
    """Hazard number `index` of a city, as assessed on a day."""
    members = _members(plan)[AGENCIES[city]]
    firm = enterprise(plan, members[index % len(members)])
    dice = plan.dice(DATASET, city, index)
    r_value = round(min(dice.lognormvariate(2.2, 1.1), 900), 1)
    medium = dice.choice(MEDIA)
    return {
        "hazard_id": f"{firm.division}-MH-{index + 1:04d}",
        "name": PLACES.get(medium, f"{medium}储存单元"),
        "credit_code": firm.credit_code,
        "enterprise_name": firm.name,
        "division": firm.division,
        "level": level(r_value),
        "r_value": r_value,
        "lon": firm.lon,
        "lat": firm.lat,
        "medium": medium,
        "owner_name": person(dice.randrange(10**6)),
        "owner_phone": mobile(dice.randrange(10**9)),
        "assessed_on": assessed,
        "sensor_count": dice.randrange(2, 60),
        "status": dice.choice(STATUSES),
    }


def level(r_value: float) -> str:
    """Level of a major hazard by its R value (GB 18218-2018)."""
    return "1" if r_value >= 100 else "2" if r_value >= 50 else "3" if r_value >= 10 else "4"


def faulty(rows: Sequence[Row], today: date) -> dict[str, list[Row]]:
    """Mistakes of a careful person in a hurry, by rule."""
    spare = iter({**row, "hazard_id": row["hazard_id"][:10] + f"{9000 + n}"} for n, row in enumerate(rows))
    wrong: dict[str, Any] = {
        "credit-code": lambda row: {**row, "credit_code": row["credit_code"][:17] + "0O"[row["credit_code"][17] == "0"]},
        "division": lambda row: {**row, "division": "230899"},
        "swapped": lambda row: {**row, "lon": row["lat"], "lat": row["lon"]},
        "maximum": lambda row: {**row, "assessed_on": date(2062, 11, 20)},
        "code-list": lambda row: {**row, "status": "正常运行"},
        "required": lambda row: {**row, "enterprise_name": None},
        "row:level_fits_r": lambda row: {**row, "level": "1" if row["r_value"] < 50 else "4"},
    }
    return {rule: [wrong[rule](next(spare)) for _ in range(number)] for rule, number in FAULTS.items()}


def write_history(plan: Plan, collection: Collection) -> list[Handed]:
    """Workbooks of the earlier periods: each city reports what changed."""
    files = []
    for back, (period, due) in enumerate(reversed(collection.dues[:-1]), start=1):
        for city in AGENCIES:
            lapse = LAPSES.get((city, back), "")
            if lapse == "missing":
                continue
            rows = [] if lapse == "nil" else _changed(plan, city, period, due)
            came = due + timedelta(days=3) if lapse == "late" else _on_time(city, period, due)
            files.append(_hand_over(plan, collection, city, (period, due), rows, came))
    return files


def write_now(plan: Plan, collection: Collection) -> list[Handed]:
    """Workbooks of the period now due: each city reports all it has."""
    period, due = collection.dues[-1]
    files = []
    for city in AGENCIES:
        if city == SILENT:
            continue
        assessed = due - timedelta(days=20)
        rows = [] if city == NOTHING else [hazard(plan, city, n, assessed) for n in range(count(plan, city))]
        faults: dict[str, int] = {}
        if city == WRONG:
            wrong = faulty(rows, plan.today)
            rows = list(mingle(rows, [row for some in wrong.values() for row in some], len(rows), plan.dice(DATASET, city)))
            faults = {rule: len(some) for rule, some in wrong.items()}
        if city == SWAPPED:
            rows = [{**row, "lon": row["lat"], "lat": row["lon"]} if n % 2 else row for n, row in enumerate(rows)]
            faults = {"swapped": len(rows)}  # the batch is returned whole
        came = due + timedelta(days=2) if city == LATE else _on_time(city, period, due)
        files.append(_hand_over(plan, collection, city, (period, due), rows, came, faults))
    return files


def _changed(plan: Plan, city: str, period: str, due: date) -> list[Row]:
    total = count(plan, city)
    some = [n for n in range(total) if fraction(plan.seed, city, period, n) < 0.1] or [0]
    return [hazard(plan, city, n, due - timedelta(days=10)) for n in some]


def _on_time(city: str, period: str, due: date) -> date:
    return due - timedelta(days=int(fraction(city, period) * 4))


def _hand_over(
    plan: Plan, collection: Collection, city: str, when: tuple[str, date], rows: Sequence[Row], came: date,
    faults: dict[str, int] | None = None,
) -> Handed:  # fmt: skip
    period, due = when
    organization = f"{city}-emergency"
    name = plan.places.name(AGENCIES[city])
    path = plan.folder / "mailbox" / organization / period / f"重大危险源_{name}_{period}.xlsx"
    template.write(
        collection.contract, collection.lists, path, agency=organization, period=period,
        agency_title=f"{name}应急管理局", division=AGENCIES[city], due=f"{due}",
    )  # fmt: skip
    fill(path, [item.name for item in collection.contract.items], rows)
    moment = datetime.combine(came, time(9, int(fraction(city, period, "minute") * 60)), CHINA).timestamp()
    os.utime(path, (moment, moment))
    returned = "returned" if city == SWAPPED and faults else ""
    relative = str(path.relative_to(plan.folder))
    return Handed(DATASET, organization, relative, len(rows), faults or {}, "period", period, returned)


def fill(path: Path, items: Sequence[str], rows: Sequence[Row]) -> None:
    """Fill a template in below its header, as a person does, and save it."""
    if not rows:
        return
    book = load_workbook(path)
    sheet = book[marks.FILL_SHEET]
    for number, row in enumerate(rows, start=template.HEADER_ROW + 1):
        for column, name in enumerate(items, start=1):
            sheet.cell(number, column, row[name])
    book.save(path)
