"""A right ends in every worker before the act that ends it is told done: 64 connections under way, the kernel's own clock.

Each reader notes when the first bytes of an answer arrived at its socket (SO_TIMESTAMPNS), so that neither this process's own
pace nor the number of its threads says anything. No answer with rows may arrive after the answer of the act did.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from catalog.access import compiled
from catalog.access.grants import Grant
from catalog.entries import resources
from contracts import clock
from tests.api.serving import until, workers
from tests.crash.rounds import ROOT
from tests.sharing import PARTNER_ITEMS, PURPOSE, Hub, built
from warehouse.settings import Settings

CONNECTIONS = 64
SO_TIMESTAMPNS = 35
BY_ITSELF = compiled.HELD_SECONDS
"""Where no act is told done, the last answers leave as long after a right's end: one that is fresh, in a worker that waits for
its turn on a busy machine."""
PATH = "/api/v1/resources/hazard/rows?limit=5"


@dataclass
class Answer:
    """Status, content and when its first bytes arrived (seconds since 1970)."""

    status: int
    body: Any
    arrived: float


class Line:
    """One kept-alive connection."""

    def __init__(self, port: int, key: str, purpose: str = "") -> None:
        self.port, self.key, self.purpose = port, key, purpose
        self.socket = self._opened()

    def ask(self, path: str = PATH, told: Any = None) -> Answer:
        body = b"" if told is None else json.dumps(told).encode()
        head = [f"{'GET' if told is None else 'POST'} {path} HTTP/1.1", "Host: hub", f"Authorization: Bearer {self.key}"]
        head += [f"Content-Length: {len(body)}", "Content-Type: application/json", "Accept-Encoding: identity"]
        head += [f"X-Purpose: {self.purpose}"] if self.purpose else []
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + body)
        data, arrived = b"", 0.0
        while b"\r\n\r\n" not in data or len(data) < _length(data):
            piece, ancillary, _, _ = self.socket.recvmsg(1 << 16, 256)
            if not piece:
                raise ConnectionError
            arrived = arrived or next(_moment(one) for _, kind, one in ancillary if kind == SO_TIMESTAMPNS)
            data += piece
        answered, _, content = data.partition(b"\r\n\r\n")
        if b"connection: close" in answered.lower():
            self.socket = self._opened()
        return Answer(int(data.split(b" ", 2)[1]), json.loads(content) if content else None, arrived)

    def _opened(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return opened


def _length(data: bytes) -> int:
    head = data.partition(b"\r\n\r\n")[0]
    told = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(head) + 4 + int(told.partition(b":")[2])


def _moment(told: bytes) -> float:
    seconds, nanoseconds = struct.unpack("@ll", told)
    return float(seconds + nanoseconds / 1e9)


class Reader(threading.Thread):
    """Asks for rows again and again on one connection."""

    def __init__(self, port: int, key: str, purpose: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.line, self.over = Line(port, key, purpose), over
        self.answers: list[Answer] = []

    def run(self) -> None:
        while not self.over.is_set():
            answer = self.line.ask()
            self.answers.append(answer)
            if answer.status not in (200, 403, 401):
                time.sleep(0.05)


@dataclass
class Served:
    """Two workers over a hub."""

    hub: Hub
    port: int

    @contextmanager
    def readers(self, purpose: str = "") -> Iterator[Sequence[Reader]]:
        """So many connections, each of which has been answered with rows."""
        over = threading.Event()
        readers = [Reader(self.port, self.hub.keys["partner"], purpose, over) for _ in range(CONNECTIONS)]
        for reader in readers:
            reader.start()
        try:
            until(lambda: all(any(one.status == 200 for one in list(reader.answers)) for reader in readers))
            yield readers
        finally:
            over.set()
            for reader in readers:
                reader.join(120)

    def act(self, who: str, path: str, **told: Any) -> Answer:
        answer = Line(self.port, self.hub.keys[who]).ask(f"/api/v1{path}", told)
        assert answer.status in (200, 201), answer
        return answer

    def grant(self, **more: Any) -> str:
        told = {"organization": "hlj-transport", "purpose": PURPOSE, "items": PARTNER_ITEMS[:4]} | more
        return str(self.act("owner", "/resources/hazard/grants", **told).body["id"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = Settings(home=tmp_path_factory.mktemp("ends") / "var", _env_file=None)
    hub = built(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", "2"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HUB_HOME": str(settings.root)}) as server:
        try:
            until(lambda: len(workers(server)) == 2)
            until(lambda: _answers(port))
            yield Served(hub, port)
        finally:
            server.terminate()
            server.wait(60)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def ended(readers: Sequence[Reader], act: Callable[[], float], rows: Callable[[Answer], bool]) -> None:
    """Nothing with such rows arrives after the moment that the act gives; and each reader was answered after it."""
    moment = act()
    until(lambda: all(reader.answers[-1].arrived > moment for reader in readers))
    late = [one.arrived - moment for reader in readers for one in reader.answers if one.arrived > moment and rows(one)]
    assert not late, f"{len(late)} answers, the last {max(late):.3f} s after the act's own"


def with_rows(answer: Answer) -> bool:
    return answer.status == 200 and bool(answer.body["rows"])


def first_grant(hub: Hub) -> str:
    with hub.session() as session:
        return session.exec(select(Grant.id).where(Grant.organization_id == "hlj-transport", Grant.revoked_at == None)).one()  # noqa: E711


def test_revoked(served: Served) -> None:
    number = first_grant(served.hub)
    with served.readers() as readers:
        ended(readers, lambda: served.act("owner", f"/grants/{number}/revoke", reason="测试").arrived, with_rows)
        assert {reader.answers[-1].status for reader in readers} <= {403, 503}
    served.grant()


def test_revoked_for_one_purpose(served: Served) -> None:
    number = served.grant(purpose="another purpose", items=["hazard_id"])
    with served.readers("another%20purpose") as readers:
        ended(readers, lambda: served.act("owner", f"/grants/{number}/revoke", reason="测试").arrived, with_rows)


def test_recalled(served: Served) -> None:
    recall = "/resources/hazard/versions/2/recall"
    with served.readers() as readers:
        ended(
            readers,
            lambda: served.act("owner", recall, reason="坐标有误").arrived,
            lambda one: with_rows(one) and one.body["version"] == 2,
        )
        until(lambda: all(with_rows(reader.answers[-1]) for reader in readers))
        assert {reader.answers[-1].body["version"] for reader in readers} == {1}


def test_withdrawn(served: Served) -> None:
    with served.readers() as readers:
        ended(readers, lambda: served.act("steward", "/resources/hazard/entry/withdraw", reason="停用").arrived, with_rows)
    with served.hub.session() as session:
        resources.get(session, "hazard").state = "published"


def test_no_longer_shared(served: Served) -> None:
    """What the policies go by changes, by another program: the entry's sharing type."""

    def close() -> float:
        with served.hub.session() as session:
            resources.get(session, "hazard").sharing = 3
        return clock.now().timestamp() + BY_ITSELF

    with served.readers() as readers:
        ended(readers, close, with_rows)
    with served.hub.session() as session:
        resources.get(session, "hazard").sharing = 2


def test_expired(served: Served) -> None:
    """By the clock, without an act."""

    def expire() -> float:
        ends = clock.now() + timedelta(seconds=1.5)
        with served.hub.session() as session:
            session.get_one(Grant, first_grant(served.hub)).expires_at = ends
        return ends.timestamp() + BY_ITSELF

    with served.readers() as readers:
        ended(readers, expire, with_rows)
    served.grant()


def test_the_key_is_revoked(served: Served) -> None:
    prefix = served.hub.keys["partner"].split("_")[1]
    with served.readers() as readers:
        ended(readers, lambda: served.act("administrator", f"/keys/{prefix}/revoke").arrived, with_rows)
        assert {reader.answers[-1].status for reader in readers} <= {401, 429, 503}
