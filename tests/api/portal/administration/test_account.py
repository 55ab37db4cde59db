"""One's own account: whoever holds a stolen key, or sits at an open screen, gets nothing that lasts; the person gets a key."""

from __future__ import annotations

import json
import re

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.identity import attempts, people
from catalog.store import database
from tests.api.portal.administration.test_people import form
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import PASSWORD, Filled

NEW = "another long password 4711"


@pytest.fixture
def partner(fresh_hub: Filled) -> TestClient:
    return client_of(create_app(fresh_hub.settings), fresh_hub.settings, "partner")


def with_key(hub: Filled) -> TestClient:
    """A portal session begun with a key."""
    client = client_of(create_app(hub.settings), hub.settings)
    with database.session(hub.settings.catalog_database) as session:
        key, _ = people.issue_key(session, people.get_person(session, "partner"))
        subject, token = people.begin(session, people.get_person(session, "partner"), key=key)
    client.cookies.set("hui_session", token)
    client.csrf = subject.csrf  # type: ignore[attr-defined]
    return client


def records(hub: Filled, action: str) -> list[tuple[str, str]]:
    with database.session(hub.settings.catalog_database) as session:
        return [(one.actor, one.outcome) for one in audit.listed(session, action=action)]


def living(hub: Filled) -> int:
    with database.session(hub.settings.catalog_database) as session:
        return sum(key.revoked_at is None for key in people.keys_of(session, people.get_person(session, "partner")))


class TestNobodyElse:
    @pytest.mark.parametrize("path", ["/account/keys", "/account/password", "/account/keys/0123456789/revoke"])
    def test_who_has_not_signed_in(self, fresh_hub: Filled, path: str) -> None:
        assert client_of(create_app(fresh_hub.settings), fresh_hub.settings).post(path, data={"csrf": "x"}).status_code == 403

    def test_a_session_begun_with_a_key_makes_no_key(self, fresh_hub: Filled) -> None:
        client = with_key(fresh_hub)
        before = living(fresh_hub)
        assert "生成并显示密钥" not in client.get("/account").text
        assert form(client, "/account/keys", password=PASSWORD).status_code == 403
        assert living(fresh_hub) == before
        assert records(fresh_hub, "own.key") == [("partner", "refused")]

    def test_a_key_makes_no_key(self, fresh_hub: Filled) -> None:
        with database.session(fresh_hub.settings.catalog_database) as session:
            _, key = people.issue_key(session, people.get_person(session, "partner"))
        client = TestClient(create_app(fresh_hub.settings), follow_redirects=False)
        headers = {"Authorization": f"Bearer {key}", "accept": "text/html"}
        for csrf in ("", "x"):
            answer = client.post("/account/keys", data={"csrf": csrf, "password": PASSWORD}, headers=headers)
            assert answer.status_code == 403
        assert client.post("/api/v1/account/keys", json={"password": PASSWORD}, headers=headers).status_code in (404, 405)
        assert living(fresh_hub) == 1

    @pytest.mark.parametrize("path", ["/account/keys", "/account/password"])
    def test_an_open_screen_without_the_password_gives_nothing(self, fresh_hub: Filled, partner: TestClient, path: str) -> None:
        answer = form(partner, path, password="wrong", old="wrong", new=NEW)
        assert answer.status_code == 422
        assert "现密码不对" in answer.text
        assert living(fresh_hub) == 0
        act = "own.key" if path.endswith("keys") else "own.password"
        assert records(fresh_hub, act) == [("partner", "refused")]

    def test_guesses_are_counted_as_at_the_sign_in(self, fresh_hub: Filled, partner: TestClient) -> None:
        answers = [
            form(partner, "/account/keys", password="wrong").status_code for _ in range(attempts.PERSON_HERE.attempts + 1)
        ]
        assert answers == [422] * attempts.PERSON_HERE.attempts + [429]
        assert form(partner, "/account/password", old=PASSWORD, new=NEW).status_code == 429

    def test_a_form_of_another_site_does_nothing(self, partner: TestClient) -> None:
        for path in ("/account/keys", "/account/password"):
            assert partner.post(path, data={"csrf": "", "password": PASSWORD, "old": PASSWORD, "new": NEW}).status_code == 403

    def test_anothers_key_is_not_revoked(self, fresh_hub: Filled, partner: TestClient) -> None:
        with database.session(fresh_hub.settings.catalog_database) as session:
            key, text = people.issue_key(session, people.get_person(session, "steward"))
        assert form(partner, f"/account/keys/{key.prefix}/revoke").status_code == 403
        with database.session(fresh_hub.settings.catalog_database) as session:
            assert people.authenticate(session, text)

    def test_there_is_an_end_to_keys(self, fresh_hub: Filled, partner: TestClient) -> None:
        with database.session(fresh_hub.settings.catalog_database) as session:
            for _ in range(10):
                people.issue_key(session, people.get_person(session, "partner"))
        answer = form(partner, "/account/keys", password=PASSWORD)
        assert answer.status_code == 422
        assert "10 个有效密钥" in answer.text


class TestThePerson:
    def test_makes_a_key_pulls_with_it_and_revokes_it(self, fresh_hub: Filled, partner: TestClient) -> None:
        answer = form(partner, "/account/keys", password=PASSWORD, label="月报程序", days="30", give="key")
        [key] = set(re.findall(r"hui_[0-9a-f]{10}_[0-9a-f]{64}", answer.text))
        assert "no-store" in answer.headers["cache-control"]
        bearer = {"Authorization": f"Bearer {key}"}
        program = TestClient(create_app(fresh_hub.settings))
        assert program.get("/api/v1/account", headers=bearer).json()["login"] == "partner"
        page = partner.get("/account").text
        assert "月报程序" in page
        assert key not in page
        assert form(partner, f"/account/keys/{key.split('_')[1]}/revoke").status_code == 303
        assert program.get("/api/v1/account", headers=bearer).status_code == 401
        assert records(fresh_hub, "own.key") == [("partner", "done")]
        assert records(fresh_hub, "key.revoke") == [("partner", "done")]

    def test_or_a_profile_file(self, fresh_hub: Filled, partner: TestClient) -> None:
        answer = form(partner, "/account/keys", password=PASSWORD, give="profile")
        assert "hui.share" in answer.headers["content-disposition"]
        assert "no-store" in answer.headers["cache-control"]
        profile = json.loads(answer.text)
        assert set(profile) == {"shareCredentialsVersion", "endpoint", "bearerToken", "expirationTime"}
        shares = TestClient(create_app(fresh_hub.settings)).get(
            "/delta-sharing/shares", headers={"Authorization": f"Bearer {profile['bearerToken']}"}
        )
        assert shares.status_code == 200

    def test_changes_the_password_and_the_other_sessions_end(self, fresh_hub: Filled, partner: TestClient) -> None:
        other = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "partner")
        with database.session(fresh_hub.settings.catalog_database) as session:
            people.issue_key(session, people.get_person(session, "partner"))
        assert form(partner, "/account/password", old=PASSWORD, new="short").status_code == 422
        assert form(partner, "/account/password", old=PASSWORD, new=PASSWORD).status_code == 422
        assert form(partner, "/account/password", old=PASSWORD, new=NEW).status_code == 303
        assert partner.get("/account").status_code == 200
        assert other.get("/account").status_code == 303
        assert living(fresh_hub) == 1
        assert form(partner, "/account/password", old=NEW, new=PASSWORD, revoke_keys="yes").status_code == 303
        assert living(fresh_hub) == 0
