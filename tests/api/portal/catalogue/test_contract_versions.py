"""契约的登记、比较与生效 on their pages; refusals first."""

from __future__ import annotations

import pytest
from httpx import Response

from api.app import create_app
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled

BASE = "/resources/major_hazard/contract"


def text_of(hub: Filled) -> str:
    with database.session(hub.settings.catalog_database) as session:
        return registry.active(session, "major_hazard").text


@pytest.mark.parametrize("who", ["", "partner", "analyst", "auditor"])
def test_others_write_no_contract(fresh_hub: Filled, who: str) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, who)
    csrf = {"csrf": getattr(client, "csrf", "")}
    answers = [client.get(f"{BASE}/edit"), client.get(f"{BASE}/compare"), client.get(f"{BASE}/1.0.0/activate")]
    answers += [client.post(f"{BASE}/edit", data=csrf, files={"text": (None, text_of(fresh_hub))})]
    answers += [client.post(f"{BASE}/1.0.0/activate", data=csrf)]
    for answer in answers:
        assert answer.status_code in (303, 401, 403)
        assert answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")
    assert f'href="{BASE}/edit"' not in client.get(BASE).text


def test_a_steward_writes_compares_and_activates(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward", "en")
    csrf = client.csrf  # type: ignore[attr-defined]
    long = "# 我的注" * 3000  # more than a field of a plain form may hold
    text = text_of(fresh_hub).replace("version: 1.0.0", "version: 1.1.0") + long + "\n"
    assert f'href="{BASE}/edit"' in client.get(BASE).text
    editor = client.get(f"{BASE}/edit").text
    assert "apiVersion" in editor
    assert "包保" in editor
    assert "Some samples are not shown" in editor

    def save(written: str, token: str = csrf) -> Response:
        return client.post(f"{BASE}/edit", files={"csrf": (None, token), "text": (None, written)})

    assert save(text, "another").status_code == 403
    wrong = save(text.replace("logicalType: string", "logicalType: strung", 1))
    assert wrong.status_code == 422
    assert "Line " in wrong.text
    assert "logicalType: strung" in wrong.text
    assert long in wrong.text

    answer = save(text.replace("name: 危险化学品重大危险源", "name: 重大危险源目录", 1))
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{BASE}/compare?version=1.1.0"
    page = client.get(f"{BASE}/compare?version=1.1.0").text
    assert "Who is concerned" in page
    assert f"{BASE}/1.1.0/activate" in page
    assert client.get(f"{BASE}/1.1.0/activate").status_code == 200
    assert client.post(f"{BASE}/1.1.0/activate", data={"csrf": csrf}).status_code == 303
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert registry.active(session, "major_hazard").version == "1.1.0"
        assert [one.object for one in audit.listed(session, action="contract.activate")] == ["contract:major_hazard 1.1.0"]
        assert len(audit.listed(session, action="contract.save")) == 1


def test_a_breaking_version_asks_for_a_reason_and_loses_none(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    csrf = client.csrf  # type: ignore[attr-defined]
    text = (
        text_of(fresh_hub)
        .replace("version: 1.0.0", "version: 2.0.0")
        .replace("delivery, value: changes", "delivery, value: full")
    )
    client.post(f"{BASE}/edit", files={"csrf": (None, csrf), "text": (None, text)})
    page = client.get(f"{BASE}/2.0.0/activate").text
    assert 'name="breaking"' in page
    answer = client.post(f"{BASE}/2.0.0/activate", data={"csrf": csrf, "reason": "改为全量"})
    assert answer.status_code == 422
    assert "改为全量" in answer.text
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert registry.active(session, "major_hazard").version == "1.0.0"
