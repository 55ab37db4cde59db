"""Tables on a terminal: as columns where they fit, else row by row; nothing is cut, in a pipe neither."""

from __future__ import annotations

import sys

from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from cli.screen import Screen, plain

WIDEST_PIPE = 10_000
"""Columns of a table that no terminal reads."""
NARROWEST = 24
"""A last column of texts may be folded to this width before the table is told row by row."""


def draw(table: Table, console: Screen | None = None) -> None:
    """Print a table. On a terminal too narrow for it each row becomes a few lines: what names it, then title and value."""
    screen = console or Screen(width=None if sys.stdout.isatty() or _told_width() else WIDEST_PIPE)
    needed = Measurement.get(screen, screen.options.update(width=WIDEST_PIPE), table).maximum
    if needed <= screen.width or _folds(table, screen, needed):
        screen.print(table)
        return
    if table.title:
        screen.print(table.title, style="italic")
    headers = [_plain(column.header) for column in table.columns]
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        _block(screen, headers, list(cells))


def _folds(table: Table, screen: Screen, needed: int) -> bool:
    """Let the last column be folded, where the others fit beside it; whether that was enough."""
    last = table.columns[-1]
    widest = max((cell_len(line) for cell in last.cells for line in _plain(cell).split("\n")), default=0)
    room = screen.width - (needed - widest)
    if room < min(widest, NARROWEST) or len(table.columns) > 4:
        return False
    for column in table.columns[:-1]:
        column.no_wrap = True
    last.overflow, last.no_wrap = "fold", False
    return True


def _block(screen: Screen, headers: list[str], cells: list[object]) -> None:
    """One row: its first two cells in a line, the others below with their titles, as many to a line as fit."""
    screen.print(Text("  ".join(map(_plain, cells[:2]))), style="bold", highlight=False, soft_wrap=False)
    line: list[str] = []
    for header, cell in zip(headers[2:], cells[2:], strict=True):
        text = _plain(cell)
        if not text:
            continue
        part = f"{header} {text}" if header else text
        if line and cell_len(" · ".join([*line, part])) > screen.width - 2:
            screen.print(Text("  " + " · ".join(line)), highlight=False)
            line = []
        line.append(part)
    if line:
        screen.print(Text("  " + " · ".join(line)), highlight=False, overflow="fold")


def _plain(cell: object) -> str:
    """The text of a cell as it stands."""
    return plain(cell.plain if isinstance(cell, Text) else str(cell))


def _told_width() -> bool:
    """Whether the width was told from outside (COLUMNS)."""
    import os

    return os.environ.get("COLUMNS", "").isdigit()
