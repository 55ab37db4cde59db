"""Odd but possible requests: every route of every door answers them with something else than a fault of its own."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Mount

from tests.sharing import Hub

ODD = (
    "", "0", "-1", "2147483648", "9" * 25, "9" * 5000, "1e999", "²", "'", "%", "%00", "%2e%2e%2f", "中文", "😀", "a" * 3000,
    "[" * 3000, "0001-01-01T00:00:00+14:00", "a,b,,-c", "name," * 2000, "hazard",
)  # fmt: skip
"""Values for every parameter; those with a percent sign before two digits are sent as they stand."""
KNOWN = {
    "name": "hazard",
    "share": "hlj-emergency",
    "schema": "resource",
    "table": "hazard",
    "version": "1",
    "number": "0",
    "key": "MH-0002",
}


def routes(app: Any, prefix: str = "") -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """(path, path parameters, query parameters) of every GET route, those of included routers and mounted applications too."""
    for route in app.routes:
        if isinstance(route, Mount):
            yield from routes(route.app, prefix + route.path)
            continue
        included = getattr(route, "effective_route_contexts", None)
        for one in included() if included else [route]:
            if "GET" in (one.methods or ()) and hasattr(one, "dependant"):
                places = tuple(parameter.alias for parameter in _parameters(one.dependant, "path_params"))
                query = tuple(parameter.alias for parameter in _parameters(one.dependant, "query_params"))
                yield prefix + one.path_format, places, query


def _parameters(dependant: Any, kind: str) -> list[Any]:
    return getattr(dependant, kind) + [found for one in dependant.dependencies for found in _parameters(one, kind)]


def written(value: str) -> str:
    """A value as it stands in an address; percent-encoded ones are left as they are."""
    from urllib.parse import quote

    return value if value in ("%00", "%0a", "%2e%2e%2f") else quote(value, safe="")


def addresses(app: Any) -> Iterator[str]:
    """Every route with one parameter at a time set to each odd value."""
    for path, places, query in sorted(set(routes(app))):
        good = {name: KNOWN.get(name, "x") for name in places}
        for name, value in itertools.product(places, ODD):
            yield path.format(**{**good, name: written(value) or "%20"})
        for name, value in itertools.product(query, ODD):
            yield f"{path.format(**good)}?{name}={written(value)}"


def test_no_route_fails_on_odd_parameters(hub: Hub) -> None:
    """The contract of every documented route: 2xx to 4xx, whatever the parameters (like schemathesis, by a loop of our own)."""
    found = list(addresses(hub.client.app))
    assert len(found) > 1000
    failed = [address for address in found if hub.get(address, "analyst", follow_redirects=False).status_code >= 500]
    assert not failed, failed[:20]


TABLE = "/delta-sharing/shares/hlj-emergency/schemas/resource/tables/hazard"
BODIES = {
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "large version": b'{"version":' + b"9" * 30 + b"}",
    "endless version": b'{"version":' + b"9" * 5000 + b"}",
    "early moment": b'{"timestamp":"0001-01-01T00:00:00+14:00"}',
    "late moment": b'{"timestamp":"9999-12-31T23:59:59-14:00"}',
    "a moment that is a number": b'{"timestamp":1}',
    "half a surrogate": b'{"timestamp":"\\ud800"}',
    "not text": b"\xff\xfe\xfd",
    "gzip nobody announced": b"\x1f\x8b\x08\x00",
    "too large": b" " * 3_000_000,
    "a list": b"[]",
    "negative": b'{"limitHint":-1}',
    "from a version": b'{"startingVersion":0}',
}


@pytest.mark.parametrize("body", BODIES)
def test_odd_bodies_of_a_query_are_the_clients_fault(hub: Hub, body: str) -> None:
    answer = hub.client.post(f"{TABLE}/query", headers=hub.auth("partner"), content=BODIES[body])
    assert answer.status_code in (400, 413), answer.text
    assert answer.json()["errorCode"] in ("MALFORMED_REQUEST", "INVALID_PARAMETER_VALUE", "UNSUPPORTED_OPERATION")


@pytest.mark.parametrize("text", ["[" * 5_000, "[" + "9" * 5000 + ',"a"]', '[1e999,"a"]', '{"a":1}', "[]", "1"])
def test_page_tokens_of_another_make(hub: Hub, text: str) -> None:
    token = base64.urlsafe_b64encode(text.encode()).decode()
    assert hub.get(f"/delta-sharing/shares?pageToken={token}", "partner").status_code == 400


def test_a_deep_lineage_event(hub: Hub) -> None:
    for body in (b"[" * 100_000, b'{"a":' * 50_000):
        answer = hub.client.post("/api/v1/lineage", headers=hub.auth("steward"), content=body)
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "filter",
    [
        "seen_at > TIMESTAMP '0001-01-01 00:00:00'",
        "seen_at > '9999-12-31T23:59:59-14:00'",
        "assessed_on + 99999999999 > assessed_on",
    ],
)
def test_filters_beyond_the_calendar(hub: Hub, filter: str) -> None:
    answer = hub.get("/api/v1/resources/hazard/rows", "partner", params={"filter": filter})
    assert answer.status_code == 400, answer.text


def test_an_item_named_twice_counts_once(hub: Hub) -> None:
    answer = hub.get("/api/v1/resources/hazard/rows?select=name,name,level,name&order=name,-name,name&limit=2", "partner")
    assert answer.status_code == 200
    assert answer.text.count('"name":') == 2, "once a row"
    again = hub.get(f"/api/v1/resources/hazard/rows?order=name,-name,name&after={answer.json()['next']}", "partner")
    assert again.status_code in (200, 400)


def test_a_text_with_nul_is_refused_before_it_reaches_a_database(hub: Hub) -> None:
    """SQLite keeps it, PostgreSQL refuses it, DuckDB ends the text there: none of ours has any."""
    for path in ("/api/v1/resources/haz%00ard", "/api/v1/resources?q=a%00", "/api/v1/resources/hazard/rows?filter=name='%00'"):
        answer = hub.get(path, "partner")
        assert answer.status_code == 400, path
        assert answer.headers["content-type"].startswith("application/problem+json")


class TestBodies:
    """A form is read into memory before its route is asked who sends it: what nobody known sends must be small."""

    def test_a_form_of_nobody_known_is_not_read_to_its_end(self, hub: Hub) -> None:
        for content in (b"login=" + b"x" * (20 << 20), (b"a=" + b"x" * (1 << 20) for _ in range(30))):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = hub.client.post("/sign-in", content=content, headers=headers)
            assert answer.status_code == 413, answer.text

    def test_a_file_of_nobody_known_is_not_read_at_all(self, hub: Hub) -> None:
        taken = []

        def parts() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
            for _ in range(64):
                taken.append(1)
                yield b"x" * (1 << 20)

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = hub.client.post("/batches/b/correct", content=parts(), headers=headers, follow_redirects=False)
        assert answer.status_code in (303, 413), answer.text

    def test_tokens_of_forms_in_other_scripts(self, hub: Hub) -> None:
        hub.client.cookies.set("hui_form", "abc")
        answer = hub.client.post("/sign-in", data={"form": "令牌", "login": "x", "password": "y"})
        hub.client.cookies.clear()
        assert answer.status_code == 400


def test_the_json_of_a_query_may_hold_anything_else(hub: Hub) -> None:
    told = {"predicateHints": "x", "jsonPredicateHints": {"a": 1}, "limitHint": 10**30, "unknown": [[[]]], "version": 1}
    answer = hub.client.post(f"{TABLE}/query", headers=hub.auth("partner"), content=json.dumps(told))
    assert answer.status_code == 200, answer.text
