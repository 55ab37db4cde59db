"""Every table of the catalogue, imported once so that migrations and tests know them all."""

from __future__ import annotations

from sqlmodel import SQLModel

from catalog import (  # noqa: F401
    agreements,
    attempts,
    audit,
    batches,
    channels,
    codes,
    counters,
    lineage,
    organizations,
    people,
    registry,
    releases,
    remembered,
    resources,
    search_entries,
    workdays,
)
from catalog.access import grants  # noqa: F401

metadata = SQLModel.metadata

OUTSIDE_MODELS = frozenset({"resource_terms", "alembic_version"})
"""Tables made by SQL in a migration: the full-text index differs between SQLite and PostgreSQL."""


def is_modelled(name: str | None, kind: str) -> bool:
    """Whether a table is described by a model; the full-text index and its shadow tables are not."""
    return not (kind == "table" and name is not None and (name in OUTSIDE_MODELS or name.startswith("resource_terms_")))
