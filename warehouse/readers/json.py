"""JSON, nested JSON, NDJSON and GeoJSON, streamed to a scratch table of text columns."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ijson

from contracts.errors import HubError
from contracts.inference import documents, grid
from contracts.inference.evidence import Undecided
from contracts.inference.json_records import (
    ROOT,
    Number,
    Outline,
    RecordList,
    flatten,
    flatten_feature,
    holds_nothing,
    is_feature,
    outline,
    to_text,
)
from warehouse.readers.encoding import MARK, readable
from warehouse.readers.scratch import ROW, TextTable, write_rejects
from warehouse.readers.source import Source

SMALL = 256 << 20
"""Documents that break the standard (NaN, Infinity) are read whole up to this size."""
MAX_COLUMNS = 10_000
UNREADABLE = "json"
PLANE = "plane"
"""Reading's `geometry` where coordinates are not longitude and latitude."""


class JsonRefused(HubError):
    """A document that is not JSON, or holds no records where it was told to."""


def look(path: Path) -> Outline:
    """What a document holds; the file must be UTF-8 without BOM."""
    try:
        with path.open("rb") as file:
            return outline(ijson.parse(file))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        if path.stat().st_size <= SMALL and (whole := _whole(path)) is not None:
            return outline(events(whole))
        raise _broken(path, error) from error


def whole(path: Path) -> Any:
    """A document that is small enough, as Python's own reader takes it; None where it is not."""
    return _whole(path) if path.stat().st_size <= SMALL else None


def nothing_in(path: Path) -> bool:
    """Whether a document that has no list of records is an answer without records."""
    return path.stat().st_size <= SMALL and holds_nothing(_whole(path))


def open_json(path: Path, records: RecordList, *, folder: Path, reading: Mapping[str, Any]) -> Source:
    """The records of a document as a source; what is no list among lists is rejected with its text."""
    table = TextTable(folder, numbered=True)
    rejects: list[tuple[int, str, str]] = []
    plane = reading.get("geometry") == PLANE
    try:
        stream = _records(path, records)
        for number, record in enumerate(_as_objects(stream, records, reading) if records.rows else stream, start=1):
            if isinstance(record, _Stray):
                rejects.append((number, record.text, UNREADABLE))
                continue
            table.add(_flat(record, plane), number)
            _narrow(table, path)
    except BaseException as error:
        table.discard()
        if isinstance(error, ijson.JSONError | UnicodeDecodeError):
            raise _broken(path, error) from error
        if isinstance(error, RecursionError):
            raise _too_deep(path) from error
        raise
    if not table.rows and records.path != ".":
        table.discard()
        raise JsonRefused(
            f"{path.name} 在 {records.path} 处没有记录列表。请用 --records 指出记录所在的位置。",
            f"{path.name} has no list of records at {records.path}. Say with --records where they are.",
        )
    return _source(table, rejects, folder, path, "json", reading)


def open_ndjson(path: Path, *, folder: Path, reading: Mapping[str, Any]) -> Source:
    """One record a line; a line that is no JSON object, or does not decode, is rejected with its text."""
    table = TextTable(folder, numbered=True)
    rejects: list[tuple[int, str, str]] = []
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.strip():
                    continue
                record, fault = _line(raw)
                if record is None:
                    rejects.append((number, _shown(raw), fault))
                else:
                    table.add(record, number)
                    _narrow(table, path)
    except BaseException:
        table.discard()
        raise
    return _source(table, rejects, folder, path, "ndjson", reading)


def _source(
    table: TextTable, rejects: list[tuple[int, str, str]], folder: Path, path: Path, media: str, reading: Mapping[str, Any]
) -> Source:
    if not table.columns:
        table.discard()
        raise JsonRefused(
            f"{path.name} 的记录没有任何字段，没有可收的数据。",
            f"The records of {path.name} are empty, without any field; there is nothing to receive.",
        )
    relation = table.close()
    rejected = write_rejects(folder, rejects)
    scratch = (*table.parts, *((rejected[1],) if rejected else ()))
    return Source(relation, table.names(), media, "utf-8", rejected[0] if rejected else None, 0, dict(reading), scratch, ROW)


@dataclass(frozen=True, slots=True)
class _Stray:
    """What stands among lists of values and is none, as text."""

    text: str


def _as_objects(stream: Iterator[Any], records: RecordList, reading: Mapping[str, Any]) -> Iterator[dict[str, Any] | _Stray]:
    """Lists of values as objects, by the names beside them or in their first row; a longer list has columns of its own."""
    first = list(itertools.islice(stream, grid.LOOK_AT))
    names, skip = records.names, 0
    if not names:
        rows = [[to_text(value) or "" for value in row] for row in first if isinstance(row, list)]
        header = grid.find_header(rows)
        wanted = str(reading.get("header") or "")
        if not wanted and not header.certain:
            raise Undecided((grid.question(header, rows),), header.evidence)
        if wanted != "none" and (wanted or header.rows):
            skip = int(wanted.rpartition("-")[2] or 1) if wanted else header.first_data_row
            names = grid.join_levels(
                rows[header.first_data_row - 1 if not wanted else int(wanted.partition("-")[0]) - 1 : skip], 0, (), ()
            )
    names = grid.unique_names(names, max((len(row) for row in first if isinstance(row, list)), default=0))
    for row in itertools.chain(first[skip:], stream):
        if not isinstance(row, list):
            yield _Stray(to_text(row) or "null")
            continue
        if len(row) > len(names):
            names = grid.unique_names(names, len(row))
        yield dict(zip(names, row, strict=False))


