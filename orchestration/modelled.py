"""What the dbt project says of its models, read from its files without dbt: assets and catalogue entries come from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PROJECT = Path(__file__).resolve().parent.parent / "transforms"
LIBRARIES = ("theme", "topic")

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
    """Names of its dbt data tests, e.g. hazard_id_unique; asset checks are made from them."""
    meta: Mapping[str, Any]


def described(project: Path = PROJECT) -> Mapping[str, Model]:
    """Models by name, in the order of libraries and files; read again only when a file changed."""
    files = sorted(path for library in LIBRARIES for path in (project / "models" / library).glob("*.*"))
    return _read(project, tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=4)
def _read(project: Path, files: tuple[tuple[Path, int], ...]) -> Mapping[str, Model]:
    found: dict[str, Model] = {}
    for path, _ in files:
        if path.suffix in (".yml", ".yaml"):
            for entry in YAML(typ="safe").load(path.read_text(encoding="utf-8")).get("models", []):
                found[entry["name"]] = _model(entry, path.parent)
    return found


def _model(entry: Mapping[str, Any], folder: Path) -> Model:
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
