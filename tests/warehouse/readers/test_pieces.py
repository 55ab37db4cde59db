"""A large text is read in pieces side by side: the same rows, numbers and faults as in one go, quoted line ends or not."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from tests.warehouse.conftest import Hub, thing
from warehouse.ingest import open_batch, quarantine
from warehouse.readers import csv, pieces, survey
from warehouse.readers.source import Piece
from warehouse.storage.landing import DiskFull

HEAD = "编号,名称,数量\n"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, in_this_process: None) -> list[int]:
    """Pieces of a few hundred bytes; gives how many each stage was written in."""
    monkeypatch.setattr(survey, "BLOCK", 64)
    monkeypatch.setattr(pieces, "SMALLEST", 300)
    monkeypatch.setattr(csv, "_threads", lambda connection: 4)
    told: list[int] = []
    write = open_batch.stage.write

    def counting(connection: object, stage: open_batch.Stage, queries: tuple[str, ...]) -> None:
        told.append(len(queries))
        write(connection, stage, queries)  # type: ignore[arg-type]

    monkeypatch.setattr(open_batch.stage, "write", counting)
    return told


def rows(*changed: tuple[int, str]) -> str:
    """Two hundred rows with their own numbers as amount; some replaced."""
    lines = [f"k{n:03d},名{n},{n}" for n in range(1, 201)]
    for n, line in changed:
        lines[n - 1] = line
    return HEAD + "\n".join(lines) + "\n"


def numbers(hub: Hub) -> list[tuple[int, int]]:
    return [(row, amount) for row, amount in hub.sql("SELECT _row, amount FROM resource.things ORDER BY _row")]


def test_rows_keep_their_numbers_and_their_order(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    outcome = hub.deliver(rows()).outcome
    assert small == [4]
    assert (outcome.received, outcome.accepted) == (200, 200)
    assert numbers(hub) == [(n, n) for n in range(1, 201)]
    assert [n for (n,) in hub.sql("SELECT _row FROM raw.things")] == list(range(1, 201))


def test_faults_in_every_piece_are_found_at_their_rows(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    at_fault = (1, 60, 110, 160, 200)
    delivered = hub.deliver(rows(*((n, f"k{n:03d},名{n},-1") for n in at_fault)))
    assert small == [4]
    assert delivered.outcome.quarantined == len(at_fault)
    held = quarantine.rows(hub.settings, delivered.batch_id)
    assert [one.row for one in held] == list(at_fault)


def test_a_line_end_inside_quotes_is_no_place_to_cut(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    text = rows((3, 'k003,"名\n3",3'), (150, 'k150,"一""\n二\n三",150'))
    assert hub.deliver(text).outcome.accepted == 200
    assert small == [4, 1], "the numbers of a piece count on the lines before it, and those were not the rows"
    assert numbers(hub) == [(n, n) for n in range(1, 201)]
    assert hub.sql("SELECT name FROM resource.things WHERE id = 'k150'") == [('一"\n二\n三',)]


def test_quotes_without_line_ends_are_cut_between_rows(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    text = HEAD + "".join(f'"k{n:03d}","名,{n}",{n}\n' for n in range(1, 201))
    assert hub.deliver(text).outcome.accepted == 200
    assert small == [4]
    assert numbers(hub) == [(n, n) for n in range(1, 201)]


def test_a_broken_row_in_one_piece_is_quarantined_alone(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    outcome = hub.deliver(rows((120, "k120,one,two,three,4"))).outcome
    assert (outcome.received, outcome.accepted, outcome.quarantined) == (200, 199, 1)
    assert [(n, n) for n in range(1, 201) if n != 120] == numbers(hub)


def test_title_lines_before_the_header(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing(reading={"encoding": "utf-8", "delimiter": ",", "header": 3}))
    assert hub.deliver("某某台账\n\n" + rows()).outcome.accepted == 200
    assert small == [4]
    assert numbers(hub) == [(n, n) for n in range(1, 201)]


def test_later_checks_see_every_piece(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    outcome = hub.deliver(rows((190, "k010,另,190"))).outcome
    assert (outcome.accepted, outcome.quarantined) == (198, 2)
    assert [n for n, _ in numbers(hub)] == [n for n in range(1, 201) if n not in (10, 190)]


def test_nothing_is_left_behind(hub: Hub, small: list[int]) -> None:
    hub.given.add(thing())
    hub.deliver(rows())
    assert not list(hub.settings.scratch.glob("*.csv"))
    held = {path.name for path in (hub.settings.lake / "data" / "raw" / "things").glob("*.parquet")}
    assert len(held) == 4


def test_a_disk_that_fills_while_title_lines_are_cut_off_leaves_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.given.add(thing(reading={"encoding": "utf-8", "delimiter": ",", "header": 3}))

    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(csv, "_kernel_copy", full)
    with pytest.raises(DiskFull):
        hub.deliver("某某台账\n\n" + rows())
    assert not list(hub.settings.scratch.glob("*.csv"))


def test_where_the_kernel_cannot_lend_its_pages_they_are_written(
    hub: Hub, small: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.given.add(thing())
    monkeypatch.delattr(os, "splice", raising=False)
    assert hub.deliver(rows()).outcome.accepted == 200
    assert small == [4]
    assert numbers(hub) == [(n, n) for n in range(1, 201)]


def test_a_text_that_ends_too_early_is_no_delivery(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.given.add(thing())

    def broken(*_: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(pieces, "_handed_on", broken)
    with pytest.raises(OSError, match="Input/output"):
        hub.deliver(rows())


class TestPipes:
    """A piece comes through a pipe of a megabyte, in more than one go, and nobody waits for a reader that is gone."""

    def test_every_byte_in_its_order(self, tmp_path: Path) -> None:
        text = tmp_path / "text"
        text.write_bytes(os.urandom(3 << 20))
        piece = Piece("p", text, (5, (3 << 20) - 7), 0, 0)
        with pieces.fed(piece) as path, open(path, "rb") as pipe:
            assert pipe.read() == text.read_bytes()[5:-7]

    def test_a_reader_that_stops_ends_the_feeder(self, tmp_path: Path) -> None:
        text = tmp_path / "text"
        text.write_bytes(b"x" * (3 << 20))
        before = set(threading.enumerate())
        with pieces.fed(Piece("p", text, (0, 3 << 20), 0, 0)) as path, open(path, "rb") as pipe:
            pipe.read(10)
        with pieces.fed(Piece("p", text, (0, 3 << 20), 0, 0)):
            pass  # nobody came at all
        assert set(threading.enumerate()) == before
