"""Packs: what a domain brings (contracts, code lists, models, words) is added, looked at, taken out of use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog.entries import packs
from catalog.entries.contracts import ContractVersion
from catalog.entries.packs import InstalledPack, PackConflict
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from contracts.errors import HubError
from contracts.packs.errors import InvalidPack
from contracts.packs.manifest import MANIFEST, Name, PackManifest, number, read
from hub.acts import act, doing
from hub.contracts import bring_up
from hub.hub import Hub
from hub.pack_contents import BroughtContract, bring, require_usable
from warehouse.settings import Settings

if TYPE_CHECKING:
    from contracts.packs.contents import Pack

ADMINISTER, SEE = "administer", "see-packs"
BASE = "base"
SHIPPED = Path(__file__).resolve().parent.parent / "packs"
"""Packs that come with the hub: `base`, which every home has, and those of domains."""


class PackInUse(PackConflict):
    """Something hangs on a pack that is to be removed."""


class AddPack(BaseModel):
    """A pack to be added, or a newer version of one."""

    file: Path = Field(description="Its folder, or a .zip of it.")
    filename: str = Field(default="", max_length=1000, description="The archive's name.")


class ListPacks(BaseModel):
    """Which packs are looked at."""

    past: bool = Field(default=False, description="Also versions that were replaced or removed.")


class RemovePack(BaseModel):
    """A pack to be taken out of use."""

    pack: Name
    keep_datasets: bool = Field(
        default=False, description="Its datasets hold rows: they stay, only its models, words and brand go."
    )


class AddedPack(BaseModel):
    """What became of a pack. `outcome`: added, upgraded or same (this very version was there)."""

    name: str
    version: str
    before: str | None = Field(description="Version that was in use.")
    outcome: str
    contracts: list[BroughtContract]
    code_lists: list[str]
    kept: list[str] = Field(description="Code lists that were there with other entries, and stay as they are.")
    models: list[str]


class PackLine(BaseModel):
    """One version of a pack: what it brought, by whom, whether it is in use."""

    name: str
    version: str
    title: str
    title_en: str
    description: str
    description_en: str
    licence: str
    requires: dict[str, str]
    sha256: str
    state: str = Field(description="in_use, replaced or removed")
    contracts: list[str]
    code_lists: list[str]
    classes: int
    models: list[str]
    added_at: datetime
    added_by: str
    ended_at: datetime | None
    ended_by: str


class Packs(BaseModel):
    """Packs, newest first."""

    packs: list[PackLine]


class RemovedPack(BaseModel):
    """A pack that is out of use. What it brought into the catalogue, and every row, stays."""

    name: str
    version: str
    models: list[str] = Field(description="Models that are no longer built; their tables stay as they are.")
    datasets: list[str] = Field(description="Datasets that stay, with contracts, rows and versions.")
    code_lists: list[str] = Field(description="Code lists that stay.")


@act(
    "pack.add",
    policy=ADMINISTER,
    zh="安装包",
    en="add a pack",
    api="POST /packs",
    cli="pack add",
    portal="/packs",
    streams=True,
)
def add(hub: Hub, subject: Subject, given: AddPack) -> AddedPack:
    """Add a pack, or a newer version of one: its contracts are in force, its models run, its words are known.

    A contract in force that a person wrote stays, the pack's waits beside it as a draft. Errors: InvalidPack, PackConflict.
    """
    from contracts.packs.contents import open_pack  # here, for the start: tests/cli/test_start.py

    with doing(hub, subject, "pack.add") as deed, _taken(hub, given.file) as folder:
        pack = open_pack(folder)
        name, version = pack.manifest.name, pack.manifest.version
        deed.object = f"pack:{name} {version}"
        before = packs.find(deed.session, name)
        if packs.require_versions(deed.session, name, version, pack.digest):
            _settle(hub, pack, f"{name}-{version}")
            deed.detail = {"outcome": "same"}
            return _added(pack, before, "same", [], [])
        require_usable(deed.session, pack)
        contracts, left = bring(deed.session, pack, by=subject.actor, upgrade=before is not None)
        installed = packs.put(deed.session, _installed(pack, subject.actor))
        _settle(hub, pack, installed.folder)
        outcome = "upgraded" if before else "added"
        waiting = [one.resource for one in contracts if one.outcome in ("waiting", "kept")]
        deed.detail = {
            "outcome": outcome,
            "before": before.version if before else None,
            "sha256": pack.digest,
            "contracts": len(contracts),
            "waiting": waiting,
            "kept": left,
        }
        deed.pause()  # the tables are made by contracts in force
        failed = [error for one in contracts if (error := _table_failed(hub, one))]
        if failed:  # in force they are, and that stays on record
            deed.detail["failed"] = [error.message_en for error in failed]
    if failed:
        raise failed[0]
    return _added(pack, before, outcome, contracts, left)


@act(
    "pack.list",
    policy=SEE,
    zh="查看已安装的包",
    en="list packs",
    api="GET /packs",
    cli="pack list",
    portal="/packs",
)
def list_packs(hub: Hub, subject: Subject, given: ListPacks) -> Packs:
    """Packs of this hub: version, contents, by whom and when."""
    with doing(hub, subject, "pack.list", about="packs") as deed:
        listed = packs.history(deed.session) if given.past else list(packs.in_use(deed.session))
        return Packs(packs=[_line(one) for one in listed])


@act(
    "pack.remove",
    policy=ADMINISTER,
    zh="停用包",
    en="remove a pack",
    api="POST /packs/{pack}/remove",
    cli="pack remove",
    portal="/packs",
)
def remove(hub: Hub, subject: Subject, given: RemovePack) -> RemovedPack:
    """Take a pack out of use: its models are no longer built, its words and brand go; contracts, code lists and rows stay.

    Refused while another pack needs it and, unless `keep_datasets`, while its datasets hold rows. UnknownPack, PackInUse.
    """
    with doing(hub, subject, "pack.remove", about=f"pack:{given.pack}") as deed:
        pack = packs.get(deed.session, given.pack)
        _require_removable(deed.session, pack, given.keep_datasets)
        packs.end(deed.session, pack, packs.REMOVED, subject.actor)
        deed.detail = {"version": pack.version, "keep_datasets": given.keep_datasets}
        return RemovedPack(
            name=pack.name,
            version=pack.version,
            models=list(pack.brings["models"]),
            datasets=pack.brings["contracts"],
            code_lists=pack.brings["code_lists"],
        )


def bring_up_shipped(hub: Hub, subject: Subject) -> list[HubError]:
    """After `hub init` or an upgrade: the base pack is there, packs that come with the hub are at its version of them, and a
    home that had a domain's contracts before there were packs has that domain's pack. Gives what kept a pack back."""
    refused: list[HubError] = []
    for folder in _shipped():
        manifest = read(folder / MANIFEST, PackManifest)
        with hub.session() as session:
            wanted = _is_wanted(session, manifest, folder)
        try:
            if wanted:
                add(hub, subject, AddPack(file=folder))
        except (InvalidPack, PackConflict) as error:  # the home is of use without it; who runs it is told
            refused.append(error)
    return refused


def altered(session: Session, settings: Settings) -> list[str]:
    """Packs in use whose copy is missing, or not what was added."""
    return [one.folder for one in packs.in_use(session) if not _is_whole(settings.packs / one.folder, one.sha256)]


def _is_whole(folder: Path, sha256: str) -> bool:
    from contracts.packs import bundle

    return folder.is_dir() and bundle.digest(folder) == sha256


def _shipped() -> list[Path]:
    """The base first: the others need it."""
    return sorted(
        (path for path in SHIPPED.iterdir() if (path / MANIFEST).is_file()), key=lambda one: (one.name != BASE, one.name)
    )


def _is_wanted(session: Session, manifest: PackManifest, folder: Path) -> bool:
    current = packs.find(session, manifest.name)
    if current is not None:
        return number(current.version) < number(manifest.version)
    if any(one.name == manifest.name for one in packs.history(session)):
        return False  # somebody removed it
    return manifest.name == BASE or _had_contracts(session, folder)


def _had_contracts(session: Session, folder: Path) -> bool:
    names = [path.name.removesuffix(".odcs.yaml") for path in (folder / "contracts").glob("*.odcs.yaml")]
    there = select(ContractVersion.dataset).where(ContractVersion.origin == "pack", col(ContractVersion.dataset).in_(names))
    return session.exec(there).first() is not None


@contextmanager
def _taken(hub: Hub, source: Path) -> Iterator[Path]:
    """A copy of a pack in the scratch folder, gone afterwards."""
    from contracts.packs import bundle

    hub.settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=hub.settings.scratch, prefix="pack-") as folder:
        target = Path(folder) / "pack"
        target.mkdir()
        bundle.take(source, target)
        yield target


def _settle(hub: Hub, pack: Pack, name: str) -> None:
    """The copy that the hub works with from now on; it does not depend on where the pack came from."""
    target = hub.settings.packs / name
    if _is_whole(target, pack.digest):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pack.folder, target)


def _installed(pack: Pack, by: str) -> InstalledPack:
    manifest = pack.manifest
    return InstalledPack(
        name=manifest.name,
        version=manifest.version,
        sha256=pack.digest,
        title=manifest.title,
        title_en=manifest.title_en,
        manifest=manifest.model_dump(mode="json"),
        brings=pack.summary(),
        added_by=by,
    )


def _added(
    pack: Pack, before: InstalledPack | None, outcome: str, contracts: list[BroughtContract], left: list[str]
) -> AddedPack:
    return AddedPack(
        name=pack.manifest.name,
        version=pack.manifest.version,
        before=before.version if before else None,
        outcome=outcome,
        contracts=contracts,
        code_lists=sorted(pack.codes.root),
        kept=left,
        models=list(pack.models),
    )


def _table_failed(hub: Hub, one: BroughtContract) -> HubError | None:
    """The table as its contract now wants it, or why it is not."""
    if one.table not in ("migrate", "rebuild"):
        return None
    before = hub.lookups.contract(one.resource, one.before) if one.before else None
    try:
        bring_up(hub, one.resource, before, hub.lookups.contract(one.resource), one.table)
    except HubError as error:
        return error
    return None


def _require_removable(session: Session, pack: InstalledPack, keep_datasets: bool) -> None:
    if users := packs.needing(session, pack.name):
        listed = ", ".join(users)
        raise PackInUse(
            f"其他包需要 {pack.name}：{listed}；请先停用它们。", f"Other packs need {pack.name}: {listed}; remove those first."
        )
    filled = select(Resource.name).where(col(Resource.name).in_(pack.brings["contracts"]), Resource.rows > 0)
    names = list(session.exec(filled.order_by(Resource.name)))
    if names and not keep_datasets:
        listed = ", ".join(names)
        raise PackInUse(
            f"这些数据集中有数据：{listed}。数据集会保留；只停用模型、词汇和名称时请确认（接口 keep_datasets=true，"
            "命令 --keep-datasets）。",
            f"These datasets hold rows: {listed}. They would stay; if only models, words and brand are to go, say so "
            "(API keep_datasets=true, command --keep-datasets).",
        )


def _line(pack: InstalledPack) -> PackLine:
    said, brings = pack.manifest, pack.brings
    return PackLine(
        name=pack.name,
        version=pack.version,
        title=pack.title,
        title_en=pack.title_en,
        description=said.get("description", ""),
        description_en=said.get("description_en", ""),
        licence=said.get("licence", ""),
        requires=said.get("requires", {}),
        sha256=pack.sha256,
        state=pack.state,
        contracts=brings.get("contracts", []),
        code_lists=brings.get("code_lists", []),
        classes=len(brings.get("classes", [])),
        models=list(brings.get("models", {})),
        added_at=pack.added_at,
        added_by=pack.added_by,
        ended_at=pack.ended_at,
        ended_by=pack.ended_by,
    )
