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
    whole, sound = sum(found.values()), int(found.pop("", 0))
    counts = {str(name): int(number) for name, number in found.items()}
    undecided = [kind for kind in ("", "replaced", "private") if kind in found or not kind]
    shares = _double_shares(connection, f"SELECT DISTINCT {kind} AS kind, v FROM ({suspect})", undecided)
    double = 0
    for name, share in shares.items():
        again = max(1, round(share * (counts[name] if name else sound)))
        double += again
        if name:
            counts[name] -= again
    if double:
        counts["double"] = double
    return counts, int(whole)


def _double_shares(connection: duckdb.DuckDBPyConnection, values: str, kinds: Sequence[str]) -> dict[str, float]:
    """Of each kind in which some cells look decoded twice, the share of them."""
    shares = {}
    for kind in kinds:
        seen = connection.execute(f"SELECT v FROM ({values}) WHERE kind = {literal(kind)} LIMIT {LOOKED_AT}").fetchall()
        if (share := damage.double_share([value for (value,) in seen])) > 0:
            shares[kind] = share
    return shares
