"""Search costs what it finds: the full-text index is asked once, with and without the planner's statistics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import Session, select

from catalog.entries import tokenizer
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry
from catalog.identity.people import ANONYMOUS
from catalog.search import search
from catalog.store import database
from tests.catalog import making

STEPS = 500
"""SQLite calls back after so many instructions of its virtual machine."""


@pytest.fixture
def sqlite(empty_sqlite: Path, tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "catalog.db"
    path.write_bytes(empty_sqlite.read_bytes())
    url = f"sqlite:///{path}"
    yield url
    database.engine(url).dispose()


def _publish(session: Session, begin: int, end: int) -> None:
    """Published copies of one resource; every second one holds the word."""
    source = session.exec(select(Resource).where(Resource.name == "reservoir")).one()
    fields = {name: getattr(source, name) for name in Resource.model_fields if name not in ("id", "name", "title", "code")}
    titles = {number: f"水库{number}" if number % 2 else f"名录{number}" for number in range(begin, end)}
    session.connection().execute(
        insert(Resource),
        [fields | {"id": f"r{n}", "name": f"n{n}", "title": title, "code": f"x/{n}"} for n, title in titles.items()],
    )
    session.connection().execute(
        insert(SearchEntry), [{"id": 1000 + n, "resource_id": f"r{n}", "organization": "", "class_path": ""} for n in titles]
    )
    session.connection().execute(
        text(
            "INSERT INTO resource_terms (rowid, title, names, provider, abstract, items) VALUES (:id, :title, '', '', '', '')"
        ),
        [{"id": 1000 + number, "title": tokenizer.fts5_text([title])} for number, title in titles.items()],
    )


def _steps(session: Session) -> int:
    """Instructions of SQLite's machine for one search by a reader without a key, in units of STEPS."""
    counted = [0]

    def step() -> int:
        counted[0] += 1
        return 0

    driver = session.connection().connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(step, STEPS)
    try:
        assert search.search(session, "水库", subject=ANONYMOUS).total > 1
    finally:
        driver.set_progress_handler(None, 0)
    return counted[0]


@pytest.mark.parametrize("statistics", [False, True])
def test_ten_times_the_catalogue_costs_about_ten_times(sqlite: str, statistics: bool) -> None:
    """Quadratic growth gave a factor of one hundred: 0.7 s at 10,000 entries, 43 s at 100,000."""
    with database.session(sqlite) as session:
        making.organization(session, "water", "省水利厅")
        making.resource(session, "reservoir", "水库名录", sharingType=1)
        _publish(session, 0, 200)
        session.commit()
        small = _steps(session)
        _publish(session, 200, 2000)
        session.commit()
        if statistics:
            database.keep_statistics(sqlite)
        assert _steps(session) < 20 * small


def test_the_full_text_index_is_asked_once_by_plan(sqlite: str) -> None:
    statements: list[tuple[str, tuple[object, ...]]] = []
    with database.session(sqlite) as session:
        making.organization(session, "water", "省水利厅")
        making.resource(session, "reservoir", "水库名录", sharingType=1)

        @event.listens_for(session.connection(), "before_cursor_execute")
        def keep(_c: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_rest: object) -> None:
            statements.append((statement, parameters))

        search.search(session, "水库", subject=ANONYMOUS)
        statement, parameters = next(one for one in statements if "resource_terms MATCH" in one[0])
        plan = [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert [step for step in plan if "resource_terms" in step] == plan, plan


def test_statistics_are_kept(sqlite: str) -> None:
    with database.session(sqlite) as session:
        making.organization(session, "water", "省水利厅")
        making.resource(session, "reservoir", "水库名录", sharingType=1)
        _publish(session, 0, 500)
    database.keep_statistics(sqlite)
    with database.session(sqlite) as session:
        kept = session.connection().exec_driver_sql("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'resource'").scalar()
    assert kept
