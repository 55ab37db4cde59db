"""Delimited text line by line: what DuckDB would refuse, swallow or merge is told apart, and nothing is dropped."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.inference.asides import Sieve, is_blank
from contracts.inference.encodings import BACKSLASH, STRICT
from contracts.inference.sniff import fields

ROW = "__row"
"""Column with the row's number in the file, from 1, broken rows counted."""
BLOCK = 4 << 20
BATCH_CELLS = 400_000
MOST_LINES = 5_000
"""Lines that one quoted value may hold; beyond that its quote was never closed."""
WIDE = ("utf-16", "utf-32")
REPLACED = "utf-8-replaced"
"""UTF-8 made from a wide encoding; U+FFFD stands for what did not decode."""
NAMES = {"utf-8-sig": "utf-8", "utf8": "utf-8", "utf_8": "utf-8", "ascii": "utf-8", "gbk": "gb18030", "gb2312": "gb18030"}
"""Spellings, and encodings that are part of a larger one."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines become fields."""

    encoding: str
    delimiter: str
    mark: str
    width: int
    trailing: bool = False
    """An empty field too many at a row's end is how nearly all rows are written."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record: its fields, or its line and why it has none (the rule of checks.compile.unreadable, and what was found)."""

    fields: list[str] | None
    line: str = ""
    reason: str = ""


def normal(encoding: str) -> str:
    """An encoding's one name; GBK and GB2312 are read as GB18030, ASCII as UTF-8."""
    name = encoding.lower().strip()
    return NAMES.get(name, name)


def transcode(path: Path, encoding: str, target: Path, errors: str = STRICT) -> Path | None:
    """The same text in UTF-8 without byte-order mark, at `target`; None when it does not decode strictly."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as raw:
            first = True
            while block := source.read(BLOCK):
                text = decoder.decode(block)
                raw.write(text.removeprefix("\ufeff") if first else text)
                first = False
            raw.write(decoder.decode(b"", final=True))
    except UnicodeError:
        target.unlink(missing_ok=True)
        return None
    return target


def lenient(line: bytes, encoding: str) -> str:
    r"""A line for people: what does not decode is shown as \xNN."""
    return line.decode("utf-8" if encoding == REPLACED else encoding, errors=BACKSLASH)


def split(
    path: Path, start: int, dialect: Dialect, columns: Sequence[str], rows: Path, rejects: Path, sieve: Sieve | None = None
) -> None:
    """Write the records of a file, from byte `start`, as Parquet; beside them its broken rows and what is no record."""
    good = pa.schema([*((name, pa.string()) for name in columns), (ROW, pa.int64())])
    bad = pa.schema([("row", pa.int64()), ("line", pa.string()), ("reason", pa.string())])
    with pq.ParquetWriter(rows, good) as write_good, pq.ParquetWriter(rejects, bad) as write_bad:
        numbered = _sifted(records(lines(path, start), dialect), sieve, dialect.delimiter)
        for batch in _batches(numbered, max(1, BATCH_CELLS // max(1, dialect.width))):
            sound = [(number, row.fields) for number, row in batch if row.fields is not None]
            lost = [(number, row.line, row.reason) for number, row in batch if row.fields is None]
            if sound:
                columned = zip(*(cells for _, cells in sound), strict=True)
                arrays = [pa.array([cell or None for cell in column], pa.string()) for column in columned]
                write_good.write_table(pa.table([*arrays, pa.array([number for number, _ in sound])], schema=good))
            if lost:
                write_bad.write_table(pa.table([pa.array(column) for column in zip(*lost, strict=True)], schema=bad))


def _sifted(rows: Iterator[Row], sieve: Sieve | None, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Rows with their numbers from 1; those that are no records carry why. Lines of delimiters only are blank lines."""
    if sieve is None:
        yield from enumerate(rows, 1)
        return
    lost: deque[tuple[int, Row]] = deque()
    for sifted in sieve.sift(_readable(rows, lost)):
        while lost:
            yield lost.popleft()
        if sifted.reason:
            yield sifted.number, Row(None, delimiter.join(sifted.cells), sifted.reason)
        else:
            yield sifted.number, Row(list(sifted.cells))
    yield from lost


