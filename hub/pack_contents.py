"""What a pack brings goes into the catalogue: code lists, classes, synonyms, contracts; what people wrote stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog.entries import codes, packs
from catalog.entries import contracts as registry
from catalog.entries.contracts import ContractVersion
from catalog.entries.packs import PackConflict
from catalog.identity.organizations import Organization
from contracts.packs.manifest import ListedCodes

if TYPE_CHECKING:
    from contracts.packs.contents import Pack

OWN_LISTS = (codes.DIVISION, codes.SYNONYMS, codes.THESAURUS)
"""Code lists of the hub itself."""


class BroughtContract(BaseModel):
    """What became of one of a pack's contracts.

    `outcome`: new, changed, same; waiting: a person wrote the one in force, the pack's is a draft; kept: a version of that
    number is there already, written by a person.
    """

    resource: str
    version: str
    before: str | None = Field(description="Version that was in force.")
    outcome: str
    table: str = Field(description="create (by the first delivery), migrate, rebuild or none")


def require_usable(session: Session, pack: Pack) -> None:
    """What it needs is there, what it brings has no other owner. Errors: PackConflict, WrittenByModel."""
    packs.require_needed(session, pack.manifest.requires)
    packs.require_own_names(session, pack.manifest.name, pack.summary())
    faults = [*_owners(session, pack), *_code_lists(session, pack), *_model_names(session, pack), *_inputs(session, pack)]
    if faults:
        raise PackConflict("；".join(zh for zh, _ in faults), "; ".join(en for _, en in faults))


def bring(session: Session, pack: Pack, *, by: str, upgrade: bool) -> tuple[list[BroughtContract], list[str]]:
    """Put it all into the catalogue; gives what became of each contract, and the code lists that were left as they were."""
    left = [name for name, body in pack.codes.root.items() if not _replace(session, pack, name, body)]
    for node in pack.classes.classes:
        codes.add_class(session, node.code, node.name, node.name_en)
    codes.extend_synonyms(session, pack.synonyms)
    codes.extend_thesaurus(session, pack.thesaurus)
    brought = [registry.bring(session, contract, by=by, strict=upgrade) for contract in pack.contracts]
    return [
        BroughtContract(resource=one.dataset, version=one.version, before=one.before, outcome=one.outcome, table=one.action)
        for one in brought
    ], left


def _replace(session: Session, pack: Pack, name: str, body: ListedCodes) -> bool:
    """A pack's own list takes its entries; one that somebody else loaded stays."""
    rows = [(one.code, one.label or one.code, one.label_en) for one in body.codes]
    current = packs.find(session, pack.manifest.name)
    mine = current is not None and name in current.brings["code_lists"]
    there = [(one.code, one.label, one.label_en) for one in codes.entries(session, name)]
    if there and not mine and there != rows:
        return False
    codes.replace(session, name, rows, title=body.title, title_en=body.title_en, source=body.source)
    return True


def _owners(session: Session, pack: Pack) -> Iterator[tuple[str, str]]:
    owners = {one.owner for one in pack.contracts}
    known = set(session.exec(select(Organization.id).where(col(Organization.id).in_(owners))))
    if unknown := ", ".join(sorted(owners - known)):
        yield (
            f"本平台没有这些机构：{unknown}；请先用 hub organizations add 登记",
            f"this hub has no organizations {unknown}; add them first with `hub organizations add`",
        )


def _code_lists(session: Session, pack: Pack) -> Iterator[tuple[str, str]]:
    from contracts.checks.code_lists import needed  # here, for the start: tests/cli/test_start.py

    if own := ", ".join(name for name in pack.codes.root if name in OWN_LISTS):
        yield f"代码表 {own} 属于平台本身，包不能替换", f"the code lists {own} are the hub's own, no pack replaces them"
    wanted = {name for contract in pack.contracts for name in needed(contract)} - set(pack.codes.root) - {codes.DIVISION}
    there = {one.name for one, _ in codes.listed(session)}
    if missing := ", ".join(sorted(wanted - there)):
        yield f"契约用到的代码表不存在：{missing}", f"its contracts name code lists that are nowhere: {missing}"


def _model_names(session: Session, pack: Pack) -> Iterator[tuple[str, str]]:
    """A model writes a contract of its name: no dataset that people deliver may have it."""
    names = set(pack.models)
    people = select(ContractVersion.dataset).where(
        col(ContractVersion.dataset).in_(names), ContractVersion.status == "active", ContractVersion.origin != "models"
    )
    if taken := ", ".join(sorted({*session.exec(people), *names.intersection(one.dataset for one in pack.contracts)})):
        yield f"模型与数据集重名：{taken}", f"models have the names of datasets: {taken}"
    written = select(ContractVersion.dataset).where(
        col(ContractVersion.dataset).in_([one.dataset for one in pack.contracts]),
        ContractVersion.status == "active",
        ContractVersion.origin == "models",
    )
    if taken := ", ".join(sorted(session.exec(written))):
        yield f"契约与模型重名：{taken}", f"contracts have the names of models: {taken}"


def _inputs(session: Session, pack: Pack) -> Iterator[tuple[str, str]]:
    """What its models read is there, or comes with it."""
    datasets = {*registry.datasets(session), *(one.dataset for one in pack.contracts)}
    models = {*pack.models, *(name for one in packs.in_use(session) for name in one.brings.get("models", {}))}
    for model in pack.models.values():
        missing = [*set(model.resources) - datasets, *set(model.models) - models]
        if missing:
            listed = ", ".join(sorted(missing))
            yield f"模型 {model.name} 读取的不存在：{listed}", f"the model {model.name} reads what is not there: {listed}"
