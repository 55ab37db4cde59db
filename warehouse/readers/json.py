"""JSON, nested JSON, NDJSON and GeoJSON, streamed to a scratch table of text columns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ijson

from contracts import grid
from contracts.errors import HubError
from contracts.evidence import Undecided
from contracts.records import Number, RecordList, flatten, flatten_feature, is_feature, outline, to_text
from warehouse.readers.scratch import ROW, TextTable, write_rejects
from warehouse.readers.source import Source

SMALL = 256 << 20
"""Documents that break the standard (NaN, Infinity) are read whole up to this size."""
MAX_COLUMNS = 10_000
UNREADABLE = "json"


class JsonRefused(HubError):
    """A document that is not JSON, or holds no records where it was told to."""


def record_lists(path: Path) -> list[RecordList]:
    """The lists of records in a document; the file must be UTF-8 without BOM."""
    try:
        with path.open("rb") as file:
            return outline(ijson.parse(file))
    except ijson.JSONError as error:
        if path.stat().st_size <= SMALL and (whole := _whole(path)) is not None:
            return outline(_events(whole))
        raise _broken(path, error) from error


def open_json(path: Path, records: RecordList, *, folder: Path, reading: Mapping[str, Any]) -> Source:
    """The records of a document as a source."""
    table = TextTable(folder)
    try:
        stream = _records(path, records)
        for record in _as_objects(stream, records, reading) if records.rows else stream:
            table.add(_flat(record))
            _narrow(table, path)
    except ijson.JSONError as error:
        raise _broken(path, error) from error
    if not table.rows and records.path != ".":
        raise JsonRefused(
            f"{path.name} 在 {records.path} 处没有记录列表。请用 --records 指出记录所在的位置。",
            f"{path.name} has no list of records at {records.path}. Say with --records where they are.",
        )
    relation = table.close()
    return Source(relation, table.names(), "json", "utf-8", None, 0, dict(reading), tuple(table.parts))


def open_ndjson(path: Path, *, folder: Path, reading: Mapping[str, Any]) -> Source:
    """One record a line; a line that is no JSON object is rejected with its text."""
    table = TextTable(folder, numbered=True)
    rejects: list[tuple[int, str, str]] = []
    with path.open("r", encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                record = _line(line)
                if record is None:
                    rejects.append((number, line.rstrip("\r\n"), UNREADABLE))
                else:
                    table.add(_flat(record), number)
                    _narrow(table, path)
    relation = table.close()
    told = write_rejects(folder, rejects)
    scratch = (*table.parts, *((told[1],) if told else ()))
    return Source(relation, table.names(), "ndjson", "utf-8", told[0] if told else None, 0, dict(reading), scratch, ROW)


def _as_objects(stream: Iterator[Any], records: RecordList, reading: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Lists of values as objects, by the names beside them or in their first row."""
    first = list(itertools.islice(stream, grid.LOOK_AT))
    names, skip = records.names, 0
    if not names:
        rows = [[to_text(value) or "" for value in row] for row in first]
        found = grid.find_header(rows)
        told = str(reading.get("header") or "")
        if not told and not found.certain:
            raise Undecided((grid.question(found, rows),), found.evidence)
        if told != "none" and (told or found.rows):
            names, skip = tuple(rows[0]), 1
    names = grid.unique_names(names, max((len(row) for row in first), default=0))
    for row in itertools.chain(first[skip:], stream):
        yield dict(zip(names, row, strict=False))


def first_records(path: Path, records: RecordList) -> Iterator[Any]:
    """The records one by one, for a look at the first."""
    return _records(path, records)


def _line(line: str) -> Mapping[str, Any] | None:
    try:
        record = json.loads(line, parse_float=Number, parse_int=str_int)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def str_int(text: str) -> int | Number:
    """An integer as it is written; 007 is no JSON, so nothing is lost."""
    return int(text) if len(text) < 300 else Number(text)


def _flat(record: Any) -> dict[str, str | None]:
    return flatten_feature(record) if is_feature(record) else flatten(record)


def _records(path: Path, records: RecordList) -> Iterator[Any]:
    """Each record; one under a key gets it as `key`."""
    with path.open("rb") as file:
        stream = ijson.kvitems(file, records.prefix) if records.keyed else ijson.items(file, records.prefix)
        try:
            first = next(stream, None)
        except ijson.JSONError:
            if path.stat().st_size > SMALL or (whole := _whole(path)) is None:
                raise
            first, stream = None, _inside(whole, records)
        for record in itertools.chain([] if first is None else [first], stream):
            yield {"key": record[0], **record[1]} if records.keyed else record


def _narrow(table: TextTable, path: Path) -> None:
    if len(table.columns) > MAX_COLUMNS:
        raise JsonRefused(
            f"{path.name} 的记录展开后超过 {MAX_COLUMNS} 列，可能把标识当成了字段名。请用 --records 指出真正的记录列表。",
            f"The records of {path.name} spread over more than {MAX_COLUMNS} columns; keys may be identifiers. "
            "Say with --records where the records are.",
        )


def _whole(path: Path) -> Any:
    """The document as Python's own reader takes it, NaN and Infinity included; None where it is no JSON either."""
    try:
        return json.loads(
            path.read_text(encoding="utf-8"), parse_float=Number, parse_int=str_int, parse_constant=lambda _: None
        )
    except (ValueError, RecursionError):
        return None


def _inside(whole: Any, records: RecordList) -> Iterator[Any]:
    here = whole
    for step in [] if records.path == "." else records.path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    if records.keyed and isinstance(here, dict):
        yield from here.items()
    elif isinstance(here, list):
        yield from here


def _events(value: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """A loaded document as ijson would tell it, as far as `outline` listens."""
    if isinstance(value, dict):
        yield prefix, "start_map", None
        for key, inner in value.items():
            yield prefix, "map_key", key
            yield from _events(inner, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _events(inner, f"{prefix}.item" if prefix else "item")


def _broken(path: Path, error: Exception) -> JsonRefused:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else "truncated"
    return JsonRefused(
        f"{path.name} 不是完整的 JSON（{reason}）。请提供方重新导出。",
        f"{path.name} is not whole JSON ({reason}). Ask the provider to export it again.",
    )
