"""Open any file as a source of text columns: CSV, Excel, JSON, NDJSON, GeoJSON, Parquet, and gzip or zip of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from contracts.records import RecordList
from warehouse.readers.csv import open_csv
from warehouse.readers.excel import open_excel
from warehouse.readers.inspect import Inspection, inspect
from warehouse.readers.json import open_json, open_ndjson
from warehouse.readers.parquet import open_parquet
from warehouse.readers.scratch import identifier, text
from warehouse.readers.source import Source
from warehouse.settings import Settings

__all__ = ["Inspection", "inspect", "mended", "open_inspected", "open_source"]


def open_source(
    path: Path,
    reading: Mapping[str, Any],
    settings: Settings,
    *,
    connection: duckdb.DuckDBPyConnection,
    name: str = "",
    lazy: bool = False,
) -> Source:
    """A file as its contract says it is read; what the contract leaves out is found, and `Undecided` raised where it cannot be.

    What the bytes themselves prove (gzip, a byte order mark, valid UTF-8) wins over what an earlier delivery was like.
    """
    return open_inspected(inspect(path, reading, settings, name=name).settled(), settings, connection=connection, lazy=lazy)


def open_inspected(
    found: Inspection, settings: Settings, *, connection: duckdb.DuckDBPyConnection, lazy: bool = False
) -> Source:
    """A file that was inspected already; nothing may be open about it."""
    folder, reading = settings.scratch, found.reading
    if found.media in {"xls", "xlsx"}:
        header = reading.get("header")
        source = open_excel(
            found.path, str(reading["sheet"]), None if header is None else str(header), folder=folder, reading=reading
        )
    elif found.media in {"json", "geojson"}:
        source = open_json(found.path, found.records or RecordList(str(reading["records"])), folder=folder, reading=reading)
        source = replace(source, media=found.media)
    elif found.media == "ndjson":
        source = open_ndjson(found.path, folder=folder, reading=reading)
    elif found.media == "parquet":
        source = open_parquet(found.path, reading, folder=folder)
    else:
        source = open_csv(found.path, reading, settings, connection=connection, lazy=lazy)
    source = replace(source, encoding=found.encoding or source.encoding, scratch=(*found.scratch, *source.scratch))
    return mended(source, reading)


def mended(source: Source, reading: Mapping[str, Any]) -> Source:
    """The source with decimal commas as points in the columns that the reading names; any other text stays as it is."""
    commas = set(reading.get("decimal") or ())
    changed = [identifier(column) for column in source.columns if column in commas]
    if not changed:
        return source
    form = text(r"\s*[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?\s*")
    point = "CASE WHEN regexp_full_match({0}, {1}) THEN replace(replace({0}, '.', ''), ',', '.') ELSE {0} END AS {0}"
    replaced = ", ".join(point.format(column, form) for column in changed)
    return replace(source, relation=f"(SELECT * REPLACE ({replaced}) FROM {source.relation})")
