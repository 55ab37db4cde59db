"""What stands beside a table on its sheet: another table, or notes. Columns without name and value set them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.errors import HubError
from contracts.inference.evidence import Choice, Evidence, Question, Said
from contracts.inference.grid import NOTES, Header, Row

ALIKE = 0.6
"""Share of names that two blocks have in common from which on they are one table that goes on beside itself."""
DENSE = 0.7
"""Share of the cells that rows of a table fill at least."""
FEWEST = 2
"""Columns, and rows, that a table beside another has at least."""
ALL = "all"
"""How a person says that all columns are one table, or all sheets."""
RANGE = re.compile(r"([A-Za-z]{1,3}):([A-Za-z]{1,3})")


class NoSuchRange(HubError):
    """Columns that are written in no way that is known."""


@dataclass(frozen=True, slots=True)
class Block:
    """Columns beside each other, by place from 0, the last one included."""

    left: int
    right: int

    def __str__(self) -> str:
        from openpyxl.utils import get_column_letter

        return f"{get_column_letter(self.left + 1)}:{get_column_letter(self.right + 1)}"


def told(value: object) -> list[Block]:
    """The blocks of a range as it is told, "A:C" or "A:C,E:G"; none where all columns are one table."""
    words = str(value or "").strip()
    if not words or words.lower() == ALL:
        return []
    lines = []
    for word in words.split(","):
        form = RANGE.fullmatch(word.strip())
        if form is None or _place(form[1]) > _place(form[2]):
            raise NoSuchRange(
                f"列范围 {words} 不成立：应写作 A:C，上下接排的几块写作 A:C,E:G，不分块写 {ALL}。",
                f"{words} is no range of columns: write A:C, A:C,E:G for blocks to be read one below the other, or {ALL}.",
            )
        lines.append(Block(_place(form[1]), _place(form[2])))
    return lines


def _place(name: str) -> int:
    from openpyxl.utils import column_index_from_string

    return int(column_index_from_string(name)) - 1


def blocks(rows: Sequence[Row], header: Header) -> list[Block]:
    """The tables that stand side by side below a header; none where there is one table only."""
    names, body = header.names, _body(rows, header)
    width = max([len(names), *map(len, body)]) if body else 0
    runs = [run for run in _runs(names, body, width) if _is_table(run, names, body)]
    if len(runs) == 1:
        return _repeated(names)
    if len(runs) < FEWEST or not (_alike(runs, names) or _unequal(runs, body) or any(not _named(run, names) for run in runs)):
        return []
    return runs


def notes(rows: Sequence[Row], header: Header) -> dict[int, str]:
    """Columns that hold no more than notes beside the table, and what they say."""
    names, body = header.names, _body(rows, header)
    width = max([len(names), *map(len, body)]) if body else 0
    runs = _runs(names, body, width)
    tables = [run for run in runs if _is_table(run, names, body)]
    if not tables or not header.rows:
        return {}
    noted = {}
    for column in range(tables[0].right + 1 if len(tables) == 1 else width, width):
        name = names[column].strip() if column < len(names) else ""
        cells = [row[column].strip() for row in body if column < len(row) and row[column].strip()]
        if name and not (NOTES.match(name) and not cells):
            continue
        said = [name, *cells] if name else cells
        if said and any(len(text) > 1 and not text.replace(".", "").isdigit() for text in said):
            noted[column] = " / ".join(said)
    last = tables[0].right  # a note right beside the table, without a blank column between
    if len(tables) == 1 and _is_note(last, names, body):
        noted[last] = " / ".join(row[last].strip() for row in body if last < len(row) and row[last].strip()) or names[last]
    return noted


def _is_note(column: int, names: Sequence[str], body: Sequence[Row]) -> bool:
    name = names[column].strip() if column < len(names) else ""
    cells = [row[column].strip() for row in body if column < len(row) and row[column].strip()]
    if name:
        return bool(NOTES.match(name)) and not cells
    return 0 < len(cells) <= max(1, len(body) // 10) and bool(NOTES.match(cells[0]))


def _body(rows: Sequence[Row], header: Header) -> list[Row]:
    return [row for row in rows[header.first_data_row :] if any(cell.strip() for cell in row)]


def _runs(names: Sequence[str], body: Sequence[Row], width: int) -> list[Block]:
    """Columns beside each other with no blank column between."""
    used = [
        bool(column < len(names) and names[column].strip()) or any(column < len(row) and row[column].strip() for row in body)
        for column in range(width)
    ]
    runs, start = [], None
    for column, is_used in enumerate([*used, False]):
        if is_used and start is None:
            start = column
        elif not is_used and start is not None:
            runs.append(Block(start, column - 1))
            start = None
    return runs


def _named(run: Block, names: Sequence[str]) -> list[str]:
    return [name.strip() for name in names[run.left : run.right + 1] if name.strip()]


def _heights(run: Block, body: Sequence[Row]) -> tuple[int, int]:
    """Rows up to the last in which the run has a cell, and cells filled."""
    filled = [sum(bool(cell.strip()) for cell in row[run.left : run.right + 1]) for row in body]
    return max((number for number, count in enumerate(filled, 1) if count), default=0), sum(filled)


def _is_table(run: Block, names: Sequence[str], body: Sequence[Row]) -> bool:
    """Whether a run of columns has the size of a table, named or not, and not that of a few notes."""
    width = run.right - run.left + 1
    height, filled = _heights(run, body)
    if width < FEWEST or height < FEWEST:
        return False
    return len(_named(run, names)) >= FEWEST or filled >= FEWEST * FEWEST


def _alike(runs: Sequence[Block], names: Sequence[str]) -> bool:
    first = _named(runs[0], names)
    return all(len(set(first) & set(_named(run, names))) >= ALIKE * len(first) for run in runs[1:]) and len(first) > 1


def _unequal(runs: Sequence[Block], body: Sequence[Row]) -> bool:
    """Whether the runs end at different rows, each of them full as far as it goes: columns of one record would not."""
    heights = []
    for run in runs:
        height, filled = _heights(run, body)
        if filled < DENSE * height * (run.right - run.left + 1):
            return False
        heights.append(height)
    return max(heights) - min(heights) >= FEWEST


def _repeated(names: Sequence[str]) -> list[Block]:
    """A header that says the same names again: 姓名 电话 姓名 电话."""
    plain = [name.strip() for name in names]
    while plain and not plain[-1]:
        plain.pop()
    for times in range(2, len(plain) // FEWEST + 1):
        size = len(plain) // times
        if len(plain) % times == 0 and all(plain[:size]) and plain[:size] * times == plain and len(set(plain[:size])) == size:
            return [Block(start, start + size - 1) for start in range(0, len(plain), size)]
    return []


def same_names(blocks: Sequence[Block], names: Sequence[str]) -> bool:
    """Whether all blocks have the same names, so that one may be read below the other."""
    return len({tuple(_named(block, names)) for block in blocks}) == 1


def question(blocks: Sequence[Block], names: Sequence[str]) -> Question:
    """Which of the tables that stand side by side is meant."""
    listed = "、".join(map(str, blocks))
    choices = []
    if same_names(blocks, names):
        together = Said("列名相同，上下接排，合为一张表", "their names are the same: one table, one block below the other")
        choices.append(Choice(",".join(map(str, blocks)), together))
    for block in blocks:
        shown = "、".join(_named(block, names)[:4])
        choices.append(Choice(str(block), Said(f"只读这一张：{shown}", f"this one only: {shown}")))
    choices.append(Choice(ALL, Said("是一张表，各列都是同一条记录的", "it is one table, all columns belong to a record")))
    said = Said(
        f"工作表中并排有 {len(blocks)} 张表（{listed} 列），读哪一张？", f"There are tables side by side ({listed}); which one?"
    )
    evidence = Evidence("各表之间有空列，或列名重复", "blank columns stand between them, or their names repeat")
    return Question("--range", said, tuple(choices), (evidence,), free=True)
