"""A large text in pieces that are read side by side. Each comes to DuckDB through a pipe, so that nothing is copied."""

from __future__ import annotations

import fcntl
import itertools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from warehouse.readers.source import Piece
from warehouse.readers.survey import Survey

SMALLEST = 32 << 20
"""Bytes of a piece at least: a text twice as large is read in pieces side by side, as rows are numbered by one thread each."""
BLOCK = 1 << 20
"""Bytes handed on at once; as large is the pipe, where the kernel allows it."""


def cut(text: Path, head: tuple[int, int], counted: Survey, most: int) -> tuple[Piece, ...]:
    """A large text as up to `most` pieces of much the same size, cut at line ends outside quotes; none where it is small.
    `head`: the bytes before the first row, and the lines in them that are not blank."""
    size = text.stat().st_size
    wanted = min(most, size // SMALLEST)
    ends = [end for end in counted.ends if head[0] < end[0] < size]
    goals = [size * n // wanted for n in range(1, wanted)]
    inner = sorted({min(ends, key=lambda end: abs(end[0] - goal)) for goal in goals}) if ends else []
    borders = [head, *inner, (size, counted.lines)] if inner else []
    return tuple(
        Piece(f"piece-{uuid.uuid4().hex}", text, (start, end), after - before, before - head[1])
        for (start, before), (end, after) in itertools.pairwise(borders)
    )


@contextmanager
def fed(piece: Piece) -> Iterator[str]:
    """The path from which a piece can be read once, from its first byte to its last, as long as the context lasts."""
    reading, writing = os.pipe()
    failed: list[OSError] = []
    feeder = Thread(target=_feed, args=(piece, writing, failed), daemon=True)
    feeder.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)  # a feeder that nobody reads from any more gets EPIPE
        feeder.join()
    if failed:
        raise failed[0]


def _feed(piece: Piece, pipe: int, failed: list[OSError]) -> None:
    start, end = piece.span
    try:
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, BLOCK)
        with piece.text.open("rb", buffering=0) as source:
            while start < end:
                start += _handed_on(source.fileno(), pipe, start, min(BLOCK, end - start))
    except BrokenPipeError:
        pass  # whoever reads has enough: an error in the text, most likely
    except OSError as error:
        failed.append(error)
    finally:
        os.close(pipe)


def _handed_on(source: int, pipe: int, start: int, size: int) -> int:
    """Bytes of a file put into a pipe; on Linux the kernel lends its own pages."""
    done = os.splice(source, pipe, size, offset_src=start) if hasattr(os, "splice") else _written(source, pipe, start, size)
    if not done:
        raise OSError(f"{size} bytes are missing at {start}")
    return done


def _written(source: int, pipe: int, start: int, size: int) -> int:
    return os.write(pipe, os.pread(source, size, start))
