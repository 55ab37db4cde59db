"""A format that a plug-in or a pack brings goes the whole way without a word of it in any room: draft, load, quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.entries import contracts as registry
from catalog.identity import organizations
from contracts.checks.formats import registry as formats
from hub.hub import open_hub
from hub.packs import AddPack, add
from tests.contracts.checks.plugged import installed
from tests.hub.examples import WAIT
from tests.packing import TESTER
from tests.sharing import Hub
from warehouse.foreign import door

POINT = "isbn-13 = tests.contracts.checks.trial_format:Isbn13"
ISBNS = ["9787302511625", "9780306406157"] * 15
BOOKS = "编号,书号,书名\n" + "".join(f"B{n:02d},{isbn},书{n}\n" for n, isbn in enumerate(ISBNS))


@pytest.fixture
def plugged(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The trial format, for this process and for those that open foreign files."""
    with installed(tmp_path_factory.mktemp("plug-in"), POINT, monkeypatch):
        door.close()
        yield
    door.close()


def post(hub: Hub, path: str, **body: Any) -> Any:
    return hub.client.post(f"/api/v1/{path}", json=body, headers=hub.auth("steward") | WAIT)


@pytest.mark.usefixtures("plugged")
def test_a_file_is_drafted_loaded_and_refused_by_it(hub: Hub) -> None:
    with hub.session() as session:
        organizations.set_own(session, "hlj-emergency")
    sent = {"params": {"filename": "图书.csv"}, "content": BOOKS.encode(), "headers": hub.auth("steward") | WAIT}
    drafted = hub.client.post("/api/v1/onboardings", **sent).json()
    assert drafted.get("state") == "draft", drafted
    assert [one["format"] for one in drafted["items"]] == ["", "isbn-13", ""]
    item = drafted["items"][1]["name"]
    loaded = post(hub, f"onboardings/{drafted['id']}", dataset="book", owner="hlj-emergency")
    assert loaded.status_code == 200, loaded.text
    assert loaded.json()["delivery"]["accepted"] == 30

    with hub.session() as session:
        assert str(registry.active(session, "book").item(item).format) == "isbn-13"
    delivered = hub.client.post(
        "/api/v1/resources/book/deliveries",
        params={"filename": "more.csv"},
        content="编号,书号,书名\nC1,9787302511626,错\nC2,9780306406157,对\n".encode(),
        headers=hub.auth("steward") | WAIT,
    ).json()
    assert (delivered["accepted"], delivered["quarantined"]) == (1, 1)
    refused = hub.client.get(f"/api/v1/batches/{delivered['batch']}/quarantine.csv", headers=hub.auth("steward")).text
    assert "末位校验码应为 5" in refused
    assert "the last digit should be 5" in refused

    explained = post(hub, f"resources/book/items/{item}/explain", value="9787302511626").json()
    assert {rule["rule"]: rule["state"] for rule in explained["rules"]}["isbn-13"] == "broken"


PACK = {
    "pack.yaml": "name: gauges\nversion: 1.0.0\ntitle: 测站\ntitleEn: Gauges\nlicence: CC0-1.0\n",
    "formats.yaml": """formats:
  - name: gauge-code
    title: {zh: 测站编码, en: Gauge code}
    asks: {zh: 应为 8 位测站编码, en: must be a gauge code of 8 digits}
    remedy: {zh: 请按测站名录核对, en: compare with the list of gauges}
    pattern: "1060[0-9]{4}"
    recognize: true
    valid: ["10600100"]
    invalid: ["0600100", "1060010A"]
""",
}


def test_a_pack_brings_one_as_data(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "gauges"
    folder.mkdir()
    for name, text in PACK.items():
        (folder / name).write_text(text, encoding="utf-8")
    add(open_hub(hub.settings), TESTER, AddPack(file=folder))
    with hub.session() as session:
        organizations.set_own(session, "hlj-emergency")
    rows = "".join(f"{10600000 + n},{n}\n" for n in range(40))
    sent = {"params": {"filename": "水位.csv"}, "content": f"测站,水位\n{rows}".encode(), "headers": hub.auth("steward") | WAIT}
    drafted = hub.client.post("/api/v1/onboardings", **sent).json()
    assert [one["format"] for one in drafted["items"]] == ["gauge-code", ""]
    item = drafted["items"][0]["name"]
    loaded = post(hub, f"onboardings/{drafted['id']}", dataset="gauge", owner="hlj-emergency")
    assert loaded.json()["delivery"]["accepted"] == 40, loaded.text

    formats.declare(())  # as a process that was there before the pack
    registry.parsed.cache_clear()
    explained = post(hub, f"resources/gauge/items/{item}/explain", value="20600100").json()
    rules = {rule["rule"]: rule for rule in explained["rules"]}
    assert (rules["gauge-code"]["state"], "测站名录" in rules["gauge-code"]["message"]) == ("broken", True)
    formats.declare(())
