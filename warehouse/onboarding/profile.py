"""Profile all rows of a source by SQL: distinct values first, then forms of values, weighted by their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from contracts.checks.duckdb.predicates import SPACES
from contracts.inference import dates
from contracts.inference.grid import TOTALS
from contracts.inference.profile import (
    DECIMAL_PATTERNS,
    LONG_FROM,
    LONG_PATTERNS,
    PATTERNS,
    WRITTEN_PATTERNS,
    ColumnProfile,
    Profile,
    brought,
)
from contracts.sql import identifier, literal
from warehouse.readers.scratch import scratch_file
from warehouse.readers.source import Source
from warehouse.settings import Settings

CELLS = 2_000_000
"""Cells turned upright at once: many columns of a small file, one column of a large one."""
WIDEST = 250
SHOWN = 12
LONGEST_SHOWN = 120
"""Letters of a value in a row that is shown."""
QUICK_LOOK = 50_000
"""Rows in which most groups of columns show already that they are no key."""
EXACT_DIGITS = 15
"""Digits of a number that a DOUBLE keeps for sure."""
ROC_LIKE = re.compile(WRITTEN_PATTERNS["roc"])
FORMS = (*PATTERNS, *LONG_PATTERNS, *DECIMAL_PATTERNS, *WRITTEN_PATTERNS)
Progress = Callable[[int, int], None]
TRIMMED = f"nullif(trim({{}}, {literal(SPACES)}), '')"
NUMBERED = " OR ".join(
    f"regexp_full_match(v, {literal(PATTERNS[p])})" for p in ("number", "thousands", "decimal_comma", "percent")
)


@dataclass(slots=True)
class Stage:
    """A source's rows as a table of text columns c0, c1 … that can be asked again and again."""

    connection: duckdb.DuckDBPyConnection
    relation: str
    columns: tuple[str, ...]
    rows: int = 0
    totals: int = 0
    scratch: tuple[Path, ...] = ()
    padded: set[int] = field(default_factory=set)
    """Columns with white space around some value, which the checks will trim (trimming every cell took 5 of 8 seconds)."""

    def place(self, column: str) -> str:
        """SQL for the column's values as the checks see them."""
        number = self.columns.index(column)
        return f"{TRIMMED.format(f'c{number}')}" if number in self.padded else f"c{number}"


@contextmanager
def connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own for looking at files, with the memory limit of a load; it knows no lake."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    spill = settings.scratch / "spill-profile"
    config = {"memory_limit": settings.memory_limit, "temp_directory": str(spill), "autoinstall_known_extensions": "false"}
    opened = duckdb.connect(":memory:", config={**config, **({"threads": str(settings.threads)} if settings.threads else {})})
    try:
        opened.execute("SET TimeZone = 'Asia/Shanghai'")
        yield opened
    finally:
        opened.close()


