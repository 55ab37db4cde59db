"""Who is refused, at every door that gives data: anonymous first, then each way in which a right is missing or has ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import select

from api import signed_links
from catalog.access import grants
from catalog.audit.chain import AuditRecord
from catalog.entries import resources
from catalog.identity import people
from contracts import clock
from tests.sharing import DATASETS, PURPOSE, Hub

TABLE = "/delta-sharing/shares/{share}/schemas/resource/tables/{name}"
DOORS: dict[str, tuple[str, str]] = {
    # door: (method, path)
    "rows": ("GET", "/api/v1/resources/{name}/rows"),
    "row": ("GET", "/api/v1/resources/{name}/rows/MH-0002"),
    "old rows": ("GET", "/api/v1/resources/{name}/rows?version=1"),
    "files": ("GET", "/api/v1/resources/{name}/versions/1/files"),
    "file": ("GET", "/api/v1/resources/{name}/versions/1/files/0"),
    "delta version": ("GET", TABLE + "/version"),
    "delta head": ("HEAD", TABLE),
    "delta metadata": ("GET", TABLE + "/metadata"),
    "delta query": ("POST", TABLE + "/query"),
    "delta changes": ("GET", TABLE + "/changes?startingVersion=1"),
}


def at(path: str, dataset: str = "hazard") -> str:
    """A door's path for a dataset."""
    return path.format(name=dataset, share=DATASETS.get(dataset, ("hlj-emergency",))[0])


@dataclass(frozen=True)
class Case:
    """A caller who must be refused, and by what."""

    who: str
    dataset: str = "hazard"
    policy: str = ""
    prepare: Callable[[Hub], Callable[[], None]] | None = None


def expired_grant(hub: Hub) -> Callable[[], None]:
    number = hub.grant("hazard", "hlj-water", expires_at=clock.now() + timedelta(days=1))
    with hub.session() as session:
        given = grants.find(session, number)
        given.expires_at = clock.now() - timedelta(seconds=1)
        session.add(given)
    return lambda: forget(hub, number)


def revoked_grant(hub: Hub) -> Callable[[], None]:
    number = hub.grant("hazard", "hlj-water")
    with hub.session() as session:
        grants.revoke(session, number, reason="用途变更")
    return lambda: forget(hub, number)


def live_grant_on_bought(hub: Hub) -> Callable[[], None]:
    number = hub.grant("power", "hlj-water")
    return lambda: forget(hub, number)


def grant_on_not_shared(hub: Hub) -> Callable[[], None]:
    """Written around the check, as a fault or an attacker with the database would."""
    with hub.session() as session:
        given = grants.Grant(resource_id=resources.get(session, "classified").id, organization_id="hlj-water", purpose=PURPOSE)
        session.add(given)
        number = given.id
    return lambda: forget(hub, number)


def grant_of_hidden_items(hub: Hub) -> Callable[[], None]:
    number = hub.grant("hazard", "hlj-water", items=["secret_code"])
    return lambda: forget(hub, number)


def withdrawn(hub: Hub) -> Callable[[], None]:
    return _state(hub, "withdrawn")


def important(hub: Hub) -> Callable[[], None]:
    with hub.session() as session:
        entry = resources.get(session, "hazard")
        entry.category = "important"
        session.add(entry)

    def back() -> None:
        with hub.session() as session:
            entry = resources.get(session, "hazard")
            entry.category = "general"
            session.add(entry)

    return back


def _state(hub: Hub, state: str) -> Callable[[], None]:
    def put(wanted: str) -> None:
        with hub.session() as session:
            entry = resources.get(session, "hazard")
            entry.state = wanted
            session.add(entry)

    put(state)
    return lambda: put("published")


def forget(hub: Hub, number: str) -> None:
    with hub.session() as session:
        session.delete(grants.find(session, number))


