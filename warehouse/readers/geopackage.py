"""GeoPackage (OGC 12-128r18): one layer of a SQLite file, opened read-only, with nothing in its schema trusted."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import HubError
from contracts.inference.evidence import Choice, Question, Said, Undecided
from contracts.inference.json_records import DEGREES
from contracts.sql import identifier

SQLITE = b"SQLite format 3\x00"
APPLICATION = (b"GPKG", b"GP10", b"GP11")
ENVELOPES = (0, 32, 48, 48, 64)
KINDS = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
MOST_PARTS = 10_000_000


class GeoPackageRefused(HubError):
    """A GeoPackage that is broken, or has no such layer."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A table of a GeoPackage, its column of geometries, and whether its places are in a plane."""

    name: str
    geometry: str
    plane: bool


def is_geopackage(head: bytes) -> bool:
    """Whether a SQLite file says that it is a GeoPackage."""
    return head.startswith(SQLITE) and head[68:72] in APPLICATION


def choose(path: Path, layer: str) -> Layer:
    """The layer that is wanted; asked where there are several."""
    with closing(_open(path)) as book:
        try:
            real = {
                name for (name, sql) in book.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'") if _plain(sql)
            }
            listed = book.execute(
                "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes')"
            ).fetchall()
            names = [name for (name,) in listed if name in real]
            chosen = layer if layer in names else names[0] if len(names) == 1 else ""
            if not chosen:
                raise _which(names)
            return _layer(book, chosen)
        except sqlite3.Error as error:
            raise _broken(str(error)) from error


def features(path: Path, layer: Layer) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number from 1 and feature of each row."""
    with closing(_open(path)) as book:
        try:
            rows = book.execute(f"SELECT * FROM {identifier(layer.name)}")
            names = [column[0] for column in rows.description]
            for number, values in enumerate(rows, 1):
                row = dict(zip(names, values, strict=True))
                shape = row.pop(layer.geometry, None) if layer.geometry else None
                properties = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
                yield number, {"type": "Feature", "properties": properties, "geometry": _shape(shape)}
        except (sqlite3.Error, struct.error, OverflowError) as error:
            raise _broken(str(error)) from error


def _open(path: Path) -> sqlite3.Connection:
    book = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    book.execute("PRAGMA trusted_schema = OFF")
    book.execute("PRAGMA query_only = ON")
    book.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    return book


def _plain(sql: str | None) -> bool:
    return bool(sql) and not str(sql).upper().startswith("CREATE VIRTUAL")


def _layer(book: sqlite3.Connection, name: str) -> Layer:
    row = book.execute("SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)).fetchone() or (
        "",
        4326,
    )
    system = book.execute("SELECT organization_coordsys_id FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (row[1],)).fetchone()
    code = str(system[0] if system else row[1])
    return Layer(name, str(row[0]), code not in DEGREES and code not in {"0", "-1"})


def _which(names: Sequence[str]) -> HubError:
    if not names:
        return _broken("no layer")
    said = Said(f"GeoPackage 有 {len(names)} 个图层，读哪一个？", f"The GeoPackage has {len(names)} layers; which one?")
    return Undecided((Question("--sheet", said, tuple(Choice(name, Said("图层", "layer")) for name in names)),))


def _shape(blob: Any) -> dict[str, Any] | None:
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return None
    flags = blob[3]
    if flags & 0x10:  # empty
        return None
    start = 8 + ENVELOPES[min((flags >> 1) & 7, 4)]
    return _wkb(blob, start, 0)[0]


def _wkb(data: bytes, place: int, depth: int) -> tuple[dict[str, Any], int]:
    """A geometry in well-known binary, ISO or extended, and where it ends."""
    order = "<" if data[place] == 1 else ">"
    kind = struct.unpack_from(f"{order}I", data, place + 1)[0]
    place += 5
    size = 2 + bool(kind & 0x80000000) + bool(kind & 0x40000000)
    if kind & 0x20000000:
        place += 4
    kind &= 0x0FFFFFFF
    size += {0: 0, 1: 1, 2: 1, 3: 2}.get(kind // 1000, 0)
    name = KINDS.get(kind % 1000)
    if name is None or depth > 8:
        raise struct.error(f"geometry {kind}")
    if name == "Point":
        return {"type": name, "coordinates": list(struct.unpack_from(f"{order}{size}d", data, place))}, place + 8 * size
    if name == "LineString":
        places, place = _line(data, place, order, size)
        return {"type": name, "coordinates": places}, place
    count = _count(data, place, order)
    place += 4
    parts: list[Any] = []
    for _ in range(count):
        part: Any
        if name == "Polygon":
            part, place = _line(data, place, order, size)
        else:
            inner, place = _wkb(data, place, depth + 1)
            part = inner if name == "GeometryCollection" else inner["coordinates"]
        parts.append(part)
    return {"type": name, "geometries" if name == "GeometryCollection" else "coordinates": parts}, place


def _line(data: bytes, place: int, order: str, size: int) -> tuple[list[list[float]], int]:
    count = _count(data, place, order)
    numbers = struct.unpack_from(f"{order}{count * size}d", data, place + 4)
    return [list(numbers[n : n + size]) for n in range(0, len(numbers), size)], place + 4 + 8 * count * size


def _count(data: bytes, place: int, order: str) -> int:
    count = int(struct.unpack_from(f"{order}I", data, place)[0])
    if count > min(MOST_PARTS, len(data)):
        raise struct.error("a geometry is longer than its record")
    return count


def _broken(reason: str) -> GeoPackageRefused:
    return GeoPackageRefused(
        f"GeoPackage 无法读取（{reason}）。请重新导出，或导出为 GeoJSON 再提交。",
        f"The GeoPackage cannot be read ({reason}). Export it again, or as GeoJSON.",
    )
