"""Fixtures that every room's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from catalog.access import compiled
from tests.demo.made import demo  # noqa: F401 - the demo, for every room
from tests.loop import NothingInTheLoop, one_for_all_clients
from tests.servers import (  # noqa: F401 - fixtures of every room
    mariadb_server,
    mosquitto_program,
    postgres_database,
    postgres_server,
)
from warehouse.settings import Settings

# No deadline: a busy machine takes its time. In CI the same examples each time: a change is judged by what it changes, not by
# the draw; every run elsewhere draws new ones, and what they find becomes a test of its own.
hypothesis.settings.register_profile("hui", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("hui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The portal's tests come last: their hub keeps its readers to the end, their Chromium a running event loop."""
    items.sort(key=lambda item: "/api/portal/" in item.nodeid)


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays to the end, two million objects: no collection looks through it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How tests are shared out among processes."""
    from tests.scheduling import ByFile

    return ByFile(config, log)


SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation of its own, empty, in a folder that goes away."""
    return Settings(home=tmp_path / "var", _env_file=None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of public data (../shared/data) is not on this machine")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process nothing else is answered beside an act that ends a right: it is told done at once."""
    monkeypatch.setattr(compiled, "HELD_SECONDS", 0.0)


@pytest.fixture(scope="session", autouse=True)
def one_loop() -> Iterator[None]:
    """Requests of tests are answered in one event loop."""
    with one_for_all_clients():
        yield


@pytest.fixture(autouse=True)
def nothing_in_the_loop() -> Iterator[NothingInTheLoop]:
    """No test's request may ask the catalogue or the lake on the thread of the server's event loop."""
    with NothingInTheLoop() as watch:
        yield watch
    assert not watch.violations, "\n".join(watch.violations[:3])
