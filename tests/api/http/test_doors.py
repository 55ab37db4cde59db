"""What is open to everybody: health, metrics, documentation; and the headers of every answer."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from tests.sharing import Hub


def test_health_and_readiness(hub: Hub) -> None:
    assert hub.get("/health").json() == {"status": "ok"}
    assert hub.get("/ready").json() == {"status": "ready", "catalog": "ok", "lake": "ok"}
    moved = hub.settings.lake.rename(hub.settings.root / "elsewhere")
    try:
        answer = hub.get("/ready")
        assert (answer.status_code, answer.json()["lake"]) == (503, "failed")
    finally:
        moved.rename(hub.settings.lake)


def test_metrics_count_by_route_and_not_by_name(hub: Hub) -> None:
    hub.get("/api/v1/resources/hazard/rows?limit=1", "partner")
    text = hub.get("/metrics", "administrator").text
    assert 'route="/api/v1/resources/{name}/rows"' in text or 'route="/resources/{name}/rows"' in text
    assert "hazard" not in text


def test_documentation_asks_no_other_host(hub: Hub) -> None:
    page = hub.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "unsafe-eval" not in page.headers["Content-Security-Policy"]
    assert hub.get("/docs/start.js").headers["content-type"].startswith("text/javascript")


def test_openapi_describes_every_route_with_examples(hub: Hub) -> None:
    told = hub.get("/api/v1/openapi.json").json()
    assert {
        "/api/v1/resources",
        "/api/v1/resources/{name}",
        "/api/v1/resources/{name}/items",
        "/api/v1/resources/{name}/versions",
        "/api/v1/resources/{name}/quality",
        "/api/v1/resources/{name}/lineage",
        "/api/v1/resources/{name}/rows",
        "/api/v1/resources/{name}/rows/{key}",
        "/api/v1/resources/{name}/versions/{version}/files",
        "/api/v1/lineage",
        "/health",
        "/ready",
        "/metrics",
    } <= told["paths"].keys()
    rows = told["paths"]["/api/v1/resources/{name}/rows"]["get"]
    assert set(rows["responses"]["200"]["content"]) >= {"application/json", "application/x-ndjson", "text/csv"}
    assert "example" in rows["responses"]["200"]["content"]["application/json"]
    for path, methods in told["paths"].items():
        for method, one in methods.items():
            assert one.get("summary"), f"{method} {path}"


@pytest.mark.parametrize("path", ["/health", "/api/v1/resources", "/delta-sharing/shares", "/docs", "/nowhere"])
def test_every_answer_carries_the_headers(hub: Hub, path: str) -> None:
    headers = hub.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_lineage_as_clients_send_it(hub: Hub) -> None:
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-11T09:00:00Z",
        "run": {"runId": "not-a-uuid"},
        "job": {"namespace": "etl", "name": "nightly"},
        "inputs": [{"namespace": "hui", "name": "resource.weather"}],
        "outputs": [{"namespace": "hui", "name": "resource.hazard"}],
    }
    packed = gzip.compress(json.dumps(event).encode())
    headers = hub.auth("steward") | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    first = hub.client.post("/api/v1/lineage", content=packed, headers=headers)
    assert (first.status_code, first.json()) == (201, {"new": True, "edges": 1})
    assert hub.client.post("/api/v1/lineage", content=packed, headers=headers).json()["new"] is False
    told = hub.get("/api/v1/resources/hazard/lineage", "partner").json()
    assert [edge["source"] for edge in told["upstream"]] == ["resource.weather"]
    for body in (b"", b"{", b"[]", b"1"):
        assert hub.client.post("/api/v1/lineage", content=body, headers=hub.auth("steward")).status_code == 400
    bomb = gzip.compress(b" " * (50 * 2**20))
    assert hub.client.post("/api/v1/lineage", content=bomb, headers=headers).status_code == 413
    assert hub.client.post("/api/v1/lineage", content=b"no gzip", headers=headers).status_code == 400


def test_resources(hub: Hub) -> None:
    told = hub.get("/api/v1/resources?q=hazard", "partner").json()
    assert told["items"][0]["resource"]["name"] == "hazard"
    assert told["facets"]["sharing"]
    narrowed = hub.get("/api/v1/resources?sharing=1", "partner").json()
    assert {hit["resource"]["name"] for hit in narrowed["items"]} == {"weather"}
    one = hub.get("/api/v1/resources/hazard", "partner").json()
    assert (one["provider"]["id"], one["sharing"], one["version"]) == ("hlj-emergency", 2, 2)
    yours = {item["name"]: item["yours"] for item in hub.get("/api/v1/resources/hazard/items", "partner").json()}
    assert (yours["lon"], yours["owner_phone"], yours["secret_code"], yours["name"]) == ("truncate", "hash", "hidden", "clear")
    assert set(hub.get("/api/v1/resources/hazard/items", "other").json()[0]["yours"].split()) == {"hidden"}
    assert hub.get("/api/v1/resources/hazard/contract", "partner").json()["kind"] == "DataContract"
    assert [v["version"] for v in hub.get("/api/v1/resources/hazard/versions").json()] == [2, 1]
    assert hub.get("/api/v1/resources/hazard/versions/1").json()["state"] == "in force"
    assert hub.get("/api/v1/resources/hazard/quality").json()["rules"] == []


def test_the_server_seals_the_audit_chain_while_it_serves(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody runs `hub work`; a key that is missing is a line in the log, no reader notices."""
    from fastapi.testclient import TestClient

    from catalog.audit import chain as audit
    from catalog.audit import sealing

    def sealed() -> int:
        with hub.session() as session:
            last = sealing.last_seal(session)
            return last.last if last else 0

    monkeypatch.setattr(sealing, "SEAL_AFTER_RECORDS", 1)
    with hub.session() as session:
        audit.record(session, actor="test", action="test")
    with TestClient(hub.client.app) as serving:
        assert serving.get("/health").status_code == 200
    assert sealed() == 0
    sealing.make_key(hub.settings.audit_key)
    with TestClient(hub.client.app) as serving:
        deadline = time.monotonic() + 20
        while not sealed() and time.monotonic() < deadline:
            assert serving.get("/health").status_code == 200
    assert sealed() > 0
    with hub.session() as session:
        assert sealing.verify(session, head_file=hub.settings.audit_head).good


def test_what_is_downloaded_stays_in_no_shared_cache(hub: Hub) -> None:
    for path in ("/", "/api/v1/resources", "/delta-sharing/shares", "/batches", "/nosuch"):
        assert "no-store" in hub.get(path, "steward").headers["Cache-Control"], path
    assert "public" in hub.get("/static/css/frame.css").headers["Cache-Control"]
