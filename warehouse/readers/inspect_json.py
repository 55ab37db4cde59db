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


def inspect_json(inspection: Inspection, options: Mapping[str, Any], settings: Settings) -> None:
    """Settle where the records are, ask, or refuse an error answer."""
    _as_utf8(inspection, settings)
    wanted = str(options.get("records") or "")
    outline = json.look(inspection.path)
    if not outline.lists and (opened := documents.unwrapped(json.whole(inspection.path))) is not None:
        outline = _rewritten(inspection, opened, settings)
    chosen: RecordList | Question | None = json_records.choose(outline.lists, wanted)
    _refuse_failure(outline, chosen)
    document = json.whole(inspection.path) if not outline.lists else None
    if wanted and (named := documents.answered(wanted, document)):
        chosen = named
    elif chosen is None and document is None and not outline.lists:
        raise sniff.NotATable(
            "文件内容只是一个单独的值（如 null），没有数据。", "The document is a single value (like null); it holds no data."
        )
    if chosen is None and json.nothing_in(inspection.path):
        raise sniff.NotATable(
            "文件中没有任何记录，没有可收的数据。", "The document holds no records yet; there is nothing to receive."
        )
    if chosen is None:
        kinds.refuse_values(inspection.path, inspection.name)
        inspection.questions.append(documents.question(document))
    elif isinstance(chosen, Question):
        inspection.questions.append(chosen)
    else:
        inspection.records = chosen
        if chosen.rows and options.get("header"):
            inspection.reading["header"] = options["header"]
        inspection.reading["records"] = chosen.path
        inspection.evidence.append(json_records.chosen(chosen))
        _partial(inspection, outline, chosen)
        with suppress(StopIteration):
            if json_records.is_feature(next(json.first_records(inspection.path, chosen))):
                inspection.media = "geojson"
                said = "GeoJSON：属性各成一列，点成为 longitude、latitude、elevation"
                inspection.evidence.append(
                    Evidence(said, "GeoJSON: properties become columns, points longitude, latitude, elevation")
                )
                _coordinates(inspection, options)


def _coordinates(inspection: Inspection, options: Mapping[str, Any]) -> None:
    """Whether points are longitude and latitude: RFC 7946 knows nothing else, older files name another system."""
    with inspection.path.open("rb") as file:
        head = file.read(SAMPLE)
        file.seek(max(0, inspection.path.stat().st_size - sniff.HEAD))
        name = json_records.other_coordinates((head + b"\n" + file.read()).decode(errors="replace"))
    if name or options.get("geometry") == json.PLANE:
        inspection.reading["geometry"] = json.PLANE
        inspection.evidence.append(
            Evidence(
                f"坐标系为 {name or '平面坐标'}，不是经纬度：点存为 x、y",
                f"coordinates are in {name or 'another system'}, no longitude and latitude: points become x and y",
            )
        )


def _rewritten(inspection: Inspection, text: str, settings: Settings) -> Outline:
    """The document with the JSON text inside it opened, as a file of its own."""
    inspection.path = scratch_file(settings.scratch, ".json")
    inspection.scratch.append(inspection.path)
    inspection.path.write_text(text, encoding="utf-8")
    inspection.evidence.append(Evidence("文本中的 JSON 已展开读取", "the JSON inside a text was opened and read"))
    return json.look(inspection.path)


def _refuse_failure(outline: Outline, chosen: RecordList | Question | None) -> None:
    """Refuse an answer that is an error: it is no dataset."""
    place = chosen.path if isinstance(chosen, RecordList) and outline.lists else "" if chosen is not None else None
    if failed := documents.failure(outline.scalars, place):
        code, message = failed[0] or "-", failed[1] or "-"
        raise sniff.NotATable(
            f"文件是接口的出错应答（代码 {code}，{message}），不是数据；请提供方排除故障后重新导出。",
            f"The file is an error answer (code {code}, {message}), not data; ask the provider to mend it and export again.",
        )


def _partial(inspection: Inspection, outline: Outline, chosen: RecordList) -> None:
    """Tell when the answer says that there are more records than it holds, and which fields stand twice in a record."""
    if every := documents.total(outline.scalars, chosen.path, chosen.records):
        inspection.evidence.append(
            Evidence(
                f"应答称共有 {every:,} 条，文件中只有 {chosen.records:,} 条；可能只是一页，请核对",
                f"the answer speaks of {every:,} records, the file has {chosen.records:,}: perhaps one page of several",
            )
        )
    elif documents.has_more(outline.scalars, chosen.path):
        zh = "应答称后面还有（下一页），文件中可能只是一页，请核对"
        inspection.evidence.append(Evidence(zh, "the answer says that more follows: perhaps this is one page of several"))
    if outline.repeated:
        inspection.evidence.append(documents.told(outline.repeated))


def inspect_ndjson(inspection: Inspection, options: Mapping[str, Any], settings: Settings) -> None:
    """One record a line; a single line may be a whole document that is none."""
    _as_utf8(inspection, settings)
    if len(inspection.sample) < SAMPLE and inspection.sample.strip().count("\n") == 0:
        document = json.whole(inspection.path)
        outline = json_records.outline(json.events(document)) if document is not None else None
        if options.get("records") or documents.unwrapped(document) or documents.side_by_side(document):
            inspection.media = "json"
            inspect_json(inspection, options, settings)
        elif outline is not None:
            _refuse_failure(outline, None)
    repeated = json.repeated_keys(inspection.sample)
    if repeated:
        inspection.evidence.append(documents.told(repeated))


def _as_utf8(inspection: Inspection, settings: Settings) -> None:
    """JSON readers want UTF-8 without BOM; most files are that already."""
    if inspection.encoding == "utf-8":
        return
    target = scratch_file(settings.scratch, ".json")
    inspection.scratch.append(target)
    lost = to_utf8(inspection.path, inspection.encoding, target)
    if lost and inspection.media != "ndjson":
        raise sniff.NotATable(
            f"文件中有 {lost} 个字节不符合编码 {inspection.encoding}；请用 --encoding 说明编码，或请提供方重新导出。",
            f"{lost} bytes of the document are not {inspection.encoding}; "
            "say --encoding, or ask the provider to export it again.",
        )
    inspection.path = target
