"""Need first: what the hub has is named before a need is entered, going on needs a reason, the search is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import func, select

from catalog.acquisition.agreements import Agreement
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.people import Subject
from hub import needs
from hub.acts import known_agreement
from hub.agreement_view import AgreementState, state
from tests import agreeing, commands, packing
from tests.hub.examples import NEED
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

HAVE = NEED | {"title": "储罐安全", "items": [{"name": "R 值"}, {"name": "评估日期", "format": "date"}, {"name": "注册资金"}]}
"""Three items that each entry of `tests.sharing` has."""
REASON = "已有数据每月一次，预警需要每日"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    settings = Settings(home=tmp_path_factory.mktemp("needs") / "var", _env_file=None)
    made = built(settings)
    with made.session() as session:
        packing.lists(session)
        resources.get(session, "classified").state = "draft"
        people.add_person(session, "water", "赵水", "hlj-water", ("provider",))
    yield made
    connection.forget(settings)


def enter(hub: Hub, language: str = "zh", **given: Any) -> Any:
    headers = hub.auth("steward") | {"Accept-Language": language}
    return hub.client.post("/api/v1/needs", json=HAVE | given, headers=headers)


def count(hub: Hub) -> int:
    with hub.session() as session:
        return session.exec(select(func.count()).select_from(Agreement)).one()


def seen(hub: Hub, login: str, number: str) -> AgreementState:
    with hub.session() as session:
        who: Subject | None = people.of_person(session, people.get_person(session, login).id)
        assert who is not None
        return state(session, who, known_agreement(session, who, number))


def test_a_need_for_what_is_there_is_refused_without_a_reason_and_names_it(hub: Hub) -> None:
    before = count(hub)
    for reason in ("", "   "):
        answer = enter(hub, in_spite_of=reason)
        assert answer.status_code == 409, answer.text
        told = answer.json()
        assert told["type"] == "urn:hui:problem:already-there"
        assert "in_spite_of" in told["detail"]
        assert {one["resource"] for one in told["matches"]} == {"hazard", "weather", "power", "classified"}
        first = told["matches"][0]
        assert first["score"] >= 0.6
        assert [one["wanted"] for one in first["items"]] == ["R 值", "评估日期", "注册资金"]
        assert first["items"][2]["reason"] == "「注册资金」与「注册资本」同义"
    assert "The hub has this" in enter(hub, "en").json()["detail"]
    assert count(hub) == before


def test_going_on_needs_a_reason_that_stands_in_the_history_with_the_search(hub: Hub) -> None:
    entered = enter(hub, in_spite_of=REASON, wanted_by="2027-03-31")
    assert entered.status_code == 200, entered.text
    told = entered.json()
    assert [one["name"] for one in told["items"]] == ["R 值", "评估日期", "注册资金"]
    assert (told["wanted_by"], told["steps"][0]["reason"]) == ("2027-03-31", REASON)
    assert told["searched"]["by"] == told["steps"][0]["by"] != ""
    assert told["searched"]["title"] == "储罐安全"
    assert "classified" in {one["resource"] for one in told["searched"]["found"]}


def test_who_reads_it_is_told_of_no_entry_that_they_may_not_know_of(hub: Hub) -> None:
    number = enter(hub, in_spite_of=REASON).json()["id"]
    search = seen(hub, "water", number).searched
    assert search is not None
    assert {one.resource for one in search.found} == {"hazard", "weather", "power"}
    assert "classified" not in seen(hub, "water", number).model_dump_json()


def test_a_purchase_keeps_that_nothing_was_found(hub: Hub) -> None:
    given = {"route": "buy", "provider": "hlj-power", "title": "夜间灯光遥感", "items": [{"name": "夜间灯光强度"}]}
    entered = enter(hub, **given, purchase={"ceiling": "100"})
    assert entered.status_code == 200, entered.text
    search = entered.json()["searched"]
    assert (search["found"], search["items"][0]["name"], search["by"][:4]) == ([], "夜间灯光强度", "key:")


def test_what_the_need_is_to_feed_is_a_match_once_an_agreement_feeds_it(hub: Hub) -> None:
    def found() -> set[str]:
        asked = needs.MatchNeed(items=[needs.WantedItem(name="R 值")], title="资源 hazard", dataset="hazard")
        with hub.session() as session:
            steward = people.of_person(session, people.get_person(session, "steward").id)
            assert steward is not None
            return {one.resource for one in needs.look(session, steward, asked)}

    assert "hazard" not in found()
    with hub.session() as session:
        agreeing.enter(
            session, id="YQ-2026-500", route="request", dataset="hazard", title="危险源", purpose="监管",
            provider_id="hlj-water", state="active",
        )  # fmt: skip
    assert "hazard" in found()


def test_old_needs_have_no_items_and_no_search(hub: Hub) -> None:
    with hub.session() as session:
        agreeing.enter(
            session, id="YQ-2026-501", route="request", dataset="old", title="旧需求", purpose="监管", provider_id="hlj-water"
        )
    old = seen(hub, "steward", "YQ-2026-501")
    assert (old.items, old.wanted_by, old.searched) == ([], None, None)


@pytest.mark.parametrize(
    "items", [[{"name": ""}], [{"name": "  "}], [{"name": "长" * 101}], [{"title": "水位"}], [{"name": "水位"}] * 61, "水位"]
)
def test_items_that_are_none_are_refused(hub: Hub, items: Any) -> None:
    for path, given in (("/api/v1/needs", HAVE), ("/api/v1/needs/matches", {})):
        answer = hub.client.post(path, json=given | {"items": items}, headers=hub.auth("steward"))
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:hui:problem:invalid-parameters")


def test_items_are_looked_for_at_the_api_without_entering_a_need(hub: Hub) -> None:
    before = count(hub)
    answer = hub.client.post("/api/v1/needs/matches", json={"items": [{"name": "zczb"}]}, headers=hub.auth("steward"))
    assert answer.status_code == 200, answer.text
    item = answer.json()["matches"][0]["items"][0]
    assert (item["item"], item["reason"]) == ("capital", "按拼音首字母读作「注册资本」：名称相同")
    nothing = hub.client.post("/api/v1/needs/matches", json={"items": [{"name": "懂"}]}, headers=hub.auth("steward"))
    assert nothing.json()["matches"] == []
    assert count(hub) == before


def test_the_command_shows_matches_and_refuses_to_go_on_without_a_reason(hub: Hub) -> None:
    def call(*words: str, status: int = 0, language: str = "en") -> str:
        done = commands.hub(hub.settings.root, *words, HUB_LANG=language)
        assert done.returncode == status, done.stderr or done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr if status else done.stdout

    assert "nothing" in call("need", "match", "--item", "懂")
    shown = call("need", "match", "--item", "R 值", "--item", "评估日期|date", "--json")
    assert json.loads(shown)["matches"][0]["items"][1]["reason_en"].startswith("the same name")
    assert "同义" in call("need", "match", "--item", "注册资金", "--item", "R 值", language="zh")
    enter_ = ("need", "enter", "request", "tank", "--provider", "hlj-water", "--title", "储罐", "--purpose", "监管")
    enter_ += ("--item", "R 值")
    assert "in_spite_of" in call(*enter_, "--item", "注册资本", status=1)
    assert "needed" in call(*enter_, "--in-spite-of", REASON, "--wanted-by", "2027-03-31", "--json")
