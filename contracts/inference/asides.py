"""Rows of a table that are no records: totals, notes, signatures, examples, numbered or zero rows that nobody filled in,
headers repeated, and a second table below. They are set aside, told, and totals are checked against the rows they sum."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from contracts.inference.evidence import Evidence
from contracts.inference.grid import NOTES, kind
from contracts.inference.profile import NO_VALUE

Row = Sequence[str]
REASONS = {
    "total": ("合计行，与各行之和相符或无可核对", "totals that agree, or with nothing to compare"),
    "total-mismatch": ("合计行，与各行之和不符", "totals that differ from the sum of their rows"),
    "note": ("附注、落款或小标题", "notes, signatures and headings"),
    "example": ("示例行", "example rows"),
    "numbered": ("只有序号的空行", "rows with a number only"),
    "zeros": ("没有名称、数值全为零的行", "rows of zeros without a name"),
    "header": ("重复的表头", "headers repeated"),
    "table": ("下方的另一个表", "another table below"),
}
"""Why a row was set aside; the rule of its entry in quarantine."""
HARMLESS = tuple(rule for rule in REASONS if rule != "total-mismatch")
"""Set aside without anybody's fault."""
SAMPLE = 400
"""Rows that a table's usual shape is taken from."""
USUAL, MOSTLY = 0.8, 0.6
FIRST_ROWS = 5
"""Examples stand among the first rows."""
STRONG = re.compile(
    r"(?:(?:全[省市县区州乡镇村国校院局厂部]|各[省市县区]|本[页表月年期季]|[^\d:：,，。]{0,8})?(?:合计|总计|小计|共计|合計|總計|小計|共計)"
    r"|总和|總和|[合总小共][…·.—_-]{1,6}计)(?:[（(][^（()）]*[)）])?[:：]?"
)
SUMS = frozenset("计計和")
"""Each of those words has one of these letters; most cells have none."""
WEAK = re.compile(
    r"其中(?:[:：].*)?|(?:全.)?平均(?:值|数)?[:：]?|均值|(?:本[年月季期日])?累计[:：]?|最[大小高低](?:值|数)?[:：]?|中位数[:：]?"
    r"|(?:sub-?|grand)?totals?:?|sum:?|averages?:?|mean:?|max(?:imum)?:?|min(?:imum)?:?|median:?",
    re.I,
)
PERHAPS = re.compile(r"(?:全部|所有|全[省市县区州乡镇村国校院局厂])[:：]?")
"""Words that stand for a total where the other cells are the sums, and are values else: 全市."""
MOST_PERHAPS = 20
PARTS = re.compile(r"其中|平均|均值|最[大小高低]|中位数|average|mean|max|min|median", re.I)
"""Rows that are set aside, but are no sum of those above."""
NO_SUM = re.compile(
    r"率|比|%|％|均|单价|價格|价格|增[长幅减]|年份|年度|日期|时间|编[号码]|代码|序号|电话|经度|纬度|[Rr]ate|[Pp]rice|[Yy]ear|code|id$"
)
"""Names of columns whose values do not add up to anything."""
SIGNATURE = re.compile(
    r"\s*[（(]?(?:填报?[人表单日]|填制|制[表单]|审[核批定]|复核|校[对核]|经办|负责人|单位负责人|分管|主管|联系[人电]|报[出送]日期|统计人|盖章|签[字章]|"
    r"编制|打印|导出|数据来源|资料来源|說明|说明|备注|附注|注|source|notes?|prepared by|printed)[^:：]{0,12}[:：]",
    re.I,
)
HEADING = re.compile(
    r"\s*(?:[（(]?[一二三四五六七八九十]{1,3}[)）、.．]|\d{1,2}[、）]|第[一二三四五六七八九十\d]+[部分章节]|附?表\s*[一二三四五六七八九十\d])"
)
EXAMPLE = re.compile(
    r"\s*(?:[（(【\[]?(?:填[写报])?(?:示例|样例|范例|举例|例子)[)）】\]]?(?:[:：].*|行)?|例[:：].*|例如.*|e\.g\..*|example:.*)\s*",
    re.I | re.S,
)
SEQUENCE = re.compile(r"序号|編號|编号|行号|序|№|no\.?|#|id|index", re.I)
RULE = re.compile(r":?-{3,}:?|={3,}|_{3,}")
WORD = re.compile(r"[^\W\d_]")
"""A title and the names of a header have letters: a comma in quotes is a value."""
ZERO = re.compile(r"[-+]?0(?:\.0+)?%?|[-—–]")
NUMBER = re.compile(r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)")
NONE_YET = Decimal(0)


