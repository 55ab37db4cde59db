"""Checks that see more than one row: repeats inside a delivery, unique items against the table, references."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from contracts.checks.compile import ItemCheck, Scope, SetCheck
from contracts.model import Delivery
from contracts.sql import identifier
from warehouse.ingest.stage import Stage
from warehouse.storage import tables
from warehouse.storage.connection import table


def repeats(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Sort out rows of one delivery that share a key (under append: a unique value too).

    Identical repeats keep the first and count as unchanged; repeats that contradict each other are all quarantined.
    """
    for place, check in enumerate(stage.checks):
        if isinstance(check, SetCheck):
            _repeats_of(connection, stage, place, check.together)


def references(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Quarantine rows that name a record which the other dataset does not hold; without a table none is held."""
    for place, check in enumerate(stage.checks):
        if check.scope is not Scope.REFERENCE or not isinstance(check, ItemCheck) or check.of.references is None:
            continue
        dataset, item = check.of.references
        own = identifier(check.item)
        named = identifier(item)
        existing = f"SELECT CAST({named} AS VARCHAR) AS value FROM {table('resource', dataset)} WHERE {named} IS NOT NULL"
        if item not in tables.existing(connection, "resource", dataset):
            existing = "SELECT NULL::VARCHAR AS value WHERE false"
        stage.quarantine(
            connection,
            f"""SELECT _row, {place} FROM {stage.good()} AS s ANTI JOIN ({existing}) AS o ON CAST(s.{own} AS VARCHAR) = o.value
            WHERE s.{own} IS NOT NULL""",
        )


def against_table(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Unique items of a keyed dataset against its state after the load, as `delta` and `gone` describe it.

    A row taken out brings its key's old row back, which may collide again: until nothing new is found.
    """
    uniques = [(n, c) for n, c in enumerate(stage.checks) if c.rule == "unique"]
    while any(_collisions(connection, stage, place, check.item) for place, check in uniques):
        connection.execute("DELETE FROM delta WHERE _row IN (SELECT _row FROM bad)")


def against_series(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Under append: a row whose key or unique value the table has already is unchanged if it is the same row, else at fault."""
    contract = stage.contract
    same = f"hash({tables.names(contract, 's.')}) = hash({tables.names(contract, 'r.')})"
    for place, check in enumerate(stage.checks):
        if not isinstance(check, SetCheck):
            continue
        join = _equal(check.together)
        pairs = f"FROM {stage.good()} AS s JOIN {table('resource', contract.dataset)} AS r ON {join}"
        stage.repeat(connection, f"SELECT DISTINCT s._row {pairs} WHERE {same}")
        stage.quarantine(connection, f"SELECT DISTINCT s._row, {place} {pairs} WHERE NOT ({same})")


def _repeats_of(connection: duckdb.DuckDBPyConnection, stage: Stage, place: int, items: Sequence[str]) -> None:
    """By hash first: twenty million keys fit as numbers, and hardly any of them is met twice."""
    named = ", ".join(map(identifier, items))
    filled = " AND ".join(f"{identifier(item)} IS NOT NULL" for item in items)
    if len(items) == 1 and _ascending(connection, f"{stage.good()} WHERE {filled}", named):
        return
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE twice AS SELECT h FROM
        (SELECT hash({named}) AS h FROM {stage.good()} WHERE {filled}) GROUP BY h HAVING count(*) > 1"""
    )
    if not _any(connection, "twice"):
        return
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE members AS
        SELECT _row, {named}, hash({tables.names(stage.contract)}) AS _hash FROM {stage.good()} AS s
        SEMI JOIN twice ON hash({named}) = twice.h WHERE {filled}"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE sorted AS SELECT _row, _first, _kinds FROM members JOIN
        (SELECT {named}, min(_row) AS _first, count(DISTINCT _hash) AS _kinds FROM members GROUP BY {named}
            HAVING count(*) > 1) USING ({named})"""
    )
    stage.quarantine(connection, f"SELECT _row, {place} FROM sorted WHERE _kinds > 1")
    if stage.contract.delivery is not Delivery.APPEND and items != stage.contract.key:
        return
    stage.repeat(connection, "SELECT _row FROM sorted WHERE _kinds = 1 AND _row <> _first")


def _ascending(connection: duckdb.DuckDBPyConnection, rows: str, item: str) -> bool:
    """Whether each value is greater than the one before, so that none comes twice: exports mostly are in the order of their
    key. Of others the first rows show it, and cost nothing; 20 M that are take 0.1 s, where grouping them takes 2 s."""
    falling = f"SELECT 1 FROM (SELECT {item} > lag({item}) OVER () AS rises FROM {rows}) WHERE NOT rises LIMIT 1"
    return connection.execute(falling).fetchone() is None


def _collisions(connection: duckdb.DuckDBPyConnection, stage: Stage, place: int, item: str) -> bool:
    """Applied rows whose value another applied row, or a row that stays in the table, has too."""
    own = identifier(item)
    applied = f"(SELECT s._row, s.{own} FROM {stage.good()} AS s SEMI JOIN delta USING (_row) WHERE s.{own} IS NOT NULL)"
    stays = f"""(SELECT r.{own} FROM {table("resource", stage.contract.dataset)} AS r
        ANTI JOIN (SELECT old FROM delta WHERE old IS NOT NULL UNION ALL SELECT old FROM gone) AS o ON r.rowid = o.old
        WHERE r.{own} IS NOT NULL)"""
    twice = f"(SELECT {own} FROM {applied} GROUP BY {own} HAVING count(*) > 1)"
    return stage.quarantine(
        connection,
        f"""SELECT _row, {place} FROM {applied} AS a SEMI JOIN (SELECT {own} FROM {stays} UNION ALL SELECT {own} FROM {twice})
        AS taken ON a.{own} = taken.{own}""",
    )


def _equal(items: Sequence[str]) -> str:
    return " AND ".join(f"s.{identifier(item)} = r.{identifier(item)}" for item in items)


def _any(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is not None
