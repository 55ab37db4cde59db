"""A value explained: who may ask, how it is read, which rules it breaks and why; nothing of it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from catalog.entries import contracts as registry
from contracts.odcs import loader
from tests.hub.shelters import CONTRACT
from tests.sharing import Hub

CREDIT = "91110108551385082Q"
RULED = CONTRACT.replace("version: 1.0.0", "version: 1.1.0").replace(
    "customProperties:\n",
    """  - name: credit_code
    businessName: 信用代码
    logicalType: string
    customProperties: [{property: domainFormat, value: credit-code}]
  - name: phone
    logicalType: string
    customProperties: [{property: personal, value: mobile}, {property: domainFormat, value: mobile}]
  - name: opened
    logicalType: timestamp
    unique: true
    customProperties: [{property: missingValues, value: ["-"]}]
  - {name: listed, logicalType: string, customProperties: [{property: codeList, value: nowhere}]}
  quality:
  - {type: custom, engine: hui, name: room, implementation: "places > 0 OR credit_code IS NULL", description: 有位置}
customProperties:
""",
    1,
)  # fmt: skip


@pytest.fixture
def ruled(hub: Hub) -> Hub:
    with hub.session() as session:
        registry.register(session, loader.parse(RULED), by="test", origin="pack")
    return hub


def ask(hub: Hub, item: str, value: str, who: str = "owner") -> Any:
    path = f"/api/v1/resources/shelter/items/{item}/explain"
    return hub.client.post(path, json={"value": value}, headers=hub.auth(who))


def states(answer: Any) -> dict[str, str]:
    return {rule["rule"]: rule["state"] for rule in answer.json()["rules"]}


def test_nobody_unknown_asks(ruled: Hub) -> None:
    assert ask(ruled, "places", "1", "").status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [("shelter/items/nothing", 404), ("nothing/items/places", 404), ("shelter/items/listed", 409)],
)
def test_what_is_not_there(ruled: Hub, path: str, status: int) -> None:
    answer = ruled.client.post(f"/api/v1/resources/{path}/explain", json={"value": "1"}, headers=ruled.auth("owner"))
    assert answer.status_code == status


def test_a_wrong_value_reads_as_its_provider_would_read_it(ruled: Hub) -> None:
    answer = ask(ruled, "credit_code", CREDIT[:-1] + "C")
    body = answer.json()
    assert (body["accepted"], body["read"], states(answer)) == (
        False,
        CREDIT[:-1] + "C",
        {"credit-code": "broken", "row:room": "row"},
    )
    broken = body["rules"][0]
    assert "末位校验码应为 Q" in broken["message"]
    assert "the last character should be Q" in broken["message_en"]


CASES: tuple[tuple[str, str, str | None, dict[str, str]], ...] = (
    ("places", " 12 ", "12", {"type": "met", "minimum": "met", "row:room": "row"}),
    ("places", "-5", "-5", {"type": "met", "minimum": "broken", "row:room": "row"}),
    ("places", "12.5", None, {"type": "broken", "minimum": "skipped", "row:room": "row"}),
    ("places", "", None, {"type": "skipped", "minimum": "skipped", "row:room": "row"}),
    ("id", "", None, {"required": "broken", "key": "table"}),
    ("id", "a", "a", {"required": "met", "key": "table"}),
    ("opened", "-", None, {"type": "skipped", "unique": "table"}),
    ("opened", "2024-01-05T10:00:00Z", "2024-01-05 18:00:00+08", {"type": "met", "unique": "table"}),
    ("名称", "甲", "甲", {}),
)
ODD = ("a" * 100_000, "'\"; DROP TABLE x --", "a\nb\r\n", "\u202e", "é\u0301", "{}[]%s{0}", "😀", "\x1f", "a\0b")


def test_how_it_is_read_and_what_each_rule_says(ruled: Hub) -> None:
    for item, value, read, state in CASES:
        answer = ask(ruled, item, value)
        assert (answer.status_code, answer.json()["read"], states(answer)) == (200, read, state), (item, value)
        assert answer.json()["accepted"] == ("broken" not in state.values())


def test_personal_data_is_not_shown_back(ruled: Hub) -> None:
    for value, accepted in (("12945412345", False), ("13945412345", True)):
        answer = ask(ruled, "phone", value)
        assert (answer.json()["guarded"], answer.json()["accepted"]) == (True, accepted)
        assert value not in answer.text


def test_odd_values_are_values(ruled: Hub) -> None:
    for item in ("places", "name", "credit_code", "opened"):
        for value in ODD:
            assert ask(ruled, item, value).status_code == 200, (item, value[:20])


def test_what_is_no_text_is_refused(ruled: Hub) -> None:
    headers = ruled.auth("owner") | {"Content-Type": "application/json"}
    for value in ("a" * 100_001, "\ud800"):
        body = json.dumps({"value": value}).encode()
        answer = ruled.client.post("/api/v1/resources/shelter/items/name/explain", content=body, headers=headers)
        assert answer.status_code in (400, 422), ascii(value[:9]) + answer.text


def test_the_record_has_the_item_and_never_the_value(ruled: Hub) -> None:
    ask(ruled, "credit_code", CREDIT)
    with ruled.session() as session:
        [record] = session.exec(select(AuditRecord).where(AuditRecord.action == "explain")).all()
        assert (record.object, record.detail["item"]) == ("shelter", "credit_code")
        assert CREDIT not in record.model_dump_json()
