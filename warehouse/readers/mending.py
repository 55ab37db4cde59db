"""A source with the spellings of some columns taken back, as its contract's reading says (contracts.inference.mends)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contracts.inference.mends import FORMS
from contracts.sql import identifier, literal
from warehouse.readers.placing import names, placed
from warehouse.readers.source import Source

COMMA = r"\s*[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?\s*"
WRAPPING = """^(="|')|"$"""
SPACED = r"\s*(?:{})\s*"


def mended(source: Source, reading: Mapping[str, Any]) -> Source:
    """The source, and each of its pieces, with the columns mended that the reading names; any other text stays as it is."""
    commas, mends = set(reading.get("decimal") or ()), dict(reading.get("mends") or {})
    changed = {
        column: column_sql("comma" if column in commas else mends[column], identifier(column))
        for column in source.columns
        if column in commas or column in mends
    }
    places = [each for each in reading.get("places") or () if {each["longitude"], each["latitude"]} <= {*source.columns}]
    if not changed and not places:
        return source
    replaced = ", ".join(f"{sql} AS {identifier(column)}" for column, sql in changed.items())
    columns = source.columns

    def mend(relation: str) -> str:
        mended = f"(SELECT * REPLACE ({replaced}) FROM {relation})" if replaced else relation
        for each in places:
            mended = placed(mended, each, source.columns)
        return mended

    for each in places:
        columns = (*columns, *(name for name in names(each) if name not in columns))
    pieces = tuple(replace(piece, relation=mend(piece.relation)) for piece in source.pieces)
    added = len(columns) - len(source.columns)
    return replace(source, relation=mend(source.relation), pieces=pieces, columns=columns, added=source.added + added)


def column_sql(kind: str, c: str) -> str:
    """SQL for a column's text after a mend."""
    form = COMMA if kind == "comma" else SPACED.format(FORMS[kind])
    return f"CASE WHEN regexp_full_match({c}, {literal(form)}) THEN {_changed(kind, c)} ELSE {c} END"


def _changed(kind: str, c: str) -> str:
    trimmed = f"trim({c}, E' \\t\\n\\r')"
    if kind == "comma":
        return f"replace(replace({c}, '.', ''), ',', '.')"
    if kind == "quoted":
        return f"nullif(regexp_replace({trimmed}, {literal(WRAPPING)}, '', 'g'), '')"
    if kind == "whole":
        return f"{trimmed}[:-3]"
    if kind == "pointed":
        return f"{trimmed}[:-2]"
    if kind == "midnight":
        return _midnight(trimmed)
    if kind == "excel-days":
        return _excel_days(trimmed, c)
    return f"coalesce({_republic(trimmed)}, {c})"


def _midnight(t: str) -> str:
    """24:00 as 00:00 of the next day, in the column's own separators."""
    day = f"regexp_replace(regexp_extract({t}, '^[0-9]+.[0-9]+.[0-9]+'), '[/.]', '-', 'g')"
    after = f"strftime(TRY_CAST({day} AS DATE) + 1, '%Y-%m-%d')"
    moved = f"replace({after}, '-', {t}[5]) || replace(regexp_extract({t}, '[ T]24:.*$'), '24:', '00:')"
    return f"coalesce({moved}, {t})"


def _excel_days(t: str, c: str) -> str:
    """Day 1 is 1900-01-01, and a 29 February 1900 that never was is counted (Excel, ECMA-376 18.17.4.1)."""
    whole = f"CAST(floor(TRY_CAST({t} AS DOUBLE)) AS INTEGER)"
    day = f"strftime(DATE '1899-12-30' + {whole}, '%Y-%m-%d')"
    seconds = f"CAST(round((TRY_CAST({t} AS DOUBLE) - {whole}) * 86400) AS BIGINT)"
    moment = f"strftime(TIMESTAMP '1899-12-30' + to_days({whole}) + to_seconds({seconds}), '%Y-%m-%d %H:%M:%S')"
    return f"CASE WHEN contains({t}, '.') THEN coalesce({moment}, {c}) ELSE coalesce({day}, {c}) END"


def _republic(t: str) -> str:
    """A date of the Republic as an ISO date; NULL where there is no such day."""
    joined = f"regexp_full_match({t}, '[0-9]+')"
    parts = f"regexp_extract_all({t}, '[0-9]+')"
    year = f"TRY_CAST(CASE WHEN {joined} THEN {t}[:-5] ELSE {parts}[1] END AS INTEGER) + 1911"
    month = f"CASE WHEN {joined} THEN {t}[-4:-3] ELSE {parts}[2] END"
    day = f"CASE WHEN {joined} THEN {t}[-2:] ELSE {parts}[3] END"
    return f"strftime(TRY_CAST(concat({year}, '-', {month}, '-', {day}) AS DATE), '%Y-%m-%d')"
