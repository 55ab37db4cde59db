"""One clock of the hub: its day is China's unless a setting says otherwise, it can be moved, and nobody goes past it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from contracts import clock

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "benchmarks", "catalog", "cli", "contracts", "deploy", "orchestration", "tests", "warehouse")
THE_CLOCK = {ROOT / "contracts" / "clock.py", Path(__file__)}
MACHINES_CLOCK = {
    "date": {"today"},
    "datetime": {"now", "today", "utcnow"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"},
    "func": {"now", "current_date", "current_timestamp"},  # the database's
}


@pytest.fixture(params=["UTC", "America/New_York", "Pacific/Kiritimati"])
def _server_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.day
@pytest.mark.usefixtures("_server_zone")
def test_the_day_is_chinas_whatever_the_servers_zone() -> None:
    with clock.moved_to(datetime(2027, 2, 28, 15, 59, 30, tzinfo=UTC)):
        assert clock.today() == date(2027, 2, 28)
    with clock.moved_to(datetime(2027, 2, 28, 16, 0, 30, tzinfo=UTC)):
        assert clock.today() == date(2027, 3, 1)
        assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.day
def test_the_zone_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TIMEZONE", "Asia/Urumqi")
    with clock.moved_to(datetime(2027, 2, 28, 16, 30, tzinfo=UTC)):
        assert clock.today() == date(2027, 2, 28)
        assert clock.local(clock.now()).hour == 22


@pytest.mark.day
def test_a_moved_clock_goes_on_comes_back_and_holds_in_other_processes() -> None:
    before = clock.ahead()
    with clock.moved_to(datetime(2028, 2, 29, 4, 0, tzinfo=UTC)):
        first = clock.now()
        code = "from contracts import clock; print(clock.today())"
        other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
        assert other.stdout.strip() == "2028-02-29", other.stderr
        with clock.moved(timedelta(days=1)):
            assert clock.today() == date(2028, 3, 1)
        assert clock.now() > first
    assert clock.ahead() == before


def test_nobody_asks_the_machine_what_day_it_is() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path not in THE_CLOCK]
    assert len(files) > 300
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in _past_the_clock(path)]
    assert not found, f"use contracts.clock: {found}"


def _past_the_clock(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in MACHINES_CLOCK.get(_last(node.value), ()):
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for one in node.names if one.name in MACHINES_CLOCK["time"])


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
