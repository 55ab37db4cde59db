"""A file is sent while it is cut: from its first rows on, by one cut for all, and never as a whole where its cut ended."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import psutil
import pyarrow.parquet as pq
import pytest

from api.http import streams
from catalog.access import grants, use
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.identity import people
from catalog.releases import releases
from cli.serve import configured
from contracts.view import View
from tests.api.serving import until
from tests.loop import served
from tests.sharing import ROWS, Hub, built
from warehouse.serving import cuts, extract_room, extracts, query_workers
from warehouse.settings import Settings
from warehouse.storage import connection

FILE = "/api/v1/resources/hazard/versions/3/files/0"
MANY = 700_000
"""Rows of which the first are written long before the last."""
PARTS: list[extracts.Part] = []
"""What the fourth version is cut in."""
QUERY = "/delta-sharing/shares/hlj-emergency/schemas/resource/tables/hazard/query"
ROWS_OF_PARTNER = MANY // 2 + 61


def data_of(hub: Hub) -> list[Path]:
    return list((hub.settings.lake / "data" / "resource" / "hazard").rglob("*.parquet"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose third version takes its time."""
    settings = Settings(home=tmp_path_factory.mktemp("pulls") / "var", readers=1, _env_file=None)
    hub = built(settings)
    hub.run(f"INSERT INTO lake.resource.hazard {ROWS.format(first=1000, last=1000 + MANY)}")
    assert hub.release("hazard") == 3
    hub.run("INSERT INTO lake.resource.hazard (hazard_id, division, _batch, _row) VALUES ('NEW', '230803', 'b', 1)")
    assert hub.release("hazard") == 4
    with pytest.MonkeyPatch.context() as patched:  # of the fourth version, before there are workers
        patched.setattr(extracts, "PART_BYTES", sum(path.stat().st_size for path in data_of(hub)) // 4)
        patched.setattr(extracts, "UNIT", 2**14)
        with hub.session() as session:
            hazard = resources.get(session, "hazard")
            snapshot = releases.get(session, hazard, 4).snapshot
        PARTS[:] = extracts.plan(settings, extracts.Wanted(View("hazard", "resource", ()), snapshot)).parts
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


class Query:
    """A query of the fourth version, whose files nobody asked for before; line after line."""

    def __init__(self, hub: Hub, address: str, who: str = "partner", limit: int | None = None, **headers: str) -> None:
        self.connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
        body = json.dumps({} if limit is None else {"limitHint": limit})
        self.connection.request("POST", QUERY, body, headers=hub.auth(who) | headers)
        self.answer = self.connection.getresponse()

    def line(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.answer.readline())
        return told

    def rest(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.answer.read().split(b"\n")]


def fetched(address: str, url: str) -> bytes:
    connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
    parts = urlparse(url)
    connection.request("GET", f"{parts.path}?{parts.query}")
    return connection.getresponse().read()


END = {"delta-sharing-capabilities": "responseformat=parquet;includeendstreamaction=true"}


def test_a_query_tells_each_file_when_it_is_cut(hub: Hub, address: str) -> None:
    """The schema before anything is cut, with its record; a file is fetched while the next is being cut."""
    before = records(hub)
    query = Query(hub, address, **END)
    assert [next(iter(query.line())) for _ in range(2)] == ["protocol", "metaData"]
    assert records(hub) == before + 1
    first = query.line()["file"]
    [worker] = [child for child in psutil.Process().children() if "warehouse.serving.query_worker" in child.cmdline()]
    worker.suspend()
    assert len(parquet(hub)) < len(PARTS)
    assert pq.read_table(io.BytesIO(fetched(address, first["url"]))).num_rows == json.loads(first["stats"])["numRecords"]
    worker.resume()
    *others, end = query.rest()
    assert end["endStreamAction"]["minUrlExpirationTimestamp"] == first["expirationTimestamp"]
    files = [first, *(line["file"] for line in others)]
    assert len(files) == len(PARTS)
    tables = [pq.read_table(io.BytesIO(fetched(address, file["url"]))) for file in files]
    assert sum(table.num_rows for table in tables) == ROWS_OF_PARTNER
    assert len({key for table in tables for key in table["assessed_on"].to_pylist()}) == ROWS_OF_PARTNER
    warm = Query(hub, address)
    assert warm.line()
    assert warm.line()["metaData"]["numFiles"] == len(files)
    assert [line["file"] for line in warm.rest()] == files


def records(hub: Hub) -> int:
    with hub.session() as session:
        return len(audit.listed(session, action="download", object="hazard"))


def kill(hub: Hub, number: str) -> None:
    [worker] = [child for child in psutil.Process().children() if "warehouse.serving.query_worker" in child.cmdline()]
    worker.kill()


def revoke(hub: Hub, number: str) -> None:
    with hub.session() as session:
        grants.revoke(session, number, reason="test")


@pytest.mark.parametrize("ends", [kill, revoke])
@pytest.mark.parametrize("asked", [END, {}], ids=["told", "cut"])
def test_a_query_that_ends_midway_says_so(
    hub: Hub, address: str, ends: Callable[[Hub, str], None], asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "ASKED_EVERY", 0)
    number = hub.grant("hazard", "hlj-water", masks={"name": {"kind": "hash"}})
    query = Query(hub, address, "other", **asked)
    for _ in range(3):
        query.line()
    ends(hub, number)
    if asked:
        *_, last = query.rest()
        assert last["endStreamAction"]["errorMessage"]
    else:
        with pytest.raises(http.client.IncompleteRead):
            query.rest()
    assert len(parquet(hub)) < len(PARTS)
    revoke(hub, number)


def test_a_limit_cuts_no_more_than_it_takes(hub: Hub, address: str) -> None:
    query = Query(hub, address, limit=10)
    assert len(query.rest()) == 3
    assert len(parquet(hub)) == 1


def test_a_list_of_files_comes_as_they_are_cut(hub: Hub, address: str) -> None:
    path = "/api/v1/resources/hazard/versions/4/files"
    told = [json.loads(get(hub, address, path)) for _ in range(2)]
    assert told[0] == told[1]
    assert [file["number"] for file in told[0]] == list(range(len(PARTS)))
    assert sum(file["rows"] for file in told[0]) == ROWS_OF_PARTNER


def get(hub: Hub, address: str, path: str) -> bytes:
    connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
    connection.request("GET", path, headers=hub.auth("partner"))
    answer = connection.getresponse()
    assert answer.status == 200
    return answer.read()


@pytest.fixture
def sent_by_the_machine(hub: Hub) -> Iterator[str]:
    """Served as `hub serve` does: bytes of files go out by sendfile."""
    cuts.finished(hub.settings, plan_of(hub, 3), 0)[1].close()
    with served(configured(hub.settings, "127.0.0.1", 0)) as (address, _):
        yield address


def plan_of(hub: Hub, version: int) -> extracts.Plan:
    with hub.session() as session:
        owner = people.of_person(session, people.get_person(session, "owner").id)
        assert owner is not None
        reading = use.decided(session, owner, resources.get(session, "hazard"), "download", version=str(version))
    assert reading.snapshot is not None
    return extracts.plan(hub.settings, extracts.Wanted(reading.view, reading.snapshot))


def test_files_by_sendfile_are_the_same_bytes(hub: Hub, sent_by_the_machine: str) -> None:
    """Whole, in pieces, on one connection, to a slow reader, and beside each other on one connection."""
    content = extracts.place(hub.settings, plan_of(hub, 3), 0).read_bytes()
    connection = http.client.HTTPConnection(urlparse(sent_by_the_machine).netloc, timeout=120)
    for asked, status, part in (
        ({}, 200, content), ({"Range": "bytes=5-1000004"}, 206, content[5:1000005]), ({"Range": "bytes=-8"}, 206, content[-8:]),
        ({"Range": "bytes=0-3,8-9"}, 206, None), ({}, 200, content),
    ):  # fmt: skip
        connection.request("GET", FILE, headers=hub.auth("owner") | asked)
        answer = connection.getresponse()
        got = b"".join(iter(lambda answer=answer: answer.read(1 << 16), b""))  # type: ignore[misc]
        assert answer.status == status
        assert part is None or got == part
    with socket.create_connection((urlparse(sent_by_the_machine).hostname, urlparse(sent_by_the_machine).port)) as line:  # type: ignore[arg-type]
        asks = f"GET {FILE} HTTP/1.1\r\nHost: x\r\nAuthorization: {hub.auth('owner')['Authorization']}\r\n"
        line.sendall((asks + "\r\n" + asks + "Connection: close\r\n\r\n").encode())
        came = b"".join(iter(lambda: line.recv(1 << 20), b""))
    assert came.count(content) == 2


def test_a_right_that_ends_stops_sendfile(hub: Hub, sent_by_the_machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ASKED_EVERY", 0)
    monkeypatch.setattr(streams.ExtractResponse, "step", 100_000)
    with hub.session() as session:
        key, bearer = people.issue_key(session, people.get_person(session, "owner"))
        prefix = key.prefix
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 10_000)
        line.connect((urlparse(sent_by_the_machine).hostname, urlparse(sent_by_the_machine).port))
        line.sendall(f"GET {FILE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode())
        line.recv(1000)
        with hub.session() as session:
            people.revoke_key(session, prefix)
        came = 1000 + sum(map(len, iter(lambda: line.recv(1 << 20), b"")))
    assert came < extracts.place(hub.settings, plan_of(hub, 3), 0).stat().st_size
    with hub.session() as session:
        (record,) = audit.listed(session, action="download.cut")[:1]
        assert (record.actor, record.detail["bytes"] < came) == (f"key:{prefix}", True)


def test_who_goes_away_from_sendfile_leaves_the_server_well(hub: Hub, sent_by_the_machine: str) -> None:
    for _ in range(3):
        Reader(hub, sent_by_the_machine).connection.close()
    assert len(Reader(hub, sent_by_the_machine).whole()) > 0
