"""What a file is, from its first bytes and, for delimited text, from many of its lines: media, delimiter, quote."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import ijson

from contracts.errors import HubError
from contracts.inference import encodings
from contracts.inference.evidence import Choice, Evidence, Question, Said
from contracts.inference.naming import is_field_word

DELIMITERS = {
    ",": ("逗号", "comma"),
    "\t": ("制表符", "tab"),
    ";": ("分号", "semicolon"),
    "|": ("竖线", "pipe"),
    "^": ("^", "caret"),
    "，": ("全角逗号", "full-width comma"),
    "\x01": ("\\x01", "\\x01"),
    "~": ("~", "tilde"),
}
LONGER = {
    "||": ("双竖线", "double pipe"),
    "@@": ("双 @", "double @"),
    "^^": ("双 ^", "double caret"),
    "::": ("双冒号", "double colon"),
    "##": ("双 #", "double #"),
    ", ": ("逗号加空格", "comma and blank"),
    "; ": ("分号加空格", "semicolon and blank"),
    "| ": ("竖线加空格", "pipe and blank"),
}
"""Delimiters of two characters, the first of which is one by itself, or nearly."""
RARE = {"、": ("顿号", "enumeration comma"), "@": ("@", "at"), "#": ("#", "hash"), " ": ("空格", "space")}
"""Signs that also stand in plain text: taken where no other delimiter fits, and asked."""
BLANKS = "blanks"
"""How a person says that columns are set apart by two blanks or more: a text of fixed width."""
NAMES = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "caret": "^", "space": " ", "\\t": "\t"}
BACKSLASH = "\\"
ONE_COLUMN = "none"
"""How a person says that there is no delimiter."""
NO_QUOTE = "\x02"
"""Stands for "quotes are letters like any other": no text has it."""
HEAD = 65536
STAND_IN = "\x1c"
"""Stands for a delimiter of several characters: no text has it."""
csv.field_size_limit(sys.maxsize)  # of the whole process: 131,072 characters would end in an error that names no file
FEW_LINES = 3
MANY = 0.25
"""Share of lines split alike from which on a delimiter is worth a question."""
SAMPLE_LINES = 1000
AGREE = 0.9
"""Share of lines with as many fields as most, from which a delimiter is believed."""
REFUSED = (
    (b"%PDF", "PDF", "请提供 Excel 或 CSV", "hand in Excel or CSV"),
    (b"7z\xbc\xaf", "7z", "请改用 zip 压缩", "pack it as zip"),
    (b"Rar!", "RAR", "请改用 zip 压缩", "pack it as zip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "请改用 gzip 压缩", "pack it as gzip"),
    (b"BZh", "bzip2", "请改用 gzip 压缩", "pack it as gzip"),
    (b"\xfd7zXZ", "xz", "请改用 gzip 压缩", "pack it as gzip"),
    (b"SQLite format 3", "SQLite", "请导出为 CSV", "export the table as CSV"),
    (b"\x89PNG", "PNG", "图片不是表格", "a picture is no table"),
    (b"\xff\xd8\xff", "JPEG", "图片不是表格", "a picture is no table"),
)


class NotATable(HubError):
    """A file in which no table can be read."""


class UnquotedThousands(NotATable):
    """Thousands separators without quotes are the delimiter, too."""

    def __init__(self) -> None:
        super().__init__(
            "文件中的数字带未加引号的千分位逗号（如 1,234.50），与分隔符混在一起，无法拆分；"
            "请提供方去掉千分位、给字段加引号，或改用制表符分隔后重新导出。",
            "Numbers of the file have thousands separators without quotes (like 1,234.50), which are the delimiter, too; "
            "ask for an export without them, with quotes, or delimited by tabs.",
        )


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a delimited text is written. `rivals` are delimiters that fit about as well."""

    delimiter: str
    quote: str = '"'
    fields: int = 1
    rivals: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def media_of(head: bytes, name: str) -> str:
    """parquet, xls, xlsx or text, from the first bytes; NotATable says what to do with anything else."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    for magic, kind, zh, en in REFUSED:
        if head.startswith(magic):
            raise NotATable(
                f"{name} 是 {kind} 文件，不能读成表格；{zh}。", f"{name} is a {kind} file and holds no table; {en}."
            )
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xfe\xff"):
        raise NotATable(f"{name} 是空文件，没有可收的数据。", f"{name} is empty; there is nothing to receive.")
    controls = sum(byte < 32 and byte not in b"\t\n\r\f\x00\x01\x1a\x1b" for byte in head[:8192])
    if controls > len(head[:8192]) * 0.02 and not encodings.is_wide(head):
        raise NotATable(
            f"{name} 是二进制文件，不能读成表格；请导出为 CSV 或 Excel。",
            f"{name} is binary and no table; export it as CSV or Excel.",
        )
    return "text"


MARKUP = re.compile(
    r"<([?!]|(html|head|meta|style|script|body|div|center|table|workbook)\b)|mime-version:|content-type: ?multipart",
    re.I,
)
"""Web pages, XML and web archives: what offices call .xls often is one."""


def refuse_markup(start: str, name: str) -> None:
    """Refuse a web page or XML; its first characters tell, before anything is asked about its encoding."""
    if MARKUP.match(start):
        raise NotATable(
            f"{name} 是网页或 XML（有些系统把它存成 .xls）。请用 Excel 打开后另存为 .xlsx 再提交。",
            f"{name} is HTML or XML (some systems call that .xls). Open it in Excel, save it as .xlsx and hand that in.",
        )


def text_media(head: str, *, whole: bool) -> str:
    """csv, json or ndjson, from the first characters of a text; `whole`: that is all of it."""
    start = head.lstrip("\ufeff \t\r\n")
    if start[:1] not in {"{", "["}:
        return "csv"
    if _ndjson(start, whole):
        return "ndjson"
    return "json" if _begins_json(start) else "csv"


def named_lines(name: str, head: str) -> bool:
    """Whether a text is called NDJSON and its first line is what it says: an object, or a text that is no record. A single
    record with parts in it, or one good line among broken ones, would not look like lines."""
    first = head.lstrip("\ufeff \t\r\n").partition("\n")[0]
    if not name.lower().endswith((".ndjson", ".jsonl")) or first[:1] not in {"{", '"'}:
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


def _ndjson(start: str, whole: bool) -> bool:
    lines = [line for line in start.split("\n") if line.strip()]
    if not whole and len(lines) > 1:
        lines = lines[:-1]  # the last one is cut
    if start[0] != "{" or (len(lines) == 1 and not whole):
        return False
    good = [_object(line) for line in lines[:50]]
    if len(lines) == 1:
        return good[0] and not _holds_parts(lines[0])
    return sum(good) >= max(2, 0.5 * len(good))


def _object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _holds_parts(line: str) -> bool:
    """A one-line document with lists or objects in it is JSON, not one record."""
    return any(isinstance(value, (list, dict)) for value in json.loads(line).values())


def _begins_json(start: str) -> bool:
    try:
        for number, _event in enumerate(ijson.basic_parse(io.BytesIO(start.encode()))):
            if number > 50:
                return True
    except (ijson.IncompleteJSONError, UnicodeError):  # cut short, or half a character in it
        return True
    except ijson.JSONError:
        return len(start) > 1 and start[1:].lstrip()[:1] in {'"', "{", "[", "}", "]"}
    return True


Score = tuple[float, int, str, str, str]
"""Share of lines that have as many fields as most, how many, delimiter, quote, and the first line where it has one field."""


def _score(text: str, delimiter: str) -> Score | None:
    quote = _quote(text, delimiter)
    rows = [row for row in split(text, delimiter, quote) if any(row)]
    widths = [(n, c) for n, c in Counter(len(row) for row in rows).items() if n > 1]
    if not widths:
        return None
    fields, lines = max(widths, key=lambda each: (each[1], each[0]))
    return lines / max(1, len(rows)), fields, delimiter, quote, rows[0][0] if len(rows[0]) == 1 else ""


def _scores(text: str) -> list[Score]:
    """The delimiters that split a text; one of two characters stands for its first where it splits all lines as well."""
    scored = [each for each in (_score(text, symbol) for symbol in DELIMITERS if symbol in text) if each]
    for longer in LONGER:
        better = _score(text, longer) if longer in text else None
        if better is None or better[0] < AGREE or better[4]:
            continue
        single = next((each for each in scored if each[2] == longer[0]), None)
        doubled, first = longer[1] == longer[0], next((line for line in text.splitlines() if line.strip()), "")
        padded = not doubled and first.count(longer) == first.count(longer[0])
        if single is None or single[0] < AGREE or padded or single[1] == (2 * better[1] - 1 if doubled else better[1]):
            scored = [each for each in scored if each is not single] + [better]
    return scored


def _rare(text: str) -> CsvDialect | None:
    """Columns set apart by a sign that plain text has too: on nearly every line equally often, the first one as well."""
    lines = [line for line in text.splitlines()[:SAMPLE_LINES] if line.strip()]
    if len(lines) < FEW_LINES:
        return None
    wide = Counter(len(re.split(r"[ \u3000]{2,}", line.strip())) for line in lines).most_common(1)[0]
    fixed = wide[0] > 1 and wide[1] >= AGREE * len(lines) and len(re.split(r"[ \u3000]{2,}", lines[0].strip())) == wide[0]
    rare = None if fixed else next((s for s in (_score(text, sign) for sign in RARE) if s and s[0] >= AGREE and not s[4]), None)
    if fixed:
        said = Evidence(f"各行都由空白分成 {wide[0]} 列", f"every line has {wide[0]} columns with blanks between")
        return CsvDialect(BLANKS, fields=wide[0], rivals=(ONE_COLUMN,), evidence=(said,))
    if rare is None or rare[1] < (3 if rare[2] == " " else 2):
        return None
    share, fields, delimiter, quote, _ = rare
    zh, en = RARE[delimiter]
    said = Evidence(f"{share:.0%} 的行由{zh}分成 {fields} 列", f"{share:.0%} of lines have {fields} fields between {en}")
    return CsvDialect(delimiter, quote, fields, (ONE_COLUMN,), (said,))


def _header_split(text: str, scored: Sequence[Score]) -> CsvDialect | None:
    """A delimiter that many lines have as often as the first one, though most have not: asked, or all would be one column."""
    rare = [each for each in (_score(text, sign) for sign in RARE if sign in text) if each]
    for share, fields, delimiter, quote, _ in sorted((*scored, *rare), reverse=True):
        first = next(iter(split(text, delimiter, quote, 1)), [])
        if share >= MANY and fields == len(first) >= 3:
            zh, en = {**DELIMITERS, **LONGER, **RARE}[delimiter]
            said = Evidence(
                f"首行和 {share:.0%} 的行由{zh}分成 {fields} 列，其余不是",
                f"the first line and {share:.0%} of lines have {fields} fields between {en}, the others have not",
            )
            return CsvDialect(delimiter, quote, fields, (ONE_COLUMN,), (said,))
    return None


def dialect(text: str) -> CsvDialect:
    """Delimiter and quote of a text: the delimiter that gives most lines equally many fields, the most if several do."""
    scored = _scores(text)
    good = sorted((s for s in scored if s[0] >= AGREE), key=lambda s: (bool(s[4]), -s[1], -s[0]))
    if not good and (rare := _rare(text)) is not None:
        return rare
    if not good:
        good = sorted((s for s in scored if s[0] >= 0.5), key=lambda s: (-s[0], -s[1]))
    if not good and (maybe := _header_split(text, scored)) is not None:
        return maybe
    if not good:
        said = Evidence("没有分隔符，只有一列", "no delimiter: one column")
        return CsvDialect(nothing(text), fields=1, evidence=(said,))
    share, fields, delimiter, quote, alone = good[0]
    rivals = [s[2] for s in good[1:] if _rivals(good[0][:3], s[:3])]
    if alone and (share < AGREE or (fields <= 4 and is_field_word(str(alone)))):
        rivals.append(ONE_COLUMN)
    if rivals:  # whatever is asked, the answer must be among the choices: &amp; and a tab behind codes look like delimiters
        rivals += [s[2] for s in good[1:] if s[2] not in rivals]
        rivals.sort(key=lambda rival: rival == ONE_COLUMN)
    zh, en = {**DELIMITERS, **LONGER}[delimiter]
    said = Evidence(
        f"以{zh}分隔，{share:.0%} 的行有 {fields} 列", f"delimited by {en}: {share:.0%} of lines have {fields} fields"
    )
    return CsvDialect(delimiter, quote, fields, tuple(rivals), (said,))


def is_backslashed(text: str, delimiter: str) -> bool:
    """Whether quotes inside quoted fields stand behind a backslash, and are nowhere doubled; a path may end with one."""
    edge = re.escape(delimiter)
    return bool(re.search(rf'"[^"\n]*\\"(?!\s*(?:{edge}|\r|\n|$))', text)) and not re.search(r'[^\\]"(?="[^,;|\t\r\n])', text)


def doubled(text: str) -> str:
    """A text with its quotes behind backslashes doubled instead."""
    return re.sub(r'\\(["\\])', lambda sign: '""' if sign[1] == '"' else sign[1], text)


def is_edged(text: str) -> bool:
    """Whether every line of a table begins and ends with the delimiter, as in Markdown: | 编号 | 名称 |."""
    lines = [line.strip() for line in text.splitlines()[:SAMPLE_LINES] if "|" in line]
    return len(lines) > 1 and all(len(line) > 1 and line[0] == line[-1] == "|" for line in lines)


def unedged(line: str) -> str:
    """A line of such a table without the delimiters at its ends."""
    body = line.strip()
    return body[1:-1] if len(body) > 1 and body[0] == body[-1] == "|" else line


def tabbed(text: str) -> str:
    """A text of fixed width with tabs where there are two blanks or more."""
    return "\n".join(re.sub(r"[ \u3000]{2,}", "\t", line.strip(" \u3000")) for line in text.splitlines())


def nothing(text: str) -> str:
    """A delimiter that does not occur: the text is one column."""
    return next(symbol for symbol in ("\t", "|", "\x1f", "\x1e", "\x1d") if symbol not in text)


def _rivals(best: tuple[float, int, str], other: tuple[float, int, str]) -> bool:
    """Two delimiters that give tables of the same width, each on every line: 1,5;2,5 may be either."""
    return other[0] >= best[0] and other[1] == best[1]


def _quote(text: str, delimiter: str) -> str:
    """The quote character: ' only where it encloses fields and " does not; none where quotes open and never close (inches)."""
    edge = re.escape(delimiter)
    opened = len(re.findall(rf'(?:^|{edge})"', text, re.M))
    closed = len(re.findall(rf'"(?=\r?$|{edge})', text, re.M))
    if opened >= 5 and closed < opened * 0.5:
        return NO_QUOTE
    single = len(re.findall(rf"(?:^|{edge})'[^'\n]*'(?=\r?$|{edge})", text, re.M))
    return "'" if single > 5 and single > 3 * opened else '"'


