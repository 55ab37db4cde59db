"""How a JSON document is read: where its records are; an error answer is refused, a page of several told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from contracts.inference import documents, json_records, sniff
from contracts.inference.evidence import Evidence, Question
from contracts.inference.json_records import Outline, RecordList
from warehouse.readers import json, kinds
from warehouse.readers.encoding import to_utf8
from warehouse.readers.inspection import SAMPLE, Inspection
from warehouse.readers.scratch import scratch_file
from warehouse.settings import Settings


def inspect_json(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    """Settle where the records are, ask, or refuse an error answer."""
    _as_utf8(found, settings)
    asked = str(told.get("records") or "")
    held = json.look(found.path)
    if not held.lists and (opened := documents.unwrapped(json.whole(found.path))) is not None:
        held = _rewritten(found, opened, settings)
    chosen: RecordList | Question | None = json_records.choose(held.lists, asked)
    _refuse_failure(held, chosen)
    document = json.whole(found.path) if not held.lists else None
    if asked and (named := documents.answered(asked, document)):
        chosen = named
    elif chosen is None and document is None and not held.lists:
        raise sniff.NotATable(
            "文件内容只是一个单独的值（如 null），没有数据。", "The document is a single value (like null); it holds no data."
        )
    if chosen is None and json.nothing_in(found.path):
        raise sniff.NotATable(
            "文件中没有任何记录，没有可收的数据。", "The document holds no records yet; there is nothing to receive."
        )
    if chosen is None:
        kinds.refuse_values(found.path, found.name)
        found.questions.append(documents.question(document))
    elif isinstance(chosen, Question):
        found.questions.append(chosen)
    else:
        found.records = chosen
        if chosen.rows and told.get("header"):
            found.reading["header"] = told["header"]
        found.reading["records"] = chosen.path
        found.evidence.append(json_records.chosen(chosen))
        _partial(found, held, chosen)
        with suppress(StopIteration):
            if json_records.is_feature(next(json.first_records(found.path, chosen))):
                found.media = "geojson"
                said = "GeoJSON：属性各成一列，点成为 longitude、latitude、elevation"
                found.evidence.append(
                    Evidence(said, "GeoJSON: properties become columns, points longitude, latitude, elevation")
                )
                _coordinates(found, told)


def _coordinates(found: Inspection, told: Mapping[str, Any]) -> None:
    """Whether points are longitude and latitude: RFC 7946 knows nothing else, older files name another system."""
    with found.path.open("rb") as file:
        head = file.read(SAMPLE)
        file.seek(max(0, found.path.stat().st_size - sniff.HEAD))
        name = json_records.other_coordinates((head + b"\n" + file.read()).decode(errors="replace"))
    if name or told.get("geometry") == json.PLANE:
        found.reading["geometry"] = json.PLANE
        found.evidence.append(
            Evidence(
                f"坐标系为 {name or '平面坐标'}，不是经纬度：点存为 x、y",
                f"coordinates are in {name or 'another system'}, no longitude and latitude: points become x and y",
            )
        )


def _rewritten(found: Inspection, text: str, settings: Settings) -> Outline:
    """The document with the JSON text inside it opened, as a file of its own."""
    found.path = scratch_file(settings.scratch, ".json")
    found.scratch.append(found.path)
    found.path.write_text(text, encoding="utf-8")
    found.evidence.append(Evidence("文本中的 JSON 已展开读取", "the JSON inside a text was opened and read"))
    return json.look(found.path)


def _refuse_failure(held: Outline, chosen: RecordList | Question | None) -> None:
    """Refuse an answer that is an error: it is no dataset."""
    place = chosen.path if isinstance(chosen, RecordList) and held.lists else "" if chosen is not None else None
    if failed := documents.failure(held.scalars, place):
        code, message = failed[0] or "-", failed[1] or "-"
        raise sniff.NotATable(
            f"文件是接口的出错应答（代码 {code}，{message}），不是数据；请提供方排除故障后重新导出。",
            f"The file is an error answer (code {code}, {message}), not data; ask the provider to mend it and export again.",
        )


def _partial(found: Inspection, held: Outline, chosen: RecordList) -> None:
    """Tell when the answer says that there are more records than it holds, and which fields stand twice in a record."""
    if every := documents.total(held.scalars, chosen.path, chosen.records):
        found.evidence.append(
            Evidence(
                f"应答称共有 {every:,} 条，文件中只有 {chosen.records:,} 条；可能只是一页，请核对",
                f"the answer speaks of {every:,} records, the file has {chosen.records:,}: perhaps one page of several",
            )
        )
    elif documents.has_more(held.scalars, chosen.path):
        zh = "应答称后面还有（下一页），文件中可能只是一页，请核对"
        found.evidence.append(Evidence(zh, "the answer says that more follows: perhaps this is one page of several"))
    if held.repeated:
        found.evidence.append(documents.told(held.repeated))


def inspect_ndjson(found: Inspection, told: Mapping[str, Any], settings: Settings) -> None:
    """One record a line; a single line may be a whole document that is none."""
    _as_utf8(found, settings)
    if len(found.sample) < SAMPLE and found.sample.strip().count("\n") == 0:
        document = json.whole(found.path)
        held = json_records.outline(json.events(document)) if document is not None else None
        if told.get("records") or documents.unwrapped(document) or documents.side_by_side(document):
            found.media = "json"
            inspect_json(found, told, settings)
        elif held is not None:
            _refuse_failure(held, None)
    repeated = json.repeated_keys(found.sample)
    if repeated:
        found.evidence.append(documents.told(repeated))


def _as_utf8(found: Inspection, settings: Settings) -> None:
    """JSON readers want UTF-8 without BOM; most files are that already."""
    if found.encoding == "utf-8":
        return
    target = scratch_file(settings.scratch, ".json")
    found.scratch.append(target)
    lost = to_utf8(found.path, found.encoding, target)
    if lost and found.media != "ndjson":
        raise sniff.NotATable(
            f"文件中有 {lost} 个字节不符合编码 {found.encoding}；请用 --encoding 说明编码，或请提供方重新导出。",
            f"{lost} bytes of the document are not {found.encoding}; say --encoding, or ask the provider to export it again.",
        )
    found.path = target
