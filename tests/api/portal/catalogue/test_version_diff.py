"""Two versions compared: counts, example rows under the reader's masks, refusals, and the record of it."""

from __future__ import annotations

import re

import pytest
from sqlmodel import select

from api.app import create_app
from catalog.access.grants import grant
from catalog.audit.chain import AuditRecord
from catalog.entries import contracts as registry
from catalog.entries import resources
from catalog.releases import releases
from catalog.store import database
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import EARLIER_PHONE, SECRET_NAME, SECRET_PHONE, Filled

PATH = "/resources/major_hazard/versions"


def counts(text: str) -> list[int]:
    """Added, changed, removed as they are shown."""
    part = text.split('id="difference"')[1]
    return [int(told.replace(",", "")) for told in re.findall(r'class="figure">([\d,]+)<', part)]


def rows(text: str) -> str:
    return text.split('class="table-data pinned difference')[1].split("</table>")[0]


def test_any_two_versions_are_compared_by_key(reader: Reader) -> None:
    text = reader("steward").get(f"{PATH}?from=3&to=4").text
    added, changed, removed = counts(text)
    assert (added, changed, removed) == (14, 22, 0), "phone numbers are masked for stewards too, so their changes are none"
    shown = rows(text)
    assert "<del>氨水</del> <ins>液氨</ins>" in shown
    assert EARLIER_PHONE not in text
    assert SECRET_PHONE not in text
    assert shown.count('<tr class="changed"') + shown.count('<tr class="added"') == 36
    assert "信息项及其类型没有变化" in text


def test_the_order_of_the_two_does_not_matter_and_equal_ones_do_not_differ(reader: Reader) -> None:
    steward = reader("steward")
    assert counts(steward.get(f"{PATH}?from=4&to=1").text) == counts(steward.get(f"{PATH}?from=1&to=4").text)
    assert "没有差异" in steward.get(f"{PATH}?from=1&to=3").text
    assert "同一个版本" in steward.get(f"{PATH}?from=4&to=4").text


def test_a_change_of_structure_is_told(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        release = releases.get(session, resources.get(session, "major_hazard"), 3)
        release.columns = [{**one, "type": "string"} if one["name"] == "r_value" else one for one in release.columns[:-1]]
        session.add(release)
    steward = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    part = steward.get(f"{PATH}?from=3&to=4").text.split("结构变化", 1)[1]
    for name, word in (("r_value", "更改"), ("status", "新增")):
        assert re.search(rf"<code>{name}</code></th>\s*<td>{word}</td>", part)


def test_a_partner_sees_the_difference_within_its_grant_only(reader: Reader) -> None:
    text = reader("partner").get(f"{PATH}?from=3&to=4").text
    shown = rows(text)
    assert SECRET_NAME not in text, "an item outside the grant"
    assert SECRET_PHONE not in shown
    assert EARLIER_PHONE not in shown
    levels = re.findall(r'data-header="重大危险源等级"[^>]*>(\d)<', shown)
    assert levels
    assert set(levels) <= {"1", "2"}, "rows outside the grant's filter are neither shown nor counted"
    whole = reader("steward").get(f"{PATH}?from=3&to=4").text
    assert sum(counts(text)) < sum(counts(whole))
    assert "<del>139" not in shown, "telephones differ only behind the mask, which is no difference"
    assert "只差在遮蔽部分的不计" in text


@pytest.mark.parametrize(("login", "status"), [("", 401), ("outsider", 403), ("auditor", 403)])
def test_without_the_right_to_preview_nothing_is_compared(reader: Reader, hub: Filled, login: str, status: int) -> None:
    client = reader(login)
    answer = client.get(f"{PATH}?from=3&to=4")
    assert answer.status_code == status
    assert "230803-MH" not in answer.text
    assert "有差异" not in answer.text
    with database.session(hub.settings.catalog_database) as session:
        last = session.exec(select(AuditRecord).where(AuditRecord.outcome == "refused")).all()[-1]
    assert last.action == "preview"
    page = client.get(PATH)
    assert page.status_code == 200
    assert 'name="from"' not in page.text, "nor is it offered"
    assert "可预览数据的人才能比较版本" in page.text


def test_a_recalled_version_is_compared_by_nobody(reader: Reader) -> None:
    answer = reader("steward").get(f"{PATH}?from=2&to=4")
    assert answer.status_code == 403
    assert "已被召回" in answer.text
    assert '<option value="2"' not in reader("steward").get(PATH).text


def test_versions_that_are_not_there(reader: Reader) -> None:
    assert reader("steward").get(f"{PATH}?from=3&to=99").status_code == 404
    assert reader("outsider").get(f"{PATH}?from=3&to=99").status_code == 403, "refused before anything is said of versions"
    for odd in ("from=x&to=4", "from=3", "from=99999999999999999999&to=4", "from=-1&to=4"):
        assert reader("steward").get(f"{PATH}?{odd}").status_code == 200


def test_without_the_key_rows_are_not_compared(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        resource, contract = resources.get(session, "major_hazard"), registry.active(session, "major_hazard")
        grant(session, resource, contract, "hlj-water", by="steward", purpose="核查", items=["name", "level"])
        from catalog.identity import people

        people.add_person(session, "water", "赵宁", "hlj-water", ["partner"])
    text = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "water").get(f"{PATH}?from=3&to=4").text
    assert "主键未对您开放" in text
    assert "difference blocks" not in text


def test_a_comparison_is_on_record(reader: Reader, hub: Filled) -> None:
    reader("partner").get(f"{PATH}?from=1&to=4")
    with database.session(hub.settings.catalog_database) as session:
        last = session.exec(select(AuditRecord).where(AuditRecord.action == "compare-versions")).all()[-1]
    assert (last.actor, last.outcome, last.purpose) == ("partner", "allowed", "业务协同：危化企业联合检查")
    assert last.detail["versions"] == [1, 4]
    assert "owner_name" not in last.detail["items"]
    assert last.policies
