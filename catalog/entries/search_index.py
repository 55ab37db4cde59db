"""What search knows of a resource: its words as people wrote them, kept beside the full-text index made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.entries import codes, item_names, tokenizer
from catalog.entries.resources import Resource, codes_of
from catalog.entries.visibility import discoverable
from catalog.identity.organizations import Organization
from catalog.identity.people import ANONYMOUS
from catalog.lineage.graph import LineageEdge
from catalog.store.column_types import Json, no_items
from contracts.model import Contract, Item

LABELS_INDEXED = 60
"""Labels of longer code lists are left out: a list of every division would match everything."""

LONGEST_DESCRIPTION = 200


class SearchEntry(SQLModel, table=True):
    """The searchable words of one resource; the reason of a hit is read from here, without opening its contract."""

    id: int | None = Field(default=None, primary_key=True, description="Row of the full-text index")
    resource_id: str = Field(unique=True, foreign_key="resource.id")
    items: list[dict[str, Any]] = Field(
        default_factory=no_items, sa_type=Json, description='[{"name", "title", "title_en", "labels"}, …], see `_item`'
    )
    item_count: int = 0
    item_kinds: dict[str, list[str]] | None = Field(
        default=None, sa_type=Json, description='{"1": ["code"], "3p": ["identity"]}, see `kinds_of`; None: not known yet'
    )
    organization: str = Field(default="", description="Provider's names, Chinese and English, a line each")
    codes: list[str] = Field(default_factory=no_items, sa_type=Json)
    class_path: str = ""
    upstream: list[str] = Field(default_factory=no_items, sa_type=Json, description="Titles of the datasets it is made from")


def entry_of(session: Session, resource: Resource) -> SearchEntry | None:
    """The searchable words of a resource."""
    return session.exec(select(SearchEntry).where(SearchEntry.resource_id == resource.id)).first()


def index(session: Session, resource: Resource, contract: Contract | None = None) -> SearchEntry:
    """Bring the index up to a resource; `contract` saves reading it again. Items are kept as they were without one."""
    entry = entry_of(session, resource) or SearchEntry(resource_id=resource.id)
    provider = session.get(Organization, resource.provider_id)
    entry.organization = "\n".join(filter(None, (provider.name, provider.name_en))) if provider else ""
    entry.codes = [code.code for code in codes_of(session, resource)]
    entry.class_path = " › ".join(node.name for node in codes.class_path(session, resource.class_code))
    entry.upstream = _upstream(session, resource)
    if contract is not None:
        entry.items = [_item(session, item) for item in contract.items]
        entry.item_count = len(contract.items)
        entry.item_kinds = kinds_of(contract)
    session.add(entry)
    session.flush()
    _write(session, resource, entry)
    titles = [resource.title, resource.title_en]
    item_names.keep(session, titles + [item[part] for item in entry.items for part in ("title", "title_en", "name")])
    return entry


def kinds_of(contract: Contract) -> dict[str, list[str]]:
    """Items by what decides whether somebody sees them: their grade, and "p" where they are personal."""
    kinds: dict[str, list[str]] = {}
    for item in contract.items:
        grade = item.grade[1:] if item.grade[1:].isdigit() else "4"
        kinds.setdefault(grade + ("p" if item.personal is not None else ""), []).append(item.name)
    return kinds


def _item(session: Session, item: Item) -> dict[str, Any]:
    """What search and needs know of an item; `labels`: of its code list."""
    listed = codes.entries(session, item.code_list, LABELS_INDEXED + 1) if item.code_list else ()
    few = len(listed) <= LABELS_INDEXED
    return {
        "name": item.name,
        "title": item.title,
        "title_en": item.title_en,
        "labels": [code.label for code in listed] if few else [],
        "type": item.type.value,
        "format": item.format.name if item.format is not None else "",
        "code_list": item.code_list or "",
        "source": list(item.source),
        "description": item.description[:LONGEST_DESCRIPTION],
    }


def _upstream(session: Session, resource: Resource) -> list[str]:
    """Titles of the datasets that a resource is made from, one step up: of those that everybody may know of, for what is found
    by them is shown to everybody."""
    target = f"{resource.library}.{resource.name}"
    statement = select(LineageEdge.source).where(LineageEdge.target == target, LineageEdge.source_item == "")
    names = [source.split(".", 1)[1] for source in session.exec(statement) if "." in source and ":" not in source]
    if not names:
        return []
    statement = select(Resource.title).where(
        col(Resource.name).in_(names), Resource.name != resource.name, discoverable(ANONYMOUS)
    )
    return sorted(session.exec(statement).all())


def _write(session: Session, resource: Resource, entry: SearchEntry) -> None:
    fields = {
        "title": [resource.title, resource.title_en],
        "names": [resource.name, *entry.codes],
        "provider": entry.organization.split("\n"),
        "abstract": [resource.abstract, resource.abstract_en, entry.class_path],
        "items": [
            words
            for item in entry.items
            for words in (
                item["title"],
                item["name"],
                item.get("title_en", ""),
                *item.get("source", ()),
                *item.get("labels", ()),
            )
        ]
        + entry.upstream,
    }
    connection = session.connection()
    if session.get_bind().dialect.name == "sqlite":
        connection.execute(text("DELETE FROM resource_terms WHERE rowid = :id"), {"id": entry.id})
        columns = {name: tokenizer.fts5_text(texts) for name, texts in fields.items()}
        statement = (
            "INSERT INTO resource_terms (rowid, title, names, provider, abstract, items) "
            "VALUES (:id, :title, :names, :provider, :abstract, :items)"
        )
        connection.execute(text(statement), {"id": entry.id, **columns})
        return
    weights = {"title": "A", "names": "A", "provider": "C", "abstract": "D", "items": "B"}
    terms = tokenizer.tsvector((weights[name], texts) for name, texts in fields.items())
    statement = (
        "INSERT INTO resource_terms (id, terms) VALUES (:id, CAST(:terms AS tsvector)) "
        "ON CONFLICT (id) DO UPDATE SET terms = excluded.terms"
    )
    connection.execute(text(statement), {"id": entry.id, "terms": terms})


def refresh_upstream(session: Session, targets: Iterable[str]) -> None:
    """Bring the index of datasets (library.dataset) up where what they are made from has changed."""
    names = {target.split(".", 1)[1] for target in targets if "." in target and ":" not in target}
    for resource in session.exec(select(Resource).where(col(Resource.name).in_(names))) if names else ():
        entry = entry_of(session, resource)
        if entry is not None and entry.upstream != _upstream(session, resource):
            index(session, resource)


def made_from(session: Session, resource: Resource) -> Sequence[str]:
    """Datasets (library.dataset) made from a resource, one step down."""
    statement = select(LineageEdge.target).where(LineageEdge.source == f"{resource.library}.{resource.name}")
    return session.exec(statement.where(LineageEdge.source_item == "").distinct()).all()
