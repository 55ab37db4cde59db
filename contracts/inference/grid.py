"""Where a table begins in a grid of cells: title lines, header, several header rows, notes below. For text and sheets alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.errors import HubError
from contracts.inference import veil
from contracts.inference.evidence import Choice, Evidence, Question, Said
from contracts.inference.naming import is_field_word, is_known_word
from contracts.inference.profile import NO_VALUE
from contracts.inference.units import is_unit

Row = Sequence[str]
Span = tuple[int, int, int, int]
"""A merged cell: first row, first column, last row, last column."""
LOOK_AT = 400
"""Rows of a file that the header is judged by."""
MOST_LEVELS = 8
"""Rows that a header has at most."""
TITLE_ROWS = 20
"""A header stands within the first rows, or there is none."""
FORM_ROWS = 60
"""A form has no more rows than a page or two."""
REPEATED = 0.7
"""Share of its cells that stand in the header from which on a row is the header once more."""
SURE = 1.0
ENOUGH_NAMES = 2
"""Names that a header with blanks has at least; a title line has one, or one beside its unit."""
FEW_BELOW = 3
"""Rows from which on what stands below a word is evidence."""
NUMERIC = {"integer", "decimal", "date", "time"}
TOTALS = frozenset(
    {"合计", "总计", "小计", "共计", "总和", "合計", "總計", "小計", "total", "totals", "grand total", "subtotal", "sum"}
)
NOTES = re.compile(
    r"^\s*(注[:：]|备注[:：]|說明[:：]|说明[:：]|附注|制表|填表|审核|数据来源|資料來源|单位负责人|source[:：]|notes?[:：])",
    re.I,
)
KINDS = (
    ("integer", re.compile(r"[+-]?\d+")),
    ("decimal", re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d*)\.?\d+([eE][+-]?\d+)?%?")),
    ("date", re.compile(r"(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([ T]\d{1,2}:\d{2}.*)?")),
    ("time", re.compile(r"\d{1,2}:\d{2}(:\d{2})?")),
    ("code", re.compile(r"(?=.*\d)[A-Za-z0-9_./:+-]+")),
)
HEADER_ROWS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
YEAR = re.compile(r"(19|20)\d\d年?(度|年度)?")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands (row numbers from 0), what it says, and how sure that is."""

    rows: tuple[int, ...]
    """Empty: no header; several: levels, to be joined."""
    names: tuple[str, ...]
    certain: bool = True
    skipped: tuple[str, ...] = ()
    """Title lines above it."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def first_data_row(self) -> int:
        """Row number of the first record."""
        return self.rows[-1] + 1 if self.rows else len(self.skipped)


@dataclass(slots=True)
class _Weights:
    """Evidence for and against a header."""

    pro: float = 0.0
    con: float = 0.0
    said: list[Evidence] = field(default_factory=list)


class NoSuchHeader(HubError):
    """The rows that a header should stand in are written in no way that is known."""


def header_rows(header: object) -> tuple[int, int]:
    """First and last row of a header, from 1, as it is told: 2, "2-3"; (0, 0) for "none"; nothing told is row 1."""
    given = str(header or 1).strip().lower()
    if given in ("none", "0"):
        return 0, 0
    form = HEADER_ROWS.fullmatch(given)
    first, last = (int(form[1]), int(form[2] or form[1])) if form else (0, 0)
    if not first or not 0 <= last - first < MOST_LEVELS:
        raise NoSuchHeader(
            f"表头行 {given} 不成立：应为行号（从 1 起），几行的写作 2-3（至多 {MOST_LEVELS} 行），没有列名写 none。",
            f"{given} is no place of a header: give a row number from 1, several rows as 2-3 (at most {MOST_LEVELS}), or none.",
        )
    return first, last


def kind(cell: str) -> str:
    """What a cell looks like: integer, decimal, date, time, code, text or blank."""
    cell = cell.strip()
    if not cell:
        return "blank"
    return next((name for name, form in KINDS if form.fullmatch(cell)), "text")


def find_header(rows: Sequence[Row], spans: Sequence[Span] = ()) -> Header:
    """The header of a grid. `spans`: merged cells as (first row, first column, last row, last column)."""
    rows = rows[:LOOK_AT]
    start, width = _start(rows)
    if start is None:
        return Header((), (), certain=False)
    start = _top(_below_head(rows, _above(rows, start, width)), spans)
    skipped = tuple(" ".join(c for c in row if c.strip()) for row in rows[:start])
    body_at = start + 1
    levels = _levels(rows, start, spans)
    below = [row for row in rows[levels[-1] + 1 :] if any(c.strip() for c in row)][: LOOK_AT - 1]
    body = [row for row in below if not repeats(row, rows[levels[-1]])] or below
    names = join_levels([rows[level] for level in levels], width, spans, levels)
    weights = _weigh(names, body) if len(levels) == 1 else _Weights(pro=2.0)
    if len(levels) == 1 and body:
        names = names[: max(width, len(names))]
    if not body:
        return _header_only(levels, names, skipped, weights, body_at)
    judged = _judge(levels, names, skipped, weights)
    second = _second_header(body) if judged.certain and len(levels) == 1 and judged.rows else []
    if second:
        said = Evidence(
            f"表头下一行“{'、'.join(second[:4])}”像第二行表头或单位，其下是数字或日期",
            f"the row below the header looks like a second header or units: {', '.join(second[:4])} over numbers or dates",
        )
        return Header(levels, names, False, skipped, (*judged.evidence, said))
    return judged


def repeats(row: Row, header: Row) -> bool:
    """Whether a row is the header once more, or the like header of another table."""
    filled = [(place, cell.strip()) for place, cell in enumerate(row) if cell.strip()]
    same = sum(place < len(header) and header[place].strip() == cell for place, cell in filled)
    return len(filled) > 1 and same >= REPEATED * len(filled)


def _second_header(body: Sequence[Row]) -> list[str]:
    """Words of the first row below the header that stand over numbers or dates only, where that row has no digits at all."""
    first, rest = [cell.strip() for cell in body[0]], body[1:]
    plain = [cell for cell in first if not is_unit(cell)]
    if len(rest) < FEW_BELOW or any(kind(cell) not in {"text", "blank"} or any(c.isdigit() for c in cell) for cell in plain):
        return []
    repeats = []
    for place, word in enumerate(first):
        cells = [row[place].strip() for row in rest if place < len(row) and row[place].strip()]
        if word and word.lower() not in NO_VALUE and len(cells) >= FEW_BELOW and all(kind(cell) in NUMERIC for cell in cells):
            repeats.append(word)
    return repeats


def _start(rows: Sequence[Row]) -> tuple[int | None, int]:
    """The first row that fills most of the table's width; rows above it are titles."""
    filled = [(sum(bool(c.strip()) for c in row), _extent(row)) for row in rows]
    extents = [extent for count, extent in filled if count]
    if not extents:
        return None, 0
    tail = extents[min(5, len(extents) // 2) :]
    width = Counter(tail).most_common(1)[0][0]
    usual = sorted(count for count, _ in filled if count)[len(extents) // 2]
    for number, (count, _last) in enumerate(filled[:TITLE_ROWS]):
        if count and count >= min(width, max(1, 0.6 * usual)) and (count > 1 or width == 1 or usual <= 1):
            return number, width
    first = next(number for number, (count, _) in enumerate(filled) if count)
    return first, width


def _above(rows: Sequence[Row], start: int, width: int) -> int:
    """The row above, where that is the header: a header with blanks among its names fills less of the width than a record."""
    if not start or sum(bool(cell.strip()) for cell in rows[start - 1]) < ENOUGH_NAMES:
        return start
    body = [row for row in rows[start:] if any(cell.strip() for cell in row)]
    above = _weigh([cell.strip() for cell in rows[start - 1]], body)
    own = _weigh([cell.strip() for cell in rows[start]], body[1:])
    return start - 1 if above.pro >= SURE and above.pro > 2 * above.con and above.pro > own.pro - own.con else start


def _top(start: int, spans: Sequence[Span]) -> int:
    """The first row of a header of which a cell merged downwards reaches into this row."""
    tops = [top for top, left, bottom, right in spans if top < start <= bottom]
    return _top(min(tops), spans) if tops else start


def _below_head(rows: Sequence[Row], start: int) -> int:
    """The header of the table itself, where what begins first are a few lines of a report's head: a small block of rows, a
    blank row, and a larger block that begins with words over what is below them."""
    blocks: list[list[int]] = []
    for number, row in enumerate(rows):
        if not any(cell.strip() for cell in row):
            continue
        if blocks and blocks[-1][-1] == number - 1:
            blocks[-1].append(number)
        else:
            blocks.append([number])
    largest = max(blocks, key=len)
    before = [number for block in blocks for number in block if number < largest[0]]
    if start >= largest[0] or len(largest) < 3 * FEW_BELOW or len(before) > len(largest) / 2 or largest[0] >= TITLE_ROWS:
        return start
    first = next((n for n in largest if sum(bool(cell.strip()) for cell in rows[n]) > 1), largest[0])
    if any(kind(cell) not in {"text", "blank"} for cell in rows[first]):
        return start
    own = _weigh([cell.strip() for cell in rows[first]], [rows[n] for n in largest if n > first])
    return first if own.pro >= SURE and own.pro > 2 * own.con else start


def is_form(rows: Sequence[Row]) -> bool:
    """Whether a grid is a form, each name beside its value, and no table: names stand in every other column, and what stands
    beside them is of every kind."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    body = [row for row in filled if sum(bool(cell.strip()) for cell in row) > 1]
    if not 3 <= len(body) <= FORM_ROWS or max(map(_extent, body)) < 2:
        return False
    width = max(map(_extent, body))
    names = [row[n].strip().rstrip(":：") for row in body for n in range(0, width, 2) if n < len(row) and row[n].strip()]
    values = [row[n].strip() for row in body for n in range(1, width, 2) if n < len(row) and row[n].strip()]
    if len(set(names)) < len(names) or any(kind(name) != "text" or re.search(r"\d", name) or len(name) > 20 for name in names):
        return False
    known = sum(is_field_word(name) for name in names)
    kinds = {kind(value) for value in values}
    return known >= 0.6 * len(names) and len(kinds) > 1 and sum(is_field_word(value) for value in values) < 0.3 * len(values)


def _extent(row: Row) -> int:
    """Cells up to the last one that is filled."""
    return max((place + 1 for place, cell in enumerate(row) if cell.strip()), default=0)


def _levels(rows: Sequence[Row], start: int, spans: Sequence[Span]) -> tuple[int, ...]:
    """Rows of a header of several levels: a cell merged sideways in it names a group of the cells below."""
    last = start
    for top, left, bottom, right in sorted(spans):
        if start <= top <= last:
            last = max(last, bottom + 1 if right > left and bottom + 1 < len(rows) else bottom)
    if last > start + 3 or last >= len(rows):
        return (start,)
    if last == start:
        return (start,)
    return tuple(range(start, last + 1))


def join_levels(rows: Sequence[Row], width: int, spans: Sequence[Span], levels: Sequence[int]) -> tuple[str, ...]:
    """One name for each column, the levels of a header joined by "/", merged cells spread over what they cover."""
    width = max([width, *(_extent(row) for row in rows)])
    grid = [[(row[n].strip() if n < len(row) else "") for n in range(width)] for row in rows]
    for top, left, bottom, right in spans:
        if len(levels) > 1 and top in levels:
            for row in range(top, bottom + 1):
                for column in range(left, min(right + 1, width)):
                    if row in levels:
                        grid[row - levels[0]][column] = grid[top - levels[0]][left]
    _spread_groups(
        grid, {row - levels[0] for top, _, bottom, _ in spans for row in range(top, bottom + 1)} if levels else set()
    )
    names = []
    for column in range(width):
        parts = dict.fromkeys(row[column] for row in grid if row[column])
        names.append("/".join(" ".join(part.split()) for part in parts))
    return tuple(names)


def _spread_groups(levels: list[list[str]], merged: set[int]) -> None:
    """A group's name that stands over its first column only, in a row without merged cells, is that of the columns after it,
    as far as they have names of their own below and no other group begins."""
    for number, upper in enumerate(levels[:-1]):
        if number in merged:
            continue
        below = levels[number + 1]
        for column in range(1, len(upper)):
            if not upper[column] and below[column] and upper[column - 1] and below[column - 1]:
                upper[column] = upper[column - 1]


def _weigh(names: Sequence[str], body: Sequence[Row]) -> _Weights:
    """A header differs from what stands below it; a first record does not."""
    weights = _Weights()
    years = [name for name in names if YEAR.fullmatch(name)]
    contrast: list[str] = []
    alike: list[str] = []
    words: list[str] = []
    repeats: list[str] = []
    exact = 0
    for place, name in enumerate(names):
        cells = [row[place].strip() for row in body if place < len(row) and row[place].strip()]
        if not name or not cells:
            continue
        kinds = Counter(kind(cell) for cell in cells)
        usual = kinds.most_common(1)[0][0]
        own = kind(name)
        digits = sum(kinds[k] for k in (*NUMERIC, "code"))
        if own in NUMERIC and not (YEAR.fullmatch(name) and len(years) > 1):
            alike.append(name)
        elif (own == "text" or (own == "code" and name[0].isalpha() and usual != "code")) and digits >= 0.8 * len(cells):
            contrast.append(name)
        if name in cells or _same_form(name, cells):
            repeats.append(name)
        elif is_field_word(name):
            words.append(name)
            exact += is_known_word(name)
    weights.pro = len(contrast) + 0.6 * len(words) + 0.4 * exact + (len(years) if len(years) > 1 else 0)
    weights.con = len(alike) + 0.7 * len(repeats)
    weights.said = _tell(contrast, words, alike, repeats)
    return weights


def _same_form(name: str, cells: Sequence[str]) -> bool:
    """The cell begins or ends like nearly all cells below it: /dataset/…, …市."""
    if len(cells) < 5 or len(name) < 3:
        return False
    lead = sum(cell[:4] == name[:4] for cell in cells) if len(name) >= 6 else 0
    ends = {cell[-1:] for cell in cells}
    tail = len(cells) if len(cells) > 10 and ends == {name[-1:]} and "\u3400" <= name[-1] <= "\u9fff" else 0
    return max(lead, tail) >= 0.8 * len(cells)


def _tell(contrast: list[str], words: list[str], alike: list[str], repeats: list[str]) -> list[Evidence]:
    said = []
    for which, zh, en in (
        (contrast, "其下为数字、日期或代码", "stands over numbers, dates or codes"),
        (words, "是常见字段名", "is a usual name of a field"),
        (alike, "本身是数字或日期", "is a number or a date itself"),
        (repeats, "与其下的值形式相同", "looks like the values below it"),
    ):
        if which:
            records = which is alike or which is repeats
            values = [veil.first(cell) if records else cell for cell in which[:4]]
            shown = "、".join(values)
            said.append(
                Evidence(f"首行“{shown}”{zh}（{len(which)} 列）", f"first row: {', '.join(values)} {en} ({len(which)} columns)")
            )
    return said


def _judge(levels: tuple[int, ...], names: tuple[str, ...], skipped: tuple[str, ...], weights: _Weights) -> Header:
    blanks = sum(not name for name in names)
    pro = weights.pro - (0.5 if blanks > len(names) / 2 else 0)
    if (pro >= SURE and pro >= 2 * weights.con) or (0 < weights.con == 0.7 and pro >= SURE):
        return Header(levels, names, True, skipped, tuple(weights.said))
    if weights.con >= SURE and weights.con >= 3 * pro:
        return Header((), (), not any(skipped), skipped, tuple(weights.said))  # titles over a table without header: asked
    return Header(levels, names, False, skipped, tuple(weights.said))


def _header_only(
    levels: tuple[int, ...], names: tuple[str, ...], skipped: tuple[str, ...], weights: _Weights, _at: int
) -> Header:
    """One row only: a header if its cells are names of fields, else it is asked."""
    words = sum(is_field_word(name) for name in names)
    numbers = any(kind(name) in NUMERIC for name in names)
    return Header(levels, names, not numbers and words >= max(1, len(names) / 2), skipped, tuple(weights.said))


def question(header: Header, shown: Sequence[Row], lines: Sequence[int] = ()) -> Question:
    """What to ask where it is not clear whether the first row is a header. `lines`: the line where each row begins."""
    row = header.rows[0] if header.rows else len(header.skipped) if any(header.skipped) else 0
    numbers = [lines[n] if n < len(lines) else n + 1 for n in (row, row + 1)]
    line = veil.line(shown[row][:8]) if len(shown) > row else ""
    choices = [
        Choice(str(numbers[0]), Said("是列名", "it is the header")),
        Choice("none", Said("没有列名，第一行就是数据", "there is no header, the first row is a record")),
    ]
    if (
        len(shown) > row + 1
        and header.rows
        and _second_header([r for r in shown[row + 1 :] if any(c.strip() for c in r)] or [[]])
    ):
        below = veil.line(shown[row + 1][:8])
        both = Said(f"表头有两行：{below}", f"the header has two rows: {below}")
        choices = [
            Choice(f"{numbers[0]}-{numbers[1]}", both),
            Choice(str(numbers[1]), Said("只有第二行是列名", "only the second row is the header")),
            Choice(
                str(numbers[0]),
                Said("只有第一行是列名，其下都是数据", "only the first row is the header, all below it are records"),
            ),
        ]
    return Question(
        "--header",
        Said(f"第 {numbers[0]} 行是列名还是数据？{line}", f"Is row {numbers[0]} a header or a record? {line}"),
        tuple(choices),
        header.evidence,
        free=True,
    )


def usual_width(rows: Sequence[Row]) -> int:
    """How many fields most rows have; 0 where there are none."""
    widths = Counter(len(row) for row in rows if any(cell.strip() for cell in row))
    return widths.most_common(1)[0][0] if widths else 0


def trailing_share(rows: Sequence[Row], width: int) -> float:
    """Share of the rows that have one field more than the header, which is empty and their last."""
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return sum(len(row) == width + 1 and not row[-1].strip() for row in filled) / max(1, len(filled))


def fitted_names(names: Sequence[str], width: int) -> Sequence[str]:
    """The names of a header; where it has one more than nearly all rows have fields, and one of them is blank, without it."""
    blank = [place for place, name in enumerate(names) if not name.strip()]
    if width > 1 and len(names) == width + 1 and len(blank) == 1:
        return [name for name in names if name.strip()]
    return names


def unique_names(names: Sequence[str], width: int = 0) -> tuple[str, ...]:
    """Headers made unique without regard to capitals; a blank one becomes column_N."""
    taken: set[str] = set()
    unique = []
    for place in range(max(len(names), width)):
        base = (names[place].strip() if place < len(names) else "") or f"column_{place + 1}"
        name, number = base, 1
        while name.lower() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.lower())
        unique.append(name)
    return tuple(unique)
