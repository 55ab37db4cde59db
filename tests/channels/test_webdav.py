"""Files over HTTP and WebDAV: gone on with where the tag is the same, no redirect elsewhere, foreign XML that is harmless."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from channels.multistatus import Listing, NoListing
from tests.channels.conftest import Mouth, eaten, opened, refused
from warehouse.settings import Settings

CSV = b"id\n" + b"1\n" * 100


@dataclass
class Answer:
    """`cut_after`: bytes of the body after which the connection breaks off."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


Script = Callable[[str, str, Mapping[str, str]], Answer]


class Scripted:
    """An HTTP server that answers as the test says: from method, path and headers."""

    def __init__(self) -> None:
        self.script: Script = lambda method, path, headers: Answer(CSV, headers={"ETag": '"1"'})
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                scripted.asked.append((self.command, self.path, dict(self.headers)))
                answer = scripted.script(self.command, self.path, self.headers)
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.cut_after])

            do_HEAD = do_PROPFIND = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.asked]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Scripted]:
    running = Scripted()
    yield running
    running.close()


@pytest.fixture
def channel(server: Scripted, settings: Settings) -> dict[str, Any]:
    secret = settings.root / "secrets" / "token"
    secret.parent.mkdir(parents=True)
    secret.write_text("genuine\n", encoding="utf-8")
    url = f"{server.url}/out/a.csv?year=2026"
    return {"kind": "webdav", "url": url, "token_file": "secrets/token", "settle_seconds": 0, "backoff": 0, "timeout": 5}


