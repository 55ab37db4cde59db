"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.made import demo  # noqa: F401 - the demo, for every room
from tests.servers import postgres_database, postgres_server  # noqa: F401 - fixtures of every room
from warehouse.settings import Settings

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
