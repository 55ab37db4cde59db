"""Schedules, made from agreements: one for each route and rhythm, over the datasets that have it."""

from __future__ import annotations

import re

import dagster as dg

from contracts.clock import zone
from orchestration.assets import ARRIVALS, ROUTE_TAG, key
from orchestration.plan import Due, Plan


def routes(plan: Plan) -> list[dg.ScheduleDefinition]:
    """A schedule for every route and rhythm in use; a thousand daily datasets are one run."""
    return [_schedule(due) for due in plan.due]


def upkeep() -> list[dg.ScheduleDefinition]:
    """The hub's own nightly work."""
    return [
        dg.ScheduleDefinition(
            name="maintenance_nightly",
            job_name="maintenance",
            cron_schedule="30 2 * * *",
            execution_timezone=zone().key,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="每夜：湖压实与清理、审计封存、血缘补发、旧运行清理 / Compaction, audit seal, lineage, old runs",
        )
    ]


def name(due: Due) -> str:
    """request_0_6_any_any_1: stable for the same route and cron, and a valid Dagster name."""
    return f"{due.route}_" + re.sub(r"[^A-Za-z0-9]+", "_", due.cron.replace("*/", "each").replace("*", "any")).strip("_")


def _schedule(due: Due) -> dg.ScheduleDefinition:
    chosen = [ARRIVALS, *(key("resource", dataset) for dataset in due.datasets)]

    def ask(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(asset_selection=chosen, tags={ROUTE_TAG: due.route})

    return dg.ScheduleDefinition(
        name=name(due),
        job_name=due.route,
        cron_schedule=due.cron,
        execution_timezone=zone().key,
        execution_fn=ask,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{len(due.datasets)} 个数据集 / datasets: {', '.join(due.datasets[:5])}",
    )
