"""Refused rows corrected by key: tried, sent in part, each with the number that it had; strangers and stale ones refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from catalog.deliveries.batches import Batch
from tests.hub.examples import WAIT
from tests.hub.shelters import HEAD, send
from tests.sharing import Hub
from warehouse.storage.connection import reader


def correct(hub: Hub, batch: str, who: str, rows: dict[int, dict[str, str]], path: str = "") -> Any:
    body = {"rows": [{"row": number, "values": values} for number, values in rows.items()]}
    headers = (hub.auth(who) if who else {}) | WAIT
    return hub.client.post(f"/api/v1/batches/{batch}/corrections{path}", json=body, headers=headers)


@pytest.fixture
def refused(hub: Hub) -> str:
    """A batch of five rows, of which three are refused: 2, 3 and 5 of its file."""
    text = HEAD + "a,甲,1\nb,乙,-5\nc,丙,x\nd,丁,4\n,戊,5\n"
    sent = send(hub, "owner", text).json()
    assert (sent["accepted"], sent["quarantined"]) == (2, 3)
    return str(sent["batch"])


def rows_of(hub: Hub) -> list[tuple[Any, ...]]:
    with reader(hub.settings) as connection:
        return connection.execute("SELECT id, name, places FROM resource.shelter ORDER BY id").fetchall()


def open_rows(hub: Hub, batch: str) -> int:
    with hub.session() as session:
        return session.get_one(Batch, batch).open_rows


@pytest.mark.parametrize("who", ["", "stranger", "agency"])
@pytest.mark.parametrize("path", ["", "/check"])
def test_strangers_correct_nothing(hub: Hub, refused: str, who: str, path: str) -> None:
    answer = correct(hub, refused, who, {2: {"places": "5"}}, path)
    assert answer.status_code in (401, 403, 404)
    assert open_rows(hub, refused) == 3


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ({1: {"places": "5"}}, 409),
        ({99: {"places": "5"}}, 409),
        ({2: {"colour": "red"}}, 400),
        ({}, 422),
        ({2: {}}, 422),
        ({-1: {"places": "5"}}, 422),
        ({number: {"places": "5"} for number in range(600)}, 422),
    ],
)
def test_only_refused_rows_and_their_own_cells(hub: Hub, refused: str, rows: dict[int, dict[str, str]], status: int) -> None:
    answer = correct(hub, refused, "owner", rows, "/check")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_tried_says_what_is_still_wrong_and_loads_nothing(hub: Hub, refused: str) -> None:
    tried = correct(hub, refused, "owner", {2: {"容纳人数": "-7"}, 3: {"places": "12"}}, "/check").json()
    still, passes = tried["rows"]
    assert [(one["item"], one["header"], one["rule"]) for one in still["faults"]] == [("places", "容纳人数", "minimum")]
    assert "-7" in still["faults"][0]["message"]
    assert passes == {"row": 3, "faults": []}
    assert len(rows_of(hub)) == 2
    assert open_rows(hub, refused) == 3


def test_sent_in_part_the_rest_waits(hub: Hub, refused: str) -> None:
    sent = correct(hub, refused, "owner", {2: {"places": "5"}, 5: {"编号": "e"}}).json()
    assert (sent["state"], sent["received"], sent["accepted"]) == ("loaded", 2, 2)
    assert rows_of(hub) == [("a", "甲", 1), ("b", "乙", 5), ("d", "丁", 4), ("e", "戊", 5)]
    assert open_rows(hub, refused) == 1
    with hub.session() as session:
        correction = session.get_one(Batch, sent["batch"])
        assert (correction.corrects, correction.filename) == (refused, "shelters-补正.csv")
        record = session.exec(select(AuditRecord).where(AuditRecord.action == "correct-rows")).one()
    assert (record.outcome, record.object) == ("done", f"batch:{sent['batch']}")
    assert record.detail["corrects"] == refused
    again = correct(hub, refused, "owner", {2: {"places": "6"}})
    assert again.status_code in (200, 409)
    assert again.json()["type"] == "urn:hui:problem:rows-not-open"
    last = correct(hub, refused, "steward", {3: {"places": "3"}}).json()
    assert last["accepted"] == 1
    assert open_rows(hub, refused) == 0
    done = correct(hub, refused, "owner", {3: {"places": "4"}})
    assert (done.status_code, done.json()["type"]) == (409, "urn:hui:problem:nothing-to-correct")


def test_an_undone_batch_is_not_corrected(hub: Hub, refused: str) -> None:
    hub.client.post(f"/api/v1/batches/{refused}/undo", json={"reason": "测试"}, headers=hub.auth("steward"))
    for path in ("", "/check"):
        answer = correct(hub, refused, "owner", {2: {"places": "5"}}, path)
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:hui:problem:nothing-to-correct")


def test_a_correction_undone_opens_its_rows_again(hub: Hub, refused: str) -> None:
    sent = correct(hub, refused, "owner", {2: {"places": "5"}}).json()
    hub.client.post(f"/api/v1/batches/{sent['batch']}/undo", json={"reason": "测试"}, headers=hub.auth("steward"))
    assert open_rows(hub, refused) == 3
    assert correct(hub, refused, "owner", {2: {"places": "6"}}).json()["accepted"] == 1


def test_a_line_that_was_no_row_becomes_one(hub: Hub) -> None:
    sent = send(hub, "owner", HEAD + "a,甲,1\nb,乙,2,3,4\n").json()
    assert sent["quarantined"] == 1
    given = {2: {"编号": "b", "名称": "乙", "容纳人数": "2"}}
    assert correct(hub, sent["batch"], "owner", given, "/check").json()["rows"] == [{"row": 2, "faults": []}]
    assert correct(hub, sent["batch"], "owner", given).json()["accepted"] == 1
    assert open_rows(hub, sent["batch"]) == 0


def test_what_a_spreadsheet_would_run_stays_text(hub: Hub, refused: str) -> None:
    correct(hub, refused, "owner", {2: {"places": "5", "name": "=1+1"}})
    assert ("b", "=1+1", 5) in rows_of(hub)


def test_what_a_correction_has_refused_itself_is_corrected_there(hub: Hub, refused: str) -> None:
    sent = correct(hub, refused, "owner", {2: {"places": "-1"}, 3: {"places": "2"}}).json()
    assert (sent["state"], sent["accepted"], sent["quarantined"]) == ("partial", 1, 1)
    rows = {1: {"places": "1"}}
    assert correct(hub, sent["batch"], "owner", rows).json()["accepted"] == 1
    assert open_rows(hub, refused) == 1


def test_a_note_below_the_table_keeps_no_batch_open(hub: Hub) -> None:
    """It is set aside without anybody's fault: once the rows at fault are corrected, nothing waits any more."""
    sent = send(hub, "owner", HEAD + "a,甲,1\nb,乙,-5\nc,丙,3\nd,丁,4\n注：数据截至 2026 年 3 月。,,\n").json()
    assert sent["quarantined"] == 2
    assert correct(hub, sent["batch"], "owner", {2: {"places": "5"}}).json()["accepted"] == 1
    with hub.session() as session:
        batch = session.get_one(Batch, sent["batch"])
        assert (batch.state, batch.open_rows, batch.waits) == ("corrected", 0, False)
