"""Contracts: a version is written, compared with the one in force, and put in its place; the table follows it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog import access
from catalog.access import grants
from catalog.entries import contracts as registry
from catalog.entries import packs
from catalog.entries.contracts import ContractVersion
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from catalog.lineage import graph
from catalog.store.jobs import Job
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract
from hub import acts
from hub.acts import act, doing
from hub.hub import Hub
from hub.jobs import begun_again
from hub.releases import Name

if TYPE_CHECKING:
    from contracts.odcs import compare as comparing

LARGEST = 2_000_000
"""Letters of a contract: 5,000 columns take a fifth of it."""
MANAGE = "manage-contract"
Version = Annotated[
    str, Field(max_length=40, pattern=r"^\d+(\.\d+)*$", examples=["1.1.0"], description="Version of the contract.")
]


class BreakingChange(HubError):
    """A version that breaks what is there, put in force without saying so."""

    def __init__(self, name: str, version: str, changes: int) -> None:
        super().__init__(
            f"契约 {name} {version} 有 {changes} 处破坏性变化：生效后数据由落地文件重建，使用者的程序可能要改。"
            "确认后请写明原因，并选择“确认破坏性变化”（接口 breaking=true，命令 --breaking）。",
            f"Contract {name} {version} has {changes} breaking change(s): its table is rebuilt from landing, and what readers "
            "have may stop working. If that is meant, give a reason and say so (API breaking=true, command --breaking).",
        )


class SaveContract(BaseModel):
    """A version of a contract as an ODCS 3.1 document; dataset and version stand in it."""

    text: str = Field(
        max_length=LARGEST, pattern=r"\S", description="The document, in YAML.", examples=["apiVersion: v3.1.0\n…"]
    )


class CompareContract(BaseModel):
    """Two versions of a contract to be compared."""

    resource: Name
    version: Version
    against: str = Field(default="", max_length=40, description="The older version; empty: the one in force.")


class ActivateContract(BaseModel):
    """A version of a contract that is to be in force."""

    resource: Name
    version: Version
    breaking: bool = Field(default=False, description="Breaking changes are meant.")
    reason: str = Field(default="", max_length=500, description="Why; needed where it breaks.", examples=["单位改为平方米"])


class SavedContract(BaseModel):
    """A version as it is kept. `breaking`, `next_version`: against the version in force; null where there is none."""

    resource: str
    version: str
    status: str
    sha256: str
    saved_at: datetime
    saved_by: str
    breaking: bool | None
    next_version: str | None = Field(description="The version that the changes ask for.")


class ContractChange(BaseModel):
    """One difference between two versions, and why it breaks or does not."""

    kind: str
    path: str
    breaking: bool
    why: str
    why_en: str
    old: str = Field(default="", description="Empty for an example that the caller may not see.")
    new: str = ""


class Concerned(BaseModel):
    """Who reads the data of a dataset: an organization with a live right, or a dataset made from it."""

    kind: str = Field(description="organization or resource")
    name: str
    title: str
    title_en: str


class ComparedContract(BaseModel):
    """What a version changes, breaking changes first, and whom it concerns."""

    resource: str
    version: str
    against: str
    breaking: bool
    next_version: str
    changes: list[ContractChange]
    concerned: list[Concerned]


class ActivatedContract(BaseModel):
    """A version that is in force. `table`: create (by the first delivery), migrate, rebuild or none."""

    resource: str
    version: str
    before: str | None
    breaking: bool
    table: str
    batches: int = Field(description="Batches that were checked and loaded again.")


@act(
    "contract.save",
    policy=MANAGE,
    zh="登记契约",
    en="save a contract",
    api="POST /contracts",
    cli="contracts save",
    portal="/resources/{resource}/contract/edit",
)
def save(hub: Hub, subject: Subject, given: SaveContract) -> SavedContract:
    """Keep a version of a dataset's contract as a draft, not in force. InvalidContract names every fault with its line."""
    from contracts.odcs import loader  # here, for the start: tests/cli/test_start.py

    with doing(hub, subject, "contract.save") as deed:
        packs.make_formats_known(deed.session)
        contract = loader.parse(given.text, "contract.odcs.yaml")
        deed.object = _object(contract.dataset, contract.version)
        saved = registry.save(deed.session, contract, by=subject.actor, origin="portal")
        change = _change(deed.session, contract)
        deed.detail = {"sha256": saved.sha256, "status": saved.status}
        return SavedContract(
            resource=saved.dataset,
            version=saved.version,
            status=saved.status,
            sha256=saved.sha256,
            saved_at=saved.created_at,
            saved_by=saved.created_by,
            breaking=change[1].breaking if change else None,
            next_version=change[1].next_version(change[0].version) if change else None,
        )


