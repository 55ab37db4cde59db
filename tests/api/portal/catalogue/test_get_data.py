"""获取数据: what a reader who may not read is told to do, and lines to copy that give all rows."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from api.portal.catalogue import get_data
from catalog import access, workdays
from catalog.entries import resources
from catalog.identity import people
from catalog.identity.organizations import Organization
from tests.api.portal.conftest import client_of
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that shares."""
    settings = Settings(home=tmp_path_factory.mktemp("obtaining") / "var", _env_file=None)  # type: ignore[call-arg]
    made = built(settings)
    with made.session() as session:
        workdays.seed(session)
    yield made
    connection.forget(settings)


@pytest.fixture
def address(hub: Hub) -> Iterator[str]:
    """A real server over the hub, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(hub.client.app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize(
    ("login", "dataset", "badge", "advice"),
    [
        ("", "weather", "需登录", False),
        ("", "hazard", "需授权", False),
        ("other", "hazard", "需授权", True),
        ("auditor", "hazard", "不可取数", False),
        ("administrator", "hazard", "不可取数", False),
        ("auditor", "weather", "不可取数", False),
        ("other", "classified", "不可取数", False),
        ("other", "power", "不可取数", False),
    ],
)
def test_a_refused_reader_is_told_what_would_help(hub: Hub, login: str, dataset: str, badge: str, advice: bool) -> None:
    answer = client_of(hub.client.app, hub.settings, login).get(f"/resources/{dataset}")  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    card = answer.text.partition('id="get"')[2].partition("</section>")[0]
    assert next(word for word in ("需登录", "需授权", "不可取数", "可取数") if word in card) == badge
    assert ("提出申请" in card) is advice


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="no curl or no bash on this machine")
@pytest.mark.parametrize("page", [7, 60, 120, 10_000])
def test_the_lines_for_curl_give_all_rows(
    hub: Hub, address: str, page: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_data, "PAGE", page)
    with hub.session() as session:
        owner = people.authenticate(session, hub.keys["owner"])
        assert owner is not None
        view = access.decide(session, owner, "read-rows", resources.get(session, "hazard")).view
    assert view is not None
    lines = get_data.curl("en", address, view, 2, 120)
    environment = {"HUI_KEY": hub.keys["owner"], "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", lines], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = tmp_path / "hazard.ndjson"
    if written.exists():
        numbers = [json.loads(line)["hazard_id"] for line in written.read_text("utf-8").splitlines()]
    else:
        numbers = [line.partition(",")[0] for line in done.stdout.splitlines()[1:]]
    assert written.exists() is (page < 120)
    assert (len(numbers), len(set(numbers))) == (120, 120)


def test_a_refusal_says_who_answers_for_what_was_refused(hub: Hub) -> None:
    with hub.session() as session:
        session.get_one(Organization, "hlj-emergency").contact = "王科长"
    client = client_of(hub.client.app, hub.settings, "other")  # type: ignore[arg-type]
    refused = client.get("/resources/hazard/versions/1/recall")
    assert refused.status_code == 403
    assert "提供方：单位 hlj-emergency，联系人 王科长" in refused.text
