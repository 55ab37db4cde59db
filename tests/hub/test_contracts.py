"""A contract's version by key: saved with its faults named, compared, put in force; the table and the entry follow."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from catalog.entries import contracts as registry
from catalog.entries import resources
from contracts.odcs import loader
from hub import job_runner, jobs
from tests.hub.examples import WAIT
from tests.hub.shelters import CONTRACT, HEAD, send
from tests.sharing import Hub
from warehouse.storage.connection import reader

ADDITIVE = CONTRACT.replace("version: 1.0.0", "version: 1.1.0").replace(
    "customProperties:", "  - {name: area, businessName: 面积, logicalType: number}\ncustomProperties:", 1
)
BREAKING = CONTRACT.replace("version: 1.0.0", "version: 2.0.0").replace("minimum: 0", "minimum: 0, maximum: 100")


def post(hub: Hub, path: str, who: str = "steward", **body: Any) -> Any:
    return hub.client.post(f"/api/v1/{path}", json=body, headers=hub.auth(who) | WAIT)


def rows(hub: Hub) -> list[tuple[Any, ...]]:
    with reader(hub.settings) as connection:
        return connection.execute("SELECT * EXCLUDE (_batch, _row) FROM lake.resource.shelter ORDER BY id").fetchall()


@pytest.mark.parametrize("who", ["owner", "agency", "stranger"])
def test_only_stewards_write_contracts(hub: Hub, who: str) -> None:
    assert post(hub, "contracts", who, text=ADDITIVE).status_code == 403
    assert post(hub, "contracts", "steward", text=ADDITIVE).status_code == 200
    assert post(hub, "resources/shelter/contracts/1.1.0/activate", who).status_code == 403
    assert post(hub, "resources/shelter/contracts/1.1.0/compare", who).status_code == 403
    with hub.session() as session:
        assert registry.active(session, "shelter").version == "1.0.0"


def test_every_fault_is_named_with_its_line_and_remedy(hub: Hub) -> None:
    answer = post(hub, "contracts", text=ADDITIVE.replace("logicalType: number", "logicalType: nummer"))
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:hui:problem:invalid-contract"
    finding = next(one for one in answer.json()["findings"] if "area" in one["path"] or "properties[3]" in one["path"])
    assert ADDITIVE.splitlines()[finding["line"] - 1].startswith("  - {name: area")
    assert finding["instead_en"]
    assert post(hub, "contracts", text="a: [").status_code == 422
    assert post(hub, "contracts", text=ADDITIVE.replace("hlj-emergency", "nobody")).status_code == 404


def test_an_additive_version_alters_the_table(hub: Hub) -> None:
    send(hub, "owner", HEAD + "a,甲,1\n")
    saved = post(hub, "contracts", text=ADDITIVE).json()
    assert (saved["status"], saved["breaking"], saved["next_version"]) == ("draft", False, "1.1.0")
    compared = post(hub, "resources/shelter/contracts/1.1.0/compare").json()
    assert [(one["path"], one["breaking"]) for one in compared["changes"]] == [("area", False)]
    assert rows(hub) == [("a", "甲", 1)]
    active = post(hub, "resources/shelter/contracts/1.1.0/activate").json()
    assert (active["before"], active["table"], active["breaking"]) == ("1.0.0", "migrate", False)
    assert rows(hub) == [("a", "甲", 1, None)]
    assert post(hub, "contracts", text=ADDITIVE.replace("面积", "建筑面积")).status_code == 409  # it was in force


def test_a_breaking_version_is_put_in_force_for_a_reason_only(hub: Hub) -> None:
    send(hub, "owner", HEAD + "a,甲,1\nb,乙,200\n")
    assert post(hub, "contracts", text=BREAKING).json()["breaking"] is True
    for body in ({}, {"breaking": True}, {"reason": "上限"}):
        answer = post(hub, "resources/shelter/contracts/2.0.0/activate", **body)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:hui:problem:breaking-change")
    assert rows(hub) == [("a", "甲", 1), ("b", "乙", 200)]
    active = post(hub, "resources/shelter/contracts/2.0.0/activate", breaking=True, reason="上限").json()
    assert (active["table"], active["batches"]) == ("rebuild", 1)
    assert rows(hub) == [("a", "甲", 1)]


def test_a_new_dataset_begins_with_a_draft_entry(hub: Hub) -> None:
    text = CONTRACT.replace("shelter", "tower")
    assert post(hub, "contracts", text=text).json()["breaking"] is None
    assert post(hub, "resources/tower/contracts/1.0.0/activate").json()["table"] == "create"
    with hub.session() as session:
        assert resources.get(session, "tower").state == "draft"


def test_activation_publishes_no_entry(hub: Hub) -> None:
    complete = ADDITIVE + "- {property: classCode, value: '301'}\n- {property: sharingUses, value: [工作参考]}\n"
    complete += "- {property: sharingCondition, value: 经同意}\n"
    post(hub, "contracts", text=complete)
    assert post(hub, "resources/shelter/contracts/1.1.0/activate").status_code == 200
    with hub.session() as session:
        assert resources.get(session, "shelter").state == "draft"


def test_what_a_model_writes_is_not_written_by_hand(hub: Hub) -> None:
    with hub.session() as session:
        text = CONTRACT.replace("shelter", "derived")
        registry.register(session, loader.parse(text), by="system", origin="models")
    answer = post(hub, "contracts", text=text.replace("1.0.0", "1.1.0"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:hui:problem:written-by-model")


@pytest.mark.parametrize("point", ["commit-before", "commit-after"])
def test_a_crash_while_it_is_rebuilt_ends_with_the_new_table(hub: Hub, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is in force when the process dies; begun again, the job makes the table that it asks for."""
    send(hub, "owner", HEAD + "a,甲,1\nb,乙,200\n")
    post(hub, "contracts", text=BREAKING)
    monkeypatch.setenv("HUB_CRASH_AT", point)
    died = jobs.died

    def healed(*given: Any, **options: Any) -> None:
        os.environ.pop("HUB_CRASH_AT", None)
        died(*given, **options)

    monkeypatch.setattr(jobs, "died", healed)
    job_runner.start(hub.settings)
    try:
        path, body = "/api/v1/resources/shelter/contracts/2.0.0/activate", {"breaking": True, "reason": "上限"}
        answer = hub.client.post(path, json=body, headers=hub.auth("steward"))
        assert answer.status_code == 202
        while (job := hub.get(answer.headers["location"], "steward").json())["state"] in ("queued", "running"):
            time.sleep(0.1)
    finally:
        job_runner.stop(hub.settings)
    assert "HUB_CRASH_AT" not in os.environ, "it did not die"
    assert (job["state"], job["result"]["table"]) == ("done", "rebuild"), job
    assert rows(hub) == [("a", "甲", 1)]
