"""Publishing, recalling and undoing, as `hub release` and `hub batch undo` do it."""

from __future__ import annotations

from sqlmodel import select

from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.entries.resources import Library, Resource
from catalog.ledger import CatalogLedger, CatalogLookups
from catalog.releases import releases
from catalog.store import database
from cli.demo.access import ACTOR
from cli.release import pin
from warehouse.ingest import undo
from warehouse.settings import Settings


def publish(settings: Settings, name: str, note: str) -> int:
    """Pin what the table holds now as the next version; its number."""
    kept = pin(settings, name, note, ACTOR)
    with database.session(settings.catalog_database) as session:
        audit.record(session, actor=ACTOR, action="release", object=f"{name} v{kept.version}", detail={"rows": kept.rows})
    return kept.version


def recall(settings: Settings, name: str, version: int, reason: str) -> None:
    """End the sharing of a version, with its reason."""
    with database.session(settings.catalog_database) as session:
        releases.recall(session, resources.get(session, name), version, reason=reason, by=ACTOR)
        audit.record(
            session,
            actor=ACTOR,
            action="recall",
            object=f"{name} v{version}",
            purpose=reason,
            detail={"reason": reason},
        )


def take_back(settings: Settings, batch_id: str, reason: str) -> None:
    """Undo a batch."""
    engine = database.engine(settings.catalog_database)
    undo.undo(settings, CatalogLedger(engine), CatalogLookups(engine), batch_id)
    with database.session(engine) as session:
        audit.record(session, actor=ACTOR, action="undo-batch", object=f"batch:{batch_id}", detail={"reason": reason})


def derived(settings: Settings) -> list[str]:
    """Names of themes and topics that stand in the lake."""
    with database.session(settings.catalog_database) as session:
        asked = select(Resource.name).where(Resource.library != Library.RESOURCE, Resource.rows > 0)
        return sorted(session.exec(asked))
