"""登记数据: a steward makes a dataset of a messy workbook in the portal, without a shell; refusals first."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import expect

from api.app import create_app
from catalog.audit import chain as audit
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.identity import people
from catalog.store import database
from cli.init import prepare
from tests.api.portal.catalogue.messy import workbook
from tests.api.portal.conftest import SHOTS, client_of, session_of
from tests.api.portal.filling import Filled
from warehouse.settings import Settings
from warehouse.storage.connection import forget

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases"
GOOD = "企业编号,企业名称,产值\n" + "".join(f"A{n:03d},企业{n},{n}.5\n" for n in range(50))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Settings]:
    """What `hub init` makes, with a steward and a partner, and nothing in it."""
    settings = Settings(home=tmp_path / "var", _env_file=None)  # type: ignore[call-arg]
    (tmp_path / "none").mkdir()
    prepare(settings, divisions=tmp_path / "none")
    with database.session(settings.catalog_database) as session:
        from catalog.identity import organizations

        own = organizations.own(session).id
        people.add_person(session, "steward", "李敏", own, ["steward"], name_en="Li Min")
        people.add_person(session, "partner", "王强", own, ["partner"], name_en="Wang Qiang")
    yield settings
    forget(settings)


@pytest.mark.parametrize("who", ["", "partner"])
def test_others_hand_in_nothing(fresh: Settings, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(create_app(fresh), fresh, who)
    monkeypatch.setattr("starlette.requests.Request.form", lambda *_a, **_k: pytest.fail("the form was read"))
    for path in ("/onboard", "/onboard/x", "/onboard/x/answers", "/onboard/x/discard"):
        answer = client.post(path, files={"csrf": (None, getattr(client, "csrf", "")), "file": ("a.csv", GOOD)})
        assert answer.status_code == (403 if who else 303), path
    assert client.get("/onboard").status_code == (403 if who else 303)
    assert 'href="/onboard"' not in client.get("/").text
    assert not (fresh.root / "onboardings").exists()


def test_another_pages_form_and_no_file_hand_in_nothing(fresh: Settings) -> None:
    client = client_of(create_app(fresh), fresh, "steward", "en")
    assert 'href="/onboard"' in client.get("/").text
    assert client.post("/onboard", files={"csrf": (None, "another"), "file": ("a.csv", GOOD)}).status_code == 403
    csrf = client.csrf  # type: ignore[attr-defined]
    assert "Choose a file" in client.post("/onboard", files={"csrf": (None, csrf)}).text
    unreadable = client.post("/onboard", files={"csrf": (None, csrf), "file": ("a.xlsx", b"\x00\x01\x02" * 100)})
    assert unreadable.status_code == 422
    assert "It was not done" in unreadable.text


def test_what_is_wrong_with_an_edit_loses_none_of_them(fresh: Settings) -> None:
    client = client_of(create_app(fresh), fresh, "steward", "en")
    csrf = client.csrf  # type: ignore[attr-defined]
    page = client.post("/onboard", files={"csrf": (None, csrf), "file": ("企业名单.csv", GOOD)}).headers["location"]
    form = {"csrf": csrf, "dataset": "firms", "title": "企业", "title_en": "Firms", "owner": "", "item-0": "enterprise_number"}
    form |= {"name-0": "Bad Name", "title-0": "编号甲", "type-0": "string", "required-0": "1", "key-0": "1", "grade-0": "L1"}
    wrong = client.post(page, data=form)
    assert wrong.status_code == 422
    assert 'value="Bad Name"' in wrong.text
    assert 'value="编号甲"' in wrong.text
    assert 'value="Firms"' in wrong.text
    assert client.post(page, data=form | {"name-0": "number"}).status_code == 303
    result = client.get(page).text
    assert "received 50 = accepted 50 + quarantined 0" in result
    assert 'href="/resources/firms"' in result
    again = client.post("/onboard", files={"csrf": (None, csrf), "file": ("firms.csv", GOOD.replace("企业编号", "编号甲"))})
    assert "next delivery" in client.get(again.headers["location"]).text
    assert client.post(again.headers["location"], data={"csrf": csrf}).status_code == 303


@pytest.fixture
def served(fresh: Settings) -> Iterator[str]:
    """A real server over the fresh home."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(fresh), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("language", "width", "script"), [("zh", 1280, True), ("en", 390, False)])
