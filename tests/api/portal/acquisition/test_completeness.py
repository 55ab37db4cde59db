"""The completeness board as a page: its words, its sums by city and by longer periods, and the template made for an agency."""

from __future__ import annotations

import io
import re

import pytest
from openpyxl import load_workbook

from api.app import create_app
from api.portal.acquisition.completeness import due_words
from catalog.acquisition import agreements, negotiation
from catalog.entries import codes
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.store import database
from contracts.excel import marks, template
from tests.agreeing import flat
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import COLLECTION, Filled

PATH = f"/collect/{COLLECTION}"


@pytest.mark.parametrize(
    ("period", "day", "months", "zh", "en"),
    [
        ("month", 5, 0, "当月 5 日前", "by day 5 of the same month"),
        ("quarter", 20, 0, "期末当月 20 日前", "by day 20 of the period's last month"),
        ("month", 5, 1, "次月 5 日前", "by day 5 of the following month"),
        ("year", 10, 3, "期后第 3 个月 10 日前", "by day 10 of month 3 after the period"),
    ],
)
def test_the_day_of_a_report_is_said_truly(period: str, day: int, months: int, zh: str, en: str) -> None:
    agreement = flat(
        id="x",
        route="collect",
        dataset="x",
        title="x",
        purpose="x",
        provider_id="x",
        period=period,
        due_day=day,
        due_months=months,
    )
    assert (due_words("zh", agreement), due_words("en", agreement)) == (zh, en)


def test_pages_say_the_month_that_the_agreement_names(fresh_hub: Filled) -> None:
    steward = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    for months, said, unsaid in ((1, "次月 5 日前", "当月"), (0, "当月 5 日前", "次月")):
        with database.session(fresh_hub.settings.catalog_database) as session:
            agreement = agreements.get(session, COLLECTION)
            agreement.collection.due_months = months
            session.add(agreement)
        for path in (PATH, f"/acquire?agreement={COLLECTION}"):
            text = steward.get(path).text
            assert said in text
            assert unsaid not in text


@pytest.mark.day
@pytest.mark.parametrize(("kind", "heads"), [("quarter", r"\d 季度<br>20\d\d"), ("year", r">\s*20\d\d</th>")])
def test_longer_periods_sum_up_the_shorter_ones(reader: Reader, kind: str, heads: str) -> None:
    text = reader("steward").get(f"{PATH}?by={kind}").text
    assert re.search(heads, text)
    assert re.search(rf'href="[^"]*by={kind}[^"]*" aria-current="true"', text) or f'by={kind}" aria-current="true"' in text
    found = re.search(r'href="([^"]*cell=yichun-emergency%3A[^"]+)#cell"', text)
    assert found
    chosen = reader("steward").get(found.group(1).replace("&amp;", "&")).text
    assert "合计自" in chosen
    parts = re.findall(rf'<a\s+href="{PATH}\?cell=yichun-emergency:(20\d\d-\d\d)', chosen)
    assert 1 <= len(parts) <= (3 if kind == "quarter" else 12)
    assert reader("steward").get(f"{PATH}?cell=yichun-emergency:{parts[0]}&to={parts[0]}").status_code == 200


@pytest.mark.day
def test_an_unknown_choice_changes_nothing_and_a_wrong_period_is_said(reader: Reader) -> None:
    steward = reader("steward")
    for odd in ("by=week", "level=moon", "by=month", "cell=nobody:2026-01", "cell=x"):
        assert "9 / 12" in steward.get(f"{PATH}?{odd}").text
    assert steward.get(f"{PATH}?to=yesterday").status_code < 500


@pytest.mark.day
def test_the_time_before_the_agreement_is_no_gap(reader: Reader) -> None:
    text = reader("steward").get(f"{PATH}?to=2020-05").text
    assert "这段时间没有应报的期" in text
    assert "未报，" not in text


