"""An entry by key: edited with each fault at its field, published when it has all, withdrawn for a reason."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.entries import contracts as registry
from catalog.entries import resources
from contracts.odcs import loader
from tests.hub.shelters import CONTRACT, HEAD, send
from tests.hub.test_contracts import post
from tests.sharing import Hub
from warehouse.storage.connection import reader

COMPLETE = {
    "class_code": "205001",
    "abstract": "全省应急避难场所",
    "sharing_uses": ["工作参考"],
    "sharing_condition": "经提供方同意",
    "cycle": "每月",
}


def entry(hub: Hub) -> Any:
    with hub.session() as session:
        found = resources.get(session, "shelter")
        session.expunge(found)
        return found


@pytest.mark.parametrize("who", ["owner", "agency", "stranger"])
def test_only_stewards_edit_and_publish(hub: Hub, who: str) -> None:
    for path, body in (("entry", COMPLETE), ("entry/publish", {}), ("entry/withdraw", {"reason": "x"})):
        assert post(hub, f"resources/shelter/{path}", who, **body).status_code in (403, 404)
    assert (entry(hub).state, entry(hub).class_code) == ("draft", "")


def test_what_is_edited_stands_in_the_contract_and_leaves_the_data_alone(hub: Hub) -> None:
    send(hub, "owner", HEAD + "a,甲,1\n")
    answer = post(hub, "resources/shelter/entry", **COMPLETE, title="避难场所", title_en="Shelters", formats=[2, 3])
    assert answer.status_code == 200, answer.text
    assert (answer.json()["title"], answer.json()["lacking"]) == ("避难场所", [])
    with hub.session() as session:
        contract = registry.active(session, "shelter")
        first = registry.get(session, "shelter", "1.0.0")
    assert (contract.version, contract.title, contract.title_en) == ("1.1.0", "避难场所", "Shelters")
    assert contract.catalogue["classCode"] == "205001"
    assert contract.items == first.items
    assert loader.parse(contract.text).text == contract.text
    with reader(hub.settings) as connection:
        assert connection.execute("SELECT count(*) FROM lake.resource.shelter").fetchone() == (1,)
    assert entry(hub).state == "draft"  # editing publishes nothing
    cleared = post(hub, "resources/shelter/entry", title_en="", class_code="").json()
    assert cleared["lacking"] == ["class code"]
    assert (entry(hub).title_en, entry(hub).class_code) == ("", "")


def test_an_entry_is_published_when_it_has_all_it_needs(hub: Hub) -> None:
    answer = post(hub, "resources/shelter/entry/publish")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:hui:problem:invalid-entry")
    assert post(hub, "resources/shelter/entry", **COMPLETE).status_code == 200
    published = post(hub, "resources/shelter/entry/publish").json()
    assert (published["state"], published["code"]) == ("published", "205001/000001")
    assert post(hub, "resources/shelter/entry/publish").status_code == 409


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sharing": 3}, "sharing_basis"),
        ({"sharing_condition": ""}, "sharing_condition"),
        ({"class_code": ""}, "class_code"),
        ({"class_code": "20"}, "class_code"),
        ({"cycle": "每周三"}, "cycle"),
        ({"formats": [9]}, "formats"),
        ({"sharing_uses": ["营销"]}, "sharing_uses"),
        ({"sharing_methods": ["pigeon"]}, "sharing_methods"),
        ({"open": 2}, "open_condition"),
        ({"provider": "nobody"}, "provider_id"),
        ({"related_codes": ["205001/999999"]}, "related_codes"),
        ({"category": "secret"}, "category"),
        ({"title": " "}, "title"),
    ],
)
def test_the_guides_rules_stay_rules_for_a_published_entry(hub: Hub, changes: dict[str, Any], field: str) -> None:
    post(hub, "resources/shelter/entry", **COMPLETE)
    post(hub, "resources/shelter/entry/publish")
    answer = post(hub, "resources/shelter/entry", **changes)
    assert answer.status_code == 422
    assert [one["where"] for one in answer.json()["errors"]] == [field]
    with hub.session() as session:
        assert registry.active(session, "shelter").version == "1.1.0"
    assert (entry(hub).sharing, entry(hub).class_code, entry(hub).provider_id) == (2, "205001", "hlj-emergency")


def test_a_withdrawn_entry_shares_nothing_until_it_is_published_again(hub: Hub) -> None:
    post(hub, "resources/shelter/entry", **COMPLETE)
    post(hub, "resources/shelter/entry/publish")
    assert hub.get("/api/v1/resources/shelter", "stranger").status_code == 200
    assert post(hub, "resources/shelter/entry/withdraw", reason=" ").status_code == 422
    assert post(hub, "resources/shelter/entry/withdraw", reason="由新目录代替").json()["state"] == "withdrawn"
    assert hub.get("/api/v1/resources/shelter", "stranger").status_code == 404
    assert post(hub, "resources/shelter/entry/publish").json()["code"] == "205001/000001"


def test_what_a_model_says_is_edited_at_the_model(hub: Hub) -> None:
    with hub.session() as session:
        registry.register(session, loader.parse(CONTRACT.replace("shelter", "derived")), by="system", origin="models")
    assert post(hub, "resources/derived/entry", title="x").status_code == 409
