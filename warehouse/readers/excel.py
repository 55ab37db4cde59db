"""Excel and OpenDocument workbooks: any sheet, a header in any row, merged cells, exact text of numbers and dates."""

from __future__ import annotations

import html
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import python_calamine

from contracts.errors import HubError
from contracts.inference.grid import Header, Span, find_header, header_rows, join_levels
from warehouse.readers.shown import shown_numbers

EXACT = 1e15
"""Excel keeps 15 digits of a number; longer identifiers stored as numbers are lost before they come here."""
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
ERROR_CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^>]*t="e"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<v>(#[^<]+)</v>')
NEVER_CALCULATED = re.compile(
    rb'<c r="([A-Z]+)([0-9]+)"(?![^>]*t="str")[^>]*>\s*<f(?:[^>]*/>|[^>]*>([^<]*)</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
"""A formula without a value; one that gave an empty text is t="str"."""
DIMENSION = re.compile(rb'<dimension ref="[A-Z]+[0-9]+:([A-Z]+)([0-9]+)"')
FILLED_CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"[^>]*[^/]>')
MOST_CELLS = 50_000_000
"""Cells from A1 to the last one that is filled; calamine makes room for each of them, 24 bytes or more."""
BLOCK = 8 << 20
SUFFIXES = frozenset({".xls", ".et", ".xlsx", ".xlsm", ".xlsb", ".ods"})


class WorkbookRefused(HubError):
    """A workbook that is locked, broken, or has no such sheet."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with what is in it."""

    name: str
    hidden: bool
    rows: int
    columns: int


@dataclass(slots=True)
class Grid:
    """A sheet's cells as text, and its merged cells."""

    cells: list[list[str]]
    spans: list[Span]
    never: Counter[int] = field(default_factory=Counter)
    """Formulas that were never calculated, by column."""


def sheets(path: Path) -> list[Sheet]:
    """The work sheets of a workbook, hidden ones too (not charts or macros)."""
    book = _open(path)
    listed = []
    for metadata in book.sheets_metadata:
        if metadata.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        sheet = _sheet(book, metadata.name, path)
        hidden = metadata.visible != python_calamine.SheetVisibleEnum.Visible
        listed.append(Sheet(metadata.name, hidden, max(sheet.total_height, sheet.height), sheet.width))
    return listed


def sheet_names(path: Path) -> list[str]:
    """The names of the work sheets, hidden ones too."""
    return [
        metadata.name for metadata in _open(path).sheets_metadata if metadata.typ == python_calamine.SheetTypeEnum.WorkSheet
    ]


def grid(path: Path, sheet: str) -> Grid:
    """All cells of a sheet as text, from A1 on."""
    opened = _sheet(_open(path), sheet, path)
    rows = opened.to_python(skip_empty_area=False)
    moments = _moments(rows)
    cells = [[to_text(cell, place in moments) for place, cell in enumerate(row)] for row in rows]
    never: Counter[int] = Counter()
    for row, column, valueless in valueless_cells(path, sheet):
        if row < len(cells) and column < len(cells[row]):
            cells[row][column] = valueless
            never[column] += valueless.startswith("=")
    for row, column, padded in shown_cells(path, sheet):
        if row < len(cells) and column < len(cells[row]) and cells[row][column]:
            cells[row][column] = padded
    ranges = getattr(opened, "merged_cell_ranges", None) or []
    return Grid(cells, [(top, left, bottom, right) for (top, left), (bottom, right) in ranges], never)


def check_calculated(path: Path, read: Grid) -> None:
    """Refuse a sheet with a column of formulas that no program has calculated yet: the file does not hold their values."""
    for column, count in read.never.most_common(1):
        if count >= max(2, 0.5 * sum(bool(row[column]) for row in read.cells if column < len(row))):
            raise WorkbookRefused(
                f"{path.name} 的第 {column + 1} 列有 {count} 个公式没有保存计算结果。请用 Excel 或 WPS 打开，保存后再提交。",
                f"Column {column + 1} of {path.name} has {count} formulas without a saved result; save it in Excel first.",
            )


def valueless_cells(path: Path, sheet: str) -> list[tuple[int, int, str]]:
    """Cells of an xlsx sheet that calamine gives as empty, which they are not: row, column, and #DIV/0! and the like, or
    the text of a formula that was never calculated."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if not part:
            return []
        text = archive.read(part)
    references = ERROR_CELL.findall(text) if b't="e"' in text else []
    if b"<f" in text:
        references += [(letters, row, b"=" + formula) for letters, row, formula in NEVER_CALCULATED.findall(text)]
    return [
        (int(row) - 1, _column(letters.decode()) - 1, html.unescape(reference.decode()))
        for letters, row, reference in references
    ]


def shown_cells(path: Path, sheet: str) -> list[tuple[int, int, str]]:
    """Cells whose format shows zeros that the number does not have (000100 for 100): row, column, text."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        cells = list(shown_numbers(archive, archive.read(part))) if part else []
    return [(row - 1, _column(letters.decode()) - 1, padded) for letters, row, padded in cells]


def _column(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column


def _check_extent(path: Path, sheet: str) -> None:
    """Refuse a sheet with a cell filled at its far end, before room is made for all the cells before it."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if not part:
            return
        with archive.open(part) as stream:
            match = DIMENSION.search(stream.read(4096))
        if not match or _column(match.group(1).decode()) * int(match.group(2)) <= MOST_CELLS:
            return
        columns = rows = 1
        with archive.open(part) as stream:
            rest = b""
            while block := stream.read(BLOCK):
                text = rest + block
                for letters, row in {(a, b) for a, b in FILLED_CELL.findall(text)}:
                    columns, rows = max(columns, _column(letters.decode())), max(rows, int(row))
                rest = text[text.rfind(b"<c ") :] if b"<c " in text else b""
    if columns * rows > MOST_CELLS:
        raise WorkbookRefused(
            f"{path.name} 的工作表 {sheet} 用到第 {rows} 行、第 {columns} 列；请删除远处多余的单元格，保存后再提交。",
            f"Sheet {sheet} of {path.name} is used as far as row {rows} and column {columns}; "
            "delete the stray cells far away, save it and hand it in again.",
        )


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """The file of a sheet inside a workbook."""
    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return ""
    book, links = (archive.read(f"xl/{name}").decode(errors="replace") for name in ("workbook.xml", "_rels/workbook.xml.rels"))
    for tag in re.findall(r"<(?:\w+:)?sheet\s[^>]*>", book):
        attributes = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        if html.unescape(attributes.get("name", "")) == sheet:
            key = re.escape(next((value for name, value in attributes.items() if name.endswith(":id")), ""))
            link = next((tag for tag in re.findall(r"<Relationship\s[^>]*>", links) if re.search(rf'Id="{key}"', tag)), "")
            target = re.search(r'Target="/?(?:xl/)?([^"]*)"', link)
            part = f"xl/{target.group(1)}" if target else ""
            return part if part in names else ""
    return ""


def told_header(read: Grid, header: str | None) -> Header:
    """The header as it was told, or as it is found."""
    if header is None or header == "":
        return find_header(read.cells, read.spans)
    first, last = header_rows(header)
    if not first:
        filled = next((n for n, row in enumerate(read.cells) if any(row)), 0)
        return Header((), (), skipped=("",) * filled)
    levels = tuple(range(first - 1, last))
    rows = [read.cells[level] for level in levels if level < len(read.cells)]
    return Header(levels, join_levels(rows, 0, read.spans, levels))


def to_text(cell: Any, moment: bool = False) -> str:
    """A cell as text: whole numbers without .0, dates ISO 8601; `moment`: the column holds times, midnight is shown too."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if abs(cell) >= EXACT:
            return f"{cell:.14E}"  # what is left of it; more digits would look like a number that nobody typed
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        if not moment and cell.time() == time(0):
            return cell.date().isoformat()
        return cell.isoformat(sep=" ", timespec="microseconds" if cell.microsecond else "seconds")
    if isinstance(cell, date):
        return f"{cell.isoformat()} 00:00:00" if moment else cell.isoformat()
    if isinstance(cell, time):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, timedelta):
        return _duration(cell)
    return str(cell).strip("\ufeff")


def _duration(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _moments(rows: Sequence[Sequence[Any]]) -> set[int]:
    """Columns in which some cell has a time of day beside its date."""
    return {place for row in rows for place, cell in enumerate(row) if isinstance(cell, datetime) and cell.time() != time(0)}


def width(rows: Sequence[Sequence[str]]) -> int:
    """Cells up to the last one that is filled in any row."""
    return max((place + 1 for row in rows for place in [_last(row)] if place >= 0), default=0)


def _last(row: Sequence[str]) -> int:
    return max((place for place, cell in enumerate(row) if cell), default=-1)


def fill_merged(read: Grid, first: int) -> None:
    """A merged cell stands for all cells it covers: its value is written into each."""
    for top, left, bottom, right in read.spans:
        if top < first or top >= len(read.cells) or (right > left and right - left + 1 >= len(read.cells[top])):
            continue
        value = read.cells[top][left] if left < len(read.cells[top]) else ""
        for row in range(top, min(bottom + 1, len(read.cells))):
            for column in range(left, min(right + 1, len(read.cells[row]))):
                read.cells[row][column] = value


def data_rows(cells: list[list[str]], first: int) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with their number in the sheet from 1."""
    for number, row in enumerate(cells[first:], start=first + 1):
        if any(cell.strip() for cell in row):
            yield number, row


def _open(path: Path) -> python_calamine.CalamineWorkbook:
    with path.open("rb") as file:
        head = file.read(8)
        if head.startswith(b"\xd0\xcf\x11\xe0") and ENCRYPTED in file.read(1 << 20):
            raise _locked(path)
    try:
        if path.suffix.lower() in SUFFIXES and _named_otherwise(path, head):
            with path.open("rb") as file:  # by its path it would be read as what it is called
                return python_calamine.CalamineWorkbook.from_filelike(file)
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as error:
        raise _locked(path) from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise WorkbookRefused(
            f"{path.name} 不是可读取的 Excel 文件（{error}）。请用 Excel 打开后另存为 .xlsx 再提交。",
            f"{path.name} is not a readable workbook ({error}). Open it in Excel, save it as .xlsx and hand that in.",
        ) from error


def _named_otherwise(path: Path, head: bytes) -> bool:
    """Whether a workbook's suffix says another kind than its bytes: an .xls that is called .xlsx, or the reverse."""
    return (path.suffix.lower() in (".xls", ".et")) != head.startswith(b"\xd0\xcf\x11\xe0")


def _sheet(book: python_calamine.CalamineWorkbook, name: str, path: Path) -> python_calamine.CalamineSheet:
    _check_extent(path, name)
    try:
        return book.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound as error:
        zh, en = "、".join(book.sheet_names), ", ".join(book.sheet_names)
        raise WorkbookRefused(
            f"{path.name} 没有工作表 {name}；有：{zh}", f"{path.name} has no sheet {name}; it has {en}"
        ) from error
    except (python_calamine.CalamineError, ValueError) as error:
        raise WorkbookRefused(
            f"{path.name} 的工作表 {name} 无法读取（{error}）。", f"Sheet {name} of {path.name} cannot be read ({error})."
        ) from error


def _locked(path: Path) -> WorkbookRefused:
    return WorkbookRefused(
        f"{path.name} 设有密码。请取消密码后再提交。",
        f"{path.name} is locked with a password. Remove it and hand the file in again.",
    )
