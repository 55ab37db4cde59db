"""KML (OGC 12-007r2): each placemark with its name, description and extended data, its place in longitude and latitude."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from contracts.errors import HubError

GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")
TEXTS = ("name", "description", "address", "phoneNumber")
HEAD = 4096


class KmlRefused(HubError):
    """A KML document that is broken, or declares entities."""


def is_kml(head: bytes) -> bool:
    """Whether a document is KML."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and b"<kml" in head[:HEAD]


def features(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number from 1 and feature of each placemark."""
    with path.open("rb") as file:
        if b"<!DOCTYPE" in file.read(HEAD):
            raise _broken("DOCTYPE")
        file.seek(0)
        number = 0
        try:
            for _event, element in ElementTree.iterparse(file):  # noqa: S314 - no DOCTYPE, and in a process of its own
                if _name(element) == "Placemark":
                    number += 1
                    yield number, {"type": "Feature", "properties": _properties(element), "geometry": _first(element)}
                    element.clear()
        except ElementTree.ParseError as error:
            raise _broken(str(error)) from error


def _properties(placemark: ElementTree.Element) -> dict[str, str | None]:
    row: dict[str, str | None] = {}
    for part in placemark.iter():
        name = _name(part)
        if name in TEXTS and part in list(placemark):
            row[name] = _text(part)
        elif name == "Data":
            row[part.get("name") or "data"] = next((_text(v) for v in part if _name(v) == "value"), None)
        elif name == "SimpleData":
            row[part.get("name") or "data"] = _text(part)
        elif name == "when":
            row["when"] = _text(part)
    return row


def _first(element: ElementTree.Element) -> dict[str, Any] | None:
    return next((_geometry(part) for part in element if _name(part) in GEOMETRIES), None)


def _geometry(element: ElementTree.Element) -> dict[str, Any] | None:
    name = _name(element)
    if name == "MultiGeometry":
        parts = [_geometry(part) for part in element if _name(part) in GEOMETRIES]
        return {"type": "GeometryCollection", "geometries": [part for part in parts if part]}
    if name == "Polygon":
        rings = [_places(ring) for ring in element.iter() if _name(ring) == "LinearRing"]
        return {"type": "Polygon", "coordinates": rings}
    places = _places(element)
    if name == "Point":
        return {"type": "Point", "coordinates": places[0]} if places else None
    return {"type": "LineString", "coordinates": places}


def _places(element: ElementTree.Element) -> list[list[float]]:
    text = next((part.text or "" for part in element.iter() if _name(part) == "coordinates"), "")
    try:
        return [[float(number) for number in place.split(",") if number.strip()] for place in text.split()]
    except ValueError as error:
        raise _broken(f"coordinates {text.strip()[:40]!r}") from error


def _text(element: ElementTree.Element) -> str | None:
    return (element.text or "").strip() or None


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _broken(reason: str) -> KmlRefused:
    return KmlRefused(
        f"KML 无法读取（{reason}）。请重新导出，或导出为 GeoJSON 再提交。",
        f"The KML cannot be read ({reason}). Export it again, or as GeoJSON.",
    )
