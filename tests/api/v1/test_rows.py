"""Rows: filter, select, order, pages, and the forms they come in."""

from __future__ import annotations

import csv
import decimal
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlmodel import select

from api.v1 import representations
from catalog.audit.chain import AuditRecord
from tests.sharing import PARTNER_ITEMS, Hub
from warehouse.serving.pages import Rows

ROWS = "/api/v1/resources/hazard/rows"


def names(answer: object) -> list[str]:
    return [row["hazard_id"] for row in answer.json()["rows"]]  # type: ignore[attr-defined]


def test_the_partner_sees_the_granted_items_and_rows(hub: Hub) -> None:
    told = hub.get(ROWS, "partner").json()
    assert told["version"] == 2
    assert told["next"] is None
    assert len(told["rows"]) == 60
    assert list(told["rows"][0]) == PARTNER_ITEMS
    assert {row["division"] for row in told["rows"]} == {"230803"}
    assert told["rows"][1]["lon"] == 126.13
    assert len(told["rows"][1]["owner_phone"]) == 64


def test_two_partners_cannot_join_their_hashes(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id", "owner_phone"], masks={"owner_phone": {"kind": "hash"}})
    one, other = (hub.get(f"{ROWS}/MH-0002", who).json()["rows"][0]["owner_phone"] for who in ("partner", "other"))
    assert len(one) == len(other) == 64
    assert one != other
    from catalog.access import grants

    with hub.session() as session:
        session.delete(grants.find(session, number))


def test_the_provider_sees_everything(hub: Hub) -> None:
    row = hub.get(f"{ROWS}/MH-0003", "owner").json()["rows"][0]
    assert (row["owner_phone"], row["secret_code"], row["capital"], row["lon"]) == ("13800000003", "S3", 3001.5, 126.126456)
    assert "_batch" not in row


def test_unconditional_data_leaves_out_personal_and_graded_items(hub: Hub) -> None:
    row = hub.get("/api/v1/resources/weather/rows?limit=1", "partner").json()["rows"][0]
    assert "owner_phone" not in row
    assert "capital" not in row
    assert "secret_code" not in row
    assert "r_value" in row


def test_analysts_see_that_masked_items_are_there(hub: Hub) -> None:
    row = hub.get("/api/v1/resources/weather/rows?limit=1", "analyst").json()["rows"][0]
    assert (row["owner_phone"], row["capital"], row["secret_code"]) == (None, None, None)
    assert row["hazard_id"] == "MH-0000"


@pytest.mark.parametrize(
    ("order", "size"),
    [("", 1), ("", 7), ("", 60), ("", 100), ("-level", 7), ("name,-lon", 7), ("-assessed_on", 59), ("capital", 13)],
)
def test_pages_hold_every_row_once(hub: Hub, order: str, size: int) -> None:
    whole = names(hub.get(f"{ROWS}?order={order}", "partner"))
    found, after = [], ""
    while True:
        answer = hub.get(ROWS, "partner", params={"order": order, "limit": size, "after": after})
        assert answer.status_code == 200, answer.text
        found += names(answer)
        after = answer.json()["next"]
        if after is None:
            break
    assert found == whole
    assert len(set(found)) == 60


def test_pages_without_a_visible_key(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["division", "level"])
    found, after = [], ""
    while after is not None:
        told = hub.get(ROWS, "other", params={"limit": 17, "after": after, "order": "level"}).json()
        assert all(list(row) == ["division", "level"] for row in told["rows"])
        found += told["rows"]
        after = told["next"]
    assert len(found) == 120
    assert [row["level"] for row in found] == sorted(row["level"] for row in found)
    from catalog.access import grants

    with hub.session() as session:
        session.delete(grants.find(session, number))


def test_a_page_mark_tells_nothing_and_fits_its_question_only(hub: Hub) -> None:
    mark = hub.get(f"{ROWS}?limit=5", "partner").json()["next"]
    assert "MH-" not in mark
    for changed in ({"order": "-level"}, {"filter": "level = 1"}, {"version": "1"}):
        answer = hub.get(ROWS, "partner", params={"limit": 5, "after": mark} | changed)
        assert answer.status_code == 400
        assert answer.json()["type"] == "urn:hui:problem:page-mark-invalid"
    assert hub.get(ROWS, "owner", params={"after": mark}).status_code == 400, "another's view"
    assert hub.get(ROWS, "partner", params={"after": mark[:-3] + "AAA"}).status_code == 400


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("level = 1", 30),
        ("level = 1 AND assessed_on >= '2026-02-01'", 23),
        ("hazard_id IN ('MH-0002', 'MH-0003')", 1),
        ("name LIKE '罐区1%'", 15),
        ("seen_at < TIMESTAMP '2026-01-01 04:00:00'", 2),
        ("owner_phone = '13800000002'", 0),
        ("NOT (level = 1 OR level = 3)", 0),
        ("owner_phone IS NULL", 0),
    ],
)
def test_filters(hub: Hub, condition: str, count: int) -> None:
    answer = hub.get(ROWS, "partner", params={"filter": condition})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["rows"]) == count


@pytest.mark.parametrize(
    "condition",
    [
        "secret_code = 'S2'",
        "r_value > 1",
        "_batch = 'b1'",
        "level = 1) OR (1=1",
        "1=1; DROP TABLE x",
        "level = (SELECT max(level) FROM resource.hazard)",
        "read_text('/etc/passwd') = ''",
        "getvariable('x') = 1",
        "level =",
        "level",
        "level = 'x'",
        "seen.level = 1",
        "permitted.secret_code = 'x'",
    ],
)
def test_filters_refused(hub: Hub, condition: str) -> None:
    answer = hub.get(ROWS, "partner", params={"filter": condition})
    assert answer.status_code == 400, answer.text
    assert "罐区" not in answer.text


