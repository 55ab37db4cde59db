"""A file is sent while it is cut: from its first rows on, by one cut for all, and never as a whole where its cut ended."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlparse

import psutil
import pyarrow.parquet as pq
import pytest

from tests.api.serving import until
from tests.loop import served
from tests.sharing import ROWS, Hub, built
from warehouse.serving import cuts, extract_room, query_workers
from warehouse.settings import Settings
from warehouse.storage import connection

FILE = "/api/v1/resources/hazard/versions/3/files/0"
MANY = 700_000
"""Rows of which the first are written long before the last."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose third version takes its time."""
    settings = Settings(home=tmp_path_factory.mktemp("pulls") / "var", readers=1, _env_file=None)
    hub = built(settings)
    hub.run(f"INSERT INTO lake.resource.hazard {ROWS.format(first=1000, last=1000 + MANY)}")
    assert hub.release("hazard") == 3
    yield hub
    connection.forget(settings)


@pytest.fixture
def address(hub: Hub) -> Iterator[str]:
    """Served on a port, with workers; nothing is cut yet."""
    for path in extract_room.root(hub.settings).rglob("0*.*"):
        path.unlink()
    with served(hub.client.app) as (address, _):
        yield address


class Reader:
    """Somebody who asks for the file, and reads as far as they are told."""

    def __init__(self, hub: Hub, address: str, **headers: str) -> None:
        self.connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
        self.connection.request("GET", FILE, headers=hub.auth("owner") | headers)
        self.answer = self.connection.getresponse()
        self.first = self.answer.read(1)

    def whole(self) -> bytes:
        return self.first + self.answer.read()


def stopped(hub: Hub) -> int:
    """The worker that cuts, in the middle of it."""
    [worker] = [child for child in psutil.Process().children() if "warehouse.serving.query_worker" in child.cmdline()]
    worker.suspend()
    assert not query_workers._serving[hub.settings.root]._idle, "it is at work"
    assert not parquet(hub), "and has not finished"
    return worker.pid


def parquet(hub: Hub) -> list[Path]:
    return list(extract_room.root(hub.settings).rglob("*.parquet"))


def test_the_first_rows_are_sent_before_the_last_are_cut(hub: Hub, address: str) -> None:
    reader = Reader(hub, address)
    worker = stopped(hub)
    assert reader.answer.headers["Transfer-Encoding"] == "chunked"
    assert reader.first == b"P"
    os.kill(worker, signal.SIGCONT)
    content = reader.whole()
    assert [path.read_bytes() for path in parquet(hub)] == [content]
    assert pq.read_table(io.BytesIO(content)).num_rows == MANY + 120
    warm = Reader(hub, address)
    assert warm.answer.headers["Content-Length"] == str(len(content))
    assert warm.whole() == content


def test_a_cut_that_dies_is_no_whole_answer(hub: Hub, address: str) -> None:
    reader = Reader(hub, address)
    os.kill(stopped(hub), signal.SIGKILL)
    with pytest.raises(http.client.IncompleteRead):
        reader.whole()
    assert not parquet(hub)
    content = Reader(hub, address).whole()
    assert [path.read_bytes() for path in parquet(hub)] == [content]


def test_a_known_file_whose_bytes_are_gone_is_sent_with_its_length(hub: Hub, address: str) -> None:
    content = Reader(hub, address).whole()
    [path] = parquet(hub)
    path.unlink()
    reader = Reader(hub, address)
    assert reader.answer.headers["Content-Length"] == str(len(content))
    os.kill(stopped(hub), signal.SIGKILL)
    with pytest.raises(http.client.IncompleteRead):
        reader.whole()
    assert Reader(hub, address).whole() == content


def test_a_file_that_came_out_otherwise_is_no_whole_answer(hub: Hub, address: str) -> None:
    Reader(hub, address).whole()
    [path] = parquet(hub)
    path.unlink()
    told = path.with_suffix(".json")
    told.write_text(json.dumps(json.loads(told.read_text()) | {"id": "0" * 32}))
    with pytest.raises(http.client.IncompleteRead):
        Reader(hub, address).whole()
    assert Reader(hub, address).whole() == path.read_bytes()


def test_many_readers_have_one_cut_and_one_who_goes_away_ends_it_for_nobody(
    hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    run = cuts._run
    monkeypatch.setattr(cuts, "_run", lambda cut, *given: (begun.append(cut.path), run(cut, *given)))
    away = Reader(hub, address)
    worker = stopped(hub)
    away.connection.close()
    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(lambda: Reader(hub, address).whole()) for _ in range(2)]
        piece = pool.submit(lambda: Reader(hub, address, Range="bytes=0-3").whole())
        os.kill(worker, signal.SIGCONT)
        contents = [one.result() for one in readers]
    assert len(begun) == 1
    assert contents == [path.read_bytes() for path in parquet(hub)] * 2
    assert piece.result() == b"PAR1"


def test_a_cut_goes_on_when_its_only_reader_is_gone(hub: Hub, address: str) -> None:
    Reader(hub, address).connection.close()
    until(lambda: len(parquet(hub)) == 1)


def test_what_ends_a_cut_before_its_first_rows_is_an_answer(hub: Hub, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub.settings, "free_bytes", 2**62)
    reader = Reader(hub, address)
    assert reader.answer.status == 507
    assert b"urn:hui:problem:no-room" in reader.whole()
