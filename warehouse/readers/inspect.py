"""Look at a file and say how it is to be read; what it does not say itself becomes a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.inference import documents, encodings, sniff
from warehouse.readers import features, kinds, parquet
from warehouse.readers.archive import unpack
from warehouse.readers.inspect_csv import inspect_csv, is_export
from warehouse.readers.inspect_encoding import settle_encoding
from warehouse.readers.inspect_json import inspect_json, inspect_ndjson
from warehouse.readers.inspect_workbook import inspect_workbook
from warehouse.readers.inspection import SAMPLE, Inspection
from warehouse.settings import Settings

KEPT = ("decimal", "asides", "mends", "places")
"""What a contract's reading says of single columns and rows, whatever the file is."""


def inspect(
    path: Path, options: Mapping[str, Any], settings: Settings, *, name: str = "", by_person: bool = False
) -> Inspection:
    """What a file is and how it is read, following what was told about it (keys as in a contract's `reading`).

    `by_person`: told by somebody who looks at this very file; otherwise by its contract, and the bytes may know better.
    """
    kinds.refuse(path, name or path.name)
    lasting = {name: options[name] for name in KEPT if options.get(name)}
    if lines := features.as_lines(path, options, settings):
        return _as_lines(lines, lasting)
    member = str(options.get("member") or "")
    limit = settings.max_unpacked_bytes
    unpacked = unpack(path, name=name, member=member, folder=settings.scratch, limit=limit, strict=by_person)
    inspection = Inspection(
        unpacked.path,
        "",
        name=unpacked.name,
        by_person=by_person,
        scratch=list(unpacked.scratch),
        evidence=list(unpacked.evidence),
    )
    if unpacked.member:
        inspection.reading["member"] = unpacked.member
    try:
        if unpacked.steps:
            kinds.refuse(unpacked.path, unpacked.name)
            if lines := features.as_lines(unpacked.path, options, settings):
                return _as_lines(lines, lasting, inspection)
        with unpacked.path.open("rb") as file:
            head = file.read(sniff.HEAD)
        inspection.media = sniff.media_of(head, unpacked.name)
        if inspection.media == "text":
            sniff.refuse_markup(encodings.glimpse(head), unpacked.name)
        {"parquet": _parquet, "xls": inspect_workbook, "xlsx": inspect_workbook, "text": _text}[inspection.media](
            inspection, options, settings
        )
    except BaseException:
        inspection.forget()
        raise
    inspection.reading |= lasting
    inspection.reading["media"] = inspection.media
    return inspection


def _as_lines(lines: features.Lines, lasting: Mapping[str, Any], inspection: Inspection | None = None) -> Inspection:
    """A file that was made lines of JSON of; its `reading` names what it is."""
    before = inspection or Inspection(lines.path, "")
    return replace(
        before,
        path=lines.path,
        media="ndjson",
        encoding="utf-8",
        reading={**before.reading, **lasting, **lines.reading, "media": lines.media},
        evidence=[*before.evidence, *lines.evidence],
        scratch=[*before.scratch, lines.path],
    )


def _parquet(inspection: Inspection, _told: Mapping[str, Any], _settings: Settings) -> None:
    inspection.text_columns, inspection.decimals = parquet.text_columns(inspection.path), parquet.decimals(inspection.path)


def _text(inspection: Inspection, options: Mapping[str, Any], settings: Settings) -> None:
    settle_encoding(inspection, options)
    if inspection.questions:
        return
    with inspection.path.open("rb") as file:
        data = file.read(SAMPLE)
        whole = len(data) < SAMPLE
    inspection.sample = data.decode(inspection.encoding, errors=encodings.REPLACE).lstrip("\ufeff")
    kinds.refuse_text(inspection.sample, inspection.name, as_told=bool(options.get("delimiter") or options.get("media")))
    kind = "csv" if is_export(inspection) else str(options.get("media") or "")
    inspection.media = kind if kind in {"csv", "json", "ndjson"} else _text_media(inspection, whole)
    {"csv": inspect_csv, "json": inspect_json, "ndjson": inspect_ndjson}[inspection.media](inspection, options, settings)


def _text_media(inspection: Inspection, whole: bool) -> str:
    """What a text is; JSON with comments and a single JSON value are named."""
    if sniff.named_lines(inspection.name, inspection.sample):
        return "ndjson"
    bare = inspection.sample.strip()
    if whole and bare.startswith('"') and documents.is_value(bare) and documents.unwrapped(documents.value(bare)):
        return "json"
    media = sniff.text_media(inspection.sample, whole=whole)
    if media == "ndjson" or not documents.commented(inspection.sample):
        return media
    if whole and documents.is_value(bare):
        return media
    raise sniff.NotATable(
        "文件是带注释（//、/* */）、多余逗号或单引号的 JSON，标准 JSON 不允许；请去掉后再提交。",
        "The file is JSON with comments (//, /* */), stray commas or single quotes, which JSON does not allow; "
        "remove them and hand it in again.",
    )
