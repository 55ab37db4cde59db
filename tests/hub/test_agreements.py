"""Needs and agreements: each act in each state by each role, refusals first; who is kept apart; where channels may reach."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, func, select, update

from catalog import access, workdays, workflow
from catalog.acquisition import steps, visibility
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.negotiation import InvalidStep
from catalog.audit.chain import AuditRecord
from catalog.identity import people
from catalog.identity.people import ANONYMOUS, Subject, local_subject
from catalog.overview import inbox
from contracts.clock import today
from hub import acts
from hub.acts import ACTS
from hub.hub import Hub as Installation
from hub.hub import open_hub
from tests import agreeing
from tests.hub.examples import NEED
from tests.sharing import PEOPLE, Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

OURS = "hlj-emergency"
GIVEN: dict[str, dict[str, Any]] = {
    "need.consent": {"head": "王建国"},
    "need.send": {},
    "need.link": {},
    "need.ask": {"missing": "使用范围"},
    "need.complete": {"text": "减灾处"},
    "need.comment": {"text": "基准面是哪一个？"},
    "need.dispute": {"reason": "依据不足"},
    "need.settle": {"outcome": "accept", "body": "省数据局", "text": "经协调同意"},
    "need.extend": {"reason": "数据正在整理", "authority": "省数据局"},
    "need.answer": {"answer": "accept", "text": "同意"},
    "agreement.sign": {},
    "agreement.remind": {"text": "请尽快答复"},
    "agreement.change": {"reason": "换通道", "channels": []},
    "agreement.renew": {"reason": "续签", "valid_until": "2099-12-31"},
    "agreement.end": {"reason": "业务调整"},
}
MAY = {
    "need.consent": {"steward", "owner"},
    "need.send": {"steward"},
    "need.link": {"steward"},
    "need.ask": {"owner"},
    "need.complete": {"steward"},
    "need.comment": {"steward", "owner"},
    "need.dispute": {"steward"},
    "need.settle": {"steward"},
    "need.extend": {"steward"},
    "need.answer": {"owner"},
    "agreement.sign": {"steward", "owner"},
    "agreement.remind": {"steward"},
    "agreement.change": {"steward"},
    "agreement.renew": {"steward"},
    "agreement.end": {"steward"},
}
"""Whom the policies let, of the people of `tests.sharing`, with a need that was put to the body of `owner`."""
SUBJECTS: dict[str, Subject] = {}
SEES = {"owner", "steward", "analyst", "auditor", "administrator"}
SIDE = {"owner": workflow.PROVIDER, "steward": workflow.STEWARD}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = Settings(home=tmp_path_factory.mktemp("agreements") / "var", _env_file=None)
    made = built(settings)
    SUBJECTS.update({who: _subject(made, who) for who in ("", *PEOPLE)})
    yield made
    connection.forget(settings)


@pytest.fixture(scope="module")
def installation(hub: Hub) -> Installation:
    return open_hub(hub.settings)


def _subject(hub: Hub, who: str) -> Subject:
    with hub.session() as session:
        return (people.authenticate(session, hub.keys[who]) if who else None) or ANONYMOUS


@pytest.fixture(autouse=True)
def of_others(hub: Hub) -> Iterator[None]:
    """What a test leaves goes to another dataset: the next deadline of one is reckoned from all agreements it comes under."""
    yield
    with hub.session() as session:
        session.execute(update(Agreement).where(col(Agreement.dataset) == "hazard").values(dataset="others"))


def _new(hub: Hub, route: str, state: str, provider: str = OURS) -> str:
    told = {"dataset": "hazard", "title": "重大危险源", "purpose": "监管", "needed_on": today() - timedelta(days=1)}
    with hub.session() as session:
        return agreeing.enter(session, route=route, state=state, provider_id=provider, **told).id


def _expected(route: str, state: str, act: str, who: str) -> str:
    """What becomes of an act: hidden, refused, impossible or done."""
    if who not in SEES:
        return "hidden"
    if who not in MAY[act]:
        return "refused"
    known = workflow.possible(state, route, act)
    return "done" if any(SIDE[who] in one.sides for one in known) else "impossible"


def _outcome(installation: Installation, subject: Subject, act: str, number: str) -> str:
    one = ACTS[act]
    try:
        one.does(installation, subject, acts.given(one.takes, agreement=number, **GIVEN[act]))
    except acts.UnknownAgreement:
        return "hidden"
    except access.Refused:
        return "refused"
    except InvalidStep:
        return "impossible"
    return "done"


def _records(session: Session, number: str) -> list[AuditRecord]:
    asked = select(AuditRecord).where(AuditRecord.object == f"agreement:{number}", col(AuditRecord.action).in_(ACTS))
    return list(session.exec(asked.order_by(col(AuditRecord.sequence))))


CELLS = [(route, state) for route in workflow.ROUTES for state in workflow.states(route)]


@pytest.mark.parametrize(("route", "state"), CELLS)
def test_every_act_in_every_state_by_everybody(hub: Hub, installation: Installation, route: str, state: str) -> None:
    """Each cell of the table: what it says happens, on record once, and nothing else."""
    untouched, refused = _new(hub, route, state), list[tuple[str, str]]()
    for act, who in itertools.product(GIVEN, ("", *PEOPLE)):
        expected = _expected(route, state, act, who)
        number = _new(hub, route, state) if expected == "done" else untouched
        assert _outcome(installation, SUBJECTS[who], act, number) == expected, (act, who)
        if expected == "refused":
            refused.append((act, "refused"))
        if expected == "done":
            with hub.session() as session:
                after, taken = session.get_one(Agreement, number).state, steps.history(session, number)[1:]
                told = [(one.action, one.outcome) for one in _records(session, number)]
            assert told == [(act, "done")], who
            assert [(one.act, one.before, one.after) for one in taken] == [(act, state, after)]
            assert after in {one.after for one in workflow.possible(state, route, act)}
    with hub.session() as session:
        assert session.get_one(Agreement, untouched).state == state
        assert [one.act for one in steps.history(session, untouched)] == ["need.enter"]
        assert [(one.action, one.outcome) for one in _records(session, untouched)] == refused


def test_every_state_of_a_route_is_reached_by_its_table() -> None:
    """And nothing leads out of a state that none leads into."""
    for route in workflow.ROUTES:
        known = set(workflow.states(route))
        assert {one.before for one in workflow.AGREEMENT if route in one.routes} - {""} <= known


@pytest.mark.parametrize("who", ["", *PEOPLE])
def test_only_a_steward_enters_a_need(hub: Hub, installation: Installation, who: str) -> None:
    given = acts.given(ACTS["need.enter"].takes, **NEED)
    if who == "steward":
        assert ACTS["need.enter"].does(installation, _subject(hub, who), given).model_dump()["state"] == "drafted"
        return
    with pytest.raises(access.Refused):
        ACTS["need.enter"].does(installation, _subject(hub, who), given)


@pytest.fixture(scope="module")
def heads(hub: Hub) -> tuple[str, str]:
    """The heads of the sharing offices of the hub's body and of the body that is asked."""
    logins = (("head", "steward"), ("chief", "provider"))
    with hub.session() as session:
        for login, role in logins:
            person = people.add_person(session, login, login, OURS, (role,))
            hub.keys[login] = people.issue_key(session, person)[1]
    return logins[0][0], logins[1][0]


