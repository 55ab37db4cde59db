"""A link by which a body without an account answers: what it opens, what it does not, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from api.http.attempts import ALLOWED
from catalog.access.decision import decide
from catalog.acquisition import answer_links
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.answer_links import LinkOver
from catalog.audit.chain import AuditRecord
from catalog.entries import resources
from catalog.identity.organizations import Organization
from contracts.clock import today
from hub import agreement_view
from hub.hub import Hub as Installation
from hub.hub import open_hub
from tests import agreeing
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

OURS = "hlj-emergency"
ANSWER = {"answer": "part", "without": "负责人电话", "text": "属个人信息", "head": "马建国", "document": "水函〔2026〕17号"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = Settings(home=tmp_path_factory.mktemp("letters") / "var", _env_file=None)
    yield built(settings)
    connection.forget(settings)


@pytest.fixture(scope="module")
def installation(hub: Hub) -> Installation:
    return open_hub(hub.settings)


def _sent(hub: Hub, state: str = "needed") -> str:
    with hub.session() as session:
        told = {"dataset": "hazard", "title": "重大危险源", "purpose": "监管", "needed_on": today()}
        return agreeing.enter(session, route="request", state=state, provider_id=OURS, **told).id


def _link(hub: Hub, number: str, **more: Any) -> str:
    answer = hub.client.post(f"/api/v1/agreements/{number}/link", json=more, headers=hub.auth("steward"))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["link"]).rpartition("/letters/")[2]


def _page(hub: Hub, token: str, form: dict[str, str] | None = None) -> Any:
    if form is None:
        return hub.client.get(f"/letters/{token}")
    return hub.client.post(f"/letters/{token}", data=form)


def _state(hub: Hub, number: str) -> str:
    with hub.session() as session:
        return session.get_one(Agreement, number).state


def test_it_opens_one_request_and_nothing_else(hub: Hub) -> None:
    """Its organization's own data is not its to see: who holds a letter has proven nothing more."""
    number, other = _sent(hub), _sent(hub)
    token = _link(hub, number)
    with hub.session() as session:
        agreement, subject = answer_links.opened(session, token)
        assert not agreement_view.sees_channels(session, subject, agreement)
        assert (agreement.id, subject.actor, subject.organization_id) == (number, f"link:{number}", OURS)
        allowed = {"see-agreement", "answer-need", "discuss-need", "sign-agreement"}
        for action in (
            "see-agreement",
            "answer-need",
            "discuss-need",
            "sign-agreement",
            "consent-need",
            "see-price",
            "manage-agreement",
        ):
            assert decide(session, subject, action, agreement).allowed == (action in allowed), action
            assert not decide(session, subject, action, session.get_one(Agreement, other)).allowed, action
        hazard = resources.get(session, "hazard")
        for action in (
            "discover",
            "read-metadata",
            "preview",
            "read-rows",
            "download",
            "query",
            "deliver",
            "see-quarantine",
            "manage-grant",
        ):
            assert not decide(session, subject, action, hazard).allowed, action
        for action in ("see-operations", "audit-read", "administer", "own-account", "ask-questions", "receive-lineage"):
            assert not decide(session, subject, action, None).allowed, action


