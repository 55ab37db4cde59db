"""Assets: every dataset with a contract, grouped by library, all acquired by one op so that a thousand are one process."""

import traceback
from collections.abc import Iterator
from typing import Any

import dagster as dg

from hub.hub import Hub
from orchestration import checks
from orchestration.plan import FRESHNESS, Plan, Planned, told
from orchestration.routes.acquire import Acquired, acquire, agreements, look_ahead, make_tables
from orchestration.routes.arrivals import FetchTime, Unexpected
from warehouse.foreign import door

ROUTE_TAG = "hui/route"
"""On the jobs request, buy and collect: agreements of other routes wait for their own job."""


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


def datasets(hub: Hub, plan: Plan) -> dg.AssetsDefinition | None:
    """One multi-asset over all datasets; a job or schedule selects some of them. None where there is no dataset yet."""
    specs = [spec(planned) for planned in plan.datasets]
    if not specs:
        return None

    @dg.multi_asset(
        name="acquire_datasets",
        specs=specs,
        check_specs=[check for s in specs for check in checks.specs(s.key)],
        can_subset=True,
    )
    def acquire_datasets(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Take what each dataset's channels hold ready; one that fails does not keep the others out."""
        chosen = {k.path[-1]: k for k in context.selected_asset_keys}
        found = agreements(hub, chosen, context.run.tags.get(ROUTE_TAG, ""))
        settling, busy = look_ahead(hub, found)
        make_tables(hub, busy)
        failed: dict[str, str] = {}
        fetching = FetchTime(hub.settings.run_fetch_seconds)
        with door.in_turn():
            for name in busy:
                try:
                    turn = acquire(hub, name, found[name], settling=settling, fetching=fetching, run_id=context.run_id)
                except Exception as error:
                    context.log.error(f"{name}: {traceback.format_exc()}")
                    told = Unexpected(error)
                    turn = Acquired(name, failed=True, notes=[(told.message, told.message_en)])
                if turn.failed:
                    failed[name] = "；".join(zh for zh, _ in turn.notes)
                yield from _told(chosen[name], turn)
        if failed:
            raise dg.Failure(f"{len(failed)} 个数据集未收全 / not fully taken: {', '.join(failed)}", metadata=dict(failed))

    return acquire_datasets


def _told(asset: dg.AssetKey, turn: Acquired) -> Iterator[Any]:
    results = checks.results(asset, turn)
    if any(not taken.refused for taken in turn.news):
        yield dg.MaterializeResult(asset_key=asset, metadata=_metadata(turn), check_results=results)
    elif turn.news or turn.notes:
        yield from results


def _metadata(turn: Acquired) -> dict[str, Any]:
    counts = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")
    rows = [taken.outcome.table_rows for taken in turn.news if taken.outcome.table_rows is not None]
    return {
        **{name: turn.count(name) for name in counts},
        "batches": ", ".join(taken.batch_id for taken in turn.news),
        "seconds": round(turn.seconds, 3),
        **({"dagster/row_count": rows[-1]} if rows else {}),
    }
