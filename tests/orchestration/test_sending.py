"""Lineage sent on to a receiver that is away, comes back, asks for patience, or refuses."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from catalog.lineage import graph as lineage
from catalog.overview import health
from catalog.store import database
from hub.hub import Hub, open_hub
from orchestration import facets, sending
from warehouse.settings import Settings


class Receiver:
    """An OpenLineage receiver on a port of its own that a test may switch off and on."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.encodings: list[str] = []
        self.status = 201
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.encodings.append(self.headers.get("Content-Encoding", ""))
                text = gzip.decompress(body) if outer.encodings[-1] == "gzip" else body
                if outer.status < 300 and self.path == "/api/v1/lineage":
                    outer.got.append(json.loads(text))
                self.send_response(outer.status if self.path == "/api/v1/lineage" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


@pytest.fixture
def hub(settings: Settings, receiver: Receiver) -> Hub:
    """A hub that sends lineage on, with three events waiting."""
    told = settings.model_copy(update={"openlineage_url": f"http://127.0.0.1:{receiver.port}"})
    database.migrate(told.catalog_database)
    opened = open_hub(told)
    with opened.session() as session:
        for number in range(3):
            run = facets.run_id("test", str(number))
            lineage.receive(session, facets.event(f"load.d{number}", run, outputs=[facets.dataset(f"resource.d{number}")]))
    return opened


def jobs(receiver: Receiver) -> list[str]:
    return [event["job"]["name"] for event in receiver.got]


def test_events_arrive_once_in_order(hub: Hub, receiver: Receiver) -> None:
    assert sending.send(hub).sent == 3
    assert sending.send(hub) == sending.Sent(0, 0)
    assert jobs(receiver) == ["load.d0", "load.d1", "load.d2"]


def test_they_wait_while_the_receiver_is_away(hub: Hub, receiver: Receiver) -> None:
    receiver.close()
    away = sending.send(hub)
    assert (away.sent, away.waiting) == (0, 3)
    assert "ConnectError" in away.problem
    receiver.open()
    assert sending.send(hub) == sending.Sent(3, 0)
    assert len(receiver.got) == 3


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_receiver_gets_them_later(hub: Hub, receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert sending.send(hub).waiting == 3
    receiver.status = 201
    assert sending.send(hub).sent == 3


def test_an_event_that_is_refused_does_not_hold_up_the_others(hub: Hub, receiver: Receiver) -> None:
    receiver.status = 400
    assert sending.send(hub) == sending.Sent(0, 0, "", 3)
    receiver.status = 201
    assert sending.send(hub) == sending.Sent(0, 0)
    with hub.session() as session:
        assert {event.refusal for event in lineage.refused(session)} == {"HTTP 400"}
        finding = next(one for one in health.examine(session) if one.name == "lineage")
        assert finding.state == "warning"


def test_large_events_go_compressed(hub: Hub, receiver: Receiver) -> None:
    wide = facets.column_lineage({f"item_{n}": [("raw.wide", f"item_{n}")] for n in range(200)})
    with hub.session() as session:
        event = facets.event("load.wide", facets.run_id("wide"), outputs=[facets.dataset("resource.wide", facets=wide)])
        lineage.receive(session, event)
    sending.send(hub)
    assert receiver.encodings == ["", "", "", "gzip"]
    assert jobs(receiver)[-1] == "load.wide"


def test_without_an_address_nothing_is_sent(settings: Settings) -> None:
    database.migrate(settings.catalog_database)
    assert sending.send(open_hub(settings)) == sending.Sent(0, 0)
