"""The terminal: what stands in data is shown as it stands, never as markup, an emoji's name or a command to the terminal.

Every table is drawn here: as columns where they fit, else row by row; nothing is cut, in a pipe neither.
"""

from __future__ import annotations

import os
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys(range(128, 160), 65533)
"""Escape sequences recolour, rename and rewrite a terminal; each control character becomes its picture (␛)."""

WIDEST_PIPE = 10_000
"""Columns of what no terminal shows: a pipe has no edge."""
NARROWEST = 24
"""A last column of texts may be folded to this width before the table is told row by row."""


class Screen(Console):
    """Rich's console for data: every text of every table and line is plain. Style is given by `styled`, never in the text."""

    def __init__(self, **more: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **more)
        if "width" not in more and not self.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
            self.width = WIDEST_PIPE

    def render_str(self, text: str, **more: Any) -> Text:
        """A text as it stands; Rich asks for it wherever a string is shown."""
        return super().render_str(plain(text), **(more | {"markup": False, "emoji": False}))

    def print(self, *things: Any, **more: Any) -> None:
        """Print; a table too wide for the terminal row by row: what names the row, then title and value."""
        for table in things:
            if isinstance(table, Table) and not self._fits(table):
                self._rows(table)
            else:
                super().print(table, **more)
        if not things:
            super().print(**more)

    def _fits(self, table: Table) -> bool:
        needed = Measurement.get(self, self.options.update(width=WIDEST_PIPE), table).maximum
        return needed <= self.width or self._folds(table, needed)

    def _folds(self, table: Table, needed: int) -> bool:
        """Let the last column be folded, where the others fit beside it; whether that was enough."""
        last = table.columns[-1]
        widest = max((cell_len(line) for cell in last.cells for line in _told(cell).split("\n")), default=0)
        room = self.width - (needed - widest)
        if room < min(widest, NARROWEST) or len(table.columns) > 4:
            return False
        for column in table.columns[:-1]:
            column.no_wrap = True
        last.overflow, last.no_wrap = "fold", False
        return True

    def _rows(self, table: Table) -> None:
        if table.title:
            super().print(table.title, style="italic")
        heads = [_told(column.header) for column in table.columns]
        numbers = [column.justify == "right" for column in table.columns]
        for cells in zip(*(column.cells for column in table.columns), strict=True):
            for depth, line in _lines(heads, [_told(cell) for cell in cells], numbers, self.width):
                for folded in Text(line).wrap(self, max(self.width - depth, 1), overflow="fold"):
                    super().print(Text(" " * depth) + folded, style="" if depth else "bold", soft_wrap=True)


def _lines(heads: list[str], cells: list[str], numbers: list[bool], width: int) -> list[tuple[int, str]]:
    """One row of a table as (depth, line): what names it, then the other cells with their titles, as many as fit."""
    naming = 1 if len(cells) > 1 and numbers[1] else 2
    titled = [f"{head} {cell}".strip() if cell else "" for head, cell in zip(heads, cells, strict=True)]
    lines = [(0, titled[0] if numbers[0] else "  ".join(cell for cell in cells[:naming] if cell))]
    line = ""
    for cell in titled[naming:]:
        part, *rest = cell.split("\n")
        if line and part and cell_len(f"  {line} · {part}") > width:
            lines.append((2, line))
            line = ""
        line = f"{line} · {part}" if line and part else line or part
        if rest:
            lines += [(2, line), *((4, more) for more in rest)]
            line = ""
    return [*lines, (2, line)] if line else lines


def _told(cell: object) -> str:
    """The text of a cell as it stands."""
    return plain(cell.plain if isinstance(cell, Text) else str(cell))


def plain(text: str) -> str:
    """A text without control characters."""
    return text.translate(_CONTROLS)


def styled(*parts: str | tuple[str, str]) -> Text:
    """One line of parts, some of them (text, style)."""
    return Text.assemble(*(plain(part) if isinstance(part, str) else (plain(part[0]), part[1]) for part in parts))
