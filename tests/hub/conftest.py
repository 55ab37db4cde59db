"""What the acts' tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.shelters import built
from tests.sharing import Hub
from warehouse.storage import connection


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with one dataset and nothing in it."""
    made = built(tmp_path / "var")
    yield made
    connection.forget(made.settings)
