"""Which list in a JSON document holds the records, and how a record becomes a flat row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from contracts.evidence import Choice, Evidence, Question, Said

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
    """Lists met on the way through a document, by ijson's prefix of their records."""

    objects: dict[str, RecordList] = field(default_factory=dict)
    keyed: dict[str, RecordList] = field(default_factory=dict)
    rows: dict[str, RecordList] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)


def outline(events: Iterable[tuple[str, str, Any]]) -> list[RecordList]:
    """Every list of objects (else of lists, else objects of objects), most records first; from ijson's events."""
    found = _Found()
    for number, (prefix, event, value) in enumerate(events):
        if event == "map_key":
            if prefix in found.objects and len(found.objects[prefix].keys) < MANY_KEYS:
                found.objects[prefix].keys.add(value)
        elif event in ("start_map", "start_array") and prefix:
            _count(prefix, event, found)
        elif event == "string" and prefix.endswith(".item") and len(found.texts.setdefault(prefix, [])) < MANY_KEYS:
            found.texts[prefix].append(value)
        if number > LOOK_AT and any(each.records > 1000 for each in found.objects.values()):
            break
    if any(not each.nested for each in found.objects.values()):
        return sorted(found.objects.values(), key=lambda each: -each.records)
    if found.rows:
        return [_named(each, found.texts) for each in sorted(found.rows.values(), key=lambda each: -each.records)]
    return sorted((k for k in found.keyed.values() if k.records > ENOUGH), key=lambda each: -each.records)


def _count(prefix: str, event: str, found: _Found) -> None:
    steps = prefix.split(".")
    inner = steps[:-1]
    path = ".".join("*" if step == "item" else step for step in inner) or ROOT
    if steps[-1] == "item" and event == "start_map":
        found.objects.setdefault(prefix, RecordList(path)).records += 1
    elif steps[-1] == "item" and "item" not in inner:
        found.rows.setdefault(prefix, RecordList(path, rows=True)).records += 1
    elif event == "start_map" and "item" not in steps:
        found.keyed.setdefault(path, RecordList(path, keyed=True)).records += 1


def _named(each: RecordList, texts: Mapping[str, list[str]]) -> RecordList:
    """A list of lists with the names that a list of texts beside it gives: {"columns": [...], "data": [[...]]}."""
    beside = each.path.rpartition(".")[0]
    for prefix, names in texts.items():
        home = prefix.removesuffix(".item")
        if home.rpartition(".")[0] == beside and home.rpartition(".")[2].lower() in NAME_LISTS:
            each.names = tuple(names)
    return each


def choose(found: list[RecordList], told: str = "") -> RecordList | Question | None:
    """The records: the list that was told, or the only big one; a question where two are of similar size, or where a few
    outer records hold many inner ones (pages)."""
    if told:
        path = told.strip().removeprefix("$").strip(".") or ROOT
        return next((each for each in found if each.path == path), None) or RecordList(path, keyed=False)
    outer = [each for each in found if not each.nested]
    if not outer:
        return None
    inner = [each for each in found if each.nested and each.records >= MANY * outer[0].records]
    if outer[0].records < FEW_PAGES and inner:
        return _which([*inner[:3], *outer])
    if len(outer) == 1 or outer[0].records >= MANY * outer[1].records:
        return outer[0]
    return _which(outer)


def _which(found: list[RecordList]) -> Question:
    said = Said("文件中有几个记录列表，读哪一个？", "The document has several lists of records; which one?")
    return Question("--records", said, tuple(Choice(each.path, _tell(each)) for each in found[:20]))


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
        made = super().__new__(cls, text)
        made.text = text
        return made


def flatten(record: Any, prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    """A record as a flat row of text: nested objects become `outer.inner`, lists stay JSON, numbers keep their literal."""
    if not isinstance(record, Mapping):
        return {prefix or "value": to_text(record)}
    row: dict[str, str | None] = {}
    for key, value in record.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and value and depth < DEPTH:
            row.update(flatten(value, name, depth + 1))
        else:
            row[name] = to_text(value)
    return row


def flatten_feature(feature: Mapping[str, Any]) -> dict[str, str | None]:
    """A GeoJSON feature (RFC 7946) as a row: its properties under their own names, a point as longitude and latitude,
    any other geometry as GeoJSON text."""
    row: dict[str, str | None] = {}
    if feature.get("id") is not None:
        row["id"] = to_text(feature["id"])
    properties = flatten(feature.get("properties") or {})
    for key, value in properties.items():
        row["properties.id" if key == "id" and "id" in row else key] = value
    for key, value in _geometry(feature.get("geometry")).items():
        row[f"geometry.{key}" if key in row else key] = value
    for key, value in feature.items():
        if key not in {"id", "properties", "geometry", "type", "bbox"}:
            row.setdefault(f"feature.{key}", to_text(value))
    return row


def _geometry(geometry: Any) -> dict[str, str | None]:
    if not isinstance(geometry, Mapping):
        return {}
    place = geometry.get("coordinates")
    if geometry.get("type") == "Point" and isinstance(place, list) and len(place) >= ENOUGH:
        row = {"longitude": to_text(place[0]), "latitude": to_text(place[1])}
        if len(place) > ENOUGH:
            row["elevation"] = to_text(place[2])
        return row
    return {"geometry": to_text(geometry)}


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
