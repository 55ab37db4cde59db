"""The landed file of a batch opened, in a process of its own, and written as a stage; read line by line where DuckDB cannot
give every row."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from contracts.checks import code_lists
from contracts.checks.rules.lists import with_codes
from contracts.deliveries import Entry, Fault, Outcome
from contracts.errors import HubError
from contracts.excel import marks
from contracts.model import Contract
from contracts.sql import literal
from warehouse.foreign import door, limits, telling
from warehouse.ingest import moved, spelling, stage
from warehouse.ingest import outcome as verdict
from warehouse.ingest.ports import Lookups
from warehouse.ingest.stage import Stage
from warehouse.onboarding import profile
from warehouse.readers import mended, open_source
from warehouse.readers.column_match import match
from warehouse.readers.csv import REFUSED, complete, proved, repaired
from warehouse.readers.scratch import scratch_file
from warehouse.readers.source import Source
from warehouse.settings import Settings, size
from warehouse.storage import landing
from warehouse.storage.connection import count
from warehouse.storage.failpoints import reach

WIDE_COLUMNS = 800
"""Columns from which on a load makes room for them."""
SMALL = 1 << 18
"""Bytes of a file that may be read by a worker that read others before, and whose queries are not optimised at length."""
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class _Codes:
    """Code lists in a process that has no catalogue, and those that checks look up as `stage.codes_of` makes them."""

    lists: code_lists.Lists
    looked_up: Mapping[str, str]


def read(settings: Settings, lookups: Lookups, contract: Contract, entry: Entry) -> Stage:
    """The batch as a written stage. Raises verdict.Refused where the file cannot be read, or lacks a required column.

    The bytes are opened in a process of their own (warehouse.foreign); what comes back is a few numbers beside the files.
    """
    path, token = landing.locate(settings, entry.receipt.sha256), uuid.uuid4().hex[:12]
    rejects = scratch_file(settings.scratch, ".rejects.parquet")
    lists = lists_for(contract, lookups)
    codes = stage.codes_of(contract, lookups)  # made once, not in each worker: 44,000 divisions take 0.2 s
    request = {"contract": contract, "lists": lists, "codes": codes, "entry": entry, "token": token, "rejects": rejects}
    columns = len(contract.items) if len(contract.items) >= WIDE_COLUMNS else 0
    try:
        allowed, name = limits.of(settings, path, columns=columns), entry.receipt.filename
        answer = door.run(settings, "stage", allowed, request, name=name, shared=not columns and small_text(path))
    except BaseException as error:
        rejects.unlink(missing_ok=True)
        stage.forget(settings, contract.dataset, f"{entry.batch_id}-{token}")
        if isinstance(error, telling.CannotBeRead):
            raise verdict.Refused(_unreadable(error)) from error
        raise
    if "refused" in answer:
        rejects.unlink(missing_ok=True)
        raise verdict.Refused(_outcome(answer["refused"]))
    reach("staged")
    described = _described(settings, contract, entry, answer, rejects)
    described.checks = tuple(with_codes(check, lists) for check in described.checks)
    return described


def small_text(path: Path) -> bool:
    """Whether a file is small and plain: no container, whose reader is native code that may abort or keep what it unpacked."""
    with path.open("rb") as file:
        return path.stat().st_size <= SMALL and not CONTROL.search(file.read(SMALL))


def staged(
    settings: Settings,
    *,
    contract: Contract,
    lists: Mapping[str, Sequence[str]],
    codes: Mapping[str, str],
    entry: Entry,
    token: str,
    rejects: Path,
) -> dict[str, Any]:
    """The worker's part of `read`: its answer is what `_described` makes a stage of."""
    small = landing.locate(settings, entry.receipt.sha256).stat().st_size <= SMALL
    with profile.small_connection(settings) if small else profile.connection(settings) as connection:
        if small:
            connection.execute("SET disabled_optimizers = 'common_subexpressions'")  # 0.17 s for 15 items; few rows save less
        held = _Codes(code_lists.Lists(lists), codes)
        try:
            source = _open(connection, settings, contract, entry)
            written = _stage(connection, settings, held, contract, source, entry, token)
            written = _with_dates(connection, settings, held, written, entry, token)
        except verdict.Refused as refused:
            return {"refused": asdict(refused.outcome)}
        if written.source.rejects:
            connection.execute(f"COPY (FROM {written.source.rejects}) TO {literal(rejects)} (FORMAT parquet)")
    return {
        "files": [path.name for path in written.paths],
        "columns": list(written.source.columns),
        "media": written.source.media,
        "encoding": written.source.encoding,
        "row_offset": written.source.row_offset,
        "rejects": bool(written.source.rejects),
        "masks": list(written.masks),
        "rows": written.rows,
        "faulty": written.faulty,
        "careful": written.source.careful,
        "sheets": [list(sheet) for sheet in written.source.sheets],
        "notes": [*map(list, written.notes), *_left_out(written.source)],
    }


