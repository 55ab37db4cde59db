"""What a table would hold had only certain batches come: read from raw, batch by batch in their order."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb

from contracts.checks.compile import SetCheck, compile
from contracts.checks.duckdb.predicates import cast_sql
from contracts.deliveries import Entry
from contracts.model import Contract, Delivery
from contracts.sql import identifier, literal
from warehouse.readers.column_match import match
from warehouse.storage import tables
from warehouse.storage.connection import count, table


def target(connection: duckdb.DuckDBPyConnection, contract: Contract, history: Sequence[Entry], keys: str = "") -> None:
    """Fill the temporary table `target` (items, _batch, _row) with the state that `history`, oldest first, comes to.

    `keys` is SQL after FROM with keys to which a changes dataset is limited. A full dataset is taken whole.
    """
    columns = f"{tables.names(contract)}, _batch, _row"
    raw = table("raw", contract.dataset)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE target AS SELECT {columns} FROM {raw} LIMIT 0")
    if not history:
        return
    if contract.delivery is Delivery.FULL and not contract.version_by:
        _full(connection, contract, history)
        return
    order = _order(contract)
    only = f"SEMI JOIN {keys} AS k USING ({_keys(contract)})" if keys else ""
    if contract.delivery is Delivery.FULL:
        last = literal(history[-1].batch_id)
        only = f"SEMI JOIN (SELECT {_keys(contract)} FROM {raw} WHERE _batch = {last}) AS k USING ({_keys(contract)})"
    connection.execute(
        f"""INSERT INTO target SELECT {columns}
        FROM (SELECT r.*, h.place FROM {raw} AS r JOIN {_places(history)} USING (_batch) {only})
        QUALIFY row_number() OVER (PARTITION BY {_keys(contract)} ORDER BY {order}) = 1"""
    )


def bring_to_target(connection: duckdb.DuckDBPyConnection, contract: Contract, keys: str = "") -> tuple[int, int]:
    """Make the resource (or its rows of those keys) what `target` says, touching only what differs; rows out, rows in."""
    name, items = table("resource", contract.dataset), tables.names(contract)
    only = f"SEMI JOIN {keys} AS k USING ({_keys(contract)})" if keys else ""
    pairs = " AND ".join(f"t.{identifier(k)} = r.{identifier(k)}" for k in contract.key)
    same = f"hash({tables.names(contract, 't.')}, t._batch, t._row) = hash({tables.names(contract, 'r.')}, r._batch, r._row)"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE gone AS SELECT r.rowid AS old FROM (SELECT *, rowid FROM {name} {only}) AS r
        ANTI JOIN target AS t ON {pairs} AND {same}"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE fresh AS SELECT t.* FROM target AS t
        ANTI JOIN (SELECT * FROM {name} {only}) AS r ON {pairs} AND {same}"""
    )
    removed = count(connection, "SELECT count(*) FROM gone")
    if removed:
        connection.execute(f"DELETE FROM {name} WHERE rowid IN (SELECT old FROM gone)")
    columns = f"{items}, _batch, _row"
    added = count(connection, f"INSERT INTO {name} ({columns}) SELECT {columns} FROM fresh")
    return removed, added


def series(
    connection: duckdb.DuckDBPyConnection, contract: Contract, history: Sequence[Entry], entry: Entry
) -> tuple[int, int]:
    """Take a batch's rows out of an append dataset; a row that a later batch brought again, unchanged, comes back from that.

    Batches whose place it took come back, unless another one replaces them too.
    """
    batch = entry.batch_id
    name, raw, columns = (
        table("resource", contract.dataset),
        table("raw", contract.dataset),
        f"{tables.names(contract)}, _batch, _row",
    )
    removed = count(connection, f"DELETE FROM {name} WHERE _batch = {literal(batch)}")
    replaced = {name for past in history for name in past.replaces}
    back = [past.batch_id for past in history if past.batch_id in entry.replaces and past.batch_id not in replaced]
    added = 0
    if back:
        listed = ", ".join(map(literal, back))
        added = count(connection, f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {raw} WHERE _batch IN ({listed})")
    for check in compile(contract):
        if not isinstance(check, SetCheck) or not history:
            continue
        key = ", ".join(map(identifier, check.together))
        added += count(
            connection,
            f"""INSERT INTO {name} ({columns}) SELECT {columns}
            FROM (SELECT r.*, h.place FROM {raw} AS r JOIN {_places(history)} USING (_batch)
            SEMI JOIN (SELECT {key} FROM {raw} WHERE _batch = {literal(batch)}) AS b USING ({key})
            ANTI JOIN {name} AS n USING ({key})) QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place, _row) = 1""",
        )
    return removed, added


def _full(connection: duckdb.DuckDBPyConnection, contract: Contract, history: Sequence[Entry]) -> None:
    """The last batch's rows; a key whose row that batch had in quarantine keeps what the batch before left, and so on.

    Batches that correct another one only add to what is there; the walk goes on behind them for every key.
    """
    raw, columns, keys = table("raw", contract.dataset), f"{tables.names(contract)}, _batch, _row", _keys(contract)
    narrowed = False
    for entry in reversed(history):
        wanted = f"SEMI JOIN open_keys USING ({keys})" if narrowed else ""
        connection.execute(
            f"""INSERT INTO target SELECT {columns} FROM
            (SELECT * FROM {raw} WHERE _batch = {literal(entry.batch_id)}) AS r {wanted} ANTI JOIN target USING ({keys})
            QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY _row) = 1"""
        )
        if entry.receipt.corrects:
            continue
        quarantined_keys = _quarantined_keys(connection, contract, entry.batch_id)
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE next_keys AS SELECT DISTINCT {keys} FROM {quarantined_keys} AS q {wanted}
            ANTI JOIN target USING ({keys})"""
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE open_keys AS SELECT * FROM next_keys")
        narrowed = True
        if not count(connection, "SELECT count(*) FROM open_keys"):
            return


def _quarantined_keys(connection: duckdb.DuckDBPyConnection, contract: Contract, batch: str) -> str:
    """SQL after FROM: keys, typed, of a batch's quarantined rows as far as they can be read."""
    chosen = f"FROM lake.quarantine.rows WHERE batch = {literal(batch)} AND record IS NOT NULL"
    first = connection.execute(f"SELECT record {chosen} LIMIT 1").fetchone()
    none = f"(SELECT {_keys(contract)} FROM target LIMIT 0)"
    if first is None:
        return none
    headers = match(contract, tuple(json.loads(first[0]))).headers
    if any(name not in headers for name in contract.key):
        return none
    cells = ", ".join(f"{cast_sql(contract.item(k), f'c[{literal(headers[k])}]')} AS {identifier(k)}" for k in contract.key)
    known = " AND ".join(f"{identifier(k)} IS NOT NULL" for k in contract.key)
    record = f"SELECT CAST(CAST(record AS JSON) AS MAP(VARCHAR, VARCHAR)) AS c {chosen}"
    return f"(SELECT * FROM (SELECT {cells} FROM ({record})) WHERE {known})"


def _places(history: Sequence[Entry]) -> str:
    listed = ", ".join(f"({literal(entry.batch_id)}, {place})" for place, entry in enumerate(history))
    return f"(VALUES {listed}) AS h(_batch, place)"


def _order(contract: Contract) -> str:
    """Newest version first, then the later batch; among identical repeats of one batch the first row."""
    version = f"{identifier(contract.version_by)} DESC NULLS LAST, " if contract.version_by else ""
    return f"{version}place DESC, _row"


def _keys(contract: Contract) -> str:
    return ", ".join(map(identifier, contract.key))