@act(
    "contract.compare",
    policy=MANAGE,
    zh="比较契约",
    en="compare contracts",
    api="POST /resources/{resource}/contracts/{version}/compare",
    cli="contracts compare",
    portal="/resources/{resource}/contract/compare",
)
def compare(hub: Hub, subject: Subject, given: CompareContract) -> ComparedContract:
    """What a version changes against another one, what breaks, and whom it concerns."""
    from contracts.odcs import compare as comparing

    with doing(hub, subject, "contract.compare", about=_object(given.resource, given.version)) as deed:
        older = registry.get(deed.session, given.resource, given.against or None)
        newer = registry.get(deed.session, given.resource, given.version)
        comparison = comparing.compare(older, newer)
        unseen = _unseen(deed.session, subject, older) | _unseen(deed.session, subject, newer)
        deed.detail = {"against": older.version, "breaking": comparison.breaking}
        return ComparedContract(
            resource=given.resource,
            version=newer.version,
            against=older.version,
            breaking=comparison.breaking,
            next_version=comparison.next_version(older.version),
            changes=[_told(change, unseen) for change in comparison.changes],
            concerned=concerned(deed.session, given.resource),
        )


def _may_activate(hub: Hub, subject: Subject, given: ActivateContract) -> None:
    """Refuse at once who may not, and a breaking version that is not said to be meant."""
    acts.require(hub, subject, "contract.activate")
    with hub.session() as session:
        _require_meant(session, registry.get(session, given.resource, given.version), given)


def _to_its_end(hub: Hub, _subject: Subject, job: str) -> None:
    """After a cancelled job: a version that is in force has its table; one that is not is left alone."""
    from warehouse.ingest import rebuild

    with hub.session() as session:
        given = ActivateContract.model_validate(session.get_one(Job, job).payload)
        in_force = given.breaking and _in_force(session, given)
    if in_force:
        rebuild.rebuild(hub.settings, hub.ledger, hub.lookups, given.resource)


@act(
    "contract.activate",
    policy=MANAGE,
    zh="契约生效",
    en="put a contract in force",
    api="POST /resources/{resource}/contracts/{version}/activate",
    cli="contracts activate",
    portal="/resources/{resource}/contract/{version}/activate",
    long=True,
    may=_may_activate,
    withdraws=_to_its_end,
    ends=True,
)
def activate(hub: Hub, subject: Subject, given: ActivateContract) -> ActivatedContract:
    """Put a version in force in the place of the one before; an additive one alters the table, a breaking one rebuilds it.

    A new dataset's entry is a draft until it is published; that of one that is there keeps its state.
    """
    with doing(hub, subject, "contract.activate", about=_object(given.resource, given.version)) as deed:
        newer = registry.get(deed.session, given.resource, given.version)
        change = _change(deed.session, newer)
        breaking = _require_meant(deed.session, newer, given)
        again = begun_again(hub) and _in_force(deed.session, given)
        registry.activate(deed.session, newer, by=subject.actor)
        before, table = (change[0], _table(change[1])) if change else (None, "create")
        table = "rebuild" if again else table  # its process died at it: what the table has by now nobody knows
        deed.detail = {
            "before": before.version if before else None,
            "table": table,
            "breaking": [one.path for one in breaking],
            "reason": given.reason.strip(),
        }
        deed.pause()
        try:  # once it is in force: the table is made by it
            batches, failed = bring_up(hub, given.resource, before, newer, table), None
        except HubError as error:  # in force it is, and that stays on record
            batches, failed = 0, error
            deed.detail["failed"] = error.message_en
    if failed is not None:
        raise failed
    return ActivatedContract(
        resource=given.resource,
        version=newer.version,
        before=before.version if before else None,
        breaking=bool(breaking) or (again and given.breaking),
        table=table,
        batches=batches,
    )


