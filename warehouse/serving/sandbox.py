"""A DuckDB that analysts' SQL may run in: the lake read-only, nothing else within reach, settings locked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from contracts.errors import HubError
from contracts.sql import literal
from warehouse.settings import Settings
from warehouse.storage import connection as lake
from warehouse.storage import instances
from warehouse.storage.instances import Kind

MEMORY = "300MB"
"""For all questions of this process together; beyond it they spill to disk, up to SPILL."""
SPILL = "2GB"


class QueryTooSlow(HubError):
    """The question ran longer than the limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"查询超过 {seconds:.0f} 秒，已停止；请缩小范围或加筛选条件。",
            f"The query ran over {seconds:.0f} s and was stopped; narrow it or add a filter.",
        )


@contextmanager
def sandbox(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of the locked-down instance of this process; each transaction sees the lake's newest snapshot."""
    lake._require(settings)
    cursor = instances.instance(settings, Kind.SANDBOX, lambda: _open(settings)).cursor()
    try:
        cursor.execute("USE lake")
        yield cursor
    finally:
        cursor.close()


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Stop whatever runs on the connection after so many seconds: QueryTooSlow."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise QueryTooSlow(seconds) from None
    finally:
        timer.cancel()


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    limits = {"memory_limit": MEMORY, "max_temp_directory_size": SPILL, "python_enable_replacements": "false"}
    connection = lake.connected(settings, settings.scratch / "spill-sql", **limits)
    try:
        lake.attach(connection, settings, read_only=True)
        connection.execute("SELECT 1 FROM lake.quarantine.rows LIMIT 0")  # DuckLake opens its metadata at the first use
        connection.execute(f"SET GLOBAL TimeZone = {literal(lake.ZONE)}")
        connection.execute(f"SET allowed_directories = [{literal(lake.data_path(settings))}, {literal(settings.lake)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection
