"""dBase tables (dbf), alone or beside a shapefile: text of the fields as written, in the encoding that cpg or header name."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import HubError
from contracts.inference.evidence import Evidence

VERSIONS = frozenset({0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8E, 0xCB, 0xF5, 0xFB})
LANGUAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x13: "cp932", 0x4D: "gb18030", 0x4E: "cp949", 0x4F: "cp950",
    0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866", 0x78: "cp950", 0x79: "cp949",
    0x7A: "gb18030", 0x7B: "cp932", 0xC8: "cp1250", 0xC9: "cp1251",
}  # fmt: skip
"""Language driver (byte 29) to encoding; https://www.dbase.com/KnowledgeBase/int/db7_file_fmt.htm, ESRI's list of LDIDs."""
CODE_PAGES = {"936": "gb18030", "54936": "gb18030", "950": "cp950", "65001": "utf-8", "1252": "cp1252", "utf8": "utf-8"}
HEAD, FIELD, END = 32, 32, 0x0D
DELETED = 0x2A
ELSEWHERE = "MGP"
"""Kinds of fields that hold only where a text or picture stands in another file."""
SAMPLE = 1 << 20


class DbfRefused(HubError):
    """A dBase table that is cut short, or keeps its texts in another file."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its name, its kind (C, N, F, D, L, I, B, Y, T, M …), its width."""

    name: str
    kind: str
    width: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Table:
    """A dBase table's layout."""

    path: Path
    rows: int
    start: int
    width: int
    fields: tuple[Field, ...]
    encoding: str
    evidence: Evidence


def is_dbf(path: Path) -> bool:
    """Whether the bytes are a dBase table: a version, a date, and a layout that fits the file's size."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        if len(head) < HEAD or head[0] not in VERSIONS or not (head[2] <= 12 and head[3] <= 31):
            return False
        rows, start, width = struct.unpack("<IHH", head[4:12])
        if start < HEAD + FIELD or width < 2 or (start - HEAD) // FIELD > 1024:
            return False
        file.seek(HEAD)
        fields = file.read(start - HEAD)
    size = path.stat().st_size
    return END in fields[::FIELD] and start <= size and size >= start + (rows - 1) * width


def open_dbf(path: Path, code_page: str = "") -> Table:
    """The layout; `code_page`: what a .cpg beside it says. The encoding is the cpg's, else the header's, else found."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        rows, start, width = struct.unpack("<IHH", head[4:12])
        described = file.read(start - HEAD)
        encoding, evidence = _encoding(code_page, head[29], path, start)
    fields = []
    for place in range(0, len(described), FIELD):
        part = described[place : place + FIELD]
        if not part or part[0] == END or len(part) < FIELD:
            break
        name = part[:11].split(b"\0")[0].decode(encoding, errors="replace").strip()
        fields.append(Field(name, chr(part[11]), part[16] + (part[17] << 8 if chr(part[11]) == "C" else 0), part[17]))
    elsewhere = [field.name for field in fields if field.kind in ELSEWHERE]
    if elsewhere:
        evidence = Evidence(
            f"{evidence.zh}；备注字段 {'、'.join(elsewhere)} 的内容在另一个文件（dbt/fpt）中，未读取",
            f"{evidence.en}; what memo fields hold ({', '.join(elsewhere)}) is in another file (dbt, fpt) and not read",
        )
    return Table(path, rows, start, width, tuple(fields), encoding, evidence)


def records(table: Table) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Number from 1 and fields of each record that is not deleted; empty fields are no value."""
    names = _unique([field.name or f"column_{n}" for n, field in enumerate(table.fields, 1)])
    with table.path.open("rb") as file:
        file.seek(table.start)
        for number in range(1, table.rows + 1):
            raw = file.read(table.width)
            if len(raw) < table.width:
                raise DbfRefused(
                    f"{table.path.name} 不完整：应有 {table.rows} 条记录，只有 {number - 1} 条。请重新导出。",
                    f"{table.path.name} is cut short: {number - 1} of {table.rows} records are there. Export it again.",
                )
            if raw[0] == DELETED:
                continue
            row, place = {}, 1
            for name, field in zip(names, table.fields, strict=True):
                row[name] = _text(raw[place : place + field.width], field, table.encoding)
                place += field.width
            yield number, row


def _text(raw: bytes, field: Field, encoding: str) -> str | None:
    if field.kind in ELSEWHERE:
        return None
    if field.kind == "I" and len(raw) == 4:
        return str(struct.unpack("<i", raw)[0])
    if field.kind == "O" or (field.kind == "B" and len(raw) == 8):
        return repr(struct.unpack("<d", raw)[0])
    if field.kind == "Y" and len(raw) == 8:
        units = struct.unpack("<q", raw)[0]
        return f"{'-' if units < 0 else ''}{abs(units) // 10_000}.{abs(units) % 10_000:04d}"
    text = raw.decode(encoding, errors="replace").strip("\0 　")
    if field.kind == "D":
        return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else text or None
    if field.kind == "L":
        return {"Y": "true", "T": "true", "N": "false", "F": "false"}.get(text.upper())
    if field.kind in "NF" and set(text) <= {"*"}:
        return None  # a number that did not fit is written as stars
    return text or None


def _encoding(code_page: str, language: int, path: Path, start: int) -> tuple[str, Evidence]:
    page = code_page.strip().lower().removeprefix("cp").removeprefix("ansi ").replace("-", "").removeprefix("oem ")
    if page:
        name = CODE_PAGES.get(page) or ("gb18030" if page.startswith(("gb", "936")) else _known(code_page.strip()))
        if name:
            return name, Evidence(f"dbf 的编码由 .cpg 说明：{name}", f"the .cpg says that the dbf is {name}")
    if language in LANGUAGES:
        name = LANGUAGES[language]
        return name, Evidence(f"dbf 的编码由文件头说明：{name}", f"the dbf's header says that it is {name}")
    with path.open("rb") as file:
        file.seek(HEAD)
        data = file.read(SAMPLE)
    for name in ("utf-8", "gb18030"):
        with_end = data if len(data) < SAMPLE else data[: data.rfind(b" ")]
        try:
            with_end.replace(b"\0", b" ").decode(name)
        except UnicodeDecodeError:
            continue
        return name, Evidence(f"dbf 没有说明编码，按 {name} 读取", f"the dbf names no encoding; it reads as {name}")
    return "gb18030", Evidence("dbf 没有说明编码，按 GB18030 读取", "the dbf names no encoding; read as GB18030")


def _known(name: str) -> str:
    import codecs

    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _unique(names: list[str]) -> list[str]:
    from contracts.inference.grid import unique_names

    return list(unique_names(names, len(names)))
