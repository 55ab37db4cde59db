"""A file becomes a dataset by key: looked at, asked about, drafted, edited, loaded; refusals first."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from catalog.entries import contracts as registry
from catalog.entries import onboardings, resources
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from contracts.clock import now
from hub import job_runner, jobs
from hub.hub import open_hub
from hub.onboarding import clean_up
from hub.table import ACTS
from tests import homes
from tests.hub.examples import WAIT
from tests.sharing import Hub, TestClient, create_app
from warehouse.settings import Settings
from warehouse.storage import connection
from warehouse.storage.connection import reader

GOOD = "企业编号,企业名称,产值\n" + "".join(f"A{n:03d},企业{n},{n}.5\n" for n in range(50))
AMBIGUOUS = "id,when\n" + "".join(f"A{n},{n % 12 + 1}/{n % 11 + 1}/2024\n" for n in range(50))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with nothing in it."""
    settings = Settings(home=tmp_path / "var", _env_file=None)
    homes.empty(settings)
    made = Hub(settings, TestClient(create_app(settings), raise_server_exceptions=False))
    with made.session() as session:
        organizations.add(session, Organization(id="own", name="某厅", kind="department"))
        organizations.add(session, Organization(id="other", name="别厅", kind="department"))
        organizations.set_own(session, "own")
        for login, role in (("steward", "steward"), ("second", "steward"), ("provider", "provider"), ("auditor", "auditor")):
            person = people.add_person(session, login, login, "own", [role])
            made.keys[login] = people.issue_key(session, person)[1]
    yield made
    connection.forget(settings)


def send(hub: Hub, text: str | bytes, who: str = "steward", name: str = "企业名单.csv") -> Any:
    content = text.encode() if isinstance(text, str) else text
    return hub.client.post("/api/v1/onboardings", params={"filename": name}, content=content, headers=hub.auth(who))


def post(hub: Hub, number: str, step: str = "", who: str = "steward", **body: Any) -> Any:
    return hub.client.post(f"/api/v1/onboardings/{number}{step}", json=body, headers=hub.auth(who) | WAIT)


def actions(hub: Hub) -> list[tuple[str, str]]:
    with hub.session() as session:
        records = session.exec(select(AuditRecord).order_by("sequence"))
        return [(one.action, one.outcome) for one in records if one.action in ACTS]


def left(hub: Hub) -> list[str]:
    """Numbers of the files that lie in the private folder, and whatever lies in scratch."""
    folders = hub.settings.root / "onboardings", hub.settings.scratch
    return [
        path.name for folder in folders if folder.is_dir() for path in folder.iterdir() if not path.name.startswith("spill-")
    ]


