"""What the unmodified Python client, 1.4.2, sees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request
from starlette.responses import FileResponse, Response

from api.delta_sharing import actions
from api.http import streams
from catalog.access import Decision
from catalog.access.use import Reading
from catalog.entries.resources import Resource
from catalog.releases.releases import Release
from contracts.model import Contract, Item, Type
from contracts.view import View
from tests.sharing import PARTNER_ITEMS, Hub
from warehouse.serving import cuts, extract_room, extracts
from warehouse.storage import connection

Client = Callable[..., Any]
HAZARD = "hlj-emergency.resource.hazard"
READ = """
frame = delta_sharing.load_as_pandas(t({name!r}){more})
out = {{"columns": list(frame.columns), "rows": len(frame), "types": {{c: str(k) for c, k in frame.dtypes.items()}},
       "first": frame.sort_values(frame.columns[0]).head(3).astype(str).values.tolist()}}
"""


def read(client: Client, who: str, name: str = HAZARD, more: str = "") -> Any:
    return client(who, READ.format(name=name, more=more))


def test_lists_what_the_recipient_may_read(client: Client) -> None:
    listing = """
tables = delta_sharing.SharingClient(profile).list_all_tables()
out = sorted(".".join((x.share, x.schema, x.name)) for x in tables)
"""
    assert client("partner", listing) == [HAZARD, "hlj-weather.resource.weather"]
    assert client("outsider", listing) == []
    assert client("other", listing) == ["hlj-weather.resource.weather"]


def test_reads_items_and_rows_of_the_grant_masked(client: Client) -> None:
    told = read(client, "partner")
    assert told["columns"] == PARTNER_ITEMS
    assert told["rows"] == 60, "division = '230803' of 120 rows"
    assert told["types"]["seen_at"] == "datetime64[us, UTC]"
    first = dict(zip(told["columns"], told["first"][1], strict=True))
    assert first["hazard_id"] == "MH-0002"
    assert first["name"] == "改名"
    assert first["lon"] == "126.13"
    assert first["assessed_on"] == "2026-01-03"
    assert first["seen_at"] == "2025-12-31 18:00:00+00:00"
    assert first["capital"] == "2001.000000"
    assert len(first["owner_phone"]) == 64


def test_limit_and_older_version(client: Client) -> None:
    assert read(client, "partner", more=", limit=7")["rows"] == 7
    assert read(client, "partner", more=", version=1")["rows"] == 50
    assert client("partner", f"out = delta_sharing.get_table_version(t({HAZARD!r}))") == 2


def test_delta_format_by_the_rust_kernel(client: Client) -> None:
    told = read(client, "partner", more=", use_delta_format=True")
    assert (told["rows"], told["columns"]) == (60, PARTNER_ITEMS)


def test_names_without_regard_to_case(client: Client) -> None:
    assert read(client, "partner", "HLJ-Emergency.RESOURCE.Hazard")["rows"] == 60


def test_changes_by_key(client: Client) -> None:
    code = f"""
frame = delta_sharing.load_table_changes_as_pandas(t({HAZARD!r}), starting_version=1)
out = {{f"{{v}} {{k}}": len(g) for (v, k), g in frame.groupby(["_commit_version", "_change_type"])}}
"""
    assert client("partner", code) == {
        "1 insert": 50,
        "2 delete": 1,
        "2 insert": 11,
        "2 update_postimage": 1,
        "2 update_preimage": 1,
    }


@pytest.mark.parametrize("who", ["outsider", "other", "auditor"])
def test_a_refusal_comes_at_once(client: Client, who: str) -> None:
    code = f"""
import time, requests
start = time.monotonic()
try:
    delta_sharing.load_as_pandas(t({HAZARD!r}))
    out = "read"
except requests.HTTPError as error:
    out = [error.response.status_code, time.monotonic() - start]