@contextmanager
def small_connection(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for a small file to a DuckDB that this process keeps: making one takes 15 ms, a file of 200 rows 60."""
    opened = _kept(settings.memory_limit).cursor()
    try:
        opened.execute("SET TimeZone = 'Asia/Shanghai'")
        yield opened
    finally:
        opened.close()


@cache
def _kept(memory_limit: str) -> duckdb.DuckDBPyConnection:
    """One thread, the caller's, so that nothing stays in a worker that would read another file."""
    limits = {"memory_limit": memory_limit, "temp_directory": "", "threads": "1"}
    return duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", **limits})


def stage(source: Source, settings: Settings, *, connection: duckdb.DuckDBPyConnection) -> Stage:
    """Read a source once, into Parquet; a trailing line of totals is counted and left out."""
    target = scratch_file(settings.scratch, ".stage.parquet")
    selected = ", ".join(f"nullif({identifier(name)}, '') AS c{n}" for n, name in enumerate(source.columns))
    try:
        connection.execute(f"COPY (SELECT {selected} FROM {source.relation}) TO {literal(str(target))} (FORMAT parquet)")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    staged = Stage(connection, f"read_parquet({literal(str(target))})", source.columns, scratch=(target,))
    staged.rows = int(_one(connection, f"SELECT count(*) FROM {staged.relation}")[0])
    staged.totals = _trailing_totals(staged)
    if staged.totals:
        staged.relation = f"(SELECT * FROM {staged.relation} LIMIT {staged.rows - staged.totals})"
    return staged


def first_rows(stage: Stage, count: int) -> tuple[tuple[str | None, ...], ...]:
    """The first rows as they are written, long values cut."""
    if not count:
        return ()
    columns = ", ".join(f"c{n}[:{LONGEST_SHOWN}]" for n in range(len(stage.columns)))
    return tuple(stage.connection.execute(f"SELECT {columns} FROM {stage.relation} LIMIT {int(count)}").fetchall())


def _trailing_totals(stage: Stage) -> int:
    if stage.rows < 2 or len(stage.columns) < 2:
        return 0
    first = "coalesce(" + ", ".join(f"c{n}" for n in range(min(6, len(stage.columns)))) + ")"
    listed = ", ".join(literal(word) for word in sorted(TOTALS))
    word = f"lower(regexp_replace({first}, '[\\s:：]', '', 'g'))"
    sql = f"SELECT {word} IN ({listed}) FROM {stage.relation} OFFSET {max(0, stage.rows - 3)}"
    last = [bool(row[0]) for row in stage.connection.execute(sql).fetchall()]
    return next((n for n, total in enumerate(reversed(last)) if not total), len(last))


def profile(stage: Stage, progress: Progress | None = None) -> Profile:
    """The profile of every column, over all rows."""
    rows = stage.rows - stage.totals
    size = max(1, min(WIDEST, CELLS // max(1, rows)))
    columns: list[ColumnProfile] = []
    for start in range(0, len(stage.columns), size):
        places = range(start, min(start + size, len(stage.columns)))
        columns += _batch(stage, places)
        if progress:
            progress(len(columns), len(stage.columns))
    return Profile(rows, tuple(columns), stage.totals)


def _batch(stage: Stage, places: Sequence[int]) -> list[ColumnProfile]:
    """Distinct values of a batch of columns with their rows, in a temporary table; then what each column holds."""
    upright = " UNION ALL ".join(f"SELECT {n} AS c, c{n} AS v FROM stage" for n in places)
    if len(places) > 1:
        cast = ", ".join(f"c{n}" for n in places)
        upright = f"SELECT CAST(c[2:] AS INTEGER) AS c, v FROM (UNPIVOT stage ON {cast} INTO NAME c VALUE v)"
    stage.connection.execute(
        "CREATE OR REPLACE TEMP TABLE cells AS "
        f"WITH stage AS (SELECT {', '.join(f'c{n}' for n in places)} FROM {stage.relation}) "
        f"SELECT c, v, count(*) AS n FROM ({upright}) WHERE v IS NOT NULL GROUP BY c, v"
    )
    _trim(stage)
    by_column = {row["c"]: row for row in _rows(stage.connection, _measures())}
    _more_forms(stage.connection, by_column)
    formats = _date_formats(
        stage.connection, [n for n, row in by_column.items() if row["dated"] + row["ymd8"] + row["joined_time"]]
    )
    return [_column(stage.columns[n], by_column.get(n), formats.get(n, {})) for n in places]


def _trim(stage: Stage) -> None:
    """Trim the distinct values where some have white space around them."""
    trimmed = TRIMMED.format("v")
    padded = stage.connection.execute(f"SELECT DISTINCT c FROM cells WHERE {trimmed} IS DISTINCT FROM v").fetchall()
    if not padded:
        return
    stage.padded |= {int(row[0]) for row in padded}
    stage.connection.execute(
        "CREATE OR REPLACE TEMP TABLE cells AS SELECT c, v, sum(n)::BIGINT AS n FROM "
        f"(SELECT c, {trimmed} AS v, n FROM cells) WHERE v IS NOT NULL GROUP BY c, v"
    )


def _counts(patterns: Mapping[str, str]) -> str:
    return ", ".join(
        f"coalesce(sum(n) FILTER (regexp_full_match(v, {literal(form)})), 0)::BIGINT AS {name}"
        for name, form in patterns.items()
    )


def _more_forms(connection: duckdb.DuckDBPyConnection, by_column: dict[int, dict[str, Any]]) -> None:
    long = [n for n, row in by_column.items() if row["longest"] >= LONG_FROM]
    _count_forms(connection, by_column, long, LONG_PATTERNS)
    fractions = [n for n, row in by_column.items() if row["number"] > row["integer"]]
    _count_forms(connection, by_column, fractions, DECIMAL_PATTERNS)
    _count_forms(connection, by_column, [n for n, row in by_column.items() if _odd(row)], WRITTEN_PATTERNS)
    _count_forms(connection, by_column, list(by_column), brought())
    exact = [n for n, row in by_column.items() if row["longest"] > EXACT_DIGITS and row["number"] + row["thousands"]]
    if exact:
        plain = "replace(v, ',', '')"
        sql = (
            f"SELECT c, max(length(regexp_extract({plain}, '^[+-]?0*([0-9]*)', 1))) AS whole_digits, "
            f"max(length(regexp_extract({plain}, '\\.([0-9]*)', 1))) AS decimals "
            f"FROM cells WHERE c IN ({', '.join(map(str, exact))}) GROUP BY c"
        )
        for row in _rows(connection, sql):
            by_column[row["c"]] |= row


def _odd(row: dict[str, Any]) -> bool:
    """Whether the values shown of a column have an odd spelling: the rest is worth counting."""
    values = [*(row["top"] or []), *(row["firsts"] or [])]
    return any(value[:1] in "='民" or value[-1:] == "." or "24:00" in value or ROC_LIKE.fullmatch(value) for value in values)


def _count_forms(
    connection: duckdb.DuckDBPyConnection,
    by_column: dict[int, dict[str, Any]],
    places: Sequence[int],
    patterns: Mapping[str, str],
) -> None:
    """Count more forms, in the columns alone that may have them: each costs a look at every distinct value."""
    if not places or not patterns:
        return
    sql = f"SELECT c, {_counts(patterns)} FROM cells WHERE c IN ({', '.join(map(str, places))}) GROUP BY c"
    for row in _rows(connection, sql):
        by_column[row["c"]] |= row


def _measures() -> str:
    forms = _counts(PATTERNS)
    dated = f"regexp_full_match(v, {literal(PATTERNS['dated'])})"
    return f"""SELECT c, sum(n)::BIGINT AS filled, count(*) AS "distinct", sum(n * n::DOUBLE) AS pairs,
        min(length(v)) AS shortest, max(length(v)) AS longest, min(v) AS least, max(v) AS most,
        min(x) FILTER (isfinite(x)) AS least_number, max(x) FILTER (isfinite(x)) AS most_number,
        arg_max(v, n, {SHOWN * 3}) AS top, max(n, {SHOWN * 3}) AS top_n, min(v, {SHOWN}) AS firsts, any_value(v) AS some,
        arg_max(v, n, {SHOWN}) FILTER (NOT numbered) AS not_numbers, max(n, {SHOWN}) FILTER (NOT numbered) AS not_numbers_n,
        coalesce(sum(n) FILTER (NOT numbered), 0)::BIGINT AS outliers,
        arg_max(v, n, {SHOWN}) FILTER (NOT {dated}) AS not_dates, max(n, {SHOWN}) FILTER (NOT {dated}) AS not_dates_n,
        {forms}
        FROM (SELECT *, try_cast(v AS DOUBLE) AS x, ({NUMBERED}) AS numbered FROM cells) GROUP BY c"""


def _date_formats(connection: duckdb.DuckDBPyConnection, places: Sequence[int]) -> dict[int, dict[str, int]]:
    """Rows that each possible format reads, for columns that have something like a date."""
    counted: dict[int, dict[str, int]] = {}
    for place in places:
        shapes = connection.execute(
            "SELECT any_value(v), max(v) FROM "
            f"(SELECT v, regexp_replace(v, '[0-9]', '9', 'g') AS shape FROM cells WHERE c = {place}) "
            "GROUP BY shape ORDER BY count(*) DESC LIMIT 300"
        ).fetchall()
        formats = dates.candidates(value for row in shapes for value in row)
        if formats:
            told = ", ".join(f"coalesce(sum(n) FILTER ({_reads(fmt)}), 0)::BIGINT" for fmt in formats)
            counts = _one(connection, f"SELECT {told} FROM cells WHERE c = {place}")
            counted[place] = {fmt: int(rows) for fmt, rows in zip(formats, counts, strict=True) if rows}
    return counted


def _reads(fmt: str) -> str:
    matched = f"regexp_full_match(v, {literal(dates.pattern(fmt))})"
    if fmt == dates.ISO:
        return f"{matched} AND try_cast(regexp_extract(v, '^[0-9]+-[0-9]+-[0-9]+') AS DATE) IS NOT NULL"
    if "%z" in fmt:
        return matched
    return f"{matched} AND try_strptime(v, {literal(fmt)}) IS NOT NULL"


def _column(source: str, row: dict[str, Any] | None, formats: dict[str, int]) -> ColumnProfile:
    if row is None:
        return ColumnProfile(source, 0, 0, 0.0, 0, 0, None, None, None, None, dict.fromkeys(FORMS, 0), (), (), (), ())
    return ColumnProfile(
        source=source,
        filled=row["filled"],
        distinct=row["distinct"],
        pairs=row["pairs"],
        shortest=row["shortest"],
        longest=row["longest"],
        least=row["least"],
        most=row["most"],
        least_number=row["least_number"],
        most_number=row["most_number"],
        counts={name: int(row.get(name, 0)) for name in (*FORMS, *brought())},
        top=_paired(row["top"], row["top_n"]),
        samples=tuple(dict.fromkeys([row["some"], *(row["firsts"] or [])]))[:SHOWN],
        not_numbers=_paired(row["not_numbers"], row["not_numbers_n"]),
        not_dates=_paired(row["not_dates"], row["not_dates_n"]),
        whole_digits=row.get("whole_digits") or 0,
        decimals=row.get("decimals") or 0,
        outliers=row["outliers"],
        date_formats=formats,
    )


def _paired(values: list[str] | None, counts: list[int] | None) -> tuple[tuple[str, int], ...]:
    return tuple(zip(values or [], counts or [], strict=True))


def first_and_last(stage: Stage, column: str, formats: Sequence[str]) -> tuple[str | None, str | None]:
    """The earliest and the latest value of a column of dates as they are written, by the strptime formats that read them."""
    place = stage.place(column)
    moment = "coalesce(" + ", ".join(f"try_strptime(v, {literal(fmt)})" for fmt in formats if "%z" not in fmt) + ", NULL)"
    if all("%z" in fmt for fmt in formats):
        moment = "v"
    sql = f"SELECT arg_min(v, {moment}), arg_max(v, {moment}) FROM (SELECT {place} AS v FROM {stage.relation})"
    first, last = _one(stage.connection, sql)
    return first, last


def unique_together(stage: Stage, candidates: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """The first of several groups of columns whose values together are different in every row."""
    rows = stage.rows - stage.totals
    for group in candidates:
        few = min(rows, QUICK_LOOK)
        if _distinct(stage, group, f"(SELECT * FROM {stage.relation} LIMIT {few})") < few:
            continue
        if _distinct(stage, group, stage.relation) == rows:
            return tuple(group)
    return None


def _distinct(stage: Stage, group: Sequence[str], relation: str) -> int:
    places = ", ".join(stage.place(column) for column in group)
    filled = " AND ".join(f"{stage.place(column)} IS NOT NULL" for column in group)
    return int(_one(stage.connection, f"SELECT count(*) FROM (SELECT DISTINCT {places} FROM {relation} WHERE {filled})")[0])


def count_where(stage: Stage, condition: str) -> int:
    """Rows of the stage for which a condition over c0, c1 … is true."""
    return int(_one(stage.connection, f"SELECT count(*) FROM {stage.relation} WHERE {condition}")[0])


def distinct_values(stage: Stage, column: str, limit: int) -> list[tuple[str, int]]:
    """Distinct values of a column with their rows, for rules that SQL does not know (check digits)."""
    place = stage.place(column)
    sql = f"SELECT {place}, count(*) FROM {stage.relation} WHERE {place} IS NOT NULL GROUP BY 1 LIMIT {limit}"
    return [(str(value), int(rows)) for value, rows in stage.connection.execute(sql).fetchall()]


def with_year(stage: Stage, column: str, year: str | None, limit: int) -> list[tuple[str, str | None, int]]:
    """Distinct values of a column, each with the year that its rows say, and their number."""
    place, beside = stage.place(column), stage.place(year) if year else "NULL::VARCHAR"
    sql = f"SELECT {place}, {beside}, count(*) FROM {stage.relation} WHERE {place} IS NOT NULL GROUP BY 1, 2 LIMIT {limit}"
    return [
        (str(value), None if said is None else str(said), int(rows))
        for value, said, rows in stage.connection.execute(sql).fetchall()
    ]


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return row


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    result = connection.execute(sql)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
