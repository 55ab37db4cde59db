"""Contract versions: the catalogue keeps each one whole; an active one never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Field, Session, SQLModel, col, select

from catalog.entries import codes, packs, saving
from catalog.entries.resources import Resource
from catalog.identity import organizations
from catalog.store.column_types import UtcDateTime
from contracts.checks.formats.registry import UnknownFormat
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract, Item


class ContractVersion(SQLModel, table=True):
    """One version of a dataset's contract, with its very text."""

    dataset: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    status: str = Field(default="draft", index=True, description="draft, active or retired; one active for a dataset")
    text: str
    sha256: str
    origin: str = Field(default="", description="pack, onboard, portal or models")
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    created_by: str = ""


class UnknownContract(HubError, KeyError):
    """No contract of that dataset, or not that version of it."""

    def __init__(self, dataset: str, version: str | None = None) -> None:
        which = f"{dataset} {version}" if version else dataset
        HubError.__init__(
            self,
            f"没有「{which}」的契约；用 hub contracts show 查看，hub contracts sync 或 hub onboard 登记。",
            f"There is no contract for {which}; see `hub contracts show`, add one with `hub contracts sync` or `hub onboard`.",
        )


class ImmutableContract(HubError):
    """An active or retired version never changes."""

    def __init__(self, dataset: str, version: str) -> None:
        super().__init__(
            f"契约 {dataset} {version} 已生效，内容不可更改；请提高版本号后再登记。",
            f"Contract {dataset} {version} has been active and cannot change; raise its version and register that.",
        )


class WrittenByModel(HubError):
    """A contract that is made from a model, and made anew with each run of it."""

    def __init__(self, dataset: str) -> None:
        super().__init__(
            f"{dataset} 的契约由模型生成，每次运行重新写出；请改包中模型的说明（transforms/models 中的 yml），下次运行时生效。",
            f"The contract of {dataset} is made from its model, anew with each run; change the model's description (the yml in "
            "the pack's transforms/models), its next run takes it up.",
        )


def save(session: Session, contract: Contract, *, by: str, origin: str) -> ContractVersion:
    """Keep a version as a draft, or the draft of that version anew. Errors: ImmutableContract, WrittenByModel,
    UnknownOrganization."""
    require_written(session, contract.dataset)
    organizations.get(session, contract.owner)
    return register(session, contract, by=by, origin=origin, activate=False)


def activate(session: Session, contract: Contract, *, by: str) -> ContractVersion:
    """Put a version that is kept in force; its entry keeps its state, a new one is a draft."""
    require_written(session, contract.dataset)
    return register(session, contract, by=by, origin="portal", state="draft")


def require_written(session: Session, dataset: str) -> None:
    """Refuse to touch what a model writes. Errors: WrittenByModel."""
    if not is_written(session, dataset):
        raise WrittenByModel(dataset)


def is_written(session: Session, dataset: str) -> bool:
    """Whether people write the dataset's contract; a model writes its own."""
    origins = select(ContractVersion.origin).where(ContractVersion.dataset == dataset, ContractVersion.status == "active")
    return session.exec(origins).first() != "models"


def register(
    session: Session,
    contract: Contract,
    *,
    by: str,
    origin: str,
    activate: bool = True,
    state: str = "published",
) -> ContractVersion:
    """Keep a version of a contract whole. Activated, it takes the place of the one before, and makes or updates the
    catalogue entry (to at most `state`). The same text again changes nothing."""
    digest = hashlib.sha256(contract.text.encode()).hexdigest()
    contract_version = session.get(ContractVersion, (contract.dataset, contract.version))
    if contract_version is not None and contract_version.sha256 != digest:
        if contract_version.status != "draft":
            raise ImmutableContract(contract.dataset, contract.version)
        contract_version.text, contract_version.sha256, contract_version.created_at, contract_version.created_by = (
            contract.text,
            digest,
            now(),
            by,
        )
    if contract_version is None:
        contract_version = ContractVersion(
            dataset=contract.dataset, version=contract.version, text=contract.text, sha256=digest, origin=origin, created_by=by
        )
    session.add(contract_version)
    if activate and contract_version.status != "active":
        _activate(session, contract_version)
    session.flush()
    if activate:
        saving.from_contract(session, contract, state=state)
    return contract_version


def _activate(session: Session, version: ContractVersion) -> None:
    for other in session.exec(
        select(ContractVersion).where(ContractVersion.dataset == version.dataset, ContractVersion.status == "active")
    ):
        other.status = "retired"
        session.add(other)
    version.status = "active"


def active(session: Session, dataset: str) -> Contract:
    """The active contract of a dataset; UnknownContract (a KeyError) where there is none."""
    text = session.exec(
        select(ContractVersion.text).where(ContractVersion.dataset == dataset, ContractVersion.status == "active")
    ).first()
    if text is None:
        raise UnknownContract(dataset)
    return _compiled(session, text)


def get(session: Session, dataset: str, version: str | None = None) -> Contract:
    """The active contract of a dataset, or that version of it."""
    if version is None:
        return active(session, dataset)
    contract_version = session.get(ContractVersion, (dataset, version))
    if contract_version is None:
        raise UnknownContract(dataset, version)
    return _compiled(session, contract_version.text)


def versions(session: Session, dataset: str) -> Sequence[ContractVersion]:
    """Every version of a dataset's contract, newest first."""
    statement = select(ContractVersion).where(ContractVersion.dataset == dataset)
    return session.exec(statement.order_by(col(ContractVersion.created_at).desc(), col(ContractVersion.version).desc())).all()


