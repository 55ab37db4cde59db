"""Channels that listen: asked again as soon as nobody asks them, sooner where something came than where nothing did."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from catalog.acquisition import channels as attempts
from channels import registry
from contracts.clock import now
from contracts.errors import HubError
from hub import sources
from hub.hub import Hub
from hub.sources import Agreed
from orchestration.collect import alone

CONTINUOUS = "实时"
"""The cycle of agreements whose messages are wanted as they come; for others the broker keeps them until the schedule asks."""
PAUSES = {attempts.TAKEN: timedelta(0), attempts.NOTHING: timedelta(minutes=1), attempts.FAILED: timedelta(minutes=5)}
"""After an attempt that ended so, how long it is until the next."""
TAG = "hui/listens"
"""On runs that were asked for here; one that has not begun yet need not be asked for twice."""
WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)


def channels(hub: Hub, route: str) -> list[Agreed]:
    """Channels in force that listen, of agreements that want messages as they come."""
    found = (agreed for agreements in sources.in_force(hub, route=route).values() for agreed in agreements)
    return [agreed for agreed in found if agreed.agreement.cycle == CONTINUOUS and _listens(agreed)]


def due(hub: Hub, route: str) -> list[str]:
    """Datasets whose channels listen and are to be asked now, by nobody asked already."""
    return sorted({agreed.dataset for agreed in channels(hub, route) if _rested(hub, agreed) and _free(hub, agreed)})


def asked_for(instance: dg.DagsterInstance, route: str) -> bool:
    """Whether a run that will listen has not begun yet."""
    return bool(instance.get_run_ids(dg.RunsFilter(tags={TAG: route}, statuses=list(WAITING)), limit=1))


def _listens(agreed: Agreed) -> bool:
    try:
        return registry.of(agreed.kind, agreed.agreement.route).listens
    except HubError:
        return False  # its turn tells why


def _rested(hub: Hub, agreed: Agreed) -> bool:
    with hub.session() as session:
        last = attempts.listed(session, agreement=agreed.agreement.id, limit=1)
    return not last or now() - last[0].at >= PAUSES[last[0].outcome]


def _free(hub: Hub, agreed: Agreed) -> bool:
    with alone(hub, agreed) as free:
        return free
