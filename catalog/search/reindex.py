"""The search index, made anew from the entries and their contracts."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, select

from catalog.entries import contracts as registry
from catalog.entries import search_index
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry


def reindex(session: Session) -> int:
    """Make the whole index anew; returns the number of entries."""
    active = set(registry.datasets(session))
    resources = session.exec(select(Resource)).all()
    for resource in resources:
        contract = registry.active(session, resource.name) if resource.name in active else None
        search_index.index(session, resource, contract)
    session.connection().execute(update(SearchEntry).values(id=SearchEntry.id))  # changed for who keeps what words found (0036)
    return len(resources)
