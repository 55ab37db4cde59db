"""Ways of an endpoint: to its next page, and to be signed in to it. A real server that keeps the rules of each."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.base import ChannelFailed
from channels.registry import InvalidChannel, validate
from tests.channels.test_http import taken
from warehouse.settings import Settings

ROWS = [{"id": f"{number}"} for number in range(7)]
SIZE = 3
SECRET = "s3:cret word"


class Registry:
    """Rows by offset or by Link header, for who is signed in as `wants` says."""

    def __init__(self) -> None:
        self.wants = ""
        self.asked: list[dict[str, str]] = []
        self.tokens: list[dict[str, str]] = []
        self.ends_after = 100
        """Pages for which a token holds."""
        self.grants: Any = None
        """What the token's address answers in place of a token."""
        self.status, self.linked = 200, False
        outer, held = self, {"pages": 0}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                outer.asked.append(query)
                held["pages"] += 1
                if outer.wants and self.headers.get("Authorization", "") != outer.wants:
                    return self.send(401, {})
                if outer.tokens and held["pages"] > outer.ends_after:
                    return self.send(401, {})
                first = int(query.get("from", 0))
                more = first + SIZE < len(ROWS) and outer.linked
                link = f'</levels?from={first + SIZE}>; rel="next", </levels>; rel="first"' if more else ""
                return self.send(outer.status, ROWS[first : first + SIZE], link)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                told = {key: values[0] for key, values in form.items()}
                outer.tokens.append(told | {"authorization": self.headers.get("Authorization", "")})
                held["pages"] = 0
                outer.wants = f"Bearer t{len(outer.tokens)}"
                token = {"access_token": f"t{len(outer.tokens)}", "token_type": "Bearer", "expires_in": 3600}
                self.send(*(outer.grants or (200, token)))

            def send(self, status: int, body: Any, link: str = "") -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if link:
                    self.send_header("Link", link)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/levels"


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("HUB_TOKEN_WATER", SECRET)
    return {"user": "hub", "password_env": "HUB_TOKEN_WATER"}


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


EVERY = [row["id"] for row in ROWS]


class TestNextPage:
    def test_by_the_number_of_records(self, settings: Settings, registry: Registry) -> None:
        assert _ids(taken(settings, {"url": registry.url, "offset": "from"})) == EVERY
        assert [one["from"] for one in registry.asked] == ["0", "3", "6", "7"]
        assert "page" not in registry.asked[0]

    def test_by_the_link_header(self, settings: Settings, registry: Registry) -> None:
        registry.linked = True
        assert _ids(taken(settings, {"url": registry.url, "link": True})) == EVERY
        assert [one.get("from") for one in registry.asked] == [None, "3", "6"]

    @pytest.mark.parametrize("way", [{"offset": "from"}, {"link": True}])
    def test_it_goes_on_where_it_broke_off(self, settings: Settings, registry: Registry, way: dict[str, Any]) -> None:
        registry.linked, channel = True, {"url": registry.url, "attempts": 1, **way}
        whole = registry.server.RequestHandlerClass.do_GET  # type: ignore[attr-defined]

        def broken(handler: Any) -> None:
            if "from=3" in handler.path:
                return handler.send(500, {})
            return whole(handler)

        registry.server.RequestHandlerClass.do_GET = broken  # type: ignore[attr-defined]
        with pytest.raises(ChannelFailed):
            taken(settings, channel)
        registry.server.RequestHandlerClass.do_GET = whole  # type: ignore[attr-defined]
        registry.asked.clear()
        assert _ids(taken(settings, channel)) == EVERY
        assert [one.get("from", "0") for one in registry.asked][:3] == ["0", "3", "6"]

    def test_a_link_to_another_host_is_not_followed(self, settings: Settings, registry: Registry) -> None:
        registry.linked = True
        _links_to_the_other(registry)
        with pytest.raises(ChannelFailed, match="localhost"):
            taken(settings, {"url": registry.url.replace("127.0.0.1", "localhost"), "link": True})

    @pytest.mark.parametrize("both", [{"next": "n", "link": True}, {"next": "n", "offset": "o"}, {"offset": "o", "link": True}])
    def test_there_is_one_way(self, both: dict[str, Any]) -> None:
        with pytest.raises(InvalidChannel, match="next、offset、link"):
            validate("http", {"url": "http://h/", **both})


