"""The landed file of a batch opened, and written as a stage; read line by line where DuckDB cannot give every row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from contracts.deliveries import Entry, Outcome
from contracts.errors import HubError
from contracts.model import Contract
from warehouse import landing, stage, verdict
from warehouse.connection import literal
from warehouse.crashpoints import reach
from warehouse.ledger import Lookups
from warehouse.readers import mended, open_source
from warehouse.readers.csv import complete, proved, repaired
from warehouse.readers.source import Source
from warehouse.settings import Settings
from warehouse.stage import Stage

WIDE_COLUMNS = 800
"""Columns from which on a load makes room for them."""


def read(
    connection: duckdb.DuckDBPyConnection, settings: Settings, lookups: Lookups, contract: Contract, entry: Entry
) -> Stage:
    """The batch as a written stage. Raises verdict.Refused where the file cannot be read, or lacks a required column."""
    source = _open(connection, settings, contract, entry)
    try:
        staged = _stage(connection, settings, lookups, contract, source, entry)
        reach("staged")
        return staged
    except BaseException:
        _tidy(source)
        raise


def _open(connection: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract, entry: Entry) -> Source:
    path = landing.locate(settings, entry.receipt.sha256)
    reading = _reading(contract, path, entry.receipt.filename)
    try:
        return open_source(path, reading, settings, connection=connection, name=entry.receipt.filename, lazy=True)
    except HubError as error:
        raise verdict.Refused(
            Outcome(
                state="refused",
                message=f"文件无法读取，整批拒绝：{error.message}",
                message_en=f"The file cannot be read, the delivery is refused: {error.message_en}",
            )
        ) from error


def _reading(contract: Contract, path: Path, filename: str) -> Mapping[str, Any]:
    """How the file is read: as the contract says, or, in a workbook made from its template, where that has its header."""
    if not filename.lower().endswith((".xlsx", ".xlsm")):
        return contract.reading
    from contracts import template

    mark = template.identify(path)
    if mark is None or mark.dataset != contract.dataset:
        return contract.reading
    return {**contract.reading, "sheet": template.FILL_SHEET, "header": str(mark.header_row)}


def _stage(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    lookups: Lookups,
    contract: Contract,
    source: Source,
    entry: Entry,
) -> Stage:
    if len(contract.items) >= WIDE_COLUMNS:
        source = replace(source, pieces=())
    staged, queries = stage.open_stage(
        connection, settings, lookups, contract, source, entry.batch_id, entry.receipt.received_at
    )
    if staged.match.missing_required:
        _refuse(connection, settings, staged)
    whole = False
    try:
        with _room_for_columns(connection, settings, len(contract.items)):
            stage.write(connection, staged, queries)
        whole = not staged.misnumbered and complete(source, connection, staged.rows)
    except duckdb.InvalidInputException:
        if source.lines is None:
            raise
    finally:
        if not whole:
            staged.discard()
    if whole:
        return staged
    if source.pieces:  # a line end inside quotes, most likely: numbers are certain only in one go
        return _stage(connection, settings, lookups, contract, replace(source, pieces=()), entry)
    careful = mended(repaired(source.reading, settings, source.scratch), source.reading)
    return _stage(connection, settings, lookups, contract, careful, entry)


@contextmanager
def _room_for_columns(connection: duckdb.DuckDBPyConnection, settings: Settings, columns: int) -> Iterator[None]:
    """Each expression of a wide row holds vectors of its own, 0.5 MB a column and thread whatever the rows (2026-11-21:
    3,000 columns need 1.7 GB with one thread, 3.2 GB with two): one thread, and the room that it takes."""
    if columns < WIDE_COLUMNS:
        yield
        return
    limits = connection.execute("SELECT current_setting('memory_limit'), current_setting('threads')").fetchone() or ("1GB", 1)
    connection.execute("SET threads = 1")
    if columns * 600 > _kilobytes(settings.memory_limit):
        connection.execute(f"SET memory_limit = '{columns * 600 // 1000 + 200}MB'")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {limits[1]}")
        connection.execute(f"SET memory_limit = {literal(str(limits[0]))}")


def _kilobytes(size: str) -> int:
    number = re.match(r"[0-9.]+", size)
    return int(float(number.group() if number else 1) * (10**6 if "G" in size.upper() else 10**3))


def _refuse(connection: duckdb.DuckDBPyConnection, settings: Settings, staged: Stage) -> None:
    source = proved(staged.source, settings, connection)
    rows = stage.count(connection, f"SELECT count(*) FROM {source.relation}")
    if source.rejects:
        rows += stage.count(connection, f"SELECT count(*) FROM {source.rejects}")
    outcome = verdict.refusal(staged, verdict.columns(staged), [], rows)
    if outcome is not None:
        raise verdict.Refused(outcome)


def _tidy(source: Source) -> None:
    for path in source.scratch:
        path.unlink(missing_ok=True)
