"""What a UTF-8 text holds, counted at the speed of memory, without parsing it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from contracts.inference import sniff, suspects
from contracts.inference.asides import Sieve
from warehouse.readers import broken

BLOCK = 4 << 20
SIFTED = 64 << 20
"""Bytes of a text up to which all of it is looked through for rows that are no records; of larger ones both ends."""
HALF = BLOCK // 2
"""Bytes that are looked through at each end of a larger one, and the rest of their blocks."""
EMPTY_LINE = re.compile(rb"\n\r?\n")
NEWLINE = pa.scalar(ord("\n"), pa.uint8())


@dataclass(frozen=True, slots=True)
class Survey:
    """What a UTF-8 text holds."""

    lines: int
    """Physical lines that are not blank."""
    plain: bool
    """DuckDB may read it: valid UTF-8, no null bytes, line ends of one kind."""
    ends: tuple[tuple[int, int], ...] = ()
    """Here and there a line end outside quotes: the bytes up to it, and the lines in them that are not blank."""
    delimiters: int = 0
    """Delimiters outside quotes."""
    doubtful: bool = False
    """There may be rows that are no records."""


def survey(path: Path, mark: str = '"', delimiter: str = ",", sieve: Sieve | None = None, start: int = 0) -> Survey:
    """Count the lines and delimiters of a text and see whether DuckDB may read it. `sieve` judges the few lines from the byte
    `start` on that may be no records."""
    lines, delimiters, plain, newlines, returns, pairs, size, quotes = 0, 0, True, 0, 0, 0, 0, 0
    whole, doubtful = path.stat().st_size, False
    ends, quote_byte, between = [], mark.encode(), delimiter.encode()
    for block in _whole_lines(path):
        line_ends, blank = _line_ends(block)
        newlines += line_ends
        if b"\r" in block:
            returns += block.count(b"\r")
            pairs += block.count(b"\r\n")
        lines += line_ends + (not block.endswith(b"\n")) - blank
        plain = plain and b"\0" not in block and _valid(block)
        if quote_byte in block:
            outside, torn = outside_quotes(block, quote_byte, between, quotes % 2 == 1)
            plain, quotes = plain and not torn, quotes + block.count(quote_byte)
        else:
            outside = block if quotes % 2 == 0 else b""
        delimiters += outside.count(between)
        if sieve and not doubtful and (whole <= SIFTED or size < HALF or size + len(block) > whole - HALF):
            records = block[max(0, start - size) :]
            doubtful = _blank(records) > records.endswith(b"\n\n") or _doubted(records, mark, delimiter, sieve)
        size += len(block)
        if quotes % 2 == 0:
            ends.append((size, lines))
    alike = returns == 0 or returns == pairs == newlines
    return Survey(lines, plain and alike, tuple(ends), delimiters, doubtful)


def outside_quotes(block: bytes, mark: bytes, delimiter: bytes, inside: bool) -> tuple[bytes, bool]:
    """What of a block stands outside quotes, and whether a quote opens in the middle of a field, where DuckDB takes what
    follows for quoted or not as it fits. `inside`: the block begins within quotes."""
    parts = block.split(mark)[int(inside) :: 2]
    marked = mark.join(parts)
    while mark * 2 in marked:  # two quotes within quotes are one
        marked = marked.replace(mark * 2, mark)
    begins = marked.count(delimiter + mark) + marked.count(b"\n" + mark) + marked.startswith(mark)
    return b"".join(parts), not inside and begins < marked.count(mark)


def _doubted(block: bytes, mark: str, delimiter: str, sieve: Sieve) -> bool:
    """Whether a line of a block may be no record of its table."""
    for line in suspects.lines(block, sieve.has_zeros):
        text = broken.lenient(line, "utf-8")
        whole = text if text.count(mark) % 2 == 0 else text.replace(mark, "")  # of a value of several lines
        if any(map(sieve.doubts, sniff.fields(iter([whole]), delimiter, mark))):
            return True
    return False


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Blocks that end at a line end (but the last), so that nothing needs care at their borders. Pages that were looked at are
    let go: else a text of 2 GB counts as 2 GB of this process's memory."""
    size = path.stat().st_size
    if not size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        start = let_go = 0
        while start < size:
            end = text.rfind(b"\n", start, start + BLOCK) + 1 or text.find(b"\n", start) + 1 or size
            yield text[start:end]
            start, seen = end, end // mmap.PAGESIZE * mmap.PAGESIZE
            if hasattr(mmap, "MADV_DONTNEED") and seen > let_go:
                text.madvise(mmap.MADV_DONTNEED, let_go, seen - let_go)
                let_go = seen


def _line_ends(block: bytes) -> tuple[int, int]:
    """Line ends of a block, and the blank lines among them. Arrow sees two line ends in a row beside counting them, for a
    tenth of what looking for them again costs."""
    hits = pc.equal(pa.Array.from_buffers(pa.uint8(), len(block), [None, pa.py_buffer(block)]), NEWLINE)
    hits_found = int(hits.true_count)
    if b"\r" in block or (hits_found > 1 and pc.and_(hits[1:], hits[:-1]).true_count):
        return hits_found, _blank(block)
    return hits_found, int(block.startswith(b"\n"))


def _blank(block: bytes) -> int:
    if block[:1] not in (b"\n", b"\r") and not EMPTY_LINE.search(block):
        return 0
    return sum(1 for line in block.removesuffix(b"\n").split(b"\n") if line in (b"", b"\r"))


def _valid(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode("utf-8")) or True
    except UnicodeDecodeError:
        return False
