"""Every table of the catalogue, imported once so that migrations and tests know them all."""

from __future__ import annotations

from sqlmodel import SQLModel

from catalog import workdays  # noqa: F401
from catalog.access import grants  # noqa: F401
from catalog.acquisition import (  # noqa: F401
    agreements,
    answer_links,
    channels,
    kept_standing,
    memory,
    searches,
    spending,
    steps,
    terms,
)
from catalog.audit import chain  # noqa: F401
from catalog.deliveries import batches  # noqa: F401
from catalog.entries import codes, contracts, item_names, onboardings, packs, resources, search_index  # noqa: F401
from catalog.identity import attempts, organizations, people  # noqa: F401
from catalog.lineage import graph  # noqa: F401
from catalog.releases import releases  # noqa: F401
from catalog.search import mirror  # noqa: F401
from catalog.store import counters, facts, generation, jobs, repeats  # noqa: F401

metadata = SQLModel.metadata

OUTSIDE_MODELS = frozenset({"resource_terms", "alembic_version"})
"""Tables made by SQL in a migration: the full-text index differs between SQLite and PostgreSQL."""


def is_modelled(name: str | None, kind: str) -> bool:
    """Whether a table is described by a model; the full-text index and its shadow tables are not."""
    return not (kind == "table" and name is not None and (name in OUTSIDE_MODELS or name.startswith("resource_terms_")))
