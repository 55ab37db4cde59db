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
    """Assets, checks, jobs, schedules and sensors. Before `hub init` there are no assets."""
    hub = open_hub(settings)
    plan = _plan(hub)
    asset_definitions = [
        one for one in (assets.arrivals(hub, plan), assets.datasets(hub, plan), model_assets.models(hub)) if one
    ]
    jobs = [*_jobs(plan), model_assets.job(hub)]
    upkeep = maintenance.jobs(hub)
    return dg.Definitions(
        assets=asset_definitions,
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
    """`request`, `buy`, `collect`: each route's datasets; `refresh`: all of them in one run."""
    jobs = []
    for route in ROUTES:
        if names := plan.of(route):
            chosen = dg.AssetSelection.assets(assets.ARRIVALS, *(assets.key("resource", name) for name in names))
            jobs.append(dg.define_asset_job(route, selection=chosen, tags={assets.ROUTE_TAG: route}))
    if plan.datasets:
        jobs.append(dg.define_asset_job("refresh", selection=dg.AssetSelection.groups("landing", "resource")))
    return jobs


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's processes load, by the environment's settings."""
    return definitions()
