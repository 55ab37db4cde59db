"""Dates of a delivery that are written otherwise than its contract says, but all in one way: read, and said so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import duckdb

from contracts import doubts
from contracts.checks.duckdb.predicates import matches, text_sql
from contracts.doubts import Doubt
from contracts.inference import dates
from contracts.model import Contract, Item, Type
from warehouse.ingest.stage import Stage

MOSTLY = 0.5
"""Share of a column's values that must fail the contract's own way of writing, before another is looked for."""
READ = 0.95
"""Share of a column's values that the other way must read."""
DISTINCT = 2_000
MIDNIGHT = r".*[ T]0?0:00(?::00(?:\.0+)?)?"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How an item's dates are written in one delivery: by these formats, or in two ways that the file does not decide."""

    item: Item
    formats: tuple[str, ...]
    rivals: tuple[str, ...]
    shape: str
    """One value with its digits hidden."""

    @property
    def said(self) -> tuple[str, str]:
        """What is told of it."""
        title = self.item.title or self.item.name
        return (
            f"“{title}”的日期写作 {self.shape}，与契约不同，已按此读取",
            f"The dates of {title!r} are written {self.shape}, not as the contract says; they were read so",
        )


def found(connection: duckdb.DuckDBPyConnection, staged: Stage) -> list[Spelling]:
    """Items of which most values are no dates by the contract, and (nearly) all are by other formats."""
    spellings = []
    for item in staged.contract.items:
        if item.type not in (Type.DATE, Type.TIMESTAMP) or item.epoch or item.name not in staged.match.headers:
            continue
        if _failing(connection, staged, item) and (spelling := _spelling(connection, staged, item)):
            spellings.append(spelling)
    return spellings


def applied(contract: Contract, spellings: list[Spelling]) -> Contract:
    """The contract with those formats beside its own."""
    formats = {s.item.name: (*(s.item.formats or doubts.own_formats(s.item)), *s.formats) for s in spellings if not s.rivals}
    return replace(contract, items=tuple(replace(i, formats=formats.get(i.name, i.formats)) for i in contract.items))


def open_orders(spellings: list[Spelling]) -> list[Doubt]:
    """The questions of dates that can be read in two ways."""
    return [doubts.orders(s.item, s.rivals, s.shape) for s in spellings if s.rivals]


def _failing(connection: duckdb.DuckDBPyConnection, staged: Stage, item: Item) -> bool:
    failing = staged.failing("type", item.name)
    if not failing or not staged.faulty:
        return False
    row = connection.execute(f"SELECT count_if({failing}), count(*) FROM {staged.relation}").fetchone()
    return bool(row and row[0] and row[0] >= MOSTLY * row[1])


def _spelling(connection: duckdb.DuckDBPyConnection, staged: Stage, item: Item) -> Spelling | None:
    text = text_sql(item, f"_c{staged.source.columns.index(staged.match.headers[item.name])}")
    cells = f"(SELECT {text} AS t FROM {staged.numbered()}) WHERE t IS NOT NULL"
    sample = [t for (t,) in connection.execute(f"SELECT DISTINCT t FROM {cells} LIMIT {DISTINCT}").fetchall()]
    tried = [fmt for fmt in dates.candidates(sample) if _fits(item, fmt, sample)]
    if not tried:
        return None
    counted = ", ".join(f"count_if({matches('t', dates.pattern(fmt))})" for fmt in tried)
    row = connection.execute(f"SELECT count(*), {counted} FROM {cells}").fetchone() or (0,)
    filled, rows = int(row[0]), dict(zip(tried, (int(n or 0) for n in row[1:]), strict=True))
    written = dates.written(rows, filled)
    if written is None or written.rows < READ * filled:
        return None
    shape = re.sub(r"\d", "9", next(t for t in sample if any(re.fullmatch(dates.pattern(f), t) for f in written.formats)))
    return Spelling(item, written.formats, written.rivals, shape)


def _fits(item: Item, fmt: str, sample: list[str]) -> bool:
    """Whether a format loses nothing: a date keeps no time of day, unless that is midnight; a timestamp needs one."""
    if fmt == dates.ISO:
        return False
    if item.type is Type.TIMESTAMP:
        return dates.timed(fmt)
    form = re.compile(dates.pattern(fmt))
    return not dates.timed(fmt) or all(re.fullmatch(MIDNIGHT, text) for text in sample if form.fullmatch(text))
