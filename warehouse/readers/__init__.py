"""Open any file as a source of text columns: CSV, Excel, JSON, NDJSON, GeoJSON, Parquet, and gzip or zip of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from contracts.inference.json_records import RecordList
from warehouse.readers.csv import open_csv
from warehouse.readers.inspect import inspect
from warehouse.readers.inspection import Inspection
from warehouse.readers.json import open_json, open_ndjson
from warehouse.readers.mending import mended
from warehouse.readers.parquet import open_parquet
from warehouse.readers.sheets import open_excel
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
    inspection: Inspection, settings: Settings, *, connection: duckdb.DuckDBPyConnection, lazy: bool = False
) -> Source:
    """A file that was inspected already; nothing may be open about it."""
    folder, reading = settings.scratch, inspection.reading
    if inspection.media in {"xls", "xlsx"}:
        source = open_excel(inspection.path, folder=folder, reading=reading)
    elif inspection.media in {"json", "geojson"}:
        source = open_json(
            inspection.path, inspection.records or RecordList(str(reading["records"])), folder=folder, reading=reading
        )
        source = replace(source, media=inspection.media)
    elif inspection.media == "ndjson":
        source = open_ndjson(inspection.path, folder=folder, reading=reading)
    elif inspection.media == "parquet":
        source = open_parquet(inspection.path, reading, folder=folder)
    else:
        source = open_csv(inspection.path, reading, settings, connection=connection, lazy=lazy)
    source = replace(source, encoding=inspection.encoding or source.encoding, scratch=(*inspection.scratch, *source.scratch))
    return mended(source, reading)
