"""What a dbt package says of its models, read from its files without dbt: assets and catalogue entries come from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from contracts.packs.errors import InvalidPack, fault

LIBRARIES = ("theme", "topic")

TYPES: Mapping[str, str] = {
    "varchar": "string",
    "integer": "integer",
    "bigint": "integer",
    "double": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "timestamp",
}
"""Types that a model's columns may have, and the contract's for each."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_RESOURCE = re.compile(r"resource\(\s*'([^']+)'\s*\)")
_REF = re.compile(r"ref\(\s*'([^']+)'\s*\)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a model as its YAML describes it."""

    name: str
    data_type: str
    title: str
    title_en: str
    description: str
    description_en: str
    meta: Mapping[str, Any]
    required: bool = False
    unique: bool = False

    @property
    def shown(self) -> bool:
        """Columns that begin with an underscore serve the model's own upkeep and are no information items."""
        return not self.name.startswith("_")


@dataclass(frozen=True, slots=True)
class Model:
    """One dbt model: its library, what it is made of, and what its YAML says of it in both languages."""

    name: str
    library: str
    title: str
    title_en: str
    description: str
    description_en: str
    columns: tuple[Column, ...]
    resources: tuple[str, ...]
    """Datasets of the resource library that it reads."""
    models: tuple[str, ...]
    """Other models that it reads."""
    tests: tuple[str, ...]
    """Names of its dbt data tests, e.g. credit_code_unique; asset checks are made from them."""
    meta: Mapping[str, Any]


def read(package: Path) -> Mapping[str, Model]:
    """Models of a dbt package by name, in the order of libraries and files; read again only when a file changed.

    Errors: InvalidPack with the file and what it lacks.
    """
    files = sorted(path for library in LIBRARIES for path in (package / "models" / library).glob("*.*"))
    return _read(tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=16)
def _read(files: tuple[tuple[Path, int], ...]) -> Mapping[str, Model]:
    models: dict[str, Model] = {}
    for path, _ in files:
        if path.suffix in (".yml", ".yaml"):
            for entry in _entries(path):
                model = _checked(entry, path)
                models[model.name] = model
    return models


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}  # dbt's own reader
        entries: list[Mapping[str, Any]] = document.get("models", [])
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as error:
        why = " ".join(str(error).split())[:300]
        raise fault(f"{path.name} 不是可读的 YAML：{why}", f"{path.name} is no YAML that can be read: {why}") from error
    return entries


def _checked(entry: Mapping[str, Any], path: Path) -> Model:
    """A model, or what its description lacks."""
    try:
        return _model(entry, path.parent)
    except FileNotFoundError as error:
        raise _lacks(path, entry, f"{Path(error.filename).name}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise _lacks(path, entry, f"{error}") from error


def _lacks(path: Path, entry: Any, what: str) -> InvalidPack:
    name = entry.get("name", "?") if isinstance(entry, Mapping) else "?"
    return fault(
        f"{path.name}：模型 {name} 缺少 {what}（每个模型和列要有 title、title_en、description、description_en、data_type）",
        f"{path.name}: model {name} lacks {what} (each model and column has title, title_en, description, description_en, "
        "data_type)",
    )


def _model(entry: Mapping[str, Any], folder: Path) -> Model:
    if not _NAME.fullmatch(entry["name"]):
        raise KeyError("name: a-z, 0-9, _")
    sql = (folder / f"{entry['name']}.sql").read_text(encoding="utf-8")
    meta = entry.get("config", {}).get("meta", {})
    columns = tuple(_column(raw) for raw in entry["columns"])
    # A model that is read by batches names its sources in meta, too, for the strategy's macro.
    resources = dict.fromkeys([*_RESOURCE.findall(sql), *meta.get("sources", [])])
    return Model(
        name=entry["name"],
        library=folder.name,
        title=meta["title"],
        title_en=meta["title_en"],
        description=entry["description"],
        description_en=meta["description_en"],
        columns=columns,
        resources=tuple(resources),
        models=tuple(dict.fromkeys(_REF.findall(sql))),
        tests=tuple(name for raw in entry["columns"] for name in _tests(raw)),
        meta=meta,
    )


def _column(raw: Mapping[str, Any]) -> Column:
    meta = raw.get("config", {}).get("meta", {})
    tests = {_test_name(test) for test in raw.get("data_tests", [])}
    constraints = {constraint["type"] for constraint in raw.get("constraints", [])}
    if raw["data_type"] not in TYPES:
        raise KeyError(f"{raw['name']}.data_type: {', '.join(TYPES)}")
    return Column(
        name=raw["name"],
        data_type=raw["data_type"],
        title=meta["title"],
        title_en=meta["title_en"],
        description=raw["description"],
        description_en=meta["description_en"],
        meta=meta,
        required="not_null" in tests | constraints,
        unique="unique" in tests,
    )


def _tests(raw: Mapping[str, Any]) -> list[str]:
    return [f"{raw['name']}_{_test_name(test)}" for test in raw.get("data_tests", [])]


def _test_name(test: str | Mapping[str, Any]) -> str:
    return test if isinstance(test, str) else next(iter(test))