def _left_out(source: Source) -> list[list[str | None]]:
    """A note for what stood beside the table and is no data, as the draft told it."""
    if not source.left_out:
        return []
    listed = " / ".join(source.left_out)
    return [
        ["beside", None, f"表旁的附注，不是数据，未入库：{listed}", f"notes beside the table, no data, not loaded: {listed}"]
    ]


def _described(settings: Settings, contract: Contract, entry: Entry, answer: Mapping[str, Any], rejects: Path) -> Stage:
    """The stage that a worker wrote."""
    if not answer["rejects"]:
        rejects.unlink(missing_ok=True)
    columns = tuple(answer["columns"])
    source = Source(
        relation="",  # the file itself is not for this process
        columns=columns,
        media=answer["media"],
        encoding=answer["encoding"],
        rejects=f"read_parquet({literal(rejects)})" if answer["rejects"] else None,
        row_offset=answer["row_offset"],
        scratch=(rejects,) if answer["rejects"] else (),
        sheets=tuple((before, sheet) for before, sheet in answer["sheets"]),
    )
    folder = stage.folder(settings, contract.dataset)
    return Stage(
        contract,
        entry.batch_id,
        tuple(folder / Path(name).name for name in answer["files"]),
        source,
        match(contract, columns),
        stage.ordered_checks(contract),
        tuple(answer["masks"]),
        rows=answer["rows"],
        faulty=answer["faulty"],
        notes=[(kind, item, zh, en) for kind, item, zh, en in answer["notes"]],
        received=partial(_look_again, settings, contract, entry, bool(answer["careful"])),
    )


@contextmanager
def _look_again(
    settings: Settings, contract: Contract, entry: Entry, careful: bool, connection: duckdb.DuckDBPyConnection, numbers: str
) -> Iterator[str]:
    """Rows as received that only a check over several rows found at fault; see `Stage.received`."""
    path = landing.locate(settings, entry.receipt.sha256)
    with tempfile.TemporaryDirectory(dir=settings.scratch, prefix="again-") as folder:
        wanted, target = Path(folder, "numbers.parquet"), Path(folder, "records.parquet")
        connection.execute(f"COPY ({numbers}) TO {literal(wanted)} (FORMAT parquet)")
        request = {"contract": contract, "entry": entry, "careful": careful, "numbers": wanted, "target": target}
        try:
            door.run(settings, "records", limits.of(settings, path), request, name=entry.receipt.filename)
        except telling.CannotBeRead as error:
            raise verdict.Refused(_unreadable(error)) from error
        yield f"read_parquet({literal(target)})"


def records(
    settings: Settings, *, contract: Contract, entry: Entry, careful: bool, numbers: Path, target: Path
) -> dict[str, Any]:
    """The worker's part of looking again: rows by their numbers, as received."""
    with profile.connection(settings) as connection:
        source = _open(connection, settings, contract, entry)
        if careful:
            source = mended(repaired(source.reading, settings, source.scratch), source.reading)
        again = Stage(contract, entry.batch_id, (), source, match(contract, source.columns), (), ())
        connection.execute(
            f"""COPY (SELECT n._row, {again.record()} AS record FROM {again.numbered()} AS n
            SEMI JOIN read_parquet({literal(numbers)}) USING (_row)) TO {literal(target)} (FORMAT parquet)"""
        )
    return {}


def lists_for(contract: Contract, lookups: Lookups) -> dict[str, list[str]]:
    """The code lists that the checks look up, for a process that has no catalogue."""
    lists = {}
    for name in (*code_lists.needed(contract), *code_lists.wanted(contract)):
        with suppress(KeyError, HubError):  # one that is missing is told by the check itself
            lists[name] = list(lookups.codes(name))
    return lists


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    return Outcome(**{**answer, "faults": [Fault(**fault) for fault in answer["faults"]]})


def _unreadable(error: HubError) -> Outcome:
    return Outcome(
        state="refused",
        message=f"文件无法读取，整批拒绝：{error.message}",
        message_en=f"The file cannot be read, the delivery is refused: {error.message_en}",
    )


