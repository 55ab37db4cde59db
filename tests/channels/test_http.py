"""A department's endpoint, played by a real HTTP server: pages, token, retries, resuming, digits."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.base import ChannelFailed, OutOfTime
from channels.registry import InvalidChannel
from orchestration.collect import RunTime
from tests.channels.conftest import collected, opened
from warehouse.readers import pages
from warehouse.settings import Settings

Answer = tuple[int, Any]


class Department:
    """A server that answers with what the test says, and remembers what it was asked."""

    def __init__(self, answer: Callable[[dict[str, str], int], Answer]) -> None:
        self.asked: list[dict[str, str]] = []
        self.tokens: list[str] = []
        self.gone = "/never"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                outer.asked.append(query)
                outer.tokens.append(self.headers.get("Authorization", ""))
                status, body = answer(query, len(outer.asked)) if outer.gone not in self.path else (410, {})
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
    channel = {"kind": "http", "backoff": 0.01, **channel}
    tray, rows = collected(settings, channel), list[dict[str, Any]]()
    for arrival in tray.arrivals:
        assert isinstance(arrival.content, Path)
        rows += [json.loads(line) for line in arrival.content.read_text(encoding="utf-8").splitlines()]
    opened(settings, channel).acknowledge(tray.received)
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
        assert taken(settings, {"url": department(lambda query, n: (200, [])).url}) == []

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
        assert [query.get("page") for query in served.asked] == [None, "2", "3"]  # the last one again: has the list moved?

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
        with pytest.raises(InvalidChannel, match="pagesize"):
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


class Raw:
    """A server that sends what the test says, byte by byte."""

    def __init__(self, serve: Callable[[socket.socket, str], None]) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.asked: list[str] = []
        self.serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/api/levels"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            request = client.recv(65536).decode()
            self.asked.append(request.split(" ", 2)[1])
            self.serve(client, request)


@pytest.fixture
def raw() -> Iterator[Callable[..., Raw]]:
    opened: list[Raw] = []

    def open_(serve: Callable[[socket.socket, str], None]) -> Raw:
        opened.append(Raw(serve))
        return opened[-1]

    yield open_
    for one in opened:
        one.listening.close()


BROKEN_GZIP = gzip.compress(b"[]")[:10] + b"\xff" * 20
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class TestLimits:
    @pytest.mark.parametrize("where", ["head", "body"])
    def test_a_drip_ends_by_the_limit_of_a_page(self, settings: Settings, raw: Any, where: str) -> None:
        """50 bytes every while keep every wait between two bytes short; only the whole counts."""

        def drip(client: socket.socket, request: str) -> None:
            client.sendall(OK + (b"Content-Length: 100000\r\n\r\n" if where == "body" else b"X-Slow: "))
            while True:
                client.sendall(b" " * 50)
                time.sleep(0.05)

        served = raw(drip)
        with pytest.raises(ChannelFailed, match="1 秒内"):
            taken(settings, {"url": served.url, "page_seconds": 1, "timeout": 30})
        assert len(served.asked) == 1  # a page that does not come whole is not asked for five times

    def test_a_fetch_has_a_limit_over_all_its_pages_and_goes_on_later(self, settings: Settings, department: Any) -> None:
        def answer(query: dict[str, str], n: int) -> Answer:
            time.sleep(0.4 if n <= 3 else 0)
            return paged(ROWS, 1)(query, n)

        served = department(answer)
        channel = {"url": served.url, "records": "data.items", "next": "data.next"}
        with pytest.raises(ChannelFailed):
            taken(settings, {**channel, "fetch_seconds": 1})
        assert len(taken(settings, channel)) == 7

    @pytest.mark.parametrize("limit", ["page_bytes", "fetch_bytes"])
    def test_more_bytes_than_agreed_are_not_taken(self, settings: Settings, raw: Any, limit: str) -> None:
        bomb = gzip.compress(b'[{"a": "' + b"0" * 5_000_000 + b'"}]')
        head = OK + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(bomb)).encode() + b"\r\n\r\n"
        served = raw(lambda client, request: client.sendall(head + bomb))
        with pytest.raises(ChannelFailed, match=limit):
            taken(settings, {"url": served.url, limit: 1_000_000})

    def test_a_run_has_a_limit_after_which_it_asks_nobody(self) -> None:
        run_time = RunTime(0.2)
        assert run_time.left() > 0
        time.sleep(0.3)
        with pytest.raises(OutOfTime, match="HUB_RUN_FETCH_SECONDS"):
            run_time.left()

    def test_what_is_left_of_the_run_limits_a_fetch(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (time.sleep(0.4), (200, ROWS))[1])
        with pytest.raises(ChannelFailed):
            collected(settings, {"kind": "http", "url": served.url}, seconds=1)


class TestPeek:
    def test_shows_the_first_records_and_takes_nothing(self, settings: Settings, department: Any) -> None:
        served = department(paged(ROWS, 5))
        channel = {"kind": "http", "url": served.url, "records": "data.items", "next": "data.next"}
        glimpse = opened(settings, channel).peek(2)
        assert (list(glimpse.entries), glimpse.more) == ([{"id": "0"}, {"id": "1"}], True)
        assert len(served.asked) == 1
        assert not list((settings.root / "routes" / "XY-1").iterdir())

    def test_says_why_it_sees_nothing(self, settings: Settings, department: Any) -> None:
        with pytest.raises(ChannelFailed, match="401"):
            opened(settings, {"kind": "http", "url": department(lambda query, n: (401, {})).url}).peek(2)


class TestAnswers:
    """What is no page of records is told in words."""

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (OK + b"Content-Length: 100\r\n\r\n[{", "断开"),
            (OK + b"Content-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + BROKEN_GZIP, "压缩数据损坏"),
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>log in</html> ", "网页"),
            (OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 200_000, "嵌套过深"),
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        ],
        ids=["cut", "gzip", "html", "deep", "404"],
    )
    def test_is_said_in_words(self, settings: Settings, raw: Any, answer: bytes, words: str) -> None:
        served = raw(lambda client, request: client.sendall(answer))
        with pytest.raises(ChannelFailed, match=words) as raised:
            taken(settings, {"url": served.url, "attempts": 1})
        assert "recursion" not in raised.value.message_en

    def test_half_characters_stay_escaped(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, b'[{"a": "\\udc92"}]' if n == 1 else []))
        assert taken(settings, {"url": served.url}) == [{"a": "\udc92"}]

    def test_a_channel_without_address_and_a_token_file_that_is_not_there(self, settings: Settings) -> None:
        with pytest.raises(InvalidChannel, match="url"):
            taken(settings, {})
        with pytest.raises(ChannelFailed, match="nowhere"):
            taken(settings, {"url": "http://127.0.0.1:1/", "token_file": "/nowhere/token"})


def packed(*parts: tuple[bytes, int], coding: str = "gzip") -> bytes:
    """An answer with a packed body: each part as many times as told, never whole in memory."""
    packer = zlib.compressobj(wbits=31)
    data = b"".join(packer.compress(part * min(1000, times - done)) for part, times in parts for done in range(0, times, 1000))
    data += packer.flush()
    return OK + f"Content-Encoding: {coding}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def once(*parts: bytes) -> tuple[tuple[bytes, int], ...]:
    return tuple((part, 1) for part in parts)


class TestForeignPages:
    """Pages are unpacked and parsed in a process of their own, which dies alone."""

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            (((b"[", 1), (b"{},", 10_000_000), (b"{}]", 1)), "内存"),
            (((b"[", 1), (b"0" * 1000, 400_000), (b"]", 1)), "page_bytes"),
            (((b"[", 200_000), (b"]", 200_000)), "嵌套过深"),
            (((b'{"a":', 80_000), (b"1", 1), (b"}", 80_000)), "嵌套过深"),
        ],
        ids=["millions of records", "bomb", "deep", "deep objects"],
    )
    def test_one_that_bursts_takes_nothing_of_ours(self, tmp_path: Path, raw: Any, parts: Any, words: str) -> None:
        answer = packed(*parts)
        served = raw(lambda client, request: client.sendall(answer))
        small = Settings(home=tmp_path, reading_memory="200MB")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ChannelFailed, match=words):
            taken(small, {"url": served.url, "attempts": 1})
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KB
        assert not list((small.root / "routes" / "XY-1").glob("page.*"))

    def test_is_never_parsed_here(self, settings: Settings, department: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        served = department(paged(ROWS, 3))

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError("a page was read in this process")

        monkeypatch.setattr(pages, "read", refuse)
        assert len(taken(settings, {"url": served.url, "records": "data.items", "next": "data.next"})) == 7

    def test_a_coding_that_was_not_asked_for_is_told(self, settings: Settings, raw: Any) -> None:
        served = raw(lambda client, request: client.sendall(packed(*once(b"[]"), coding="br")))
        with pytest.raises(ChannelFailed, match="br"):
            taken(settings, {"url": served.url, "attempts": 1})

    def test_packed_pages_are_read(self, settings: Settings, raw: Any) -> None:
        served = raw(lambda client, request: client.sendall(packed(*once(b'[{"id": 1}]'))))
        assert taken(settings, {"url": served.url, "page": "p", "page_size": 5}) == [{"id": "1"}]

    def test_an_endless_next_address_is_refused(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, {"items": ROWS, "next": "/x" + "y" * 100_000}))
        with pytest.raises(ChannelFailed, match="下一页"):
            taken(settings, {"url": served.url, "records": "items", "next": "next"})


class TestGoingOn:
    """A fetch that broke off goes on only where the list, the channel and the file are what they were."""

    def broken(self, settings: Settings, department: Any, **more: Any) -> tuple[Any, dict[str, Any], list[Any]]:
        held, down = list(ROWS), [True]

        def answer(query: dict[str, str], n: int) -> Answer:
            if down[0] and query.get("page") == "3":
                return 404, {}
            return paged(held, 2)(query, n)

        served = department(answer)
        channel = {"url": served.url, "records": "data.items", **more}
        with pytest.raises(ChannelFailed, match="404"):
            taken(settings, channel)
        down[0] = False
        served.asked.clear()
        return served, channel, held

    def test_a_list_that_moved_is_asked_for_anew(self, settings: Settings, department: Any) -> None:
        """Pages 1 and 2 were there; then two rows went: page 3 begins two rows later, and they would be missing."""
        _, channel, held = self.broken(settings, department)
        del held[:2]
        assert [row["id"] for row in taken(settings, channel)] == [row_id(row) for row in held]

    def test_an_unchanged_list_is_not(self, settings: Settings, department: Any) -> None:
        served, channel, _ = self.broken(settings, department)
        assert len(taken(settings, channel)) == 7
        assert [query["page"] for query in served.asked] == ["2", "3", "4", "5"]

    def test_other_settings_ask_for_another_list(self, settings: Settings, department: Any) -> None:
        served, channel, _ = self.broken(settings, department)
        taken(settings, {**channel, "url": channel["url"] + "?city=2308"})
        assert served.asked[0] == {"page": "1", "city": "2308"}

    @pytest.mark.parametrize("harm", ["cut", "state", "old"])
    def test_a_half_written_or_old_one_begins_anew(self, settings: Settings, department: Any, harm: str) -> None:
        served, channel, _ = self.broken(settings, department)
        folder = settings.root / "routes" / "XY-1"
        state = folder / "progress.json"
        if harm == "cut":
            file = folder / "records.ndjson"
            file.write_bytes(file.read_bytes().replace(b"\n", b" ", 1))
        elif harm == "state":
            state.write_text(state.read_text()[:20])
        else:
            state.write_text(json.dumps({**json.loads(state.read_text()), "began": "2020-01-01T00:00:00+00:00"}))
        assert [row["id"] for row in taken(settings, channel)] == [row_id(row) for row in ROWS]
        assert served.asked[0]["page"] == "1"

    def test_a_dead_address_begins_anew(self, settings: Settings, department: Any) -> None:
        """The cursor of the broken fetch is refused when it is used again."""
        served, channel, _ = self.broken(settings, department, next="data.next")
        state = settings.root / "routes" / "XY-1" / "progress.json"
        state.write_text(json.dumps({**json.loads(state.read_text()), "url": served.url + "/gone?page=9"}))
        served.gone = "/gone"
        assert [row["id"] for row in taken(settings, channel)] == [row_id(row) for row in ROWS]
        assert [query["page"] for query in served.asked if "page" in query][:2] == ["2", "9"]

    def test_fewer_than_the_source_says_are_not_taken(self, settings: Settings, department: Any) -> None:
        served = department(lambda query, n: (200, {"items": ROWS[:3] if query["page"] == "1" else [], "total": 500}))
        with pytest.raises(ChannelFailed, match="500") as raised:
            taken(settings, {"url": served.url, "records": "items", "total": "total"})
        assert "3 came" in raised.value.message_en
        assert [query["page"] for query in served.asked] == ["1", "2", "1", "2"]

    def test_a_list_that_grows_under_way_is_asked_for_once_more(self, settings: Settings, department: Any) -> None:
        def answer(query: dict[str, str], n: int) -> Answer:
            held = ROWS if n > 1 else ROWS[:5]
            return paged(held, 3)(query, n)

        served = department(answer)
        rows = taken(settings, {"url": served.url, "records": "data.items", "total": "data.total"})
        assert [row["id"] for row in rows] == [row_id(row) for row in ROWS]


def row_id(row: dict[str, int]) -> str:
    return str(row["id"])
