"""A filled hub, its application, readers of every role, and a real Chromium over a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from catalog.identity import people
from catalog.store import database
from tests import homes
from tests.api.portal.filling import Filled, fill
from warehouse.settings import Settings

SHOTS = Path(__file__).resolve().parents[2] / "screenshots"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A filled home to be copied, made once for all test processes, and its batches by name."""

    def make(home: Path) -> dict[str, str]:
        filled = fill(_settings(home))
        homes.let_go(filled.settings)
        return filled.batches

    return homes.once(tmp_path_factory, "portal", make)


def _settings(home: Path) -> Settings:
    return Settings(home=home, environment="demo", _env_file=None)  # type: ignore[call-arg]


def copy_of(filled_home: tuple[Path, dict[str, str]], to: Path) -> Filled:
    """A copy of the filled home, to be changed."""
    return Filled(_settings(homes.copied(filled_home[0], to)), dict(filled_home[1]))


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory, filled_home: tuple[Path, dict[str, str]]) -> Filled:
    """One filled installation for all portal tests; tests that change it take `fresh_hub`."""
    return copy_of(filled_home, tmp_path_factory.mktemp("portal") / "var")


@pytest.fixture
def fresh_hub(tmp_path: Path, filled_home: tuple[Path, dict[str, str]]) -> Filled:
    """A filled installation of its own, to be changed."""
    return copy_of(filled_home, tmp_path / "var")


@pytest.fixture(scope="session")
def app(hub: Filled) -> FastAPI:
    """The whole application over the filled hub."""
    return create_app(hub.settings)


Reader = Callable[..., TestClient]


def session_of(settings: Settings, login: str) -> tuple[str, str]:
    """A portal session of a person: the cookie's token and the CSRF token."""
    with database.session(settings.catalog_database) as session:
        subject, token = people.begin(session, people.get_person(session, login))
        return token, subject.csrf


def client_of(app: FastAPI, settings: Settings, login: str = "", language: str = "zh") -> TestClient:
    """A client that is signed in as a person, or nobody known."""
    client = TestClient(app, follow_redirects=False, headers={"accept": "text/html"})
    client.cookies.set("hui_lang", language)
    if login:
        token, client.csrf = session_of(settings, login)  # type: ignore[attr-defined]
        client.cookies.set("hui_session", token)
    return client


@pytest.fixture
def reader(app: FastAPI, hub: Filled) -> Reader:
    """Clients of the shared hub by login."""

    def made(login: str = "", language: str = "zh") -> TestClient:
        return client_of(app, hub.settings, login, language)

    return made


@pytest.fixture(scope="session")
def address(app: FastAPI, hub: Filled) -> Iterator[str]:
    """A real server over the shared hub, on a free port, for the browser."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium, once for all tests."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
