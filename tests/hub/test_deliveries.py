"""A delivery by key, from the file to its end: sent, refused rows fetched and corrected, held and answered, taken back."""

from __future__ import annotations

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from hub.table import ACTS
from tests.hub.examples import WAIT
from tests.hub.shelters import HEAD, send
from tests.sharing import Hub


def actions(hub: Hub) -> list[tuple[str, str]]:
    with hub.session() as session:
        found = session.exec(select(AuditRecord).order_by("sequence"))
        return [(one.action, one.outcome) for one in found if one.action in ACTS]


@pytest.mark.parametrize("who", ["", "stranger"])
def test_strangers_deliver_nothing(hub: Hub, who: str) -> None:
    answer = send(hub, who, HEAD + "a,甲,1\n")
    assert answer.status_code in (401, 403, 404)
    assert not list(hub.settings.landing.rglob("*.csv"))


def test_nobody_delivers_in_the_name_of_another(hub: Hub) -> None:
    assert send(hub, "agency", HEAD + "a,甲,1\n", organization="hlj-emergency").status_code in (403, 404)


def test_sent_refused_fetched_corrected_and_taken_back(hub: Hub) -> None:
    sent = send(hub, "owner", HEAD + "a,甲,1\nb,乙,-5\n").json()
    assert (sent["state"], sent["received"], sent["accepted"], sent["quarantined"]) == ("partial", 2, 1, 1)
    refused = hub.get(f"/api/v1/batches/{sent['batch']}/quarantine.csv", "owner")
    assert "乙" in refused.text
    corrected = send(hub, "owner", refused.text.replace("-5", "5"), corrects=sent["batch"]).json()
    assert (corrected["state"], corrected["accepted"]) == ("loaded", 1)
    undone = hub.client.post(
        f"/api/v1/batches/{corrected['batch']}/undo", json={"reason": "重复报送"}, headers=hub.auth("steward")
    )
    assert undone.json()["state"] == "undone"
    assert actions(hub) == [("deliver", "done"), ("export-quarantine", "done"), ("deliver", "done"), ("undo-batch", "done")]


def test_held_and_answered(hub: Hub) -> None:
    send(hub, "owner", HEAD + "a,甲,1\nb,乙,2\n")
    held = send(hub, "owner", "编号,场所名称,容纳人数\na,甲,1\nb,乙,2\n").json()
    assert held["state"] == "held"
    [question] = held["questions"]
    choice = question["choices"][0]["answers"]
    told = {name: choice[name] for name in ("columns", "absent", "dates", "overlap", "key", "nil", "again")}
    path = f"/api/v1/batches/{held['batch']}/answer"
    assert hub.client.post(path, json=told, headers=hub.auth("owner")).status_code == 403
    assert hub.client.post(path, json={}, headers=hub.auth("steward")).status_code == 400
    answered = hub.client.post(path, json=told, headers=hub.auth("steward")).json()
    assert answered["state"] == "loaded"
    again = hub.client.post("/api/v1/resources/shelter/rebuild", headers=hub.auth("steward") | WAIT).json()
    assert [one["batch"] for one in again["batches"]][-1] == held["batch"]


def test_who_delivers_may_not_answer_with_it(hub: Hub) -> None:
    answer = send(hub, "owner", HEAD, answers='{"nil": true}')
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:hui:problem:refused")
    assert actions(hub) == [("deliver", "refused")]
    assert send(hub, "steward", HEAD, answers='{"nil": true}').json()["state"] == "loaded"


def test_a_correction_of_another_dataset_is_refused(hub: Hub) -> None:
    sent = send(hub, "owner", HEAD + "a,甲,-1\n").json()
    answer = hub.client.post(
        "/api/v1/resources/other/deliveries",
        params={"filename": "a.csv", "corrects": sent["batch"]},
        content=b"x",
        headers=hub.auth("owner"),
    )
    assert answer.status_code == 400