"""
    status, seconds = client(who, code)
    assert status == 403
    assert seconds < 1


def test_chinese_in_titles_and_values(client: Client) -> None:
    code = f"out = delta_sharing.get_table_metadata(t({HAZARD!r})).__dict__"
    told = client("partner", code)
    assert "包保责任人电话" in json.loads('"' + told["schema_string"].replace('"', '\\"') + '"')
    assert told["name"] == "资源 hazard"


def test_chinese_column_names(client: Client, served: tuple[Hub, str]) -> None:
    """Contracts allow small Latin letters only; tables made otherwise may not, and text/plain would lose them silently."""
    hub, _ = served
    hub.run(
        "CREATE TABLE lake.topic.chinese AS SELECT hazard_id AS 编号, name AS 名称, level AS 等级 FROM lake.resource.hazard"
    )
    items = tuple(Item(n, n, k) for n, k in {"编号": Type.STRING, "名称": Type.STRING, "等级": Type.INTEGER}.items())
    contract = Contract("urn:x", "1.0.0", "chinese", "中文列名", items)
    view = View("chinese", "topic", ("编号", "名称", "等级"))
    with connection.reader(hub.settings) as lake:
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    resource = Resource(name="chinese", title="中文列名", library="topic", provider_id="hlj-emergency")
    release = Release(resource_id=resource.id, version=1, snapshot=snapshot, rows=120)
    reading = Reading(resource, contract, Decision(True, (), "", "", view), view, release)
    [file] = cuts.files(hub.settings, extracts.Wanted(view, snapshot))
    columns = extracts.shown_columns(hub.settings, view, snapshot)

    @hub.client.app.get("/chinese.parquet")
    def parquet() -> Response:
        return FileResponse(file.path)

    @hub.client.app.api_route("/chinese/shares/a/schemas/b/tables/c/{what}", methods=["GET", "POST"])
    def answer(request: Request, what: str) -> Response:
        asked = actions.TableQuery.by(request)
        line = actions.file(asked, f"{request.base_url}chinese.parquet", file, 2**31, release)
        lines = actions.head(asked, reading, columns) + ([line] if what == "query" else [])
        return actions.answer(asked, 1, lines)

    code = """
told = json.load(open(profile)); told["endpoint"] = told["endpoint"].replace("delta-sharing", "chinese")
json.dump(told, open(profile, "w"))
frame = delta_sharing.load_as_pandas(t("a.b.c"))
out = [list(frame.columns), len(frame), int(frame["等级"].sum()), sorted(frame["名称"])[0]]
"""
    assert client("partner", code) == [["编号", "名称", "等级"], 120, 300, "=cmd()"]


def test_a_recalled_version_ends(client: Client, served: tuple[Hub, str]) -> None:
    hub, _ = served
    hub.run("INSERT INTO lake.resource.weather (hazard_id, division, _batch, _row) VALUES ('NEW', '1', 'b', 1)")
    version = hub.release("weather")
    name = "hlj-weather.resource.weather"
    assert read(client, "partner", name)["rows"] == 101
    hub.recall("weather", version)
    assert read(client, "partner", name)["rows"] == 100, "the version in force before it"
    code = f"""
import requests
try:
    delta_sharing.load_as_pandas(t({name!r}), version={version})
    out = "read"
except requests.HTTPError as error:
    out = error.response.status_code
"""
    assert client("partner", code) == 403


def test_an_empty_view_is_an_empty_frame(client: Client, served: tuple[Hub, str]) -> None:
    hub, _ = served
    hub.grant("hazard", "firm", items=["hazard_id", "level"], row_filter="level = 99")
    told = read(client, "outsider")
    assert (told["columns"], told["rows"]) == (["hazard_id", "level"], 0)


@pytest.mark.parametrize("more", ["", ", use_delta_format=True", ", limit=7"])
def test_files_that_are_told_as_they_are_cut(
    client: Client, served: tuple[Hub, str], monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    hub, _ = served
    told = read(client, "partner", more=more)
    shutil.rmtree(extract_room.root(hub.settings))
    monkeypatch.setattr(streams, "AT_ONCE_ROWS", -1)
    assert read(client, "partner", more=more) == told


def test_changes_that_are_told_as_they_are_cut(
    client: Client, served: tuple[Hub, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, _ = served
    shutil.rmtree(extract_room.root(hub.settings), ignore_errors=True)
    monkeypatch.setattr(streams, "AT_ONCE_ROWS", -1)
    test_changes_by_key(client)
