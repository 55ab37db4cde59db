"""The dbt project of this home, laid out in HUB_HOME/dbt/project: the hub's own (transforms/), with the models of its packs.

No `dbt deps`, no network: each pack with models is a package in `packages`, linked to its copy in HUB_HOME/packs. The sources
are generated from the contracts that the catalogue holds.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlmodel import Session

from catalog.entries import contracts as registry
from catalog.entries import packs
from catalog.store import database
from catalog.store.database import CatalogueMissing
from contracts.model import Contract
from contracts.packs import models
from contracts.packs.contents import TRANSFORMS
from contracts.packs.models import Model
from orchestration.sources import write_sources
from warehouse.settings import Settings

OWN = Path(__file__).resolve().parent.parent / "transforms"


@dataclass(frozen=True, slots=True)
class Package:
    """A pack's models as a local dbt package."""

    name: str
    folder: Path


def workplace(settings: Settings) -> Path:
    """Folder of the generated profile, the project and dbt's artifacts."""
    return settings.root / "dbt"


def place(settings: Settings) -> Path:
    """Folder of the project as dbt reads it."""
    return workplace(settings) / "project"


def packages(settings: Settings) -> tuple[Package, ...]:
    """Packs in use that bring models; none before `hub init`."""
    try:
        with database.session(settings.catalog_database) as session:
            return _packages(session, settings)
    except CatalogueMissing as error:
        if error.found is not None:
            raise
        return ()


def _packages(session: Session, settings: Settings) -> tuple[Package, ...]:
    installed = [one for one in packs.in_use(session) if one.brings.get("models")]
    return tuple(Package(one.name, settings.packs / one.folder / TRANSFORMS) for one in installed)


def described(settings: Settings) -> Mapping[str, Model]:
    """Models of all packs in use by name, in the order of libraries, packs and files."""
    models_found = [model for package in packages(settings) for model in models.read(package.folder).values()]
    return {model.name: model for library in models.LIBRARIES for model in models_found if model.library == library}


def lay_out(settings: Settings) -> Path:
    """Bring the project up to the packs and contracts of this moment; gives its folder. The caller holds the writer's lock."""
    project = place(settings)
    (project / "models").mkdir(parents=True, exist_ok=True)
    write_if_changed(project / "dbt_project.yml", (OWN / "dbt_project.yml").read_text(encoding="utf-8"))
    write_if_changed(project / "models" / "sources.yml", sources(settings))
    _link(project / "macros", OWN / "macros")
    _lay_out_packages(project / "packages", packages(settings))
    return project


def sources(settings: Settings) -> str:
    """Text of sources.yml: what models may read."""
    return write_sources(_contracts(settings))


def _contracts(settings: Settings) -> list[Contract]:
    try:
        with database.session(settings.catalog_database) as session:
            return [one for one in registry.all_active(session) if one.catalogue.get("library", "resource") == "resource"]
    except CatalogueMissing as error:
        if error.found is not None:
            raise
        return []


def _lay_out_packages(folder: Path, wanted: tuple[Package, ...]) -> None:
    folder.mkdir(exist_ok=True)
    names = {package.name for package in wanted}
    for stale in [path for path in folder.iterdir() if path.name not in names]:
        stale.unlink() if stale.is_symlink() else shutil.rmtree(stale)
    for package in wanted:
        folder_of_package = folder / package.name
        if folder_of_package.is_symlink():
            folder_of_package.unlink()
        folder_of_package.mkdir(exist_ok=True)
        write_if_changed(folder_of_package / "dbt_project.yml", _package_project(package))
        for part in ("models", "macros"):
            if (package.folder / part).is_dir():
                _link(folder_of_package / part, package.folder / part)


def _package_project(package: Package) -> str:
    """The pack's own dbt_project.yml with what holds for every model of the hub."""
    yaml = YAML(typ="safe")
    own: dict[str, Any] = yaml.load((package.folder / "dbt_project.yml").read_text(encoding="utf-8"))
    common = yaml.load((OWN / "dbt_project.yml").read_text(encoding="utf-8"))["models"]["hui"]
    return json.dumps(own | {"models": {package.name: common}}, ensure_ascii=False, indent=1)


def _link(link: Path, target: Path) -> None:
    """A link to a folder; a home that was moved or copied is led to where the folder is now."""
    if link.is_symlink() and os.readlink(link) == str(target):
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def write_if_changed(path: Path, text: str) -> None:
    """A file for the hub's user alone; left as it is where it says so already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
