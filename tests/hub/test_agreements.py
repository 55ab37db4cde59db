"""Needs and agreements: each act in each state by each role, refusals first; who is kept apart; where channels may reach."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, func, select, update

from catalog import access, workflow
from catalog.acquisition import steps, visibility
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.negotiation import InvalidStep
from catalog.audit.chain import AuditRecord
from catalog.identity import people
from catalog.identity.people import ANONYMOUS, Subject, local_subject
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
    "need.extend": {"reason": "数据正在整理"},
    "need.answer": {"answer": "accept", "text": "同意"},
    "agreement.sign": {},
    "agreement.change": {"reason": "换通道", "channels": []},
    "agreement.renew": {"reason": "续签", "valid_until": "2099-12-31"},
    "agreement.end": {"reason": "业务调整"},
}
MAY = {
    "need.extend": {"steward"},
    "need.answer": {"owner"},
    "agreement.sign": {"steward", "owner"},
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
    return _several(hub, route, state, 1, provider)[0]


def _several(hub: Hub, route: str, state: str, count: int, provider: str = OURS) -> list[str]:
    told = {"dataset": "hazard", "title": "重大危险源", "purpose": "监管", "needed_on": today() - timedelta(days=1)}
    with hub.session() as session:
        made = (agreeing.enter(session, route=route, state=state, provider_id=provider, **told) for _ in range(count))
        return [one.id for one in made]


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


@pytest.mark.parametrize(("route", "state", "act"), itertools.product(workflow.ROUTES, workflow.STATES, GIVEN))
def test_every_act_in_every_state_by_everybody(hub: Hub, installation: Installation, route: str, state: str, act: str) -> None:
    """Each cell of the table: what it says happens, on record once, and nothing else."""
    everybody = ("", *PEOPLE)
    for who, number in zip(everybody, _several(hub, route, state, len(everybody)), strict=True):
        expected = _expected(route, state, act, who)
        assert _outcome(installation, SUBJECTS[who], act, number) == expected, who
        with hub.session() as session:
            agreement, taken = session.get_one(Agreement, number), steps.history(session, number)[1:]
            told = [(one.action, one.outcome) for one in _records(session, number)]
            afters = {one.after for one in workflow.possible(state, route, act)}
        if expected == "done":
            assert told == [(act, "done")], who
            assert [(one.act, one.before, one.after) for one in taken] == [(act, state, agreement.state)]
            assert agreement.state in afters
        else:
            assert told == ([(act, "refused")] if expected == "refused" else []), who
            assert (agreement.state, len(taken)) == (state, 0), who


@pytest.mark.parametrize("who", ["", *PEOPLE])
def test_only_a_steward_enters_a_need(hub: Hub, installation: Installation, who: str) -> None:
    given = acts.given(ACTS["need.enter"].takes, **NEED)
    if who == "steward":
        assert ACTS["need.enter"].does(installation, _subject(hub, who), given).model_dump()["state"] == "needed"
        return
    with pytest.raises(access.Refused):
        ACTS["need.enter"].does(installation, _subject(hub, who), given)


def test_a_whole_agreement_by_the_api_is_history(hub: Hub) -> None:
    """Entered, extended, answered, signed by both, renewed and ended: six steps with their working days."""
    body = NEED | {"provider": OURS, "needed_on": f"{today() - timedelta(days=20)}"}
    number = _post(hub, "steward", "needs", body)["id"]
    _post(hub, "steward", f"agreements/{number}/extend", {"reason": "数据正在整理"})
    _post(hub, "owner", f"agreements/{number}/answer", {"answer": "accept", "text": "同意"})
    first = _post(hub, "owner", f"agreements/{number}/sign", {"valid_until": "2098-12-31"})
    assert (first["state"], first["possible"]) == ("accepted", [])
    signed = _post(hub, "steward", f"agreements/{number}/sign", {})
    assert (signed["state"], signed["valid_until"]) == ("signed", "2098-12-31")
    assert set(signed["possible"]) == {"agreement.change", "agreement.renew", "agreement.end"}
    _post(hub, "steward", f"agreements/{number}/renew", {"valid_until": "2099-12-31", "reason": "续签"})
    _post(hub, "steward", f"agreements/{number}/end", {"reason": "业务调整"})
    told = hub.get(f"/api/v1/agreements/{number}", "auditor").json()
    assert [one["act"] for one in told["steps"]] == [
        "need.enter", "need.extend", "need.answer", "agreement.sign", "agreement.sign", "agreement.renew", "agreement.end",
    ]  # fmt: skip
    answered = told["steps"][2]
    assert (answered["side"], answered["organization"]) == ("provider", OURS)
    assert answered["days"] is not None and answered["due"] > answered["began"]  # noqa: PT018
    assert told["possible"] == []
    with hub.session() as session:
        assert [one.action for one in _records(session, number)] == [one["act"] for one in told["steps"]]


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
        ({"number": "GM-2026-888"}, "YQ"),
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
