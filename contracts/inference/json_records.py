"""Which list in a JSON document holds the records, and how a record becomes a flat row."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from contracts.inference.evidence import Choice, Evidence, Question, Said

ROOT = "."
"""How a path says "the document itself"."""
MANY = 10
"""A list is taken without asking when it has this many times the records of the next one."""
ENOUGH = 2
LOOK_AT = 2_000_000
"""JSON events looked at before the list being read then is taken for the records."""
FEW_PAGES = 50
"""A list shorter than this whose records hold longer lists may be pages of the true records."""
MANY_KEYS = 20_000
NAME_LISTS = frozenset({"columns", "fields", "header", "headers", "names", "column_names", "columnnames", "cols", "keys"})
DEPTH = 6
SCALARS_DEPTH = 2
"""Objects nested deeper stay JSON text."""


@dataclass(slots=True)
class RecordList:
    """A list of objects that may be the records; or an object of objects, each under its key; or a list of lists."""

    path: str
    records: int = 0
    keys: set[str] = field(default_factory=set)
    keyed: bool = False
    """The records stand under keys instead of in a list."""
    rows: bool = False
    """Each record is a list of values, its columns are named in `names` or in the first row."""
    names: tuple[str, ...] = ()
    shape: str = ""
    """columns: each key of an object is a column; one: the document itself is the record (contracts.inference.documents)."""

    @property
    def prefix(self) -> str:
        """The prefix that ijson knows it by; a path says * for "each of an outer list"."""
        here = "" if self.path == ROOT else ".".join("item" if step == "*" else step for step in self.path.split("."))
        return here if self.keyed else (f"{here}.item" if here else "item")

    @property
    def nested(self) -> bool:
        """Whether it stands inside the records of another list."""
        return "*" in self.path.split(".")


@dataclass(slots=True)
class _Found:
    """Lists met on the way through a document, by their path."""

    objects: dict[str, RecordList] = field(default_factory=dict)
    keyed: dict[str, RecordList] = field(default_factory=dict)
    rows: dict[str, RecordList] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    scalars: dict[str, Any] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a document holds: its lists of records, its plain values by path, two levels deep, and the keys that stand twice
    in one object, with how often."""

    lists: list[RecordList]
    scalars: Mapping[str, Any]
    repeated: tuple[tuple[str, int], ...] = ()


Step = str | None
"""A key of an object; None: each of a list. (ijson's own prefix says "item" for the latter, as some documents name a key.)"""


def outline(events: Iterable[tuple[str, str, Any]]) -> Outline:
    """Every list of objects (else of lists, else objects of objects), most records first; from ijson's events."""
    shape = _Found()
    at: list[Step] = []
    keys: list[set[str]] = []
    open_: list[RecordList | None] = []
    for number, (_prefix, event, value) in enumerate(events):
        if event == "map_key":
            at[-1] = value
            shape.repeated[value] += value in keys[-1]
            keys[-1].add(value)
            if (record := open_[-1]) and len(record.keys) < MANY_KEYS:
                record.keys.add(value)
        elif event in ("start_map", "start_array"):
            open_.append(_count(at, event, shape) if at else None)
            at.append("" if event == "start_map" else None)
            keys.append(set())
        elif event in ("end_map", "end_array"):
            at.pop()
            keys.pop()
            open_.pop()
        elif 0 < len(at) <= SCALARS_DEPTH and None not in at:
            shape.scalars[_path(at)] = value
        elif event == "string" and at and at[-1] is None:
            texts = shape.texts.setdefault(_path(at[:-1]), [])
            if len(texts) < MANY_KEYS:
                texts.append(value)
        if number > LOOK_AT and any(each.records > 1000 for each in shape.objects.values()):
            break
    return Outline(_ranked(shape), shape.scalars, tuple((key, rows) for key, rows in shape.repeated.most_common() if rows))


def _ranked(shape: _Found) -> list[RecordList]:
    """The lists of the kind that the document holds; a list of lists with a few objects among them is one of lists."""
    objects = [o for path, o in shape.objects.items() if path not in shape.rows or shape.rows[path].records <= o.records]
    if any(not each.nested for each in objects):
        return sorted(objects, key=lambda each: -each.records)
    if shape.rows:
        return [_named(each, shape.texts) for each in sorted(shape.rows.values(), key=lambda each: -each.records)]
    return sorted((k for k in shape.keyed.values() if k.records > ENOUGH), key=lambda each: -each.records)


def _path(steps: Sequence[Step]) -> str:
    return ".".join("*" if step is None else step for step in steps) or ROOT


def _count(steps: Sequence[Step], event: str, shape: _Found) -> RecordList | None:
    """Count an object or a list that begins at these steps; the list whose record it is, where it is an object in one."""
    inner, last = steps[:-1], steps[-1]
    path = _path(inner)
    if last is None and event == "start_map":
        each = shape.objects.setdefault(path, RecordList(path))
        each.records += 1
        return each
    if last is None and None not in inner:
        shape.rows.setdefault(path, RecordList(path, rows=True)).records += 1
    elif event == "start_map" and None not in steps:
        shape.keyed.setdefault(path, RecordList(path, keyed=True)).records += 1
    return None


def _named(each: RecordList, texts: Mapping[str, list[str]]) -> RecordList:
    """A list of lists with the names that a list of texts beside it gives: {"columns": [...], "data": [[...]]}."""
    beside = each.path.rpartition(".")[0]
    for home, names in texts.items():
        if home.rpartition(".")[0] == beside and home.rpartition(".")[2].lower() in NAME_LISTS:
            each.names = tuple(names)
    return each


