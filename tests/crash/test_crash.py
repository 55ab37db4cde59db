"""SIGKILL at each named point: reconciled, the hub is as if nothing had happened."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.crash.rounds import KILLED, Site, State, agree, one_round
from warehouse.storage import connection
from warehouse.storage.failpoints import POINTS

STEPS = {
    "acknowledge": ["collect", "complete", "THIRD"],
    "undo": ["undo", "complete", "0"],
    "release": ["release", "complete"],
    "compaction": ["maintain"],
    "expiry": ["maintain"],
    "clean-up": ["maintain"],
    "backup": ["backup", "BACKUPS"],
}
"""What reaches a point; the points not here are reached by a delivery."""


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub after three deliveries, to be copied: every strike begins with it."""
    site = _site(tmp_path_factory.mktemp("worked") / "hub")
    site.make()
    first, second, _ = _files(site)
    site.work([["deliver", DATASET, first], ["deliver", DATASET, second], ["deliver", "series", first]])
    connection.forget(site.settings)
    return site.folder


@pytest.fixture(scope="module")
def calm(worked: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], State]:
    """The state after a point's step where nothing happened on the way; the points of one step share it."""

    @cache
    def after(*step: str) -> State:
        site = _copy(worked, tmp_path_factory.mktemp("calm") / "hub")
        site.work([_step(site, list(step))])
        agree(site)
        return site.state()

    return lambda point: after(*STEPS.get(point, []))


DATASET = "complete"


def _site(folder: Path) -> Site:
    return Site(folder, random.Random(7))


def _files(site: Site) -> tuple[str, str, str]:
    """The same three files for every site."""
    return site.file(), site.file(), site.file()


def _copy(worked: Path, folder: Path) -> Site:
    shutil.copytree(worked, folder, symlinks=True)
    return _site(folder)


def _step(site: Site, told: list[str]) -> list[str]:
    third = _files(site)[2]
    step = told or ["deliver", DATASET, third]
    return [part.replace("BACKUPS", str(site.folder / "backups")).replace("THIRD", third) for part in step]


@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, worked: Path, calm: Callable[[str], State], tmp_path: Path) -> None:
    struck = _copy(worked, tmp_path / "struck")
    step = _step(struck, STEPS.get(point, []))
    assert struck.work([step], crash_at=point) == KILLED, f"{point} was not reached"
    struck.work([["reconcile"]])
    agree(struck)
    struck.work([step])
    agree(struck)
    assert struck.state() == calm(point)


@pytest.mark.parametrize("point", ["landing-rename", "receipt", "check", "staged", "commit-before", "commit-after", "settle"])
def test_killed_at_while_channels_bring_it(point: str, worked: Path, calm: Callable[[str], State], tmp_path: Path) -> None:
    """Collect and load are two ops; between them, and anywhere else, the next run goes on where the last one died."""
    struck = _copy(worked, tmp_path / "struck")
    step = _step(struck, STEPS["acknowledge"])
    assert struck.work([step], crash_at=point) == KILLED, f"{point} was not reached"
    struck.work([step])
    agree(struck)
    assert struck.state() == calm("acknowledge")


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