@pytest.fixture
def counties(fresh_hub: Filled) -> Filled:
    """Two counties report through Jixi instead of the city itself; neither has reported yet."""
    with database.session(fresh_hub.settings.catalog_database) as session:
        for name, title in (("jiguan", "鸡冠区应急管理局"), ("hulin", "虎林市应急管理局")):
            body = Organization(id=name, name=title, name_en=f"{name.title()} bureau", kind="agency", level="county")
            organizations.add(session, body.model_copy(update={"division": "230302", "parent_id": "jixi-emergency"}))
        agreement = agreements.get(session, COLLECTION)
        known = [one.id for one in agreements.agencies(session, COLLECTION) if one.id != "jixi-emergency"]
        negotiation.set_agencies(session, agreement, [*known, "jiguan", "hulin"])
    return fresh_hub


def test_counties_are_summed_up_by_city_and_listed_on_demand(counties: Filled) -> None:
    steward = client_of(create_app(counties.settings), counties.settings, "steward")
    cities = steward.get(PATH).text
    assert "2 个县区，0 个已报" in cities
    assert "鸡西市应急管理局" in cities
    table = cities.split("<tbody>")[1].split("</tbody>")[0]
    assert table.count("<tr>") == 12
    listed = steward.get(f"{PATH}?level=county").text
    table = listed.split("<tbody>")[1].split("</tbody>")[0]
    assert table.count("<tr>") == 13
    assert "鸡冠区应急管理局" in table
    cell = re.search(r'href="([^"]*cell=jixi-emergency%3A[^"]+)#cell"', cities)
    assert cell
    assert "虎林市应急管理局" in steward.get(cell.group(1).replace("&amp;", "&")).text.split("合计自", 1)[1]
    urged = cities.split("待催报", 1)[1]
    assert "鸡冠区应急管理局" in urged, "who is reminded is who must report"
    book = load_workbook(io.BytesIO(steward.get(f"{PATH}/board.xlsx?level=county").content))
    assert book.active is not None
    assert book.active.max_row == 14


def test_without_counties_no_level_is_offered(reader: Reader) -> None:
    assert "level=county" not in reader("steward").get(PATH).text


def _sheet(content: bytes) -> tuple[str, set[str]]:
    """The line that says for whom it is, and the division codes to choose from."""
    book = load_workbook(io.BytesIO(content))
    code_sheet = book[template.CODE_SHEET]
    headers = [str(cell.value) for cell in code_sheet[1]]
    at = next(n for n, text in enumerate(headers) if "division" in text or "行政区划" in text)
    found = {str(row[at]).split(" ")[0] for row in code_sheet.iter_rows(min_row=2, values_only=True) if row[at]}
    return str(book[marks.FILL_SHEET]["A2"].value), found


def test_the_template_is_made_for_the_agency_and_its_division(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        rows = [("230803", "向阳区", ""), ("230804", "前进区", ""), ("231102", "爱辉区", "")]
        codes.replace(session, "division", rows, title="行政区划", title_en="Divisions")
    app = create_app(fresh_hub.settings)
    steward = client_of(app, fresh_hub.settings, "steward")
    told, divisions = _sheet(steward.get(f"{PATH}/template.xlsx?agency=heihe-emergency&period=2026-10").content)
    assert "填报单位：黑河市应急管理局" in told
    assert "报送期：2026-10" in told
    assert "截止：2026-11-05" in told
    assert divisions == {"231102"}
    answer = client_of(app, fresh_hub.settings, "provider").get(f"{PATH}/template.xlsx")
    told, divisions = _sheet(answer.content)
    assert "佳木斯市应急管理局" in told, "an agency's own template without asking"
    assert divisions == {"230803", "230804"}
    assert len(_sheet(steward.get(f"{PATH}/template.xlsx").content)[1]) == 3
    assert steward.get(f"{PATH}/template.xlsx?agency=nobody").status_code in (400, 404)
    assert steward.get(f"{PATH}/template.xlsx?agency=hlj-water").status_code in (400, 404)