def split(text: str, delimiter: str, quote: str = '"', limit: int = SAMPLE_LINES) -> list[list[str]]:
    """The first records of a text, forgiving broken quotes."""
    return split_lines(text, delimiter, quote, limit)[0]


def split_lines(text: str, delimiter: str, quote: str = '"', limit: int = SAMPLE_LINES) -> tuple[list[list[str]], list[int]]:
    """The first records of a text, and the line from 1 that each begins at."""
    rows: list[list[str]] = []
    starts: list[int] = []
    single = STAND_IN if len(delimiter) > 1 else delimiter
    text = text.replace("\x00", "")
    reader = csv.reader(io.StringIO(text.replace(delimiter, single), newline=""), delimiter=single, quotechar=quote)
    begin = 1
    try:
        for row in reader:
            rows.append(row if single == delimiter else [cell.replace(single, delimiter) for cell in row])
            starts.append(begin)
            begin = reader.line_num + 1
            if len(rows) >= limit:
                break
    except csv.Error:
        rest = [line.rstrip("\r\n") for line in _physical([text])][begin - 1 :][: limit - len(rows)]
        rows += [line.split(delimiter) for line in rest]
        starts += range(begin, begin + len(rest))
    return rows, starts


def fields(lines: Iterable[str], delimiter: str, quote: str, *, strict: bool = False) -> Iterator[list[str]]:
    """Records of lines; a delimiter of several characters is one character to the parser, which knows no other.

    `strict` raises `csv.Error` at quotes that do not balance and at line ends inside a line; otherwise nothing does: a CR
    alone ends a line, too."""
    physical = lines if strict else _physical(lines)
    if len(delimiter) == 1:
        yield from csv.reader(physical, delimiter=delimiter, quotechar=quote, strict=strict)
        return
    single = (line.replace(delimiter, STAND_IN) for line in physical)
    for row in csv.reader(single, delimiter=STAND_IN, quotechar=quote, strict=strict):
        yield [cell.replace(STAND_IN, delimiter) for cell in row]


def _physical(texts: Iterable[str]) -> Iterator[str]:
    """Lines with their ends, whether LF, CRLF or CR."""
    for text in texts:
        yield from io.StringIO(text, newline="")


def name_of(delimiter: str) -> str:
    """How a person writes a delimiter on the command line."""
    return next((name for name, symbol in NAMES.items() if symbol == delimiter and name.isalpha()), delimiter)


def question(dialect: CsvDialect) -> Question:
    """What to ask where two delimiters fit alike."""
    names = {symbol: name for name, symbol in NAMES.items() if not name.startswith("\\")}
    words = {
        **DELIMITERS,
        **LONGER,
        **RARE,
        BLANKS: ("由多个空格对齐的列", "columns aligned by blanks"),
        ONE_COLUMN: ("没有分隔符，只有一列", "no delimiter: one column"),
    }
    choices = [Choice(names.get(d, d), Said(*words[d])) for d in (dialect.delimiter, *dialect.rivals)]
    return Question(
        "--delimiter", Said("分隔符不能确定", "The delimiter is not certain"), tuple(choices), dialect.evidence, free=True
    )
