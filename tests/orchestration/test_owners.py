"""A run that nobody runs ends as failed, on record, and the queue goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from catalog.audit import chain as audit
from cli.doctor import runs_finding
from hub.hub import Hub
from orchestration import owners
from orchestration.execute import execute, instance
from orchestration.sensors import _orphans
from tests.orchestration.conftest import drop
from warehouse.storage import connection

RUN = [sys.executable, "-m", "cli", "run", "request"]


@contextmanager
def running(hub: Hub, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`hub run request` in a process of its own."""
    told = {**os.environ, "HUB_HOME": str(hub.settings.root), "HUB_LANG": "en", **environment}
    with subprocess.Popen(RUN, env=told, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


def only_run(opened: dg.DagsterInstance) -> dg.DagsterRun:
    (run,) = opened.get_runs()
    return run


def test_a_killed_run_ends_as_failed_and_the_queue_goes_on(stocked: Hub, inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    with running(stocked, HUB_CRASH_AT="check") as process:
        assert process.wait(300) == -signal.SIGKILL
    with instance(stocked.settings) as opened:
        assert only_run(opened).status is dg.DagsterRunStatus.STARTED
        assert runs_finding(stocked.settings).state == "bad"
        sensor = _orphans(stocked)
        sensor.evaluate_tick(dg.build_sensor_context(instance=opened))
        assert only_run(opened).status is dg.DagsterRunStatus.FAILURE
    assert runs_finding(stocked.settings).state == "good"
    with stocked.session() as session:
        (record,) = audit.listed(session, action="run.ended")
        assert json.loads(record.detail["owner"])["pid"]


def test_the_next_run_by_hand_ends_it_too(stocked: Hub, inbox: Path) -> None:
    with instance(stocked.settings) as opened:
        dead = json.dumps({**json.loads(owners.tags()[owners.OWNER_TAG]), "started": "another boot:1"})
        opened.create_run_for_job(job(), status=dg.DagsterRunStatus.STARTED, tags={owners.OWNER_TAG: dead})
    drop(inbox / "station", "a.csv", "S1,1")
    (executed,) = execute(stocked.settings, ["request"])
    assert executed.loaded[0].accepted == 1
    with instance(stocked.settings) as opened:
        assert {run.status for run in opened.get_runs()} == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}


def test_runs_started_at_once_wait_for_each_other(stocked: Hub, inbox: Path) -> None:
    """None fails by a lock, and every file is one batch."""
    for n in range(4):
        drop(inbox / "station", f"{n}.csv", f"S{n},{n}")
    with running(stocked) as first, running(stocked) as second, running(stocked) as third:
        said = [process.communicate(timeout=500) for process in (first, second, third)]
    text = "\n".join(part for both in said for part in both)
    assert [process.returncode for process in (first, second, third)] == [0, 0, 0], text
    assert "locked" not in text.lower()
    assert "Traceback" not in text
    (dataset,) = {entry.receipt.dataset for entry in stocked.ledger.history("station")}
    assert [entry.state for entry in stocked.ledger.history(dataset)] == ["loaded"] * 4


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_closed_terminal_ends_its_run(stocked: Hub, inbox: Path, number: int) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    held = connection.writer_lock(stocked.settings, purpose="test")
    with held, running(stocked) as process, instance(stocked.settings) as opened:
        _until(lambda: stocked.ledger.unsettled() and opened.get_runs())
        process.send_signal(number)
        process.wait(120)
        assert only_run(opened).status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def test_a_signal_that_was_passed_over_is_given_again() -> None:
    """A run once did not end within two minutes of its signal; an interrupt that is swallowed would explain it."""
    program = """
import os, signal, time
from cli import run
run.HEARD_SECONDS = 0.2
run._end_with_terminal()
try:
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(100)
except KeyboardInterrupt:
    pass
time.sleep(100)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=90
    )
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode != 0


def test_a_living_run_is_left_alone(stocked: Hub) -> None:
    with instance(stocked.settings) as opened:
        opened.create_run_for_job(job(), status=dg.DagsterRunStatus.STARTED, tags=owners.tags())
        assert owners.orphans(opened) == []


def test_an_owner_elsewhere_is_known_by_its_beat(stocked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    far = {**json.loads(owners.tags()[owners.OWNER_TAG]), "host": "another"}
    with instance(stocked.settings) as opened:
        told = {owners.OWNER_TAG: json.dumps(far), owners.SEEN_TAG: owners.tags()[owners.SEEN_TAG]}
        opened.create_run_for_job(job(), status=dg.DagsterRunStatus.STARTED, tags=told)
        assert owners.orphans(opened) == []
        late = owners.machine() + owners.LONG_UNSEEN * 2
        monkeypatch.setattr(owners, "machine", lambda: late)
        assert [run.run_id for run in owners.orphans(opened)] == [only_run(opened).run_id]


def test_a_process_number_given_again_is_another_process() -> None:
    me = owners.Owner.me()
    assert me.gone() is False
    assert owners.Owner(me.host, me.pid, "another boot:1").gone() is True


def job() -> dg.JobDefinition:
    @dg.job
    def nothing() -> None:
        pass

    return nothing


def _until(there: Any, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.2)
