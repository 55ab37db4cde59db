"""Delimited text. DuckDB reads it; that it gave every row which the file holds is proved, and broken rows are told apart."""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from contracts.errors import HubError
from contracts.inference import encodings, sniff
from contracts.inference.asides import Sieve
from contracts.inference.grid import fitted_names, header_rows, join_levels, trailing_share, usual_width
from contracts.sql import identifier, literal
from warehouse.readers import broken, pieces
from warehouse.readers.source import Source
from warehouse.readers.survey import SIFTED, outside_quotes, survey
from warehouse.settings import Settings

BLOCK = 4 << 20
HEAD = 64 << 20
"""A header, with the lines before it, is looked for in this many first bytes."""
LONG_LINE = 16 << 20
"""Bytes of one line that DuckDB is given room for; files with longer ones are read line by line."""
REFUSED = (duckdb.InvalidInputException, UnicodeDecodeError)
"""What DuckDB raises for a text it does not take: its own message may be cut inside a character, and then does not decode."""
KEEP = "keep"
"""What a contract's `asides` says where totals and notes are records."""
SAMPLE = 1000
"""Rows whose numbers of fields are compared with the header's."""
MANY = 10
"""Lines for each of these rows are enough, in most texts: a value may hold some."""
NEARLY_ALL = 0.9
"""Share of rows with an empty field too many from which on that is how the file is written."""
DELIMITERS = (",", "\t", ";", "|")


class NothingToRead(HubError):
    """The file holds no text at all."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows begin, and what the columns are called."""

    columns: tuple[str, ...]
    lines: int
    """Physical lines before the first row."""
    filled: int
    """Those of them that are not blank."""
    bytes: int
    trailing: bool = False
    """Nearly every row ends with a delimiter more than the header: an empty field too many is forgiven."""
    sample: Sequence[Sequence[str]] = ()
    """The first rows."""


def open_csv(
    path: Path,
    reading: Mapping[str, Any],
    settings: Settings,
    *,
    connection: duckdb.DuckDBPyConnection,
    lazy: bool = False,
) -> Source:
    """A delimited text file as a source. Reading: encoding, delimiter, identifier, header (line number or "none"), skip.

    With `lazy` the caller scans once and proves afterwards that every row came (`complete`), and takes `repaired` when
    the scan fails or rows are missing; otherwise that is proved here, by one scan more.
    """
    settings.scratch.mkdir(parents=True, exist_ok=True)
    encoding = broken.normal(str(reading.get("encoding") or _detect(path)))
    text = path if encoding == "utf-8" else broken.transcode(path, encoding, scratch(settings, "csv"))
    if text is not None and (reading.get("delimiter") == sniff.BLANKS or reading.get("escape") or reading.get("edges")):
        text, reading = _plainer(text, path, reading, settings)
    scratch_files: tuple[Path, ...] = (text,) if text and text != path else ()
    settled = {**reading, "encoding": encoding, "path": str(path)}
    if text is not None and "plainer" in reading:
        settled |= {"encoding": "utf-8", "path": str(text)}
    settled["delimiter"] = str(reading.get("delimiter") or _delimiter(text or path, reading))
    if text is None:
        return repaired(settled, settings, scratch_files)
    layout = lay_out(text, settled)
    sieve = Sieve(layout.columns, layout.sample) if settled.get("asides") != KEEP else None
    mark = str(settled.get("quote") or '"')
    counted = survey(text, mark, settled["delimiter"], sieve, layout.bytes)
    if not counted.plain:
        return repaired(settled, settings, scratch_files)
    if settled.get("asides") != KEEP and (counted.doubtful or _header_again(text, layout, settled["delimiter"], mark)):
        return repaired(settled, settings, scratch_files)
    before = _delimiters_before(text, layout, settled)
    parts = pieces.cut(text, (layout.bytes, layout.filled), counted, _threads(connection)) if lazy else ()
    if layout.lines > 1:
        text = _copied(text, layout.bytes, text.stat().st_size, settings)
        scratch_files = (*scratch_files, text)
    source = Source(
        relation=_relation(text, layout.lines == 1, layout, settled),
        columns=layout.columns,
        media="csv",
        encoding=encoding,
        row_offset=layout.lines,
        reading=settled,
        scratch=scratch_files,
        pieces=tuple(replace(part, relation=_relation(part.name, False, layout, settled)) for part in parts),
        lines=counted.lines - layout.filled,
        delimiters=counted.delimiters - before,
        trailing=layout.trailing,
    )
    return source if lazy else proved(source, settings, connection)


