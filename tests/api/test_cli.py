"""`hub sql`, `hub grant`, `hub revoke`, `hub grants`, `hub profile` as people call them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from tests import commands
from tests.sharing import Hub


def call(hub: Hub, *words: str, status: int = 0, **env: str) -> str:
    done = commands.hub(hub.settings.root, *words, **env)
    assert done.returncode == status, done.stderr or done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


def ask(hub: Hub, sql: str, *words: str) -> Any:
    return json.loads(call(hub, "sql", sql, "--json", *words))


def last_record(hub: Hub) -> AuditRecord:
    with hub.session() as session:
        return session.exec(select(AuditRecord).order_by(AuditRecord.sequence.desc()).limit(1)).one()  # type: ignore[attr-defined]


def test_sql_as_the_local_user(hub: Hub) -> None:
    told = ask(hub, "SELECT hazard_id, owner_phone, assessed_on, capital FROM resource.hazard WHERE hazard_id = 'MH-0002'")
    assert told == [{"hazard_id": "MH-0002", "owner_phone": "13800000002", "assessed_on": "2026-01-03", "capital": 2001}]
    record = last_record(hub)
    assert record.actor.startswith("local:")
    assert (record.action, record.object, record.policies) == ("query", "resource.hazard", ["local-operator"])


def test_decimals_keep_their_digits(hub: Hub) -> None:
    told = call(hub, "sql", "SELECT CAST('12345678901234567.89' AS DECIMAL(20,2)) AS money", "--json")
    assert '"money": 12345678901234567.89' in told


def test_sql_with_another_s_rights(hub: Hub) -> None:
    told = ask(hub, "SELECT count(*) AS n, max(length(owner_phone)) AS l FROM resource.hazard", "--as", hub.keys["partner"])
    assert told == [{"n": 60, "l": 64}]
    assert last_record(hub).actor.startswith("key:")
    assert "No grant" in call(hub, "sql", "SELECT * FROM resource.hazard", status=1, HUB_AS=hub.keys["other"])
    assert last_record(hub).outcome == "refused"
    assert "expired or revoked" in call(hub, "--as", "hui_no_key", "sql", "SELECT 1", status=1)


def test_partners_ask_the_version_in_force(hub: Hub) -> None:
    hub.run("INSERT INTO lake.resource.hazard (hazard_id, division, _batch, _row) VALUES ('NEW', '230803', 'b', 1)")
    question = "SELECT count(*) AS n FROM resource.hazard WHERE division = '230803'"
    assert ask(hub, question) == [{"n": 61}]
    assert ask(hub, question, "--as", hub.keys["partner"]) == [{"n": 60}]
    hub.run("DELETE FROM lake.resource.hazard WHERE hazard_id = 'NEW'")


def test_sql_table_and_errors(hub: Hub) -> None:
    table = call(hub, "sql", "SELECT hazard_id, name FROM resource.hazard ORDER BY 1 LIMIT 2")
    assert "MH-0000" in table
    assert "2 rows" in table
    assert ask(hub, "SELECT 1 AS a WHERE false") == []
    assert "No table raw.hazard" in call(hub, "sql", "SELECT * FROM raw.hazard", status=1)
    assert "does not parse" in call(hub, "sql", "SELEC 1", status=1)
    assert "没有可用的表" in call(hub, "sql", "SELECT * FROM raw.hazard", status=1, HUB_LANG="zh")


def test_grant_list_revoke(hub: Hub) -> None:
    words = [
        "--purpose",
        "洪水转移",
        "--items",
        "hazard_id,lon",
        "--mask",
        "lon=truncate:1",
        "--rows",
        "level = 1",
        "--until",
        "2099-12-31",
    ]
    told = json.loads(call(hub, "grant", "hazard", "hlj-water", *words, "--json"))
    assert (told["state"], told["items"], told["masks"]) == (
        "live",
        ["hazard_id", "lon"],
        {"lon": {"kind": "truncate", "keep": 1}},
    )
    assert told["expires_at"] == "2100-01-01T00:00:00+08:00", "the whole of the last day"
    rows = hub.get("/api/v1/resources/hazard/rows", "other").json()["rows"]
    assert len(rows) > 0
    assert list(rows[0]) == ["hazard_id", "lon"]
    listed = json.loads(call(hub, "grants", "--organization", "hlj-water", "--json"))
    assert [one["id"] for one in listed] == [told["id"]]
    assert told["id"][:8] in call(hub, "grants")
    call(hub, "revoke", told["id"][:8], "--reason", "用途变更")
    assert hub.get("/api/v1/resources/hazard/rows", "other").status_code == 403
    assert json.loads(call(hub, "grants", "--organization", "hlj-water", "--json"))[0]["state"] == "revoked"


@pytest.mark.parametrize(
    "words",
    [
        ["hazard", "hlj-water", "--purpose", "x", "--items", "nope"],
        ["hazard", "hlj-water", "--purpose", "x", "--mask", "lon=blur"],
        ["hazard", "hlj-water", "--purpose", "x", "--until", "soon"],
        ["hazard", "nobody", "--purpose", "x"],
        ["nothing", "hlj-water", "--purpose", "x"],
        ["classified", "hlj-water", "--purpose", "x"],
    ],
)
def test_grants_that_cannot_be(hub: Hub, words: list[str]) -> None:
    call(hub, "grant", *words, status=1)


def test_partners_give_no_grants_and_see_their_own(hub: Hub) -> None:
    call(hub, "grant", "hazard", "firm", "--purpose", "x", status=1, HUB_AS=hub.keys["partner"])
    shown = json.loads(call(hub, "grants", "--json", HUB_AS=hub.keys["partner"]))
    assert {one["organization"] for one in shown} == {"hlj-transport"}
    assert json.loads(call(hub, "grants", "--json", HUB_AS=hub.keys["outsider"])) == []


def test_profile(hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "p.share"
    call(hub, "profile", "partner", "-o", str(target), HUB_PUBLIC_URL="http://hub.test/")
    told = json.loads(target.read_text())
    assert (told["shareCredentialsVersion"], told["endpoint"]) == (1, "http://hub.test/delta-sharing/")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    answer = hub.client.get("/delta-sharing/shares", headers={"Authorization": f"Bearer {told['bearerToken']}"})
    assert answer.status_code == 200
    call(hub, "profile", "nobody", "-o", str(target), status=1)
