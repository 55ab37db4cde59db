"""People and organizations in the portal: refusals first, then an administrator's day, each act with its one record."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.identity import organizations, people
from catalog.store import database
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import PASSWORD, Filled

PAGES = (
    "/administration",
    "/administration/people",
    "/administration/people/new",
    "/administration/people/partner",
    "/administration/organizations",
    "/administration/organizations/new",
)
FORMS = (
    "/administration/people",
    "/administration/people/partner/change",
    "/administration/people/partner/password",
    "/administration/people/partner/close",
    "/administration/people/partner/reopen",
    "/administration/people/partner/keys",
    "/administration/people/partner/keys/0123456789/revoke",
    "/administration/people/partner/sessions/x/end",
    "/administration/organizations",
    "/administration/organizations/hlj-water",
)


def form(client: TestClient, path: str, **fields: object) -> object:
    """Send a form with the reader's own token."""
    return client.post(path, data={"csrf": client.csrf, **fields})  # type: ignore[attr-defined]


@pytest.fixture
def administrator(fresh_hub: Filled) -> TestClient:
    return client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")


def acts(hub: Filled) -> list[str]:
    with database.session(hub.settings.catalog_database) as session:
        return [f"{one.action} {one.object}" for one in audit.listed(session, actor="administrator")][::-1]


class TestRefusals:
    @pytest.mark.parametrize("path", PAGES)
    def test_nobody_known_is_led_to_the_sign_in(self, reader: Reader, path: str) -> None:
        assert reader().get(path).headers["location"].startswith("/sign-in?next=%2Fadministration")

    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("login", ["partner", "steward", "auditor", "analyst"])
    def test_the_others_may_not_look(self, reader: Reader, path: str, login: str) -> None:
        answer = reader(login).get(path)
        assert answer.status_code == 403
        assert 'href="/administration"' not in answer.text

    @pytest.mark.parametrize("path", FORMS)
    @pytest.mark.parametrize("login", ["", "partner", "steward", "auditor"])
    def test_the_others_may_not_act(self, reader: Reader, path: str, login: str) -> None:
        client = reader(login)
        answer = client.post(path, data={"csrf": getattr(client, "csrf", "x"), "roles": "administrator"})
        assert answer.status_code == (403 if login else 303), "led to the sign-in"

    @pytest.mark.parametrize("path", FORMS)
    def test_a_form_of_another_site_does_nothing(self, reader: Reader, path: str) -> None:
        for csrf in ("", "x"):
            assert reader("administrator").post(path, data={"csrf": csrf}).status_code == 403

    def test_one_gives_oneself_no_role(self, administrator: TestClient) -> None:
        answer = form(
            administrator, "/administration/people/administrator/change", name="我", roles=["auditor", "administrator"]
        )
        assert answer.status_code == 422
        assert "另一位系统管理员" in answer.text

    def test_the_last_administrator_stays(self, administrator: TestClient) -> None:
        answer = form(administrator, "/administration/people/administrator/close")
        assert answer.status_code == 422
        assert "唯一" in answer.text

    def test_what_is_not_there(self, reader: Reader) -> None:
        assert reader("administrator").get("/administration/people/nobody").status_code == 404
        assert reader("administrator").get("/administration/organizations/nowhere").status_code == 404