def proved(source: Source, settings: Settings, connection: duckdb.DuckDBPyConnection) -> Source:
    """The same source when a scan of it gives every row of the file, or one read line by line."""
    if source.lines is None:
        return source
    try:
        rows = connection.execute(f"SELECT count(*) FROM {source.relation}").fetchone()
        if complete(source, connection, rows[0] if rows else 0):
            return source
    except REFUSED:
        pass
    return repaired(source.reading, settings, source.scratch)


def complete(source: Source, connection: duckdb.DuckDBPyConnection, rows: int) -> bool:
    """Whether `rows`, what a scan of the source gave, is every row that the file holds.

    A row is a line unless quotes hold line ends. A value may hold them; it may not hold whole rows, which is what a quote
    that nobody closed does to the rows after it.
    """
    if source.lines is None:
        return True
    if rows > source.lines or not _even(source, rows):
        return False
    if rows == source.lines:
        return True
    width, delimiter = len(source.columns) - source.added, str(source.reading["delimiter"])
    enough = 3 if width > 2 else 5
    broken_lines = " OR ".join(
        f"contains({identifier(c)}, chr(10)) OR contains({identifier(c)}, chr(13))" for c in source.columns
    )
    row = connection.execute(
        f"""SELECT coalesce(sum(len(parts) - 1 - len(list_filter(parts[2:-2], lambda part: part = ''))), 0),
            coalesce(bool_or({width} > 1 AND len(parts) >= {enough} AND len(list_filter(parts[2:-2], lambda part:
                len(part) - len(replace(part, {literal(delimiter)}, '')) <> {(width - 1) * len(delimiter)})) = 0), false)
        FROM (SELECT string_split(replace(replace(value, chr(13) || chr(10), chr(10)), chr(13), chr(10)), chr(10)) AS parts
            FROM (SELECT unnest([{", ".join(map(identifier, source.columns))}]) AS value
                FROM {source.relation} WHERE {broken_lines})
            WHERE value IS NOT NULL)"""
    ).fetchone()
    more, swallowed = row or (0, False)
    return rows + int(more) == source.lines and not swallowed


def _even(source: Source, rows: int) -> bool:
    """Whether every row has the header's number of fields: DuckDB refuses too few by itself, but drops an empty field too
    many, be it a delimiter at the line's end or one inside that shifted all after it."""
    width = len(source.columns) - source.added
    return source.delimiters == rows * (width - 1) or (source.trailing and source.delimiters == rows * width)


def _delimiters_before(text: Path, layout: Layout, reading: Mapping[str, Any]) -> int:
    """Delimiters outside quotes in the lines before the first row."""
    with text.open("rb") as file:
        head = file.read(layout.bytes)
    mark, delimiter = str(reading.get("quote") or '"').encode(), str(reading["delimiter"]).encode()
    return outside_quotes(head, mark, delimiter, False)[0].count(delimiter)