class TestOneFile:
    def test_it_comes_once_and_changed_again(self, server: Scripted, settings: Settings, channel: dict[str, Any]) -> None:
        assert eaten(settings, channel).names == ["a.csv"]
        assert eaten(settings, channel).names == []
        assert server.methods() == ["HEAD", "GET", "HEAD", "HEAD"]
        server.script = lambda method, path, headers: Answer(CSV, headers={"ETag": '"2"'})
        assert eaten(settings, channel).names == ["a.csv"]
        assert server.asked[0][2]["Authorization"] == "Bearer genuine"

    def test_one_without_tag_and_time_is_looked_into_each_time(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        server.script = lambda method, path, headers: Answer(CSV)
        assert [eaten(settings, channel | {"settle_seconds": 0.01}).names for _ in range(2)] == [["a.csv"], ["a.csv"]]

    def test_a_server_that_knows_no_head_is_asked_for_the_beginning(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        server.script = lambda method, path, headers: (
            Answer(status=405) if method == "HEAD" else Answer(CSV, headers={"Last-Modified": "Sun, 29 Nov 2026 04:00:00 GMT"})
        )
        assert [eaten(settings, channel).names for _ in range(2)] == [["a.csv"], []]

    def test_a_pointer_of_git_lfs_is_told(self, server: Scripted, settings: Settings, channel: dict[str, Any]) -> None:
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 4294967\n"
        assert 120 < len(pointer) < 140
        server.script = lambda method, path, headers: Answer(pointer, headers={"ETag": '"1"'})
        mouth = eaten(settings, channel)
        assert mouth.names == []
        assert "Git LFS" in mouth.told[0].message_en

    def test_a_busy_server_is_asked_again(self, server: Scripted, settings: Settings, channel: dict[str, Any]) -> None:
        server.script = lambda method, path, headers: (
            Answer(status=503) if len(server.asked) < 3 else Answer(CSV, headers={"ETag": '"1"'})
        )
        assert eaten(settings, channel).names == ["a.csv"]

    def test_one_that_is_packed_on_the_way_is_not_taken_for_the_file(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        server.script = lambda method, path, headers: Answer(CSV, headers={"ETag": '"1"', "Content-Encoding": "gzip"})
        assert "Content-Encoding: gzip" in eaten(settings, channel).told[0].message_en

    @pytest.mark.parametrize(
        ("status", "said"), [(401, "not accepted"), (403, "may not be read"), (404, "no such"), (500, "500")]
    )
    def test_what_a_server_says_is_told_in_words(
        self, server: Scripted, settings: Settings, channel: dict[str, Any], status: int, said: str
    ) -> None:
        server.script = lambda method, path, headers: Answer(status=status)
        assert said in refused(settings, channel | {"attempts": 1})


class TestBrokenOff:
    def broken(self, server: Scripted, then: Callable[[int], Answer]) -> None:
        """The first answer breaks off after 50 bytes; what follows it, from where it is asked for."""

        def script(method: str, path: str, headers: Mapping[str, str]) -> Answer:
            if method == "HEAD" or "Range" not in headers:
                return Answer(CSV, headers={"ETag": '"1"'}, cut_after=50)
            assert headers["If-Range"] == '"1"'
            return then(int(headers["Range"].removeprefix("bytes=").rstrip("-")))

        server.script = script

    def test_it_is_gone_on_with_where_the_tag_is_the_same(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        self.broken(server, lambda at: Answer(CSV[at:], 206, {"ETag": '"1"', "Content-Range": f"bytes {at}-202/203"}))
        mouth = eaten(settings, channel)
        assert (mouth.names, mouth.bytes) == (["a.csv"], len(CSV))
        assert server.methods() == ["HEAD", "GET", "GET", "HEAD"]

    def test_a_server_that_knows_no_ranges_sends_it_whole_and_nothing_comes_twice(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        self.broken(server, lambda at: Answer(CSV, headers={"ETag": '"1"'}))
        mouth = eaten(settings, channel)
        assert (mouth.names, mouth.bytes) == (["a.csv"], len(CSV))

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            (200, {"ETag": '"2"'}),
            (206, {"ETag": '"2"', "Content-Range": "bytes 50-202/203"}),
            (206, {"ETag": '"1"', "Content-Range": "bytes 0-152/203"}),
            (416, {}),
        ],
    )
    def test_another_file_is_not_joined_to_it(
        self, server: Scripted, settings: Settings, channel: dict[str, Any], status: int, headers: Mapping[str, str]
    ) -> None:
        self.broken(server, lambda at: Answer(CSV[at:] if status == 206 else CSV, status, headers))
        mouth = eaten(settings, channel)
        assert mouth.names == []
        assert "changed" in mouth.told[0].message_en

    def test_without_a_tag_it_is_not_gone_on_with(self, server: Scripted, settings: Settings, channel: dict[str, Any]) -> None:
        server.script = lambda method, path, headers: Answer(CSV, headers={"ETag": 'W/"1"'}, cut_after=50)
        mouth = eaten(settings, channel)
        assert mouth.names == []
        assert "broke off" in mouth.told[0].message_en
        assert server.methods() == ["HEAD", "GET"]


class TestRedirects:
    def test_no_token_goes_to_another_host(self, server: Scripted, settings: Settings, channel: dict[str, Any]) -> None:
        other = Scripted()
        server.script = lambda method, path, headers: Answer(status=302, headers={"Location": f"{other.url}/a.csv"})
        said = refused(settings, channel)
        other.close()
        assert "not followed" in said
        assert other.asked == []

    def test_within_the_host_it_is_followed_but_not_for_ever(
        self, server: Scripted, settings: Settings, channel: dict[str, Any]
    ) -> None:
        server.script = lambda method, path, headers: (
            Answer(status=307, headers={"Location": "/there/b.csv"})
            if path.startswith("/out/")
            else Answer(CSV, headers={"ETag": '"1"'})
        )
        assert eaten(settings, channel).names == ["a.csv"]
        server.script = lambda method, path, headers: Answer(status=302, headers={"Location": "/out/a.csv"})
        assert "302" in refused(settings, channel)


def listing(*members: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<D:multistatus xmlns:D="DAV:">{"".join(members)}</D:multistatus>'.encode()


def member(href: str, size: str = "203", kind: str = "") -> str:
    properties = (
        f'<D:resourcetype>{kind}</D:resourcetype><D:getcontentlength>{size}</D:getcontentlength><D:getetag>"1"</D:getetag>'
    )
    status = "<D:status>HTTP/1.1 200 OK</D:status>"
    return f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{properties}</D:prop>{status}</D:propstat></D:response>"


class TestFolder:
    @pytest.fixture
    def folder(self, server: Scripted, channel: dict[str, Any]) -> dict[str, Any]:
        return channel | {"url": f"{server.url}/out/"}

    def serve(self, server: Scripted, *members: str, head: str = "") -> None:
        answer = Answer(listing(*members, head=head), 207)
        one = Answer(listing(member("/out/a.csv")), 207)
        server.script = lambda method, path, headers: (
            Answer(CSV, headers={"ETag": '"1"'}) if method == "GET" else one if headers["Depth"] == "0" else answer
        )

    def test_its_files_come_and_what_does_not_is_shown(
        self, server: Scripted, settings: Settings, folder: dict[str, Any]
    ) -> None:
        collections = [member(f"/out/{name}", kind="<D:collection/>") for name in ("", "2026/")]
        self.serve(server, *collections, member("/out/a.csv"), member("/out/b.csv", size="0"), member("/out/%2e%2e"),
                   member("/out/x%2Fy"))  # fmt: skip
        shown = {one["name"]: one.get("passed_over_en", "") for one in opened(settings, folder).peek(10).entries}
        assert set(shown) == {"a.csv", "2026", "b.csv", "x/y"}
        assert "no plain file" in shown["x/y"]
        assert eaten(settings, folder).names == ["a.csv"]
        assert [path for method, path, _ in server.asked if method == "GET"] == ["/out/a.csv"]

    def test_addresses_with_another_host_are_asked_of_this_one(
        self, server: Scripted, settings: Settings, folder: dict[str, Any]
    ) -> None:
        self.serve(server, member("http://169.254.169.254/out/a.csv"))
        assert eaten(settings, folder).names == ["a.csv"]

    def test_what_lies_elsewhere_is_no_listing_of_it(
        self, server: Scripted, settings: Settings, folder: dict[str, Any]
    ) -> None:
        self.serve(server, member("/secret/a.csv"))
        assert "/secret/a.csv" in refused(settings, folder)

    @pytest.mark.parametrize(
        "answer",
        [Answer(b"<html>", 200), Answer(status=405), Answer(b"<html/>", 207), Answer(b"", 207), Answer(listing()[:-3], 207)],
    )
    def test_what_is_no_webdav_is_told(
        self, server: Scripted, settings: Settings, folder: dict[str, Any], answer: Answer
    ) -> None:
        server.script = lambda method, path, headers: answer
        assert "ends in /" in refused(settings, folder)

    def test_one_that_changes_meanwhile_is_not_received(
        self, server: Scripted, settings: Settings, folder: dict[str, Any]
    ) -> None:
        self.serve(server, member("/out/a.csv"))
        before = server.script
        changed = Answer(listing(member("/out/a.csv", size="999")), 207)
        server.script = lambda method, path, headers: changed if headers.get("Depth") == "0" else before(method, path, headers)
        mouth = eaten(settings, folder, Mouth())
        assert mouth.names == []
        assert "changed" in mouth.told[0].message_en


def whole(document: bytes) -> None:
    read = Listing()
    read.read(document)
    read.end()


class TestForeignXml:
    @pytest.mark.parametrize(
        "document",
        [
            listing(member("/a"), head='<!DOCTYPE x [<!ENTITY e "boom">]>'),
            listing(member("&e;"), head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
            listing(member("/a"), head='<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">'),
            listing("<a>" * 100_000),
            listing(member("/" + "a" * 100_000)),
            b"\xff\xfe\x00",
        ],
        ids=["entity", "external", "dtd", "deep", "long", "bytes"],
    )
    def test_what_could_do_harm_is_refused(self, document: bytes) -> None:
        with pytest.raises(NoListing):
            whole(document)

    def test_members_come_as_the_bytes_do(self) -> None:
        read, document = Listing(), listing(*(member(f"/out/{number}") for number in range(50)))
        pieces = [document[at : at + 7] for at in range(0, len(document), 7)]
        found = [[one.href for one in read.read(piece)] for piece in pieces]
        read.end()
        assert [href for some in found for href in some] == [f"/out/{number}" for number in range(50)]
        assert max(map(len, found)) == 1
