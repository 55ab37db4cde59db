"""Every page and listing of a catalogue that grows: as many statements, and no more rows read than are shown.

The same pages as `make bench` asks (benchmarks/pages.py), of the same generated catalogue, three times as large.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from benchmarks.large_catalogue import SMALL, Size
from benchmarks.pages import API, PORTAL, Opened
from tests.counting import statements

LITTLE = replace(SMALL, resources=800, agreements=300, batches=3_000, attempts=900, audit=120, jobs=60, grants=60, bodies=80)
MUCH = replace(LITTLE, resources=2_400, agreements=900, batches=9_000, attempts=2_700, audit=360)
SAVED = 6
"""Statements that an empty part saves, or another state of the one thing that is shown."""
FILLED = 260
"""Rows by which lists were not full yet: thirty tasks with eight rows each, eighteen collections with their twelve agencies.
Who reads all agreements, the least of what grows, reads six hundred more."""


class Rows:
    """Rows that a catalogue in SQLite gave out."""

    def __init__(self, engine: Engine) -> None:
        self.read = 0
        event.listen(engine, "checkout", self._watch)

    def _watch(self, connection: Any, *_: Any) -> None:
        connection.row_factory = self._count

    def _count(self, _: Any, row: Any) -> Any:
        self.read += 1
        return row


@contextmanager
def _opened(folder: Path, size: Size) -> Iterator[tuple[Opened, Rows]]:
    folder.mkdir()
    made = Opened(folder, "", size)
    yield made, Rows(made.engine)
    made.engine.dispose()


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Opened, Rows]]]:
    """A small catalogue and one three times as large."""
    folder = tmp_path_factory.mktemp("grown")
    with _opened(folder / "little", LITTLE) as little, _opened(folder / "much", MUCH) as much:
        yield [little, much]


def _asked(opened: Opened, rows: Rows, login: str, page: str) -> tuple[int, int]:
    opened.ask(login, page)  # what is kept in memory is read
    rows.read = 0
    with statements(opened.settings.catalog_database) as asked:
        assert opened.ask(login, page).status in (200, 303)
    return len(asked), rows.read


@pytest.mark.parametrize(("login", "page"), [*PORTAL, *API], ids=lambda one: one or "anonymous")
def test_neither_statements_nor_rows_grow_with_the_catalogue(
    catalogues: list[tuple[Opened, Rows]], login: str, page: str
) -> None:
    (few, little), (many, much) = (_asked(*one, login, page) for one in catalogues)
    assert little > 0, "else nothing was counted"
    assert many <= few + SAVED
    assert much <= 1.25 * little + FILLED