def _sent(hub: Hub, heads: tuple[str, str], **more: Any) -> str:
    """A request that was consented to and sent."""
    number = str(_post(hub, "steward", "needs", NEED | {"provider": OURS} | more)["id"])
    _post(hub, heads[0], f"agreements/{number}/consent", {"head": "王建国"} | ({"on": more["needed_on"]} if more else {}))
    _post(hub, "steward", f"agreements/{number}/send", {"on": more["needed_on"]} if more else {})
    return number


def test_a_whole_agreement_by_the_api_is_history(hub: Hub, heads: tuple[str, str]) -> None:
    """From entry over both consents, completion, extension, answer and signatures to its end, with its working days."""
    number = _sent(hub, heads, needed_on=f"{today() - timedelta(days=20)}")
    _post(hub, "owner", f"agreements/{number}/ask", {"missing": "使用范围"})
    completed = _post(hub, "steward", f"agreements/{number}/complete", {"text": "减灾处"})
    assert completed["sent_on"] == f"{today()}", "the term begins anew"
    extension = {"reason": "数据正在整理", "authority": "省数据局"}
    extended = _post(hub, "steward", f"agreements/{number}/extend", extension)
    assert extended["answer_due"] > completed["answer_due"]
    _post(hub, "steward", f"agreements/{number}/comments", {"text": "请按月提供"})
    answered = _post(hub, "owner", f"agreements/{number}/answer", {"answer": "accept", "text": "同意"})
    assert (answered["state"], answered["answered_on"], answered["decision"]) == ("answered", None, "accept")
    _post(hub, heads[1], f"agreements/{number}/consent", {"head": "李强", "document": "水函〔2026〕17号"})
    first = _post(hub, "owner", f"agreements/{number}/sign", {"valid_until": "2098-12-31"})
    assert (first["state"], first["possible"]) == ("accepted", ["need.comment"])
    signed = _post(hub, "steward", f"agreements/{number}/sign", {})
    assert (signed["state"], signed["valid_until"]) == ("signed", "2098-12-31")
    assert set(signed["possible"]) == {
        "need.comment", "agreement.remind", "agreement.change", "agreement.renew", "agreement.end",
    }  # fmt: skip
    _post(hub, "steward", f"agreements/{number}/renew", {"valid_until": "2099-12-31", "reason": "续签"})
    _post(hub, "steward", f"agreements/{number}/end", {"reason": "业务调整"})
    told = hub.get(f"/api/v1/agreements/{number}", "auditor").json()
    assert [one["act"] for one in told["steps"]] == [
        "need.enter", "need.consent", "need.send", "need.ask", "need.complete", "need.extend", "need.comment", "need.answer",
        "need.consent", "agreement.sign", "agreement.sign", "agreement.renew", "agreement.end",
    ]  # fmt: skip
    consented = told["steps"][8]
    assert (consented["side"], consented["organization"], consented["changes"]["head"]) == ("provider", OURS, ["", "李强"])
    assert consented["days"] is not None and consented["due"] > consented["began"]  # noqa: PT018
    assert told["possible"] == []
    with hub.session() as session:
        assert [one.action for one in _records(session, number)] == [one["act"] for one in told["steps"]]


