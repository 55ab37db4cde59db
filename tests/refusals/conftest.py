"""One hub for all refusals; each test leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that shares."""
    settings = Settings(home=tmp_path_factory.mktemp("refusals") / "var", _env_file=None)
    made = built(settings)
    yield made
    connection.forget(settings)
