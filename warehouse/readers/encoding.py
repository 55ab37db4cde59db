"""Text in any encoding made UTF-8 for the readers, without losing a byte that does not decode."""

from __future__ import annotations

import codecs
from pathlib import Path

from contracts.inference.encodings import is_euro

MARK = "\ufdd0"
"""Stands before the two hexadecimal digits of each byte that did not decode. A noncharacter: no real text has it."""
CHUNK = 4 << 20


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if is_euro(error):
        return "€", error.start + 1
    bad = error.object[error.start : error.end]
    return "".join(f"{MARK}{byte:02X}" for byte in bad), error.end


codecs.register_error("hui-mark", _mark_bytes)


def to_utf8(path: Path, encoding: str, target: Path) -> int:
    """Write the text of `path` as UTF-8 without BOM to `target`; how many bytes did not decode.

    Each such byte becomes `MARK` and two hexadecimal digits, so that the row can be found and quarantined, and its raw
    line shown by `readable`.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="hui-mark")
    marks = 0
    with path.open("rb") as source, target.open("w", encoding="utf-8", newline="") as out:
        first = True
        while True:
            chunk = source.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            marks += text.count(MARK)
            out.write(text)
            if not chunk:
                return marks


def readable(line: str) -> str:
    """A line with its undecodable bytes written as \\xNN."""
    return line.replace(MARK, "\\x")
