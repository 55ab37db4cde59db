"""The audit in the portal and by API: for auditors alone; whatever they do there is on record itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.audit import sealing
from catalog.identity import people
from catalog.store import database
from tests.api.portal.administration.test_people import form
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled


@pytest.fixture
def auditor(fresh_hub: Filled) -> TestClient:
    sealing.make_key(fresh_hub.settings.audit_key)
    fresh_hub.settings.logs.mkdir(exist_ok=True)
    with database.session(fresh_hub.settings.catalog_database) as session:
        audit.record(session, actor="steward", action="release", object="major_hazard v9", purpose="<script>alert(1)</script>")
        sealing.seal(session, fresh_hub.settings.audit_key, fresh_hub.settings.audit_head)
    return client_of(create_app(fresh_hub.settings), fresh_hub.settings, "auditor")


def records(hub: Filled, *actions: str) -> list[tuple[str, str, str]]:
    with database.session(hub.settings.catalog_database) as session:
        found = audit.listed(session, limit=500)
    return [(one.actor, one.action, one.outcome) for one in found if one.action in actions][::-1]


class TestRefusals:
    def test_nobody_known_is_led_to_the_sign_in(self, reader: Reader) -> None:
        assert reader().get("/audit").status_code == 303

    @pytest.mark.parametrize("login", ["partner", "steward", "administrator", "analyst"])
    def test_the_others_neither_look_nor_act(self, reader: Reader, login: str) -> None:
        client = reader(login)
        assert client.get("/audit").status_code == 403
        assert 'href="/audit"' not in client.get("/").text
        for path in ("/audit/verify", "/audit/accept", "/audit/seal"):
            assert form(client, path, reason="x").status_code == 403

    def test_a_form_of_another_site_does_nothing(self, fresh_hub: Filled, auditor: TestClient) -> None:
        for path in ("/audit/verify", "/audit/accept", "/audit/seal"):
            assert auditor.post(path, data={"csrf": "x", "reason": "x"}).status_code == 403
        assert records(fresh_hub, "audit.verify", "audit.accept", "audit.seal") == []

    def test_an_administrator_seals_by_key_and_looks_at_nothing(self, fresh_hub: Filled, auditor: TestClient) -> None:
        with database.session(fresh_hub.settings.catalog_database) as session:
            _, key = people.issue_key(session, people.get_person(session, "administrator"))
        client, bearer = TestClient(create_app(fresh_hub.settings)), {"Authorization": f"Bearer {key}"}
        assert client.get("/api/v1/audit", headers=bearer).status_code == 403
        assert client.post("/api/v1/audit/verify", headers=bearer).status_code == 403
        assert client.post("/api/v1/audit/seal", headers=bearer).json()["last"] >= 1


class TestAnAuditorsDay:
    def test_records_are_filtered_and_looking_is_on_record(self, fresh_hub: Filled, auditor: TestClient) -> None:
        page = auditor.get("/audit?action=release&since=2020-01-01").text
        assert "major_hazard v9" in page
        assert "<script>alert" not in page
        assert auditor.get("/audit?actor=nobody").text.count("没有符合条件的记录") == 1
        assert auditor.get("/audit?since=never").status_code == 422
        assert auditor.get("/audit?before=0").status_code == 422
        assert records(fresh_hub, "audit.list") == [("auditor", "audit.list", "done")] * 2

    def test_a_damaged_chain_is_found_and_put_on_record(self, fresh_hub: Filled, auditor: TestClient) -> None:
        assert "审计链完整" in form(auditor, "/audit/verify").text
        assert form(auditor, "/audit/accept", reason="没有问题").status_code == 422
        with fresh_hub.settings.audit_head.open("a", encoding="ascii") as file:
            file.write("torn\n")
        damaged = form(auditor, "/audit/verify").text
        assert "审计链受损" in damaged
        assert form(auditor, "/audit/accept", reason="  ").status_code == 422
        accepted = form(auditor, "/audit/accept", reason="磁盘修复时损坏，已核对").text
        assert "审计链完整" in accepted
        assert "磁盘修复时损坏" in accepted
        assert records(fresh_hub, "audit.accept") == [("auditor", "audit.accept", "done")]

    def test_the_chain_is_sealed(self, auditor: TestClient, fresh_hub: Filled) -> None:
        assert "没有新记录需要封存" in form(auditor, "/audit/seal").text
        assert "已封存至第" in form(auditor, "/audit/seal").text, "the first act itself is sealed by the second"
        assert records(fresh_hub, "audit.seal") == [("auditor", "audit.seal", "done")] * 2


def test_the_api_pages_with_a_cursor(fresh_hub: Filled, tmp_path: Path) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        _, key = people.issue_key(session, people.get_person(session, "auditor"))
        for number in range(5):
            audit.record(session, actor="x", action="test", object=str(number))
    client, bearer = TestClient(create_app(fresh_hub.settings)), {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/audit").status_code == 401
    first = client.get("/api/v1/audit?action=test&limit=3", headers=bearer).json()
    assert [one["object"] for one in first["records"]] == ["4", "3", "2"]
    second = client.get(f"/api/v1/audit?action=test&limit=3&before={first['next']}", headers=bearer).json()
    assert [one["object"] for one in second["records"]] == ["1", "0"]
    assert second["next"] is None
    assert client.get("/api/v1/audit?limit=0", headers=bearer).status_code == 422
