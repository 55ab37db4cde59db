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


def inspect_workbook(inspection: Inspection, options: Mapping[str, Any], settings: Settings) -> None:
    """Settle the sheet and its header, ask which, or refuse what is no table."""
    if inspection.media == "xlsx":
        check_workbook(inspection.path, settings.max_unpacked_bytes)
    sheet = _told_sheet(inspection, options) or _choose_sheet(inspection)
    if not sheet:
        return
    inspection.reading["sheet"] = sheet
    if options.get("range"):
        inspection.reading["range"] = str(options["range"])
    read = _first_part(inspection, options, sheet)
    if inspection.by_person:
        refuse_form(read.cells, options)
        excel.check_calculated(inspection.path, read)
    elif read.cells and REASONS in read.cells[0]:
        options = {"header": "1"}
    guess = excel.told_header(read, None)
    settle_header(inspection, read.cells, options, guess, list(range(1, len(read.cells) + 1)), read.spans)
    header = inspection.reading.get("header")
    if header is None:
        return
    settled = excel.told_header(read, str(header))
    if sheet == beside.ALL:
        inspection.reading["columns"] = list(options.get("columns") or [name for name in settled.names if name][:6])
    if inspection.by_person:
        _beside(inspection, read, settled, options)


def _first_part(inspection: Inspection, options: Mapping[str, Any], sheet: str) -> excel.Grid:
    """The cells that the header is looked for in: of the sheet, the first of several, or the columns that were told."""
    if sheet == beside.ALL:
        taken = sheets.alike(inspection.path, excel.sheets(inspection.path), None, options)
        listed = "、".join(taken)
        inspection.evidence.append(
            Evidence(f"{len(taken)} 个工作表合在一起：{listed}", f"{len(taken)} sheets together: {listed}")
        )
        sheet = taken[0]
    read = excel.grid(inspection.path, sheet)
    if not any(cell.strip() for row in read.cells for cell in row):
        raise sniff.NotATable(f"工作表 {sheet} 是空的。", f"The sheet {sheet} is empty.")
    wanted = beside.told(options.get("range"))
    return sheets.crop(read, wanted[0]) if wanted else read


def _beside(inspection: Inspection, read: excel.Grid, header: grid.Header, options: Mapping[str, Any]) -> None:
    """Ask which table is meant where several stand side by side; tell of notes beside the table."""
    if options.get("range"):
        return
    if blocks := beside.blocks(read.cells, header):
        inspection.questions.append(beside.question(blocks, header.names))
    notes = beside.notes(read.cells, header)
    if "columns" in inspection.reading and not options.get("columns"):
        names = [name for column, name in enumerate(header.names) if name and column not in notes]
        inspection.reading["columns"] = names[:6]
    for text in notes.values():
        shown = veil.veiled(text[: sheets.SHOWN])
        inspection.evidence.append(Evidence(f"表旁的附注，不是数据：{shown}", f"a note beside the table, no data: {shown}"))


def _told_sheet(inspection: Inspection, options: Mapping[str, Any]) -> str:
    """The sheet that was told; the contract's may be called otherwise in this delivery."""
    sheet = str(options.get("sheet") or "")
    if sheet == beside.ALL:
        return _export_sheet(inspection) or sheet
    if sheet and not inspection.by_person and sheet not in (names := excel.sheet_names(inspection.path)):
        return "" if len(names) == 1 else sheet
    return sheet


def _export_sheet(inspection: Inspection) -> str:
    """The only sheet of a workbook, where that is quarantine as it was exported: it names the sheets in a column."""
    names = excel.sheet_names(inspection.path)
    if inspection.by_person or len(names) != 1:
        return ""
    cells = excel.grid(inspection.path, names[0]).cells
    return names[0] if cells and REASONS in cells[0] else ""


def _choose_sheet(inspection: Inspection) -> str:
    every = excel.sheets(inspection.path)
    filled = [s for s in every if s.rows >= PREFER_DATA and s.columns] or [s for s in every if s.rows]
    seen = [s for s in filled if not s.hidden] or filled
    hidden = [s.name for s in filled if s.hidden and s not in seen]
    if hidden:
        zh, en = "、".join(hidden), ", ".join(hidden)
        inspection.evidence.append(Evidence(f"未读隐藏工作表：{zh}", f"hidden sheets not read: {en}"))
    if len(seen) == 1:
        return seen[0].name
    if not seen:
        raise sniff.NotATable("工作簿中没有数据。", "The workbook holds no data.")
    choices = [Choice(s.name, Said(f"{s.rows} 行 {s.columns} 列", f"{s.rows} rows, {s.columns} columns")) for s in seen]
    shapes = sheets.shapes_of(inspection.path, seen, None, {"sheet": beside.ALL})
    if len(same := [shape for shape in shapes.values() if shape == Counter(shapes.values()).most_common(1)[0][0]]) > 1:
        both = Said(
            f"{len(same)} 个表的列名相同：合在一起读，表名作为一列",
            f"{len(same)} sheets have the same columns: together, with the sheet's name as an item",
        )
        choices.insert(0 if len(same) == len(seen) else len(choices), Choice(beside.ALL, both))
    said = Said(
        f"工作簿有 {len(seen)} 个有数据的工作表，读哪一个？", f"The workbook has {len(seen)} sheets with data; which one?"
    )
    inspection.questions.append(Question("--sheet", said, tuple(choices)))
    return ""
