"""The protocol's small print: headers, lines, paging, errors, as real clients need them."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.sharing import PARTNER_ITEMS, Hub

ROOT = "/delta-sharing"
TABLE = f"{ROOT}/shares/hlj-emergency/schemas/resource/tables/hazard"


def query(hub: Hub, body: Any = None, who: str = "partner", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return hub.client.post(f"{TABLE}/query", content=content, headers=hub.auth(who) | headers)


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.split("\n")]


def test_query(hub: Hub) -> None:
    answer = query(hub)
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    assert [name for name in answer.headers if "delta" in name] == ["delta-table-version"]
    assert answer.headers["Delta-Table-Version"] == "2"
    assert not answer.text.endswith("\n")
    assert answer.text.isascii()
    protocol, metadata, file = lines(answer)
    assert protocol == {"protocol": {"minReaderVersion": 1}}
    schema = json.loads(metadata["metaData"]["schemaString"])
    assert [field["name"] for field in schema["fields"]] == PARTNER_ITEMS
    types = {field["name"]: field["type"] for field in schema["fields"]}
    assert types == {
        "hazard_id": "string", "name": "string", "division": "string", "level": "long", "lon": "double",
        "assessed_on": "date", "seen_at": "timestamp", "capital": "decimal(18,6)", "owner_phone": "string",
    }  # fmt: skip
    assert all(field["nullable"] for field in schema["fields"])
    assert metadata["metaData"]["partitionColumns"] == []
    assert json.loads(file["file"]["stats"]) == {"numRecords": 60}
    assert query(hub).text == answer.text, "the same file has the same id and, for a while, the same address"


def test_policy_is_in_the_files_whatever_the_hints(hub: Hub) -> None:
    body = {"predicateHints": ["division = '230102'"], "jsonPredicateHints": "not json", "limitHint": 1}
    file = lines(query(hub, body))[2]["file"]
    content = hub.client.get(file["url"]).content
    assert len(content) == file["size"]
    table = pq.read_table(io.BytesIO(content))
    assert table.column_names == PARTNER_ITEMS
    assert table.num_rows == 60
    assert set(table["division"].to_pylist()) == {"230803"}
    assert all(len(phone) == 64 for phone in table["owner_phone"].to_pylist())
    assert b"1380000" not in content
    assert b"230102" not in content
    assert b"secret_code" not in content
    assert b"_batch" not in content
    told = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0).column(4).statistics
    assert (told.min, told.max) == (126.12, 126.24), "statistics of the file are of masked values too"


def test_links_need_no_key_and_answer_ranges(hub: Hub) -> None:
    file = lines(query(hub))[2]["file"]
    whole = hub.client.get(file["url"])
    head = hub.client.head(file["url"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(file["size"]), b"")
    assert head.headers["accept-ranges"] == "bytes"
    part = hub.client.get(file["url"], headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, whole.content[4:12])
    assert part.headers["content-range"] == f"bytes 4-11/{file['size']}"
    tail = hub.client.get(file["url"], headers={"Range": "bytes=-8"})
    assert tail.content == whole.content[-8:]
    assert hub.client.get(file["url"], headers={"Range": "bytes=999999999-"}).status_code == 416


def test_versions(hub: Hub) -> None:
    for method, path in (("GET", f"{TABLE}/version"), ("HEAD", TABLE), ("HEAD", f"{TABLE}/version")):
        answer = hub.client.request(method, path, headers=hub.auth("partner"))
        assert (answer.status_code, answer.content, answer.headers["Delta-Table-Version"]) == (200, b"", "2")
    old = query(hub, {"version": 1})
    assert old.headers["Delta-Table-Version"] == "1"
    assert lines(old)[2]["file"]["version"] == 1
    early = hub.get(f"{TABLE}/version?startingTimestamp=2020-01-01T00:00:00Z", "partner")
    assert early.headers["Delta-Table-Version"] == "1"
    assert query(hub, {"timestamp": "2099-01-01T00:00:00Z"}).headers["Delta-Table-Version"] == "2"
    assert query(hub, {"timestamp": "2000-01-01T00:00:00Z"}).status_code == 404
    told = hub.get(f"{TABLE}/metadata?version=1", "partner")
    assert (told.headers["Delta-Table-Version"], lines(told)[1]["metaData"]["version"]) == ("1", 1)


@pytest.mark.parametrize(
    ("header", "echo"),
    [
        ("", None),
        ("responseformat=parquet", "responseformat=parquet"),
        ("responseformat=delta,parquet;readerfeatures=deletionvectors,columnmapping", "responseformat=parquet"),
        ("ResponseFormat=Delta", "responseformat=delta"),
        ("asyncquery=true", "responseformat=parquet"),
        ("responseformat=parquet;includeendstreamaction=true", "responseformat=parquet;includeendstreamaction=true"),
    ],
)
def test_capabilities(hub: Hub, header: str, echo: str | None) -> None:
    answer = query(hub, **({"delta-sharing-capabilities": header} if header else {}))
    assert answer.headers.get("delta-sharing-capabilities") == echo
    told = lines(answer)
    assert ("endStreamAction" in told[-1]) == ("includeendstreamaction" in header)
    assert ("deltaProtocol" in told[0]["protocol"]) == (echo == "responseformat=delta")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "MALFORMED_REQUEST"),
        (b"[]", "MALFORMED_REQUEST"),
        (b'{"version": "x"}', "INVALID_PARAMETER_VALUE"),
        (b'{"version": -1}', "INVALID_PARAMETER_VALUE"),
        (b'{"limitHint": true}', "INVALID_PARAMETER_VALUE"),
        (b'{"timestamp": "yesterday"}', "INVALID_PARAMETER_VALUE"),
        (b'{"timestamp": "2026-01-01T00:00:00Z", "version": 1}', "INVALID_PARAMETER_VALUE"),
        (b'{"startingVersion": 1}', "INVALID_PARAMETER_VALUE"),
    ],
)
def test_wrong_queries(hub: Hub, body: bytes, code: str) -> None:
    answer = query(hub, body)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == code
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_an_empty_body_is_an_empty_query(hub: Hub) -> None:
    assert query(hub, b"").status_code == 200


def test_not_found_and_refused(hub: Hub) -> None:
    for path in (
        "/shares/nope",
        "/shares/nope/schemas",
        "/shares/hlj-emergency/schemas/theme/tables",
        "/shares/nope/all-tables",
    ):
        answer = hub.get(ROOT + path, "partner")
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    assert query(hub, {"version": 9}).json()["errorCode"] == "RESOURCE_DOES_NOT_EXIST"
    assert query(hub, who="outsider").json()["errorCode"] == "PERMISSION_DENIED"
    assert hub.get(f"{ROOT}/nothing/here", "partner").status_code == 404
    assert hub.client.get(f"{ROOT}/shares").status_code == 401
    assert hub.client.get(f"{ROOT}/shares").json()["errorCode"] == "UNAUTHENTICATED"


def test_lists_in_pages(hub: Hub) -> None:
    whole = hub.get(f"{ROOT}/shares", "partner").json()["items"]
    assert [share["name"] for share in whole] == ["hlj-emergency", "hlj-weather"]
    first = hub.get(f"{ROOT}/shares?maxResults=1", "partner").json()
    second = hub.get(f"{ROOT}/shares?maxResults=1&pageToken={first['nextPageToken']}", "partner").json()
    assert first["items"] + second["items"] == whole
    assert "nextPageToken" not in second
    none = hub.get(f"{ROOT}/shares?maxResults=0", "partner").json()
    assert none["items"] == []
    assert hub.get(f"{ROOT}/shares?pageToken={none['nextPageToken']}", "partner").json()["items"] == whole
    assert hub.get(f"{ROOT}/shares?pageToken=%%%", "partner").status_code == 400
    assert hub.get(f"{ROOT}/shares?maxResults=-1", "partner").status_code == 400
    assert hub.get(f"{ROOT}/shares/HLJ-emergency", "partner").json()["share"]["name"] == "hlj-emergency"
    assert hub.get(f"{ROOT}/shares/hlj-emergency/schemas", "partner").json()["items"] == [
        {"name": "resource", "share": "hlj-emergency"}
    ]
    tables = hub.get(f"{ROOT}/shares/hlj-emergency/schemas/RESOURCE/tables", "partner").json()["items"]
    assert [(t["name"], t["schema"], t["share"]) for t in tables] == [("hazard", "resource", "hlj-emergency")]


def test_changes(hub: Hub) -> None:
    told = lines(hub.get(f"{TABLE}/changes?startingVersion=1", "partner"))
    assert [next(iter(line)) for line in told] == ["protocol", "metaData", "add", "cdf"]
    frame = pq.read_table(io.BytesIO(hub.client.get(told[3]["cdf"]["url"]).content)).to_pylist()
    kinds = {row["hazard_id"]: row["_change_type"] for row in frame if row["_change_type"] != "update_preimage"}
    assert kinds["MH-0004"] == "delete"
    assert kinds["MH-0100"] == "insert"
    assert kinds["MH-0002"] == "update_postimage"
    assert {row["name"] for row in frame if row["hazard_id"] == "MH-0002"} == {"罐区2", "改名"}
    assert {row["division"] for row in frame} == {"230803"}
    only = lines(hub.get(f"{TABLE}/changes?startingVersion=2&endingVersion=2", "partner"))
    assert [next(iter(line)) for line in only] == ["protocol", "metaData", "cdf"]
    for wrong in ("", "?startingVersion=3", "?startingVersion=2&endingVersion=1", "?startingTimestamp=x"):
        assert hub.get(f"{TABLE}/changes{wrong}", "partner").status_code == 400, wrong


def test_changes_need_a_key_in_sight(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id", "level"], masks={"hazard_id": {"kind": "hash"}})
    answer = hub.get(f"{TABLE}/changes?startingVersion=1", "other")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "UNSUPPORTED_OPERATION")
    from catalog.access import grants

    with hub.session() as session:
        session.delete(grants.find(session, number))


def test_file_id_scheme(hub: Hub) -> None:
    assert query(hub, fileidhash="PARQUET").headers["fileidhash"] == "parquet"
    assert query(hub, fileidhash="md5").status_code == 400
