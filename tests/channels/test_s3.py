"""An S3 store: its own account alone, objects below one prefix, whole, each once and changed ones again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from channels.registry import validate
from channels.s3 import S3Settings, S3Shelf
from tests.channels.conftest import Mouth, eaten, opened, refused
from tests.channels.s3_server import BUCKET, S3Server
from warehouse.settings import Settings


@pytest.fixture
def server() -> Iterator[S3Server]:
    running = S3Server()
    yield running
    running.close()


@pytest.fixture
def channel(server: S3Server, settings: Settings) -> dict[str, Any]:
    secret = settings.root / "secrets" / "water"
    secret.parent.mkdir(parents=True)
    secret.write_text(server.secret, encoding="utf-8")
    return {
        "kind": "s3", "endpoint": server.endpoint, "allow_http": True, "bucket": BUCKET, "prefix": "out", "user": server.user,
        "password_file": "secrets/water", "pattern": "*.csv", "attempts": 1, "timeout": 5,
    }  # fmt: skip


class TestAccount:
    def test_variables_of_the_process_have_no_say(
        self, server: S3Server, settings: Settings, channel: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.put("out/a.csv", b"1")
        for name, value in {
            "ACCESS_KEY_ID": "env",
            "SESSION_TOKEN": "env",
            "SKIP_SIGNATURE": "true",
            "ENDPOINT": "http://x",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert eaten(settings, channel).names == ["a.csv"]

    def test_nobody_borrows_the_process_s_keys(
        self, server: S3Server, settings: Settings, channel: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.user)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret)
        assert "cannot be read" in refused(settings, channel | {"user": "", "password_file": ""})

    def test_an_account_that_is_not_known_is_told_apart_from_one_without_rights(
        self, settings: Settings, channel: dict[str, Any]
    ) -> None:
        said = refused(settings, channel | {"user": "AKIANOBODY"})
        assert "InvalidAccessKeyId" in said
        assert "check user" in said


class TestObjects:
    def test_those_below_the_prefix_come_at_any_depth(
        self, server: S3Server, settings: Settings, channel: dict[str, Any]
    ) -> None:
        for key in ("out/a.csv", "out/2026/11/b.csv", "outer/c.csv", "d.csv", "out/.tmp/e.csv", "out/f.csv.part", "out/g.txt"):
            server.put(key, b"1")
        server.put("out/", b"")
        server.put("out/empty/", b"")
        shown = opened(settings, channel).peek(10)
        assert [one["name"] for one in shown.entries] == ["2026/11/b.csv", "a.csv", "empty", "g.txt"]
        assert eaten(settings, channel).names == ["2026/11/b.csv", "a.csv"]

    def test_what_was_written_over_comes_again_and_so_does_what_it_was_before(
        self, server: S3Server, settings: Settings, channel: dict[str, Any]
    ) -> None:
        marks = set()
        for content in (b"a", b"b", b"c"):
            server.put("out/a.csv", content)
            (arrival,) = eaten(settings, channel).arrivals
            marks.add(arrival.mark)
        assert len(marks) == 3
        assert eaten(settings, channel).names == []

    def test_one_that_is_written_over_meanwhile_is_not_mixed(
        self, server: S3Server, settings: Settings, channel: dict[str, Any]
    ) -> None:
        server.put("out/a.csv", b"old")
        mouth = eaten(settings, channel, Mouth(before=lambda _: server.put("out/a.csv", b"new")))
        assert mouth.names == []
        assert "changed" in mouth.told[0].message_en
        assert eaten(settings, channel).names == ["a.csv"]

    def test_a_listing_has_pages(self, server: S3Server, settings: Settings, channel: dict[str, Any]) -> None:
        for number in range(2100):
            server.put(f"out/{number:05}.txt", b"1")
        server.put("out/z.csv", b"1")
        assert eaten(settings, channel).names == ["z.csv"]

    def test_a_pointer_of_git_lfs_is_no_file(self, server: S3Server, settings: Settings, channel: dict[str, Any]) -> None:
        server.put("out/a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")
        assert "Git LFS" in eaten(settings, channel).told[0].message

    def test_a_key_that_no_path_can_name_is_told(self, server: S3Server, settings: Settings, channel: dict[str, Any]) -> None:
        server.put("out/a//b.csv", b"1")
        assert "a name there cannot be used" in refused(settings, channel)


class TestStore:
    def test_one_that_is_away_or_silent_or_has_no_such_bucket_is_told(
        self, settings: Settings, channel: dict[str, Any]
    ) -> None:
        assert "cannot be reached" in refused(settings, channel | {"endpoint": "http://127.0.0.1:9"})
        assert "no such" in refused(settings, channel | {"bucket": "nobody"})
        with socket.create_server(("127.0.0.1", 0)) as mute:
            address = f"http://127.0.0.1:{mute.getsockname()[1]}"
            assert "silent" in refused(settings, channel | {"endpoint": address, "timeout": 0.3})

    def test_a_bucket_may_be_part_of_the_host_s_name(self, settings: Settings) -> None:
        given = validate("s3", {"endpoint": "https://oss.example.org", "bucket": "water", "path_style": False})
        assert isinstance(given, S3Settings)
        shelf = S3Shelf(given, settings.root, 60)
        shelf.run(shelf.connect)
        assert shelf.store.config["endpoint"] == "https://water.oss.example.org"
        shelf.close()
