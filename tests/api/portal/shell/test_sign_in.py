"""Sign-in under attack: many at once, many names from one place, forwarded addresses, claimed names, revoked keys."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.identity import attempts, people
from catalog.identity.people import Person
from catalog.store import database
from cli.serve import ProxyUnknown, configured, proxies_of
from contracts.errors import HubError
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import PASSWORD, Filled
from tests.loop import served


def _form(client: TestClient | httpx.Client) -> str:
    found = re.search(r'name="form" value="([^"]+)"', client.get("/sign-in").text)
    assert found
    return found.group(1)


def _tried(client: TestClient | httpx.Client, login: str, password: str, **headers: str) -> int:
    return client.post(
        "/sign-in", data={"form": _form(client), "login": login, "password": password}, headers=headers
    ).status_code


class TestCounters:
    def test_one_persons_mistakes_lock_nobody_else_out(self, fresh_hub: Filled) -> None:
        client = client_of(create_app(fresh_hub.settings), fresh_hub.settings)
        tried = [_tried(client, "partner", "wrong") for _ in range(attempts.PERSON_HERE.attempts + 1)]
        assert tried == [401] * attempts.PERSON_HERE.attempts + [429]
        assert _tried(client, "partner", PASSWORD) == 429
        assert _tried(client, "steward", PASSWORD) == 303

    @pytest.mark.parametrize(("proxies", "last"), [("", 429), ("127.0.0.1", 401)])
    def test_a_forwarded_address_is_believed_from_a_configured_proxy_only(
        self, fresh_hub: Filled, proxies: str, last: int
    ) -> None:
        settings = fresh_hub.settings.model_copy(update={"trusted_proxies": proxies})
        with served(configured(settings, "127.0.0.1", 0)) as (address, _), httpx.Client(base_url=address, timeout=60) as client:
            tried = [
                _tried(client, "partner", "wrong", **{"X-Forwarded-For": f"10.1.{n}.7"})
                for n in range(attempts.PERSON_HERE.attempts + 2)
            ]
        assert tried[-1] == last, tried

    @pytest.mark.parametrize("text", ["proxy", "*", "10.0.0.5, x"])
    def test_a_proxy_that_is_no_address_is_an_error(self, text: str) -> None:
        with pytest.raises(ProxyUnknown):
            proxies_of(text)
        assert proxies_of(" 10.0.0.5,10.1.0.0/16 ,::1 ") == ["10.0.0.5", "10.1.0.0/16", "::1"]

    def test_many_at_once_are_all_answered_and_few_are_let_try(self, fresh_hub: Filled) -> None:
        """At 4481aa4 all 60 were verified beside each other, and none of them was counted before the others had failed."""
        with served(create_app(fresh_hub.settings)) as (address, watch), ThreadPoolExecutor(30) as pool:

            def attempt(_: int) -> int:
                with httpx.Client(base_url=address, timeout=60) as client:
                    return _tried(client, "partner", "wrong")

            answers = list(pool.map(attempt, range(60)))
            assert not watch.held
        assert set(answers) <= {401, 429, 503}, answers
        assert answers.count(401) <= attempts.PERSON_HERE.attempts


def test_a_claimed_name_is_no_actor(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings)
    for login in ("administrator", "[/x]", "system:seal", "\x1b[31m"):
        assert _tried(client, login, "wrong") == 401
    with database.session(fresh_hub.settings.catalog_database) as session:
        refused = audit.listed(session, action="portal.sign-in", outcome="refused")
    assert {one.actor for one in refused} == {"anonymous"}
    assert [one.detail["claimed"] for one in refused][::-1] == ["administrator", "[/x]", "system:seal", "\x1b[31m"]


class TestSessions:
    def test_a_session_ends_with_its_key(self, fresh_hub: Filled) -> None:
        client = client_of(create_app(fresh_hub.settings), fresh_hub.settings)
        with database.session(fresh_hub.settings.catalog_database) as session:
            key, text = people.issue_key(session, people.get_person(session, "steward"))
        assert client.post("/sign-in", data={"form": _form(client), "key": text}).status_code == 303
        assert client.get("/batches").status_code == 200
        with database.session(fresh_hub.settings.catalog_database) as session:
            people.revoke_key(session, key.prefix)
        assert client.get("/batches").status_code == 303, "led to the sign-in"

    def test_the_reader_sees_the_others_and_ends_one(self, fresh_hub: Filled) -> None:
        app = create_app(fresh_hub.settings)
        here, there = (client_of(app, fresh_hub.settings, "steward") for _ in range(2))
        stranger = client_of(app, fresh_hub.settings, "partner")
        page = here.get("/sessions").text
        [number] = re.findall(r"/sessions/(\w+)/end", page)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
        foreign = re.findall(r'name="csrf" value="([^"]+)"', stranger.get("/sessions").text)[0]
        assert here.post(f"/sessions/{number}/end", data={"csrf": "x"}).status_code == 403
        assert stranger.post(f"/sessions/{number}/end", data={"csrf": foreign}).status_code == 404
        assert there.get("/batches").status_code == 200
        assert here.post(f"/sessions/{number}/end", data={"csrf": csrf}).status_code == 303
        assert there.get("/batches").status_code == 303
        assert here.get("/batches").status_code == 200
        assert client_of(app, fresh_hub.settings).get("/sessions").status_code == 303

    def test_the_api_lists_and_ends_the_callers_own(self, fresh_hub: Filled) -> None:
        app = create_app(fresh_hub.settings)
        with database.session(fresh_hub.settings.catalog_database) as session:
            person = people.get_person(session, "steward")
            _, key = people.issue_key(session, person)
            _, other = people.issue_key(session, people.get_person(session, "partner"))
            _, token = people.begin(session, person)
        client = TestClient(app)
        bearer = {"Authorization": f"Bearer {key}"}
        [listed] = client.get("/api/v1/sessions", headers=bearer).json()
        assert set(listed) == {"id", "begun_at", "expires_at", "address", "key_prefix"}
        assert client.get("/api/v1/sessions").status_code == 401
        where = f"/api/v1/sessions/{listed['id']}"
        assert client.delete(where).status_code == 401
        assert client.delete(where, headers={"Authorization": f"Bearer {other}"}).status_code == 404
        assert client.delete(where, headers=bearer).status_code == 204
        with database.session(fresh_hub.settings.catalog_database) as session:
            assert people.signed_in(session, token) is None
            assert isinstance(person, Person)


def test_a_full_line_says_when_to_come_again() -> None:
    from api.http.errors import retry_after
    from catalog.identity.passwords import SignInBusy

    error: HubError = SignInBusy()
    assert retry_after(error) == {"Retry-After": "5"}
