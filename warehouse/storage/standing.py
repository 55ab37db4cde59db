"""How a dataset stands in the lake, as the lake's metadata have it: asked of their database itself, where a statement takes
1 ms and reads what it needs; one of DuckLake takes 3 to 10 ms, and reads every snapshot there is (2026-11-28)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from contracts.sql import literal

WRITTEN_BY_LAKE = "ducklake-"
"""Begins the names of files that DuckLake wrote itself, of which no batch's number tells what is in them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A dataset's tables at one moment. Under the writer lock it holds until the next commit."""

    snapshot: int
    """The lake's newest."""
    columns: dict[str, frozenset[str]]
    """Names of the columns of `raw` and `resource`; none where there is no such table."""
    rows: int
    """Of the resource."""
    bytes: int
    """Of the files that hold the resource."""
    batch_unknown: bool
    """No file of raw can hold rows of the batch that was asked for."""


def ask(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a question to the database of the lake's metadata, in SQL that SQLite and PostgreSQL both know.

    Outside of a transaction: inside one, what was read stays held until its end, and SQLite's log grows meanwhile.
    """
    return connection.execute(f"FROM memory.main.lake_metadata({literal(sql)})").fetchall()


def newest(connection: duckdb.DuckDBPyConnection) -> int:
    """The lake's newest snapshot."""
    return int(ask(connection, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0] or 0)


def tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Library and name of every table of the lake."""
    rows = ask(
        connection,
        """SELECT s.schema_name, t.table_name FROM ducklake_table t JOIN ducklake_schema s ON s.schema_id = t.schema_id
        WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL""",
    )
    return {(str(library), str(name)) for library, name in rows}


def of(connection: duckdb.DuckDBPyConnection, dataset: str, batch: str) -> Standing:
    """How a dataset stands, in one question; `batch` is one that raw should not hold."""
    columns: dict[str, frozenset[str]] = {"raw": frozenset(), "resource": frozenset()}
    totals = {"snapshot": 0, "rows": 0, "bytes": 0, "suspect": 0}
    for kind, name, number in ask(connection, _question(dataset, batch)):
        if kind in columns:
            columns[kind] |= {str(name)}
        else:
            totals[str(kind)] += int(number or 0)
    return Standing(totals["snapshot"], columns, totals["rows"], totals["bytes"], not totals["suspect"])


def _question(dataset: str, batch: str) -> str:
    """SQL for rows of kind, name and number. A row of a data file counts until a delete file of it counts it."""
    files, deletes = "ducklake_data_file f ON f.table_id = t.table_id", "ducklake_delete_file d ON d.table_id = t.table_id"
    of_resource = "t.library = 'resource' AND {}.end_snapshot IS NULL"
    names = " OR ".join(f"f.path LIKE {literal(f'%{begin}%')}" for begin in (f"{batch}-", WRITTEN_BY_LAKE))
    return f"""WITH t AS (
        SELECT t.table_id, s.schema_name AS library FROM ducklake_table t JOIN ducklake_schema s ON s.schema_id = t.schema_id
        WHERE t.table_name = {literal(dataset)} AND s.schema_name IN ('raw', 'resource')
        AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL)
    SELECT 'snapshot' AS kind, '' AS name, max(snapshot_id) AS number FROM ducklake_snapshot
    UNION ALL SELECT t.library, c.column_name, 0 FROM t JOIN ducklake_column c ON c.table_id = t.table_id
        WHERE c.end_snapshot IS NULL AND c.parent_column IS NULL
    UNION ALL SELECT 'rows', '', sum(f.record_count) FROM t JOIN {files} WHERE {of_resource.format("f")}
    UNION ALL SELECT 'rows', '', -sum(d.delete_count) FROM t JOIN {deletes} WHERE {of_resource.format("d")}
    UNION ALL SELECT 'bytes', '', sum(f.file_size_bytes) FROM t JOIN {files} WHERE {of_resource.format("f")}
    UNION ALL SELECT 'bytes', '', sum(d.file_size_bytes) FROM t JOIN {deletes} WHERE {of_resource.format("d")}
    UNION ALL SELECT 'suspect', '', count(*) FROM t JOIN {files} WHERE t.library = 'raw' AND ({names})"""
