"""省自然资源厅: geological disasters, a workbook with merged title rows, a notes sheet first and a total at the foot."""

from __future__ import annotations

from datetime import date
from typing import Any

import xlsxwriter

from demo.places import position
from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-natural", "landslide"
ROWS = 900
HEADER = [
    "灾害编号",
    "发生日期",
    "灾害类型",
    "诱发因素",
    "行政区划代码",
    "经度",
    "纬度",
    "死亡失踪（人）",
    "受影响户数（户）",
    "情况说明",
]
KINDS = ("滑坡", "滑坡", "崩塌", "崩塌", "泥石流", "地面塌陷", "地裂缝", "地面沉降")
TRIGGERS = ("强降雨", "强降雨", "融雪", "冻融", "工程活动", "采矿", "其他")
Row = list[Any]


def event(plan: Plan, index: int) -> Row:
    """Event number `index`: half of the dates are real dates, half text, as people fill sheets."""
    dice = plan.dice(DATASET, index)
    county = plan.places.counties[dice.randrange(len(plan.places.counties))]
    lon, lat = position(county.code, dice.random())
    day = plan.day(dice.randrange(5, 3000))
    kind, trigger = dice.choice(KINDS), dice.choice(TRIGGERS)
    households = dice.choice((0, 0, 0, 1, 2, 3, 5, 8, 12, 30))
    description = (
        f"{trigger}引发{kind}，{county.name}境内道路 K{dice.randrange(1, 300)} 处，方量约 {dice.randrange(10, 5000)} 立方米"
    )
    when: date | str = day if index % 2 else f"{day:%Y/%m/%d}"
    deaths = 1 if dice.random() < 0.01 else 0
    return [f"DZ{day.year}-{index:05d}", when, kind, trigger, county.code, lon, lat, deaths, households, description]


def faulty(plan: Plan) -> dict[str, list[Row]]:
    """Rows that must not be let in."""
    spare = iter([[f"DZ2026-9{n:04d}", *event(plan, n)[1:]] for n in range(20)])

    def wrong(position: int, value: object, row: Row) -> Row:
        return [*row[:position], value, *row[position + 1 :]]

    twin = next(spare)
    return {
        "code-list": [wrong(2, "山体滑坡", next(spare)) for _ in range(3)],
        "maximum": [wrong(1, "2062/11/20", next(spare)) for _ in range(2)],
        "swapped": [[*(r := next(spare))[:5], r[6], r[5], *r[7:]] for _ in range(2)],
        "minimum": [wrong(8, -1, next(spare))],
        "type": [wrong(1, "2026.07.14", next(spare)) for _ in range(2)],
        "key": [twin, wrong(8, 77, twin)],
    }


def write(plan: Plan) -> list[Handed]:
    """One workbook: title merged over two rows, header in the fourth, data, and a row of totals that is no event."""
    path = plan.drop(ORGANIZATION, DATASET, f"黑龙江省地质灾害事件_{plan.today.year}.xlsx")
    total, wrong = plan.many(ROWS), faulty(plan)
    bad = [row for rows in wrong.values() for row in rows]
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    _notes(book)
    sheet = book.add_worksheet("灾害事件")
    sheet.merge_range(
        0, 0, 1, len(HEADER) - 1, "黑龙江省地质灾害事件统计表", book.add_format({"bold": True, "align": "center"})
    )
    sheet.merge_range(2, 0, 2, len(HEADER) - 1, f"填报单位：黑龙江省自然资源厅　　统计截止：{plan.today:%Y-%m-%d}")
    sheet.write_row(3, 0, HEADER)
    number = 4
    for row in mingle((event(plan, i) for i in range(total)), bad, total, plan.dice(DATASET)):
        for column, value in enumerate(row):
            sheet.write(number, column, value, day if isinstance(value, date) else None)
        number += 1
    sheet.write_row(number, 0, ["合计", "", "", "", "", "", "", "", total, ""])
    book.close()
    faults = {**{rule: len(rows) for rule, rows in wrong.items()}, "total-row": 1}
    return [Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), number - 4 + 1, faults)]


def _notes(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet("填表说明")
    for row, text in enumerate(("填表说明", "一、时间填公历日期。", "二、坐标采用 CGCS2000。", "三、类型按 GB/T 28921 填写。")):
        sheet.write(row, 0, text)
