"""在线补正: who may not see or correct refused rows is refused; cells are edited, checked and sent without a script."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.app import create_app
from catalog.deliveries.batches import Batch
from catalog.store import database
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled

FIELD = re.compile(r'name="(cell-\d+-\d+)" value="([^"]*)"')


@pytest.mark.parametrize("login", ["", "partner", "analyst", "auditor", "administrator"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_may_not_correct_sees_no_rows(reader: Reader, hub: Filled, login: str, method: str) -> None:
    client = reader(login)
    answer = client.request(method, f"/batches/{hub.batches['jiamusi']}/rows")
    assert answer.status_code in (303, 307, 403, 404)
    assert "cell-" not in answer.text


@pytest.fixture
def steward(fresh_hub: Filled) -> Any:
    return client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")


def open_rows(hub: Filled, number: str) -> int:
    with database.session(hub.settings.catalog_database) as session:
        return session.get_one(Batch, number).open_rows


def test_another_sites_form_is_refused(fresh_hub: Filled, steward: Any) -> None:
    number = fresh_hub.batches["jiamusi"]
    assert steward.post(f"/batches/{number}/rows", data={"do": "send", "cell-1-1": "x"}).status_code == 403


def test_edited_checked_and_sent(fresh_hub: Filled, steward: Any) -> None:
    number = fresh_hub.batches["jiamusi"]
    path, before = f"/batches/{number}/rows", open_rows(fresh_hub, number)
    assert path in steward.get(f"/batches/{number}").text
    page = steward.get(path).text
    fields = dict(FIELD.findall(page))
    assert fields
    token = {"csrf": steward.csrf, "page": "1"}
    unchanged = steward.post(path, data={**token, **fields, "do": "send"})
    assert (unchanged.status_code, "没有改动" in unchanged.text) == (422, True)
    first = next(iter(fields))
    wrong = steward.post(path, data={**token, **fields, first: "not this", "do": "send"})
    assert wrong.status_code == 422
    assert "仍不合规" in wrong.text
    assert 'value="not this"' in wrong.text
    assert open_rows(fresh_hub, number) == before
    wide = steward.post(path, data={**token, **fields, first: "typed", "do": "columns"}).text
    assert 'value="typed"' in wide
    assert len(FIELD.findall(wide)) > len(fields)


@pytest.mark.parametrize(
    "query", ["page=0", "page=99999999", "page=x", "page=-1", "columns=all", "columns=x", "page=%00", "page=1&page=2"]
)
def test_odd_addresses_are_a_page(reader: Reader, hub: Filled, query: str) -> None:
    assert reader("steward").get(f"/batches/{hub.batches['jiamusi']}/rows?{query}").status_code in (200, 400, 422)


def test_a_batch_that_waits_for_none_says_so(fresh_hub: Filled, steward: Any) -> None:
    number = fresh_hub.batches["jiamusi"]
    steward.post(f"/batches/{number}/undo", data={"csrf": steward.csrf, "reason": "测试"})
    answer = steward.get(f"/batches/{number}/rows")
    assert answer.status_code == 409
    assert "没有待补正的行" in answer.text