def first_records(path: Path, records: RecordList) -> Iterator[Any]:
    """The records one by one, for a look at the first."""
    return _records(path, records)


def _line(raw: bytes) -> tuple[dict[str, str | None] | None, str]:
    """A line's record as a flat row, or None and the rule it breaks."""
    try:
        text = raw.decode()
        if MARK in text:
            return None, "encoding"
        record = json.loads(text, parse_float=Number, parse_int=str_int)
        return (_flat(record), "") if isinstance(record, dict) else (None, UNREADABLE)
    except UnicodeDecodeError:
        return None, "encoding"
    except (ValueError, RecursionError):
        return None, UNREADABLE


def _shown(raw: bytes) -> str:
    return readable(raw.decode(errors="backslashreplace")).rstrip("\r\n")


def str_int(text: str) -> int | Number:
    """An integer as it is written; 007 is no JSON, so nothing is lost."""
    return int(text) if len(text) < 300 else Number(text)


def _flat(record: Any, plane: bool = False) -> dict[str, str | None]:
    return flatten_feature(record, plane=plane) if is_feature(record) else flatten(record)


def _records(path: Path, records: RecordList) -> Iterator[Any]:
    """Each record; one under a key gets it as `key`. Where ijson stops (NaN), Python's own reader goes on."""
    if records.shape:
        document = documents.at(_whole(path), records.path.partition(":")[2] or ROOT)
        yield from [document] if records.shape == "one" else documents.turned(document)
        return
    done = 0
    with path.open("rb") as file:
        stream = ijson.kvitems(file, records.prefix) if records.keyed else ijson.items(file, records.prefix)
        try:
            for record in stream:
                done += 1
                yield _under_key(*record) if records.keyed else record
            return
        except (ijson.JSONError, UnicodeDecodeError):  # half a character, such as \\udc92
            if path.stat().st_size > SMALL or (whole := _whole(path)) is None:
                raise
    steps = [] if records.path == "." else records.path.split(".")
    for record in itertools.islice(_inside(whole, steps, keyed=records.keyed), done, None):
        yield _under_key(*record) if records.keyed else record


def _under_key(key: str, record: Any) -> dict[str, Any]:
    """A record with the key it stands under; a field of its own that is called `key` comes as `key_2`."""
    if not isinstance(record, Mapping):
        return {"key": key, "value": record}
    return {"key": key, **{"key_2" if name == "key" else name: value for name, value in record.items()}}


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


def _inside(here: Any, steps: Sequence[str], *, keyed: bool) -> Iterator[Any]:
    """What is at a path of a loaded document; a key may have dots itself."""
    if not steps:
        yield from here.items() if keyed and isinstance(here, dict) else here if isinstance(here, list) else ()
    elif steps[0] == "*" and isinstance(here, list):
        for each in here:
            yield from _inside(each, steps[1:], keyed=keyed)
    elif isinstance(here, dict):
        taken = next((n for n in range(1, len(steps) + 1) if ".".join(steps[:n]) in here), 0)
        if taken:
            yield from _inside(here[".".join(steps[:taken])], steps[taken:], keyed=keyed)


def repeated_keys(sample: str) -> tuple[tuple[str, int], ...]:
    """Keys that stand twice in one line's object, in the lines of a sample, with how often."""
    counted: Counter[str] = Counter()

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = Counter(key for key, _ in pairs)
        counted.update(key for key, times in names.items() if times > 1)

    for line in sample.splitlines()[:1000]:
        try:
            json.loads(line, object_pairs_hook=note)
        except (ValueError, RecursionError):
            continue
    return tuple(counted.most_common())


def events(value: Any) -> Iterator[tuple[str, str, Any]]:
    """A loaded document as ijson would tell it, as far as `outline` listens."""
    if isinstance(value, dict):
        yield "", "start_map", None
        for key, inner in value.items():
            yield "", "map_key", key
            yield from events(inner)
        yield "", "end_map", None
    elif isinstance(value, list):
        yield "", "start_array", None
        for inner in value:
            yield from events(inner)
        yield "", "end_array", None
    else:
        yield "", "string" if isinstance(value, str) else "number", value


def _too_deep(path: Path) -> JsonRefused:
    return JsonRefused(
        f"{path.name} 嵌套过深，无法展开。请提供方导出为平铺的记录。",
        f"{path.name} is nested too deep to be spread. Ask the provider for flat records.",
    )


def _broken(path: Path, error: Exception) -> JsonRefused:
    message = error.args[0] if error.args else ""
    message = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    reason = message.strip().splitlines()[0].strip() if message.strip() else "truncated"
    return JsonRefused(
        f"{path.name} 不是完整的 JSON（{reason}）。请提供方重新导出。",
        f"{path.name} is not whole JSON ({reason}). Ask the provider to export it again.",
    )
