"""One allowed reader beside sixteen clients without a key: nobody is answered by a fault, nobody waits for a lock."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from api.app import create_app
from api.http import admission
from api.http.admission import Admission
from api.portal.shell import errors as pages
from catalog.audit import chain as audit
from catalog.store import database
from contracts.errors import HubError
from tests.loop import NothingInTheLoop, served
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

STRANGERS = 16
ROUNDS = 5
PATIENCE = 20.0
"""Seconds: a stall of 4481aa4 took the whole busy time-out of SQLite (20 s), on PostgreSQL it never ended."""
REFUSED = ("/api/v1/resources/hazard/rows", "/resources/hazard", "/batches", "/delta-sharing/shares", "/nosuch")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_database: Callable[[str], str]
) -> Iterator[Hub]:
    """A hub that shares, on each database."""
    url = postgres_database("") if request.param == "postgresql" else ""
    home: Path = tmp_path_factory.mktemp("stall") / "var"
    settings = Settings(home=home, catalog_url=url, _env_file=None)
    yield built(settings)
    connection.forget(settings)


def test_strangers_and_a_reader(loaded: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Each stranger's refusal is on record, each row is read, /health answers meanwhile, and no lock was missed."""
    with loaded.session() as session:
        before, _ = audit.head(session)
    over = threading.Event()
    seen: Counter[tuple[str, int]] = Counter()
    slowest: dict[str, float] = {}
    lock = threading.Lock()

    def ask(client: httpx.Client, who: str, path: str, **headers: str) -> None:
        begun = time.monotonic()
        status = client.get(path, headers=headers).status_code
        with lock:
            seen[who, status] += 1
            slowest[who] = max(slowest.get(who, 0), time.monotonic() - begun)

    def stranger(number: int) -> None:
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            for n in range(ROUNDS):
                ask(client, "stranger", REFUSED[(number + n) % len(REFUSED)], Accept=("text/html,*/*;q=0.8", "*/*")[n % 2])

    def reader() -> None:
        with httpx.Client(base_url=address, timeout=PATIENCE, headers=loaded.auth("partner")) as client:
            for _ in range(ROUNDS * 2):
                ask(client, "reader", "/api/v1/resources/hazard/rows?limit=5")

    def alive() -> None:
        with httpx.Client(base_url=address, timeout=PATIENCE) as client:
            while not over.is_set():
                ask(client, "health", "/health")
                over.wait(0.05)

    with (
        caplog.at_level(logging.WARNING),
        served(create_app(loaded.settings)) as (address, watch),
        ThreadPoolExecutor(STRANGERS + 2) as pool,
    ):
        health = pool.submit(alive)
        work = [pool.submit(stranger, number) for number in range(STRANGERS)] + [pool.submit(reader)]
        for one in work:
            one.result(timeout=PATIENCE * ROUNDS)
        over.set()
        health.result(timeout=PATIENCE)
    assert not watch.held, watch.held[0]
    assert not [key for key in seen if key[1] >= 500], seen
    assert seen["reader", 200] == ROUNDS * 2, seen
    assert sum(n for (who, _), n in seen.items() if who == "stranger") == STRANGERS * ROUNDS
    assert "locked" not in caplog.text
    assert slowest["health"] < PATIENCE / 4, slowest
    with loaded.session() as session:
        last, _ = audit.head(session)
        refused = [one for one in audit.listed(session, limit=last - before) if one.outcome == "refused"]
    assert len(refused) == STRANGERS * ROUNDS / len(REFUSED), "every refusal by policy is on record, once"


def test_an_error_handler_that_is_a_coroutine_is_not_taken(settings: Settings) -> None:
    app = FastAPI()

    async def in_the_loop(request: Request, error: Exception) -> None: ...

    app.add_exception_handler(HubError, in_the_loop)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="loop"):
        pages.install(app, settings)


def test_no_handler_of_any_door_is_a_coroutine(loaded: Hub) -> None:
    """A coroutine's handler would run in the loop; every one of ours looks up and records."""
    doors = [loaded.client.app, *[route.app for route in loaded.client.app.routes if hasattr(route, "app")]]  # type: ignore[attr-defined]
    handlers = [one for door in doors for one in getattr(door, "exception_handlers", {}).items()]
    assert len(handlers) > 8
    ours = [(kind, handler) for kind, handler in handlers if handler.__module__.startswith("api")]
    assert len(ours) > 8
    assert not [kind for kind, handler in ours if asyncio.iscoroutinefunction(handler)]


class TestTheDetectorItself:
    """It finds what it is there for."""

    def test_a_query_in_the_loop_is_noted(self, loaded: Hub, nothing_in_the_loop: NothingInTheLoop) -> None:
        app = create_app(loaded.settings)

        @app.get("/wrong")
        async def wrong() -> int:
            with database.session(loaded.settings.catalog_database) as session:
                return audit.head(session)[0]

        with served(app) as (address, _):
            assert httpx.get(f"{address}/wrong", timeout=30).status_code == 200
        assert "wrong" in nothing_in_the_loop.violations[0]
        nothing_in_the_loop.violations.clear()

    def test_a_held_loop_is_noted(self, loaded: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        """By a function of ours that waits."""
        app = create_app(loaded.settings)
        code = compile("def hold():\n    import time\n    time.sleep(2.5)\n", str(Path(admission.__file__)), "exec")
        ours: dict[str, Callable[[], None]] = {}
        exec(code, ours)  # type: ignore[arg-type]

        @app.get("/hold")
        async def hold() -> None:
            ours["hold"]()

        with served(app) as (address, watch):
            assert httpx.get(f"{address}/hold", timeout=30).status_code == 200
        assert watch.held


class TestAdmission:
    """What does not fit waits in order, and is told to come back where the line is too long."""

    def test_as_many_as_there_are_places(self) -> None:
        inside: list[int] = []
        most: list[int] = []

        async def work(scope: dict, receive: object, send: Callable) -> None:  # type: ignore[type-arg]
            inside.append(1)
            most.append(len(inside))
            await asyncio.sleep(0.01)
            inside.pop()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        answers = asyncio.run(self._asked(Admission(work, at_once=3, in_line=20), 12))  # type: ignore[arg-type]
        assert max(most) == 3
        assert answers == [200] * 12

    def test_a_full_line_is_told_to_come_back(self) -> None:
        async def work(scope: dict, receive: object, send: Callable) -> None:  # type: ignore[type-arg]
            await asyncio.sleep(0.2)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        answers = asyncio.run(self._asked(Admission(work, at_once=1, in_line=2, wait=5), 8))  # type: ignore[arg-type]
        assert sorted(answers) == [200] * 3 + [503] * 5 or sorted(answers) == [200] * 2 + [503] * 6

    def test_a_slow_reader_of_an_answer_keeps_nobody_out(self) -> None:
        async def work(scope: dict, receive: object, send: Callable) -> None:  # type: ignore[type-arg]
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(0.3)

        answers = asyncio.run(self._asked(Admission(work, at_once=1, in_line=20, wait=0.1), 5))  # type: ignore[arg-type]
        assert answers == [200] * 5

    @staticmethod
    async def _asked(app: Admission, times: int) -> list[int]:
        async def once() -> int:
            got: list[int] = []

            async def send(message: dict) -> None:  # type: ignore[type-arg]
                if message["type"] == "http.response.start":
                    got.append(message["status"])

            scope = {"type": "http", "path": "/x", "headers": [], "query_string": b"", "method": "GET"}
            await app(scope, None, send)  # type: ignore[arg-type]
            return got[0]

        return list(await asyncio.gather(*(once() for _ in range(times))))
