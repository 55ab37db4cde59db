"""What a reader hands to the check: every row of a file as text, by column, in the file's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text: the lines of rows in it and before it, and SQL that can stand after FROM."""

    name: str
    """Stands in `relation` for the path from which the piece is read (warehouse.readers.pieces.fed)."""
    text: Path
    span: tuple[int, int]
    """Its bytes in the text, from and to."""
    lines: int
    before: int
    relation: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A file opened for loading.

    `relation` is SQL that can stand after FROM: all columns VARCHAR, named as in `columns`, empty cells NULL, row order
    kept. `columns` are the file's own headers (made unique, `column_1` … where there is no header). `rejects` is SQL after
    FROM with (row BIGINT, line VARCHAR, reason VARCHAR) of rows that could not be split into columns, usable once
    `relation` was scanned to its end; None where the format cannot have any. `row_offset` is the number of lines (sheets:
    rows) before the first data row, so that people find row n of the check in their own file.
    """

    relation: str
    columns: tuple[str, ...]
    media: str
    encoding: str = ""
    rejects: str | None = None
    row_offset: int = 1
    reading: Mapping[str, Any] = field(default_factory=dict)
    scratch: tuple[Path, ...] = ()
    """Files made on the way, to be removed after the load."""
    row: str = ""
    """Column of `relation` with the row's number in the file, where rows were taken out; empty: rows count from 1 in order."""
    pieces: tuple[Piece, ...] = ()
    """The same rows in several relations, to be read side by side; none where that is not worth it, or not safe."""
    added: int = 0
    """Columns at the end that the file does not have: converted coordinates."""
    lines: int | None = None
    """Set when the reader has not proved yet that `relation` gives every row: see warehouse.readers.csv.complete."""
    sheets: tuple[tuple[int, str], ...] = ()
    """Where rows come from several tables of a workbook: the number before each one's first row, and its sheet."""
    left_out: tuple[str, ...] = ()
    """Notes that stood beside the table, veiled; they are no data."""
    careful: bool = False
    """Read line by line because DuckDB did not give every row."""
    delimiters: int | None = None
    """Delimiters outside quotes that the rows have together, with `lines`."""
    trailing: bool = False
    """Rows may end with a delimiter too many."""
