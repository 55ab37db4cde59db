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


def inspect(path: Path, told: Mapping[str, Any], settings: Settings, *, name: str = "", by_person: bool = False) -> Inspection:
    """What a file is and how it is read, following what was told about it (keys as in a contract's `reading`).

    `by_person`: told by somebody who looks at this very file; otherwise by its contract, and the bytes may know better.
    """
    kinds.refuse(path, name or path.name)
    kept = {name: told[name] for name in KEPT if told.get(name)}
    if lines := features.as_lines(path, told, settings):
        return _as_lines(lines, kept)
    member = str(told.get("member") or "")
    limit = settings.max_unpacked_bytes
    unpacked = unpack(path, name=name, member=member, folder=settings.scratch, limit=limit, strict=by_person)
    found = Inspection(
        unpacked.path,
        "",
        name=unpacked.name,
        by_person=by_person,
        scratch=list(unpacked.scratch),
        evidence=list(unpacked.evidence),
    )
    if unpacked.member:
        found.reading["member"] = unpacked.member
    try:
        if unpacked.steps:
            kinds.refuse(unpacked.path, unpacked.name)
            if lines := features.as_lines(unpacked.path, told, settings):
                return _as_lines(lines, kept, found)
        with unpacked.path.open("rb") as file:
            head = file.read(sniff.HEAD)
        found.media = sniff.media_of(head, unpacked.name)
        if found.media == "text":
            sniff.refuse_markup(encodings.glimpse(head), unpacked.name)
        {"parquet": _parquet, "xls": inspect_workbook, "xlsx": inspect_workbook, "text": _text}[found.media](
            found, told, settings
        )
    except BaseException:
        found.forget()
        raise
    found.reading |= kept
    found.reading["media"] = found.media
    return found


def _as_lines(lines: features.Lines, kept: Mapping[str, Any], found: Inspection | None = None) -> Inspection:
    """A file that was made lines of JSON of; its `reading` names what it is."""
    before = found or Inspection(lines.path, "")
    return replace(
        before,
        path=lines.path,
        media="ndjson",
        encoding="utf-8",
        reading={**before.reading, **kept, **lines.reading, "media": lines.media},
        evidence=[*before.evidence, *lines.evidence],
        scratch=[*before.scratch, lines.path],
    )


def _parquet(found: Inspection, _told: Mapping[str, Any], _settings: Settings) -> None:
    found.text_columns, found.decimals = parquet.text_columns(found.path), parquet.decimals(found.path)


def _text(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    settle_encoding(found, told)
    if found.questions:
        return
    with found.path.open("rb") as file:
        data = file.read(SAMPLE)
        whole = len(data) < SAMPLE
    found.sample = data.decode(found.encoding, errors=encodings.REPLACE).lstrip("\ufeff")
    kinds.refuse_text(found.sample, found.name, as_told=bool(told.get("delimiter") or told.get("media")))
    kind = "csv" if is_export(found) else str(told.get("media") or "")
    found.media = kind if kind in {"csv", "json", "ndjson"} else _text_media(found, whole)
    {"csv": inspect_csv, "json": inspect_json, "ndjson": inspect_ndjson}[found.media](found, told, settings)


def _text_media(found: Inspection, whole: bool) -> str:
    """What a text is; JSON with comments and a single JSON value are named."""
    bare = found.sample.strip()
    if whole and bare.startswith('"') and documents.is_value(bare) and documents.unwrapped(documents.value(bare)):
        return "json"
    media = sniff.text_media(found.sample, whole=whole)
    if media == "ndjson" or not documents.commented(found.sample):
        return media
    if whole and documents.is_value(bare):
        return media
    raise sniff.NotATable(
        "文件是带注释（//、/* */）、多余逗号或单引号的 JSON，标准 JSON 不允许；请去掉后再提交。",
        "The file is JSON with comments (//, /* */), stray commas or single quotes, which JSON does not allow; "
        "remove them and hand it in again.",
    )
