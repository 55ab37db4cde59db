"""SIGKILL at each named point: reconciled, the hub is as if nothing had happened."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.rounds import KILLED, Site, agree, one_round
from warehouse.crashpoints import POINTS

STEPS = {
    "undo": ["undo", "complete", "0"],
    "release": ["release", "complete"],
    "compaction": ["maintain"],
    "expiry": ["maintain"],
    "clean-up": ["maintain"],
    "backup": ["backup", "BACKUPS"],
}
"""What reaches a point; the points not here are reached by a delivery."""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("dataset", ["complete"])
def test_killed_at(point: str, dataset: str, tmp_path: Path) -> None:
    struck, calm = (Site(tmp_path / name, random.Random(7)) for name in ("struck", "calm"))
    for site in (struck, calm):
        site.make()
        step = STEPS.get(point) or ["deliver", dataset, site.file()]
        first, second = site.file(), site.file()
        site.steps = [["deliver", dataset, first], ["deliver", dataset, second], ["deliver", "series", first], step]
        site.steps[-1] = [part.replace("BACKUPS", str(site.folder / "backups")) for part in step]
    struck.work(struck.steps[:-1])
    assert struck.work(struck.steps[-1:], crash_at=point) == KILLED, f"{point} was not reached"
    struck.work([["reconcile"]])
    agree(struck)
    struck.work(struck.steps[-1:])
    calm.work(calm.steps)
    agree(struck)
    agree(calm)
    assert struck.state() == calm.state()


@pytest.mark.parametrize(("kept_in", "seed"), [("sqlite", 21), ("postgresql", 22)])
def test_killed_at_any_moment(kept_in: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """From outside, wherever it is just then; `make crash-test` does many such rounds."""
    one_round(tmp_path, seed, server=request.getfixturevalue("postgres_server") if kept_in == "postgresql" else "")


def test_two_crashes_in_a_row_and_the_same_file_again(tmp_path: Path) -> None:
    """Killed between lake and catalogue, and again while that is mended; the provider sends the file once more."""
    site = Site(tmp_path / "hub", random.Random(3))
    site.make()
    file = site.file()
    assert site.work([["deliver", "series", file]], crash_at="commit-after") == KILLED
    assert site.work([["deliver", "series", site.file()]], crash_at="landing-rename") == KILLED
    site.work([["deliver", "series", file]])
    agree(site)
    assert len(site.state()["raw.series"]) == len(site.state()["resource.series"])
