"""A drafted contract proved on the very rows it was drafted from, before anything is loaded: which would it refuse?"""

from __future__ import annotations

from collections.abc import Collection

from contracts import clock
from contracts.checks.code_lists import DIVISIONS, Lists
from contracts.checks.duckdb import predicates
from contracts.inference.evidence import Evidence
from contracts.model import Contract
from contracts.sql import identifier
from warehouse.onboarding.profile import Stage
from warehouse.readers.mending import column_sql

MOST_CELLS = 20_000_000
MOST_ITEMS = 400
"""Beyond so many a draft rests on its profile alone, which counted all rows."""


def refused(stage: Stage, contract: Contract, divisions: Collection[str]) -> list[Evidence]:
    """What the draft would send to quarantine of its own file: a sentence for each check that some row breaks."""
    if stage.rows * len(contract.items) > MOST_CELLS or len(contract.items) > MOST_ITEMS:
        return []
    columns = {item.name: f"c{stage.columns.index(item.source[0])}" for item in contract.items}
    for item in contract.items:
        if item.source[0] in (contract.reading.get("decimal") or ()):  # as the reader gives it: made.relation has the commas
            columns[item.name] = column_sql("comma", columns[item.name])
    lookups = Lists({DIVISIONS: tuple(divisions)})
    checks = predicates.select_sql(contract, columns, lookups, now=clock.now())
    typed = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in (*checks.typed, *checks.raw))
    counts = ", ".join(f"count(*) FILTER ({sql})" for _, sql in checks.faults) or "0"
    row = stage.connection.execute(f"SELECT {counts} FROM (SELECT {typed} FROM {stage.relation})").fetchone() or ()
    broken = [
        Evidence(
            f"按此契约草案，{rows} 行将被隔离：{contract.item(check.item).title if check.item else ''} {check.heading[0]}",
            f"this draft will quarantine {rows} rows: {check.item} {check.heading[1]}",
        )
        for (check, _), rows in zip(checks.faults, row, strict=False)
        if rows
    ]
    return [*broken, *_repeated(stage, contract, typed)]


def _repeated(stage: Stage, contract: Contract, typed: str) -> list[Evidence]:
    if not contract.key:
        return []
    key = ", ".join(map(identifier, contract.key))
    sql = (
        f"SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM (SELECT {typed} FROM {stage.relation}) "
        f"GROUP BY {key} HAVING count(*) > 1)"
    )
    rows = int((stage.connection.execute(sql).fetchone() or (0,))[0])
    if not rows:
        return []
    names = "、".join(contract.key)
    return [
        Evidence(
            f"按此契约草案，{rows} 行主键（{names}）重复：内容相同的只留一行，不同的将被隔离",
            f"{rows} rows repeat the key ({', '.join(contract.key)}) of this draft: equal ones are kept once, "
            "others quarantined",
        )
    ]
