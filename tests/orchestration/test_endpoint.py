"""A department's endpoint, played by a real HTTP server: pages, token, retries, resuming, digits."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestration.routes import endpoint
from orchestration.routes.arrivals import ChannelFailed
from warehouse.settings import Settings

Answer = tuple[int, Any]


class Department:
    """A server that answers with what the test says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[dict[str, str], int], Answer]) -> None:
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                outer.asked.append(query)
                outer.tokens.append(self.headers.get("Authorization", ""))
                status, body = answer(query, len(outer.asked))
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/api/levels"


@pytest.fixture
def department() -> Iterator[Callable[..., Department]]:
    opened: list[Department] = []

    def open_(answer: Callable[[dict[str, str], int], Answer]) -> Department:
        opened.append(Department(answer))
        return opened[-1]

    yield open_
    for one in opened:
        one.server.shutdown()
        one.server.server_close()


def taken(settings: Settings, channel: dict[str, Any]) -> list[dict[str, Any]]:
    """Records of one fetch that was delivered."""
    rows: list[dict[str, Any]] = []
    for arrival in endpoint.arrivals(settings, "XY-1", {"kind": "http", "backoff": 0.01, **channel}, "hlj-water"):
        rows += [json.loads(line) for line in arrival.path.read_text(encoding="utf-8").splitlines()]
        arrival.taken("20260301-0001")
    return rows


def paged(rows: list[Any], size: int) -> Callable[[dict[str, str], int], Answer]:
    """Numbered pages with the next one's address, as the demo's departments answer."""

    def answer(query: dict[str, str], _: int) -> Answer:
        page = int(query.get("page", 1))
        here = rows[(page - 1) * size : page * size]
        following = f"/api/levels?page={page + 1}" if page * size < len(rows) else None
        return 200, {"code": 0, "data": {"items": here, "next": following, "total": len(rows)}}

    return answer


ROWS = [{"id": n} for n in range(7)]


class TestPages:
    def test_follows_the_next_address(self, settings: Settings, department: Any) -> None:
        served = department(paged(ROWS, 3))
        rows = taken(settings, {"url": served.url, "records": "data.items", "next": "data.next"})
        assert [row["id"] for row in rows] == [str(n) for n in range(7)]
        assert len(served.asked) == 3

    def test_counts_pages_until_one_is_empty(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, _: (200, ROWS[(int(query["page"]) - 1) * 3 : int(query["page"]) * 3]))
        assert len(taken(settings, {"url": served.url})) == 7
        assert [query["page"] for query in served.asked] == ["1", "2", "3", "4"]

    def test_stops_at_the_total_or_at_a_short_page(self, settings: Settings, department: Any) -> None:
        served = department(paged(ROWS, 3))
        assert len(taken(settings, {"url": served.url, "records": "data.items", "total": "data.total"})) == 7
        assert len(served.asked) == 3
        sized = {"url": served.url, "records": "data.items", "size": "limit", "page_size": 3}
        assert len(taken(settings, sized)) == 7
        assert served.asked[-1] == {"page": "3", "limit": "3"}

    def test_keeps_a_query_of_the_address_itself(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, ROWS if n == 1 else []))
        taken(settings, {"url": served.url + "?city=2308"})
        assert all(query["city"] == "2308" for query in served.asked)

    def test_an_endpoint_with_nothing_is_no_delivery(self, settings: Settings, department: Any) -> None:
        assert endpoint.arrivals(settings, "XY-1", {"kind": "http", "url": department(lambda q, n: (200, [])).url}, None) == []

    def test_numbers_keep_their_digits(self, settings: Settings, department: Any) -> None:
        body = b'[{"level": 46.10, "code": 230803000000000001, "e": 1E5}]'
        served = department(lambda query, n: (200, body if n == 1 else []))
        assert taken(settings, {"url": served.url}) == [{"level": "46.10", "code": "230803000000000001", "e": "1E5"}]

    def test_only_changes_are_asked_for_after_the_first_time(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, [{"at": "9"}, {"at": "10"}] if query["page"] == "1" else []))
        channel = {"url": served.url, "since": "after", "since_item": "at"}
        taken(settings, channel)
        taken(settings, channel)
        assert "after" not in served.asked[0]
        assert served.asked[-1]["after"] == "10"


class TestTrouble:
    def test_tries_again_when_the_server_is_busy(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (503, {}) if n < 3 else (200, ROWS if n == 3 else []))
        assert len(taken(settings, {"url": served.url})) == 7

    def test_goes_on_where_it_broke_off(self, settings: Settings, department: Any) -> None:
        broken = [True]

        def answer(query: dict[str, str], n: int) -> Answer:
            return (500, {}) if broken[0] and query.get("page") == "2" else paged(ROWS, 3)(query, n)

        served = department(answer)
        channel = {"url": served.url, "records": "data.items", "next": "data.next", "attempts": 2}
        with pytest.raises(ChannelFailed, match="第 2 页"):
            taken(settings, channel)
        broken[0] = False
        served.asked.clear()
        assert [row["id"] for row in taken(settings, channel)] == [str(n) for n in range(7)]
        assert [query.get("page") for query in served.asked] == ["2", "3"]

    def test_does_not_hammer_on_a_refusal(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (401, {}))
        with pytest.raises(ChannelFailed, match="401"):
            taken(settings, {"url": served.url})
        assert len(served.asked) == 1

    def test_a_server_that_is_away_is_said_so(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, []))
        served.server.shutdown()
        served.server.server_close()
        with pytest.raises(ChannelFailed, match="ConnectError"):
            taken(settings, {"url": served.url, "attempts": 2})

    def test_says_where_it_looked_for_records(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, {"data": {}}))
        with pytest.raises(ChannelFailed, match=r"data\.items"):
            taken(settings, {"url": served.url, "records": "data.items"})

    def test_the_token_never_goes_to_another_host(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, {"items": ROWS, "next": "http://localhost:1/steal"}))
        with pytest.raises(ChannelFailed, match="localhost"):
            taken(settings, {"url": served.url, "records": "items", "next": "next"})

    def test_an_unknown_setting_is_an_error(self, settings: Settings) -> None:
        with pytest.raises(ChannelFailed, match="pagesize"):
            taken(settings, {"url": "http://127.0.0.1:1/", "pagesize": 3})


class TestToken:
    def test_comes_from_the_environment(self, settings: Settings, department: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WATER_TOKEN", "s3cret")
        served = department(lambda query, n: (200, []))
        taken(settings, {"url": served.url, "token_env": "WATER_TOKEN"})
        assert served.tokens == ["Bearer s3cret"]

    def test_or_from_a_file(self, settings: Settings, department: Any, tmp_path: Any) -> None:
        (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
        served = department(lambda query, n: (200, []))
        taken(settings, {"url": served.url, "token_file": str(tmp_path / "token")})
        assert served.tokens == ["Bearer s3cret"]

    def test_missing_is_said_before_anything_is_asked(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, []))
        with pytest.raises(ChannelFailed, match="WATER_TOKEN"):
            taken(settings, {"url": served.url, "token_env": "WATER_TOKEN"})
        assert served.asked == []
