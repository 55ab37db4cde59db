"""A page of the catalogue asks as much of 1,165 resources as of a few dozen; how long it takes belongs to `make bench`."""

from __future__ import annotations

from fastapi.testclient import TestClient
from sqlalchemy import insert
from sqlmodel import Session, select

from api.app import create_app
from catalog.entries.resources import Resource
from catalog.entries.search_index import SearchEntry, index
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled
from tests.counting import statements

RESOURCES = 1165
PATHS = ("/", "/?q=危险源", "/?sharing=1&sort=title&page=1")
MORE = 5
"""A full page shows more cards than a short one; a statement for each card would be twenty more."""


def test_home_page_of_a_whole_province(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    few = {path: _asked(fresh_hub, client, path) for path in PATHS}
    with database.session(fresh_hub.settings.catalog_database) as session:
        _multiply(session)
    many = {path: _asked(fresh_hub, client, path) for path in PATHS}
    for path in PATHS:
        assert 0 < few[path] <= many[path] <= few[path] + MORE, path


def _asked(hub: Filled, client: TestClient, path: str) -> int:
    client.get(path)
    with statements(hub.settings.catalog_database) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def _multiply(session: Session) -> None:
    pattern = session.exec(select(Resource)).all()
    rows = []
    for number in range(RESOURCES - len(pattern)):
        source = pattern[number % len(pattern)]
        told = {name: getattr(source, name) for name in Resource.model_fields if name not in ("id", "name", "title", "code")}
        rows.append(
            told
            | {"id": f"r{number}", "name": f"{source.name}_{number}", "title": f"{source.title}{number}", "code": f"x/{number}"}
        )
    session.connection().execute(insert(Resource), rows)
    for resource in session.exec(select(Resource).where(Resource.id.like("r%"))):  # type: ignore[attr-defined]
        index(session, resource)
    assert len(session.exec(select(SearchEntry.id)).all()) == RESOURCES
