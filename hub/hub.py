"""The hub's parts as acts and jobs hold them: settings, catalogue, ledger and look-ups, wired once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

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
    where: Mapping[str, str] = field(default_factory=dict)
    """What a refusal's record says of the door it came by: a path and an address, or a verb."""
    job: str = ""
    """Number of the job that works in it; empty where somebody waits for the act itself."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction on the catalogue."""
        with database.session(self.engine) as session:
            yield session


def open_hub(settings: Settings | None = None, **where: str) -> Hub:
    """The hub of these settings, or of the environment's; `where`: the door that opens it."""
    settings = settings or Settings()
    engine = database.engine(settings.catalog_database)
    return Hub(settings, engine, CatalogLedger(engine), CatalogLookups(engine), where)
