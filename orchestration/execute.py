"""Jobs executed in this process, on the daemon's Dagster instance, and what they did as the catalogue has it."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process
from filelock import FileLock
from sqlmodel import col, select

from catalog.deliveries.batches import Batch
from catalog.entries.resources import Resource
from contracts.errors import HubError
from hub import sources
from hub.hub import Hub, open_hub
from orchestration import owners
from orchestration.assets import ARRIVALS, key
from orchestration.collect import passed_over
from orchestration.definitions import definitions
from orchestration.home import ROOT, environment
from orchestration.plan import ROUTES
from orchestration.project import described
from warehouse.settings import Settings

ALL = (*ROUTES, "models")


class UnknownJob(HubError):
    """There is no such job, or nothing for it to do."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One dataset in one run: its new batches summed, and the seconds of each step."""

    dataset: str
    title: str
    route: str
    batches: tuple[str, ...]
    states: tuple[str, ...]
    received: int
    accepted: int
    quarantined: int
    inserted: int
    updated: int
    unchanged: int
    removed: int
    seconds: dict[str, float]

    @property
    def balanced(self) -> bool:
        """received = accepted + quarantined."""
        return self.received == self.accepted + self.quarantined


@dataclass(frozen=True, slots=True)
class Built:
    """One model in one run: rows it has now, its tests, and its seconds."""

    model: str
    title: str
    rows: int
    tests: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Executed:
    """One job's run."""

    job: str
    run_id: str
    success: bool
    seconds: float
    loaded: tuple[Loaded, ...] = ()
    built: tuple[Built, ...] = ()
    problems: tuple[str, ...] = field(default=())


@contextmanager
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The installation's Dagster instance, by the dagster.yaml at the project's root. It is opened by one process at a time:
    the first to come make its databases, and two that do so together stamp them twice (2026-11-27, Alembic's "more than one
    head")."""
    before = {name: os.environ.get(name) for name in environment(settings)}
    os.environ.update(environment(settings))
    try:
        with FileLock(settings.root / "runs.lock"):
            opened = dg.DagsterInstance.from_config(str(ROOT))
        with opened:
            yield opened
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def execute(settings: Settings, jobs: Sequence[str], *, datasets: Sequence[str] = ()) -> Iterator[Executed]:
    """Run jobs one after the other in this process, told as each ends. `datasets` narrows what is run.

    A job whose route no dataset uses is left out, unless it is the only one asked for.
    """
    hub = open_hub(settings)
    with instance(settings) as opened:
        owners.end_orphans(hub, opened)
        repository = definitions(settings).get_repository_def()
        for name in jobs:
            if not repository.has_job(name):
                if len(jobs) == 1:
                    raise _unknown(name, repository.job_names)
                continue
            done = _execute(hub, repository.get_job(name), opened, datasets)
            yield replace(done, problems=(*done.problems, *_left_lying(hub, name, datasets)))


def _left_lying(hub: Hub, job: str, datasets: Sequence[str]) -> Iterator[str]:
    """Files that a route's folders hold and do not give, so that nobody waits for them."""
    if job not in (*ROUTES, "refresh"):
        return
    agreed = sources.in_force(hub, datasets, job if job in ROUTES else "")
    for path, why, why_en in passed_over(hub, agreed):
        yield f"{path}: {why} / {why_en}"


def _execute(hub: Hub, job: dg.JobDefinition, opened: dg.DagsterInstance, datasets: Sequence[str]) -> Executed:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)  # what went wrong is told below, once
    began = time.perf_counter()
    run_id = str(uuid.uuid4())
    try:
        result = _in_this_process(job, opened, run_id, _selected(hub.settings, datasets))
    except BaseException as ended:  # the terminal was closed, or Ctrl-C: the run ends with it
        _end(opened, run_id, ended)
        raise
    return Executed(
        job=job.name,
        run_id=result.run_id,
        success=result.success,
        seconds=round(time.perf_counter() - began, 3),
        loaded=loaded(hub, result.run_id),
        built=_built(hub, result),
        problems=tuple(_problems(result)),
    )


