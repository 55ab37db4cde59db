"""Who runs a run: the process that owns it is seen to be alive; a dead one's run ends as failed, and the queue goes on."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from catalog.audit import chain as audit
from contracts.clock import machine
from hub.hub import ACTOR, Hub
from orchestration.beside import SideBySideExecutor

OWNER_TAG = "hui/owner"
SEEN_TAG = "hui/seen"
BEAT_SECONDS = 15.0
LONG_UNSEEN = timedelta(seconds=50)
"""An owner on another machine, whose processes cannot be looked at, is dead after this long without a beat."""
NEVER_OWNED = timedelta(minutes=5)
"""A run in progress that never had an owner: its process died before it said who it is, or was of an older version."""
IN_PROGRESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: `started` tells it from a later one of the same number."""

    host: str
    pid: int
    started: str

    @classmethod
    def me(cls) -> Owner:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), _started(os.getpid()))

    def gone(self) -> bool | None:
        """Whether the process has ended; None on another machine."""
        if self.host != socket.gethostname():
            return None
        return _started(self.pid) != self.started


@contextmanager
def owned(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Own a run for as long as this lasts: its tags say who runs it, and every few seconds that the owner lives."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            with suppress(Exception):  # a busy store: the next beat comes soon
                instance.add_run_tags(run_id, {SEEN_TAG: machine().isoformat()})

    thread = threading.Thread(target=beat, name=f"owner of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(BEAT_SECONDS)


def tags() -> dict[str, str]:
    """Tags by which a run names this process as its owner."""
    return {OWNER_TAG: json.dumps(asdict(Owner.me())), SEEN_TAG: machine().isoformat()}


class OwnedExecutor(SideBySideExecutor):
    """Runs all steps in the run's own process, which owns the run; collect and load side by side."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        """Dagster's own way, with an owner."""
        run_id = plan_context.run_id
        plan_context.instance.add_run_tags(run_id, tags())
        with owned(plan_context.instance, run_id):
            yield from super().execute(plan_context, execution_plan)


@dg.executor(name="owned_in_process", requirements=[])
def executor(context: dg.InitExecutorContext) -> OwnedExecutor:
    """The executor of every job that a schedule or a sensor starts."""
    from dagster._core.execution.retries import RetryMode

    return OwnedExecutor(retries=RetryMode.DISABLED)


def orphans(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Runs in progress that nobody runs."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(IN_PROGRESS)))
    return [record.dagster_run for record in records if _orphaned(record)]


def end_orphans(hub: Hub, instance: dg.DagsterInstance) -> list[str]:
    """End every run that nobody runs as failed, on record; the queue goes on. Gives their ids."""
    ended = []
    for run in orphans(instance):
        owner = run.tags.get(OWNER_TAG, "")
        instance.report_run_failed(
            run, f"执行它的进程已不在，按失败结束 / nobody runs it any more, ended as failed: {owner or '?'}"
        )
        with hub.session() as session:
            detail = {"job": run.job_name, "owner": owner, "seen": run.tags.get(SEEN_TAG, "")}
            audit.record(session, actor=ACTOR, action="run.ended", object=f"run:{run.run_id}", outcome="failed", detail=detail)
        ended.append(run.run_id)
    return ended


def _orphaned(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    owner = _owner(run.tags)
    if owner is None:
        launched = run.tags.get(".dagster/grpc_info", "")
        return _socket_gone(launched) or machine() - record.update_timestamp > NEVER_OWNED
    lost = owner.gone()
    return lost if lost is not None else machine() - _seen(run.tags) > LONG_UNSEEN


def _owner(tags: Mapping[str, str]) -> Owner | None:
    try:
        return Owner(**json.loads(tags[OWNER_TAG]))
    except (KeyError, TypeError, ValueError):
        return None


def _seen(tags: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(tags[SEEN_TAG])


def _socket_gone(told: str) -> bool:
    """Whether the code server that was to run it has left with its socket: that of a `hub work` that ended."""
    with suppress(ValueError, AttributeError):
        path = json.loads(told).get("socket")
        return bool(path) and not Path(path).exists()
    return False


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks since boot, with the boot it was in; "" where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "" if Path("/proc/self").exists() else _alive(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else f"{boot}:{fields[19]}"


def _alive(pid: int) -> str:
    """Where there is no /proc: only whether the number is in use."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
