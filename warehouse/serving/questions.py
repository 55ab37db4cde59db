"""A question in SQL, asked by API or page: answered whole, within limits, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from contracts.view import View
from warehouse.serving import pages, query_workers
from warehouse.serving.query_workers import QueryTooLarge
from warehouse.serving.sql_rewrite import Name
from warehouse.settings import Settings

LARGEST = 64 * 2**20
"""Bytes of an answer in memory. Larger ones come as files."""
GRACE = 10.0
"""Seconds beyond its own limit after which the process of a question is ended: DuckDB looks at its limit now and then only."""


def answer(
    settings: Settings, sql: str, views: Mapping[Name, View], *, limit: int, seconds: float, snapshots: Mapping[Name, int]
) -> tuple[pa.Table, bool]:
    """The answer, at most `limit` rows, and whether that is all of it. Errors: those of `pages.ask`, LakeBusy, QueryEnded."""
    table: pa.Table = query_workers.question(
        _read, settings, sql, dict(views), limit=limit + 1, seconds=seconds, snapshots=dict(snapshots), patience=seconds + GRACE
    )
    return table.slice(0, limit), table.num_rows <= limit


def _read(
    settings: Settings, sql: str, views: Mapping[Name, View], *, limit: int, seconds: float, snapshots: Mapping[Name, int]
) -> pa.Table:
    reader = pages.ask(settings, sql, views, limit=limit, seconds=seconds, snapshots=snapshots)
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > LARGEST:
            raise QueryTooLarge
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)
