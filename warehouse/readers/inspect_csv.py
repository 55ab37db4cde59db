"""How a text of delimiters is read: delimiter, quotes, header; what cannot be one table is refused."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.inference import beside, grid, sniff
from contracts.inference.evidence import Choice, Evidence, Question, Said
from warehouse.readers.column_match import REASONS
from warehouse.readers.inspect_header import refuse_form, settle_header
from warehouse.readers.inspection import Inspection
from warehouse.settings import Settings

AGREE = 0.9
"""Share of rows that are alike from which on a file is written so."""
HEAD_OF_NUMBER = re.compile(r"[-+¥￥]?[0-9]{1,3}")
REST_OF_NUMBER = re.compile(r"[0-9]{3}(?![0-9])")


def inspect_csv(inspection: Inspection, options: Mapping[str, Any], _settings: Settings) -> None:
    """Settle delimiter, quotes and header, ask, or refuse what is no table."""
    dialect = sniff.dialect(inspection.sample)
    if is_export(inspection):
        options = {"header": "1"}
    delimiter_asked = str(options.get("delimiter") or "")
    if (
        delimiter_asked
        and not inspection.by_person
        and dialect.fields > 1
        and not dialect.rivals
        and _one_column(inspection, delimiter_asked)
    ):
        delimiter_asked = ""
    delimiter = sniff.NAMES.get(delimiter_asked, delimiter_asked) or dialect.delimiter
    if delimiter_asked == sniff.ONE_COLUMN:
        delimiter = sniff.nothing(inspection.sample)
    if dialect.rivals and not delimiter_asked:
        inspection.questions.append(sniff.question(dialect))  # where the header is depends on the answer
        return
    inspection.reading |= {"delimiter": delimiter, "quote": str(options.get("quote") or dialect.quote)}
    if options.get("escape") or sniff.is_backslashed(inspection.sample, delimiter):
        inspection.reading["escape"] = sniff.BACKSLASH
        inspection.sample = sniff.doubled(inspection.sample)
        said = Evidence("字段内的引号以反斜杠转义", "quotes inside fields stand behind a backslash")
        inspection.evidence.append(said)
    if not delimiter_asked:
        inspection.evidence += dialect.evidence
    if delimiter == "|" and sniff.is_edged(inspection.sample):
        inspection.reading["edges"] = True
        inspection.sample = "\n".join(map(sniff.unedged, inspection.sample.splitlines()))
    if delimiter == sniff.BLANKS:
        inspection.sample, delimiter = sniff.tabbed(inspection.sample), "\t"
    rows, lines = sniff.split_lines(inspection.sample, delimiter, inspection.reading["quote"])
    if inspection.by_person:
        refuse_form(rows, options)
    _refuse_open_quote(rows, delimiter)
    guess = grid.find_header(rows)
    settle_header(inspection, rows, options, guess, lines)
    if inspection.by_person and not inspection.questions and options.get("header") in (None, "") and guess.rows:
        _refuse_beside(rows, guess)
    if inspection.by_person and not inspection.questions and options.get("header") in (None, "") and guess.rows:
        _fits(inspection, rows, guess, lines)


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


def _fits(inspection: Inspection, rows: list[list[str]], guess: grid.Header, lines: list[int]) -> None:
    """Ask where the header has another number of names than the rows have fields: nobody can tell which name is missing."""
    names = rows[guess.rows[-1]]
    body = list(itertools.takewhile(lambda row: not grid.repeats(row, names), rows[guess.first_data_row :]))
    width = grid.usual_width(body)
    left = len(grid.fitted_names(names, width))
    if not body or left == width:
        if left < len(names):
            zh = f"表头有 {len(names)} 个字段，其中一个为空，各行只有 {width} 个：空的列名不算"
            en = f"the header has {len(names)} fields, one of them blank, the rows {width}: the blank name is left out"
            inspection.evidence.append(Evidence(zh, en))
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
    inspection.questions.append(Question("--header", Said(zh, en), (first, none) if few else (none,), free=True))


def _splits_a_number(row: Sequence[str]) -> bool:
    """Whether two fields beside each other are the halves of 1,234.50."""
    return any(HEAD_OF_NUMBER.fullmatch(left) and REST_OF_NUMBER.match(right) for left, right in itertools.pairwise(row))


def is_export(inspection: Inspection) -> bool:
    """Whether a text is quarantine as it was exported (ingest.quarantine), whatever its provider's own files are like."""
    return not inspection.by_person and REASONS in inspection.sample.partition("\n")[0]


def _one_column(inspection: Inspection, delimiter: str) -> bool:
    """Whether the contract's delimiter, which gave several columns once, does not stand in this file at all."""
    return sniff.NAMES.get(delimiter, delimiter) not in inspection.sample and delimiter not in {sniff.ONE_COLUMN, "\x1f"}
