"""Numbers of an xlsx sheet as Excel shows them: 100 under the format 000000 is the code 000100."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Iterator

STYLE = re.compile(rb"<xf\s[^>]*?numFmtId=\"(\d+)\"")
FORMAT = re.compile(rb"<numFmt\s[^>]*?>")
CELL_FORMATS = re.compile(rb"<cellXfs\b.*?</cellXfs>", re.S)
CELL = re.compile(rb'<c r="([A-Z]+)([0-9]+)"([^>]*)>\s*<v>([0-9]+(?:\.[0-9]+)?)</v>\s*</c>')
STYLED = re.compile(rb'\ss="(\d+)"')
TYPED = re.compile(rb'\st="(?!n")')
PADDED = re.compile(r'(?:"([^"]*)"|\\(.))?(0{2,})(?:_.|\\ )*')
DECIMAL = re.compile(r"(?:#,##)?0\.(0+)(?:_.|\\ )*")
BUILT_IN = {"2": "0.00", "4": "#,##0.00"}


def shown_numbers(archive: zipfile.ZipFile, sheet: bytes) -> Iterator[tuple[bytes, int, str]]:
    """Column letters, row and shown text of the cells whose format adds zeros that the number does not have."""
    styles = _styles(archive)
    if not styles:
        return
    for letters, row, attributes, value in CELL.findall(sheet):
        style = STYLED.search(attributes)
        code = styles.get(int(style.group(1))) if style and not TYPED.search(attributes) else None
        if code and (text := shown(value.decode(), code)):
            yield letters, int(row), text


def _styles(archive: zipfile.ZipFile) -> dict[int, str]:
    """The formats of cell styles that pad, by the style's number."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    text = archive.read("xl/styles.xml")
    codes = dict(BUILT_IN)
    for tag in FORMAT.findall(text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag.decode(errors="replace")))
        codes[attributes.get("numFmtId", "")] = html.unescape(attributes.get("formatCode", "")).partition(";")[0]
    block = CELL_FORMATS.search(text)
    numbers = [styles.decode() for styles in STYLE.findall(block.group())] if block else []
    named = {place: codes.get(number, "") for place, number in enumerate(numbers)}
    return {place: code for place, code in named.items() if PADDED.fullmatch(code) or DECIMAL.fullmatch(code)}


def shown(value: str, code: str) -> str:
    """A number under a format that adds zeros; empty where it shows no more than the number, or less of it."""
    whole, _, fraction = value.partition(".")
    if padded := PADDED.fullmatch(code):
        prefix, zeros = (padded.group(1) or padded.group(2) or ""), padded.group(3)
        return "" if fraction or (len(whole) >= len(zeros) and not prefix) else prefix + whole.rjust(len(zeros), "0")
    decimal = DECIMAL.fullmatch(code)
    width = len(decimal.group(1)) if decimal else 0
    return f"{whole}.{fraction.ljust(width, '0')}" if fraction and len(fraction) < width else ""
