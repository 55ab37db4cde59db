"""Publishing, recalling and undoing, by the hub's own acts."""

from __future__ import annotations

from sqlmodel import select

from catalog.entries.resources import Library, Resource
from catalog.identity.people import system_subject
from catalog.store import database
from hub import deliveries, releases
from hub.hub import open_hub
from warehouse.settings import Settings

PLAYER = system_subject("demo")
"""Who plays the departments' people."""


def publish(settings: Settings, name: str, note: str) -> int:
    """Pin what the table holds now as the next version; its number."""
    return releases.publish(open_hub(settings), PLAYER, releases.Publish(resource=name, note=note)).version


def recall(settings: Settings, name: str, version: int, reason: str) -> None:
    """End the sharing of a version, with its reason."""
    releases.recall(open_hub(settings), PLAYER, releases.Recall(resource=name, version=version, reason=reason))


def take_back(settings: Settings, batch_id: str, reason: str) -> None:
    """Undo a batch."""
    deliveries.undo(open_hub(settings), PLAYER, deliveries.Decide(batch=batch_id, reason=reason))


def derived(settings: Settings) -> list[str]:
    """Names of themes and topics that stand in the lake."""
    with database.session(settings.catalog_database) as session:
        statement = select(Resource.name).where(Resource.library != Library.RESOURCE, Resource.rows > 0)
        return sorted(session.exec(statement))
