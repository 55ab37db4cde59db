"""Which quarantined rows a correction mends, counted row by row, so that the others stay open."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb

from contracts.checks.duckdb.predicates import cast_sql
from contracts.deliveries import Entry
from contracts.inference import asides
from contracts.model import Contract
from contracts.sql import identifier, literal
from warehouse.ingest.stage import Stage
from warehouse.readers.column_match import ORIGINAL_ROW, match, plain
from warehouse.storage.connection import count, table

TABLE = "lake.quarantine.mended_rows"
"""dataset, batch, its row that was mended, and the batch that did it (`mender`)."""


def keep(connection: duckdb.DuckDBPyConnection, staged: Stage, entry: Entry) -> dict[str, int]:
    """Write down which rows of the batch that it corrects (and of those above) a loaded delivery mends; of each, all by now."""
    if not entry.corrected:
        return {}
    connection.execute(f'CREATE TABLE IF NOT EXISTS {TABLE} (dataset VARCHAR, batch VARCHAR, "row" BIGINT, mender VARCHAR)')
    _came(connection, staged)
    below = ""
    for batch in entry.corrected:
        mends = _mends(connection, staged, batch, below)
        dataset, by = literal(staged.contract.dataset), literal(staged.batch)
        connection.execute(f'INSERT INTO {TABLE} SELECT {dataset}, {literal(batch)}, "row", {by} FROM ({mends}) ORDER BY "row"')
        below = batch
    return mended(connection, entry.corrected)


def forget(connection: duckdb.DuckDBPyConnection, batch: str) -> None:
    """Open again what a batch mended: it is undone, or loaded anew."""
    if _exists(connection):
        connection.execute(f"DELETE FROM {TABLE} WHERE mender = {literal(batch)}")


def mended(connection: duckdb.DuckDBPyConnection, batches: Sequence[str]) -> dict[str, int]:
    """How many rows of each batch are mended by now; once one is, those that were set aside (notes, sums) wait for nobody."""
    if not batches or not _exists(connection):
        return dict.fromkeys(batches, 0)
    rules = ", ".join(literal(rule) for rule in asides.HARMLESS)
    counted = {}
    for batch in batches:
        rows = f'SELECT "row" FROM {TABLE} WHERE batch = {literal(batch)}'
        aside = f'SELECT "row" FROM lake.quarantine.faults WHERE batch = {literal(batch)} AND rule IN ({rules})'
        both = f"SELECT count(*) FROM ({rows} UNION {aside} AND EXISTS ({rows}))"
        counted[batch] = count(connection, both)
    return counted


def _exists(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute(f"DESCRIBE {TABLE}")
    except duckdb.CatalogException:
        return False
    return True


def _came(connection: duckdb.DuckDBPyConnection, staged: Stage) -> None:
    """The accepted rows of a correction as the temporary table `came`: _row, the row that it says it was, its key, its hash."""
    keys = "".join(f", a.{identifier(name)}" for name in staged.contract.key)
    hashed = ", ".join(f"a.{identifier(item.name)}" for item in staged.contract.items)
    columns, accepted = f"_row, hash({hashed}) AS _hash{keys}", staged.accepted()
    own = next((name for name in staged.source.columns if plain(name) == plain(ORIGINAL_ROW)), None)
    if own is None or staged.received is None:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE came AS SELECT {columns}, NULL::BIGINT AS _was FROM {accepted} AS a")
        return
    with staged.received(connection, f"SELECT _row FROM {accepted}") as rows:
        sent_value = f"CAST(CAST(n.record AS JSON) AS MAP(VARCHAR, VARCHAR))[{literal(own)}]"
        was = f"TRY_CAST(trim({sent_value}, {literal(SIGNS)}) AS BIGINT)"
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE came AS SELECT {columns}, {was} AS _was
            FROM {accepted} AS a JOIN {rows} AS n USING (_row)"""
        )


SIGNS = " '\u3000\t"
"""What may stand around a row number that went through a spreadsheet."""


