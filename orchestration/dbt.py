"""dbt in process: one warm runner over the lake, its profile made from the settings, no telemetry, no network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from contracts.errors import HubError
from orchestration.project import lay_out, workplace, write_if_changed
from warehouse.settings import Settings
from warehouse.storage.connection import address, attach_options, exists, extension_directory, writer_lock

_QUIET = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_VERSION_CHECK": "false",
    "DBT_ENGINE_VERSION_CHECK": "false",
}


SECRET = "DBT_ENV_SECRET_LAKE"  # noqa: S105 - the name of a variable
"""dbt shows no value of a variable of such a name, and takes it in profiles.yml only."""


class ModelsFailed(HubError):
    """dbt ended before it could run the models, or some of them failed."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of one dbt node: a model, a data test or a unit test."""

    node: str
    """dbt's unique id, e.g. model.PACK.MODEL."""
    kind: str
    """model, test or unit_test"""
    model: str
    """Name of the model it is or tests; empty where it tests several."""
    status: str
    seconds: float
    failures: int | None = None
    message: str = ""

    @property
    def good(self) -> bool:
        """Did it succeed? A skipped node did not."""
        return self.status in ("success", "pass", "warn", "no-op")


@dataclass(frozen=True, slots=True)
class ModelsRun:
    """One `dbt build`: every node's result, with the artifacts that lineage and the catalogue are made from."""

    results: tuple[NodeResult, ...]
    manifest: Mapping[str, Any]
    run_results: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that did not succeed."""
        return tuple(result for result in self.results if not result.good)

    def of(self, model: str) -> tuple[NodeResult, ...]:
        """The model's own result and those of its tests."""
        return tuple(result for result in self.results if result.model == model)


def profile(settings: Settings) -> dict[str, Any]:
    """profiles.yml for these settings: DuckDB in memory, the lake attached as the warehouse attaches it.

    A libpq string may hold a password: the file names the variable in which this process hands it to dbt.
    """
    config: dict[str, Any] = {
        "extension_directory": str(extension_directory(settings)),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "true",
        "memory_limit": settings.memory_limit,
        "temp_directory": str(settings.scratch / "spill-models"),
    }
    if settings.threads:
        config["threads"] = settings.threads
    lake = {
        "path": f"{{{{ env_var('{SECRET}') }}}}" if settings.lake_catalog else address(settings),
        "alias": "lake",
        "is_ducklake": True,
        "options": attach_options(settings, read_only=False),
    }
    output = {
        "type": "duckdb",
        "path": ":memory:",
        "database": "lake",
        "schema": "theme",
        "threads": 1,  # DuckLake on SQLite has one writer
        "config_options": config,
        "settings": {"TimeZone": "Asia/Shanghai"},
        "attach": [lake],
    }
    return {"hui": {"target": "lake", "outputs": {"lake": output}}}


def build(
    settings: Settings, *, select: Sequence[str] = (), run_id: str = "", full_refresh: bool = False, tests: bool = True
) -> ModelsRun:
    """Run models and their tests under the writer lock; failures are results, `ModelsFailed` only where nothing ran.

    `select` is dbt's node selection, e.g. ["enterprise+"]; empty: everything.
    """
    _require(settings)
    arguments = ["build" if tests else "run", *_arguments(settings), "--vars", json.dumps({"hui_run_id": run_id})]
    arguments += ["--exclude-resource-type", "unit_test"] if tests else []  # they are for `make test`
    arguments += ["--select", *select] if select else []
    arguments += ["--full-refresh"] if full_refresh else []
    with writer_lock(settings, purpose="models"), _quiet(), _closing():
        outcome = _runner().invoke(arguments)
    if outcome.exception is not None or outcome.result is None:
        raise ModelsFailed(f"模型没有运行：{outcome.exception}", f"The models did not run: {outcome.exception}")
    return _read(settings)


def unit_tests(settings: Settings) -> tuple[NodeResult, ...]:
    """Run the project's unit tests. They read the columns of the resource tables, so these must be there."""
    _require(settings)
    with writer_lock(settings, purpose="models: unit tests"), _quiet(), _closing():
        outcome = _runner().invoke(["test", *_arguments(settings), "--select", "test_type:unit"])
    if outcome.exception is not None or outcome.result is None:
        raise ModelsFailed(f"单元测试没有运行：{outcome.exception}", f"The unit tests did not run: {outcome.exception}")
    return _read(settings).results


def parse(settings: Settings) -> Mapping[str, Any]:
    """The project's manifest, without touching the lake."""
    with _quiet():
        outcome = _runner().invoke(["parse", *_arguments(settings)])
    if not outcome.success:
        raise ModelsFailed(f"模型项目有误：{outcome.exception}", f"The dbt project does not parse: {outcome.exception}")
    return _artifact(settings, "manifest.json")


def _arguments(settings: Settings) -> list[str]:
    place = workplace(settings)
    place.mkdir(parents=True, exist_ok=True)
    (settings.scratch / "spill-models").mkdir(parents=True, exist_ok=True)
    if settings.lake_catalog:
        os.environ[SECRET] = address(settings)
    write_if_changed(place / "profiles.yml", json.dumps(profile(settings), indent=1))
    folders = ["--project-dir", str(lay_out(settings)), "--profiles-dir", str(place), "--target-path", str(place / "target")]
    return [*folders, "--log-path", str(settings.logs / "dbt"), "--quiet", "--no-use-colors", "--log-level", "error"]


@cache
def _runner() -> Any:
    """One dbtRunner for the process; importing dbt takes two seconds, so only where models run."""
    os.environ.update(_QUIET)
    from dbt.cli.main import dbtRunner

    return dbtRunner()


@contextmanager
def _quiet() -> Iterator[None]:
    """dbt reads its switches from the environment; put back what was there."""
    before = {name: os.environ.get(name) for name in _QUIET}
    os.environ.update(_QUIET)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@contextmanager
def _closing() -> Iterator[None]:
    """dbt-duckdb keeps its database open for the process: its memory and the lake's files are given back after a run."""
    try:
        yield
    finally:
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Connections

        with suppress(Exception):  # none was opened where the project did not parse
            Connections.env().close()
        Connections.close_all_connections()


def _read(settings: Settings) -> ModelsRun:
    manifest, run_results = _artifact(settings, "manifest.json"), _artifact(settings, "run_results.json")
    results = tuple(_result(raw, manifest) for raw in run_results["results"])
    return ModelsRun(results, manifest, run_results)


def _result(raw: Mapping[str, Any], manifest: Mapping[str, Any]) -> NodeResult:
    node = raw["unique_id"]
    return NodeResult(
        node=node,
        kind=node.split(".", 1)[0],
        model=_model_of(node, manifest),
        status=raw["status"],
        seconds=float(raw["execution_time"]),
        failures=raw.get("failures"),
        message=raw.get("message") or "",
    )


def _model_of(node: str, manifest: Mapping[str, Any]) -> str:
    if node.startswith("unit_test."):
        return str(manifest["unit_tests"][node]["model"])
    entry = manifest["nodes"][node]
    owner = node if node.startswith("model.") else entry.get("attached_node") or ""
    return owner.rsplit(".", 1)[-1]


def _artifact(settings: Settings, name: str) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = json.loads((workplace(settings) / "target" / name).read_text(encoding="utf-8"))
    return payload


def _require(settings: Settings) -> None:
    if not exists(settings):
        raise ModelsFailed(
            f"{settings.root} 中还没有数据湖，请先运行 hub init。", f"There is no lake in {settings.root}; run hub init first."
        )
