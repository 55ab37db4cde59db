"""目录条目 on its pages: edited, published, withdrawn; refusals first."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.app import create_app
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled

BASE = "/resources/major_hazard"
FORM = {
    "class_code": "205001",
    "title": "重大危险源目录",
    "title_en": "Register of major hazards",
    "provider": "hlj-emergency",
    "abstract": "全省重大危险源",
    "formats": ["2", "3"],
    "sharing": "2",
    "sharing_condition": "经提供方同意",
    "sharing_basis": "《政务数据共享条例》",
    "sharing_uses": ["工作参考"],
    "sharing_methods": ["interface"],
    "open": "0",
    "cycle": "每月",
    "related_codes": "",
    "category": "general",
}


@pytest.mark.parametrize("who", ["", "partner", "analyst", "auditor"])
def test_others_neither_edit_nor_publish(fresh_hub: Filled, who: str) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, who)
    csrf = {"csrf": getattr(client, "csrf", ""), "reason": "x"}
    for path in ("entry", "publish", "withdraw"):
        for answer in (client.get(f"{BASE}/{path}"), client.post(f"{BASE}/{path}", data={**FORM, **csrf})):
            assert answer.status_code in (303, 401, 403)
            assert answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")
    page = client.get(BASE).text
    assert f'href="{BASE}/entry"' not in page
    assert f'href="{BASE}/withdraw"' not in page
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert resources.get(session, "major_hazard").state == "published"


def test_a_steward_edits_withdraws_and_publishes_again(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward", "en")
    csrf = {"csrf": client.csrf}  # type: ignore[attr-defined]
    assert f'href="{BASE}/entry"' in client.get(BASE).text
    assert client.post(f"{BASE}/entry", data=FORM).status_code == 403
    wrong = client.post(f"{BASE}/entry", data={**csrf, **FORM, "sharing": "3", "sharing_basis": "", "title": "另一名称"})
    assert wrong.status_code == 422
    assert 'href="#sharing_basis"' in wrong.text
    assert 'id="w-sharing_basis"' in wrong.text
    assert 'value="另一名称"' in wrong.text
    assert client.post(f"{BASE}/entry", data={**csrf, **FORM, "sharing": "4"}).status_code == 422
    assert client.post(f"{BASE}/entry", data={**csrf, **FORM}).status_code == 303
    assert "Register of major hazards" in client.get(BASE).text
    assert client.get(f"{BASE}/withdraw").status_code == 200
    assert client.post(f"{BASE}/withdraw", data={**csrf, "reason": " "}).status_code == 422
    assert client.post(f"{BASE}/withdraw", data={**csrf, "reason": "由新目录代替"}).status_code == 303
    assert f'href="{BASE}/publish"' in client.get(BASE).text
    assert client.post(f"{BASE}/publish", data=csrf).status_code == 303
    with database.session(fresh_hub.settings.catalog_database) as session:
        entry = resources.get(session, "major_hazard")
        assert (entry.state, entry.title, entry.formats) == ("published", "重大危险源目录", [2, 3])
        assert registry.active(session, "major_hazard").version == "1.1.0"
        for act in ("entry.edit", "entry.withdraw", "entry.publish"):
            assert [(one.object, one.actor) for one in audit.listed(session, action=act)] == [("major_hazard", "steward")]


def test_the_page_says_what_is_missing_before_it_can_be_published(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        entry = resources.get(session, "major_hazard")
        entry.state, entry.class_code = "draft", ""
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    page = client.get(f"{BASE}/publish").text
    assert f'href="{BASE}/entry#class_code"' in page
    assert "去填写" in page
    assert client.post(f"{BASE}/publish", data={"csrf": client.csrf}).status_code == 422  # type: ignore[attr-defined]


def test_what_a_model_says_is_not_edited_here(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        derived = next(one.dataset for one in session.exec(select(registry.ContractVersion)) if one.origin == "models")
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    assert f"/resources/{derived}/entry" not in client.get(f"/resources/{derived}").text
    assert client.get(f"/resources/{derived}/entry").status_code == 409
