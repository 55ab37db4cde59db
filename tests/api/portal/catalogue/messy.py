"""A workbook as offices hand it over: title, unit line, a header of two rows with merged cells, a sum, a note, two sheets."""

from __future__ import annotations

import io
from typing import Any

import openpyxl

TOWNS = ("道里区", "南岗区", "香坊区", "平房区", "松北区", "呼兰区", "阿城区", "双城区")
HEAD = ("序号", "避难场所", "", "可容纳", "", "启用日期", "联系电话")
BELOW = ("", "名称", "所在区", "人数", "面积", "", "")


def workbook() -> bytes:
    """Its bytes; its first sheet has 40 rows, one of them with a word among numbers."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "2026年"
    sheet.append(["哈尔滨市应急避难场所统计表"])
    sheet.merge_cells("A1:G1")
    sheet.append(["填报单位：市应急管理局", "", "", "", "", "单位：平方米"])
    sheet.append(HEAD)
    sheet.append(BELOW)
    for span in ("A3:A4", "B3:C3", "D3:E3", "F3:F4", "G3:G4"):
        sheet.merge_cells(span)
    for number in range(40):
        sheet.append(_row(number))
    sheet.append(["合计", "", "", sum(100 + n for n in range(40)), sum(500 + 10 * n for n in range(40))])
    sheet.append(["注：数据截至 2026 年 3 月。"])
    other = book.create_sheet("填表说明")
    other.append(["项目", "说明"])
    for number in range(12):
        other.append([f"项目{number}", f"按第 {number} 条填写"])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _row(number: int) -> list[Any]:
    town = TOWNS[number % len(TOWNS)]
    opened = f"{number % 12 + 1}/{number % 11 + 1}/2025"
    return [number + 1, f"{town}第{number + 1}避难场所", town, 100 + number, 500 + 10 * number, opened, f"138{number:08d}"]