@pytest.mark.parametrize("who", ["", "provider", "auditor"])
def test_nobody_elses_file_is_read(hub: Hub, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.v1.uploads.Request.stream", lambda _self: pytest.fail("the body was read"))
    assert send(hub, GOOD, who).status_code in (401, 403)
    assert left(hub) == []
    assert actions(hub) == ([("onboard.inspect", "refused")] if who else [])


def test_a_file_is_drafted_edited_and_loaded(hub: Hub) -> None:
    seen = send(hub, GOOD.encode("gbk")).json()
    assert (seen["state"], seen["dataset"], seen["title"]) == ("draft", "enterprise_list", "企业名单")
    assert [(one["name"], one["type"], one["key"]) for one in seen["items"]] == [
        ("enterprise_number", "string", 1),
        ("enterprise_name", "string", None),
        (seen["items"][2]["name"], "number", None),
    ]
    assert seen["rows"][0] == ["A000", "企业0", "0.5"]
    assert oct((hub.settings.root / "onboardings").stat().st_mode)[-3:] == "700"
    edits = [
        {"item": "enterprise_name", "name": "firm", "title": "单位名称", "title_en": "Firm", "required": True, "grade": "L2"},
        {"item": seen["items"][2]["name"], "name": "output", "type": "string"},
    ]
    done = post(hub, seen["id"], dataset="firms", title="企业", title_en="Firms", owner="other", items=edits)
    assert done.status_code == 200, done.text
    delivery = done.json()["delivery"]
    assert (done.json()["dataset"], done.json()["new"]) == ("firms", True)
    assert (delivery["received"], delivery["accepted"], delivery["quarantined"]) == (50, 50, 0)
    with hub.session() as session:
        contract = registry.active(session, "firms")
        entry = resources.get(session, "firms")
    assert (contract.title, contract.title_en, contract.owner, contract.id) == (
        "企业",
        "Firms",
        "other",
        "urn:hui:dataset:firms",
    )
    assert [(one.name, str(one.type), one.required, one.grade) for one in contract.items][1:] == [
        ("firm", "string", True, "L2"),
        ("output", "string", False, "L1"),
    ]
    assert (entry.state, entry.rows) == ("draft", 50)
    with reader(hub.settings) as lake:
        rows = lake.execute("SELECT firm, output FROM lake.resource.firms WHERE enterprise_number = 'A007'")
        assert rows.fetchall() == [("企业7", "7.5")]
    assert left(hub) == []
    assert hub.get(f"/api/v1/onboardings/{seen['id']}", "steward").json()["state"] == "loaded"
    assert post(hub, seen["id"]).status_code == 409  # it was loaded
    assert actions(hub) == [("onboard.inspect", "done"), ("onboard", "done")]


def test_what_a_file_leaves_open_is_asked_and_answered(hub: Hub) -> None:
    seen = send(hub, AMBIGUOUS, name="a.csv").json()
    assert seen["state"] == "questions"
    [question] = seen["questions"]
    assert (question["option"], len(question["choices"])) == ("--dates", 2)
    early = post(hub, seen["id"])
    assert (early.status_code, early.json()["type"]) == (409, "urn:hui:problem:still-open")
    for answer in ({"option": "--dates", "value": "when=sometime"}, {"option": "--file", "value": "/etc/passwd"}):
        assert post(hub, seen["id"], "/answers", answers=[answer]).status_code == 422
    answer = {"option": "--dates", "value": question["choices"][0]["value"]}
    drafted = post(hub, seen["id"], "/answers", answers=[answer]).json()
    assert (drafted["state"], drafted["items"][1]["type"]) == ("draft", "date")
    assert post(hub, seen["id"]).json()["delivery"]["accepted"] == 50


def test_an_edit_that_opens_a_question_is_asked_and_loads_nothing(hub: Hub) -> None:
    seen = send(hub, GOOD).json()
    wrong = post(hub, seen["id"], items=[{"item": "enterprise_name", "name": "Ä b"}])
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:hui:problem:invalid-contract")
    assert wrong.json()["findings"]
    assert post(hub, seen["id"], owner="nobody").status_code == 404
    assert (
        post(hub, seen["id"], contract=seen["contract"].replace("logicalType: string", "logicalType: strung")).status_code
        == 422
    )
    with hub.session() as session:
        assert registry.datasets(session) == []
    assert post(hub, seen["id"], items=[{"item": "enterprise_number", "key": False}]).status_code == 200
    with hub.session() as session:
        contract = registry.active(session, "enterprise_list")
    assert (contract.key, str(contract.delivery)) == ((), "append")


def test_the_same_columns_again_are_the_next_delivery(hub: Hub) -> None:
    first = send(hub, GOOD).json()
    assert post(hub, first["id"]).status_code == 200
    taken = send(hub, GOOD.replace("企业", "单位"), name="单位名单.csv").json()
    refused = post(hub, taken["id"], dataset="enterprise_list")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:hui:problem:name-taken")
    again = send(hub, GOOD + "A900,新企业,1.5\n").json()
    assert (again["state"], again["dataset"]) == ("next delivery", "enterprise_list")
    done = post(hub, again["id"]).json()
    assert (done["new"], done["delivery"]["received"]) == (False, 51)


def test_a_waiting_file_is_its_senders_alone_and_goes_when_it_is_given_up_or_late(hub: Hub) -> None:
    seen = send(hub, GOOD).json()
    for answer in (hub.get(f"/api/v1/onboardings/{seen['id']}", "second"), post(hub, seen["id"], who="second")):
        assert answer.status_code == 404
    assert post(hub, seen["id"], "/discard", who="second").status_code == 404
    assert hub.get("/api/v1/onboardings", "second").json() == []
    assert [one["id"] for one in hub.get("/api/v1/onboardings", "steward").json()] == [seen["id"]]
    assert post(hub, seen["id"], "/discard").status_code == 200
    assert left(hub) == []
    late = send(hub, GOOD).json()
    with hub.session() as session:
        session.get_one(onboardings.Onboarding, late["id"]).expires_at = now() - timedelta(seconds=1)
    assert post(hub, late["id"]).status_code == 404
    clean_up(open_hub(hub.settings))
    assert left(hub) == []


def test_what_cannot_be_read_is_refused_and_leaves_nothing(hub: Hub) -> None:
    answer = send(hub, b"\x00\x01\x02" * 100, name="a.xlsx")
    assert 400 <= answer.status_code < 500
    assert left(hub) == []
    assert hub.get("/api/v1/onboardings", "steward").json() == []


def test_a_server_removes_what_waited_too_long(hub: Hub) -> None:
    late = send(hub, GOOD).json()
    with hub.session() as session:
        session.get_one(onboardings.Onboarding, late["id"]).expires_at = now() - timedelta(seconds=1)
    with TestClient(create_app(hub.settings)):  # its lifespan begins
        deadline = time.monotonic() + 10
        while left(hub) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert left(hub) == []


@pytest.mark.parametrize("point", ["receipt", "commit-before", "commit-after", "settle"])
def test_a_crash_while_it_is_loaded_loses_and_doubles_nothing(hub: Hub, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies by SIGKILL at a point of the load, the job is begun again: one dataset with one delivery comes of it."""
    number = send(hub, GOOD).json()["id"]
    monkeypatch.setenv("HUB_CRASH_AT", point)
    died = jobs.died

    def healed(*given: Any, **options: Any) -> None:
        os.environ.pop("HUB_CRASH_AT", None)
        died(*given, **options)

    monkeypatch.setattr(jobs, "died", healed)
    job_runner.start(hub.settings)
    try:
        address = hub.client.post(f"/api/v1/onboardings/{number}", json={}, headers=hub.auth("steward")).headers["location"]
        while (job := hub.get(address, "steward").json())["state"] in ("queued", "running"):
            time.sleep(0.1)
    finally:
        job_runner.stop(hub.settings)
    assert "HUB_CRASH_AT" not in os.environ, "it did not die"
    assert (job["state"], job["result"]["delivery"]["accepted"]) == ("done", 50), job
    assert actions(hub) == [("onboard.inspect", "done"), ("onboard", "done")]
    with hub.session() as session:
        assert [batch.accepted for batch in session.exec(select(Batch))] == [50]
    assert left(hub) == []


def test_a_file_whose_job_was_given_up_waits_on(hub: Hub) -> None:
    number = send(hub, GOOD).json()["id"]
    with hub.session() as session:
        onboardings.take(session, number, "steward")
    assert hub.get(f"/api/v1/onboardings/{number}", "steward").json()["state"] == "draft"
    assert post(hub, number).json()["delivery"]["accepted"] == 50
