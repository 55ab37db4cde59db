"""The day a demo plays on: the hub's own, or a refusal that says how to play on another."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from contracts import clock
from demo.kept import Kept, OtherDay

pytestmark = pytest.mark.day


@pytest.mark.parametrize("days", [-400, -1, 1, 42])
def test_another_day_is_refused_and_the_refusal_says_how_it_is_played(tmp_path: Path, days: int) -> None:
    wanted = clock.today() + timedelta(days=days)
    with pytest.raises(OtherDay) as refused:
        Kept.of(tmp_path, 0.05, f"{wanted}")
    assert list(tmp_path.iterdir()) == []
    told = re.search(r"HUB_CLOCK=(-?\d+) hub demo", refused.value.message_en)
    assert told
    with clock.moved(timedelta(seconds=int(told.group(1)))):
        assert Kept.of(tmp_path, 0.05, f"{wanted}").told["today"] == f"{wanted}"


def test_a_demo_that_is_made_keeps_its_day(tmp_path: Path) -> None:
    day = f"{clock.today()}"
    assert Kept.of(tmp_path, 0.05).told["today"] == day
    with clock.moved(timedelta(days=42)):
        assert Kept.of(tmp_path, 0.05, f"{clock.today()}").told["today"] == day
        assert Kept.of(tmp_path, None).told["today"] == day


@pytest.mark.parametrize("day", ["2026-02-30", "tomorrow"])
def test_what_is_no_day_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "var"))
    for name in ("HUB_ENVIRONMENT", "HUB_PUBLIC_URL"):
        monkeypatch.setenv(name, "demo" if name == "HUB_ENVIRONMENT" else "http://127.0.0.1:8700")
    done = CliRunner().invoke(app, ["demo", "--no-serve", "--today", day])
    assert done.exit_code == 1
    assert isinstance(done.exception, OtherDay)
    assert not (tmp_path / "var" / "demo").exists()
