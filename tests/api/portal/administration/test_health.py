"""The hub's health and upkeep in the portal: for administrators, each with its record; no path comes from a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.store import database
from tests.api.portal.administration.test_people import form
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled

HEALTH = "/administration/health"


def records(hub: Filled, *actions: str) -> list[tuple[str, str]]:
    with database.session(hub.settings.catalog_database) as session:
        return [(one.action, one.outcome) for one in audit.listed(session, actor="administrator") if one.action in actions]


@pytest.mark.parametrize("login", ["steward", "auditor", "partner"])
def test_the_others_neither_look_nor_act(reader: Reader, login: str) -> None:
    client = reader(login)
    assert client.get(HEALTH).status_code == 403
    for path in ("maintain", "backup"):
        assert form(client, f"{HEALTH}/{path}").status_code == 403
        assert reader("administrator").post(f"{HEALTH}/{path}", data={"csrf": "x"}).status_code == 403


def test_findings_have_their_remedy(fresh_hub: Filled) -> None:
    root = fresh_hub.settings.root
    for path in (root, *root.rglob("*")):  # whatever the umask of whoever runs the tests: a home open to all comes first
        path.chmod(path.stat().st_mode & ~0o007)
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")
    page = client.get(HEALTH).text
    assert "缺少审计封存密钥" in page
    assert "hub init" in page
    assert records(fresh_hub, "doctor") == [("doctor", "done")]


def test_a_backup_goes_where_the_settings_say_and_nowhere_else(fresh_hub: Filled, tmp_path: Path) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")
    assert "HUB_BACKUPS" in client.get(HEALTH).text
    elsewhere = tmp_path / "elsewhere"
    form(client, f"{HEALTH}/backup", folder=str(elsewhere), target=str(elsewhere))
    assert not elsewhere.exists()
    assert records(fresh_hub, "backup") == []
    settings = fresh_hub.settings.model_copy(update={"backups": str(tmp_path / "backups")})
    allowed = client_of(create_app(settings), settings, "administrator")
    assert form(allowed, f"{HEALTH}/backup", folder=str(elsewhere)).status_code == 303
    [backup] = (tmp_path / "backups").iterdir()
    assert (backup / "manifest.json").is_file()
    assert not elsewhere.exists()
    assert records(fresh_hub, "backup") == [("backup", "done")]


def test_the_lake_is_maintained(fresh_hub: Filled) -> None:
    client: TestClient = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")
    assert form(client, f"{HEALTH}/maintain").status_code == 303
    assert records(fresh_hub, "lake.maintain") == [("lake.maintain", "done")]