def _in_this_process(
    job: dg.JobDefinition, opened: dg.DagsterInstance, run_id: str, selected: Sequence[dg.AssetKey]
) -> dg.ExecuteInProcessResult:
    """Dagster's `execute_in_process` with the executor that every other run has: that one would run steps in turn."""
    return core_execute_in_process(
        job=InMemoryJob(job_def=job.get_subset(asset_selection=set(selected)) if selected else job),
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=opened,
        output_capturing_enabled=False,
        raise_on_error=False,
        run_tags=owners.tags(),
        run_id=run_id,
        asset_selection=frozenset(selected),
    )


def _end(opened: dg.DagsterInstance, run_id: str, why: BaseException) -> None:
    run = opened.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        opened.report_run_failed(run, f"中断 / interrupted: {type(why).__name__}")


def _selected(settings: Settings, datasets: Sequence[str]) -> list[dg.AssetKey]:
    models = described(settings)
    chosen = [key(models[name].library if name in models else "resource", name) for name in datasets]
    return [*([ARRIVALS] if any(one.path[0] == "resource" for one in chosen) else []), *chosen]


def loaded(hub: Hub, run_id: str) -> tuple[Loaded, ...]:
    """What a run delivered, by dataset in the order of loading, read from the batches that name it."""
    with hub.session() as session:
        statement = select(Batch).where(Batch.run_id == run_id).order_by(col(Batch.finished_at), col(Batch.sequence))
        titles = dict(session.exec(select(Resource.name, Resource.title)).all())
        batches: dict[str, list[Batch]] = {}
        for batch in session.exec(statement):
            batches.setdefault(batch.dataset, []).append(batch)
    return tuple(_sum(name, titles.get(name, name), rows) for name, rows in batches.items())


def _sum(dataset: str, title: str, batches: Sequence[Batch]) -> Loaded:
    seconds: dict[str, float] = {}
    for batch in batches:
        for step, spent in batch.seconds.items():
            seconds[step] = round(seconds.get(step, 0.0) + spent, 3)
    names = ("received", "accepted", "quarantined", "inserted", "updated", "unchanged", "removed")
    return Loaded(
        dataset=dataset,
        title=title,
        route=batches[0].route,
        batches=tuple(batch.id for batch in batches),
        states=tuple(batch.state for batch in batches),
        seconds=seconds,
        **{name: sum(getattr(batch, name) for batch in batches) for name in names},
    )


def _built(hub: Hub, result: dg.ExecuteInProcessResult) -> tuple[Built, ...]:
    models = described(hub.settings)
    checks = result.get_asset_check_evaluations()
    built = []
    for event in result.get_asset_materialization_events():
        name = event.asset_key.path[-1] if event.asset_key else ""
        if name not in models:
            continue
        metadata: dict[str, Any] = {k: v.value for k, v in event.materialization.metadata.items()}
        mine = [check for check in checks if check.asset_key == event.asset_key]
        failed = sum(not check.passed for check in mine)
        rows = int(metadata.get("dagster/row_count", 0))
        built.append(Built(name, models[name].title, rows, len(mine), failed, float(metadata.get("seconds", 0.0))))
    return tuple(built)


def _problems(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """Failures of steps in people's words, then what failed checks say."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            yield (failure.description or "") if failure else (data.error.message.strip() if data.error else "?")
            for name, value in (failure.metadata if failure else {}).items():
                yield f"{name}: {value.value}"
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.description:
            yield f"{check.asset_key.path[-1]} · {check.check_name}: {check.description}"


def _unknown(name: str, known: Sequence[str]) -> UnknownJob:
    jobs = "、".join(job for job in known if not job.startswith("__"))
    return UnknownJob(
        f"没有可运行的「{name}」：可用的有 {jobs}。某途径没有数据集时没有对应的作业，请先登记契约与协议。",
        f"There is no job {name!r} to run; there are {jobs.replace('、', ', ')}. A route without datasets has no job: "
        "register contracts and agreements first.",
    )