CASES = {
    "anonymous": Case("", policy="nobody-unknown"),
    "no grant": Case("other"),
    "enterprise without grant": Case("outsider"),
    "enterprise, unconditional for departments": Case("outsider", "weather"),
    "expired grant": Case("other", policy="grant-expired", prepare=expired_grant),
    "revoked grant": Case("other", policy="grant-revoked", prepare=revoked_grant),
    "bought without redistribution": Case("other", "power", "bought-data", live_grant_on_bought),
    "not shared, grant or not": Case("other", "classified", "not-shared", grant_on_not_shared),
    "only items of grade L4": Case("other", policy="grade-3-by-name", prepare=grant_of_hidden_items),
    "withdrawn": Case("partner", policy="withdrawn-resource", prepare=withdrawn),
    "important data": Case("partner", policy="important-data", prepare=important),
    "auditor": Case("auditor", policy="auditor-audit-only"),
    "administrator": Case("administrator", policy="administrator-only-administers"),
    "analyst, not shared": Case("analyst", "classified", "not-shared"),
    "steward, not shared": Case("steward", "classified", "not-shared"),
    "unknown resource": Case("partner", "no_such_thing"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", CASES)
def test_refused(hub: Hub, case: str, door: str) -> None:
    told = CASES[case]
    undo = told.prepare(hub) if told.prepare else lambda: None
    method, path = DOORS[door]
    try:
        answer = hub.client.request(method, at(path, told.dataset), headers=hub.auth(told.who))
    finally:
        undo()
    assert answer.status_code in (401, 403, 404), answer.text
    assert "罐区" not in answer.text
    assert '"rows"' not in answer.text
    assert "Delta-Table-Version" not in answer.headers
    if method != "HEAD" and answer.status_code == 403 and told.policy and "/api/" in path:
        assert told.policy in answer.json()["policies"]


@pytest.mark.parametrize("door", DOORS)
def test_wrong_revoked_and_expired_keys(hub: Hub, door: str) -> None:
    method, path = DOORS[door]
    with hub.session() as session:
        person = people.get_person(session, "partner")
        _, expired = people.issue_key(session, person, expires_at=clock.now() - timedelta(seconds=1))
        gone, revoked = people.issue_key(session, person)
        people.revoke_key(session, gone.prefix)
    altered = hub.keys["partner"][:-1] + ("0" if hub.keys["partner"][-1] != "0" else "1")
    hub.client.app.state.attempts._failures.clear()
    for key in (expired, revoked, altered, "", "hui_x_y", "hui__", "ключ", "Bearer", "hui_" + "a" * 5000):
        answer = hub.client.request(method, at(path), headers={"Authorization": f"Bearer {key}".encode()})
        assert answer.status_code == 401, (key, answer.text)
        hub.client.app.state.attempts._failures.clear()


@pytest.mark.parametrize("door", [door for door in DOORS if door not in ("delta version", "delta head")])
def test_the_partner_is_not_refused(hub: Hub, door: str) -> None:
    """The table above would be worth nothing if these doors refused everybody."""
    method, path = DOORS[door]
    answer = hub.client.request(method, at(path), headers=hub.auth("partner"))
    assert answer.status_code == 200, answer.text


def test_a_recalled_version_is_refused_everywhere_and_its_links_end(hub: Hub) -> None:
    hub.run("INSERT INTO lake.resource.hazard (hazard_id, division, _batch, _row) VALUES ('MH-9000', '230803', 'b9', 1)")
    version = hub.release("hazard")
    linked = hub.get(f"/api/v1/resources/hazard/versions/{version}/files", "partner").json()[0]["url"]
    table = at(TABLE)
    lines = hub.client.post(f"{table}/query", headers=hub.auth("partner"), content=b"{}").text.splitlines()
    shared = json.loads(lines[2])["file"]["url"]
    assert hub.client.get(linked).status_code == 200
    assert hub.client.get(shared).status_code == 200
    hub.recall("hazard", version)
    for who in ("partner", "owner", "steward", "analyst"):
        assert hub.get(f"/api/v1/resources/hazard/rows?version={version}", who).status_code == 403
        assert hub.get(f"/api/v1/resources/hazard/versions/{version}/files", who).status_code == 403
    for url in (linked, shared):
        assert hub.client.get(url).status_code == 403
        assert hub.client.get(url, headers={"Range": "bytes=0-10"}).status_code == 403
        assert hub.client.head(url).status_code == 403
    told = hub.client.post(f"{table}/query", headers=hub.auth("partner"), json={"version": version})
    assert told.status_code == 403
    assert told.json()["errorCode"] == "PERMISSION_DENIED"
    assert hub.get(f"{table}/version", "partner").headers["Delta-Table-Version"] == str(version - 1)
    assert "召回" in hub.get(f"/api/v1/resources/hazard/rows?version={version}", "partner").json()["detail"]


def test_links_end_with_the_right_they_were_given_on(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id"])
    url = hub.get("/api/v1/resources/hazard/versions/1/files", "other").json()[0]["url"]
    assert hub.client.get(url).status_code == 200
    with hub.session() as session:
        given = grants.find(session, number)
        given.row_filter = "level = 1"  # a narrower right: the old file shows more than it allows
        session.add(given)
    assert hub.client.get(url).status_code == 403
    again = hub.get("/api/v1/resources/hazard/versions/1/files", "other").json()[0]["url"]
    assert hub.client.get(again).status_code == 200
    with hub.session() as session:
        grants.revoke(session, number, reason="test")
    assert hub.client.get(again).status_code == 403
    forget(hub, number)


def test_links_end_with_the_key(hub: Hub) -> None:
    with hub.session() as session:
        key, bearer = people.issue_key(session, people.get_person(session, "partner"))
    headers = {"Authorization": f"Bearer {bearer}"}
    url = hub.client.get("/api/v1/resources/hazard/versions/1/files", headers=headers).json()[0]["url"]
    assert hub.client.get(url).status_code == 200
    with hub.session() as session:
        people.revoke_key(session, key.prefix)
    assert hub.client.get(url).status_code == 403


@pytest.mark.parametrize("change", ["token", "signature", "text", "unsigned", "expired"])
def test_altered_links(hub: Hub, change: str) -> None:
    url = hub.get("/api/v1/resources/hazard/versions/1/files", "partner").json()[0]["url"]
    path, _, query = url.removeprefix(f"{hub.settings.public_url}/files/").partition("?")
    signature = query.rpartition("sig=")[2]
    text, _, name = path.partition("/")
    if change == "expired":
        assert signed_links.read(hub.settings, text, signature).version == 1
        with pytest.raises(signed_links.LinkEnded):
            signed_links.read(hub.settings, text, signature, now=4e9)
        return
    altered = {
        "token": f"{text[:-2]}/{name}?sig={signature}",
        "signature": f"{text}/{name}?sig={'A' * len(signature)}",
        "text": f"{text[:-4]}AAAA/{name}?sig={signature}",
        "unsigned": f"{text}/{name}",
    }
    assert hub.client.get(f"/files/{altered[change]}").status_code == 403


def test_refusals_are_on_record(hub: Hub) -> None:
    hub.get("/api/v1/resources/hazard/rows", "other")
    with hub.session() as session:
        last = session.exec(select(AuditRecord).order_by(AuditRecord.sequence.desc()).limit(1)).one()  # type: ignore[attr-defined]
    assert (last.action, last.object, last.outcome, last.organization_id) == ("read-rows", "hazard", "refused", "hlj-water")
    assert last.actor.startswith("key:")


def test_too_many_wrong_keys_wait_and_delta_never_says_429(hub: Hub) -> None:
    attempts = hub.client.app.state.attempts
    attempts._failures.clear()
    wrong = {"Authorization": "Bearer hui_aaaaaaaaaa_b"}
    told = [hub.client.get("/api/v1/resources/hazard", headers=wrong).status_code for _ in range(attempts.allowed + 2)]
    assert told[: attempts.allowed] == [401] * attempts.allowed
    assert told[-1] == 429
    assert hub.client.get("/delta-sharing/shares", headers=wrong).status_code == 401
    assert hub.get("/api/v1/resources/hazard", "partner").status_code == 200, "another's key from the same address still works"
    attempts._failures.clear()


def test_another_purpose_than_the_grant_s(hub: Hub) -> None:
    from urllib.parse import quote

    good = hub.get("/api/v1/resources/hazard/rows?limit=1", "partner", headers={"X-Purpose": quote(PURPOSE)})
    assert good.status_code == 200
    other = hub.get("/api/v1/resources/hazard/rows?limit=1", "partner", headers={"X-Purpose": quote("营销")})
    assert other.status_code == 403
    assert other.json()["policies"] == ["purpose-bound"]


def test_the_unreleased_table_is_for_insiders(hub: Hub) -> None:
    for who, status in {"partner": 403, "owner": 200, "steward": 200, "analyst": 200}.items():
        assert hub.get("/api/v1/resources/hazard/rows?version=current&limit=1", who).status_code == status, who


def test_what_must_not_be_known_is_not_found(hub: Hub) -> None:
    assert hub.get("/api/v1/resources/classified").status_code == 404
    assert hub.get("/api/v1/resources/classified", "partner").status_code == 200
    listed = hub.get("/api/v1/resources").json()
    assert "classified" not in {hit["resource"]["name"] for hit in listed["items"]}


def test_lineage_is_received_from_programs_of_the_hub_only(hub: Hub) -> None:
    for who, status in {"": 401, "partner": 403, "outsider": 403, "auditor": 403, "steward": 201}.items():
        event = {
            "eventType": "START",
            "eventTime": "2026-03-11T09:00:00Z",
            "run": {"runId": f"run of {who}"},
            "job": {"namespace": "x", "name": "y"},
        }
        assert hub.client.post("/api/v1/lineage", json=event, headers=hub.auth(who)).status_code == status, who


@pytest.mark.parametrize("who", ["", "partner", "steward", "analyst"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_another_hub_hands_in_is_looked_at_only_where_an_auditor_does(hub: Hub, who: str, method: str) -> None:
    answer = hub.client.request(method, "/api/v1/audit/witness", content=b"no JSON", headers=hub.auth(who))
    assert answer.status_code == (403 if who else 401)
