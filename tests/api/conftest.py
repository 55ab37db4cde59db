"""One hub for the tests of the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that shares."""
    settings = Settings(home=tmp_path_factory.mktemp("api") / "var", _env_file=None)
    yield built(settings)
    connection.forget(settings)
