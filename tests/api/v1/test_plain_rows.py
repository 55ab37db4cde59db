"""Rows are the same with FastAPI's solving and without; so is what is refused, and how requests are counted."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import col, select

from api.http.metrics import REQUESTS
from api.v1 import plain_rows, rows
from catalog.audit.chain import AuditRecord
from tests.sharing import Hub

ROWS = "/api/v1/resources/hazard/rows"
PLAIN = [
    ROWS,
    f"{ROWS}?limit=3",
    f"{ROWS}?limit=3&order=-level,name",
    f"{ROWS}?select=hazard_id,level&filter=level%20%3D%201",
    f"{ROWS}?version=1&format=csv",
    f"{ROWS}/MH-0002",
    f"{ROWS}/MH-0002?select=name",
    f"{ROWS}/nothing?format=ndjson",
    f"{ROWS}?select=nothing",
    f"{ROWS}?filter=%E2%80%AE",
    f"{ROWS}?after=x",
    f"{ROWS}/a,b",
    "/api/v1/resources/nothing/rows",
    "/api/v1/resources/classified/rows/MH-0002",
    f"{ROWS}?version=current",
    f"{ROWS}?version=77",
]
OTHERS = [f"{ROWS}?limit=0", f"{ROWS}?limit=10001", f"{ROWS}?limit=x", f"{ROWS}?version=-1", f"{ROWS}?format=pdf",
          f"{ROWS}?bom=true", f"{ROWS}?limit=1&limit=2", f"{ROWS}?limit=", f"{ROWS}?version=%D9%A3"]  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was answered without FastAPI's solving."""
    seen: list[Any] = []
    plain = plain_rows._asked

    def noted(*arguments: Any) -> Any:
        seen.append(plain(*arguments))
        return seen[-1]

    monkeypatch.setattr(plain_rows, "_asked", noted)
    return seen


def told(answer: Any) -> tuple[Any, ...]:
    """Status, headers and content but for the next page's mark and the request's own address."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("x-next", "content-length")}
    if headers["content-type"].partition(";")[0] not in ("application/json", "application/problem+json"):
        return answer.status_code, headers, answer.content
    content = {name: value for name, value in answer.json().items() if name not in ("next", "instance")}
    return answer.status_code, headers, content


def records(hub: Hub, count: int) -> list[Any]:
    with hub.session() as session:
        found = session.exec(select(AuditRecord).order_by(col(AuditRecord.sequence).desc()).limit(count)).all()
        return [(one.actor, one.action, one.object, one.outcome, one.policies, one.detail) for one in found]


@pytest.mark.parametrize("address", PLAIN)
@pytest.mark.parametrize("who", ["partner", "owner", "other"])
def test_both_ways_give_the_same_answer_and_record(hub: Hub, asked: list[Any], address: str, who: str) -> None:
    plain = hub.get(address, who)
    assert asked[-1] is not None
    left = records(hub, 1)
    other = hub.get(f"{address}{'&' if '?' in address else '?'}unknown=1", who)
    assert asked[-1] is None
    assert told(plain) == told(other)
    assert left == records(hub, 1)


@pytest.mark.parametrize("address", OTHERS)
def test_what_is_not_plain_goes_on(hub: Hub, asked: list[Any], address: str) -> None:
    answer = hub.get(address, "partner")
    assert asked == [None]
    assert answer.status_code in ((200,) if "bom" in address or "limit=2" in address else (406, 422))


def test_nobody_and_a_wrong_key(hub: Hub, asked: list[Any]) -> None:
    assert hub.get(ROWS).status_code in (401, 403)
    assert asked[-1] is None
    answer = hub.client.get(ROWS, headers={"Authorization": "Bearer hui_wrong"})
    assert asked[-1] is not None
    assert answer.status_code == 401


def test_they_are_counted_as_what_they_are(hub: Hub) -> None:
    paths = {route.path for route in rows.router.routes}
    assert {f"/api/v1{path}" for path in paths} == {route.path for route in plain_rows.ROUTES}
    count = lambda: REQUESTS.labels("/api/v1/resources/{name}/rows/{key}", "GET", "200")._value.get()  # noqa: E731
    before = count()
    hub.get(f"{ROWS}/MH-0002", "partner")
    assert count() == before + 1
