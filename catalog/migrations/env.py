"""Alembic's door to the catalogue: runs on the connection that `catalog.store.database.migrate` opened."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel import AutoString

from catalog.store.column_types import UtcDateTime
from catalog.tables import is_modelled, metadata


def _rendered(kind: str, thing: Any, told: AutogenContext) -> str | Literal[False]:
    """Our own column types, as a generated revision names them."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        told.imports.add("from catalog.store.column_types import UtcDateTime")
        return "UtcDateTime()"
    return "sa.String()" if kind == "type" and isinstance(thing, AutoString) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=lambda _object, name, kind, _reflected, _other: is_modelled(name, kind),
    render_item=_rendered,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
