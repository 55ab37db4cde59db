"""Pages without a script: reading, searching, filtering, paging, signing in, undoing, correcting, exporting."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import HEADERS, PASSWORD, Filled, report
from warehouse.storage import connection

PORTAL = Path(__file__).resolve().parents[3] / "api" / "portal"


def total(text: str) -> int:
    found = re.search(r"<b>([\d,]+)</b>", text)
    assert found
    return int(found.group(1).replace(",", ""))


def test_search_finds_the_exact_name_first_and_says_why(reader: Reader) -> None:
    text = reader("steward").get("/?q=地震目录").text
    assert "<mark>地震目录</mark>" in text
    assert "匹配" in text
    assert text.index("/resources/earthquake") < text.index('class="below-list"')


def test_facets_narrow_and_chips_take_back(reader: Reader) -> None:
    steward = reader("steward")
    everything = total(steward.get("/").text)
    free = steward.get("/?sharing=1").text
    both = steward.get("/?sharing=1&sharing=2").text
    assert 0 < total(free) < total(both) <= everything
    assert 'class="chip" href="/"' in free
    assert re.search(r'id="f-sharing-2"[^>]*>.*?<span class="total">(\d+)', free), "its own choice does not empty a facet"


def test_nothing_found_says_which_condition_to_drop_and_what_that_gives(reader: Reader) -> None:
    text = reader("steward").get("/?route=collect&sharing=1").text
    assert "没有符合条件的资源" in text
    assert re.search(r"去掉「[^」]+」，有 \d+ 项", text)


def test_pages_have_addresses_of_their_own(reader: Reader) -> None:
    text = reader("steward").get("/batches?size=20&page=2").text
    assert 'aria-current="page">2<' in text
    assert 'rel="prev"' in text


@pytest.mark.parametrize("query", ["page=-1", "page=0", "page=99999999999", "page=x", "size=7", "sort=evil", "sharing=9"])
def test_strange_parameters_break_nothing(reader: Reader, query: str) -> None:
    assert reader("steward").get(f"/?{query}").status_code == 200
    assert reader("steward").get(f"/batches?{query}").status_code == 200


def test_a_null_character_is_told_to_be_one(reader: Reader) -> None:
    answer = reader("steward").get("/?q=%00")
    assert answer.status_code == 400
    assert "空字符" in answer.text


def test_what_a_reader_types_is_never_markup(reader: Reader) -> None:
    text = reader("steward").get('/?q=<script>alert(1)</script>&provider="><img src=x>').text
    assert "<script>alert" not in text
    assert "<img" not in text


def test_the_thirteen_items_keep_their_numbers_and_order(reader: Reader) -> None:
    text = reader().get("/resources/major_hazard").text
    assert [int(n) for n in re.findall(r'<span class="order">(\d+)</span>', text)] == list(range(1, 14))


def test_a_code_opens_the_resource_and_an_unknown_name_says_so(reader: Reader) -> None:
    assert reader().get("/resources/no_such_thing").status_code == 404
    assert "没有" in reader().get("/resources/no_such_thing").text


def test_lines_to_copy_are_made_for_the_grant_and_hold_no_key(reader: Reader) -> None:
    text = reader("partner").get("/resources/major_hazard").text
    assert "major_hazard/<wbr>rows" in text
    assert "$HUI_KEY" in text
    assert not re.search(r"hui_[0-9a-f]{10}_", text)
    assert "业务协同：危化企业联合检查" in text
    assert "14 / 15 项" in text


def test_a_recalled_version_is_marked_with_its_reason(reader: Reader) -> None:
    text = reader("steward").get("/resources/major_hazard/versions").text
    assert "已召回" in text
    assert "坐标错误" in text


@pytest.mark.day
def test_the_equation_reconciles_on_screen(reader: Reader, hub: Filled) -> None:
    text = reader("steward").get(f"/batches/{hub.batches['jiamusi']}").text
    figures = [int(n.replace(",", "")) for n in re.findall(r'class="figure(?: bad)?">([\d,]+)<', text)]
    received, accepted, quarantined = figures[:3]
    assert received == accepted + quarantined == 321
    assert "对账一致" in text


def test_quarantined_cells_are_framed_with_the_value_received(reader: Reader, hub: Filled) -> None:
    text = reader("steward").get(f"/batches/{hub.batches['jiamusi']}").text
    assert re.search(r'class="refused"><span class="mono nowrap">91230803MA1C105580</span>', text)
    assert re.search(r"230803-MH-9999,缺列的一行,91230803", reader("steward").get(
        f"/batches/{hub.batches['jiamusi']}?rule=columns").text)  # fmt: skip


def test_all_quarantined_rows_stand_on_one_page_to_print(reader: Reader, hub: Filled) -> None:
    """At 4481aa4 a print held 10 of 60."""
    steward, path = reader("steward"), f"/batches/{hub.batches['jiamusi']}"
    paged = steward.get(path).text
    assert paged.count('data-header="原表行"') == 10
    assert "rows=all" in paged
    whole = steward.get(f"{path}?rows=all").text
    total = int(re.search(r"(\d+) 行，按原表行号", whole).group(1))  # type: ignore[union-attr]
    assert whole.count('data-header="原表行"') == total > 10


def test_a_rule_narrows_the_quarantined_rows(reader: Reader, hub: Filled) -> None:
    text = reader("steward").get(f"/batches/{hub.batches['jiamusi']}?rule=division&item=division").text
    rows = text.split('id="rows"')[1]
    assert "230899" in rows
    assert "91230803MA1C105580" not in rows


def test_quarantine_comes_as_the_providers_own_table_with_formulas_escaped(reader: Reader, hub: Filled) -> None:
    steward = reader("steward")
    answer = steward.get(f"/batches/{hub.batches['jiamusi']}/quarantine.csv")
    assert answer.status_code == 200
    text = answer.content.decode("utf-8-sig")
    assert all(header in text.splitlines()[0] for header in HEADERS)
    assert "\n=HYPERLINK" not in text
    assert ",=HYPERLINK" not in text
    book = load_workbook(io.BytesIO(steward.get(f"/batches/{hub.batches['jiamusi']}/quarantine.xlsx").content))
    assert book.active is not None
    assert book.active.max_row > 90
    assert not list(hub.settings.scratch.glob("*.xlsx")), "the file made for the download is gone again"


def test_the_original_is_what_was_received(reader: Reader, hub: Filled) -> None:
    answer = reader("steward").get(f"/batches/{hub.batches['jiamusi']}/original")
    assert answer.content.decode() == report()


@pytest.mark.day
def test_register_exports_what_is_shown(reader: Reader) -> None:
    book = load_workbook(io.BytesIO(reader("steward").get("/acquire.xlsx?route=buy").content))
    assert book.active is not None
    rows = list(book.active.values)
    assert len(rows) == 2
    assert rows[1][0] == "GM-2026-001"


@pytest.mark.day
def test_register_tells_late_needs_first(reader: Reader) -> None:
    text = reader("steward").get("/acquire").text
    assert text.index("逾期 6 项" if "逾期 6 项" in text else ">逾期<") < text.index("其余在办")
    assert re.search(r"逾期 \d+ 个工作日", text)
    only = reader("steward").get("/acquire?late=1").text
    assert "其余在办" not in only


@pytest.mark.day
def test_the_board_marks_only_exceptions(reader: Reader, hub: Filled) -> None:
    text = reader("steward").get("/collect/CJ-2026-003").text
    for word in ("迟报", "退回", "零报告", "未报", "未到期"):
        assert word in text
    assert "9 / 12" in text
    chosen = reader("steward").get("/collect/CJ-2026-003?cell=hegang-emergency:" + _period(text)).text
    assert "212 行中 178 行坐标超出本市" in chosen


def _period(text: str) -> str:
    found = re.search(r"cell=hegang-emergency%3A([\d-]+)#cell\" aria-current", text)
    assert found
    return found.group(1)


def test_the_blank_template_is_a_workbook_for_the_agency(reader: Reader) -> None:
    answer = reader("steward").get("/collect/CJ-2026-003/template.xlsx?agency=heihe-emergency&period=2026-10")
    assert load_workbook(io.BytesIO(answer.content)).sheetnames


def test_sign_in_by_password_and_by_key(hub: Filled, app: object) -> None:
    from catalog.identity import people
    from catalog.store import database

    with database.session(hub.settings.catalog_database) as session:
        _, key = people.issue_key(session, people.get_person(session, "partner"))
    for told, name in (({"login": "steward", "password": PASSWORD}, "李敏"), ({"key": key}, "王钰")):
        client = client_of(app, hub.settings)  # type: ignore[arg-type]
        form = _form(client)
        answer = client.post("/sign-in", data={"form": form, "next": "/help", **told})
        assert (answer.status_code, answer.headers["location"]) == (303, "/help")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert name in client.get("/help").text


def _form(client: TestClient) -> str:
    found = re.search(r'name="form" value="([^"]+)"', client.get("/sign-in").text)
    assert found
    return found.group(1)


@pytest.mark.parametrize(
    "told", [{"login": "steward", "password": "wrong"}, {"login": "nobody", "password": "x"}, {"key": "hui_x_y"}]
)
def test_a_wrong_sign_in_says_so_and_not_what_was_wrong(hub: Filled, told: dict[str, str]) -> None:
    client = client_of(create_app(hub.settings), hub.settings)
    answer = client.post("/sign-in", data={"form": _form(client), **told})
    assert answer.status_code == 401
    assert "hui_session" not in answer.headers.get("set-cookie", "")
    assert 'aria-invalid="true"' in answer.text


def test_guessing_is_slowed_down(hub: Filled) -> None:
    client = client_of(create_app(hub.settings), hub.settings)
    form = _form(client)
    answers = [client.post("/sign-in", data={"form": form, "key": "hui_x_y"}).status_code for _ in range(22)]
    assert answers[0] == 401
    assert answers[-1] == 429


def test_a_sign_in_without_its_form_is_no_sign_in(reader: Reader) -> None:
    answer = reader().post("/sign-in", data={"login": "steward", "password": PASSWORD})
    assert answer.status_code == 400


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_sign_in_leads_nowhere_else(reader: Reader, wanted: str) -> None:
    client = reader()
    answer = client.post("/sign-in", data={"form": _form(client), "login": "steward", "password": PASSWORD, "next": wanted})
    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session_for_good(reader: Reader) -> None:
    client = reader("auditor")
    token = client.cookies.get("hui_session")
    client.post("/sign-out", data={"csrf": client.csrf})  # type: ignore[attr-defined]
    client.cookies.set("hui_session", token or "")
    assert "陈立" not in client.get("/").text


def test_theme_and_density_are_kept_and_set_by_the_server(reader: Reader) -> None:
    client = reader("steward")
    assert 'data-bs-theme="dark"' in client.get("/?theme=dark").text
    assert 'data-density="roomy"' in client.get("/batches?density=roomy").text
    text = client.get("/").text
    assert 'data-bs-theme="dark" data-density="roomy"' in text


def test_pages_carry_their_policy_and_nothing_inline(reader: Reader, hub: Filled) -> None:
    for path in ("/", "/resources/major_hazard", f"/batches/{hub.batches['jiamusi']}", "/collect/CJ-2026-003", "/help/parts"):
        answer = reader("steward").get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?![^>]* src=)", answer.text)
        assert not re.search(r'<[^>]+ (?:style|on\w+)="', answer.text)
        assert not re.search(r'(?:src|href)="https?://', answer.text)


@pytest.mark.day
def test_errors_are_pages_for_people_and_problems_for_programs(reader: Reader) -> None:
    page = reader().get("/nowhere")
    assert page.status_code == 404
    assert "没有这个页面" in page.text
    api = reader().get("/api/v1/nowhere")
    assert api.headers["content-type"].startswith("application/problem+json")


def test_undo_takes_a_batch_back_with_a_reason(fresh_hub: Filled) -> None:
    steward = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    path = f"/batches/{fresh_hub.batches['jiamusi']}"
    page = steward.get(f"{path}/undo").text
    assert "家单位在用" in page
    assert steward.post(f"{path}/undo", data={"csrf": steward.csrf}).status_code == 422  # type: ignore[attr-defined]
    done = steward.post(f"{path}/undo", data={"csrf": steward.csrf, "reason": "坐标错误"})  # type: ignore[attr-defined]
    assert (done.status_code, done.headers["location"]) == (303, path)
    assert "已撤销" in steward.get(path).text
    with connection.reader(fresh_hub.settings) as lake:
        batches = {row[0] for row in lake.execute("SELECT DISTINCT _batch FROM lake.resource.major_hazard").fetchall()}
    assert batches
    assert fresh_hub.batches["jiamusi"] not in batches, "the month before stands again"


def test_a_correction_is_tied_to_its_batch(fresh_hub: Filled) -> None:
    provider = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "provider")
    path = f"/batches/{fresh_hub.batches['jiamusi']}"
    lines = report().splitlines()
    mended = "\n".join([lines[0], lines[21].replace("91230803MA1C105580", "91230803MA1C00021H")]) + "\n"
    answer = provider.post(
        f"{path}/correct",
        data={"csrf": provider.csrf},  # type: ignore[attr-defined]
        files={"file": ("补正.csv", mended.encode(), "text/csv")},
    )
    assert answer.status_code == 303
    later = answer.headers["location"]
    assert later != path
    assert fresh_hub.batches["jiamusi"] in provider.get(later).text
    assert later.rpartition("/")[2] in provider.get(path).text


def test_a_recall_needs_a_reason_and_stops_the_version(fresh_hub: Filled) -> None:
    app = create_app(fresh_hub.settings)
    path = "/resources/major_hazard/versions/4/recall"
    assert client_of(app, fresh_hub.settings, "partner").get(path).status_code == 403
    steward = client_of(app, fresh_hub.settings, "steward")
    assert "1 家单位在用" in steward.get(path).text
    assert steward.post(path, data={"reason": "x"}).status_code == 403
    assert steward.post(path, data={"csrf": steward.csrf, "reason": " "}).status_code == 422  # type: ignore[attr-defined]
    assert steward.post(path, data={"csrf": steward.csrf, "reason": "坐标系写错"}).status_code == 303  # type: ignore[attr-defined]
    text = steward.get("/resources/major_hazard/versions").text
    assert "坐标系写错" in text
    assert "v3 <" in text.replace("\n", "")
    assert steward.get(path).status_code == 403


def test_the_lines_to_copy_work_as_they_stand(reader: Reader, hub: Filled) -> None:
    from catalog.identity import people
    from catalog.store import database

    with database.session(hub.settings.catalog_database) as session:
        _, key = people.issue_key(session, people.get_person(session, "partner"))
    text = reader("partner").get("/resources/major_hazard").text.replace("<wbr>", "")
    program = reader()
    bearer = {"Authorization": f"Bearer {key}"}
    rows, files = sorted(set(re.findall(r"http://127\.0\.0\.1:8700(/api/v1/resources/major_hazard/[\w/]+)", text)))
    assert b"hazard_id" in program.get(rows, headers=bearer | {"Accept": "text/csv"}).content
    listed = program.get(files, headers=bearer).json()
    assert [program.get(one["url"]).content[:4] for one in listed] == [b"PAR1"] * len(listed)
    for path in (rows, files):
        assert program.get(path, headers={"Accept": "*/*"}).status_code == 401, "without the key nothing comes"
    share, schema, table = re.findall(r"hui\.share#([\w-]+)\.(\w+)\.(\w+)", text)[0]
    told = program.get(f"/delta-sharing/shares/{share}/schemas/{schema}/tables/{table}/version", headers=bearer)
    assert told.status_code == 200