def repaired(reading: Mapping[str, Any], settings: Settings, scratch_files: Sequence[Path] = ()) -> Source:
    """The file read line by line: rows that can be read, and rejects with their line and what is wrong with it."""
    path, encoding = Path(str(reading["path"])), str(reading["encoding"])
    if encoding.startswith(broken.WIDE):
        path = scratch(settings, "csv")
        broken.transcode(Path(str(reading["path"])), encoding, path, errors="replace")
        scratch_files, encoding = (*scratch_files, path), broken.REPLACED
    layout = lay_out(path, reading, encoding)
    rows, rejects = scratch(settings, "parquet"), scratch(settings, "parquet")
    dialect = broken.Dialect(
        encoding, str(reading["delimiter"]), str(reading.get("quote") or '"'), len(layout.columns), layout.trailing
    )
    sieve = Sieve(layout.columns, layout.sample) if reading.get("asides") != KEEP else None
    broken.split(path, layout.bytes, dialect, layout.columns, rows, rejects, sieve)
    return Source(
        relation=f"read_parquet({literal(rows)})",
        columns=layout.columns,
        media="csv",
        encoding=str(reading["encoding"]),
        rejects=f"read_parquet({literal(rejects)})",
        row_offset=layout.lines,
        reading=reading,
        scratch=(*scratch_files, rows, rejects),
        row=broken.ROW,
    )


def _header_again(text: Path, layout: Layout, delimiter: str, mark: str) -> bool:
    """Whether the line of the header stands in the text once more, however it is quoted there."""
    if text.stat().st_size > SIFTED or not layout.bytes:
        return False
    edge, around = re.escape(delimiter.encode()), b"(?:\xef\xbb\xbf|[ \t" + re.escape(mark.encode()) + b"])*"
    first = re.compile(b"\n" + around + re.escape(layout.columns[0].encode()) + around + edge)
    with text.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        header = whole[: layout.bytes].rstrip(b"\r\n").rpartition(b"\n")[2]
        if len(header) > 1 and whole.find(b"\n" + header, layout.bytes - 1) >= 0:
            return True
        for hit in first.finditer(whole, layout.bytes - 1):
            end = whole.find(b"\n", hit.end())
            line = broken.lenient(whole[hit.start() + 1 : end if end >= 0 else len(whole)], "utf-8")
            if unique(next(_fields(iter([line.lstrip("\ufeff")]), delimiter, mark), [])) == layout.columns:
                return True
    return False


def lay_out(path: Path, reading: Mapping[str, Any], encoding: str = "utf-8") -> Layout:
    """Columns and place of the first row, by the reading's header and skip; headers are made unique and never empty."""
    head = _head(path)
    if not head:
        raise NothingToRead("文件是空的，没有任何内容；请核对导出。", "The file is empty; check how it was exported.")
    delimiter, mark = str(reading["delimiter"]), str(reading.get("quote") or '"')
    first, last = header_rows(reading.get("header"))
    before = first - 1 if first else int(reading.get("skip") or 0)
    counted = _Counted(broken.lenient(line, encoding).lstrip("\ufeff") for line in head[before:])
    levels = [next(_fields(counted, delimiter, mark), [])]
    while before + counted.taken < last and (level := next(_fields(counted, delimiter, mark), None)) is not None:
        levels.append(level)
    width, taken = len(levels[0]), before + max(counted.taken, 1) if first else before
    sample = list(itertools.islice(_fields((broken.lenient(line, encoding) for line in head[taken:]), delimiter, mark), SAMPLE))
    if first:
        names = levels[0] if len(levels) == 1 else join_levels(levels, 0, (), ())
        columns = unique(fitted_names(names, usual_width(sample)))
    else:
        columns = tuple(f"column_{n}" for n in range(1, (usual_width(sample) or width) + 1))
    filled = sum(1 for line in head[:taken] if line.strip(b"\r\n"))
    trailing = trailing_share(sample, len(columns)) >= NEARLY_ALL
    return Layout(columns, taken, filled, sum(map(len, head[:taken])), trailing, sample)


def _head(path: Path) -> list[bytes]:
    """The first lines of a file: many, unless they are long."""
    with path.open("rb") as file:
        data = file.read(BLOCK)
        if len(data) < BLOCK or len(lines := data.splitlines(keepends=True)) < MANY * SAMPLE:
            return (data + file.read(HEAD - len(data))).splitlines(keepends=True)
    return lines[:-1]


