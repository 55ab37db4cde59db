"""Assets: every dataset with a contract, grouped by library. Two ops bring them, so that a thousand are one process:
collect asks their channels beside each other, load takes what came into the lake, one after the other."""

import traceback
from collections.abc import Iterator
from typing import Any

import dagster as dg

from hub import sources
from hub.hub import Hub
from orchestration import checks, rounds
from orchestration.beside import BESIDE
from orchestration.collect import collect_all, look_ahead, referenced_first
from orchestration.load import Loading
from orchestration.plan import FRESHNESS, Plan, Planned, told
from orchestration.turns import Turn

ROUTE_TAG = "hui/route"
"""On the jobs request, buy and collect: agreements of other routes wait for their own job."""
ARRIVALS = dg.AssetKey(["landing", "arrivals"])
"""What channels bring: bytes in landing with their receipts. A run that has it among its assets collects for its datasets."""
COLLECT = "collect_channels"
LOAD = "load_datasets"


def key(library: str, dataset: str) -> dg.AssetKey:
    """The asset key of a lake table."""
    return dg.AssetKey([library, dataset])


def spec(planned: Planned) -> dg.AssetSpec:
    """A dataset as an asset. Skippable: where nothing new came, it is not made again and its age is seen."""
    window = FRESHNESS.get(planned.cycle)
    return dg.AssetSpec(
        key(planned.library, planned.name),
        group_name=planned.library,
        description=planned.description or planned.title,
        metadata=told(planned),
        tags={f"hui/{route}": "" for route in planned.routes},
        kinds={"duckdb"},
        skippable=True,
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=window) if window else None,
    )


def arrivals(hub: Hub, plan: Plan) -> dg.AssetsDefinition | None:
    """The op that collects for a run's datasets. None where there is no dataset yet."""
    if not plan.datasets:
        return None
    spec = dg.AssetSpec(
        ARRIVALS,
        group_name="landing",
        description="各通道收到的原始字节与回执 / Bytes as received from all channels, with their receipts",
        skippable=True,
    )

    @dg.multi_asset(name=COLLECT, specs=[spec], op_tags={BESIDE: "collect"})
    def collect_channels(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Ask the channels of a run's datasets, so many at once; one that is slow or dead delays no other."""
        mine, failed = rounds.of(context.run_id), dict[str, list[str]]()
        counts = dict.fromkeys(("channels", "deliveries", "bytes"), 0)
        try:
            found = sources.in_force(hub, _datasets_of(context), context.run.tags.get(ROUTE_TAG, ""))
            settling, busy = look_ahead(hub, found)
            order = referenced_first(hub, {agreed.dataset for agreed in busy})
            mine.begin(order, [agreed.dataset for agreed in busy])
            for collected in collect_all(hub, _in_order(busy, list(order)), settling=settling, run_id=context.run_id):
                mine.bring(collected)
                if collected.failed:
                    failed.setdefault(collected.agreed.dataset, []).extend(zh for zh, _ in collected.notes)
                counts["channels"] += 1
                counts["deliveries"] += len(collected.news)
                counts["bytes"] += sum(reception.entry.receipt.bytes for reception in collected.news)
        finally:
            mine.end()
        if counts["deliveries"]:
            yield dg.MaterializeResult(asset_key=ARRIVALS, metadata=counts)
        if failed:
            raise _failure(failed)

    return collect_channels


def datasets(hub: Hub, plan: Plan) -> dg.AssetsDefinition | None:
    """One multi-asset over all datasets; a job or schedule selects some of them. None where there is no dataset yet."""
    specs = [spec(planned) for planned in plan.datasets]
    if not specs:
        return None

    @dg.multi_asset(
        name=LOAD,
        specs=specs,
        check_specs=[check for s in specs for check in checks.specs(s.key)],
        can_subset=True,
    )
    def load_datasets(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Load what was collected, and what an earlier run left; one that fails does not keep the others out."""
        chosen = {k.path[-1]: k for k in context.selected_asset_keys}
        mine = rounds.of(context.run_id)
        if not context.job_def.has_node_named(COLLECT):
            mine.end()
        failed: dict[str, list[str]] = {}
        try:
            for turn in Loading(hub, mine, frozenset(chosen), context.run_id).run():
                if turn.trouble:
                    failed[turn.dataset] = [zh for zh, _ in turn.trouble]
                if turn.dataset in chosen:
                    yield from _told(chosen[turn.dataset], turn)
        except Exception:
            context.log.error(traceback.format_exc())
            raise
        finally:
            rounds.forget(context.run_id)
        if failed:
            raise _failure(failed)

    return load_datasets


def _datasets_of(context: dg.AssetExecutionContext) -> list[str]:
    """Datasets that the run is about."""
    keys = context.job_def.asset_layer.selected_asset_keys
    return [one.path[-1] for one in keys if one.path[0] == "resource"]


def _in_order(busy: list[sources.Agreed], order: list[str]) -> list[sources.Agreed]:
    place = {name: number for number, name in enumerate(order)}
    return sorted(busy, key=lambda agreed: place[agreed.dataset])


def _failure(failed: dict[str, list[str]]) -> dg.Failure:
    return dg.Failure(
        f"{len(failed)} 个数据集未收全 / not fully taken: {', '.join(failed)}",
        metadata={name: "；".join(notes) for name, notes in failed.items()},
    )


def _told(asset: dg.AssetKey, turn: Turn) -> Iterator[Any]:
    results = checks.results(asset, turn)
    if any(not loaded.refused for loaded in turn.news):
        yield dg.MaterializeResult(asset_key=asset, metadata=_metadata(turn), check_results=results)
    elif turn.news or turn.notes:
        yield from results


def _metadata(turn: Turn) -> dict[str, Any]:
    counts = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")
    rows = [loaded.outcome.table_rows for loaded in turn.news if loaded.outcome.table_rows is not None]
    return {
        **{name: turn.count(name) for name in counts},
        "batches": ", ".join(loaded.batch_id for loaded in turn.news),
        "seconds": round(turn.seconds, 3),
        **({"dagster/row_count": rows[-1]} if rows else {}),
    }
