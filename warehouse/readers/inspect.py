"""Look at a file and say how it is to be read; what it does not say itself becomes a question."""

from __future__ import annotations

import codecs
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contracts import beside, documents, encodings, grid, records, sniff, veil
from contracts.evidence import Choice, Evidence, Question, Said, Undecided
from contracts.records import Outline, RecordList
from warehouse.headers import REASONS
from warehouse.readers import excel, features, json, kinds, parquet, sheets
from warehouse.readers.archive import check_workbook, unpack
from warehouse.readers.encoding import to_utf8
from warehouse.readers.scratch import scratch_file
from warehouse.settings import Settings

SAMPLE = 1 << 20
"""Characters of a text that delimiter and header are judged by."""
AGREE = 0.9
"""Share of rows that are alike from which on a file is written so."""
HEAD_OF_NUMBER = re.compile(r"[-+¥￥]?[0-9]{1,3}")
REST_OF_NUMBER = re.compile(r"[0-9]{3}(?![0-9])")
KEPT = ("decimal", "asides", "mends", "places")
"""What a contract's reading says of single columns and rows, whatever the file is."""
PREFER_DATA = 2
"""A sheet with at least this many rows and one column may hold data."""


@dataclass(slots=True)
class Inspection:
    """How a file is read: `reading` goes into its contract. `path` is the data file itself, unpacked."""

    path: Path
    media: str
    reading: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    scratch: list[Path] = field(default_factory=list)
    encoding: str = ""
    text_columns: frozenset[str] = frozenset()
    decimals: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Columns that the file itself declares to be decimals, with precision and scale."""
    above: tuple[str, ...] = ()
    """Cells above the header: titles, and the line that says the unit."""
    records: RecordList | None = None
    sample: str = ""
    name: str = ""
    """How people call the data file."""
    by_person: bool = False

    def settled(self) -> Inspection:
        """Itself when nothing is open; otherwise `Undecided` with the questions and all evidence."""
        if self.questions:
            self.forget()
            raise Undecided(tuple(self.questions), tuple(self.evidence))
        return self

    def forget(self) -> None:
        """Remove the files made on the way."""
        for made in self.scratch:
            made.unlink(missing_ok=True)


def inspect(path: Path, told: Mapping[str, Any], settings: Settings, *, name: str = "", by_person: bool = False) -> Inspection:
    """What a file is and how it is read, following what was told about it (keys as in a contract's `reading`).

    `by_person`: told by somebody who looks at this very file; otherwise by its contract, and the bytes may know better.
    """
    kinds.refuse(path, name or path.name)
    kept = {name: told[name] for name in KEPT if told.get(name)}
    if lines := features.as_lines(path, told, settings):
        return _as_lines(lines, kept)
    member = str(told.get("member") or "")
    limit = settings.max_unpacked_bytes
    unpacked = unpack(path, name=name, member=member, folder=settings.scratch, limit=limit, strict=by_person)
    found = Inspection(
        unpacked.path,
        "",
        name=unpacked.name,
        by_person=by_person,
        scratch=list(unpacked.scratch),
        evidence=list(unpacked.evidence),
    )
    if unpacked.member:
        found.reading["member"] = unpacked.member
    try:
        if unpacked.steps:
            kinds.refuse(unpacked.path, unpacked.name)
            if lines := features.as_lines(unpacked.path, told, settings):
                return _as_lines(lines, kept, found)
        with unpacked.path.open("rb") as file:
            head = file.read(sniff.HEAD)
        found.media = sniff.media_of(head, unpacked.name)
        if found.media == "text":
            sniff.refuse_markup(encodings.glimpse(head), unpacked.name)
        {"parquet": _parquet, "xls": _workbook, "xlsx": _workbook, "text": _text}[found.media](found, told, settings)
    except BaseException:
        found.forget()
        raise
    found.reading |= kept
    found.reading["media"] = found.media
    return found


def _as_lines(lines: features.Lines, kept: Mapping[str, Any], found: Inspection | None = None) -> Inspection:
    """A file that was made lines of JSON of; its `reading` names what it is."""
    before = found or Inspection(lines.path, "")
    return replace(
        before,
        path=lines.path,
        media="ndjson",
        encoding="utf-8",
        reading={**before.reading, **kept, **lines.reading, "media": lines.media},
        evidence=[*before.evidence, *lines.evidence],
        scratch=[*before.scratch, lines.path],
    )


def _parquet(found: Inspection, _told: Mapping[str, Any], _settings: Settings) -> None:
    found.text_columns, found.decimals = parquet.text_columns(found.path), parquet.decimals(found.path)


def _workbook(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    if found.media == "xlsx":
        check_workbook(found.path, settings.max_unpacked_bytes)
    sheet = _told_sheet(found, told) or _choose_sheet(found)
    if not sheet:
        return
    found.reading["sheet"] = sheet
    if told.get("range"):
        found.reading["range"] = str(told["range"])
    read = _first_part(found, told, sheet)
    if found.by_person:
        _refuse_form(read.cells, told)
        excel.check_calculated(found.path, read)
    elif read.cells and REASONS in read.cells[0]:
        told = {"header": "1"}
    guess = excel.told_header(read, None)
    _header(found, read.cells, told, guess, list(range(1, len(read.cells) + 1)), read.spans)
    header = found.reading.get("header")
    if header is None:
        return
    settled = excel.told_header(read, str(header))
    if sheet == beside.ALL:
        found.reading["columns"] = list(told.get("columns") or [name for name in settled.names if name][:6])
    if found.by_person:
        _beside(found, read, settled, told)


def _first_part(found: Inspection, told: Mapping[str, Any], sheet: str) -> excel.Grid:
    """The cells that the header is looked for in: of the sheet, the first of several, or the columns that were told."""
    if sheet == beside.ALL:
        taken = sheets.alike(found.path, excel.sheets(found.path), None, told)
        listed = "、".join(taken)
        found.evidence.append(Evidence(f"{len(taken)} 个工作表合在一起：{listed}", f"{len(taken)} sheets together: {listed}"))
        sheet = taken[0]
    read = excel.grid(found.path, sheet)
    if not any(cell.strip() for row in read.cells for cell in row):
        raise sniff.NotATable(f"工作表 {sheet} 是空的。", f"The sheet {sheet} is empty.")
    asked = beside.told(told.get("range"))
    return sheets.crop(read, asked[0]) if asked else read


def _beside(found: Inspection, read: excel.Grid, header: grid.Header, told: Mapping[str, Any]) -> None:
    """Ask which table is meant where several stand side by side; tell of notes beside the table."""
    if told.get("range"):
        return
    if blocks := beside.blocks(read.cells, header):
        found.questions.append(beside.question(blocks, header.names))
    notes = beside.notes(read.cells, header)
    if "columns" in found.reading and not told.get("columns"):
        kept = [name for column, name in enumerate(header.names) if name and column not in notes]
        found.reading["columns"] = kept[:6]
    for text in notes.values():
        shown = veil.veiled(text[: sheets.SHOWN])
        found.evidence.append(Evidence(f"表旁的附注，不是数据：{shown}", f"a note beside the table, no data: {shown}"))


def _refuse_form(rows: list[list[str]], told: Mapping[str, Any]) -> None:
    """Refuse a form, whose values would become names of columns, unless somebody says where its header is."""
    if told.get("header") in (None, "") and grid.is_form(rows):
        raise sniff.NotATable(
            "这是一张表单（每个名称旁边是它的值），不是表格。"
            "请改成一行列名、每行一条记录后再提交；确为表格时用 --header 指出表头行。",
            "This is a form, each name beside its value, and no table. Hand it in with one row of names and one row for each "
            "record; if it is a table, say --header with the row of its names.",
        )


def _told_sheet(found: Inspection, told: Mapping[str, Any]) -> str:
    """The sheet that was told; the contract's may be called otherwise in this delivery."""
    sheet = str(told.get("sheet") or "")
    if sheet == beside.ALL:
        return _export_sheet(found) or sheet
    if sheet and not found.by_person and sheet not in (names := excel.sheet_names(found.path)):
        return "" if len(names) == 1 else sheet
    return sheet


def _export_sheet(found: Inspection) -> str:
    """The only sheet of a workbook, where that is quarantine as it was exported: it names the sheets in a column."""
    names = excel.sheet_names(found.path)
    if found.by_person or len(names) != 1:
        return ""
    cells = excel.grid(found.path, names[0]).cells
    return names[0] if cells and REASONS in cells[0] else ""


def _choose_sheet(found: Inspection) -> str:
    every = excel.sheets(found.path)
    filled = [s for s in every if s.rows >= PREFER_DATA and s.columns] or [s for s in every if s.rows]
    seen = [s for s in filled if not s.hidden] or filled
    hidden = [s.name for s in filled if s.hidden and s not in seen]
    if hidden:
        zh, en = "、".join(hidden), ", ".join(hidden)
        found.evidence.append(Evidence(f"未读隐藏工作表：{zh}", f"hidden sheets not read: {en}"))
    if len(seen) == 1:
        return seen[0].name
    if not seen:
        raise sniff.NotATable("工作簿中没有数据。", "The workbook holds no data.")
    choices = [Choice(s.name, Said(f"{s.rows} 行 {s.columns} 列", f"{s.rows} rows, {s.columns} columns")) for s in seen]
    shapes = sheets.shapes_of(found.path, seen, None, {"sheet": beside.ALL})
    if len(same := [shape for shape in shapes.values() if shape == Counter(shapes.values()).most_common(1)[0][0]]) > 1:
        both = Said(
            f"{len(same)} 个表的列名相同：合在一起读，表名作为一列",
            f"{len(same)} sheets have the same columns: together, with the sheet's name as an item",
        )
        choices.insert(0 if len(same) == len(seen) else len(choices), Choice(beside.ALL, both))
    said = Said(
        f"工作簿有 {len(seen)} 个有数据的工作表，读哪一个？", f"The workbook has {len(seen)} sheets with data; which one?"
    )
    found.questions.append(Question("--sheet", said, tuple(choices)))
    return ""


def _text(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    _encoding(found, told)
    if found.questions:
        return
    with found.path.open("rb") as file:
        data = file.read(SAMPLE)
        whole = len(data) < SAMPLE
    found.sample = data.decode(found.encoding, errors=encodings.REPLACE).lstrip("\ufeff")
    kinds.refuse_text(found.sample, found.name, as_told=bool(told.get("delimiter") or told.get("media")))
    kind = "csv" if _is_export(found) else str(told.get("media") or "")
    found.media = kind if kind in {"csv", "json", "ndjson"} else _text_media(found, whole)
    {"csv": _csv, "json": _json, "ndjson": _ndjson}[found.media](found, told, settings)


def _text_media(found: Inspection, whole: bool) -> str:
    """What a text is; JSON with comments and a single JSON value are named."""
    bare = found.sample.strip()
    if whole and bare.startswith('"') and documents.is_value(bare) and documents.unwrapped(documents.value(bare)):
        return "json"
    media = sniff.text_media(found.sample, whole=whole)
    if media == "ndjson" or not documents.commented(found.sample):
        return media
    if whole and documents.is_value(bare):
        return media
    raise sniff.NotATable(
        "文件是带注释（//、/* */）、多余逗号或单引号的 JSON，标准 JSON 不允许；请去掉后再提交。",
        "The file is JSON with comments (//, /* */), stray commas or single quotes, which JSON does not allow; "
        "remove them and hand it in again.",
    )


def _encoding(found: Inspection, told: Mapping[str, Any]) -> None:
    with found.path.open("rb") as file:
        guess = encodings.detect(file)
    asked = str(told.get("encoding") or "")
    if asked and (found.by_person or not codec_known(asked)):
        found.encoding = known_codec(asked)
    elif asked and not _proved_other(guess, asked):
        found.encoding = asked
    elif not guess.certain and "utf-8" in (guess.name, *guess.others) and _is_json(found.path):
        found.encoding = "utf-8"
        found.evidence.append(Evidence("JSON 以 UTF-8 编码（RFC 8259）", "JSON is UTF-8 (RFC 8259)"))
    elif guess.certain or (asked and guess.bom):
        found.encoding = guess.name
        found.evidence += guess.evidence
    else:
        found.evidence += guess.evidence
        found.questions.append(_encoding_question(found.path, guess))
    found.reading["encoding"] = found.encoding


def _is_json(path: Path) -> bool:
    """Whether a file begins as JSON does and is UTF-8 as far as it is looked at."""
    with path.open("rb") as file:
        data = file.read(SAMPLE)
    if data[:1] not in (b"{", b"[") and data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) < SAMPLE or error.start < len(data) - 4:
            return False
        text = data[: error.start].decode("utf-8")
    return sniff.text_media(text[: sniff.HEAD], whole=len(data) < SAMPLE) != "csv"


def _proved_other(guess: encodings.Encoding, asked: str) -> bool:
    """Whether the bytes prove another encoding than the contract's: a mark, valid UTF-8, or no Unicode where it is expected."""
    if guess.bom or (guess.name == "utf-8" and guess.certain and guess.evidence and not _ascii(guess)):
        return True
    return guess.certain and asked.lower().startswith("utf") and not guess.name.startswith("utf") and not _ascii(guess)


def codec_known(name: str) -> bool:
    """Whether there is an encoding of that name."""
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def known_codec(name: str) -> str:
    """The name itself, where there is an encoding of that name."""
    if not codec_known(name):
        raise sniff.NotATable(
            f"不认识编码 {name}；可用 utf-8、gb18030、big5、utf-16、latin-1 等。",
            f"There is no encoding {name!r}; there are utf-8, gb18030, big5, utf-16, latin-1 and others.",
        )
    return name


def _ascii(guess: encodings.Encoding) -> bool:
    return any("ASCII characters" in e.en or "are ASCII" in e.en for e in guess.evidence)


def _encoding_question(path: Path, guess: encodings.Encoding) -> Question:
    choices = []
    with path.open("rb") as file:
        data = file.read(SAMPLE)
    for name in (guess.name, *guess.others):
        lines = [line for line in data.decode(name, errors=encodings.REPLACE).splitlines() if not line.isascii()]
        shown = veil.veiled((lines[0] if lines else "")[:60])
        choices.append(Choice(name, Said(f"读作：{shown}", f"reads: {shown}")))
    return Question("--encoding", encodings.question(guess), tuple(choices), guess.evidence, free=True)


def _csv(found: Inspection, told: Mapping[str, Any], _settings: Settings) -> None:
    dialect = sniff.dialect(found.sample)
    if _is_export(found):
        told = {"header": "1"}
    asked = str(told.get("delimiter") or "")
    if asked and not found.by_person and dialect.fields > 1 and not dialect.rivals and _one_column(found, asked):
        asked = ""
    delimiter = sniff.NAMES.get(asked, asked) or dialect.delimiter
    if asked == sniff.ONE_COLUMN:
        delimiter = sniff.nothing(found.sample)
    if dialect.rivals and not asked:
        found.questions.append(sniff.question(dialect))  # where the header is depends on the answer
        return
    found.reading |= {"delimiter": delimiter, "quote": str(told.get("quote") or dialect.quote)}
    if told.get("escape") or sniff.is_backslashed(found.sample, delimiter):
        found.reading["escape"] = sniff.BACKSLASH
        found.sample = sniff.doubled(found.sample)
        said = Evidence("字段内的引号以反斜杠转义", "quotes inside fields stand behind a backslash")
        found.evidence.append(said)
    if not asked:
        found.evidence += dialect.evidence
    if delimiter == "|" and sniff.is_edged(found.sample):
        found.reading["edges"] = True
        found.sample = "\n".join(map(sniff.unedged, found.sample.splitlines()))
    if delimiter == sniff.BLANKS:
        found.sample, delimiter = sniff.tabbed(found.sample), "\t"
    rows, lines = sniff.split_lines(found.sample, delimiter, found.reading["quote"])
    if found.by_person:
        _refuse_form(rows, told)
    _refuse_open_quote(rows, delimiter)
    guess = grid.find_header(rows)
    _header(found, rows, told, guess, lines)
    if found.by_person and not found.questions and told.get("header") in (None, "") and guess.rows:
        _refuse_beside(rows, guess)
    if found.by_person and not found.questions and told.get("header") in (None, "") and guess.rows:
        _fits(found, rows, guess, lines)


def _refuse_open_quote(rows: list[list[str]], delimiter: str) -> None:
    """Refuse a text whose header has a quote that is never closed: the rows up to the next quote would be part of a name."""
    for row, cells in enumerate(rows[: grid.TITLE_ROWS], 1):
        if any(
            "\n" in cell and delimiter in cell.partition("\n")[0] and delimiter in cell.partition("\n")[2] for cell in cells
        ):
            raise sniff.NotATable(
                f"第 {row} 行有一个没有闭合的引号，其后的行会被当作同一个值；请改正引号后再提交。",
                f"Row {row} has a quote that is not closed, and the lines after it would be one value; mend it and try again.",
            )
        if sum(bool(cell.strip()) for cell in cells) > 1:
            return


def _refuse_beside(rows: list[list[str]], guess: grid.Header) -> None:
    """Refuse a text with tables side by side, unless somebody says where the header is, and so that it is one table."""
    if blocks := beside.blocks(rows, guess):
        zh = "、".join(f"第 {block.left + 1}–{block.right + 1} 列" for block in blocks)
        en = ", ".join(f"columns {block.left + 1} to {block.right + 1}" for block in blocks)
        row = guess.rows[0] + 1
        raise sniff.NotATable(
            f"文件中并排有 {len(blocks)} 张表（{zh}），会被当作同一条记录；请分成几个文件，确为一张表时用 --header {row}。",
            f"There are {len(blocks)} tables side by side ({en}), whose rows would be one record; make them files of "
            f"their own, or say --header {row} if it is one table.",
        )


def _fits(found: Inspection, rows: list[list[str]], guess: grid.Header, lines: list[int]) -> None:
    """Ask where the header has another number of names than the rows have fields: nobody can tell which name is missing."""
    names = rows[guess.rows[-1]]
    body = list(itertools.takewhile(lambda row: not grid.repeats(row, names), rows[guess.first_data_row :]))
    width = grid.usual_width(body)
    left = len(grid.fitted_names(names, width))
    if not body or left == width:
        if left < len(names):
            zh = f"表头有 {len(names)} 个字段，其中一个为空，各行只有 {width} 个：空的列名不算"
            en = f"the header has {len(names)} fields, one of them blank, the rows {width}: the blank name is left out"
            found.evidence.append(Evidence(zh, en))
        return
    if width > len(names) and sum(map(_splits_a_number, body)) > len(body) / 2:
        raise sniff.UnquotedThousands
    row = lines[guess.rows[-1]]
    none = Choice(
        "none", Said("列名不可靠，按 column_1、column_2 … 读", "the names are not to be trusted: column_1, column_2 …")
    )
    first = Choice(str(row), Said("列名正确，行末多出的空字段不要", "the names are right, the empty field at the end is none"))
    few = grid.trailing_share(body, len(names)) >= AGREE
    zh = f"第 {row} 行有 {len(names)} 个列名，多数行却有 {width} 个字段；请核对缺了或多了哪个列名"
    en = f"Row {row} has {len(names)} names, but most rows have {width} fields; see which name is missing or too many"
    found.questions.append(Question("--header", Said(zh, en), (first, none) if few else (none,), free=True))


def _splits_a_number(row: Sequence[str]) -> bool:
    """Whether two fields beside each other are the halves of 1,234.50."""
    return any(HEAD_OF_NUMBER.fullmatch(left) and REST_OF_NUMBER.match(right) for left, right in itertools.pairwise(row))


def _is_export(found: Inspection) -> bool:
    """Whether a text is quarantine as it was exported (warehouse.quarantine), whatever its provider's own files are like."""
    return not found.by_person and REASONS in found.sample.partition("\n")[0]


def _one_column(found: Inspection, delimiter: str) -> bool:
    """Whether the contract's delimiter, which gave several columns once, does not stand in this file at all."""
    return sniff.NAMES.get(delimiter, delimiter) not in found.sample and delimiter not in {sniff.ONE_COLUMN, "\x1f"}


def _header(
    found: Inspection,
    rows: list[list[str]],
    told: Mapping[str, Any],
    guess: grid.Header,
    lines: list[int],
    spans: Sequence[grid.Span] = (),
) -> None:
    """Settle the header: as told, as found, or ask. `lines`: the line in the file where each row begins."""
    asked = told.get("header")
    _exists(asked, rows, lines)
    begins = [str(name) for name in told.get("columns") or ()]
    names = guess.names
    if asked not in (None, ""):
        header = str(asked).lower()
        found.reading["header"] = (
            _moved(rows, begins, lines, spans, header) if begins and header != "none" else None
        ) or header
        names = _names_at(rows, lines, str(asked), spans)
        if told.get("skip") and found.reading["header"] == "none":
            found.reading["skip"] = told["skip"]
    elif guess.certain:
        found.evidence += guess.evidence
        found.reading["header"] = _row_numbers(guess, lines)
        if found.reading["header"] == "none" and guess.skipped:
            found.reading["skip"] = lines[len(guess.skipped)] - 1
    else:
        found.evidence += guess.evidence
        found.questions.append(grid.question(guess, rows, lines))
        return
    found.above = _above(rows, lines, str(found.reading["header"]))
    if begins or (str(found.reading["header"]) not in {"1", "none"} and names):
        found.reading["columns"] = begins or [name for name in names if name][:6]
    if guess.skipped and guess.rows:
        shown = veil.veiled(" / ".join(line for line in guess.skipped if line)[:80])
        found.evidence.append(Evidence(f"表头之上的标题行：{shown}", f"title lines above the header: {shown}"))


def _above(rows: list[list[str]], lines: list[int], header: str) -> tuple[str, ...]:
    """The filled cells of the rows above the header."""
    first, _ = grid.header_rows(header)
    return tuple(cell.strip() for row, line in zip(rows, lines, strict=False) if line < first for cell in row if cell.strip())


def _names_at(rows: list[list[str]], lines: list[int], header: str, spans: Sequence[grid.Span]) -> tuple[str, ...]:
    """What the header that was told says, its levels joined."""
    first, last = grid.header_rows(header)
    places = [place for place, line in enumerate(lines[: len(rows)]) if first <= line <= last]
    return grid.join_levels([rows[place] for place in places], 0, spans, places)


def _exists(asked: Any, rows: list[list[str]], lines: list[int]) -> None:
    """Refuse a header below the end of the file."""
    last = max(lines, default=0)
    if asked in (None, "") or len(rows) >= sniff.SAMPLE_LINES or (row := grid.header_rows(asked)[1]) <= last:
        return
    raise sniff.NotATable(f"没有第 {row} 行，最后一行是第 {last} 行。", f"There is no row {row}; the last one is {last}.")


def _row_numbers(guess: grid.Header, lines: list[int]) -> int | str:
    if not guess.rows:
        return "none"
    first, last = lines[guess.rows[0]], lines[guess.rows[-1]]
    return first if first == last else f"{first}-{last}"


def _moved(rows: list[list[str]], begins: list[str], lines: list[int], spans: Sequence[grid.Span], asked: str) -> str | None:
    """Where the header with these first names stands now, with as many rows as before: "1-2" is "2-3" below a title line
    more. None where no rows hold them."""
    first, last = grid.header_rows(asked)
    levels = last - first + 1
    for start in range(min(grid.TITLE_ROWS, len(rows) - levels + 1)):
        places = range(start, start + levels)
        for merged in ((), spans) if spans else ((),):
            names = set(grid.join_levels([rows[place] for place in places], 0, merged, places))
            if names.issuperset(begins):
                return f"{lines[start]}-{lines[start + levels - 1]}" if levels > 1 else str(lines[start])
    return None


def _json(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    _as_utf8(found, settings)
    asked = str(told.get("records") or "")
    held = json.look(found.path)
    if not held.lists and (opened := documents.unwrapped(json.whole(found.path))) is not None:
        held = _rewritten(found, opened, settings)
    chosen: RecordList | Question | None = records.choose(held.lists, asked)
    _refuse_failure(held, chosen)
    document = json.whole(found.path) if not held.lists else None
    if asked and (named := documents.answered(asked, document)):
        chosen = named
    elif chosen is None and document is None and not held.lists:
        raise sniff.NotATable(
            "文件内容只是一个单独的值（如 null），没有数据。", "The document is a single value (like null); it holds no data."
        )
    if chosen is None and json.nothing_in(found.path):
        raise sniff.NotATable(
            "文件中没有任何记录，没有可收的数据。", "The document holds no records yet; there is nothing to receive."
        )
    if chosen is None:
        kinds.refuse_values(found.path, found.name)
        found.questions.append(documents.question(document))
    elif isinstance(chosen, Question):
        found.questions.append(chosen)
    else:
        found.records = chosen
        if chosen.rows and told.get("header"):
            found.reading["header"] = told["header"]
        found.reading["records"] = chosen.path
        found.evidence.append(records.chosen(chosen))
        _partial(found, held, chosen)
        with suppress(StopIteration):
            if records.is_feature(next(json.first_records(found.path, chosen))):
                found.media = "geojson"
                said = "GeoJSON：属性各成一列，点成为 longitude、latitude、elevation"
                found.evidence.append(
                    Evidence(said, "GeoJSON: properties become columns, points longitude, latitude, elevation")
                )
                _coordinates(found, told)


def _coordinates(found: Inspection, told: Mapping[str, Any]) -> None:
    """Whether points are longitude and latitude: RFC 7946 knows nothing else, older files name another system."""
    with found.path.open("rb") as file:
        head = file.read(SAMPLE)
        file.seek(max(0, found.path.stat().st_size - sniff.HEAD))
        name = records.other_coordinates((head + b"\n" + file.read()).decode(errors="replace"))
    if name or told.get("geometry") == json.PLANE:
        found.reading["geometry"] = json.PLANE
        found.evidence.append(
            Evidence(
                f"坐标系为 {name or '平面坐标'}，不是经纬度：点存为 x、y",
                f"coordinates are in {name or 'another system'}, no longitude and latitude: points become x and y",
            )
        )


def _rewritten(found: Inspection, text: str, settings: Settings) -> Outline:
    """The document with the JSON text inside it opened, as a file of its own."""
    found.path = scratch_file(settings.scratch, ".json")
    found.scratch.append(found.path)
    found.path.write_text(text, encoding="utf-8")
    found.evidence.append(Evidence("文本中的 JSON 已展开读取", "the JSON inside a text was opened and read"))
    return json.look(found.path)


def _refuse_failure(held: Outline, chosen: RecordList | Question | None) -> None:
    """Refuse an answer that is an error: it is no dataset."""
    place = chosen.path if isinstance(chosen, RecordList) and held.lists else "" if chosen is not None else None
    if failed := documents.failure(held.scalars, place):
        code, message = failed[0] or "-", failed[1] or "-"
        raise sniff.NotATable(
            f"文件是接口的出错应答（代码 {code}，{message}），不是数据；请提供方排除故障后重新导出。",
            f"The file is an error answer (code {code}, {message}), not data; ask the provider to mend it and export again.",
        )


def _partial(found: Inspection, held: Outline, chosen: RecordList) -> None:
    """Tell when the answer says that there are more records than it holds, and which fields stand twice in a record."""
    if every := documents.total(held.scalars, chosen.path, chosen.records):
        found.evidence.append(
            Evidence(
                f"应答称共有 {every:,} 条，文件中只有 {chosen.records:,} 条；可能只是一页，请核对",
                f"the answer speaks of {every:,} records, the file has {chosen.records:,}: perhaps one page of several",
            )
        )
    elif documents.has_more(held.scalars, chosen.path):
        zh = "应答称后面还有（下一页），文件中可能只是一页，请核对"
        found.evidence.append(Evidence(zh, "the answer says that more follows: perhaps this is one page of several"))
    if held.repeated:
        found.evidence.append(documents.told(held.repeated))


def _ndjson(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    """One record a line; a single line may be a whole document that is none."""
    _as_utf8(found, settings)
    if len(found.sample) < SAMPLE and found.sample.strip().count("\n") == 0:
        document = json.whole(found.path)
        held = records.outline(json.events(document)) if document is not None else None
        if told.get("records") or documents.unwrapped(document) or documents.side_by_side(document):
            found.media = "json"
            _json(found, told, settings)
        elif held is not None:
            _refuse_failure(held, None)
    repeated = json.repeated_keys(found.sample)
    if repeated:
        found.evidence.append(documents.told(repeated))


def _as_utf8(found: Inspection, settings: Settings) -> None:
    """JSON readers want UTF-8 without BOM; most files are that already."""
    if found.encoding == "utf-8":
        return
    target = scratch_file(settings.scratch, ".json")
    found.scratch.append(target)
    lost = to_utf8(found.path, found.encoding, target)
    if lost and found.media != "ndjson":
        raise sniff.NotATable(
            f"文件中有 {lost} 个字节不符合编码 {found.encoding}；请用 --encoding 说明编码，或请提供方重新导出。",
            f"{lost} bytes of the document are not {found.encoding}; say --encoding, or ask the provider to export it again.",
        )
    found.path = target
