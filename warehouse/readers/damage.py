"""Cells with damaged text, counted over a relation."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from contracts.inference import damage
from contracts.sql import identifier, literal

LOOKED_AT = 400
"""Distinct values that are tried for having been decoded twice, drawn by their hash."""
DOUBTFUL = ("", "replaced", "private")
"""Kinds whose cells may have been decoded twice; the first: no other damage."""


def count(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], limit: int = 0
) -> tuple[dict[str, int], int]:
    """Cells by kind of damage, each counted once with its worst, and all cells with other than ASCII in them. `limit`: only
    the first so many rows."""
    if not columns:
        return {}, 0
    rows = f"SELECT {', '.join(map(identifier, columns))} FROM {relation}" + (f" LIMIT {limit}" if limit else "")
    cells = f"SELECT unnest([{', '.join(map(identifier, columns))}]) AS v FROM ({rows})"
    kind = f"""CASE WHEN regexp_matches(v, {literal(damage.LOST)}) THEN 'lost' WHEN contains(v, {literal(damage.REPLACED)})
        THEN 'replaced' WHEN regexp_full_match(v, {literal(damage.QUESTIONS)}) THEN 'questions'
        WHEN regexp_matches(v, {literal(damage.PRIVATE)}) THEN 'private' ELSE '' END"""
    suspect = f"SELECT v FROM ({cells}) WHERE v IS NOT NULL AND (strlen(v) <> length(v) OR contains(v, '??'))"
    distinct = f"SELECT {kind} AS kind, v, n FROM (SELECT v, count(*) AS n FROM ({suspect}) GROUP BY v)"
    statement = f"SELECT kind, CAST(sum(n) AS BIGINT), arg_min(v, hash(v), {LOOKED_AT}) FROM ({distinct}) GROUP BY kind"
    counts, whole, double = dict[str, int](), 0, 0
    for name, number, seen in connection.execute(statement).fetchall():
        whole += number
        again = _double(number, seen) if name in DOUBTFUL else 0
        double += again
        if name:
            counts[str(name)] = int(number) - again
    if double:
        counts["double"] = double
    return counts, whole


def _double(cells: int, seen: Sequence[str]) -> int:
    """How many of so many cells look decoded twice, by the values that were looked at."""
    share = damage.double_share(seen)
    return max(1, round(share * cells)) if share > 0 else 0
