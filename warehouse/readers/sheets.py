"""The parts of a workbook that a dataset is made of: one sheet, all sheets of one shape, tables side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contracts.inference import beside, veil
from contracts.inference.asides import Sieve, Sifted
from contracts.inference.beside import ALL, Block
from contracts.inference.grid import Header, unique_names
from warehouse.readers import excel
from warehouse.readers.excel import Grid, Sheet, WorkbookRefused
from warehouse.readers.scratch import ROW, TextTable, write_rejects
from warehouse.readers.source import Source

SHEET = "工作表"
"""The item that names the sheet a row stands on, where several are taken together."""
SHARED = 0.5
"""Share of names in common from which on a sheet that is left out may be one of the others, changed."""
FEWEST = 2
SHOWN = 80
"""Characters of a note that are told."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table on a sheet: its cells, its header, and the rows of the file that stand before it."""

    sheet: str
    read: Grid
    header: Header
    before: int = 0
    notes: tuple[str, ...] = ()
    """What stands beside the table."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the header says."""
        return self.header.names

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns, each with a name of its own."""
        return unique_names(self.names, excel.width(self.read.cells[self.header.first_data_row :]))


def together(reading: Mapping[str, Any]) -> bool:
    """Whether all sheets of one shape are taken together."""
    return str(reading.get("sheet") or "") == ALL


def open_excel(path: Path, *, folder: Path, reading: Mapping[str, Any]) -> Source:
    """The sheet that the reading names, or all of one shape, as a source. Its `header`: a row number from 1, "2-3" for levels,
    "none", or None to find it."""
    parts_found = parts(path, reading)
    sift = reading.get("asides") != "keep"
    offset = parts_found[0].header.first_data_row  # rows count from the first one below the header, blank ones too
    first = unique_names([*parts_found[0].columns, *([SHEET] if together(reading) else [])])
    table = TextTable(folder, first, numbered=True)
    rejects: list[tuple[int, str, str]] = []
    for part in parts_found:
        names = part.columns
        sheet_column = {first[-1]: part.sheet} if together(reading) else {}
        for sifted in _rows(part, sift):
            cells, number = sifted.cells, part.before + sifted.number - offset
            if sifted.reason:
                rejects.append((number, " | ".join([*sheet_column.values(), *(cell for cell in cells if cell)]), sifted.reason))
            else:
                row = {name: (cells[n] or None) if n < len(cells) else None for n, name in enumerate(names)}
                table.add({**row, **sheet_column}, number)
    relation = table.close()
    lost = write_rejects(folder, rejects)
    scratch = (*table.parts, *((lost[1],) if lost else ()))
    media = "xls" if path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0" else "xlsx"
    return Source(
        relation,
        table.names(),
        media,
        rejects=lost[0] if lost else None,
        row_offset=offset,
        reading=dict(reading),
        scratch=scratch,
        row=ROW,
        sheets=tuple((part.before - offset, part.sheet) for part in parts_found) if len(parts_found) > 1 else (),
        left_out=tuple(veil.veiled(note[:SHOWN]) for part in parts_found for note in part.notes),
    )


def _rows(part: Part, sift: bool) -> Iterator[Sifted]:
    """The rows of a part, each with what it is."""
    excel.fill_merged(part.read, part.header.first_data_row)
    rows = excel.data_rows(part.read.cells, part.header.first_data_row)
    if not sift:
        return (Sifted(*each) for each in rows)
    return Sieve(part.columns, part.read.cells[part.header.first_data_row :]).sift(rows)


def parts(path: Path, reading: Mapping[str, Any]) -> list[Part]:
    """The tables that make the dataset, in the file's order; refused where a sheet is left out that may be one of them."""
    header = None if reading.get("header") is None else str(reading["header"])
    if not together(reading):
        return _blocks(excel.grid(path, str(reading["sheet"])), str(reading["sheet"]), header, reading, 0)
    listed: list[Part] = []
    before = 0
    for sheet in alike(path, excel.sheets(path), header, reading):
        read = excel.grid(path, sheet)
        listed += _blocks(read, sheet, header, reading, before)
        before += len(read.cells) * max(1, len(beside.told(reading.get("range"))))
    return listed