def _mends(connection: duckdb.DuckDBPyConnection, staged: Stage, batch: str, below: str) -> str:
    """SQL with the rows of a batch that `came` mends: by the row number it kept, by key, and else as many as came anew."""
    raw = table("raw", staged.contract.dataset)
    loaded = f"SELECT * FROM {raw} WHERE _batch = {literal(batch)}"
    if not below and not count(connection, f"SELECT count(*) FROM ({loaded})"):
        return 'SELECT DISTINCT coalesce(_was, _row) AS "row" FROM came'  # nothing of it is there: every row is one of its rows
    refused_rows = f'(SELECT "row", record FROM lake.quarantine.rows WHERE batch = {literal(batch)})'
    open_rows = f"""(SELECT q."row" FROM {refused_rows} AS q
        ANTI JOIN (SELECT "row" FROM {TABLE} WHERE batch = {literal(batch)}) AS m ON m."row" = q."row")"""
    known = (
        [f'SELECT q."row", c._row FROM {refused_rows} AS q JOIN came AS c ON c._was = q."row"']
        if not below
        else _above(batch, below)
    )
    keyed = _by_key(connection, staged.contract, batch)
    known += [keyed] if keyed else []
    connection.execute('CREATE OR REPLACE TEMP TABLE matched AS SELECT NULL::BIGINT AS "row", NULL::BIGINT AS _row LIMIT 0')
    for one in known:
        connection.execute(f"INSERT INTO matched {one}")
    if below:
        return 'SELECT DISTINCT "row" FROM matched'
    there = " AND ".join(f"r.{identifier(name)} = c.{identifier(name)}" for name in staged.contract.key)
    items = ", ".join(f"r.{identifier(item.name)}" for item in staged.contract.items)
    again = f"SEMI JOIN ({loaded}) AS r ON {there or f'hash({items}) = c._hash'}"
    fresh = count(
        connection,
        f"""SELECT count(*) FROM came AS c ANTI JOIN matched AS m ON m._row = c._row
        WHERE c._row NOT IN (SELECT c._row FROM came AS c {again})""",
    )
    rest = f"""SELECT "row" FROM {open_rows} AS o WHERE "row" NOT IN (SELECT "row" FROM matched) ORDER BY "row" LIMIT {fresh}"""
    return f'SELECT "row" FROM matched UNION SELECT "row" FROM ({rest})'


def _above(batch: str, below: str) -> list[str]:
    """Rows of a batch above the corrected one, by the row numbers that the rows of that one carry."""
    was = f"""TRY_CAST(trim(json_extract_string(b.record, '$."{ORIGINAL_ROW}"'), {literal(SIGNS)}) AS BIGINT)"""
    return [
        f"""SELECT q."row", NULL FROM (SELECT "row" FROM lake.quarantine.rows WHERE batch = {literal(batch)}) AS q
        JOIN (SELECT {was} AS _was FROM lake.quarantine.rows AS b
            SEMI JOIN (SELECT "row" FROM {TABLE} WHERE batch = {literal(below)}) AS m ON m."row" = b."row"
            WHERE b.batch = {literal(below)} AND b.record IS NOT NULL) AS w ON w._was = q."row" """
    ]


def _by_key(connection: duckdb.DuckDBPyConnection, contract: Contract, batch: str) -> str:
    """SQL with (row, _row) of quarantined rows of a batch and accepted ones with the same key; empty where none can be read."""
    chosen = f"FROM lake.quarantine.rows WHERE batch = {literal(batch)} AND record IS NOT NULL"
    first = connection.execute(f"SELECT record {chosen} LIMIT 1").fetchone()
    headers = match(contract, tuple(json.loads(first[0]))).headers if first else {}
    if not contract.key or any(name not in headers for name in contract.key):
        return ""
    cells = ", ".join(f"{cast_sql(contract.item(k), f'c[{literal(headers[k])}]')} AS {identifier(k)}" for k in contract.key)
    equal = " AND ".join(f"q.{identifier(k)} = c.{identifier(k)}" for k in contract.key)
    record = f'SELECT "row", CAST(CAST(record AS JSON) AS MAP(VARCHAR, VARCHAR)) AS c {chosen}'
    return f"""SELECT q."row", c._row FROM (SELECT "row", {cells} FROM ({record})) AS q JOIN came AS c ON {equal}"""
