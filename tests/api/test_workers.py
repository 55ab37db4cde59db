"""Two workers under load: a kill loses no record of what went out, a right that ends has no use after its end in the chain."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import count
from urllib.parse import quote

from sqlmodel import col, select

from catalog.access import grants
from catalog.audit import chain, sealing
from catalog.audit.chain import AuditRecord
from tests.api.serving import until, workers
from tests.crash.rounds import ROOT
from tests.sharing import built
from warehouse.settings import Settings

READERS = 16
KILLS = int(os.environ.get("HUB_TEST_KILLS", "2"))
"""How often a worker is killed; `make crash-test` does it fifty times."""
PATH = "/api/v1/resources/hazard/rows?limit=1&filter="


class Reader(threading.Thread):
    """Asks again and again on one connection, each time for something that its record tells apart."""

    def __init__(self, port: int, key: str, numbers: count[int], over: threading.Event) -> None:
        super().__init__()
        self.port, self.numbers, self.over = port, numbers, over
        self.headers = {"Authorization": f"Bearer {key}"}
        self.answered: list[tuple[str, int, float]] = []
        """Condition, status, and when it was asked."""

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.over.is_set():
            condition, begun = f"level <> {next(self.numbers)}", time.monotonic()
            try:
                connection.request("GET", PATH + quote(condition), headers=self.headers)
                answer = connection.getresponse()
                json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):  # its worker was killed: half an answer is none
                connection.close()
                continue
            self.answered.append((condition, answer.status, begun))


def test_two_workers_one_chain(settings: Settings) -> None:
    hub = built(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port), "--workers", "2"]
    numbers, over = count(1000), threading.Event()
    readers = [Reader(port, hub.keys["partner"], numbers, over) for _ in range(READERS)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HUB_HOME": str(settings.root)}) as server:
        try:
            until(lambda: len(workers(server)) == 2)
            for reader in readers:
                reader.start()
            for _ in range(KILLS):
                before = read(readers)
                until(lambda before=before: read(readers) >= before + 100)
                workers(server)[0].send_signal(signal.SIGKILL)
            until(lambda: len(workers(server)) == 2)
            with hub.session() as session:
                for given in grants.grants(session, organization_id="hlj-transport"):
                    grants.revoke(session, given.id, reason="test")
                ended = chain.record(session, actor="test", action="grant.revoke").sequence
            moment = time.monotonic()
            until(
                lambda: all(any(begun > moment and status == 403 for _, status, begun in reader.answered) for reader in readers)
            )
        finally:
            over.set()
            for reader in readers:
                if reader.is_alive():
                    reader.join(120)
            server.terminate()
            server.wait(60)
    answers = [answer for reader in readers for answer in reader.answered]
    good = {condition for condition, status, _ in answers if status == 200}
    with hub.session() as session:
        records = session.exec(select(AuditRecord).where(col(AuditRecord.action) == "read-rows")).all()
        found = sealing.verify(session)
    allowed = {record.detail["filter"]: record.sequence for record in records if record.outcome == "allowed"}
    assert len(good) >= KILLS * 100
    assert good <= allowed.keys(), "an answer without its record"
    assert max(allowed.values()) < ended, "a use after the end of its right"
    assert {status for _, status, begun in answers if begun > moment} <= {403, 503}, "503 where none serves just then"
    assert found.good, found.findings


def read(readers: Sequence[Reader]) -> int:
    """Answers with rows so far."""
    return sum(status == 200 for reader in readers for _, status, _ in list(reader.answered))
