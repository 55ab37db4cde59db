"""How a workbook is read: its sheet, the tables on it, the header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from contracts.inference import beside, grid, sniff, veil
from contracts.inference.evidence import Choice, Evidence, Question, Said
from warehouse.readers import excel, sheets
from warehouse.readers.archive import check_workbook
from warehouse.readers.column_match import REASONS
from warehouse.readers.inspect_header import refuse_form, settle_header
from warehouse.readers.inspection import Inspection
from warehouse.settings import Settings

PREFER_DATA = 2
"""A sheet with at least this many rows and one column may hold data."""


def inspect_workbook(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    """Settle the sheet and its header, ask which, or refuse what is no table."""
    if found.media == "xlsx":
        check_workbook(found.path, settings.max_unpacked_bytes)
    sheet = _told_sheet(found, told) or _choose_sheet(found)
    if not sheet:
        return
    found.reading["sheet"] = sheet
    if told.get("range"):
        found.reading["range"] = str(told["range"])
    read = _first_part(found, told, sheet)
    if found.by_person:
        refuse_form(read.cells, told)
        excel.check_calculated(found.path, read)
    elif read.cells and REASONS in read.cells[0]:
        told = {"header": "1"}
    guess = excel.told_header(read, None)
    settle_header(found, read.cells, told, guess, list(range(1, len(read.cells) + 1)), read.spans)
    header = found.reading.get("header")
    if header is None:
        return
    settled = excel.told_header(read, str(header))
    if sheet == beside.ALL:
        found.reading["columns"] = list(told.get("columns") or [name for name in settled.names if name][:6])
    if found.by_person:
        _beside(found, read, settled, told)


def _first_part(found: Inspection, told: Mapping[str, Any], sheet: str) -> excel.Grid:
    """The cells that the header is looked for in: of the sheet, the first of several, or the columns that were told."""
    if sheet == beside.ALL:
        taken = sheets.alike(found.path, excel.sheets(found.path), None, told)
        listed = "、".join(taken)
        found.evidence.append(Evidence(f"{len(taken)} 个工作表合在一起：{listed}", f"{len(taken)} sheets together: {listed}"))
        sheet = taken[0]
    read = excel.grid(found.path, sheet)
    if not any(cell.strip() for row in read.cells for cell in row):
        raise sniff.NotATable(f"工作表 {sheet} 是空的。", f"The sheet {sheet} is empty.")
    asked = beside.told(told.get("range"))
    return sheets.crop(read, asked[0]) if asked else read


def _beside(found: Inspection, read: excel.Grid, header: grid.Header, told: Mapping[str, Any]) -> None:
    """Ask which table is meant where several stand side by side; tell of notes beside the table."""
    if told.get("range"):
        return
    if blocks := beside.blocks(read.cells, header):
        found.questions.append(beside.question(blocks, header.names))
    notes = beside.notes(read.cells, header)
    if "columns" in found.reading and not told.get("columns"):
        kept = [name for column, name in enumerate(header.names) if name and column not in notes]
        found.reading["columns"] = kept[:6]
    for text in notes.values():
        shown = veil.veiled(text[: sheets.SHOWN])
        found.evidence.append(Evidence(f"表旁的附注，不是数据：{shown}", f"a note beside the table, no data: {shown}"))


def _told_sheet(found: Inspection, told: Mapping[str, Any]) -> str:
    """The sheet that was told; the contract's may be called otherwise in this delivery."""
    sheet = str(told.get("sheet") or "")
    if sheet == beside.ALL:
        return _export_sheet(found) or sheet
    if sheet and not found.by_person and sheet not in (names := excel.sheet_names(found.path)):
        return "" if len(names) == 1 else sheet
    return sheet


def _export_sheet(found: Inspection) -> str:
    """The only sheet of a workbook, where that is quarantine as it was exported: it names the sheets in a column."""
    names = excel.sheet_names(found.path)
    if found.by_person or len(names) != 1:
        return ""
    cells = excel.grid(found.path, names[0]).cells
    return names[0] if cells and REASONS in cells[0] else ""


def _choose_sheet(found: Inspection) -> str:
    every = excel.sheets(found.path)
    filled = [s for s in every if s.rows >= PREFER_DATA and s.columns] or [s for s in every if s.rows]
    seen = [s for s in filled if not s.hidden] or filled
    hidden = [s.name for s in filled if s.hidden and s not in seen]
    if hidden:
        zh, en = "、".join(hidden), ", ".join(hidden)
        found.evidence.append(Evidence(f"未读隐藏工作表：{zh}", f"hidden sheets not read: {en}"))
    if len(seen) == 1:
        return seen[0].name
    if not seen:
        raise sniff.NotATable("工作簿中没有数据。", "The workbook holds no data.")
    choices = [Choice(s.name, Said(f"{s.rows} 行 {s.columns} 列", f"{s.rows} rows, {s.columns} columns")) for s in seen]
    shapes = sheets.shapes_of(found.path, seen, None, {"sheet": beside.ALL})
    if len(same := [shape for shape in shapes.values() if shape == Counter(shapes.values()).most_common(1)[0][0]]) > 1:
        both = Said(
            f"{len(same)} 个表的列名相同：合在一起读，表名作为一列",
            f"{len(same)} sheets have the same columns: together, with the sheet's name as an item",
        )
        choices.insert(0 if len(same) == len(seen) else len(choices), Choice(beside.ALL, both))
    said = Said(
        f"工作簿有 {len(seen)} 个有数据的工作表，读哪一个？", f"The workbook has {len(seen)} sheets with data; which one?"
    )
    found.questions.append(Question("--sheet", said, tuple(choices)))
    return ""