def _in_force(session: Session, given: ActivateContract) -> bool:
    return any(one.version == given.version and one.status == "active" for one in registry.versions(session, given.resource))


def _require_meant(session: Session, newer: Contract, given: ActivateContract) -> list[comparing.Change]:
    """What breaks; BreakingChange unless that is meant, for a reason."""
    change = _change(session, newer)
    breaking = [one for one in change[1].changes if one.breaking] if change else []
    if breaking and not (given.breaking and given.reason.strip()):
        raise BreakingChange(given.resource, given.version, len(breaking))
    return breaking


def bring_up(hub: Hub, dataset: str, before: Contract | None, newer: Contract, table: str) -> int:
    """The table as its contract now wants it; how many batches were loaded again."""
    from warehouse.ingest import rebuild

    if table == "migrate" and before is not None:
        rebuild.migrate(hub.settings, before, newer)
    if table == "rebuild":
        return len(rebuild.rebuild(hub.settings, hub.ledger, hub.lookups, dataset))
    return 0


def _change(session: Session, contract: Contract) -> tuple[Contract, comparing.ContractComparison] | None:
    """The version in force, and what another one changes; None for a new dataset."""
    from contracts.odcs import compare as comparing

    try:
        current = registry.active(session, contract.dataset)
    except registry.UnknownContract:
        return None
    return current, comparing.compare(current, contract)


def _table(comparison: comparing.ContractComparison) -> str:
    if comparison.breaking:
        return "rebuild"
    return "none" if comparison.same else "migrate"


def concerned(session: Session, resource: str) -> list[Concerned]:
    """Organizations with a live right to a resource, and what is made from it, nearest first."""
    entry = session.exec(select(Resource).where(Resource.name == resource)).first()
    if entry is None:
        return []
    holders = {one.organization_id for one in grants.grants(session, resource_id=entry.id) if grants.is_live(one, now())}
    organizations = session.exec(select(Organization).where(col(Organization.id).in_(holders)).order_by(Organization.name))
    reached = graph.downstream(session, f"{entry.library}.{entry.name}").distance
    names = [name.partition(".")[2] for (name, _), steps in sorted(reached.items(), key=lambda one: one[1]) if steps]
    resources = {one.name: one for one in session.exec(select(Resource).where(col(Resource.name).in_(names)))}
    readers = [Concerned(kind="organization", name=one.id, title=one.name, title_en=one.name_en) for one in organizations]
    derived = [resources[name] for name in names if name in resources]
    return readers + [Concerned(kind="resource", name=one.name, title=one.title, title_en=one.title_en) for one in derived]


def versions(session: Session, resource: str) -> list[ContractVersion]:
    """Every version of a dataset's contract, newest first."""
    return list(registry.versions(session, resource))


def _unseen(session: Session, subject: Subject, contract: Contract) -> set[str]:
    """Paths of examples of items that the subject sees no whole value of."""
    entry = session.exec(select(Resource).where(Resource.name == contract.dataset)).first()
    view = access.decide(session, subject, "read-rows", entry, contract=contract).view if entry else None
    seen = {name for name in view.items if name not in view.masks} if view else set()
    return {f"{item.name}.sample" for item in contract.items if item.name not in seen}


def _told(change: comparing.Change, unseen: set[str]) -> ContractChange:
    shown = {} if change.path in unseen else {"old": change.old, "new": change.new}
    why = {"why": change.why_zh, "why_en": change.why_en}
    return ContractChange(kind=change.kind, path=change.path, breaking=change.breaking, **why, **shown)


def _object(dataset: str, version: str) -> str:
    return f"contract:{dataset} {version}"
