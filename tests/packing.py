"""Packs for tests: the base's lists, a pack as if it had been added, or one really added."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from sqlmodel import Session

from catalog.entries import codes, packs
from catalog.entries.packs import InstalledPack
from catalog.identity.organizations import Organization
from catalog.identity.people import system_subject
from catalog.store import database
from contracts.packs.contents import open_pack
from hub.hub import open_hub
from hub.packs import SHIPPED, AddedPack, AddPack, add
from warehouse.settings import Settings

BASE, EMERGENCY = SHIPPED / "base", SHIPPED / "emergency"
LIBRARY = Path(__file__).resolve().parent / "packs" / "library"
"""The trial pack, of which the hub knows nothing."""
TESTER = system_subject("test")
opened = cache(open_pack)


def lists(session: Session, *folders: Path) -> None:
    """The classes, code lists and synonyms of packs, without the packs."""
    for folder in (BASE, *folders):
        for name in ("classes.yaml", "codes.yaml"):
            if (folder / name).is_file():
                codes.sync(session, folder / name)
        codes.extend_synonyms(session, opened(folder).synonyms)
        codes.extend_thesaurus(session, opened(folder).thesaurus)


def in_use(session: Session, settings: Settings, folder: Path) -> None:
    """A pack as if it had been added: its models, words and brand; its contracts are the test's affair."""
    pack = opened(folder)
    said = pack.manifest
    shutil.copytree(folder, settings.packs / f"{said.name}-{said.version}", dirs_exist_ok=True)
    packs.put(
        session,
        InstalledPack(
            name=said.name,
            version=said.version,
            sha256=pack.digest,
            title=said.title,
            title_en=said.title_en,
            manifest=said.model_dump(mode="json"),
            brings=pack.summary(),
            added_by="test",
        ),
    )


def install(settings: Settings, *folders: Path) -> list[AddedPack]:
    """Really add packs to a home, made where it is not there yet, with the organizations that their contracts name."""
    database.migrate(settings.catalog_database)
    hub = open_hub(settings)
    owners = {contract.owner for folder in folders for contract in opened(folder).contracts}
    with hub.session() as session:
        for owner in sorted(owners):
            if session.get(Organization, owner) is None:
                session.add(Organization(id=owner, name=owner, kind="department"))
    return [add(hub, TESTER, AddPack(file=folder)) for folder in folders]