LIST_NAMES = frozenset({"data", "records", "rows", "items", "item", "list", "result", "results", "features", "value", "values"})


def holds_nothing(document: Any) -> bool:
    """Whether a document is an answer without records: [], {}, or an empty list under a usual name, at most two levels down."""
    if not isinstance(document, Mapping):
        return document in ([], None)
    inner = [document, *(value for value in document.values() if isinstance(value, Mapping))]
    return not document or any(value == [] for each in inner for key, value in each.items() if str(key).lower() in LIST_NAMES)


def choose(lists: list[RecordList], answer: str = "") -> RecordList | Question | None:
    """The records: the list that was told, or the only big one; a question where two are of similar size, or where a few
    outer records hold many inner ones (pages)."""
    if answer:
        path = answer.strip().removeprefix("$").strip(".") or ROOT
        return next((each for each in lists if each.path == path), None) or RecordList(path, keyed=False)
    outer = [each for each in lists if not each.nested]
    if not outer:
        return None
    inner = [each for each in lists if each.nested and each.records >= MANY * outer[0].records]
    if outer[0].records < FEW_PAGES and inner:
        return _which([*inner[:3], *outer])
    if len(outer) == 1 or outer[0].records >= MANY * outer[1].records:
        return outer[0]
    return _which(outer)


def _which(lists: list[RecordList]) -> Question:
    said = Said("文件中有几个记录列表，读哪一个？", "The document has several lists of records; which one?")
    return Question("--records", said, tuple(Choice(each.path, _tell(each)) for each in lists[:20]))


def _tell(each: RecordList) -> Said:
    keys = ", ".join(sorted(each.keys)[:8])
    return Said(f"{each.records} 条：{keys}", f"{each.records} records: {keys}")


def chosen(each: RecordList) -> Evidence:
    """The sentence that says which list is read."""
    where = "文档本身" if each.path == ROOT else each.path
    place = "the document itself" if each.path == ROOT else each.path
    return Evidence(f"记录取自 {where}（{each.records} 条）", f"records are in {place} ({each.records})")


class Number(float):
    """A number of a JSON text with its very characters."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Number:
        """From the characters in the file."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def flatten(record: Any, prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    """A record as a flat row of text: nested objects become `outer.inner`, lists stay JSON, numbers keep their literal."""
    if not isinstance(record, Mapping):
        return {prefix or "value": to_text(record)}
    row: dict[str, str | None] = {}
    for key, value in record.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value and depth < DEPTH:
            for inner, text in flatten(value, name, depth + 1).items():
                row[_free(inner, row)] = text
        else:
            row[_free(name, row)] = to_text(value)
    return row


def _free(name: str, row: Mapping[str, Any]) -> str:
    """A name that the row does not have yet: {"a.b": 1, "a": {"b": 2}} has two values."""
    number, free = 1, name
    while free in row:
        number += 1
        free = f"{name}_{number}"
    return free


def flatten_feature(feature: Mapping[str, Any], *, plane: bool = False) -> dict[str, str | None]:
    """A GeoJSON feature (RFC 7946) as a row: its properties under their own names, a point as longitude and latitude
    (x and y where the document says another system of coordinates), any other geometry as GeoJSON text."""
    row: dict[str, str | None] = {}
    if feature.get("id") is not None:
        row["id"] = to_text(feature["id"])
    properties = flatten(feature.get("properties") or {})
    for key, value in properties.items():
        row["properties.id" if key == "id" and "id" in row else key] = value
    for key, value in _geometry(feature.get("geometry"), ("x", "y") if plane else ("longitude", "latitude")).items():
        row[_free(f"geometry.{key}" if key in row else key, row)] = value
    for key, value in feature.items():
        if key not in {"id", "properties", "geometry", "type", "bbox"}:
            row.setdefault(f"feature.{key}", to_text(value))
    return row


def _geometry(geometry: Any, names: tuple[str, str]) -> dict[str, str | None]:
    if not isinstance(geometry, Mapping):
        return {}
    place = geometry.get("coordinates")
    if geometry.get("type") == "Point" and isinstance(place, list) and len(place) >= ENOUGH:
        row = {names[0]: to_text(place[0]), names[1]: to_text(place[1])}
        if len(place) > ENOUGH:
            row["elevation"] = to_text(place[2])
        return row
    return {"geometry": to_text(geometry)}


CRS = re.compile(r'"crs"\s*:\s*\{[^{}]*"properties"\s*:\s*\{[^{}]*"name"\s*:\s*"([^"]+)"')
DEGREES = frozenset({"CRS84", "CRS84H", "4326", "4490", "4979", "4610", "4214", "4258", "4269"})
"""EPSG codes of longitude and latitude in degrees: WGS 84, CGCS2000, Xian 80, Beijing 54, ETRS89, NAD83."""


def other_coordinates(text: str) -> str:
    """The name of the system of coordinates of a GeoJSON text, where it says one that is not longitude and latitude."""
    declared = CRS.search(text)
    return declared.group(1) if declared and re.split("[:/]", declared.group(1))[-1].upper() not in DEGREES else ""


def is_feature(record: Any) -> bool:
    """Whether a record is a GeoJSON feature."""
    return isinstance(record, Mapping) and record.get("type") == "Feature" and "geometry" in record


def to_text(value: Any) -> str | None:
    """A JSON value as text: null and empty are None, true and false small, numbers as written, lists and objects JSON."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Decimal):
        return f"{value:f}" if abs(value.adjusted()) < 30 else str(value)
    if isinstance(value, (list, Mapping)):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
