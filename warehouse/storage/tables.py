"""The lake tables of a dataset: made from its contract, altered by an additive version of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import duckdb

from contracts.checks.duckdb.predicates import column_type
from contracts.model import Contract
from contracts.sql import identifier, literal
from warehouse.settings import Settings
from warehouse.storage import standing
from warehouse.storage.connection import reader, table, writer

LIBRARIES = ("raw", "resource")
BATCH = "_batch"
ROW = "_row"
"""Provenance of a row in raw and resource: its batch, and its number in the delivered file. Never shown to anyone."""


def columns(contract: Contract) -> list[tuple[str, str]]:
    """(name, type) of every column of the dataset's tables, provenance last."""
    return [*((item.name, column_type(item)) for item in contract.items), (BATCH, "VARCHAR"), (ROW, "BIGINT")]


def names(contract: Contract, prefix: str = "") -> str:
    """The items' columns as SQL, with a prefix like "s." where two tables are joined."""
    return ", ".join(prefix + identifier(item.name) for item in contract.items)


def make(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    libraries: Sequence[str] = LIBRARIES,
    known: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Make the dataset's tables where they are missing, and add columns that an additive contract version brought.

    `known`: the columns that they have, where that was asked already.
    """
    for library in libraries:
        there = existing(connection, library, contract.dataset) if known is None else known[library]
        if not there:
            _create(connection, library, contract)
            continue
        for name, kind in columns(contract):
            if name not in there:
                connection.execute(f"ALTER TABLE {table(library, contract.dataset)} ADD COLUMN {identifier(name)} {kind}")


def make_all(settings: Settings, contracts: Sequence[Contract], *, wait: float = 600) -> None:
    """Make the tables of many datasets, where they are missing, in one transaction.

    With each new table DuckLake reads what it knows of all tables again: a thousand first deliveries would each pay for that.
    """
    with reader(settings) as connection:
        there = standing.tables(connection)
    missing = [c for c in contracts if any((library, c.dataset) not in there for library in LIBRARIES)]
    if len(missing) < 2:
        return
    with writer(settings, purpose=f"tables of {len(missing)} datasets", wait=wait) as connection:
        connection.execute("BEGIN")
        for contract in missing:
            make(connection, contract)
        connection.execute("COMMIT")


def _create(connection: duckdb.DuckDBPyConnection, library: str, contract: Contract) -> None:
    columns_sql = ", ".join(f"{identifier(name)} {kind}" for name, kind in columns(contract))
    connection.execute(f"CREATE TABLE {table(library, contract.dataset)} ({columns_sql})")


def existing(connection: duckdb.DuckDBPyConnection, library: str, dataset: str) -> dict[str, str]:
    """Columns of a lake table with their types; empty where there is no such table.

    By name alone: listing all columns of a lake of a thousand datasets takes ten times as long.
    """
    try:
        rows = connection.execute(f"DESCRIBE {table(library, dataset)}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {name: kind for name, kind, *_ in rows}


def count(connection: duckdb.DuckDBPyConnection, library: str, dataset: str) -> int:
    """Rows of a lake table."""
    row = connection.execute(f"SELECT count(*) FROM {table(library, dataset)}").fetchone()
    return int(row[0]) if row else 0


def size(connection: duckdb.DuckDBPyConnection, library: str, dataset: str) -> int:
    """Bytes of the files that hold a lake table now."""
    row = connection.execute(
        f"""SELECT coalesce(sum(data_file_size_bytes), 0) + coalesce(sum(delete_file_size_bytes), 0)
        FROM ducklake_list_files('lake', {literal(dataset)}, schema => {literal(library)})"""
    ).fetchone()
    return int(row[0]) if row else 0
