"""测试通道: from an agreement's page and from the forms where a channel is entered; nothing is taken, errors are a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.app import create_app
from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from catalog.store import database
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled

NEED = {
    "route": "request", "title": "河流水位", "purpose": "山洪预警", "cycle": "每月", "dataset": "river_level",
    "provider": "hlj-water", "kind": "folder", "folder-path": "inbox/river_level",
}  # fmt: skip


@pytest.mark.parametrize("login", ["", "partner", "analyst", "auditor"])
@pytest.mark.parametrize("path", ["/agreements/CJ-2026-003/test", "/agreements/new"])
def test_only_stewards_test_channels(reader: Reader, hub: Filled, login: str, path: str) -> None:
    client = reader(login)
    data = {"csrf": getattr(client, "csrf", ""), "do": "test", **NEED}
    assert client.post(path, data=data).status_code in (303, 403, 404)


def records(hub: Filled) -> list[AuditRecord]:
    with database.session(hub.settings.catalog_database) as session:
        return list(session.exec(select(AuditRecord).where(AuditRecord.action == "channel.test")))


@pytest.fixture
def steward(fresh_hub: Filled) -> Any:
    return client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")


def test_from_the_form_of_a_need_to_the_agreements_page(fresh_hub: Filled, steward: Any) -> None:
    data = {"csrf": steward.csrf, **NEED}
    away = steward.post("/agreements/new", data={**data, "do": "test"})
    assert away.status_code == 200
    assert "保存协议时由平台建立" in away.text
    assert 'value="inbox/river_level"' in away.text
    outside = steward.post("/agreements/new", data={**data, "folder-path": "/etc", "do": "test"}).text
    assert "不在允许的位置" in outside
    none = steward.post("/agreements/new", data={**data, "kind": "", "do": "test"}).text
    assert "请先选择通道" in none
    entered = steward.post("/agreements/new", data=data)
    assert entered.status_code == 303
    folder = fresh_hub.settings.root / "inbox" / "river_level"
    assert folder.is_dir(), "nobody needs a shell to make the hub's own folder"
    page = steward.get(entered.headers["location"]).text
    assert "测试通道" in page
    empty = steward.post(f"{entered.headers['location']}/test", data={"csrf": steward.csrf, "channel": "1"}).text
    assert "可以连接，目前没有数据" in empty
    (folder / "2026-03.csv").write_text("a\n1\n", encoding="utf-8")
    (folder / "half.csv.part").write_text("a", encoding="utf-8")
    seen = steward.post(f"{entered.headers['location']}/test", data={"csrf": steward.csrf, "channel": "1"}).text
    assert "2026-03.csv" in seen
    assert steward.post(f"{entered.headers['location']}/test", data={"channel": "1"}).status_code == 403
    for odd in ("", "x", "99", "-1", "9" * 30):
        assert (
            steward.post(f"{entered.headers['location']}/test", data={"csrf": steward.csrf, "channel": odd}).status_code == 200
        )
    assert steward.get(f"{entered.headers['location']}/test").status_code == 303
    assert {one.outcome for one in records(fresh_hub)} == {"done"}
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert session.exec(select(Batch).where(Batch.dataset == "river_level")).all() == []


def test_settings_typed_into_a_change_are_looked_by(fresh_hub: Filled, steward: Any) -> None:
    entered = steward.post("/agreements/new", data={"csrf": steward.csrf, **NEED}).headers["location"]
    other = fresh_hub.settings.root / "inbox" / "other"
    other.mkdir()
    (other / "b.csv").write_text("a\n1\n", encoding="utf-8")
    data = {"csrf": steward.csrf, "whole": "1", **NEED, "folder-path": "inbox/other", "do": "test"}
    page = steward.post(f"{entered}/change", data=data)
    assert page.status_code == 200
    assert "b.csv" in page.text
    assert 'value="inbox/other"' in page.text
