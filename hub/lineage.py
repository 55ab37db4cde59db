"""Lineage that comes in: events of the hub's own jobs and of programs elsewhere, kept and known to search at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.entries import search_index
from catalog.identity.people import Subject
from catalog.lineage import graph
from catalog.lineage.graph import Received
from hub.acts import act, doing
from hub.hub import Hub


class ReceiveEvent(BaseModel):
    """One OpenLineage event, as its client sent it."""

    event: dict[str, Any]


class EventKept(BaseModel):
    """What became of an event."""

    new: bool = Field(description="false: the same event came before, nothing changed.")
    edges: int = Field(description="Edges that its run has now.")


def keep(session: Session, events: Iterable[Mapping[str, Any]]) -> list[Received]:
    """Keep OpenLineage events; what they make is found by the titles of what it is made from. The caller commits."""
    received = [graph.receive(session, event) for event in events]
    search_index.refresh_upstream(session, {target for one in received for target in one.targets})
    return received


@act(
    "lineage.receive",
    policy="receive-lineage",
    zh="接收血缘事件",
    en="receive a lineage event",
    api="POST /lineage",
    cli="— events come from programs, by the clients of OpenLineage",
    portal="— events come from programs, by the clients of OpenLineage",
    streams=True,
)
def receive(hub: Hub, subject: Subject, given: ReceiveEvent) -> EventKept:
    """Keep one OpenLineage event; the same event again changes nothing. Errors: InvalidEvent."""
    with doing(hub, subject, "lineage.receive") as deed:
        (received,) = keep(deed.session, [given.event])
        deed.detail = {"run": str(given.event.get("run", {}).get("runId", "")), "new": received.new, "edges": received.edges}
        return EventKept(new=received.new, edges=received.edges)
