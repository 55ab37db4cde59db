"""All Dagster definitions of one installation, made from what its catalogue says when they are loaded."""

from __future__ import annotations

import os

# Before dagster is imported: no telemetry, no look for newer versions.
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")

import dagster as dg

from catalog.store.database import CatalogueMissing
from hub.hub import Hub, open_hub
from orchestration import assets, maintenance, model_assets, owners, schedules, sensors
from orchestration.plan import ROUTES, Plan, planned
from warehouse.settings import Settings


def definitions(settings: Settings | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors. Before `hub init` there are none but the models."""
    hub = open_hub(settings)
    plan = _plan(hub)
    acquired = [one for one in (assets.arrivals(hub, plan), assets.datasets(hub, plan)) if one]
    jobs = _jobs(plan)
    upkeep = maintenance.jobs(hub)
    return dg.Definitions(
        assets=[*acquired, model_assets.models(hub)],
        jobs=[*jobs, *upkeep],
        schedules=[*schedules.routes(plan), *schedules.upkeep()],
        sensors=sensors.sensors(hub, plan),
        executor=owners.executor,
    )


def _plan(hub: Hub) -> Plan:
    try:
        with hub.session() as session:
            return planned(session)
    except CatalogueMissing as error:
        if error.found is not None:
            raise
        # No catalogue yet: the web pages must come up all the same, `hub doctor` says what to do.
        return Plan((), ())


def _jobs(plan: Plan) -> list[dg.UnresolvedAssetJobDefinition]:
    """`request`, `buy`, `collect`: each route's datasets; `refresh`: all of them in one run; `models`: theme and topic."""
    made = []
    for route in ROUTES:
        if names := plan.of(route):
            chosen = dg.AssetSelection.assets(assets.ARRIVALS, *(assets.key("resource", name) for name in names))
            made.append(dg.define_asset_job(route, selection=chosen, tags={assets.ROUTE_TAG: route}))
    if plan.datasets:
        made.append(dg.define_asset_job("refresh", selection=dg.AssetSelection.groups("landing", "resource")))
    made.append(dg.define_asset_job("models", selection=dg.AssetSelection.groups("theme", "topic")))
    return made


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's processes load, by the environment's settings."""
    return definitions()
