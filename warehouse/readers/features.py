"""dBase tables, shapefiles, KML and GeoPackage as lines of JSON, which the reader of such lines takes from there."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.inference.evidence import Evidence
from contracts.inference.json_records import flatten_feature
from contracts.inference.sniff import NotATable
from warehouse.readers import dbf, geopackage, kml, shapes
from warehouse.readers.archive import member_name
from warehouse.readers.scratch import scratch_file
from warehouse.settings import Settings

ZIP = b"PK\x03\x04"
HEAD = 4096
Rows = Iterable[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows of such a file as NDJSON in scratch: line n is row n of the file, empty where that was deleted."""

    path: Path
    media: str
    reading: Mapping[str, str]
    evidence: tuple[Evidence, ...]


def as_lines(path: Path, options: Mapping[str, Any], settings: Settings) -> Lines | None:
    """The file as lines of JSON; None where it is none of these kinds. Raises `Undecided` where it has several layers."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(ZIP):
        return _zipped(path, options, settings)
    if geopackage.is_geopackage(head):
        layer = geopackage.choose(path, str(options.get("sheet") or ""))
        evidence = Evidence(f"读取 GeoPackage 的图层 {layer.name}", f"reads layer {layer.name} of the GeoPackage")
        rows = _flat(geopackage.features(path, layer), layer.plane)
        return Lines(_written(rows, settings), "geopackage", {"sheet": layer.name}, (evidence,))
    if kml.is_kml(head):
        evidence = Evidence("KML：每个地标一行", "KML: a row for each placemark")
        return Lines(_written(_flat(kml.features(path)), settings), "kml", {}, (evidence,))
    if dbf.is_dbf(path):
        table = dbf.open_dbf(path)
        return Lines(_written(dbf.records(table), settings), "dbf", {}, (table.evidence,))
    return None


def _zipped(path: Path, options: Mapping[str, Any], settings: Settings) -> Lines | None:
    """A shapefile, or a KML with its pictures (kmz)."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.scratch) as folder:
        if names := shapes.names_in(path):
            name = shapes.choose(names, str(options.get("member") or ""))
            shape = shapes.unpack(path, name, Path(folder), settings.max_unpacked_bytes)
            rows = _flat(shapes.features(shape), shape.plane)
            return Lines(_written(rows, settings), "shapefile", {"member": name}, shape.evidence)
        document = _only_kml(path, Path(folder), settings.max_unpacked_bytes)
        if document is None:
            return None
        evidence = Evidence("KMZ：每个地标一行", "KMZ: a row for each placemark")
        return Lines(_written(_flat(kml.features(document)), settings), "kml", {}, (evidence,))


def _only_kml(path: Path, folder: Path, limit: int) -> Path | None:
    try:
        with zipfile.ZipFile(path) as archive:
            documents = [part for part in archive.infolist() if member_name(part).lower().endswith(".kml")]
            if len(documents) != 1 or documents[0].file_size > limit:
                return None
            target = folder / "doc.kml"
            with archive.open(documents[0]) as stream, target.open("wb") as out:
                while block := stream.read(1 << 20):
                    out.write(block)
            return target
    except (zipfile.BadZipFile, RuntimeError, OSError):
        return None


def _flat(features: Rows, plane: bool = False) -> Iterable[tuple[int, Mapping[str, Any]]]:
    return ((number, flatten_feature(feature, plane=plane)) for number, feature in features)


def _written(rows: Rows, settings: Settings) -> Path:
    target, last = scratch_file(settings.scratch, ".ndjson"), 0
    try:
        with target.open("w", encoding="utf-8", errors="replace", newline="\n") as out:
            for number, row in rows:
                out.write("\n" * (number - last - 1) + json.dumps(row, ensure_ascii=False) + "\n")
                last = number
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if not last:
        target.unlink(missing_ok=True)
        raise NotATable("文件中没有任何记录，没有可收的数据。", "The file holds no records; there is nothing to receive.")
    return target
