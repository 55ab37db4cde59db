"""Which columns identify a row. Uniqueness alone is no evidence: a key is named like one, or cannot be unique by chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from contracts.checks.formats.coordinate import Coordinate
from contracts.inference.glossary import SIMPLIFIED
from contracts.inference.guess import Guess, is_code_name
from contracts.inference.naming import words_of
from contracts.inference.profile import ColumnProfile
from contracts.model import Type

ROW_NUMBER = frozenset(
    {
        "序号",
        "编号",
        "行号",
        "項次",
        "项次",
        "no",
        "no.",
        "num",
        "#",
        "row",
        "rownum",
        "row_number",
        "index",
        "idx",
        "seq",
        "sequence",
        "n",
        "",
    }
)


def key_candidates(pairs: Sequence[tuple[Guess, ColumnProfile]], rows: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns that are a key by themselves, best first; and groups worth counting together, best first.

    Uniqueness alone is no evidence in a small file: a key must be named like one. A group must be so unlikely to be unique
    by chance that five rows at least would have collided.
    """
    single = [
        (g, c)
        for g, c in pairs
        if c.filled == rows and c.distinct == rows and rows and not g.missing and _may_be_key(g, c, rows)
    ]
    single.sort(key=lambda pair: -_key_rank(pair[0]))
    parts = [(g, c) for g, c in pairs if c.filled == rows and 1 < c.distinct < rows and not g.missing and _may_be_part(g)]
    parts = sorted(parts, key=lambda pair: -pair[1].distinct)[:7]
    candidates = [pair for pair in pairs if pair in parts]
    groups: list[tuple[float, tuple[str, ...]]] = []
    for size in (2, 3):
        for group in _groups(candidates, size):
            chance = rows * (rows - 1) / 2
            for _, column in group:
                chance *= column.pairs / rows / rows
            if chance >= 5 and any(is_code_name(g) for g, _ in group) and _possible(group, rows):
                coded = sum(is_code_name(g) for g, _ in group)
                groups.append((size * 1e9 - coded * 1e6 - min(chance, 1e5), tuple(g.source for g, _ in group)))
    return [g.source for g, _ in single], [group for _, group in sorted(groups)]


def _groups(pairs: Sequence[tuple[Guess, ColumnProfile]], size: int) -> list[tuple[tuple[Guess, ColumnProfile], ...]]:
    return list(combinations(pairs, size))


def _possible(group: Sequence[tuple[Guess, ColumnProfile]], rows: int) -> bool:
    total = 1
    for _, column in group:
        total *= column.distinct
    return total >= rows


def _may_be_key(guess: Guess, column: ColumnProfile, rows: int) -> bool:
    if guess.type not in (Type.STRING, Type.INTEGER) or guess.exceptions or column.longest > 100:
        return False
    if guess.personal and guess.personal not in {"identity-number", "licence-plate"}:
        return False
    return _key_rank(guess) > 0 and not _row_number(guess, column, rows)


def _row_number(guess: Guess, column: ColumnProfile, rows: int) -> bool:
    """1, 2, 3 … under a name that only counts lines: the next file begins at 1 again."""
    plain = guess.source.translate(SIMPLIFIED).strip().lower()
    counted = (
        column.all("integer")
        and column.least_number in (0, 1)
        and (column.most_number or 0) - (column.least_number or 0) == rows - 1
    )
    return counted and plain in ROW_NUMBER


def _key_rank(guess: Guess) -> int:
    """How much a name says "key": id before some_id before some code."""
    words, title = words_of(guess.source), guess.source.translate(SIMPLIFIED)
    if guess.name in {"id", "uuid", "guid", "key", "identifier", "code"} or title in {"编号", "编码", "代码", "标识"}:
        return 5
    if (guess.format and guess.format.identifies) or "信用代码" in title:
        return 4
    if words & {"id", "uuid", "guid", "identifier"} or re.search("编号|标识|流水号|许可证号|证书编号", title):
        return 3
    if words & {"code", "key", "no", "number"} or re.search("编码|代码|车牌|号码", title):
        return 2
    return 0


def _may_be_part(guess: Guess) -> bool:
    """Part of a composite key: an identifier, a code, a date, a time or a class; never a measure or free text."""
    if guess.personal or isinstance(guess.format, Coordinate):
        return False
    if guess.type in (Type.DATE, Type.TIMESTAMP, Type.TIME):
        return not words_of(guess.source) & {
            "updated",
            "created",
            "modified",
            "scraped",
            "edited",
            "submitted",
            "timestamp",
            "unix",
            "fetched",
            "loaded",
        }
    words = words_of(guess.source)
    return guess.type in (Type.STRING, Type.INTEGER) and (
        is_code_name(guess) or bool(words & {"year", "month", "period", "quarter", "day", "hour"})
    )


def with_key(guesses: Sequence[Guess], key: Sequence[str]) -> list[Guess]:
    """The guesses with the key's columns numbered in the key's order."""
    order = {source: place for place, source in enumerate(key, start=1)}
    return [replace(guess, key=order.get(guess.source)) for guess in guesses]
