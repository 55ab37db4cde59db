"""Cells with damaged text, counted over a relation."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from contracts import damage
from warehouse.connection import literal, quote

LOOKED_AT = 400
"""Distinct values that are tried for having been decoded twice."""


def count(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], limit: int = 0
) -> tuple[dict[str, int], int]:
    """Cells by kind of damage, each counted once with its worst, and all cells with other than ASCII in them. `limit`: only
    the first so many rows."""
    if not columns:
        return {}, 0
    rows = f"SELECT {', '.join(map(quote, columns))} FROM {relation}" + (f" LIMIT {limit}" if limit else "")
    cells = f"SELECT unnest([{', '.join(map(quote, columns))}]) AS v FROM ({rows})"
    kind = f"""CASE WHEN regexp_matches(v, {literal(damage.LOST)}) THEN 'lost' WHEN contains(v, {literal(damage.REPLACED)})
        THEN 'replaced' WHEN regexp_full_match(v, {literal(damage.QUESTIONS)}) THEN 'questions'
        WHEN regexp_matches(v, {literal(damage.PRIVATE)}) THEN 'private' ELSE '' END"""
    suspect = f"SELECT v FROM ({cells}) WHERE v IS NOT NULL AND (strlen(v) <> length(v) OR contains(v, '??'))"
    found = dict(connection.execute(f"SELECT {kind} AS kind, count(*) FROM ({suspect}) GROUP BY 1").fetchall())
    whole, sound = sum(found.values()), found.pop("", 0)
    counts = {str(name): int(number) for name, number in found.items()}
    values = connection.execute(
        f"SELECT DISTINCT v FROM ({suspect}) WHERE {kind} IN ('', 'replaced') LIMIT {LOOKED_AT}"
    ).fetchall()
    share = damage.double_share([value for (value,) in values])
    if share > 0:
        counts["double"] = max(1, round(share * (sound + counts.pop("replaced", 0))))
    return counts, int(whole)
