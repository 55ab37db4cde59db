"""The table of acts is true: its page is what it says, and each door that it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Match

from api.app import create_app
from cli.main import VERBS
from hub.acts import ABSENT
from hub.table import ACTS
from tests.hub import document
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = Settings(home=tmp_path_factory.mktemp("document") / "var", _env_file=None)
    yield built(settings)
    connection.forget(settings)


def test_the_page_is_what_the_table_says(hub: Hub) -> None:
    assert document.PAGE.read_text(encoding="utf-8") == document.text(hub), "run: python -m tests.hub.document"


def test_no_cell_is_empty(hub: Hub) -> None:
    rows = [line.strip("|").split("|") for line in document.text(hub).splitlines() if line.startswith("|")]
    assert all(cell.strip() for row in rows for cell in row)


def _reached(app: Any, method: str, path: str) -> bool:
    """Whether a route answers there."""
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": [], "query_string": b""}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in app.routes)


def _filled(path: str) -> str:
    """An address with something in the place of each parameter."""
    fitting = {"version": "1", "kind": "csv", "act": "undo"}
    return re.sub(r"\{(\w+)\}", lambda found: fitting.get(found[1], "x"), path)


def test_every_door_is_there(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, _env_file=None))
    verbs = {name: verb for chapter in VERBS.values() for name, verb in chapter.items()}
    readings = [doors for _, _, *doors in document.READINGS]
    for api, cli, portal in [*([act.api, act.cli, act.portal] for act in ACTS.values()), *readings]:
        if not api.startswith(ABSENT):
            method, _, path = api.partition(" ")
            assert _reached(app, method, _filled(f"/api/v1{path}")), api
        if not portal.startswith(ABSENT):
            assert _reached(app, "GET", _filled(portal)), portal
        if not cli.startswith(ABSENT):
            verb, _, below = cli.partition(" ")
            command: Any = verbs[verb].load()
            assert not below or below in command.commands, cli


def test_doors_that_are_missing_say_why() -> None:
    for act in ACTS.values():
        for door in (act.api, act.cli, act.portal):
            assert not door.startswith(ABSENT) or len(door) > 20, act.name