class TestRequest:
    """《政务数据共享条例》, by article."""

    def test_what_is_missing_is_told_once(self, hub: Hub, heads: tuple[str, str]) -> None:
        number = _sent(hub, heads)
        _post(hub, "owner", f"agreements/{number}/ask", {"missing": "使用范围"})
        told = _post(hub, "steward", f"agreements/{number}/complete", {"text": "减灾处"})
        assert told["told_incomplete"] is True
        again = hub.client.post(f"/api/v1/agreements/{number}/ask", json={"missing": "期限"}, headers=hub.auth("owner"))
        assert (again.status_code, again.json()["type"]) == (409, "urn:hui:problem:step-not-possible")
        assert "need.ask" not in hub.get(f"/api/v1/agreements/{number}", "owner").json()["possible"]

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"answer": "refuse"}, "text"),
            ({"answer": "part", "text": "部分提供"}, "without"),
            ({"answer": "accept", "without": ["level"]}, "without"),
            ({"answer": "accept", "on": "2020-01-01"}, "on"),
        ],
    )
    def test_an_answer_needs_its_reasons(self, hub: Hub, heads: tuple[str, str], given: dict[str, Any], field: str) -> None:
        number = _sent(hub, heads)
        answer = hub.client.post(f"/api/v1/agreements/{number}/answer", json=given, headers=hub.auth("owner"))
        assert answer.status_code == 422, answer.text
        assert hub.get(f"/api/v1/agreements/{number}", "owner").json()["state"] == "needed", field

    def test_consent_is_no_part_of_an_answer(self, hub: Hub, heads: tuple[str, str]) -> None:
        """Else one person would answer and consent; only a letter names its head itself."""
        number = _sent(hub, heads)
        given = {"answer": "accept", "head": "李强", "document": "1"}
        answer = hub.client.post(f"/api/v1/agreements/{number}/answer", json=given, headers=hub.auth("owner"))
        assert answer.status_code == 422
        assert hub.get(f"/api/v1/agreements/{number}", "owner").json()["state"] == "needed"

    @pytest.mark.parametrize("route", ["buy", "collect"])
    def test_only_a_request_is_answered_in_part(self, hub: Hub, route: str) -> None:
        """It would be taken for a refusal."""
        number, part = _new(hub, route, "needed"), {"answer": "part", "text": "部分", "without": ["a"]}
        answer = hub.client.post(f"/api/v1/agreements/{number}/answer", json=part, headers=hub.auth("owner"))
        assert answer.status_code == 422
        assert hub.get(f"/api/v1/agreements/{number}", "owner").json()["state"] == "needed"

    def test_an_answer_given_back_by_the_head_is_none(self, hub: Hub, heads: tuple[str, str]) -> None:
        number = _sent(hub, heads)
        part = {"answer": "part", "text": "仅提供日均值", "without": ["逐时水位"]}
        assert _post(hub, "owner", f"agreements/{number}/answer", part)["without"] == ["逐时水位"]
        body = {"head": "李强", "decision": "return"}
        unsaid = hub.client.post(f"/api/v1/agreements/{number}/consent", json=body, headers=hub.auth(heads[1]))
        assert unsaid.status_code == 422
        back = _post(hub, heads[1], f"agreements/{number}/consent", body | {"text": "应全部提供"})
        assert (back["state"], back["decision"], back["without"]) == ("needed", "", [])

    def test_nobody_consents_to_what_they_drafted(self, hub: Hub, heads: tuple[str, str]) -> None:
        number = _post(hub, "steward", "needs", NEED | {"provider": OURS})["id"]
        own = hub.client.post(f"/api/v1/agreements/{number}/consent", json={"head": "我"}, headers=hub.auth("steward"))
        assert (own.status_code, own.json()["policies"]) == (403, ["submitter-never-approves"])
        other = hub.client.post(f"/api/v1/agreements/{number}/consent", json={"head": "我"}, headers=hub.auth(heads[1]))
        assert other.status_code == 409, "the other side's head consents for that side only"
        number = _sent(hub, heads)
        _post(hub, "owner", f"agreements/{number}/answer", {"answer": "accept"})
        own = hub.client.post(f"/api/v1/agreements/{number}/consent", json={"head": "我"}, headers=hub.auth("owner"))
        assert own.status_code == 403

    def test_a_dispute_goes_four_steps(self, hub: Hub, heads: tuple[str, str]) -> None:
        number = _sent(hub, heads)
        _post(hub, "owner", f"agreements/{number}/answer", {"answer": "refuse", "text": "依据不足"})
        assert _post(hub, heads[1], f"agreements/{number}/consent", {"head": "李强"})["state"] == "refused"
        levels = [_post(hub, "steward", f"agreements/{number}/dispute", {"reason": "须协调"})["dispute"] for _ in range(4)]
        assert levels == [1, 2, 3, 4]
        above = hub.client.post(f"/api/v1/agreements/{number}/dispute", json={"reason": "再议"}, headers=hub.auth("steward"))
        assert above.status_code == 409
        settled = {"outcome": "again", "body": "省人民政府", "text": "请重新答复"}
        told = _post(hub, "steward", f"agreements/{number}/settle", settled)
        assert (told["state"], told["decision"], told["answered_on"]) == ("needed", "", None)
        assert told["answer_due"] > f"{today()}"

    def test_the_asked_body_is_reminded_once_a_day(self, hub: Hub, heads: tuple[str, str]) -> None:
        """It stands with the task of whose turn it is, in both languages, and in the history."""
        number = _sent(hub, heads, needed_on=f"{today() - timedelta(days=40)}")
        told = _post(hub, "steward", f"agreements/{number}/remind", {"text": "请尽快答复"})
        assert (told["state"], told["steps"][-1]["act"], told["steps"][-1]["reason"]) == (
            "needed",
            "agreement.remind",
            "请尽快答复",
        )
        again = hub.client.post(f"/api/v1/agreements/{number}/remind", json={}, headers=hub.auth("steward"))
        assert again.status_code == 409
        with hub.session() as session:
            own = inbox.inbox(session, SUBJECTS["owner"], asked=inbox.Asked(200)).own
            [task] = [one for one in own if one.key == number]
        assert f"已催办 1 次，最近 {today()}" in task.detail
        assert f"reminded 1 times, last on {today()}" in task.detail_en

    def test_delivery_is_due_from_the_consent(self, hub: Hub, heads: tuple[str, str]) -> None:
        """Art. 22: within twenty working days of the consent, however late the signatures come."""
        days = [f"{today() - timedelta(days=number)}" for number in (30, 20)]
        number = _sent(hub, heads, needed_on=days[0])
        _post(hub, "owner", f"agreements/{number}/answer", {"answer": "accept", "on": days[1]})
        _post(hub, heads[1], f"agreements/{number}/consent", {"head": "李强", "on": days[1]})
        _post(hub, "owner", f"agreements/{number}/sign", {})
        signed = _post(hub, "steward", f"agreements/{number}/sign", {})
        with hub.session() as session:
            assert signed["delivery_due"] == f"{workdays.due(session, 'deliver', today() - timedelta(days=20))}"


