"""The workbook in which refused rows go back to be mended: each cell at fault marked with a comment, codes as drop-downs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.model import Contract, Item

LONGEST_CELL = 32_767
LONGEST_LIST = 255
"""Excel's own limits: characters of a cell, and of the choices that stand in a validation."""
Marks = Mapping[str, str]
"""Item → what is wrong with its value and how to mend it."""


def write(
    target: Path,
    headers: Sequence[str],
    lines: Iterator[tuple[Sequence[str], Marks]],
    contract: Contract,
    choices: Callable[[Item], Sequence[str]],
    harmless: Callable[[str], str],
) -> int:
    """Write the sheet; how many rows. It is delivered again as it is: comments, colours and lists are not read."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    places = columns(contract, headers)
    written = 0
    with xlsxwriter.Workbook(str(target), options) as book:
        sheet, bold = book.add_worksheet("quarantine"), book.add_format({"bold": True, "bg_color": "#DCE6F4"})
        text = book.add_format({"num_format": "@"})
        bad = book.add_format({"num_format": "@", "bg_color": "#F8D7DA", "border": 2, "border_color": "#C0392B"})
        sheet.freeze_panes(1, 0)
        for column, head in enumerate(headers):
            sheet.set_column(column, column, min(max(len(head) * 2 + 2, 12), 40))
        sheet.write_row(0, 0, [harmless(head) for head in headers], bold)
        for written, (line, marks) in enumerate(lines, 1):
            faulty = {places[item]: words for item, words in marks.items() if item in places}
            for column, cell in enumerate(line):
                sheet.write_string(written, column, harmless(cell)[:LONGEST_CELL], bad if column in faulty else text)
            for column, words in faulty.items():
                sheet.write_comment(written, column, words[:2000], {"x_scale": 2.4, "y_scale": 1.4, "author": "Hui"})
        _choices(sheet, contract, places, choices, written)
    return written


def columns(contract: Contract, headers: Sequence[str]) -> dict[str, int]:
    """Where each item stands under the headers of the provider's own file."""
    known = {head.strip().casefold(): place for place, head in reversed(list(enumerate(headers)))}
    named = {}
    for item in contract.items:
        names = [name.strip().casefold() for name in (item.title, item.name, item.title_en, *item.source) if name]
        place = next((known[name] for name in names if name in known), None)
        if place is not None:
            named[item.name] = place
    return named


def _choices(
    sheet: Any, contract: Contract, places: Mapping[str, int], choices: Callable[[Item], Sequence[str]], rows: int
) -> None:
    """A drop-down for each item of few values; others may still be typed, the check says so when they come back."""
    for item in contract.items:
        values = list(choices(item)) if item.name in places else []
        if values and rows and len(",".join(values)) <= LONGEST_LIST and not any("," in value for value in values):
            column = places[item.name]
            sheet.data_validation(1, column, rows, column, {"validate": "list", "source": values, "error_type": "warning"})
