"""Rows from formats that DuckDB does not read exactly, written to a scratch Parquet file of text columns."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.sql import identifier, literal

ROW = "__row"
"""Column with the row's number in the file, from 1, where rows were taken out on the way."""
BATCH_CELLS = 1_000_000
"""Cells held in memory before they are written as a row group."""


def scratch_file(folder: Path, suffix: str) -> Path:
    """A new empty file in the scratch folder; whoever asked removes it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="read-", suffix=suffix, delete=False) as file:
        return Path(file.name)


class TextTable:
    """Rows of text on their way into a Parquet file; columns may be found as rows come (JSON keys that appear late).

    A file whose later rows have new columns is written in parts, all read together by name. DuckDB's names do not tell
    capitals from small letters: `ID` after `id` becomes `ID_2`.
    """

    def __init__(self, folder: Path, columns: Sequence[str] = (), *, numbered: bool = False) -> None:
        self.folder = folder
        self.numbered = numbered
        """Each row comes with its number in the file, kept in the column `ROW`."""
        self.columns: dict[str, str] = {}
        self.parts: list[Path] = []
        self.rows = 0
        self._taken = {ROW}
        self._pending: list[Mapping[str, str | None]] = []
        self._numbers: list[int] = []
        self._limit = 1000
        self._writer: pq.ParquetWriter | None = None
        for name in columns:
            self._column(name)

    def add(self, row: Mapping[str, str | None], number: int = 0) -> None:
        """One record by column name; columns not seen before are added."""
        for name in row:
            if name not in self.columns:
                self._column(name)
        self._pending.append(row)
        if self.numbered:
            self._numbers.append(number)
        self.rows += 1
        if len(self._pending) >= self._limit:
            self._flush()

    def close(self) -> str:
        """Finish the files; SQL after FROM that reads them in order."""
        self._flush()
        if self._writer is None:
            self._open()
        assert self._writer is not None  # noqa: S101 - opened just above
        self._writer.close()
        files = "[" + ", ".join(literal(str(part)) for part in self.parts) + "]"
        named = ", ".join(identifier(column) for column in [*self.columns.values(), *([ROW] if self.numbered else [])]) or "*"
        union = ", union_by_name=true" if len(self.parts) > 1 else ""
        return f"(SELECT {named} FROM read_parquet({files}{union}))"

    def discard(self) -> None:
        """Forget everything: the file turned out not to be readable."""
        if self._writer is not None:
            self._writer.close()
        for part in self.parts:
            part.unlink(missing_ok=True)

    def names(self) -> tuple[str, ...]:
        """The columns' names in the relation."""
        return tuple(self.columns.values())

    def _column(self, name: str) -> None:
        unique, number = (base := _whole(name).replace("\0", "") or "column"), 1
        while unique.lower() in self._taken:
            number += 1
            unique = f"{base}_{number}"
        self._taken.add(unique.lower())
        self.columns[name] = unique

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._writer is None or len(self._writer.schema.names) != len(self.columns) + self.numbered:
            self._open()
        assert self._writer is not None  # noqa: S101 - opened just above
        arrays = [_column([row.get(name) for row in self._pending]) for name in self.columns]
        if self.numbered:
            arrays.append(pa.array(self._numbers, pa.int64()))
        self._writer.write_table(pa.table(arrays, schema=self._writer.schema), row_group_size=len(self._pending))
        self._pending, self._numbers = [], []
        self._limit = max(1000, min(100_000, BATCH_CELLS // max(1, len(self.columns))))

    def _open(self) -> None:
        if self._writer is not None:
            self._writer.close()
        schema = pa.schema([(name, pa.string()) for name in self.columns.values()])
        if self.numbered:
            schema = schema.append(pa.field(ROW, pa.int64()))
        self.parts.append(scratch_file(self.folder, ".parquet"))
        self._writer = pq.ParquetWriter(self.parts[-1], schema, compression="snappy")


def _column(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([None if value is None else _whole(value) for value in values], pa.string())


def _whole(value: str) -> str:
    """A text without halves of characters, which JSON can write (a lone \\ud800): each becomes U+FFFD."""
    return value if value.isascii() else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def write_rejects(folder: Path, rejects: Iterable[tuple[int, str, str]]) -> tuple[str, Path] | None:
    """Rows that could not be read, (row, line, reason), as SQL after FROM and its file; None where there are none."""
    rows = list(rejects)
    if not rows:
        return None
    path = scratch_file(folder, ".rejects.parquet")
    columns = [pa.array([r[0] for r in rows], pa.int64()), *(pa.array([r[n] for r in rows], pa.string()) for n in (1, 2))]
    pq.write_table(pa.table(columns, names=["row", "line", "reason"]), path)
    return f"(SELECT * FROM read_parquet({literal(str(path))}))", path
