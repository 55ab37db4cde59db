"""A draft contract (ODCS 3.1) from what was inferred, and its profile for the steward who reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.inference.guess import Guess
from contracts.inference.profile import ColumnProfile, Profile
from contracts.model import Contract, Type
from contracts.odcs import loader

LONG_SAMPLE = 60
WIDE = 400
"""Columns from which on not every item is linted."""
SHEETS = frozenset({"xls", "xlsx"})
SELF_DESCRIBING = frozenset({"json", "ndjson", "geojson", "parquet"})


@dataclass(frozen=True, slots=True)
class DraftSubject:
    """What the dataset is called and where its file came from."""

    dataset: str
    title: str
    owner: str
    filename: str
    media: str
    version: str = "1.0.0"
    reading: Mapping[str, Any] = field(default_factory=dict)


def document(subject: DraftSubject, profile: Profile, guesses: Sequence[Guess]) -> dict[str, Any]:
    """The contract as an ODCS document; `status` is draft until it is registered as active."""
    keyed = any(guess.key for guess in guesses)
    pairs = list(zip(guesses, profile.columns, strict=True))
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:hui:dataset:{subject.dataset}",
        "name": subject.title,
        "version": subject.version,
        "status": "active",
        "tenant": subject.owner,
        "description": {
            "purpose": f"{subject.title}：由文件 {subject.filename} 自动拟定"
            f"（{profile.rows:,} 行，{len(profile.columns)} 列），请管理员核对",
            "limitations": "类型、主键、分级由全部行推断；未经核实的建议见各信息项说明",
        },
        "schema": [
            {
                "name": subject.dataset,
                "physicalName": subject.dataset,
                "logicalType": "object",
                "properties": [property_of(guess, column, profile.rows) for guess, column in pairs],
                **({"quality": rules} if (rules := [_undamaged(guess) for guess in guesses if guess.damaged]) else {}),
            }
        ],
        "customProperties": _custom(subject, profile, keyed),
    }


def _undamaged(guess: Guess) -> dict[str, Any]:
    """The rule that sends numbers in scientific notation back."""
    return {
        "type": "custom",
        "engine": "hui",
        "name": f"{guess.name[:50]}_undamaged",
        "implementation": f"NOT contains(upper({guess.name}), 'E+')",
        "description": f"“{guess.source.strip()}”不应被表格软件改成科学计数法；请以文本格式重新导出",
        "dimension": "accuracy",
        "customProperties": [
            {"property": "titleEn", "value": f"{guess.name} must not be in scientific notation; export that column as text"}
        ],
    }


def _custom(subject: DraftSubject, profile: Profile, keyed: bool) -> list[dict[str, Any]]:
    formats = [2] if subject.media in SHEETS else [6] if subject.media in SELF_DESCRIBING else [1]
    custom: dict[str, Any] = {
        "titleEn": subject.dataset.replace("_", " "),
        "descriptionEn": f"Drafted from {subject.filename} ({profile.rows:,} rows, {len(profile.columns)} columns); "
        "a steward should check it",
        "delivery": "changes" if keyed else "append",
        "library": "resource",
        "route": "request",
        "sharingType": 2,
        "sharingCondition": "待管理员确定",
        "openType": 0,
        "cycle": "不定期",
        "formats": formats,
        "category": "general",
        "reading": dict(subject.reading),
        "x-profile": f"rows {profile.rows}, columns {len(profile.columns)}, lines of totals {profile.totals}",
    }
    return [{"property": name, "value": value} for name, value in custom.items()]


def checked(drafted: Mapping[str, Any], source: str) -> Contract:
    """The drafted document as a contract, linted whole; of a very wide one an item of each make is linted, the rest compiled.

    The standard's JSON Schema takes 3 ms for an item, and 3,000 items differ in their names only.
    """
    text = loader.dump(drafted)
    properties = drafted["schema"][0]["properties"]
    if len(properties) <= WIDE:
        return loader.parse(text, source)
    kinds = {(p["logicalType"], tuple(c["property"] for c in p["customProperties"]), tuple(p)): p for p in properties}
    coordinates = [p for p in properties if any(c["property"] == "datum" for c in p["customProperties"])]
    few = [p for p in properties if p in kinds.values() or p in coordinates or p.get("primaryKey")]
    loader.parse(loader.dump({**drafted, "schema": [{**drafted["schema"][0], "properties": few, "quality": []}]}), source)
    return loader.restore(text)


def property_of(guess: Guess, column: ColumnProfile, rows: int) -> dict[str, Any]:
    """One information item."""
    part: dict[str, Any] = {
        "name": guess.name,
        "physicalName": guess.name,
        "businessName": guess.source.strip() or guess.name,
        "logicalType": str(guess.type),
        "classification": guess.grade,
        "description": describe(guess, column, rows),
    }
    if guess.key:
        part |= {"primaryKey": True, "primaryKeyPosition": guess.key, "required": True}
    sample = _sample(guess, column)
    if sample is not None:
        part["examples"] = [sample]
    custom = _item_custom(guess, column, rows)
    part["customProperties"] = [{"property": name, "value": value} for name, value in custom.items()]
    return part


def _item_custom(guess: Guess, column: ColumnProfile, rows: int) -> dict[str, Any]:
    custom: dict[str, Any] = {"sourceNames": [guess.source]}
    if guess.formats:
        custom["dateFormats"] = list(guess.formats)
    if guess.epoch:
        custom["epoch"] = guess.epoch
    if guess.precision is not None and guess.scale is not None:
        custom |= {"precision": guess.precision, "scale": guess.scale}
    if guess.thousands:
        custom["thousandsSeparators"] = True
    if guess.missing:
        custom["missingValues"] = list(guess.missing)
    if guess.format:
        custom["domainFormat"] = guess.format.name
    if guess.unit:
        custom["unit"] = guess.unit
    if guess.datum:
        custom["datum"] = guess.datum
    if guess.personal:
        custom["personal"] = guess.personal
    custom["x-profile"] = ", ".join(f"{name} {value}" for name, value in figures(guess, column, rows).items())
    return custom


def figures(guess: Guess, column: ColumnProfile, rows: int) -> dict[str, Any]:
    """The column's figures; of personal data only counts, never a value."""
    figure: dict[str, Any] = {"filled": column.filled, "empty": rows - column.filled, "distinct": column.distinct}
    if guess.personal or guess.grade != "L1":
        return figure
    if guess.type in (Type.INTEGER, Type.NUMBER) and column.least_number is not None:
        figure |= {"min": column.least_number, "max": column.most_number}
    elif column.least is not None:
        figure |= {"min": _short(column.least), "max": _short(column.most or "")}
    if 1 < column.distinct < rows:
        figure["top"] = "; ".join(f"{_short(value)} ×{count}" for value, count in column.top[:5])
    return figure


