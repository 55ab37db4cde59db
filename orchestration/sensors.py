"""Sensors: files dropped into watched folders, deliveries left half way, models behind their data, lineage to send on."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
from sqlalchemy import func
from sqlmodel import col, select

from catalog.audit import sealing, witness
from catalog.deliveries.batches import ACCEPTED, Batch
from catalog.deliveries.quality import QualityResult
from channels import base
from channels.settling import look
from contracts.clock import now
from hub import sources
from hub.hub import Hub
from orchestration import collect, lineage, listening, owners, sending
from orchestration.assets import ARRIVALS, ROUTE_TAG, key
from orchestration.plan import ROUTES, Plan
from orchestration.project import described

RUNNING = dg.DefaultSensorStatus.RUNNING
LEFT_BEHIND = timedelta(minutes=10)
"""A delivery that is neither loaded nor refused after this long was interrupted."""


def sensors(hub: Hub, plan: Plan) -> list[dg.SensorDefinition]:
    """All sensors; those of a route only where a dataset comes by it."""
    dropped = [_dropped(hub, route) for route in ROUTES if plan.of(route)]
    heard = [_heard(hub, route) for route in ROUTES if plan.of(route) and listening.channels(hub, route)]
    return [*dropped, *heard, _left_behind(hub), _models_behind(hub), _lineage(hub), _seal(hub), _orphans(hub)]


def _dropped(hub: Hub, route: str) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{route}_dropped",
        job_name=route,
        minimum_interval_seconds=15,
        default_status=RUNNING,
        description="监视文件夹：文件停止变化后收取 / Takes files from watched folders once they have stopped growing",
    )
    def dropped(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before: dict[str, Any] = json.loads(context.cursor or "{}")
        seen = waiting(hub, route)
        ready = {name: looks for name, looks in seen.items() if before.get(name) == looks}
        requests = [_request(route, ready)] if ready else []
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(seen, ensure_ascii=False))

    return dropped


def _heard(hub: Hub, route: str) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{route}_heard",
        job_name=route,
        minimum_interval_seconds=15,
        default_status=RUNNING,
        description="实时消息通道：一次收取结束后即再收取 / Listens to message channels again once a look has ended",
    )
    def heard(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        due = [] if listening.asked_for(context.instance, route) else listening.due(hub, route)
        if not due:
            yield dg.SkipReason("均在收听或间歇中 / all are being listened to, or rest")
            return
        chosen = [ARRIVALS, *(key("resource", name) for name in due)]
        yield dg.RunRequest(asset_selection=chosen, tags={ROUTE_TAG: route, listening.TAG: route})

    return heard


def waiting(hub: Hub, route: str) -> dict[str, dict[str, list[int]]]:
    """Dataset → its waiting files with size and time of change."""
    ready: dict[str, dict[str, list[int]]] = {}
    for dataset, channels in sources.in_force(hub, route=route).items():
        files = [path for agreed in channels for path in collect.waiting(hub, agreed)]
        if files:
            ready[dataset] = {base.remembered_name(str(path)): look(path) for path in files}
    return ready


def _request(route: str, ready: dict[str, dict[str, list[int]]]) -> dg.RunRequest:
    """One run for all that is ready; the same files in the same state never ask twice."""
    digest = hashlib.sha256(json.dumps(ready, sort_keys=True).encode()).hexdigest()[:32]
    chosen = [ARRIVALS, *(key("resource", name) for name in ready)]
    return dg.RunRequest(run_key=digest, asset_selection=chosen, tags={ROUTE_TAG: route})


def _left_behind(hub: Hub) -> dg.SensorDefinition:
    @dg.sensor(
        name="left_behind",
        job_name="reconcile",
        minimum_interval_seconds=120,
        default_status=RUNNING,
        description="收到而未完成的批次：补做或收尾 / Finishes deliveries that were received and then interrupted",
    )
    def left_behind(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        old = [entry for entry in hub.ledger.unsettled() if now() - entry.receipt.received_at > LEFT_BEHIND]
        if not old:
            yield dg.SkipReason("没有未完成的批次 / nothing is left behind")
        else:
            yield dg.RunRequest(run_key=f"{old[0].batch_id}-{len(old)}-{now():%Y%m%d%H}")

    return left_behind


def _models_behind(hub: Hub) -> dg.SensorDefinition:
    @dg.sensor(
        name="models_behind",
        job_name="models",
        minimum_interval_seconds=60,
        default_status=RUNNING,
        description="资源库有新批次后更新主题库与专题库 / Builds the models after new batches",
    )
    def models_behind(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        newest = str(newest_batch(hub))
        known = newest in ("0", context.cursor or "0") or (not context.cursor and built_since_newest(hub))
        if known:
            return dg.SensorResult(skip_reason="没有新批次 / no new batch", cursor=newest)
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"batch-{newest}")], cursor=newest)

    return models_behind


def newest_batch(hub: Hub) -> int:
    """Order of the newest accepted batch of any dataset that a model reads; 0 where there is none."""
    read = {name for model in described(hub.settings).values() for name in model.resources}
    with hub.session() as session:
        statement = select(func.max(Batch.sequence)).where(col(Batch.dataset).in_(read), col(Batch.state).in_(ACCEPTED))
        return session.exec(statement).one() or 0


def built_since_newest(hub: Hub) -> bool:
    """Whether every model was built after the newest batch was settled, by whichever hand; for the sensor's first look.

    A batch that settles while the models are being built would be overlooked by this: the cursor tells of that one.
    """
    models = described(hub.settings)
    read = {name for model in models.values() for name in model.resources}
    with hub.session() as session:
        settled = select(func.max(Batch.finished_at)).where(col(Batch.dataset).in_(read), col(Batch.state).in_(ACCEPTED))
        built = (
            select(QualityResult.dataset)
            .where(col(QualityResult.dataset).in_(models))
            .group_by(QualityResult.dataset)
            .having(func.max(QualityResult.measured_at) > settled.scalar_subquery())
        )
        return len(session.exec(built).all()) == len(models)


def _lineage(hub: Hub) -> dg.SensorDefinition:
    @dg.sensor(
        name="lineage_spool",
        job_name="maintenance",
        minimum_interval_seconds=60,
        default_status=RUNNING,
        description="把尚未发出的血缘事件发往 HUB_OPENLINEAGE_URL / Sends lineage events that wait",
    )
    def lineage_spool(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        lineage.catch_up(hub)
        return dg.SkipReason(sending.send(hub).told)

    return lineage_spool


def _seal(hub: Hub) -> dg.SensorDefinition:
    @dg.sensor(
        name="audit_seal",
        job_name="maintenance",
        minimum_interval_seconds=60,
        default_status=RUNNING,
        description="审计记录满二十条或一分钟即封存 / Seals the audit chain after 20 records or a minute",
    )
    def audit_seal(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with hub.session() as session:
            seal = sealing.seal_when_due(session, hub.settings.audit_key, hub.settings.audit_head)
        named = witness.witness_of(hub.settings.audit_witness, hub.settings.audit_witness_key)
        if named is not None:
            with hub.session() as session:
                witness.tell(session, named)
        return dg.SkipReason(f"已封存至 / sealed up to {seal.last}" if seal else "无需封存 / nothing due")

    return audit_seal


def _orphans(hub: Hub) -> dg.SensorDefinition:
    @dg.sensor(
        name="runs_nobody_runs",
        job_name="maintenance",
        minimum_interval_seconds=20,
        default_status=RUNNING,
        description="进程已不在的运行按失败结束，队列继续 / Ends runs whose process is gone; the queue goes on",
    )
    def runs_nobody_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = owners.end_orphans(hub, context.instance)
        return dg.SkipReason(f"已结束 / ended: {', '.join(ended)}" if ended else "没有无主的运行 / every run has its process")

    return runs_nobody_runs