def _post(hub: Hub, who: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = hub.client.post(f"/api/v1/{path}", json=body, headers=hub.auth(who))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestApart:
    """Nobody approves what they submitted."""

    @pytest.fixture
    def both(self, hub: Hub) -> Subject:
        """A person who is steward and provider of the hub's own body."""
        with hub.session() as session:
            if "both" not in hub.keys:
                person = people.add_person(session, "both", "both", OURS, ("steward", "provider"))
                hub.keys["both"] = people.issue_key(session, person)[1]
        return _subject(hub, "both")

    def test_who_entered_a_need_does_not_answer_it(self, hub: Hub, installation: Installation, both: Subject) -> None:
        given = acts.given(ACTS["need.enter"].takes, **(NEED | {"provider": OURS}))
        number = ACTS["need.enter"].does(installation, both, given).model_dump()["id"]
        _post(hub, "steward", f"agreements/{number}/consent", {"head": "王建国"})
        _post(hub, "steward", f"agreements/{number}/send", {})
        with pytest.raises(access.Refused) as refusal:
            ACTS["need.answer"].does(installation, both, _answer(number))
        assert refusal.value.decision.policies == ("submitter-never-approves",)
        assert "need.answer" not in hub.get(f"/api/v1/agreements/{number}", "both").json()["possible"]
        assert ACTS["need.answer"].does(installation, _subject(hub, "owner"), _answer(number))

    def test_nobody_signs_for_both_sides(self, hub: Hub, installation: Installation, both: Subject) -> None:
        number = _new(hub, "request", "accepted")
        sign = acts.given(ACTS["agreement.sign"].takes, agreement=number)
        ACTS["agreement.sign"].does(installation, both, sign)
        with pytest.raises(access.Refused, match="both sides"):
            ACTS["agreement.sign"].does(installation, both, sign)
        done = ACTS["agreement.sign"].does(installation, _subject(hub, "steward"), sign).model_dump()
        assert done["state"] == "signed"

    def test_the_emergency_door_signs_what_is_missing(self, hub: Hub, installation: Installation) -> None:
        number = _new(hub, "request", "accepted")
        sign = acts.given(ACTS["agreement.sign"].takes, agreement=number)
        assert ACTS["agreement.sign"].does(installation, local_subject("root"), sign).model_dump()["state"] == "signed"


def _answer(number: str) -> Any:
    return acts.given(ACTS["need.answer"].takes, agreement=number, answer="accept", text="同意")


def test_a_provider_answers_only_needs_put_to_its_own_body(hub: Hub, installation: Installation) -> None:
    number = _new(hub, "request", "needed", "hlj-power")
    with pytest.raises(access.Refused):  # it feeds data of theirs, so they see it
        ACTS["need.answer"].does(installation, _subject(hub, "owner"), _answer(number))


@pytest.mark.parametrize("who", [*PEOPLE, "power"])
def test_a_list_has_what_each_may_see_one_by_one(hub: Hub, who: str) -> None:
    """The condition of the query and the policies agree on every agreement."""
    with hub.session() as session:
        for dataset, provider in (("hazard", OURS), ("power", "hlj-power"), ("not_there", "hlj-water"), ("classified", "firm")):
            agreeing.enter(session, route="request", dataset=dataset, title="x", purpose="x", provider_id=provider)
        if who == "power" and who not in hub.keys:
            person = people.add_person(session, who, who, "hlj-power", ("provider",))
            hub.keys[who] = people.issue_key(session, person)[1]
    subject = _subject(hub, who)
    with hub.session() as session:
        listed = set(session.exec(select(Agreement.id).where(visibility.visible(subject))))
        every = session.exec(select(Agreement)).all()
        seen = {one.id for one in every if access.may(session, subject, "see-agreement", one)}
    assert listed == seen
    assert bool(listed) == (who not in ("partner", "other", "outsider"))


@pytest.mark.parametrize("who", ["", *PEOPLE])
def test_reading_is_for_those_who_see_how_data_comes(hub: Hub, who: str) -> None:
    number = _new(hub, "request", "needed")
    for path in ("/api/v1/agreements", f"/api/v1/agreements/{number}"):
        assert hub.get(path, who).status_code == (200 if who in SEES else 403 if who else 401)


def test_pages_of_the_list_follow_each_other(hub: Hub) -> None:
    _new(hub, "buy", "needed"), _new(hub, "buy", "active")
    first = hub.get("/api/v1/agreements?route=buy&limit=1", "steward").json()
    second = hub.get(f"/api/v1/agreements?route=buy&limit=1&after={first[0]['id']}", "steward").json()
    assert first[0]["id"] < second[0]["id"]
    assert {one["state"] for one in hub.get("/api/v1/agreements?state=active", "steward").json()} == {"active"}


def test_prices_and_channels_are_for_those_whom_they_concern(hub: Hub) -> None:
    body = NEED | {
        "route": "buy", "provider": "hlj-power", "dataset": "power",
        "purchase": {"price_per_record": "0.02", "ceiling": "1500"},
    }  # fmt: skip
    number = _post(hub, "steward", "needs", body)["id"]
    change = {"reason": "涨价", "purchase": {"price_per_record": "0.03", "ceiling": "1500"}, "channels": []}
    _post(hub, "steward", f"agreements/{number}/change", change)
    told = {who: hub.get(f"/api/v1/agreements/{number}", who).json() for who in ("steward", "auditor", "administrator")}
    assert {who: one["purchase"] is not None for who, one in told.items()} == {
        "steward": True, "auditor": True, "administrator": False,
    }  # fmt: skip
    changed = {who: set(one["steps"][-1]["changes"]) for who, one in told.items()}
    assert changed == {
        "steward": {"price_per_record", "channels"}, "auditor": {"price_per_record"}, "administrator": {"channels"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"purchase": {"price_per_record": "1", "ceiling": "5"}}, "another route"),
        ({"route": "buy", "purchase": {"price_per_record": "1"}}, "ceiling"),
        ({"route": "collect", "collection": {"due_day": 32}}, "31"),
        ({"route": "collect", "agencies": ["nobody"], "channels": []}, "nobody"),
        ({"provider": "nobody"}, "nobody"),
        ({"needed_on": "2098-01-01"}, "today"),
        ({"number": "GM-2026-99888"}, "YQ"),
        ({"cycle": "每世纪"}, "cycle"),
        ({"dataset": "Not A Name"}, "dataset"),
        ({"channels": [{"kind": "folder", "path": "/etc"}]}, "HUB_INBOXES"),
        ({"channels": [{"kind": "folder", "path": "inbox/../keys"}]}, "HUB_INBOXES"),
        ({"channels": [{"kind": "folder", "path": "landing"}]}, "HUB_INBOXES"),
        ({"channels": [{"kind": "folder", "path": "inbox"}]}, "HUB_INBOXES"),
        ({"channels": [{"kind": "http", "url": "file:///etc/passwd"}]}, "http"),
        ({"channels": [{"kind": "http", "url": "http://a:b@c/"}]}, "password"),
        ({"channels": [{"kind": "http", "url": "http://c/", "token_env": "HUB_AUDIT_WITNESS_KEY"}]}, "HUB_TOKEN_"),
        ({"channels": [{"kind": "http", "url": "http://c/", "token_file": "keys/audit.key"}]}, "secrets"),
        ({"channels": [{"kind": "http", "url": "http://c/", "token_file": "inbox/x/token"}]}, "secrets"),
        ({"channels": [{"kind": "template", "path": "inbox/x"}]}, "folder"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_entered(hub: Hub, given: dict[str, Any], said: str) -> None:
    before = _count(hub)
    headers = hub.auth("steward") | {"Accept-Language": "en"}
    answer = hub.client.post("/api/v1/needs", json=NEED | given, headers=headers)
    assert answer.status_code in (404, 422), answer.text
    assert said in answer.text
    assert _count(hub) == before


def _count(hub: Hub) -> int:
    with hub.session() as session:
        return session.exec(select(func.count()).select_from(Agreement)).one()


def test_folders_that_the_administrator_named_may_be_watched(hub: Hub, tmp_path: Path) -> None:
    settings = hub.settings.model_copy(update={"inboxes": f"{tmp_path}, /nowhere"})
    channels = [{"kind": "folder", "path": f"{tmp_path}/water"}]
    given = acts.given(ACTS["need.enter"].takes, **(NEED | {"channels": channels}))
    made = ACTS["need.enter"].does(open_hub(settings), _subject(hub, "steward"), given).model_dump()
    assert made["channels"][0]["settings"] == {"path": f"{tmp_path}/water"}


def test_of_a_signed_agreement_only_channel_and_steward_change(hub: Hub, installation: Installation) -> None:
    number, steward = _new(hub, "request", "active"), _subject(hub, "steward")
    change = ACTS["agreement.change"]
    with pytest.raises(InvalidStep, match="is signed"):
        change.does(installation, steward, acts.given(change.takes, agreement=number, reason="改", cycle="每日"))
    channels = [{"kind": "http", "url": "https://d/x", "token_env": "HUB_TOKEN_WATER"}]
    given = acts.given(change.takes, agreement=number, reason="改用接口", channels=channels, steward="steward")
    done = change.does(installation, steward, given).model_dump()
    assert done["channels"][0]["settings"]["token_env"] == "HUB_TOKEN_WATER"
    assert set(done["steps"][-1]["changes"]) == {"channels", "steward_id"}
