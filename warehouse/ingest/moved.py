"""A header that is not where the contract says: the row that names the contract's items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.inference import grid, sniff
from contracts.model import Contract
from warehouse.readers import Inspection, excel, inspect, sheets
from warehouse.readers.column_match import match
from warehouse.settings import Settings

HALF = 0.5
"""Share of the contract's items that a row must name to be its header."""


def reading(
    path: Path, reading: Mapping[str, Any], settings: Settings, *, name: str, contract: Contract, columns: tuple[str, ...]
) -> Mapping[str, Any] | None:
    """How to read a file whose `columns` are not the contract's, by the row that is its header; None where no row is better."""
    if not match(contract, columns).missing:
        return None
    free = {key: value for key, value in reading.items() if key not in ("header", "columns", "skip")}
    looked = inspect(path, {**free, "header": "1"}, settings, name=name)
    try:
        rows, lines = _rows(looked)
    finally:
        looked.forget()
    best, place = len(match(contract, columns).headers), 0
    for row, line in zip(rows[: grid.TITLE_ROWS], lines, strict=False):
        named = len(match(contract, [cell.strip() for cell in row if cell.strip()]).headers)
        if named > best and named >= HALF * len(contract.items):
            best, place = named, line
    return {**free, "header": str(place)} if place else None


def _rows(looked: Inspection) -> tuple[list[list[str]], list[int]]:
    """The first rows of a text or a sheet, and the line where each begins; nothing of other kinds of file."""
    if looked.media in {"xls", "xlsx"} and looked.reading.get("sheet"):
        if sheets.together(looked.reading):  # each of them has its header at its own place already
            return [], []
        cells = excel.grid(looked.path, str(looked.reading["sheet"])).cells[: grid.TITLE_ROWS]
        return [[str(cell) for cell in row] for row in cells], list(range(1, len(cells) + 1))
    if looked.media == "csv" and looked.reading.get("delimiter"):
        return sniff.split_lines(looked.sample, str(looked.reading["delimiter"]), str(looked.reading.get("quote") or '"'))
    return [], []
