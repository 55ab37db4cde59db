"""Answers to a held batch and 放行 in the portal: refused to all but stewards, without a script."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.app import create_app
from catalog import batches, database
from catalog.batches import Batch
from tests.portal.conftest import Reader, client_of
from tests.portal.filling import Filled


@pytest.mark.parametrize("login", ["", "partner", "analyst", "auditor", "provider"])
@pytest.mark.parametrize("act", ["pass", "answer"])
def test_only_stewards_decide(reader: Reader, hub: Filled, login: str, act: str) -> None:
    answer = reader(login).post(f"/batches/{hub.batches['jiamusi']}/{act}", data={"reason": "x"})
    assert answer.status_code in (303, 403, 404)
    with database.session(hub.settings.catalog_database) as session:
        assert not batches.get(session, hub.batches["jiamusi"]).reason


def test_a_returned_batch_shows_as_returned_not_as_released(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        batch = session.exec(select(Batch).where(Batch.id == fresh_hub.batches["jiamusi"])).one()
        batch.state, batch.accepted, batch.quarantined = "returned", 0, batch.received
        batch.inserted = batch.updated = batch.unchanged = 0
        batch.checks = [{"rule": "quarantine-share", "passed": False, "message": "隔离过多", "message_en": "too many"}]
    app = create_app(fresh_hub.settings)
    steward = client_of(app, fresh_hub.settings, "steward")
    page = steward.get(f"/batches/{fresh_hub.batches['jiamusi']}").text
    assert "放行" in page
    assert 'class="failed"' in page
    assert "未入库" in page
    answer = steward.post(f"/batches/{fresh_hub.batches['jiamusi']}/pass", data={"csrf": steward.csrf})  # type: ignore[attr-defined]
    assert answer.status_code == 422
    assert "请写明理由" in answer.text


def test_a_held_batch_asks_on_its_page_and_again_where_nothing_was_chosen(fresh_hub: Filled) -> None:
    number = fresh_hub.batches["jiamusi"]
    question = {
        "about": "again", "zh": "较早的文件", "en": "older", "evidence": [],
        "choices": [{"answers": {"again": True}, "args": ["--again"], "zh": "仍要入库", "en": "load it"}],
    }  # fmt: skip
    with database.session(fresh_hub.settings.catalog_database) as session:
        batch = batches.get(session, number)
        batch.state, batch.questions = "held", [question]
    steward = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    page = steward.get(f"/batches/{number}").text
    assert "待答复的问题" in page
    assert 'value="0.0"' in page
    assert steward.post(f"/batches/{number}/answer", data={"csrf": steward.csrf}).headers["location"].endswith("#open")  # type: ignore[attr-defined]