def _links_to_the_other(registry: Registry) -> None:
    """Its links name another host than the one that was asked."""
    whole = registry.server.RequestHandlerClass.send  # type: ignore[attr-defined]

    def send(handler: Any, status: int, body: Any, link: str = "") -> None:
        whole(handler, status, body, link.replace("</levels", f"<{registry.url}"))

    registry.server.RequestHandlerClass.send = send  # type: ignore[attr-defined]


class TestAccount:
    def test_basic(self, settings: Settings, registry: Registry, account: dict[str, str]) -> None:
        registry.wants = "Basic " + base64.b64encode(f"hub:{SECRET}".encode()).decode()
        assert _ids(taken(settings, {"url": registry.url, "offset": "from", **account})) == EVERY

    def test_a_key_in_a_header_of_its_own(
        self, settings: Settings, registry: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HUB_TOKEN_KEY", "k1")
        seen: list[str] = []
        whole = registry.server.RequestHandlerClass.do_GET  # type: ignore[attr-defined]

        def keyed(handler: Any) -> None:
            seen.append(handler.headers.get("X-Api-Key", ""))
            whole(handler)

        registry.server.RequestHandlerClass.do_GET = keyed  # type: ignore[attr-defined]
        taken(settings, {"url": registry.url, "offset": "from", "token_env": "HUB_TOKEN_KEY", "header": "X-Api-Key"})
        assert set(seen) == {"k1"}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"user": "hub"}, "user"),
            ({"user": "hub", "password_env": "A", "token_env": "B"}, "user"),
            ({"oauth_url": "http://h/token"}, "oauth_url"),
            ({"user": "hub", "password_env": "A", "oauth_url": "ftp://h/"}, "oauth_url"),
            ({"user": "hub", "password_env": "A", "oauth_url": "http://h/", "client_in": "cookie"}, "client_in"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, given: dict[str, str], field: str) -> None:
        with pytest.raises(InvalidChannel) as refused:
            validate("http", {"url": "http://h/", **given})
        assert set(refused.value.faults) == {field}


class TestClientCredentials:
    """OAuth 2.0 (RFC 6749, 4.4)."""

    def _channel(self, registry: Registry, account: dict[str, str], **more: Any) -> dict[str, Any]:
        return {"url": registry.url, "offset": "from", "oauth_url": registry.url + "/token", **account, **more}

    def test_a_token_is_asked_for_once(self, settings: Settings, registry: Registry, account: dict[str, str]) -> None:
        assert _ids(taken(settings, self._channel(registry, account, oauth_scope="water"))) == EVERY
        [asked] = registry.tokens
        assert (asked["grant_type"], asked["scope"]) == ("client_credentials", "water")
        assert base64.b64decode(asked["authorization"].removeprefix("Basic ")).decode() == "hub:s3%3Acret+word"
        assert "client_secret" not in asked

    def test_the_client_may_be_named_in_the_form(self, settings: Settings, registry: Registry, account: dict[str, str]) -> None:
        taken(settings, self._channel(registry, account, client_in="form"))
        [asked] = registry.tokens
        assert (asked["client_id"], asked["client_secret"], asked["authorization"]) == ("hub", SECRET, "")

    def test_one_that_expires_under_way_is_asked_for_anew(
        self, settings: Settings, registry: Registry, account: dict[str, str]
    ) -> None:
        registry.ends_after = 2
        assert _ids(taken(settings, self._channel(registry, account, attempts=1))) == EVERY
        assert len(registry.tokens) == 2

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ((401, {"error": "invalid_client"}), "HTTP 401"),
            ((200, {"token_type": "Bearer"}), "gives no token"),
            ((200, b"<html>"), "gives no token"),
            ((200, {"access_token": "a\r\nX: y"}), "gives no token"),
            ((200, b"[" * 100_000), "gives no token"),
        ],
    )
    def test_without_a_token_nothing_is_asked(
        self, settings: Settings, registry: Registry, account: dict[str, str], answer: Any, said: str
    ) -> None:
        registry.grants = answer
        with pytest.raises(ChannelFailed) as failed:
            taken(settings, self._channel(registry, account))
        assert said in failed.value.message_en
        assert SECRET not in failed.value.message_en + failed.value.message
        assert registry.asked == []
