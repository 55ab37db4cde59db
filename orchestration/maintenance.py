"""The hub's own upkeep as jobs: interrupted deliveries, the lake, the audit chain, waiting lineage, old runs."""

from datetime import timedelta
from typing import Any

import dagster as dg

from catalog.acquisition import channels
from catalog.audit import sealing
from catalog.store import database
from contracts.clock import machine
from hub.hub import Hub
from orchestration import lineage, sending

KEEP_RUNS = timedelta(days=30)
RUNS_AT_ONCE = 500


def jobs(hub: Hub) -> list[dg.JobDefinition]:
    """`maintenance`, every night, and `reconcile`, when the sensor finds deliveries that were interrupted."""
    return [_maintenance(hub), _reconcile(hub)]


def _maintenance(hub: Hub) -> dg.JobDefinition:
    @dg.op(name="lake_maintain", description="压实、过期与清理，发布版本不受影响 / Compaction, expiry, orphans; pins stay")
    def lake(context: dg.OpExecutionContext) -> None:
        context.log.info(str(maintain_lake(hub)))

    @dg.op(name="audit_seal", description="审计链封存签名 / Signs the audit chain's new records")
    def seal(context: dg.OpExecutionContext) -> None:
        with hub.session() as session:
            context.log.info(str(sealing.seal(session, hub.settings.audit_key, hub.settings.audit_head)))

    @dg.op(name="lineage_send", description="补发血缘事件 / Sends lineage events that wait")
    def send(context: dg.OpExecutionContext) -> None:
        lineage.catch_up(hub)
        context.log.info(sending.send(hub).told)

    @dg.op(name="ordered_copies", description="大版本按主键排序的副本 / Copies of large versions in key order, for pages")
    def copies(context: dg.OpExecutionContext) -> None:
        context.log.info(f"{copy_large_versions(hub)} 个大版本有副本 / large versions have their copy")

    @dg.op(name="catalogue_statistics", description="更新目录库的查询统计 / Statistics by which the catalogue plans queries")
    def statistics(context: dg.OpExecutionContext) -> None:
        database.keep_statistics(hub.settings.catalog_database)

    @dg.op(name="runs_forget", description="移除三十天前的运行记录 / Removes run records older than thirty days")
    def runs(context: dg.OpExecutionContext) -> None:
        context.log.info(f"{forget_runs(context.instance)} 个运行记录已移除 / runs removed")
        with hub.session() as session:
            channels.forget(session)

    @dg.job(name="maintenance", description="每夜维护 / Nightly upkeep")
    def maintenance() -> None:
        lake()
        seal()
        send()
        statistics()
        copies()
        runs()

    return maintenance


def _reconcile(hub: Hub) -> dg.JobDefinition:
    @dg.op(name="reconcile_deliveries", description="完成或收尾中断的批次 / Finishes interrupted deliveries")
    def finish(context: dg.OpExecutionContext) -> None:
        from warehouse.ingest.reconcile import reconcile

        context.log.info(str(reconcile(hub.settings, hub.ledger, hub.lookups)))

    @dg.job(name="reconcile", description="以数据湖为准，补齐目录中未完成的批次 / Brings the catalogue up to the lake")
    def job() -> None:
        finish()

    return job


def maintain_lake(hub: Hub) -> Any:
    """Compaction, expiry and clean-up that keep every pinned release."""
    from catalog.releases import releases
    from warehouse.storage.maintenance import maintain

    with hub.session() as session:
        pins = releases.pins(session)
    return maintain(hub.settings, pins)


def copy_large_versions(hub: Hub) -> int:
    """See that the newest version of every large resource has its copy in key order; returns how many have."""
    from catalog.entries import contracts as registry
    from catalog.releases import releases
    from warehouse.serving import ordered

    with hub.session() as session:
        versions = [
            (str(resource.library), resource.name, release.snapshot, registry.active(session, resource.name).key)
            for release, resource in releases.large(session, ordered.LARGE)
        ]
    return sum(ordered.prepare(hub.settings, *version) for version in versions)


def forget_runs(instance: dg.DagsterInstance, keep: timedelta = KEEP_RUNS) -> int:
    """Remove finished runs older than `keep`, with their logs; what they made stays on record in the catalogue."""
    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    old = dg.RunsFilter(statuses=finished, updated_before=machine() - keep)
    removed = 0
    while records := instance.get_run_records(old, limit=RUNS_AT_ONCE):
        for record in records:
            instance.delete_run(record.dagster_run.run_id)
        removed += len(records)
    return removed