class TestAnAdministratorsDay:
    def test_a_person_comes_changes_goes_and_comes_back(self, fresh_hub: Filled, administrator: TestClient) -> None:
        new = {"login": "li.na", "name": "李娜", "organization": "hlj-water", "roles": ["provider", "analyst"]}
        assert form(administrator, "/administration/people", **new).headers["location"] == "/administration/people/li.na"
        page = administrator.get("/administration/people/li.na").text
        assert re.search(r'value="provider" checked', page)
        form(administrator, "/administration/people/li.na/password", password=PASSWORD)
        theirs = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "li.na")
        assert theirs.get("/batches").status_code == 200
        form(administrator, "/administration/people/li.na/change", name="李娜", roles=["partner"], organization="hlj-water")
        assert theirs.get("/batches").status_code == 403, "who loses a role loses it at the next request"
        form(administrator, "/administration/people/li.na/close")
        assert theirs.get("/batches").status_code == 303
        assert "已停用" in administrator.get("/administration/people?state=closed").text
        form(administrator, "/administration/people/li.na/reopen")
        with database.session(fresh_hub.settings.catalog_database) as session:
            person = people.get_person(session, "li.na")
            assert (person.active, person.roles, person.password_hash) == (True, ["partner"], "")
        assert acts(fresh_hub) == [
            "people.add person:li.na",
            "people.password person:li.na",
            "people.change person:li.na",
            "people.close person:li.na",
            "people.reopen person:li.na",
        ]

    def test_a_key_is_shown_on_the_answer_and_nowhere_else(self, fresh_hub: Filled, administrator: TestClient) -> None:
        answer = form(administrator, "/administration/people/partner/keys", label="月报程序", days="30")
        [key] = set(re.findall(r"hui_[0-9a-f]{10}_[0-9a-f]{64}", answer.text))
        assert "no-store" in answer.headers["cache-control"]
        assert answer.status_code == 200, "no address that could be kept, shared or logged leads to it"
        assert key not in str(answer.headers)
        page = administrator.get("/administration/people/partner")
        prefix = key.split("_")[1]
        assert key not in page.text
        assert prefix in page.text
        assert key.split("_")[2] not in _everything(fresh_hub.settings.root)
        form(administrator, f"/administration/people/partner/keys/{prefix}/revoke")
        with database.session(fresh_hub.settings.catalog_database) as session:
            assert people.authenticate(session, key) is None

    def test_a_session_is_ended(self, fresh_hub: Filled, administrator: TestClient) -> None:
        theirs = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
        page = administrator.get("/administration/people/steward").text
        [number] = re.findall(r"/sessions/(\w+)/end", page)
        form(administrator, f"/administration/people/steward/sessions/{number}/end")
        assert theirs.get("/batches").status_code == 303

    def test_an_organization_is_registered_and_changed(self, fresh_hub: Filled, administrator: TestClient) -> None:
        new = {"id": "hlj-forest", "name": "林草局", "kind": "department", "level": "province"}
        assert form(administrator, "/administration/organizations", **new).status_code == 303
        assert form(administrator, "/administration/organizations", **new).status_code == 422, "one of that identifier is there"
        changed = {"name": "林业和草原局", "kind": "department", "level": "province", "contact": "王工"}
        assert form(administrator, "/administration/organizations/hlj-forest", **changed).status_code == 303
        with database.session(fresh_hub.settings.catalog_database) as session:
            there = organizations.get(session, "hlj-forest")
            assert (there.name, there.contact, there.active) == ("林业和草原局", "王工", False)

    def test_lists_are_searched_and_paged(self, reader: Reader) -> None:
        client = reader("administrator")
        found = client.get("/administration/people?q=steward").text
        assert "/administration/people/steward" in found
        assert "/administration/people/partner" not in found
        assert "没有符合条件的人员" in client.get("/administration/people?q=%25").text, "a sign of the database's is a letter"
        auditors = client.get("/administration/people?role=auditor").text
        assert "/administration/people/auditor" in auditors
        assert "/administration/people/steward" not in auditors


class TestApi:
    def test_it_is_for_administrators(self, fresh_hub: Filled) -> None:
        client = TestClient(create_app(fresh_hub.settings))
        keys = {}
        with database.session(fresh_hub.settings.catalog_database) as session:
            for login in ("administrator", "steward"):
                keys[login] = people.issue_key(session, people.get_person(session, login))[1]
        for path in ("/api/v1/people", "/api/v1/people/partner", "/api/v1/organizations"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": f"Bearer {keys['steward']}"}).status_code == 403
        bearer = {"Authorization": f"Bearer {keys['administrator']}"}
        listed = client.get("/api/v1/people?size=2", headers=bearer).json()
        assert (len(listed["people"]), listed["page"]) == (2, 1)
        assert listed["pages"] == -(-listed["total"] // 2)
        one = client.get("/api/v1/people/partner", headers=bearer).json()
        assert one["login"] == "partner"
        assert not {"password_hash", "secret_hash"} & set(str(one))
        assert client.get("/api/v1/people/nobody", headers=bearer).status_code == 404
        assert client.get("/api/v1/organizations?kind=vendor", headers=bearer).json()["total"] >= 1
        own = client.get("/api/v1/account", headers={"Authorization": f"Bearer {keys['steward']}"}).json()
        assert (own["login"], own["roles"]) == ("steward", ["steward"])


def _everything(home: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file())
