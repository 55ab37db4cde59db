"""docs/add-a-page.md is true: its route and its template, as they stand there, make a page that lets in whom it should."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import jinja2
import pytest

from api import app
from api.portal import routes
from api.portal.shell.page import HERE, environment
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled

PAGE = Path(__file__).resolve().parents[3] / "docs" / "add-a-page.md"


def block(kind: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def followed(hub: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """The hub with the page that the document adds."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "largest.html").write_text(block("html"), encoding="utf-8")
    both = jinja2.FileSystemLoader([HERE / "templates", tmp_path])
    monkeypatch.setattr(environment("zh"), "loader", both)
    module = ModuleType("largest")
    exec(compile(block("python"), str(PAGE), "exec"), module.__dict__)
    monkeypatch.setattr(routes, "ROUTERS", (module, *routes.ROUTERS))
    monkeypatch.setattr(app, "_routes", app._routes.__wrapped__)  # made anew, with the page
    return hub


@pytest.mark.parametrize(("login", "status"), [("", 303), ("partner", 403), ("steward", 200)])
def test_the_page_of_the_document(followed: Filled, login: str, status: int) -> None:
    answer = client_of(app.create_app(followed.settings), followed.settings, login).get("/batches/largest")
    assert answer.status_code == status
    assert answer.text.count('scope="row"><a href="/batches/2') == (10 if status == 200 else 0)
