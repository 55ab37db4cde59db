"""The prepared needs: a catalogue of the demo's contracts and some more, and what people look for in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlmodel import Session

from catalog.entries import contracts as registry
from catalog.entries.packs import InstalledPack
from catalog.identity.organizations import Organization
from catalog.matching import matches as matching
from catalog.matching.likening import Wanted
from catalog.matching.matches import Match
from contracts.model import Contract
from contracts.odcs import loader
from tests import packing
from tests.catalog import making

FILE = Path(__file__).with_name("need_cases.yaml")
TOLD: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Case:
    """A need; `finds`: entries of which one must come among the first three; `also`: right ones beside them."""

    title: str
    items: tuple[str, ...]
    finds: frozenset[str] = frozenset()
    right: frozenset[str] = frozenset()

    @staticmethod
    def of(told: dict[str, Any]) -> Case:
        finds = frozenset(told.get("finds", ()))
        return Case(told["title"], tuple(map(str, told["items"])), finds, finds | set(told.get("also", ())))


def cases(group: str, half: str) -> list[Case]:
    """The cases of one group (zh, en, absent) and half (tune, held)."""
    return [Case.of(told) for told in TOLD["cases"][group][half]]


def fill(session: Session) -> None:
    """The catalogue of the cases, with the words of the hub's own packs."""
    packing.lists(session, packing.EMERGENCY)
    pack = packing.opened(packing.EMERGENCY)
    said = pack.manifest
    session.add(
        InstalledPack(
            name=said.name, version=said.version, sha256=pack.digest, title=said.title, title_en=said.title_en,
            manifest=said.model_dump(mode="json"), brings=pack.summary(), added_by="test",
        )
    )  # fmt: skip
    for owner in sorted({"water"} | {one.owner for one in pack.contracts}):
        if session.get(Organization, owner) is None:
            session.add(Organization(id=owner, name=owner, kind="department"))
    session.flush()
    for contract in pack.contracts:
        registry.register(session, contract, by="test", origin="pack")
    for name, told in TOLD["entries"].items():
        registry.register(session, _contract(name, told), by="test", origin="pack")


def _contract(name: str, told: dict[str, Any]) -> Contract:
    titles = {item: zh for item, (zh, _) in told["items"].items()}
    written = making.text(name, told["title"], items=titles, titleEn=told["titleEn"], description="测试")
    document = yaml.safe_load(written)
    for item, (_, english) in zip(document["schema"][0]["properties"], told["items"].values(), strict=True):
        item["customProperties"] = [{"property": "titleEn", "value": english}]
    return loader.parse(loader.dump(document))


def found(session: Session, case: Case) -> list[Match]:
    """What the hub says to a case."""
    return matching.matches(session, making.STEWARD, [Wanted(one) for one in case.items], title=case.title)


def is_found(case: Case, matches: list[Match]) -> bool:
    """A right entry is among the first three, with a score that asks for a reason."""
    return any(one.resource.name in case.finds and one.enough for one in matches[:3])


def wrong(case: Case, matches: list[Match]) -> int:
    """Wrong ones among the first three."""
    return sum(one.resource.name not in case.right for one in matches[:3])
