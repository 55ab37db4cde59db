"""An SFTP folder: a pinned key, no help from the process's own account, whole files, limits that hold."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from channels.base import ChannelFailed
from channels.registry import InvalidChannel
from tests.channels.conftest import Mouth, eaten, opened, refused
from tests.channels.sftp_server import SftpServer
from warehouse.settings import Settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    place = tmp_path / "served"
    place.mkdir()
    running = SftpServer(place)
    yield running
    running.close()


@pytest.fixture
def channel(server: SftpServer, settings: Settings) -> dict[str, Any]:
    secret = settings.root / "secrets" / "water"
    secret.parent.mkdir(parents=True)
    secret.write_text("genuine\n", encoding="utf-8")
    return {
        "kind": "sftp", "host": "127.0.0.1", "port": server.port, "fingerprint": server.fingerprint, "user": "hub",
        "password_file": "secrets/water", "folder": "/", "pattern": "*.csv", "settle_seconds": 0,
    }  # fmt: skip


def put(server: SftpServer, name: str, content: bytes = b"id\n1\n", at: float = 1.7e9) -> Path:
    file = server.place / name
    file.write_bytes(content)
    os.utime(file, (at, at))
    return file


class TestHostKey:
    def test_another_key_is_refused_with_both_told_and_nobody_logs_in(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        put(server, "a.csv")
        assert eaten(settings, channel).names == ["a.csv"]
        server.logins.clear()
        server.show(asyncssh.generate_private_key("ssh-ed25519"))
        said = refused(settings, channel)
        assert channel["fingerprint"] in said
        assert server.fingerprint in said
        assert server.logins == []

    def test_the_whole_key_chooses_among_those_that_a_server_has(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        put(server, "a.csv")
        rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
        server.show(asyncssh.generate_private_key("ssh-ed25519"), rsa)
        line = rsa.export_public_key().decode()
        assert eaten(settings, channel | {"fingerprint": line}).names == ["a.csv"]
        server.show(asyncssh.generate_private_key("ssh-ed25519"))
        said = refused(settings, channel | {"fingerprint": line})
        assert rsa.get_fingerprint() in said
        assert server.fingerprint in said

    def test_known_hosts_of_the_machine_vouch_for_nobody(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".ssh").mkdir()
        key = server.host_keys[0].export_public_key().decode()
        (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {key}", encoding="utf-8")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert server.fingerprint in refused(settings, channel | {"fingerprint": "SHA256:" + "A" * 43})

    @pytest.mark.parametrize("pinned", ["-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-dss AAAA", "SHA256:abc", "any"])
    def test_what_pins_nothing_is_refused(self, settings: Settings, channel: dict[str, Any], pinned: str) -> None:
        with pytest.raises(InvalidChannel, match="fingerprint"):
            opened(settings, channel | {"fingerprint": pinned})


class TestAccount:
    @pytest.mark.filterwarnings("ignore:.*round")
    def test_a_private_key_opens_it_its_passphrase_beside_it(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        put(server, "a.csv")
        server.key = asyncssh.generate_private_key("ssh-ed25519")
        key = channel | {"key_file": "secrets/key"}
        with pytest.raises(ChannelFailed, match="secrets/key"):
            eaten(settings, key)
        server.key.write_private_key(str(settings.root / "secrets" / "key"), passphrase="genuine", rounds=1)
        assert eaten(settings, key).names == ["a.csv"]
        (settings.root / "secrets" / "water").write_text("another", encoding="utf-8")
        with pytest.raises(ChannelFailed, match="私钥"):
            eaten(settings, key)

    def test_keys_and_configuration_of_the_process_are_not_asked(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.key = asyncssh.generate_private_key("ssh-ed25519")
        (tmp_path / ".ssh").mkdir()
        server.key.write_private_key(str(tmp_path / ".ssh" / "id_ed25519"))
        (tmp_path / ".ssh" / "config").write_text("Host *\n  User root\n  Port 1\n", encoding="utf-8")
        monkeypatch.setenv("HOME", str(tmp_path))
        server.password = "another"
        assert "Permission denied" in refused(settings, channel)
        assert set(server.logins) == {"hub"}

    def test_a_missing_secret_says_where_it_should_be(self, settings: Settings, channel: dict[str, Any]) -> None:
        with pytest.raises(ChannelFailed, match="HUB_TOKEN_NONE"):
            eaten(settings, channel | {"password_file": "", "password_env": "HUB_TOKEN_NONE"})


class TestFiles:
    def test_a_file_comes_once_and_changed_again_whatever_the_clocks_say(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        put(server, "a.csv", at=4.1e9)  # in 2099
        put(server, "b.csv", at=0)
        assert eaten(settings, channel).names == ["a.csv", "b.csv"]
        assert eaten(settings, channel).names == []
        put(server, "a.csv", at=1.6e9)
        assert eaten(settings, channel).names == ["a.csv"]

    def test_what_changes_between_two_looks_is_left(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(server, "whole.csv")
        put(server, "growing.csv")
        monkeypatch.setattr("channels.shelf.time.sleep", lambda seconds: put(server, "growing.csv", b"id\n1\n2\n"))
        assert eaten(settings, channel | {"settle_seconds": 5}).names == ["whole.csv"]

    def test_what_is_not_taken_is_shown_with_why(self, server: SftpServer, settings: Settings, channel: dict[str, Any]) -> None:
        put(server, "a.csv")
        put(server, "empty.csv", b"")
        put(server, "notes.txt")
        put(server, "half.csv.part")
        put(server, ".hidden.csv")
        (server.place / "2026").mkdir()
        (server.place / "link.csv").symlink_to("/etc/passwd")
        shown = opened(settings, channel).peek(10)
        assert shown.entries[0] == {"name": "a.csv", "bytes": "5"}
        why = {one["name"]: one["passed_over_en"] for one in shown.entries[1:]}
        assert set(why) == {"2026", "empty.csv", "link.csv", "notes.txt"}
        assert "link" in why["link.csv"]
        assert eaten(settings, channel).names == ["a.csv"]

    def test_a_link_put_there_at_the_last_moment_is_not_received(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        file = put(server, "a.csv")
        (server.place / "other").write_bytes(b"id\n9\n")

        def swap(_arrival: object) -> None:
            file.unlink()
            file.symlink_to("other")

        mouth = eaten(settings, channel, Mouth(before=swap))
        assert mouth.names == []
        assert "changed" in mouth.told[0].message_en

    def test_cut_in_the_middle_it_is_not_received_and_no_other_is_asked_for(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        put(server, "a.csv", b"x" * (9 << 20))
        put(server, "b.csv")
        server.cut_after = 5 << 20
        mouth = eaten(settings, channel)
        assert (mouth.names, len(mouth.told)) == ([], 1)
        assert "broke off" in mouth.told[0].message_en
        server.cut_after = None
        assert eaten(settings, channel).names == ["a.csv", "b.csv"]

    def test_one_that_may_not_be_read_keeps_no_other_out(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        gone = put(server, "a.csv")
        put(server, "b.csv")
        mouth = eaten(settings, channel, Mouth(before=lambda _arrival: gone.unlink(missing_ok=True)))
        assert mouth.names == ["b.csv"]
        assert "no such" in mouth.told[0].message_en

    def test_where_none_may_be_read_not_all_are_tried(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        for number in range(30):
            put(server, f"{number}.csv")
        mouth = Mouth(before=lambda arrival: (server.place / arrival.filename).unlink())
        assert eaten(settings, channel, mouth).names == []
        assert len(mouth.told) == 20

    def test_a_pointer_of_git_lfs_is_no_file(self, server: SftpServer, settings: Settings, channel: dict[str, Any]) -> None:
        put(server, "a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n")
        mouth = eaten(settings, channel)
        assert mouth.names == []
        assert "Git LFS" in mouth.told[0].message

    def test_many_names_come_page_by_page(self, server: SftpServer, settings: Settings, channel: dict[str, Any]) -> None:
        for number in range(2500):
            (server.place / f"{number:05}.txt").touch()
        put(server, "a.csv")
        assert eaten(settings, channel).names == ["a.csv"]


class TestLimits:
    def test_a_file_larger_than_may_come_is_told(self, server: SftpServer, settings: Settings, channel: dict[str, Any]) -> None:
        put(server, "big.csv", b"x" * 100)
        put(server, "small.csv")
        mouth = eaten(settings, channel | {"fetch_bytes": 50})
        assert mouth.names == ["small.csv"]
        assert "fetch_bytes" in mouth.told[0].message_en

    def test_what_is_more_than_one_fetch_may_take_is_for_the_next(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        for name in ("a.csv", "b.csv", "c.csv"):
            put(server, name, b"x" * 40)
        assert [eaten(settings, channel | {"fetch_bytes": 90}).names for _ in range(2)] == [["a.csv", "b.csv"], ["c.csv"]]

    def test_a_server_that_falls_silent_is_left(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        put(server, "a.csv")
        server.silent = True
        mouth = eaten(settings, channel | {"timeout": 0.2})
        assert mouth.names == []
        assert "silent" in mouth.told[0].message_en
        mouth.told.clear()
        gc.collect()  # nobody's tasks speak up
        assert caplog.text == ""

    def test_no_time_is_left(self, server: SftpServer, settings: Settings, channel: dict[str, Any]) -> None:
        with pytest.raises(ChannelFailed, match="fetch_seconds"):
            eaten(settings, channel | {"fetch_seconds": 1e-6})

    def test_who_is_away_and_what_is_not_there_is_told(
        self, server: SftpServer, settings: Settings, channel: dict[str, Any]
    ) -> None:
        assert "no such" in refused(settings, channel | {"folder": "/nowhere"})
        assert "cannot be reached" in refused(settings, channel | {"port": 9})
