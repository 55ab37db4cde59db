"""A watched folder: only files that have stopped growing, each once, changed ones again."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from channels.base import ChannelFailed, corrected_batch
from channels.settling import Settling
from tests.channels.conftest import collected, opened
from warehouse.settings import Settings
from warehouse.storage import landing

CHANNEL = {"kind": "folder", "path": "inbox", "pattern": "*.csv", "settle_seconds": 0.3}


@pytest.fixture
def place(settings: Settings) -> Path:
    made = settings.root / "inbox"
    made.mkdir(parents=True)
    return made


def names(settings: Settings, settling: Settling | None = None) -> list[str]:
    return collected(settings, CHANNEL, settling=settling).names


def test_files_come_in_the_order_of_their_names(settings: Settings, place: Path) -> None:
    for name in ("b.csv", "a.csv", "notes.txt"):
        (place / name).write_text("x", encoding="utf-8")
    assert names(settings) == ["a.csv", "b.csv"]


def test_a_growing_file_is_left_until_it_has_stopped(settings: Settings, place: Path) -> None:
    (place / "whole.csv").write_text("x", encoding="utf-8")
    growing, stop = place / "growing.csv", threading.Event()

    def upload() -> None:
        with growing.open("a", encoding="utf-8") as file:
            while not stop.is_set():
                file.write("row\n")
                file.flush()
                time.sleep(0.02)

    growing.write_text("head\n", encoding="utf-8")
    writer = threading.Thread(target=upload)
    writer.start()
    try:
        assert names(settings) == ["whole.csv"]
    finally:
        stop.set()
        writer.join()
    assert names(settings) == ["growing.csv", "whole.csv"]


def test_an_old_file_that_is_written_to_again_while_looked_at_is_left(settings: Settings, place: Path) -> None:
    file = place / "slow.csv"
    file.write_text("x", encoding="utf-8")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    settling = Settling()
    settling.look([file])
    file.write_text("xy", encoding="utf-8")
    assert names(settings, settling) == []


def test_old_files_need_no_wait(settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.settling.time.sleep", lambda seconds: pytest.fail(f"waits {seconds} s"))
    for number in range(50):
        file = place / f"{number:02d}.csv"
        file.write_text("x", encoding="utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))
    assert len(collected(settings, CHANNEL | {"settle_seconds": 30}).arrivals) == 50


@pytest.mark.parametrize("name", ["a.csv.part", ".a.csv", "~a.csv", "a.csv.filepart"])
def test_names_of_unfinished_uploads_are_not_taken(settings: Settings, place: Path, name: str) -> None:
    (place / name).write_text("x", encoding="utf-8")
    assert collected(settings, CHANNEL | {"pattern": "*"}).arrivals == []


def test_an_empty_file_is_not_a_delivery_yet(settings: Settings, place: Path) -> None:
    (place / "a.csv").touch()
    assert names(settings) == []


def test_what_was_taken_is_not_taken_again_unless_it_changed(settings: Settings, place: Path) -> None:
    file = place / "a.csv"
    file.write_text("x", encoding="utf-8")
    opened(settings, CHANNEL).acknowledge(collected(settings, CHANNEL).received)
    assert names(settings) == []
    assert opened(settings, CHANNEL).waiting() == []
    file.write_text("y", encoding="utf-8")
    assert names(settings) == ["a.csv"]


def test_a_missing_folder_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(ChannelFailed, match="inbox") as raised:
        names(settings)
    assert "XY-1" in raised.value.message
    assert "correct the channel" in raised.value.message_en


@pytest.mark.parametrize(
    ("name", "batch"),
    [("隔离行_20260311-0042.csv", "20260311-0042"), ("企业登记_20260311.csv", None), ("120260311-00421.csv", None)],
)
def test_a_mended_file_names_the_batch_it_mends(name: str, batch: str | None) -> None:
    assert corrected_batch(name) == batch


def test_links_are_not_followed(settings: Settings, place: Path, tmp_path: Path) -> None:
    """A provider who may write into the folder must not read the hub's own files by it."""
    secret = tmp_path / "audit.key"
    secret.write_text("secret", encoding="utf-8")
    (place / "a.csv").symlink_to(secret)
    (place / "b.csv").symlink_to("/etc/passwd")
    assert names(settings) == []
    assert [path.name for path, _, _ in opened(settings, CHANNEL).passed_over()] == ["a.csv", "b.csv"]


def test_a_link_put_there_at_the_last_moment_is_refused(settings: Settings, place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "audit.key"
    secret.write_text("secret", encoding="utf-8")
    (place / "a.csv").write_text("id\n1\n", encoding="utf-8")
    (arrival,) = collected(settings, CHANNEL).arrivals
    assert isinstance(arrival.content, Path)
    arrival.content.unlink()
    arrival.content.symlink_to(secret)
    with pytest.raises(landing.FileUnreadable):
        landing.land(settings, arrival.content, follow_links=False)


def test_a_mailbox_follows_no_link(settings: Settings, tmp_path: Path) -> None:
    box, elsewhere = settings.root / "box", tmp_path / "elsewhere"
    for made in (box, elsewhere):
        made.mkdir(parents=True)
    (elsewhere / "x.xlsx").write_bytes(b"x")
    (box / "agency").symlink_to(elsewhere, target_is_directory=True)
    (box / "y.xlsx").symlink_to(elsewhere / "x.xlsx")
    assert opened(settings, {"kind": "template", "path": "box"}).waiting() == []


def test_capitals_in_a_name_are_no_other_name(settings: Settings, place: Path) -> None:
    (place / "X.CSV").write_text("x", encoding="utf-8")
    assert names(settings) == ["X.CSV"]


def test_what_is_passed_over_is_told_with_why(settings: Settings, place: Path) -> None:
    (place / "empty.csv").touch()
    (place / "notes.txt").write_text("x", encoding="utf-8")
    (place / "2026").mkdir()
    (place / ".hidden.csv").write_text("x", encoding="utf-8")
    told = {path.name: why for path, _, why in opened(settings, CHANNEL).passed_over()}
    assert set(told) == {"2026", "empty.csv", "notes.txt"}
    assert "is empty" in told["empty.csv"]
    assert "*.csv" in told["notes.txt"]
    assert "one level up" in told["2026"]
