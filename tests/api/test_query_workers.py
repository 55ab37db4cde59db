"""The application reads the lake through workers: the same answers, and a reader's death is a 503 to one request."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from tests.sharing import Hub
from warehouse.serving import query_workers

ROWS = "/api/v1/resources/hazard/rows"
OF_THE_LAKE = f"{ROWS}?order=level"
"""An order that no serving store answers."""


@pytest.fixture
def serving(hub: Hub) -> Iterator[TestClient]:
    """The application between its start and its end, as `hub serve` runs it."""
    with hub.client as client:
        yield client
    assert not query_workers._serving


def test_the_answers_are_those_of_one_process(hub: Hub) -> None:
    paths = [
        f"{ROWS}?limit=7", f"{ROWS}?filter=level = 2&order=-lon", f"{ROWS}/MH-0006", f"{ROWS}?filter=nothing = 1",
        f"{ROWS}?format=csv", "/api/v1/resources/hazard/files",
    ]  # fmt: skip
    alone = [_answer(hub, path) for path in paths]
    with hub.client:
        assert [_answer(hub, path) for path in paths] == alone
        assert query_workers._serving[hub.settings.root]._idle


def _answer(hub: Hub, path: str) -> tuple[int, object]:
    answer = hub.get(path, "partner")
    if answer.headers["content-type"].startswith("application/json"):
        body = answer.json()
        return answer.status_code, {key: value for key, value in body.items() if key not in ("next", "files")}
    return answer.status_code, answer.text


@pytest.mark.usefixtures("serving")
def test_a_reader_that_aborts_is_a_503_to_one_request(hub: Hub) -> None:
    assert hub.get(f"{OF_THE_LAKE}&limit=1", "partner").status_code == 200
    [worker] = query_workers._serving[hub.settings.root]._idle
    os.kill(worker.process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(hub.get, f"{OF_THE_LAKE}&limit=1", "partner")
        while worker in query_workers._serving[hub.settings.root]._idle:
            pass
        os.kill(worker.process.pid, signal.SIGKILL)
        answer = under_way.result(60)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["type"] == "urn:hui:problem:query-ended"
    assert hub.get(f"{OF_THE_LAKE}&limit=1", "partner").status_code == 200


@pytest.mark.usefixtures("serving")
def test_many_readers_at_once_all_get_their_rows(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.settings, "reader_wait", 250.0)  # the machine that tests may be busy
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: hub.get(f"{OF_THE_LAKE}&limit=5", "partner"), range(48)))
    assert {answer.status_code for answer in answers} == {200}
    workers = query_workers._serving[hub.settings.root]
    assert len(workers._idle) <= hub.settings.readers