def _readable(rows: Iterator[Row], lost: deque[tuple[int, Row]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that have fields; the others go to `lost`."""
    number = 0
    for row in rows:
        if row.fields is not None and is_blank(row.fields):
            continue
        number += 1
        if row.fields is None:
            lost.append((number, row))
        else:
            yield number, row.fields


def lines(path: Path, start: int) -> Iterator[bytes]:
    """Physical lines with their ends, whether LF, CRLF or CR."""
    rest = b""
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(BLOCK):
            parts = (rest + block).splitlines(keepends=True)
            rest = parts.pop() if parts else b""
            yield from parts
    yield from rest.splitlines(keepends=True)


def records(physical: Iterator[bytes], dialect: Dialect) -> Iterator[Row]:
    """Lines as rows; a quoted value may go over several lines, blank lines are no rows."""
    pending: deque[bytes] = deque()
    while True:
        raw = pending.popleft() if pending else next(physical, None)
        if raw is None:
            return
        if not raw.strip(b"\r\n"):
            continue
        text = _decoded(raw, dialect)
        if text is None:
            yield Row(None, lenient(raw, dialect.encoding).rstrip("\r\n"), "encoding")
        elif dialect.mark not in text:
            yield _counted(text.rstrip("\r\n").split(dialect.delimiter), text, dialect)
        else:
            yield _quoted(text, physical, pending, dialect)


def _quoted(text: str, physical: Iterator[bytes], pending: deque[bytes], dialect: Dialect) -> Row:
    cells, still_open = parse(text, dialect)
    if cells is not None:
        return _counted(cells, text, dialect)
    whole = [text]
    for more in _following(physical, pending, dialect) if still_open else ():
        whole.append(more)
        if dialect.mark not in more:
            continue
        cells, still_open = parse("".join(whole), dialect)
        if not still_open:
            break
    if cells is None or len(_fitted(cells, dialect)) != dialect.width or swallowed(whole, dialect):
        return Row(None, text.rstrip("\r\n"), "quotes")
    for _ in whole[1:]:
        pending.popleft()
    return Row(_fitted(cells, dialect))


def _following(physical: Iterator[bytes], pending: deque[bytes], dialect: Dialect) -> Iterator[str]:
    """Lines after this one, kept in `pending` until someone takes them."""
    for place in range(MOST_LINES):
        if place == len(pending):
            raw = next(physical, None)
            if raw is None:
                return
            pending.append(raw)
        text = _decoded(pending[place], dialect)
        if text is None:
            return
        yield text


def parse(text: str, dialect: Dialect) -> tuple[list[str] | None, bool]:
    """Fields of a record, or None when its quotes do not balance; and whether a quote is still open at its end."""
    try:
        records = list(fields([text], dialect.delimiter, dialect.mark, strict=True))
    except csv.Error as error:
        return None, "unexpected end" in str(error)
    return (records[0] if len(records) == 1 and not _torn(text, dialect) else None), False


def _torn(text: str, dialect: Dialect) -> bool:
    """Whether a quote opens in the middle of a field and closes in another: 甲"第9,商店" is one field or two, nobody knows.
    A sign of inches stands after a digit; one that words follow at once, and that another field closes, is none."""
    mark, between = re.escape(dialect.mark), re.escape(dialect.delimiter)
    opens = rf"[^\s\d{mark}{between}]{mark}[^\s{mark}{between}]"
    inch = rf"\d{mark}(?![xX×])[^\W\d]"
    if not re.search(f"{opens}|{inch}", text):
        return False
    inside = rf"{mark}(?:[^{mark}]|{mark}{mark})*{mark}(?={between}|[\r\n]*$)"
    bare = [part[1] for part in re.finditer(rf"(?:^|{between})(?:{inside}|(.*?)(?={between}|[\r\n]*$))", text) if part[1]]
    odd = [part for part in bare if part.count(dialect.mark) % 2]
    if len(odd) < 2:
        return False
    closes = re.search(rf"[^\d]{mark}[\r\n]*$", odd[1])
    return bool(re.search(rf"[^\s\d]{mark}\S", odd[0]) or (closes and re.search(inch, odd[0])))


def swallowed(whole: Sequence[str], dialect: Dialect) -> bool:
    """Whether the lines inside a quoted value are rows themselves: then its quote was left open by mistake."""
    inner = whole[1:-1]
    if len(inner) < (1 if dialect.width > 2 else 3) or dialect.width < 2:
        return False
    return all(line.count(dialect.delimiter) == dialect.width - 1 and dialect.mark not in line for line in inner)


def _counted(cells: list[str], text: str, dialect: Dialect) -> Row:
    fitted = _fitted(cells, dialect)
    if len(fitted) == dialect.width:
        return Row(fitted)
    return Row(None, text.rstrip("\r\n"), f"columns:{len(cells)}")


def _fitted(cells: list[str], dialect: Dialect) -> list[str]:
    """One empty field too many is a delimiter at the line's end, where nearly all rows have it."""
    return cells[:-1] if dialect.trailing and len(cells) == dialect.width + 1 and cells[-1] == "" else cells


def _decoded(raw: bytes, dialect: Dialect) -> str | None:
    if b"\0" in raw:
        return None
    try:
        text = raw.decode("utf-8" if dialect.encoding == REPLACED else dialect.encoding, errors=STRICT)
    except UnicodeDecodeError:
        return None
    return None if dialect.encoding == REPLACED and "\ufffd" in text else text


def _batches(rows: Iterator[tuple[int, Row]], size: int) -> Iterator[list[tuple[int, Row]]]:
    batch: list[tuple[int, Row]] = []
    for numbered in rows:
        batch.append(numbered)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