def test_a_steward_makes_a_dataset_without_a_shell(
    fresh: Settings, served: str, chromium: Any, language: str, width: int, script: bool
) -> None:
    """Uploaded, two rounds of questions answered, the draft edited, loaded, the entry completed and published."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
    token, _ = session_of(fresh, "steward")
    cookies = [("hui_session", token), ("hui_lang", language)]
    context.add_cookies([{"name": name, "value": value, "url": served} for name, value in cookies])
    page = context.new_page()
    SHOTS.mkdir(exist_ok=True)

    def shot(name: str) -> None:
        page.screenshot(path=SHOTS / f"onboard-{name}-{width}-{language}.png", full_page=True)

    page.goto(served + "/onboard")
    shot("1-start")
    file = {"name": "避难场所.xlsx", "mimeType": "application/octet-stream", "buffer": workbook()}
    page.set_input_files("#file", file)  # type: ignore[arg-type]
    page.click(".form-page button.primary")
    shot("2-sheet")
    page.check("input[value='2026年']")
    page.click("button.primary")
    shot("3-dates")
    page.check("input[value='启用日期=mdy']")
    page.click("button.primary")
    page.fill("#dataset", "shelter")
    page.fill("#title", "应急避难场所")
    page.fill("#title_en", "Emergency shelters")
    page.fill("#name-1", "name")
    page.fill("#name-2", "district")
    page.check("[name='key-1']")
    page.check("[name='required-2']")
    shot("4-draft")
    page.click("button.primary")
    expect(page.locator(".equation")).to_contain_text("40", timeout=60_000)  # it is loaded by a job
    shot("5-result")
    page.goto(served + "/resources/shelter/publish")
    shot("6-missing")
    page.click("a.btn.primary")
    page.fill("#class_code", "205001")
    page.check("input[value='工作参考']")
    page.fill("#sharing_condition", "经提供方同意")
    page.click("button.primary")
    shot("7-resource")
    page.goto(served + "/resources/shelter/publish")
    page.click("form button.primary")
    shot("8-published")
    context.close()
    with database.session(fresh.catalog_database) as session:
        entry, contract = resources.get(session, "shelter"), registry.active(session, "shelter")
        acts = [(one.action, one.actor) for one in audit.listed(session) if one.outcome == "done"]
    assert (entry.state, entry.code, entry.rows) == ("published", "205001/000001", 40)
    assert contract.key == ("name",)
    assert [item.name for item in contract.items][1:3] == ["name", "district"]
    for act, times in (("onboard.inspect", 1), ("onboard.answer", 2), ("onboard", 1), ("entry.edit", 1), ("entry.publish", 1)):
        assert acts.count((act, "steward")) == times, act


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are not on this machine")
@pytest.mark.parametrize(
    ("name", "accepted", "quarantined"), [("x13_title_two_header_rows.xlsx", 30, 0), ("14-merged-header-subtotals.xlsx", 9, 5)]
)
def test_files_of_before_come_in_by_the_portal_too(fresh: Settings, name: str, accepted: int, quarantined: int) -> None:
    client = client_of(create_app(fresh), fresh, "steward")
    csrf = client.csrf  # type: ignore[attr-defined]
    sent = client.post("/onboard", files={"csrf": (None, csrf), "file": (name, (CASES / name).read_bytes())})
    page = sent.headers["location"]
    assert client.post(page, data={"csrf": csrf}).status_code == 303
    total = accepted + quarantined
    assert f"收到 {total} = 入库 {accepted} + 隔离 {quarantined}" in client.get(page).text


def test_the_filled_hub_shows_the_way(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "analyst")
    assert 'href="/onboard"' not in client.get("/").text
