"""`hub run`, `hub models` and `hub work` as people use them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from cli.main import app
from hub.hub import Hub
from tests.orchestration.conftest import drop


@pytest.fixture(autouse=True)
def home(stocked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_HOME", str(stocked.settings.root))
    monkeypatch.setenv("HUB_LANG", "en")
    monkeypatch.setenv("COLUMNS", "160")


def hub_command(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_run_prints_a_table_that_adds_up(inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1", "S2,-2", "S3,3")
    told = hub_command("run", "request")
    assert told.exit_code == 0, told.output
    assert "received" in told.output
    (line,) = [line for line in told.output.splitlines() if "station" in line]
    assert [cell.strip() for cell in line.split("│")][4:7] == ["3", "2", "1"]


def test_run_tells_all_as_json(inbox: Path) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    (done,) = json.loads(hub_command("run", "refresh", "--json").stdout)
    assert done["job"] == "refresh"
    assert done["loaded"][0]["accepted"] == 1


def test_run_is_on_record(inbox: Path, stocked: Hub) -> None:
    from catalog.audit import chain as audit

    hub_command("run", "request")
    with stocked.session() as session:
        (record,) = audit.listed(session, action="jobs.run")
        assert record.actor.startswith("local:")
        assert record.policies


def test_a_key_without_that_right_may_not_run(stocked: Hub) -> None:
    from catalog.identity import people

    with stocked.session() as session:
        person = people.add_person(session, login="p", name="P", organization_id="hlj-water", roles=["partner"])
        _, shown = people.issue_key(session, person, label="test", expires_at=None)
    told = CliRunner().invoke(app, ["--as", shown, "run", "request"])
    assert told.exit_code != 0


def test_nothing_new_is_said(inbox: Path) -> None:
    assert "Nothing new" in hub_command("run", "request").output


@pytest.mark.slow
def test_work_takes_a_dropped_file_and_ends_with_all_its_processes(inbox: Path, stocked: Hub) -> None:
    drop(inbox / "station", "a.csv", "S1,1")
    command = [sys.executable, "-m", "cli", "work"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    crew: list[psutil.Process] = []
    try:
        ends = time.monotonic() + 240
        while stocked.ledger.latest("station") is None and time.monotonic() < ends and process.poll() is None:
            time.sleep(1)
        crew = psutil.Process(process.pid).children(recursive=True)
        assert stocked.ledger.latest("station") is not None
        assert len(crew) >= 2
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    _, alive = psutil.wait_procs(crew, timeout=10)
    assert alive == []
