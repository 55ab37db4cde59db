"""The dbt models as assets: one op builds those that a run selects, in process, and brings catalogue and lineage up."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from contracts.packs.models import Model
from hub.hub import Hub
from orchestration import checks, dbt, derived, modelled_lineage
from orchestration.assets import key
from orchestration.dbt import ModelsRun
from orchestration.plan import FRESHNESS
from orchestration.project import described


def spec(model: Model, models: Mapping[str, Model]) -> dg.AssetSpec:
    """A model as an asset, after the datasets and models that it reads."""
    reads = [key("resource", name) for name in model.resources] + [key(models[name].library, name) for name in model.models]
    window = FRESHNESS.get(str(model.meta.get("catalogue", {}).get("cycle", "")))
    return dg.AssetSpec(
        key(model.library, model.name),
        deps=reads,
        group_name=model.library,
        description=f"{model.description} / {model.description_en}",
        metadata={"title": model.title, "title_en": model.title_en},
        kinds={"dbt", "duckdb"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=window) if window else None,
    )


def models(hub: Hub) -> dg.AssetsDefinition | None:
    """One multi-asset over the models of all installed packs; none where there are no models."""
    described_models = described(hub.settings)
    if not described_models:
        return None
    specs = [spec(model, described_models) for model in described_models.values()]
    tests = [
        check for model in described_models.values() for check in checks.model_specs(model, key(model.library, model.name))
    ]

    @dg.multi_asset(name="build_models", specs=specs, check_specs=tests, can_subset=True)
    def build_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """dbt build of the selected models; then their catalogue entries, quality and lineage."""
        names = [k.path[-1] for k in context.selected_asset_keys]
        run, rows = build(hub, names if len(names) < len(described_models) else [], run_id=context.run_id)
        for name in _in_order(names, described_models):
            yield from _told(described_models[name], run, rows)
        broken = [result.model for result in run.failed if result.kind == "model"]
        if broken:
            problems = {result.model: result.message for result in run.failed if result.kind == "model"}
            raise dg.Failure(f"模型未建成 / models that failed: {', '.join(broken)}", metadata=problems)

    return build_models


def job(hub: Hub) -> "dg.JobDefinition | dg.UnresolvedAssetJobDefinition":
    """`models`: theme and topic; where no pack brings models, a job that says so."""
    if described(hub.settings):
        return dg.define_asset_job("models", selection=dg.AssetSelection.groups("theme", "topic"))

    @dg.op
    def no_models(context: dg.OpExecutionContext) -> None:
        """Nothing to build: models come with packs (`hub pack add`)."""
        context.log.info("没有模型 / there are no models: no pack brings any")

    @dg.job(name="models")
    def nothing() -> None:
        no_models()

    return nothing


def build(hub: Hub, names: list[str], *, run_id: str = "", full_refresh: bool = False) -> tuple[ModelsRun, Mapping[str, int]]:
    """Build models (all where none is named) and bring the catalogue up to them; gives dbt's results and rows by model."""
    run = dbt.build(hub.settings, select=names, run_id=run_id, full_refresh=full_refresh)
    rows = derived.catalogue(hub, run, run_id=run_id)
    with hub.session() as session:
        modelled_lineage.record(session, hub.settings, run, run_id=run_id)
    return run, rows


def _in_order(names: Sequence[str], models: Mapping[str, Model]) -> list[str]:
    """Models after those they read, as Dagster wants them told."""
    wanted = set(names)
    graph = {name: sorted(wanted.intersection(models[name].models)) for name in sorted(wanted)}
    return list(TopologicalSorter(graph).static_order())


def _told(model: Model, run: ModelsRun, rows: Mapping[str, int]) -> Iterator[Any]:
    results = run.of(model.name)
    built = next((result for result in results if result.kind == "model"), None)
    if built is None or not built.good:
        return
    tests = {_test_name(result.node, run): result for result in results if result.kind == "test"}
    told = [(name, result.good, result.failures or 0, result.message) for name, result in tests.items() if name in model.tests]
    asset = key(model.library, model.name)
    yield dg.MaterializeResult(
        asset_key=asset,
        metadata={"dagster/row_count": rows.get(model.name, 0), "seconds": round(built.seconds, 3)},
        check_results=checks.model_results(asset, told),
    )


def _test_name(node: str, run: ModelsRun) -> str:
    entry = run.manifest["nodes"][node]
    return f"{entry.get('column_name')}_{(entry.get('test_metadata') or {}).get('name', entry['name'])}"