def _blocks(read: Grid, sheet: str, header: str | None, reading: Mapping[str, Any], before: int) -> list[Part]:
    wanted = beside.told(reading.get("range"))
    if not wanted:
        read, own, notes = without_notes(read, _found(read, header, reading))
        return [Part(sheet, read, own, before, notes)]
    cropped = [crop(read, each) for each in wanted]
    blocks = [Part(sheet, one, _found(one, header, reading), before + n * len(read.cells)) for n, one in enumerate(cropped)]
    for other in blocks[1:]:
        if {*_plain(other.names)} != {*_plain(blocks[0].names)}:
            raise WorkbookRefused(
                f"并排的两块列名不同：{'、'.join(blocks[0].names)} 与 {'、'.join(other.names)}；请用 --range 指出其中一块。",
                f"The blocks have different names: {', '.join(blocks[0].names)} and {', '.join(other.names)}; "
                "choose one with --range.",
            )
    return blocks


def _found(read: Grid, header: str | None, reading: Mapping[str, Any]) -> Header:
    """The header as it is told; of several sheets each may have it at its own place."""
    if not together(reading) or header in (None, "none"):
        return excel.told_header(read, header)
    own = excel.told_header(read, None)
    begins = {str(name) for name in reading.get("columns") or ()}
    return own if own.certain and begins <= {*own.names} else excel.told_header(read, header)


def crop(read: Grid, block: Block) -> Grid:
    """The columns of a block as a sheet of their own."""
    cells = [row[block.left : block.right + 1] for row in read.cells]
    spans = [
        (top, max(left, block.left) - block.left, bottom, min(right, block.right) - block.left)
        for top, left, bottom, right in read.spans
        if left <= block.right and right >= block.left
    ]
    never = Counter({column - block.left: n for column, n in read.never.items() if block.left <= column <= block.right})
    return Grid(cells, spans, never)


def without_notes(read: Grid, header: Header) -> tuple[Grid, Header, tuple[str, ...]]:
    """The sheet and its header without notes that stand beside its table, and these."""
    notes = beside.notes(read.cells, header)
    if not notes:
        return read, header, ()
    cells = [["" if column in notes else cell for column, cell in enumerate(row)] for row in read.cells]
    names = ["" if column in notes else name for column, name in enumerate(header.names)]
    while names and not names[-1]:
        names.pop()
    last = max(len(names), excel.width(cells[header.first_data_row :]))
    rest = Grid([row[:last] for row in cells], read.spans, read.never)
    return rest, replace(header, names=tuple(names)), tuple(notes.values())


def alike(path: Path, seen: Sequence[Sheet], header: str | None, reading: Mapping[str, Any]) -> list[str]:
    """The visible sheets with the same names of columns, of most of them or of the contract; refused where one is left out
    that has half of these names."""
    shapes = shapes_of(path, seen, header, reading)
    if not shapes:
        raise WorkbookRefused(f"{path.name} 中没有可合并的工作表。", f"No sheets of {path.name} can be taken together.")
    begins = {str(name) for name in reading.get("columns") or ()}
    known = [shape for shape in shapes.values() if begins and begins <= shape]
    usual = known[0] if known else Counter(shapes.values()).most_common(1)[0][0]
    for sheet, shape in shapes.items():
        if shape != usual and len(shape & usual) >= SHARED * len(usual):
            more, less = sorted(shape - usual), sorted(usual - shape)
            raise WorkbookRefused(
                f"工作表 {sheet} 的列与其他表不同（多 {'、'.join(more) or '无'}；少 {'、'.join(less) or '无'}），"
                "不能合在一起读；请统一列名，或用 --sheet 指出一个表。",
                f"Sheet {sheet} has other columns than the rest (more: {', '.join(more) or 'none'}; less: "
                f"{', '.join(less) or 'none'}); make them alike, "
                "or say one with --sheet.",
            )
    return [sheet for sheet, shape in shapes.items() if shape == usual]


def shapes_of(path: Path, seen: Sequence[Sheet], header: str | None, reading: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The names of the columns of each visible sheet that has a table."""
    shapes = {}
    for sheet in seen:
        if sheet.hidden or sheet.rows < FEWEST or not sheet.columns:
            continue
        read = excel.grid(path, sheet.name)
        names = frozenset(_plain(_found(read, header, reading).names)) if read.cells else frozenset()
        if len(names) >= FEWEST:
            shapes[sheet.name] = names
    return shapes


def _plain(names: Sequence[str]) -> list[str]:
    return [name.strip() for name in names if name.strip()]
