"""The hub's parts as a job holds them: settings, catalogue, ledger and look-ups, wired once for a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from catalog.ledger import CatalogLedger, CatalogLookups
from catalog.store import database
from warehouse.settings import Settings

ACTOR = "system:dagster"
"""Who does it, in receipts and in the audit record, when a schedule or a sensor started it."""


@dataclass(frozen=True)
class Hub:
    """One installation, opened for work."""

    settings: Settings
    engine: Engine
    ledger: CatalogLedger
    lookups: CatalogLookups

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction on the catalogue."""
        with database.session(self.engine) as session:
            yield session


def open_hub(settings: Settings | None = None) -> Hub:
    """The hub of these settings, or of the environment's."""
    settings = settings or Settings()
    engine = database.engine(settings.catalog_database)
    return Hub(settings, engine, CatalogLedger(engine), CatalogLookups(engine))
