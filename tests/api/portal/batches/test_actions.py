"""Answers to a held batch and 放行 in the portal: refused to all but stewards, without a script."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import create_app
from catalog.audit import chain as audit
from catalog.deliveries import batches
from catalog.deliveries.batches import Batch
from catalog.identity import people
from catalog.identity.people import Subject
from catalog.overview import inbox
from catalog.store import database
from contracts.clock import now, today
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled, deliver_report, report


@pytest.mark.parametrize("login", ["", "partner", "analyst", "auditor", "provider"])
@pytest.mark.parametrize("act", ["pass", "answer", "undo", "discard"])
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


@pytest.fixture
def held(fresh_hub: Filled) -> str:
    """Jiamusi's report with a column that goes by another name."""
    text = report().replace("主要介质", "涉及介质", 1)
    return deliver_report(fresh_hub.settings, f"{today():%Y-%m}", received_at=now(), text=text)


def state(hub: Filled, number: str) -> tuple[str, int]:
    with database.session(hub.settings.catalog_database) as session:
        batch = batches.get(session, number)
        return batch.state, batch.accepted


@pytest.mark.day
def test_a_held_batch_is_answered_on_its_page_to_its_end(fresh_hub: Filled, held: str) -> None:
    app = create_app(fresh_hub.settings)
    assert state(fresh_hub, held) == ("held", 0)
    steward = client_of(app, fresh_hub.settings, "steward")
    page = steward.get(f"/batches/{held}").text
    assert "待答复的问题" in page
    assert "“涉及介质”就是“主要介质”" in page
    assert 'value="0.0"' in page
    assert "Open questions" in client_of(app, fresh_hub.settings, "steward", "en").get(f"/batches/{held}").text
    for chosen in ({}, {"choice0": "0.9"}, {"choice0": "-1.0"}, {"choice0": "0.0", "choice1": "0.1"}, {"choice0": "x"}):
        again = steward.post(f"/batches/{held}/answer", data={"csrf": steward.csrf, **chosen})  # type: ignore[attr-defined]
        assert again.headers["location"].endswith("#open")
    assert steward.post(f"/batches/{held}/answer", data={"choice0": "0.0"}).status_code == 403
    assert state(fresh_hub, held) == ("held", 0)
    sent = {"csrf": steward.csrf, "choice0": "0.0"}  # type: ignore[attr-defined]
    answer = steward.post(f"/batches/{held}/answer", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{held}")
    assert state(fresh_hub, held)[0] == "partial"
    assert "待答复的问题" not in steward.get(f"/batches/{held}").text
    assert steward.post(f"/batches/{held}/answer", data=sent).status_code == 400


def test_a_held_batch_is_put_aside_by_page_and_by_key_with_a_reason_on_record(fresh_hub: Filled, held: str) -> None:
    app = create_app(fresh_hub.settings)
    steward = client_of(app, fresh_hub.settings, "steward")
    form = steward.get(f"/batches/{held}/discard")
    assert "搁置本批" in form.text
    assert f"/batches/{held}/discard" in steward.get(f"/batches/{held}").text
    assert steward.post(f"/batches/{held}/discard", data={"reason": "x"}).status_code == 403  # another page's form
    token = {"csrf": steward.csrf}  # type: ignore[attr-defined]
    assert steward.post(f"/batches/{held}/discard", data={**token, "reason": " "}).status_code == 422
    assert state(fresh_hub, held)[0] == "held"
    done = steward.post(f"/batches/{held}/discard", data={**token, "reason": "测试文件"})
    assert (done.status_code, state(fresh_hub, held)[0]) == (303, "discarded")
    page = steward.get(f"/batches/{held}").text
    assert "测试文件" in page
    assert "待答复的问题" not in page
    assert f"/batches/{held}/correct" not in page
    with database.session(fresh_hub.settings.catalog_database) as session:
        (record,) = [one for one in audit.listed(session, action="discard-batch") if one.outcome != "refused"]
        assert (record.object, record.detail["reason"], record.detail["was"]) == (f"batch:{held}", "测试文件", "held")
        assert record.policies == ["steward-operates"]
        found = inbox.inbox(session, Subject("local", kind="local"))
        assert not [task for task in (*found.own, *found.followed) if task.key == held]
    for act in ("discard", "answer", "pass", "undo"):
        again = steward.post(f"/batches/{held}/{act}", data={**token, "reason": "x", "choice0": "0.0"})
        assert again.status_code == 400
    assert state(fresh_hub, held)[0] == "discarded"


class TestByKey:
    """The same acts by the API: by key, by stewards, for a reason."""

    def asked(self, hub: Filled, held: str, who: str, act: str = "discard", **body: str) -> Any:
        app, headers = create_app(hub.settings), {}
        if who:
            with database.session(hub.settings.catalog_database) as session:
                _key, secret = people.issue_key(session, people.get_person(session, who))
            headers = {"Authorization": f"Bearer {secret}"}
        return TestClient(app).post(f"/api/v1/batches/{held}/{act}", headers=headers, json=body)

    @pytest.mark.parametrize("who", ["", "partner", "analyst", "auditor", "provider", "administrator"])
    def test_nobody_but_stewards(self, fresh_hub: Filled, held: str, who: str) -> None:
        answer = self.asked(fresh_hub, held, who, reason="x")
        assert answer.status_code in ((401,) if not who else (403, 404))
        assert state(fresh_hub, held)[0] == "held"

    def test_a_cookie_is_not_enough(self, fresh_hub: Filled, held: str) -> None:
        client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
        assert client.post(f"/api/v1/batches/{held}/discard", json={"reason": "x"}).status_code == 401
        assert state(fresh_hub, held)[0] == "held"

    def test_with_a_reason_only_and_once(self, fresh_hub: Filled, held: str) -> None:
        assert self.asked(fresh_hub, held, "steward").status_code == 422
        assert self.asked(fresh_hub, held, "steward", reason=" ").status_code == 422
        assert self.asked(fresh_hub, held, "steward", "erase", reason="x").status_code == 404
        assert self.asked(fresh_hub, "20200101-0001", "steward", reason="x").status_code == 404
        done = self.asked(fresh_hub, held, "steward", reason="测试文件")
        assert (done.status_code, done.json()["state"]) == (200, "discarded")
        assert self.asked(fresh_hub, held, "steward", reason="x").status_code == 400