def compact(cell: str) -> str:
    """A cell without any blanks, full-width ones too."""
    return "".join(cell.replace("\ufeff", "").split())


def number(cell: str) -> Decimal | None:
    """The number in a cell, thousands separated or not; None for anything else."""
    cell = compact(cell)
    return Decimal(cell.replace(",", "")) if _is_number(cell) else None


def is_blank(cells: Row) -> bool:
    """Whether a line holds delimiters only, or is the rule below the header of a table in Markdown, which goes through every
    column: --- in one of them is a value."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return not filled or (1 < len(cells) == len(filled) and all(RULE.fullmatch(cell) for cell in filled))


@dataclass(frozen=True, slots=True)
class Sifted:
    """A row of a file: a record (no reason), or a row set aside with its reason, "rule:what was found"."""

    number: int
    cells: Row
    reason: str = ""


@dataclass(slots=True)
class _Total:
    """A row of totals, and the sums that it may be."""

    row: int
    cells: Row
    label: str
    sums: list[dict[int, Decimal]] = field(default_factory=list)
    checked: bool = True
    perhaps: bool = False
    """A record unless its numbers are the sums."""


class Sieve:
    """Tells the rows of one table that are records from those that are not. `names`: its columns; `sample`: its first rows."""

    def __init__(self, names: Sequence[str], sample: Sequence[Row]) -> None:
        self.names = [compact(name) for name in names]
        self.named = {n for n, name in enumerate(self.names) if not name.startswith("column_")}
        width = len(names)
        rows = [[compact(cell) for cell in row] for row in sample[:SAMPLE] if any(cell.strip() for cell in row)]
        plain = [row for row in rows if _is_full(row)] or rows
        columns = [[row[n] for row in plain if n < len(row) and row[n]] for n in range(width)]
        self.usual = {n for n, cells in enumerate(columns) if len(cells) >= USUAL * max(1, len(plain))}
        self.numeric = {n for n, cells in enumerate(columns) if cells and _share(cells, _is_number) >= MOSTLY}
        self.words = {n for n, cells in enumerate(columns) if cells and _share(cells, _is_word) >= MOSTLY}
        self.sequence = {n for n, name in enumerate(self.names) if SEQUENCE.fullmatch(name)} & self.numeric
        self.values = {
            n
            for n in range(width)
            if _share([row[n] for row in rows if n < len(row)], lambda c: bool(STRONG.fullmatch(c) or WEAK.fullmatch(c))) > 0.5
        }
        """Columns in which these words are values like any other."""
        self._seen = 0

    def sift(self, rows: Iterable[tuple[int, Row]]) -> Iterator[Sifted]:
        """Every row with what it is; totals come last, when their sums are known."""
        totals: list[_Total] = []
        group: dict[int, Decimal] = {}
        whole: dict[int, Decimal] = {}
        pending: Sifted | None = None
        before, below, perhaps = 0, False, 0
        for place, row in rows:
            if below:
                yield Sifted(place, row, "table")
                continue
            gap = before and place > before + 1
            before = place
            if pending is not None:
                below = self._begins_table(row)
                yield Sifted(pending.number, pending.cells, "table" if below else pending.reason)
                pending = None
            elif gap and self._begins_table(row):
                below = True
            if below:
                yield Sifted(place, row, "table")
                continue
            reason = self._reason(row)
            if reason.startswith("perhaps"):
                perhaps += 1
                reason = reason if perhaps <= MOST_PERHAPS else ""
            if reason.startswith("perhaps"):
                totals.append(_Total(place, row, reason.partition(":")[2], [group, dict(whole)], perhaps=True))
            elif reason.startswith("total"):
                totals.append(_Total(place, row, reason.partition(":")[2], [group, dict(whole)]))
                totals[-1].checked = not PARTS.search(totals[-1].label)
                if totals[-1].checked:
                    group = {}
            elif reason in ("", "note") and self._alone(row):
                pending = Sifted(place, row, reason)  # a title, if a header follows
            else:
                yield Sifted(place, row, reason)
            if not reason:
                self._add(row, group, whole)
        if pending is not None:
            yield pending
        yield from self._judged(self._settled(totals, group, whole), group, whole)
        yield from (Sifted(each.row, each.cells) for each in totals if each.perhaps)

    @property
    def has_zeros(self) -> bool:
        """Whether a row of numbers and zeros alone may be no record here."""
        return bool(self.words & self.usual or self.sequence)

    def doubts(self, row: Row) -> bool:
        """Whether a row by itself may be no record, or the title of another table."""
        self._seen = 0
        return is_blank(row) or bool(self._reason(row)) or self._alone(row)

    def _reason(self, row: Row) -> str:
        cells = [compact(cell) for cell in row]
        filled = [n for n, cell in enumerate(cells) if cell]
        if self._repeats_header(cells, filled):
            return "header"
        others = [n for n in filled if n not in self.sequence]
        if self._is_note(row, cells, filled):
            return "note"
        if len(self.names) > 2 and len(self.usual) > 1:
            if not others and all(_is_number(cells[n]) for n in filled):
                return "numbered"
            if self.words & self.usual and not (self.words & set(filled)) and len(others) > 1:
                zeros = [n for n in others if ZERO.fullmatch(cells[n])]
                if len(zeros) == len(others) and any(_is_number(cells[n]) for n in zeros):
                    return "zeros"
        self._seen += 1
        if self._seen <= FIRST_ROWS and any(EXAMPLE.fullmatch(row[n]) for n in filled if n not in self.numeric):
            return "example"
        return self._total(cells, filled)

    def _repeats_header(self, cells: Sequence[str], filled: Sequence[int]) -> bool:
        """Whether a row is the header once more, or a row of one that has several (names joined by strokes)."""
        if len(filled) < 2 or not self.named.issuperset(filled):
            return False
        if any(cells[n] != self.names[n] and cells[n] not in self.names[n].split("/") for n in filled):
            return False
        named = len(self.named)
        return len(filled) == named or (len(filled) >= named / 2 and any("/" in self.names[n] for n in filled))

    def _total(self, cells: Sequence[str], filled: Sequence[int]) -> str:
        first = next((n for n in filled if not (n in self.sequence and _is_number(cells[n]))), -1)
        for n in filled if len(filled) > 1 else ():
            cell = cells[n]
            sums = not SUMS.isdisjoint(cell)
            if n in self.values or not (sums or n == first):
                continue
            strong = STRONG.fullmatch(cell) if sums else None
            bare = strong and len(re.sub(r"[（(].*|[:：]", "", cell)) <= 2
            if (strong and (n == first or bare)) or (n == first and WEAK.fullmatch(cell) and self._lacks(filled, n)):
                return f"total:{cell.replace(':', '：')}"
            if n == first and PERHAPS.fullmatch(cell) and self.numeric & set(filled) and len(self.names) > 1:
                return f"perhaps:{cell.rstrip(':：')}"
        return ""

    def _lacks(self, filled: Sequence[int], label: int) -> bool:
        """Whether a row has less than records usually have, or nothing but its label and numbers."""
        return bool(self.usual - set(filled)) or self.words <= {label}

    def _is_note(self, row: Row, cells: Sequence[str], filled: Sequence[int]) -> bool:
        if len(self.names) < 2 or not filled:
            return False
        first = row[filled[0]]
        if len(self.names) > 2 and len(filled) == 1 and (NOTES.match(first) or (HEADING.match(first) and len(self.usual) > 1)):
            return True
        numbers = any(_is_number(cells[n]) for n in self.numeric & set(filled))
        if not SIGNATURE.match(first) or (len(self.usual & set(filled)) == len(self.usual) > 1 and numbers):
            return False
        return all(re.match(r".{1,14}[:：]|[\d年月日./-]+$", cells[n]) for n in filled)

    def _alone(self, row: Row) -> bool:
        filled = [n for n, cell in enumerate(row) if cell.strip()]
        return len(filled) == 1 and len(self.usual) > 1 and bool(WORD.search(row[filled[0]])) and kind(row[filled[0]]) == "text"

    def _begins_table(self, row: Row) -> bool:
        """Whether a row below a title or a gap is a header: words only, none twice, over what are numbers in this table."""
        filled = [n for n, cell in enumerate(row) if cell.strip()]
        words = all(kind(row[n]) == "text" and WORD.search(row[n]) and not re.search(r"\d", row[n]) for n in filled)
        words = words and len({compact(row[n]) for n in filled}) == len(filled)
        over = [n for n in filled if n in self.numeric and row[n].strip().lower() not in NO_VALUE]
        known = [compact(row[n]) for n in filled] == [self.names[n] for n in filled if n < len(self.names)]
        return len(filled) > 1 and words and bool(over) and not known and not STRONG.fullmatch(compact(row[filled[0]]))

    def _add(self, row: Row, *all_sums: dict[int, Decimal]) -> None:
        for n in self.numeric:
            value = number(row[n]) if n < len(row) else None
            if value is not None:
                for sums in all_sums:
                    sums[n] = sums.get(n, NONE_YET) + value

    def _settled(self, totals: Sequence[_Total], last: dict[int, Decimal], whole: dict[int, Decimal]) -> list[_Total]:
        """The totals, those that only may be one among them where their numbers are the sums; else they are rows of them."""
        for each in totals:
            summed = [n for n in self.numeric - self.sequence if n < len(each.cells) and not NO_SUM.search(self.names[n])]
            values = any(number(each.cells[n]) for n in summed)
            if each.perhaps and values and not self._differences(each, [*each.sums, whole, last]):
                each.perhaps = False
        for each in totals:
            if each.perhaps:
                self._add(each.cells, whole)
                later = (sums for other in totals if not other.perhaps and other.row > each.row for sums in other.sums)
                for sums in {id(sums): sums for sums in later}.values():
                    self._add(each.cells, sums)
        return [each for each in totals if not each.perhaps]

    def _judged(self, totals: Sequence[_Total], last: dict[int, Decimal], whole: dict[int, Decimal]) -> Iterator[Sifted]:
        """Each total beside the sums it may be: of the rows since the one before, of all above, of all, or of those below."""
        after = [each.sums[0] for each in totals[1:] if each.checked] + [last]
        place = 0
        for each in totals:
            if not each.checked:
                yield Sifted(each.row, each.cells, f"total:{each.label}")
                continue
            wrong = self._differences(each, [*each.sums, whole, *after[place : place + 1]])
            place += 1
            yield Sifted(each.row, each.cells, f"total-mismatch:{each.label} {wrong}" if wrong else f"total:{each.label}")

    def _differences(self, total: _Total, sums: Sequence[dict[int, Decimal]]) -> str:
        differences = []
        for n in sorted(self.numeric - self.sequence):
            value = number(total.cells[n]) if n < len(total.cells) else None
            if value is None or NO_SUM.search(self.names[n]):
                continue
            exponent = value.as_tuple().exponent
            near = Decimal(1).scaleb(min(0, exponent if isinstance(exponent, int) else 0)) / 2 + Decimal("0.000001")
            candidates = [each[n] for each in sums if n in each]
            if candidates and all(abs(value - each) > near for each in candidates):
                closest = min(candidates, key=lambda each: abs(value - each))
                differences.append(f"{self.names[n]} {value} ≠ {closest}")
        return "，".join(differences[:4]).replace(":", "：")


def seen(counts: Counter[str], wrong_totals: Sequence[str] = ()) -> list[Evidence]:
    """What was set aside, for people. `counts`: rows by rule; `found`: what was found wrong with totals."""
    evidence = []
    for rule, (zh, en) in REASONS.items():
        if counts[rule]:
            more = "：" + "；".join(wrong_totals[:3]) if rule == "total-mismatch" and wrong_totals else ""
            evidence.append(
                Evidence(f"{counts[rule]} 行不是记录，已另放：{zh}{more}", f"{counts[rule]} rows set aside: {en}{more}")
            )
    return evidence


def _is_full(row: Row) -> bool:
    """Whether a row shows what records are like: no total, no row of zeros or of a number only."""
    filled = [cell for cell in row if cell]
    return (
        len(filled) > min(1, len(row) - 1)
        and not any(STRONG.fullmatch(cell) for cell in filled)
        and not all(map(ZERO.fullmatch, filled))
    )


def _share(cells: Sequence[str], is_such: object) -> float:
    return sum(bool(is_such(cell)) for cell in cells) / len(cells) if cells else 0.0  # type: ignore[operator]


def _is_number(cell: str) -> bool:
    """Whether a compact cell is a number."""
    return NUMBER.fullmatch(cell) is not None


def _is_word(cell: str) -> bool:
    return kind(cell) in {"text", "code"}