def unique(headers: Sequence[str]) -> tuple[str, ...]:
    """Headers as column names: trimmed, `column_n` where empty, a number after a repeated one (case does not tell apart)."""
    taken = {broken.ROW}
    names = []
    for place, header in enumerate(headers, 1):
        base = name = " ".join(header.replace("\0", "").split()) or f"column_{place}"
        count = 1
        while name.lower() in taken:
            count += 1
            name = f"{base}_{count}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def scratch(settings: Settings, suffix: str) -> Path:
    """A new name in the scratch folder."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    return settings.scratch / f"{uuid.uuid4().hex}.{suffix}"


def _fields(lines: Iterator[str], delimiter: str, mark: str) -> Iterator[list[str]]:
    return sniff.fields(lines, delimiter, mark)


class _Counted(Iterator[str]):
    """Lines, with the number of those taken: a header may hold line ends."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.taken = 0

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += 1
        return line


def _plainer(text: Path, path: Path, reading: Mapping[str, Any], settings: Settings) -> tuple[Path, Mapping[str, Any]]:
    """A text as others write it: columns aligned by blanks set apart by tabs, quotes behind a backslash doubled, no
    delimiters at the ends of its lines."""
    target = scratch(settings, "csv")
    blanks, escaped = reading.get("delimiter") == sniff.BLANKS, reading.get("escape") == sniff.BACKSLASH
    with text.open("rb") as source, target.open("wb") as out:
        for line in source:
            if escaped:
                line = re.sub(rb'\\(["\\])', lambda sign: b'""' if sign[1] == b'"' else sign[1], line)
            if reading.get("edges"):
                body = line.strip()
                end = line[len(line.rstrip(b"\r\n")) :]
                line = body[1:-1] + end if len(body) > 1 and body[:1] == body[-1:] == b"|" else line
            if blanks:
                body = line.strip(b" \r\n")
                line = re.sub(rb"(?: |\xe3\x80\x80){2,}", b"\t", body) + line[len(line.rstrip(b"\r\n")) :]
            out.write(line)
    if text != path:
        text.unlink(missing_ok=True)
    return target, {**reading, "plainer": True, **({"delimiter": "\t"} if blanks else {})}


def _threads(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT current_setting('threads')").fetchone()
    return int(row[0]) if row else 1


def _relation(path: Path | str, skip: bool, layout: Layout, reading: Mapping[str, Any]) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.columns)
    mark = literal(reading.get("quote") or '"')
    return (
        f"read_csv({literal(path)}, auto_detect = false, header = false, skip = {int(skip)}, "
        f"delim = {literal(reading['delimiter'])}, quote = {mark}, escape = {mark}, columns = {{{columns}}}, "
        f"strict_mode = true, null_padding = false, max_line_size = {LONG_LINE})"
    )


def _copied(path: Path, start: int, end: int, settings: Settings) -> Path:
    target = scratch(settings, "csv")
    try:
        with path.open("rb") as source, target.open("wb") as part:
            if hasattr(os, "copy_file_range"):  # Linux: in the kernel, five times as fast
                while start < end and (done := _kernel_copy(source.fileno(), part.fileno(), end - start, start)):
                    start += done
            source.seek(start)
            while start < end and (block := source.read(min(BLOCK, end - start))):
                start += part.write(block)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def _kernel_copy(source: int, target: int, size: int, start: int) -> int:
    """Bytes copied inside the kernel; 0 where these file systems have no way to."""
    try:
        return os.copy_file_range(source, target, size, start)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return 0


def _detect(path: Path) -> str:
    with path.open("rb") as file:
        return encodings.detect(file).name


def _delimiter(path: Path, reading: Mapping[str, Any]) -> str:
    """The usual delimiter that the header line has most of."""
    with path.open("rb") as file:
        lines = file.read(BLOCK).splitlines()
    header = str(reading.get("header", 1))
    line = lines[min(int(header) - 1 if header.isdigit() and header != "0" else 0, len(lines) - 1)] if lines else b""
    return max(DELIMITERS, key=lambda delimiter: line.count(delimiter.encode()))