def test_it_is_no_key_and_no_cookie(hub: Hub) -> None:
    token = _link(hub, _sent(hub))
    assert hub.client.get("/api/v1/agreements", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert hub.client.get("/acquire", cookies={"hui_session": token}, follow_redirects=False).status_code == 303


def test_an_answer_with_its_consent_is_one_act_and_ends_it(hub: Hub) -> None:
    number = _sent(hub)
    token = _link(hub, number)
    assert _page(hub, token).status_code == 200
    without_head = _page(hub, token, {"do": "answer", **ANSWER, "head": ""})
    assert (without_head.status_code, _state(hub, number)) == (422, "needed")
    assert _page(hub, token, {"do": "answer", **ANSWER}).status_code == 200
    told = hub.get(f"/api/v1/agreements/{number}", "steward").json()
    assert (told["state"], told["decision"], told["without"]) == ("accepted", "part", ["负责人电话"])
    assert [(one["act"], one["by"]) for one in told["steps"]][-2:] == [
        ("need.answer", f"link:{number}"), ("need.consent", f"link:{number}"),
    ]  # fmt: skip
    with hub.session() as session:
        asked = select(AuditRecord).where(AuditRecord.actor == f"link:{number}")
        [record] = session.exec(asked).all()
    assert (record.action, record.outcome, record.detail["head"]) == ("need.answer", "done", "马建国")
    for form in (None, {"do": "answer", **ANSWER}, {"do": "comment", "words": "再说一句"}):
        assert _page(hub, token, form).status_code == 410


def test_completion_is_asked_for_once_and_the_link_stays(hub: Hub) -> None:
    number = _sent(hub)
    token = _link(hub, number)
    assert _page(hub, token, {"do": "ask", "missing": "使用科室"}).status_code == 200
    assert _state(hub, number) == "incomplete"
    assert _page(hub, token, {"do": "comment", "words": "请尽快"}).status_code == 200
    assert _page(hub, token, {"do": "answer", **ANSWER}).status_code == 422, "not before it is completed"
    hub.client.post(f"/api/v1/agreements/{number}/complete", json={"text": "减灾处"}, headers=hub.auth("steward"))
    assert 'name="missing"' not in _page(hub, token).text
    assert _page(hub, token, {"do": "ask", "missing": "还有"}).status_code in (409, 422)
    assert _page(hub, token, {"do": "answer", **ANSWER}).status_code == 200


def test_it_signs_what_was_accepted(hub: Hub) -> None:
    number = _sent(hub, "accepted")
    token = _link(hub, number)
    assert _page(hub, token, {"do": "sign"}).status_code == 200
    told = hub.get(f"/api/v1/agreements/{number}", "steward").json()
    assert told["provider_signed_on"] == f"{today()}"
    assert _page(hub, token).status_code == 410


def test_a_newer_link_its_day_and_the_end_of_the_need_end_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    number = _sent(hub)
    first = _link(hub, number)
    second = _link(hub, number, days=5)
    assert [_page(hub, one).status_code for one in (first, second)] == [410, 200]
    with monkeypatch.context() as later, hub.session() as session:
        later.setattr(answer_links, "today", lambda: today() + timedelta(days=6))
        with pytest.raises(LinkOver):
            answer_links.opened(session, second)
    hub.client.post(f"/api/v1/agreements/{number}/end", json={"reason": "撤回"}, headers=hub.auth("steward"))
    assert _page(hub, second).status_code == 410


def test_it_is_kept_by_its_hash_and_shown_once(hub: Hub) -> None:
    number = _sent(hub)
    token = _link(hub, number)
    with hub.session() as session:
        link = session.get_one(answer_links.AnswerLink, number)
        assert token not in f"{link.model_dump()}"
        assert token not in "".join(f"{one.detail}" for one in session.exec(select(AuditRecord)))
    assert token not in hub.get(f"/api/v1/agreements/{number}", "steward").text


def test_who_tries_links_that_open_nothing_waits(hub: Hub) -> None:
    tried = [_page(hub, f"guess{number}").status_code for number in range(ALLOWED + 1)]
    assert (set(tried), tried[-1]) == ({410, 429}, 429)
    hub.client.app.state.attempts._failures.clear()  # type: ignore[attr-defined]


def test_an_organization_that_left_sees_and_answers_no_more(hub: Hub) -> None:
    number = _sent(hub)
    token = _link(hub, number)
    with hub.session() as session:
        session.get_one(Organization, OURS).active = False
    try:
        shown, answered = _page(hub, token), _page(hub, token, {"do": "answer", **ANSWER})
    finally:
        with hub.session() as session:
            session.get_one(Organization, OURS).active = True
    assert [one.status_code for one in (shown, answered)] == [404, 404]
    assert "重大危险源" not in shown.text + answered.text
    assert _state(hub, number) == "needed"
