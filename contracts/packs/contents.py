"""A pack that was read whole: every file in its form, every contract compiled, every model with what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.checks.formats import registry
from contracts.checks.formats.declared import DeclaredFormat, InvalidFormats, declared
from contracts.model import Contract
from contracts.odcs import loader
from contracts.packs import bundle, models
from contracts.packs.errors import InvalidPack, fault
from contracts.packs.manifest import (
    MANIFEST,
    ClassesFile,
    CodesFile,
    DbtProject,
    GlossaryFile,
    PackManifest,
    SynonymsFile,
    ThesaurusFile,
    read,
)
from contracts.packs.models import LIBRARIES, Model

FORMATS = "formats.yaml"
CONTRACTS, CODES, CLASSES, SYNONYMS, GLOSSARY = "contracts", "codes.yaml", "classes.yaml", "synonyms.yaml", "glossary.yaml"
THESAURUS = "thesaurus.yaml"
TRANSFORMS = "transforms"
"""Folder of a pack's dbt package."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything a pack brings. `digest`: of all its files."""

    folder: Path
    digest: str
    manifest: PackManifest
    formats: tuple[DeclaredFormat, ...]
    contracts: tuple[Contract, ...]
    codes: CodesFile
    classes: ClassesFile
    synonyms: Mapping[str, str]
    thesaurus: tuple[tuple[str, ...], ...]
    words: Mapping[str, str]
    models: Mapping[str, Model]

    def summary(self) -> dict[str, Any]:
        """What it brings by name, as the catalogue keeps it."""
        return {
            "contracts": [one.dataset for one in self.contracts],
            "code_lists": sorted(self.codes.root),
            "classes": [one.code for one in self.classes.classes],
            "formats": [one.declaration.model_dump(mode="json", by_alias=True) for one in self.formats],
            "synonyms": len(self.synonyms),
            "thesaurus": len(self.thesaurus),
            "words": dict(self.words),
            "models": {name: model.library for name, model in self.models.items()},
        }


def open_pack(folder: Path) -> Pack:
    """Read a pack that lies in a folder. Errors: InvalidPack."""
    manifest = read(folder / MANIFEST, PackManifest)
    _require_known_places(folder)
    formats = _formats(folder)
    return Pack(
        folder=folder,
        digest=bundle.digest(folder),
        manifest=manifest,
        formats=formats,
        contracts=_contracts(folder, formats),
        codes=read(folder / CODES, CodesFile) if (folder / CODES).is_file() else CodesFile({}),
        classes=read(folder / CLASSES, ClassesFile) if (folder / CLASSES).is_file() else ClassesFile(classes=[]),
        synonyms=read(folder / SYNONYMS, SynonymsFile).root if (folder / SYNONYMS).is_file() else {},
        thesaurus=tuple(map(tuple, _rings(folder))),
        words=read(folder / GLOSSARY, GlossaryFile).root if (folder / GLOSSARY).is_file() else {},
        models=_models(folder, manifest.name),
    )


def _rings(folder: Path) -> list[list[str]]:
    return read(folder / THESAURUS, ThesaurusFile).root if (folder / THESAURUS).is_file() else []


def _formats(folder: Path) -> tuple[DeclaredFormat, ...]:
    try:
        return declared(folder / FORMATS) if (folder / FORMATS).is_file() else ()
    except InvalidFormats as error:
        raise InvalidPack([(f"{FORMATS}：{zh}", f"{FORMATS}: {en}") for zh, en in error.faults]) from None


def _contracts(folder: Path, formats: tuple[DeclaredFormat, ...]) -> tuple[Contract, ...]:
    with registry.known_too(formats):
        return _parsed(folder)


def _parsed(folder: Path) -> tuple[Contract, ...]:
    contracts: dict[str, Contract] = {}
    faults: list[tuple[str, str]] = []
    for path in sorted((folder / CONTRACTS).rglob("*.odcs.yaml")):
        try:
            contract = loader.parse(path.read_text(encoding="utf-8"), source=path.name)
        except (loader.InvalidContract, UnicodeDecodeError) as error:
            faults.append(error_lines(path.name, error))
            continue
        if contract.dataset in contracts:
            faults.append((f"{path.name}：{contract.dataset} 有两份契约", f"{path.name}: two contracts for {contract.dataset}"))
        contracts[contract.dataset] = contract
    if faults:
        raise InvalidPack(faults)
    return tuple(contracts.values())


def error_lines(file: str, error: Exception) -> tuple[str, str]:
    """A fault of a file in both languages."""
    zh, en = getattr(error, "message", str(error)), getattr(error, "message_en", str(error))
    return f"{file}：{zh}", f"{file}: {en}"


def _models(folder: Path, name: str) -> Mapping[str, Model]:
    place = folder / TRANSFORMS
    if not place.is_dir():
        return {}
    project = read(place / "dbt_project.yml", DbtProject)
    if project.name != name:
        raise fault(
            f"dbt_project.yml：name 应与包名相同（{name}）。", f"dbt_project.yml: name must be the pack's name ({name})."
        )
    found = models.read(place)
    _require_described(place, found)
    return found


def _require_described(place: Path, found: Mapping[str, Model]) -> None:
    """Every model's SQL has its description, and no second model of the name."""
    faults: list[tuple[str, str]] = []
    for path in sorted((place / "models").rglob("*.sql")):
        model = found.get(path.stem)
        if model is None or path.parent.name != model.library:
            faults.append(
                (f"{path.name}：同文件夹的 yml 中没有它的说明", f"{path.name}: no yml of its folder describes it"),
            )
    if faults:
        raise InvalidPack(faults)


def _require_known_places(folder: Path) -> None:
    """SQL stands where models and macros stand: what is elsewhere would be forgotten in silence."""
    stray = [path.relative_to(folder) for path in folder.rglob("*.sql") if not _known(path.relative_to(folder).parts)]
    stray += [one.relative_to(folder) for one in folder.rglob("*.odcs.yaml") if one.relative_to(folder).parts[0] != CONTRACTS]
    if stray:
        raise InvalidPack(list(_strays(stray)))


def _strays(stray: list[Path]) -> Iterator[tuple[str, str]]:
    for path in stray:
        yield (
            f"{path}：契约放在 contracts/，模型放在 transforms/models/theme 或 topic，宏放在 transforms/macros",
            f"{path}: contracts stand in contracts/, models in transforms/models/theme or topic, macros in transforms/macros",
        )


def _known(parts: tuple[str, ...]) -> bool:
    macros = parts[:2] == (TRANSFORMS, "macros")
    return macros or (parts[:2] == (TRANSFORMS, "models") and len(parts) == 4 and parts[2] in LIBRARIES)