def _with_dates(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    codes: _Codes,
    written: Stage,
    entry: Entry,
    token: str,
) -> Stage:
    """The stage, written anew where dates are in another way of writing; held where that way can be read in two orders."""
    spellings = spelling.found(connection, written)
    if not spellings:
        return written
    written.discard()
    if orders := spelling.open_orders(spellings):
        raise verdict.Refused(verdict.held(orders, written.contract, written.rows))
    applied = spelling.applied(written.contract, spellings)
    again = _stage(connection, settings, codes, applied, written.source, entry, token)
    again.notes += [("dates", one.item.title or one.item.name, *one.said) for one in spellings]
    return again


def _open(connection: duckdb.DuckDBPyConnection, settings: Settings, contract: Contract, entry: Entry) -> Source:
    path = landing.locate(settings, entry.receipt.sha256)
    reading = _reading(contract, path, entry.receipt.filename)
    name = entry.receipt.filename
    try:
        source = open_source(path, reading, settings, connection=connection, name=name, lazy=True)
        corrected = moved.reading(path, reading, settings, name=name, contract=contract, columns=source.columns)
        if corrected is None:
            return source
        for scratch in source.scratch:
            scratch.unlink(missing_ok=True)
        return open_source(path, corrected, settings, connection=connection, name=name, lazy=True)
    except HubError as error:
        raise verdict.Refused(_unreadable(error)) from error


def _reading(contract: Contract, path: Path, filename: str) -> Mapping[str, Any]:
    """How the file is read: as the contract says, or, in a workbook made from its template, where that has its header."""
    if not filename.lower().endswith((".xlsx", ".xlsm")):
        return contract.reading
    mark = marks.identify(path)
    if mark is None or mark.dataset != contract.dataset:
        return contract.reading
    return {**contract.reading, "sheet": marks.FILL_SHEET, "header": str(mark.header_row)}


def _stage(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    codes: _Codes,
    contract: Contract,
    source: Source,
    entry: Entry,
    token: str,
) -> Stage:
    if len(contract.items) >= WIDE_COLUMNS:
        source = replace(source, pieces=())
    staged, queries = stage.open_stage(
        connection,
        settings,
        codes.lists,
        contract,
        source,
        entry.batch_id,
        f"{entry.batch_id}-{token}",
        entry.receipt.received_at,
        codes.looked_up,
    )
    if staged.match.missing_required and not staged.match.extra:  # else one of those may be it: see warehouse.ingest.doubts
        _refuse(connection, settings, staged)
    whole = False
    try:
        with _room_for_columns(connection, settings, len(contract.items)):
            stage.write(connection, staged, queries)
        whole = not staged.misnumbered and complete(source, connection, staged.rows)
    except REFUSED:
        if source.lines is None:
            raise
    finally:
        if not whole:
            staged.discard()
    if whole:
        return staged
    if source.pieces:  # a line end inside quotes, most likely: numbers are certain only in one go
        return _stage(connection, settings, codes, contract, replace(source, pieces=()), entry, token)
    careful = replace(mended(repaired(source.reading, settings, source.scratch), source.reading), careful=True)
    return _stage(connection, settings, codes, contract, careful, entry, token)


@contextmanager
def _room_for_columns(connection: duckdb.DuckDBPyConnection, settings: Settings, columns: int) -> Iterator[None]:
    """Each expression of a wide row holds vectors of its own, 0.5 MB a column and thread whatever the rows (2026-11-21:
    3,000 columns need 1.7 GB with one thread, 3.2 GB with two): one thread, and the room that it takes."""
    if columns < WIDE_COLUMNS:
        yield
        return
    limits = connection.execute("SELECT current_setting('memory_limit'), current_setting('threads')").fetchone() or ("1GB", 1)
    connection.execute("SET threads = 1")
    if columns * 600_000 > size(settings.memory_limit):
        connection.execute(f"SET memory_limit = '{columns * 600 // 1000 + 200}MB'")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {limits[1]}")
        connection.execute(f"SET memory_limit = {literal(str(limits[0]))}")


def _refuse(connection: duckdb.DuckDBPyConnection, settings: Settings, staged: Stage) -> None:
    source = proved(staged.source, settings, connection)
    rows = count(connection, f"SELECT count(*) FROM {source.relation}")
    if source.rejects:
        rows += count(connection, f"SELECT count(*) FROM {source.rejects}")
    outcome = verdict.refusal(staged, verdict.columns(staged), [], rows)
    if outcome is not None:
        raise verdict.Refused(outcome)
