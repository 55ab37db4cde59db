"""Odd, endless and slow requests are the client's fault, on both databases, at every door."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from api import signed_links
from api.app import create_app
from api.http import limits, punctual
from catalog.audit import chain as audit
from cli.serve import configured
from tests.loop import served
from tests.sharing import Hub, built
from warehouse.ingest import quarantine
from warehouse.settings import Settings
from warehouse.storage import connection, landing


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_database: Callable[[str], str]
) -> Iterator[Hub]:
    """A hub that shares, on each database."""
    url = postgres_database("") if request.param == "postgresql" else ""
    home: Path = tmp_path_factory.mktemp("limits") / "var"
    settings = Settings(home=home, catalog_url=url, public_url="https://hub.example/data", _env_file=None)
    yield built(settings)
    connection.forget(settings)


LONG = "a" * 60_000
ODD_TEXTS = {"NUL": "a\0b", "long": LONG, "long Chinese": "长" * 7_000, "half a pair": "%ED%A0%80"}


class TestText:
    @pytest.mark.parametrize("text", ODD_TEXTS)
    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/resources/{}",
            "/api/v1/resources?q={}",
            "/api/v1/resources/hazard/rows?filter=name='{}'",
            "/api/v1/resources/hazard/rows?after={}",
            "/?q={}",
            "/resources/{}",
            "/delta-sharing/shares/{}",
            "/acquire?agreement={}",
            "/files/x/x?sig={}",
        ],
    )
    def test_in_an_address(self, both: Hub, path: str, text: str) -> None:
        value = ODD_TEXTS[text] if text == "half a pair" else quote(ODD_TEXTS[text])
        answer = both.get(path.replace("{}", value), "steward", follow_redirects=False)
        assert answer.status_code < 500, answer.text[:300]
        if text in ("NUL", "long"):
            assert answer.status_code in (400, 404, 414)

    @pytest.mark.parametrize("text", ODD_TEXTS)
    @pytest.mark.parametrize("field", ["login", "password", "key", "form", "next"])
    def test_in_a_form(self, both: Hub, field: str, text: str) -> None:
        data = {"form": "x", "login": "a", "password": "b"} | {field: ODD_TEXTS[text]}
        assert both.client.post("/sign-in", data=data).status_code in (400, 401, 422)

    def test_a_purpose_of_any_length_is_on_record(self, both: Hub) -> None:
        headers = {"X-Purpose": quote("长" * 3_000)}
        assert both.get("/api/v1/resources/hazard/rows", "other", headers=headers).status_code == 403

    def test_a_word_that_is_longer_than_words_are(self, both: Hub) -> None:
        for query in ("a" * 5_000, "长" * 5_000, "a " * 3_000, "'" * 3_000):
            assert both.client.get("/api/v1/resources", params={"q": query}).status_code == 200

    def test_a_record_of_anything_is_kept(self, both: Hub) -> None:
        with both.session() as session:
            kept = audit.record(session, actor=LONG, action=LONG, object="长" * 60_000, purpose="\ud800\0" + LONG)
        assert audit.digest(kept) == kept.hash
        assert len(kept.object) == audit.LONGEST


EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-03-11T09:00:00Z",
    "run": {"runId": "r"},
    "job": {"namespace": "etl", "name": "n"},
    "inputs": [{"namespace": "hui", "name": "a"}],
    "outputs": [{"namespace": "hui", "name": "b"}],
}


def _with_facets(fields: Any) -> dict[str, Any]:
    return {"outputs": [{"namespace": "hui", "name": "b", "facets": fields}]}


ODD_EVENTS: dict[str, dict[str, Any]] = {
    "facets that are a list": _with_facets([1]),
    "facets that are a text": _with_facets("x"),
    "column lineage that is a list": _with_facets({"columnLineage": [1]}),
    "fields that are a list": _with_facets({"columnLineage": {"fields": ["x"]}}),
    "a field that is a text": _with_facets({"columnLineage": {"fields": {"x": "y"}}}),
    "input fields that are an object": _with_facets({"columnLineage": {"fields": {"x": {"inputFields": {"a": 1}}}}}),
    "an input field that is a number": _with_facets({"columnLineage": {"fields": {"x": {"inputFields": [1]}}}}),
    "inputs that are an object": {"inputs": {"a": 1}},
    "inputs that are a text": {"inputs": "abc"},
    "an input that is null": {"inputs": [None]},
    "half a pair": {"inputs": [{"namespace": "hui", "name": "\ud800"}]},
    "half a pair in a name": {"\udfff": 1},
    "NUL": {"outputs": [{"namespace": "hui", "name": "a\0"}]},
    "60,000 letters": {"outputs": [{"namespace": "hui", "name": LONG}]},
    "60,000 letters of a job": {"job": {"namespace": "etl", "name": LONG}},
    "60,000 letters of a run": {"run": {"runId": LONG}},
    "a time of 60,000 letters": {"eventTime": LONG},
}


@pytest.mark.parametrize("odd", ODD_EVENTS)
def test_odd_lineage_events(both: Hub, odd: str) -> None:
    body = json.dumps(EVENT | ODD_EVENTS[odd])
    answer = both.client.post("/api/v1/lineage", headers=both.auth("steward"), content=body)
    assert answer.status_code == 400, answer.text[:300]
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("..", "unnamed"), ("/", "unnamed"), ("", "unnamed"), (".", "unnamed"), ("a/..", "unnamed"), ("\0", "unnamed"),
        ("C:\\数据\\台账.xlsx", "台账.xlsx"), ("../../etc/passwd", "passwd"), ("a\0b\n.csv", "ab.csv"), ("\ud800.csv", "?.csv"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"), ("正常.csv", "正常.csv"),
        ("台账\u202excslx.exe", "台账xcslx.exe"), ("\u2066\ufeff\u2028", "unnamed"),
    ],
)  # fmt: skip
def test_a_file_is_named_by_who_sends_it(given: str, kept: str) -> None:
    assert landing.told_name(given) == kept


@pytest.mark.parametrize(
    "filter",
    [
        "CAST(name AS INTEGER DEFAULT (SELECT 1) ON CONVERSION ERROR) = 1",
        "CAST(level AS VARCHAR DEFAULT (SELECT 1)) = '1'",
        "TRY_CAST(name AS INTEGER FORMAT (SELECT 'x')) = 1",
        "level = ALL(SELECT 1)",
        "name LIKE 'a' ESCAPE (SELECT 'x')",
        "INTERVAL (SELECT 1) DAY > INTERVAL 1 DAY",
        "[1, 2][(SELECT 1)] = 1",
        "level = ?",
        "COLUMNS(*) = 1",
    ],
)
def test_a_question_inside_a_filter_is_no_fault_of_ours(both: Hub, filter: str) -> None:
    answer = both.get("/api/v1/resources/hazard/rows", "partner", params={"filter": filter})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("head", ["=cmd()", "+a", "-x", "@a", "\tb", "＝a"])
def test_a_head_of_a_returned_file_is_no_formula(tmp_path: Path, head: str) -> None:
    quarantine._write_csv(tmp_path / "back.csv", [head, "名称"], iter([[head, "a"]]))
    first, second = (tmp_path / "back.csv").read_text("utf-8-sig").splitlines()
    assert first.startswith(("'", "\"'"))
    assert second.startswith(("'", "\"'"))


class TestLinks:
    def test_they_begin_with_the_address_people_use_whatever_the_request_says(self, both: Hub) -> None:
        for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "Host": "evil.example:99"}):
            told = both.get("/api/v1/resources/hazard/versions/1/files", "partner", headers=headers)
            assert told.json()[0]["url"].startswith("https://hub.example/data/files/")
            shared = "/delta-sharing/shares/hlj-emergency/schemas/resource/tables/hazard/query"
            text = both.client.post(shared, headers=both.auth("partner") | headers, content="{}").text
            assert "evil.example" not in text
            assert "https://hub.example/data/delta-sharing/files/" in text

    def test_they_tell_neither_person_nor_key(self, both: Hub) -> None:
        url = both.get("/api/v1/resources/hazard/versions/1/files", "partner").json()[0]["url"]
        prefix = both.keys["partner"].split("_")[1]
        token = urlsplit(url).path.split("/")[-2]
        import base64

        raw = base64.urlsafe_b64decode(token + "==")
        assert prefix.encode() not in raw
        assert signed_links.read(both.settings, token, url.rpartition("sig=")[2]).key_prefix == prefix
        again = both.get("/api/v1/resources/hazard/versions/1/files", "partner").json()[0]["url"]
        assert again.split("?")[0].split("/")[-1] == url.split("?")[0].split("/")[-1]


@pytest.mark.parametrize("who", ["", "partner", "analyst", "owner"])
def test_metrics_are_not_for_everybody(both: Hub, who: str) -> None:
    assert both.get("/metrics", who).status_code == (403 if who else 401)


@pytest.mark.parametrize("who", ["administrator", "auditor", "steward"])
def test_metrics_are_for_those_who_operate(both: Hub, who: str) -> None:
    assert "hui_requests_total" in both.get("/metrics", who).text


class TestTime:
    """A connection that sends nothing, half a head, or a drip of a body is let go; others are answered meanwhile."""

    @pytest.fixture
    def address(self, both: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
        monkeypatch.setattr(punctual.Punctual, "head_seconds", 1.0)
        monkeypatch.setattr(limits.InTime.__init__, "__defaults__", (1.0, 1_000))
        with served(configured(both.settings, "127.0.0.1", 0)) as (base, _):
            yield "127.0.0.1", urlsplit(base).port or 0

    @pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: "])
    def test_half_a_head(self, address: tuple[str, int], sent: bytes) -> None:
        with socket.create_connection(address, timeout=30) as waiting:
            waiting.sendall(sent)
            with suppress(ConnectionResetError):
                assert waiting.recv(100) == b""

    @pytest.mark.parametrize("piece", [b"a" * 65_536, b"b\r\nX: " * 9_000])
    @pytest.mark.parametrize(
        "begun",
        [
            b"GET /health HTTP/1.1\r\nHost: x\r\nX: ",
            b"POST /api/v1/audit/witness HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ",
        ],
        ids=["head", "trailer"],
    )
    def test_a_head_without_end(self, both: Hub, monkeypatch: pytest.MonkeyPatch, begun: bytes, piece: bytes) -> None:
        """It would fill the memory for as long as a head may take."""
        monkeypatch.setattr(punctual.Punctual, "head_seconds", 60.0)
        with served(configured(both.settings, "127.0.0.1", 0)) as (base, _):
            with socket.create_connection(("127.0.0.1", urlsplit(base).port or 0), timeout=30) as endless:
                endless.sendall(begun)
                sent = 0
                with suppress(ConnectionResetError, BrokenPipeError):
                    while sent < 20_000_000:
                        endless.sendall(piece)
                        sent += len(piece)
                assert sent < 20_000_000
            large = httpx.get(f"{base}/health", headers={"X-Large": "a" * 50_000}, timeout=60)
            assert large.status_code == 200

    def test_a_second_request_on_a_kept_connection(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=30) as waiting:
            waiting.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in waiting.recv(4096)
            waiting.sendall(b"GET /health HT")
            with suppress(ConnectionResetError):
                while waiting.recv(100):
                    pass

    @pytest.mark.parametrize("path", ["/sign-in", "/delta-sharing/shares/a/schemas/b/tables/c/query"])
    def test_a_body_that_does_not_come(self, address: tuple[str, int], path: str) -> None:
        connection_ = http.client.HTTPConnection(*address, timeout=30)
        connection_.putrequest("POST", path)
        connection_.putheader("Content-Length", "1000")
        connection_.putheader("Content-Type", "application/x-www-form-urlencoded" if path == "/sign-in" else "application/json")
        connection_.putheader("Authorization", "Bearer x")
        connection_.endheaders(b"a=1")
        assert connection_.getresponse().status == 408

    def test_a_body_of_one_who_may_not_send_it_is_not_waited_for(self, address: tuple[str, int]) -> None:
        connection_ = http.client.HTTPConnection(*address, timeout=30)
        connection_.putrequest("POST", "/api/v1/lineage")
        connection_.putheader("Content-Length", "1000")
        connection_.endheaders(b"{")
        assert connection_.getresponse().status == 401

    def test_a_drip(self, address: tuple[str, int]) -> None:
        with socket.create_connection(address, timeout=30) as waiting:
            waiting.sendall(
                b"POST /delta-sharing/shares/a/schemas/b/tables/c/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
                b"Content-Length: 100000\r\n\r\n"
            )
            deadline = time.monotonic() + 25
            answered = b""
            waiting.settimeout(0.3)
            while not answered and time.monotonic() < deadline:
                waiting.sendall(b" ")
                try:
                    answered = waiting.recv(100)
                except TimeoutError:
                    continue
            assert b"408" in answered


def test_the_application_of_tests_and_of_the_server_has_the_same_limits(both: Hub) -> None:
    names = [one.cls.__name__ for one in create_app(both.settings).user_middleware]  # type: ignore[attr-defined]
    assert names == ["SecurityHeaders", "Counting", "InTime", "PlainRequests", "Admission"]


class TestBodies:
    """Whoever sends a body slowly, or halves of one, holds no place that another request needs."""

    @pytest.fixture
    def address(self, both: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
        monkeypatch.setattr(limits.InTime.__init__, "__defaults__", (40.0, 1))
        with served(configured(both.settings, "127.0.0.1", 0)) as (base, _):
            yield "127.0.0.1", urlsplit(base).port or 0

    @pytest.mark.parametrize("who", ["nobody", "a false cookie", "a false key"])
    @pytest.mark.parametrize(
        ("method", "path", "kind"),
        [
            ("POST", "/api/v1/audit/witness", "application/json"),
            ("POST", "/api/v1/batches/20260101-0001/undo", "application/json"),
            ("PUT", "/api/v1/calendar/2027", "text/csv"),
            ("POST", "/delta-sharing/shares/a/schemas/b/tables/c/query", "application/json"),
            ("POST", "/calendar", "multipart/form-data; boundary=b"),
            ("POST", "/sign-in", "application/x-www-form-urlencoded"),
        ],
    )
    def test_of_a_stranger(self, address: tuple[str, int], who: str, method: str, path: str, kind: str) -> None:
        said = {"nobody": "", "a false cookie": "Cookie: hui_session=x\r\n", "a false key": "Authorization: Bearer x\r\n"}[who]
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{said}Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
        slow = [socket.create_connection(address, timeout=30) for _ in range(60)]
        try:
            for one in slow:
                one.sendall(head.encode() + b"--b\r\n")
            connection_ = http.client.HTTPConnection(*address, timeout=60)
            connection_.request("GET", "/api/v1/resources")
            assert connection_.getresponse().status == 200
            for one in slow:  # they were waited for no longer than the other was
                one.setblocking(False)
                with suppress(BlockingIOError):
                    assert b" 408 " not in one.recv(20)
        finally:
            for one in slow:
                one.close()

    def test_half_of_one_is_none(self, both: Hub) -> None:
        reached: list[object] = []

        async def app(scope: object, receive: object, send: object) -> None:
            reached.append(scope)

        messages = [{"type": "http.request", "body": b"csrf=a&reason=", "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        asyncio.run(limits.PlainRequests(app)(_post(limits.FORM), receive, app))  # type: ignore[arg-type]
        assert not reached

    def test_all_together_have_a_limit(self) -> None:
        """1,000 callers with 4 MB each would fill the memory."""
        statuses: list[int] = []

        async def app(scope: object, receive: object, send: object) -> None:
            await asyncio.sleep(0)

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def once(plain: limits.PlainRequests) -> None:
            bodies = [{"type": "http.request", "body": b"x" * 10_000, "more_body": more} for more in (True, True, False)]

            async def receive() -> dict[str, Any]:
                await asyncio.sleep(0)
                return bodies.pop(0)

            await plain(_post("application/json"), receive, send)  # type: ignore[arg-type]

        async def all_together() -> None:
            plain = limits.PlainRequests(app, kept=100_000)  # type: ignore[arg-type]
            await asyncio.gather(*(once(plain) for _ in range(20)))
            assert statuses.count(503) >= 10
            statuses.clear()
            await once(plain)  # what they held is given back
            assert not statuses

        asyncio.run(all_together())


def _post(kind: str) -> dict[str, Any]:
    headers = [(b"content-type", kind.encode()), (b"cookie", b"hui_session=x")]
    return {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": headers}