def datasets(session: Session) -> Sequence[str]:
    """Names of all datasets with an active contract."""
    statement = select(ContractVersion.dataset).where(ContractVersion.status == "active")
    return session.exec(statement.order_by(ContractVersion.dataset)).all()


def all_active(session: Session) -> list[Contract]:
    """Every active contract, by dataset."""
    statement = select(ContractVersion.text).where(ContractVersion.status == "active")
    return [_compiled(session, text) for text in session.exec(statement.order_by(ContractVersion.dataset))]


def _compiled(session: Session, text: str) -> Contract:
    """A contract's text compiled; a format that a pack brings may have come since this process began."""
    try:
        return parsed(text)
    except UnknownFormat:
        packs.make_formats_known(session)
        return parsed(text)


@lru_cache(maxsize=4096)
def parsed(text: str) -> Contract:
    """A contract's text compiled; each text once in a process. It was found right when it was registered: 1 ms, not 20."""
    from contracts.odcs import loader  # its parsers take half a second, which most verbs save

    return loader.restore(text)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync did with one contract, and what the warehouse must do about it."""

    dataset: str
    version: str
    before: str | None
    """Version that was active before; None for a new dataset."""
    outcome: str
    """new, changed, same; waiting or kept, where a person wrote the one in force (`bring`)."""
    action: str
    """create, migrate (additive), rebuild (breaking) or none."""
    changes: tuple[tuple[bool, str, str], ...] = ()
    """(breaking, why in Chinese, why in English)."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync of a folder did."""

    contracts: tuple[Synced, ...]
    code_lists: tuple[str, ...] = ()
    codes: int = 0
    classes: int = 0
    to_migrate: tuple[str, ...] = field(default=())
    to_rebuild: tuple[str, ...] = field(default=())


def sync(session: Session, folder: Path, by: str, origin: str = "pack") -> SyncReport:
    """Load a pack: its code lists and classes first, then every `*.odcs.yaml`, each activated.

    A changed contract says whether it breaks what is there (then the dataset is rebuilt from landing) or adds to it.
    """
    listed = [codes.sync(session, folder / name) for name in ("classes.yaml", "codes.yaml") if (folder / name).is_file()]
    synced = [sync_one(session, path, by, origin) for path in sorted(folder.rglob("*.odcs.yaml"))]
    return SyncReport(
        contracts=tuple(synced),
        code_lists=tuple(name for one in listed for name in one.lists),
        codes=sum(one.codes for one in listed),
        classes=sum(one.classes for one in listed),
        to_migrate=tuple(one.dataset for one in synced if one.action == "migrate"),
        to_rebuild=tuple(one.dataset for one in synced if one.action == "rebuild"),
    )


def sync_one(session: Session, path: Path, by: str, origin: str = "pack") -> Synced:
    """Load one contract file and activate it, unless the one in force was edited in the portal.

    What was drafted from a file gives way: its draft lies in HUB_HOME/contracts to be edited and synced.
    """
    from contracts.odcs import loader

    return bring(session, loader.read(path), by=by, origin=origin, over=(origin, "onboard"), path=str(path))


def bring(
    session: Session,
    contract: Contract,
    *,
    by: str,
    origin: str = "pack",
    over: Collection[str] = ("pack",),
    path: str = "",
    strict: bool = True,
) -> Synced:
    """Put a pack's version in force. One in force of another origin than `over` stays, a person wrote it: the pack's waits
    beside it as a draft (waiting), or is left where a person's version has its number (kept). Errors: ImmutableContract,
    where `strict`, for other text of a version that it may replace."""
    current = _in_force(session, contract.dataset)
    if current is None:
        register(session, contract, by=by, origin=origin)
        return Synced(contract.dataset, contract.version, None, "new", "create", path=path)
    if current.text == contract.text:
        register(session, contract, by=by, origin=origin)
        return Synced(contract.dataset, contract.version, current.version, "same", "none", path=path)
    there = session.get(ContractVersion, (contract.dataset, contract.version))
    foreign = there is not None and there.text != contract.text and (there.origin not in over or not strict)
    if foreign or current.origin not in over:
        if not foreign and (there is None or there.status == "draft"):
            register(session, contract, by=by, origin=origin, activate=False)
        outcome = "kept" if foreign else "waiting"
        return Synced(contract.dataset, contract.version, current.version, outcome, "none", path=path)
    register(session, contract, by=by, origin=origin)
    return _changed(parsed(current.text), contract, path)


def _in_force(session: Session, dataset: str) -> ContractVersion | None:
    query = select(ContractVersion).where(ContractVersion.dataset == dataset, ContractVersion.status == "active")
    return session.exec(query).first()


def _changed(old: Contract, new: Contract, path: str) -> Synced:
    from contracts.odcs import compare

    found = compare.compare(old, new)
    changes = tuple((change.breaking, change.why_zh, change.why_en) for change in found.changes)
    action = "rebuild" if found.breaking else "migrate" if changes else "none"
    return Synced(new.dataset, new.version, old.version, "changed", action, changes, path)


def items(session: Session, resource: Resource) -> tuple[Item, ...]:
    """Information items (8), from the active contract; none for a resource without one."""
    try:
        return active(session, resource.name).items
    except KeyError:
        return ()
