"""Shapefiles in a zip: shapes and their dBase table as GeoJSON features (ESRI Shapefile Technical Description, July 1998)."""

from __future__ import annotations

import itertools
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from contracts.errors import HubError
from contracts.inference.evidence import Choice, Evidence, Question, Said, Undecided
from warehouse.readers import dbf
from warehouse.readers.archive import member_name

HEAD = 100
POINT, LINE, POLYGON, MULTIPOINT = 1, 3, 5, 8
BLOCK = 1 << 20
Ring = list[list[float]]


class ShapefileRefused(HubError):
    """A shapefile that is broken, or not whole."""


@dataclass(frozen=True, slots=True)
class Shapefile:
    """The parts of one shapefile, unpacked."""

    shp: Path
    table: dbf.Table | None
    plane: bool
    evidence: tuple[Evidence, ...]


def names_in(path: Path) -> list[str]:
    """The shapefiles in a zip, by the name of their .shp."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [member_name(part) for part in archive.infolist() if _suffix(part) == ".shp"]
    except (zipfile.BadZipFile, OSError):
        return []


def choose(names: Sequence[str], layer: str) -> str:
    """The shapefile that is wanted; asked where there are several."""
    if layer in names:
        return layer
    if len(names) == 1:
        return names[0]
    said = Said(f"压缩包中有 {len(names)} 个 shapefile，读哪一个？", f"The archive holds {len(names)} shapefiles; which one?")
    meaning = Said("一个图层", "a layer")
    raise Undecided((Question("--member", said, tuple(Choice(name, meaning) for name in names)),))


def unpack(path: Path, name: str, folder: Path, limit: int) -> Shapefile:
    """Unpack the parts of a shapefile, whatever the case of their suffixes."""
    base = name[: -len(".shp")].lower()
    parts: dict[str, Path] = {}
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            suffix = _suffix(part)
            if suffix in {".shp", ".dbf", ".cpg", ".prj"} and member_name(part)[: -len(suffix)].lower() == base:
                parts[suffix] = folder / f"shape{suffix}"
                _copy(archive, part, parts[suffix], limit)
    text = {
        kind: parts[kind].read_bytes()[:4096].decode("utf-8", errors="replace") for kind in (".cpg", ".prj") if kind in parts
    }
    table = dbf.open_dbf(parts[".dbf"], text.get(".cpg", "")) if ".dbf" in parts and dbf.is_dbf(parts[".dbf"]) else None
    plane = bool(re.match(r"\s*PROJCS|\s*PROJCRS", text.get(".prj", "")))
    system = re.search(r'"([^"]+)"', text.get(".prj", ""))
    evidence = [Evidence(f"shapefile {name}", f"shapefile {name}"), *([table.evidence] if table else [])]
    if system:
        evidence.append(
            Evidence(
                f"坐标系：{system.group(1)}" + ("（平面坐标，点存为 x、y）" if plane else ""),
                f"coordinates: {system.group(1)}" + (" (plane: points become x and y)" if plane else ""),
            )
        )
    return Shapefile(parts[".shp"], table, plane, tuple(evidence))


def features(shape: Shapefile) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number from 1 and feature of each shape that is not deleted."""
    geometries = _geometries(shape.shp)
    if shape.table is None:
        for number, geometry in enumerate(geometries, 1):
            yield number, {"type": "Feature", "properties": {}, "geometry": geometry}
        return
    last = 0
    for number, row in dbf.records(shape.table):
        geometry = None
        while last < number:
            geometry, last = next(geometries, None), last + 1
        yield number, {"type": "Feature", "properties": row, "geometry": geometry}


def _suffix(part: zipfile.ZipInfo) -> str:
    name = member_name(part)
    return "" if part.is_dir() or name.startswith("__MACOSX/") else PurePosixPath(name).suffix.lower()


def _copy(archive: zipfile.ZipFile, part: zipfile.ZipInfo, target: Path, limit: int) -> None:
    total = 0
    try:
        with archive.open(part) as stream, target.open("wb") as out:
            while block := stream.read(BLOCK):
                total += out.write(block)
                if total > limit:
                    raise _broken("unpacks to too much")
    except (zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise _broken(str(error)) from error


def _geometries(path: Path) -> Iterator[dict[str, Any] | None]:
    with path.open("rb") as file:
        if not file.read(HEAD).startswith(b"\x00\x00\x27\x0a"):
            raise _broken("no shapefile header")
        while head := file.read(8):
            size = struct.unpack(">i", head[4:8])[0] * 2 if len(head) == 8 else -1
            content = file.read(size) if 4 <= size <= path.stat().st_size else b""
            if len(content) < 4:
                raise _broken("a record is cut short")
            try:
                yield _geometry(content)
            except struct.error as error:
                raise _broken(str(error)) from error


def _geometry(content: bytes) -> dict[str, Any] | None:
    kind = struct.unpack("<i", content[:4])[0]
    flat = kind % 10  # Z and M variants add 10 and 20
    if flat == POINT:
        place = list(struct.unpack("<2d", content[4:20]))
        if kind == POINT + 10:
            place += struct.unpack("<d", content[20:28])
        return {"type": "Point", "coordinates": place}
    if flat == MULTIPOINT:
        count = struct.unpack("<i", content[36:40])[0]
        return {"type": "MultiPoint", "coordinates": _places(content, 40, count)}
    if flat in (LINE, POLYGON):
        parts, count = struct.unpack("<2i", content[36:44])
        if parts < 0 or count < 0 or 44 + 4 * parts + 16 * count > len(content):
            raise _broken("a shape is longer than its record")
        starts = [*struct.unpack(f"<{parts}i", content[44 : 44 + 4 * parts]), count]
        places = _places(content, 44 + 4 * parts, count)
        rings = [places[start:end] for start, end in itertools.pairwise(starts)]
        return _lines(rings) if flat == LINE else _polygon(rings)
    return None


def _places(content: bytes, start: int, count: int) -> Ring:
    if count < 0 or start + 16 * count > len(content):
        raise _broken("a shape is longer than its record")
    numbers = struct.unpack(f"<{2 * count}d", content[start : start + 16 * count])
    return [[x, y] for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def _lines(rings: list[Ring]) -> dict[str, Any]:
    if len(rings) == 1:
        return {"type": "LineString", "coordinates": rings[0]}
    return {"type": "MultiLineString", "coordinates": rings}


def _polygon(rings: list[Ring]) -> dict[str, Any]:
    """Outer rings run clockwise, holes the other way; a hole belongs to the outer ring that holds its first place."""
    outer = [[ring] for ring in rings if _area(ring) <= 0] or [[ring] for ring in rings]
    for ring in rings if len(outer) < len(rings) else []:
        if _area(ring) > 0:
            next((polygon for polygon in outer if _holds(polygon[0], ring[0])), outer[0]).append(ring)
    if len(outer) == 1:
        return {"type": "Polygon", "coordinates": outer[0]}
    return {"type": "MultiPolygon", "coordinates": outer}


def _area(ring: Ring) -> float:
    """Twice the area, positive counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))


def _holds(ring: Ring, place: list[float]) -> bool:
    x, y = place
    inside = False
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def _broken(reason: str) -> ShapefileRefused:
    return ShapefileRefused(
        f"shapefile 已损坏或不完整（{reason}）。请把同名的 .shp、.shx、.dbf、.prj、.cpg 重新打成一个 zip 再提交。",
        f"The shapefile is broken or not whole ({reason}). Pack .shp, .shx, .dbf, .prj and .cpg into one zip again.",
    )
