"""A filled template goes back with its errors at their cells: red fill, a comment, and a column of reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.excel.marks import TemplateMark, identify

REASONS = "问题与修改办法 / What to correct"
RED = "FFF8D7DA"
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "＝", "＋", "－", "＠")
"""First characters that a spreadsheet may run as a formula."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """One fault at one cell. `row` counts the data rows under the header, from 1; no item: the whole row."""

    row: int
    item: str
    message: str
    message_en: str = ""


def escaped(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def annotate(path: Path, faults: Iterable[Any], target: Path, mark: TemplateMark | None = None) -> int:
    """Write a copy of a filled workbook with every fault at its cell; returns how many were placed.

    `faults`: CellFault, mappings or objects with row, item, message, message_en; or quarantined rows with `row` and `faults`.
    Formulas that agencies left in cells stay as they are; texts of ours are escaped.
    """
    from openpyxl import load_workbook

    mark = mark or identify(path) or TemplateMark("", "", 0)
    book = load_workbook(path)
    sheet = book[book.sheetnames[0]]
    sheet.protection.sheet = False
    columns = _columns(sheet, mark)
    reasons: dict[int, list[str]] = {}
    placed = 0
    for fault in _each(faults):
        row = mark.header_row + fault.row
        reasons.setdefault(row, []).append(fault.message)
        if fault.item in columns:
            _mark_cell(sheet.cell(row, columns[fault.item]), fault)
        placed += 1
    _reasons(sheet, mark.header_row, reasons)
    target.parent.mkdir(parents=True, exist_ok=True)
    book.save(target)
    return placed


def _each(faults: Iterable[Any]) -> Iterable[CellFault]:
    for fault in faults:
        below = _of(fault, "faults")
        if below is not None:
            row = int(_of(fault, "row"))
            for one in below:
                yield CellFault(row, _of(one, "item") or "", _of(one, "message") or "", _of(one, "message_en") or "")
        elif _of(fault, "row") is not None:
            row, item = int(_of(fault, "row")), _of(fault, "item") or ""
            yield CellFault(row, item, _of(fault, "message") or "", _of(fault, "message_en") or "")


def _of(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _columns(sheet: Any, mark: TemplateMark) -> dict[str, int]:
    """Where each item stands; agencies may not move columns, since the header is locked."""
    return {name: n for n, name in enumerate(mark.items, 1) if n <= sheet.max_column}


def _mark_cell(cell: Any, fault: CellFault) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Border, PatternFill, Side

    cell.fill = PatternFill("solid", start_color=RED, end_color=RED)
    side = Side(style="medium", color="FFC0392B")
    cell.border = Border(left=side, right=side, top=side, bottom=side)
    text = f"{fault.message}\n{fault.message_en}".strip()
    before = f"{cell.comment.text}\n" if cell.comment else ""
    comment = Comment((before + text)[:2000], "Hui")
    comment.width, comment.height = 360, 120
    cell.comment = comment


def _reasons(sheet: Any, header_row: int, reasons: Mapping[int, list[str]]) -> None:
    from openpyxl.styles import Alignment, Font

    column = _reason_column(sheet, header_row)
    head = sheet.cell(header_row, column, REASONS)
    head.font = Font(bold=True, color="FFC0392B")
    sheet.column_dimensions[head.column_letter].width = 70
    for row, texts in reasons.items():
        cell = sheet.cell(row, column)
        cell.value = escaped("；".join(dict.fromkeys(texts)))[:32000]
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _reason_column(sheet: Any, header_row: int) -> int:
    """The column of an earlier return is used again, or the first free one after the header."""
    last = 0
    for cell in sheet[header_row]:
        if cell.value == REASONS:
            return int(cell.column)
        last = int(cell.column) if cell.value not in (None, "") else last
    return last + 1
