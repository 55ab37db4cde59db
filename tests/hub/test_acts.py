"""Every act by every role: refused with its policy and on record, or done with exactly one record; once under one key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, func, select

from catalog import access
from catalog.access import compiled
from catalog.acquisition.agreements import Agreement
from catalog.audit.chain import AuditRecord
from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.identity import people
from catalog.store import database
from hub import acts
from hub.acts import ABSENT
from hub.table import ACTS
from tests.hub.examples import EXAMPLES, WAIT, asked
from tests.hub.examples import test_every_act_has_its_example as _all_have_examples
from tests.sharing import PEOPLE, Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

test_every_act_has_its_example = _all_have_examples
CALLERS = ("", *PEOPLE)
AT_API = [name for name, act in ACTS.items() if not act.api.startswith(ABSENT)]
"""The others have tests beside their page."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that refuses: nothing in it changes."""
    yield from _made(tmp_path_factory.mktemp("refusing"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Hub]:
    """A hub of the test's own, to be changed."""
    yield from _made(tmp_path)


def _made(folder: Path) -> Iterator[Hub]:
    settings = Settings(home=folder / "var", _env_file=None)
    yield built(settings)
    connection.forget(settings)


def may(hub: Hub, who: str, act: str, given: dict[str, Any]) -> bool:
    """Whether the policies let the person do it."""
    with hub.session() as session:
        subject = people.authenticate(session, hub.keys[who]) if who else people.ANONYMOUS
        assert subject is not None
        about = {"resource", "grant", "batch", "sql"} & set(given)
        entry: Resource | Agreement | None = resources.get(session, "hazard") if about else None
        if "agreement" in given:
            entry = session.get_one(Agreement, given["agreement"])
        own_account = who == "other" and act in ("key.revoke", "session.end", "job.cancel")
        return own_account or access.decide(session, subject, ACTS[act].policy, entry).allowed


def records(hub: Hub, after: int = 0) -> list[AuditRecord]:
    """Records of acts; what the ledger tells of a batch's life (batch.receive …) is beside them."""
    with hub.session() as session:
        asked_for = select(AuditRecord).where(AuditRecord.sequence > after, col(AuditRecord.action).in_(ACTS))
        asked_for = asked_for.order_by(col(AuditRecord.sequence))
        return list(session.exec(asked_for))


def last(hub: Hub) -> int:
    with hub.session() as session:
        return session.exec(select(func.max(AuditRecord.sequence))).one() or 0


@pytest.mark.parametrize("act", AT_API)
@pytest.mark.parametrize("who", CALLERS)
def test_who_may_not_is_refused_on_record_and_changes_nothing(hub: Hub, act: str, who: str) -> None:
    given = EXAMPLES[act](hub)
    if may(hub, who, act, given):
        return
    before = last(hub)
    method, path, body = asked(act, given)
    answer = hub.client.request(method, path, json=body, headers=hub.auth(who))
    strangers = ("partner", "other", "outsider")  # what concerns them not is not there for them
    own = ("session.end", "job.cancel")  # another's is not there for anybody but administrators
    hidden = ((bool({"batch", "agreement"} & set(given)) or act == "entry.publish") and who in strangers) or (
        act in own and who
    )
    assert answer.status_code == (404 if hidden else 403 if who else 401), answer.text
    found = records(hub, before)
    if who and not hidden:
        assert [(one.action, one.outcome) for one in found] == [(act, "refused")]
        assert answer.json()["policies"] == found[0].policies
    else:
        assert found == []


ALONE = [
    act
    for act in AT_API
    if act
    not in (
        "deliver",
        "pack.add",
        "check-rows",
        "correct-rows",
        "export-quarantine",
        "answer-batch",
        "undo-batch",
        "pass-batch",
        "rebuild",
    )
    and not act.startswith("onboard")
]
"""The others need files: tests/hub/test_deliveries.py, test_corrections.py, test_onboarding.py and test_packs.py."""


GIVING = {
    "need.enter", "need.consent", "need.send", "need.link", "need.ask", "need.complete", "need.extend", "need.answer",
    "need.comment", "need.dispute", "need.settle",
    "agreement.sign", "agreement.remind", "agreement.renew", "release", "contract.save", "entry.publish", "people.add",
    "people.reopen", "key.issue", "organization.add", "grant",
}  # fmt: skip
"""They change what decisions rest on, and take nothing from anybody."""


@pytest.mark.parametrize("act", ALONE)
def test_who_may_does_it_with_one_record(own: Hub, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    given = EXAMPLES[act](own)
    able = [who for who in PEOPLE if may(own, who, act, given)]
    assert able, "somebody must be able to"
    before, held = last(own), list[float]()
    monkeypatch.setattr(acts.time, "sleep", held.append)
    decided = compiled.token(database.engine(own.settings.catalog_database))
    method, path, body = asked(act, given)
    answer = own.client.request(method, path, json=body, headers=own.auth(able[0]) | WAIT)
    assert answer.is_success, answer.text
    ACTS[act].gives.model_validate(answer.json())
    [record] = records(own, before)
    assert (record.action, record.outcome) == (act, "allowed" if act == "query" else "done")
    assert record.policies
    if compiled.token(database.engine(own.settings.catalog_database)) != decided:
        assert ACTS[act].ends or act in GIVING, "it may end a right: then it is told done when the right has ended everywhere"
    assert held == [compiled.HELD_SECONDS] * ACTS[act].ends


class TestOnce:
    """The same request under one Idempotency-Key is done once."""

    def test_it_is_answered_again_and_not_done_again(self, own: Hub) -> None:
        method, path, body = asked("release", EXAMPLES["release"](own))
        headers = own.auth("steward") | WAIT | {"Idempotency-Key": "k1"}
        first, second = (own.client.request(method, path, json=body, headers=headers) for _ in range(2))
        assert first.json() == second.json()
        assert first.json()["version"] == 3
        third = own.client.request(method, path, json=body, headers=own.auth("steward") | WAIT | {"Idempotency-Key": "k2"})
        assert third.json()["version"] == 4

    def test_another_request_under_the_same_key_is_refused(self, own: Hub) -> None:
        headers = own.auth("administrator") | {"Idempotency-Key": "k1"}
        for name, status in (("甲", 200), ("乙", 422)):
            method, path, body = asked("organization.add", {"id": "new", "name": name})
            answer = own.client.request(method, path, json=body, headers=headers)
            assert answer.status_code == status, answer.text
        assert answer.json()["type"] == "urn:hui:problem:idempotency-key-used"

    def test_a_secret_is_not_kept(self, own: Hub) -> None:
        method, path, body = asked("key.issue", EXAMPLES["key.issue"](own))
        headers = own.auth("administrator") | {"Idempotency-Key": "k1"}
        first = own.client.request(method, path, json=body, headers=headers)
        assert first.json()["key"].startswith("hui_")
        second = own.client.request(method, path, json=body, headers=headers)
        assert (second.status_code, second.json()["type"]) == (409, "urn:hui:problem:shown-once")
        assert first.json()["key"] not in second.text

    def test_what_failed_may_be_asked_for_again(self, own: Hub) -> None:
        headers = own.auth("administrator") | {"Idempotency-Key": "k1"}
        given = {"login": "late", "organization": "hlj-late", "roles": ["partner"]}
        method, path, body = asked("people.add", given)
        assert own.client.request(method, path, json=body, headers=headers).status_code == 404
        method_of, path_of, organization = asked("organization.add", {"id": "hlj-late", "name": "迟到"})
        own.client.request(method_of, path_of, json=organization, headers=own.auth("administrator"))
        assert own.client.request(method, path, json=body, headers=headers).status_code == 200


def test_everybody_ends_their_own_keys_and_makes_themselves_none(own: Hub) -> None:
    """A stolen key that could make another would outlive its revocation."""
    for login in ("partner", "other"):
        assert own.client.post(f"/api/v1/people/{login}/keys", json={}, headers=own.auth("partner")).status_code == 403
    mine, theirs = (own.keys[who].split("_")[1] for who in ("partner", "other"))
    assert own.client.post(f"/api/v1/keys/{theirs}/revoke", headers=own.auth("partner")).status_code == 403
    assert own.client.post(f"/api/v1/keys/{mine}/revoke", headers=own.auth("partner")).json()["state"] == "revoked"
    assert own.get("/api/v1/resources", "partner").status_code == 401


def test_a_cookie_is_not_enough(own: Hub) -> None:
    with own.session() as session:
        _, token = people.begin(session, people.get_person(session, "administrator"))
    method, path, body = asked("organization.add", EXAMPLES["organization.add"](own))
    answer = own.client.request(method, path, json=body, headers={"Cookie": f"hui_session={token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["classified"])
def test_what_one_may_not_know_of_is_not_there(own: Hub, name: str) -> None:
    answer = own.client.post(f"/api/v1/resources/{name}/versions", json={}, headers=own.auth("outsider"))
    assert answer.status_code in (403, 404)
    known = own.get(f"/api/v1/resources/{name}", "outsider").status_code
    assert (answer.status_code == 404) == (known == 404)


class TestDeliveriesAreNotReadFromStrangers:
    """Who may not deliver is refused before the body is read."""

    @pytest.mark.parametrize("who", ["partner", "outsider", "auditor"])
    def test_the_body_stays_unread(self, hub: Hub, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("api.v1.deliveries.Request.stream", lambda _self: pytest.fail("the body was read"))
        path = "/api/v1/resources/hazard/deliveries?filename=a.csv"
        assert hub.client.post(path, content=b"x" * 1000, headers=hub.auth(who)).status_code == 403