def test_select_and_unknown_items(hub: Hub) -> None:
    told = hub.get(f"{ROWS}?select=level,hazard_id&limit=1", "partner").json()
    assert list(told["rows"][0]) == ["level", "hazard_id"]
    for wrong in ("select=secret_code", "order=r_value", "select=_row", "order=--level"):
        assert hub.get(f"{ROWS}?{wrong}", "partner").status_code == 400, wrong


def test_by_key(hub: Hub) -> None:
    assert names(hub.get(f"{ROWS}/MH-0002", "partner")) == ["MH-0002"]
    assert names(hub.get(f"{ROWS}/MH-0003", "partner")) == [], "outside the row filter"
    assert names(hub.get(f"{ROWS}/MH-0002?version=1&select=hazard_id", "partner")) == ["MH-0002"]
    assert hub.get(f"{ROWS}/MH-0002?version=1", "partner").json()["rows"][0]["name"] == "罐区2"
    assert hub.get(f"{ROWS}/MH-0002", "partner").json()["rows"][0]["name"] == "改名"


def test_forms(hub: Hub) -> None:
    def get(accept: str) -> object:
        return hub.get(f"{ROWS}?limit=10", "partner", headers={"Accept": accept})

    lines = get("application/x-ndjson").text.splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 10
    assert json.loads(lines[1])["hazard_id"] == "MH-0002"
    arrow = get("application/vnd.apache.arrow.stream")
    table = pa.ipc.open_stream(arrow.content).read_all()  # type: ignore[attr-defined]
    assert table.column_names == PARTNER_ITEMS
    assert arrow.headers["X-Next"]  # type: ignore[attr-defined]
    parquet = pq.read_table(io.BytesIO(get("application/vnd.apache.parquet").content))  # type: ignore[attr-defined]
    assert parquet.equals(table.cast(parquet.schema))
    assert get("text/html, application/json;q=0.5").headers["content-type"] == "application/json; charset=utf-8"  # type: ignore[attr-defined]
    assert get("image/png").status_code == 406  # type: ignore[attr-defined]
    assert hub.get(f"{ROWS}?format=csv", "partner").headers["content-type"] == "text/csv; charset=utf-8"


def test_csv_runs_no_formulas_and_may_begin_with_a_bom(hub: Hub) -> None:
    text = hub.get(f"{ROWS}?format=csv", "partner").text
    assert not text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 60
    assert rows[0]["name"] == "'=cmd()"
    for sign in representations.FORMULA:
        assert representations._safe(f"{sign}cmd()") == f"'{sign}cmd()", "full-width signs are run in East Asia's spreadsheets"
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert hub.get(f"{ROWS}?format=csv&bom=true", "partner").content.startswith(b"\xef\xbb\xbf")


def test_json_is_exact(hub: Hub) -> None:
    text = hub.get(f"{ROWS}/MH-0002", "owner").text
    assert '"capital": 2001.000000' in text
    assert json.loads(text)["rows"][0]["seen_at"] == "2026-01-01T02:00:00+08:00"


def test_every_read_is_on_record(hub: Hub) -> None:
    hub.get(f"{ROWS}?limit=3", "partner")
    with hub.session() as session:
        last = session.exec(select(AuditRecord).order_by(AuditRecord.sequence.desc()).limit(1)).one()  # type: ignore[attr-defined]
    assert (last.action, last.object, last.outcome, last.purpose) == (
        "read-rows",
        "hazard",
        "allowed",
        "业务协同：危险货物运输路线避让",
    )
    assert last.policies == ["conditional-with-grant"]
    assert last.detail["rows"] == 3
    assert last.detail["by"].startswith("grant:")


def test_problems_speak_the_caller_s_language(hub: Hub) -> None:
    for accept, word in {
        "en": "No grant",
        "zh-CN,en;q=0.5": "没有授权",
        "": "没有授权",
        "en;q=0.2,zh;q=0.9": "没有授权",
    }.items():
        answer = hub.get(ROWS, "outsider", headers={"Accept-Language": accept})
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
        told = answer.json()
        assert word in told["detail"]
        assert {"type", "title", "status", "detail", "instance"} <= told.keys()


def test_limits_of_parameters(hub: Hub) -> None:
    for wrong in ("limit=0", "limit=100000", "limit=x", "version=x", "version=-1"):
        assert hub.get(f"{ROWS}?{wrong}", "partner").status_code == 422, wrong
    assert hub.get(f"{ROWS}?version=77", "partner").status_code == 404


def test_decimals_of_many_digits_are_told_exactly() -> None:
    """17 digits of money are never a double on their way: JSON, NDJSON, CSV, Arrow, Parquet; inside lists, too."""
    money = decimal.Decimal("12345678901234567.89")
    kind = pa.decimal128(20, 2)
    table = pa.table({"money": pa.array([money, None], kind), "list": pa.array([[money], None], pa.list_(kind))})
    told: Any = {"after": None, "version": 1, "bom": False}
    made = {name: representations.encoded(name, Rows(table), **told) for name in representations.FORMS}
    for name in ("application/json", "application/x-ndjson", "text/csv"):
        assert made[name].decode().count("12345678901234567.89") == 2, name
        assert "e+16" not in made[name].decode()
    assert pq.read_table(io.BytesIO(made["application/vnd.apache.parquet"])).column("money").to_pylist() == [money, None]
    assert pa.ipc.open_stream(made["application/vnd.apache.arrow.stream"]).read_all().column("money").to_pylist() == [
        money,
        None,
    ]
