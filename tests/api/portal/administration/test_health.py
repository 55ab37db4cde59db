"""The hub's health and upkeep in the portal: for administrators, each with its record; no path comes from a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.store import database
from catalog.store.facts import Remembered
from hub import comparison
from tests.api.portal.administration.test_people import form
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled
from tests.counting import statements

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


def test_every_batch_is_compared_once_a_day_or_when_asked(fresh_hub: Filled) -> None:
    """The page of a catalogue of 400,000 batches reads none of them."""
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")
    client.get(HEALTH)
    url = fresh_hub.settings.catalog_database
    with statements(url) as again:
        page = client.get(HEALTH).text
    assert "全部核对" in page
    every = [one for one in again if "FROM batch ORDER BY batch.sequence" in one or "FROM release JOIN" in one]
    assert not every
    with statements(url) as asked:
        client.get(f"{HEALTH}?whole=1")
    assert [one for one in asked if "FROM batch ORDER BY batch.sequence" in one]
    with database.session(url) as session:
        kept = session.get_one(Remembered, comparison.KEPT)
        kept.at -= comparison.EVERY
    with statements(url) as next_day:
        client.get(HEALTH)
    assert [one for one in next_day if "FROM batch ORDER BY batch.sequence" in one]


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
