"""省气象局: warnings, one JSON object a line, gzip; a line breaks off, a colour is not one of the four."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from demo.plan import Handed, Plan, mingle

ORGANIZATION, DATASET = "hlj-weather", "weather_warning"
ROWS = 6_000
KINDS = ("暴雪", "寒潮", "大风", "道路结冰", "暴雨", "雷电", "大雾", "霜冻", "冰雹", "高温")
COLOURS = ("蓝",) * 6 + ("黄",) * 4 + ("橙",) * 2 + ("红",)


def warning(plan: Plan, index: int, total: int) -> dict[str, Any]:
    """Warning number `index`; the newest is some hours old."""
    dice = plan.dice(DATASET, index)
    county = plan.places.counties[dice.randrange(len(plan.places.counties))]
    issued = plan.moment(0.3 + (total - index) / total * 364).replace(second=0)
    hours = dice.choice((6, 12, 24))
    kind, colour = dice.choice(KINDS), dice.choice(COLOURS)
    return {
        "预警编号": f"{county.code}-{issued:%Y%m%d}-{index:06d}",
        "行政区划代码": county.code,
        "预警种类": kind,
        "预警等级": colour,
        "发布时间": f"{issued:%Y-%m-%d %H:%M:%S}",
        "失效时间": f"{issued + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}",
        "预警内容": f"{county.name}气象台发布{kind}{colour}色预警：预计未来 {hours} 小时有{kind}天气，请注意防范。",
    }


def faulty(plan: Plan, total: int) -> dict[str, list[str]]:
    """Lines that must not be let in; two of them are no JSON at all."""
    spare = [{**warning(plan, n, total), "预警编号": f"230102-20260101-9{n:05d}"} for n in range(10)]
    text = [json.dumps(w, ensure_ascii=False) for w in spare]
    return {
        "unreadable": [text[0][: len(text[0]) // 2], text[1][:-20]],
        "code-list": [json.dumps({**spare[n], "预警等级": "紫"}, ensure_ascii=False) for n in (2, 3)],
        "row:expires_after_issued": [
            json.dumps({**spare[n], "失效时间": spare[n]["发布时间"]}, ensure_ascii=False) for n in (4, 5, 6)
        ],
        "unique": [json.dumps({**spare[7], "预警等级": colour}, ensure_ascii=False) for colour in ("蓝", "红")],
    }


def write(plan: Plan) -> list[Handed]:
    """A year of warnings; later a drill's warnings, sent by mistake, which are undone."""
    path = plan.drop(ORGANIZATION, DATASET, f"warning_{plan.today:%Y%m%d}.ndjson.gz")
    total = plan.many(ROWS)
    wrong = faulty(plan, total)
    bad = [line for lines in wrong.values() for line in lines]
    good = (json.dumps(warning(plan, i, total), ensure_ascii=False) for i in range(total))
    rows = _save(path, mingle(good, bad, total, plan.dice(DATASET)))
    drill = plan.folder / "later" / "warning_drill.ndjson.gz"
    drill.parent.mkdir(parents=True, exist_ok=True)
    count = _save(drill, (json.dumps(_drilled(plan, n, total), ensure_ascii=False) for n in range(12)))
    faults = {rule: len(lines) for rule, lines in wrong.items()}
    return [
        Handed(DATASET, ORGANIZATION, str(path.relative_to(plan.folder)), rows, faults),
        Handed(DATASET, ORGANIZATION, str(drill.relative_to(plan.folder)), count, step="undone", outcome="undone"),
    ]


def _drilled(plan: Plan, number: int, total: int) -> dict[str, Any]:
    record = warning(plan, total - 1, total)
    return {
        **record,
        "预警编号": f"230102-{plan.today:%Y%m%d}-8{number:05d}",
        "预警等级": "红",
        "预警内容": "演练：全省红色预警。",
    }


def _save(path: Path, lines: Iterable[str]) -> int:
    rows = 0
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as out:
        for line in lines:
            out.write(line.encode() + b"\n")
            rows += 1
    return rows