def describe(guess: Guess, column: ColumnProfile, rows: int) -> str:
    """What was seen in the column, in one line for the steward."""
    share = f"{column.filled / rows:.1%}" if rows else "0%"
    notes = [note.zh for note in guess.notes[:6]]
    return "；".join([f"非空 {share}，{column.distinct:,} 个不同值", *notes])


def _sample(guess: Guess, column: ColumnProfile) -> str | None:
    """A value to show; none of personal data."""
    if guess.personal or guess.grade != "L1" or not column.samples:
        return None
    fitting = [value for value in column.samples if value and value not in guess.missing]
    return _short(fitting[0]) if fitting else None


def _short(value: str) -> str:
    value = "".join(c if c.isprintable() else " " for c in value)
    return value if len(value) <= LONG_SAMPLE else value[: LONG_SAMPLE - 1] + "…"


def report(subject: DraftSubject, profile: Profile, guesses: Sequence[Guess]) -> str:
    """The profile as a Markdown page, for people."""
    lines = [
        f"# {subject.title}（{subject.dataset}）",
        "",
        f"文件 File: {subject.filename} · 行 Rows: {profile.rows:,} · 列 Columns: {len(profile.columns)}",
        "读取 Reading: " + json.dumps(dict(subject.reading), ensure_ascii=False),
        "",
        "| 列 Column | 名 Name | 类型 Type | 非空 Filled | 不同值 Distinct | 最小 Min | 最大 Max | 分级 Grade "
        "| 依据与建议 Evidence |",
        "|---|---|---|---:|---:|---|---|---|---|",
    ]
    for guess, column in zip(guesses, profile.columns, strict=True):
        figure = figures(guess, column, profile.rows)
        key = f" 主键{guess.key}" if guess.key else ""
        cells = [
            guess.source, guess.name + key, str(guess.type), f"{column.filled:,}", f"{column.distinct:,}",
            figure.get("min", ""), figure.get("max", ""), guess.grade,
            "；".join(f"{n.zh} / {n.en}" for n in guess.notes),
        ]  # fmt: skip
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])
