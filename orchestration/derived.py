"""Catalogue entries of theme and topic tables, derived from what the dbt project says of its models and from each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from catalog.audit import chain as audit
from catalog.deliveries import quality
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.identity.organizations import Organization
from catalog.identity.people import Person
from catalog.overview import scores
from contracts.clock import now
from contracts.errors import HubError
from contracts.model import Contract
from contracts.odcs import loader
from contracts.packs.models import TYPES, Column, Model
from hub.hub import ACTOR, Hub
from orchestration.dbt import ModelsRun, NodeResult
from orchestration.project import described
from warehouse.settings import Settings
from warehouse.storage import tables
from warehouse.storage.connection import reader

_RULES = {
    "unique": ("unique", "uniqueness"),
    "not_null": ("required", "completeness"),
    "accepted_values": ("values", "conformity"),
}
"""dbt's data tests in the words of the contracts' checks, with the dimension of each."""


class NoOwner(HubError):
    """Nobody answers for the theme and topic tables."""


def document(model: Model, owner: str, version: str) -> dict[str, Any]:
    """A model's contract as an ODCS 3.1 document."""
    said = {
        "titleEn": model.title_en,
        "descriptionEn": model.description_en,
        "library": model.library,
        "route": "derived",
        "formats": [2],
        "sharingMethods": ["database", "interface", "file"],
        "delivery": "changes" if any(column.unique for column in model.columns) else "full",
        **model.meta.get("catalogue", {}),
    }
    shown = [column for column in model.columns if column.shown]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:hui:dataset:{model.name}",
        "name": model.title,
        "version": version,
        "status": "active",
        "tenant": owner,
        "description": {"purpose": model.description},
        "schema": [
            {
                "name": model.name,
                "physicalName": model.name,
                "logicalType": "object",
                "businessName": model.title,
                "properties": [_property(column) for column in shown],
            }
        ],
        "customProperties": _properties(said),
    }


def contract(model: Model, owner: str, version: str = "1.0.0") -> Contract:
    """A model's contract, parsed like any other."""
    return loader.parse(loader.dump(document(model, owner, version)), source=f"{model.library}/{model.name}")


def register(session: Session, model: Model, owner: str) -> Contract:
    """The model's contract as the active one; what changed decides how its version rises."""
    versions = {existing.version: existing for existing in registry.versions(session, model.name)}
    active = next((existing for existing in versions.values() if existing.status == "active"), None)
    version = active.version if active else "1.0.0"
    new_contract = contract(model, owner, version)
    if active is not None and active.text != new_contract.text:
        from contracts.odcs.compare import compare

        new_contract = contract(model, owner, _raised(version, compare(registry.parsed(active.text), new_contract).breaking))
    registry.register(session, new_contract, by=ACTOR, origin="models")
    return new_contract


def owner(session: Session, settings: Settings) -> str:
    """Organization that answers for the derived tables: the one set (HUB_OWNER), or where the hub's administrators belong."""
    if settings.owner:
        return settings.owner
    for role in ("administrator", "steward"):
        for person in session.exec(select(Person).where(col(Person.active)).order_by(col(Person.created_at))):
            if role in person.roles:
                return person.organization_id
    department = session.exec(
        select(Organization.id).where(Organization.kind == "department").order_by(Organization.id)
    ).first()
    if department is None:
        raise NoOwner(
            "没有可对主题库、专题库负责的机构；请先登记本单位，或设置 HUB_OWNER。",
            "No organization answers for the theme and topic tables; add yours first, or set HUB_OWNER.",
        )
    return department


def catalogue(hub: Hub, run: ModelsRun, *, run_id: str = "") -> dict[str, int]:
    """After a run: contract, entry, quality and size of every model that succeeded. Gives rows by model."""
    rows: dict[str, int] = {}
    for name, model in described(hub.settings).items():
        results = run.of(name)
        if not any(result.kind == "model" and result.good for result in results):
            continue
        count, size, changed = _measured(hub, model, run_id)
        rows[name] = count
        with hub.session() as session:
            register(session, model, owner(session, hub.settings))
            quality.write_results(session, name, [_quality(result, count, run) for result in results if result.kind == "test"])
            _bring_up(session, name, count, size, changed)
            summary = {"run": run_id, "rows": count, "changed": changed, "tests": _tested(results)}
            audit.record(session, actor=ACTOR, action="models.run", object=f"dataset:{name}", outcome="done", detail=summary)
    return rows


def _measured(hub: Hub, model: Model, run_id: str) -> tuple[int, int, bool]:
    """Rows, bytes, and whether this run wrote anything: its snapshot carries the run's id."""
    with reader(hub.settings) as connection:
        count = tables.count(connection, model.library, model.name)
        size = tables.size(connection, model.library, model.name)
        wrote = connection.execute(
            """SELECT count(*) FROM ducklake_snapshots('lake') WHERE author = 'hub models'
            AND (commit_extra_info->>'model') = ? AND (commit_extra_info->>'run_id') = ?""",
            [f"{model.library}.{model.name}", run_id],
        ).fetchone()
    return count, size, bool(wrote and wrote[0])


def _bring_up(session: Session, name: str, count: int, size: int, changed: bool) -> None:
    resource = session.exec(select(Resource).where(Resource.name == name)).one()
    resource.rows, resource.bytes = count, size
    if changed or resource.updated_at is None:
        resource.updated_at = now()
    score = scores.score(session, name)
    resource.quality = score.total if score else resource.quality
    session.add(resource)


def _tested(results: Sequence[NodeResult]) -> dict[str, int]:
    tests = [result for result in results if result.kind == "test"]
    return {"all": len(tests), "failed": sum(not result.good for result in tests)}


def _quality(result: NodeResult, rows: int, run: ModelsRun) -> dict[str, Any]:
    node: Mapping[str, Any] = run.manifest["nodes"][result.node]
    name = (node.get("test_metadata") or {}).get("name", node["name"])
    rule, dimension = _RULES.get(name, (name, "consistency"))
    failed = result.failures or 0
    return {"rule": rule, "item": node.get("column_name") or "", "dimension": dimension, "rows": rows, "failed": failed}


def _property(column: Column) -> dict[str, Any]:
    own: dict[str, Any] = {"titleEn": column.title_en, "descriptionEn": column.description_en}
    if "format" in column.meta:
        own["domainFormat"] = column.meta["format"]
        own |= {"datum": "CGCS2000"} if column.meta["format"] in ("longitude", "latitude") else {}
    key = {"primaryKey": True, "primaryKeyPosition": 1} if column.unique else {}
    return {
        "name": column.name,
        "businessName": column.title,
        "logicalType": TYPES[column.data_type],
        **key,
        **({"required": True} if column.required else {}),
        "classification": column.meta.get("grade", "L1"),
        "description": column.description,
        "customProperties": _properties(own),
    }


def _properties(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in said.items()]


def _raised(version: str, breaking: bool) -> str:
    major, minor, _ = (int(part) for part in version.split("."))
    return f"{major + 1}.0.0" if breaking else f"{major}.{minor + 1}.0"
