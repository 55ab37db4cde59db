"""Refusals first: what nobody known, a partner, an auditor and another city may not see."""

from __future__ import annotations

import pytest

from tests.api.portal.conftest import Reader
from tests.api.portal.filling import SECRET_NAME, SECRET_PHONE, Filled

INSIDE = ("/acquire", "/acquire.xlsx", "/batches", "/collect", "/collect/CJ-2026-003", "/inbox")


@pytest.mark.parametrize("path", INSIDE)
def test_operations_lead_unknown_readers_to_the_sign_in(reader: Reader, path: str) -> None:
    answer = reader().get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2F")


@pytest.mark.parametrize("path", INSIDE)
def test_operations_are_refused_to_a_partner_by_name_of_the_rule(reader: Reader, path: str) -> None:
    answer = reader("partner").get(path)
    assert answer.status_code == 403
    assert "无权查看" in answer.text


def test_places_a_role_may_not_use_are_left_out(reader: Reader) -> None:
    assert 'href="/batches"' not in reader("partner").get("/").text
    assert 'href="/batches"' not in reader("partner").get("/batches").text, "nor does the refusal offer them"
    assert 'href="/acquire"' not in reader().get("/").text
    assert 'href="/batches"' in reader("steward").get("/").text


def test_unknown_reader_learns_nothing_of_what_is_not_shared(reader: Reader) -> None:
    home = reader().get("/")
    assert "enterprise_power" not in home.text
    assert reader().get("/resources/enterprise_power").status_code == 404
    assert "enterprise_power" in reader("steward").get("/").text


def test_counts_leave_out_what_may_not_be_known(reader: Reader) -> None:
    def total(text: str) -> int:
        return int(text.split("<b>")[1].split("</b>")[0])

    assert total(reader().get("/").text) == total(reader("steward").get("/").text) - 2, "the purchase and what is made of it"


@pytest.mark.parametrize("login", ["", "partner", "outsider", "auditor", "analyst"])
def test_preview_never_holds_a_person_whom_the_reader_may_not_see(reader: Reader, login: str) -> None:
    text = reader(login).get("/resources/major_hazard/preview").text
    assert SECRET_NAME not in text
    assert SECRET_PHONE not in text


def test_an_analyst_sees_that_there_is_a_person_but_not_who(reader: Reader) -> None:
    text = reader("analyst").get("/resources/major_hazard/preview").text
    assert "包保责任人" in text
    assert "230803-MH-0002" in text
    assert "••••" in text


def test_preview_is_refused_without_a_grant(reader: Reader) -> None:
    for login in ("", "outsider", "auditor"):
        text = reader(login).get("/resources/major_hazard/preview").text
        assert "无权预览数据" in text
        assert "230803-MH-0001" not in text


def test_a_refused_preview_is_on_record(reader: Reader, hub: Filled) -> None:
    from catalog.audit import chain as audit
    from catalog.store import database

    reader("outsider").get("/resources/major_hazard/preview")
    with database.session(hub.settings.catalog_database) as session:
        [last] = audit.listed(session, limit=1)
    assert (last.actor, last.action, last.outcome) == ("outsider", "preview", "refused")


def test_preview_of_a_grant_shows_its_rows_and_masks(reader: Reader) -> None:
    text = reader("partner").get("/resources/major_hazard/preview").text
    assert "230803-MH-0004" in text, "level 1 is within the grant's rows"
    assert "230803-MH-0002" not in text, "level 3 is not"
    assert "139" in text
    assert "130.3004" not in text, "coordinates are cut to two decimals"
    assert "包保责任人" not in text.split("<table")[1], "an item outside the grant is not even a column"


@pytest.mark.parametrize("login", ["", "partner", "outsider"])
def test_samples_of_guarded_items_stay_out_of_every_tab(reader: Reader, login: str) -> None:
    for tab in ("", "/items", "/contract"):
        text = reader(login).get(f"/resources/major_hazard{tab}").text
        assert "李国强" not in text
        assert "13945412345" not in text


def test_lineage_leaves_out_what_may_not_be_known(reader: Reader) -> None:
    for tab in ("", "/lineage"):
        assert "enterprise_power" not in reader().get(f"/resources/major_hazard{tab}").text
        assert "jiamusi-emergency" not in reader().get(f"/resources/major_hazard{tab}").text, "how data comes is not told"
    ours, theirs = (reader(login).get("/resources/major_hazard/lineage").text for login in ("", "steward"))
    assert "resource.division" in ours
    assert "resource.enterprise_power" in theirs

    def count(text: str) -> int:
        return int(text.split("全部上下游，共 ")[1].split(" ")[0])

    assert count(ours) == count(theirs) - 3, "the purchase, what is made of it, and the file that only those inside are told of"
    assert ours.count("<foreignObject") == count(ours)


@pytest.mark.parametrize("login", ["analyst", "auditor"])
def test_quarantine_is_for_the_sender_and_the_stewards(reader: Reader, hub: Filled, login: str) -> None:
    batch = hub.batches["jiamusi"]
    page = reader(login).get(f"/batches/{batch}")
    assert page.status_code == 200
    assert "无权查看隔离行" in page.text
    assert "91230803MA1C105580" not in page.text, "values as received are quarantine too"
    for name in ("original", "quarantine.csv", "quarantine.xlsx"):
        assert reader(login).get(f"/batches/{batch}/{name}").status_code == 403


def test_a_partner_sees_no_batch_page(reader: Reader, hub: Filled) -> None:
    batch = hub.batches["jiamusi"]
    for name in ("", "/receipt", "/original", "/quarantine.csv", "/undo", "/correct"):
        assert reader("partner").get(f"/batches/{batch}{name}").status_code == 403


def test_the_sender_sees_its_own_quarantine_and_no_other_citys(reader: Reader, hub: Filled) -> None:
    provider = reader("provider")
    assert "91230803MA1C105580" in provider.get(f"/batches/{hub.batches['jiamusi']}").text
    assert provider.get(f"/batches/{hub.batches['hegang']}").status_code in (403, 404)


def test_undo_is_for_stewards(reader: Reader, hub: Filled) -> None:
    path = f"/batches/{hub.batches['jiamusi']}/undo"
    assert reader("provider").get(path).status_code == 403
    provider = reader("provider")
    assert provider.post(path, data={"csrf": provider.csrf, "reason": "x"}).status_code == 403  # type: ignore[attr-defined]
    assert reader("steward").get(path).status_code == 200


@pytest.mark.parametrize("path", ["undo", "correct"])
def test_changes_need_the_form_of_this_very_session(reader: Reader, hub: Filled, path: str) -> None:
    other, mine = reader("auditor"), reader("steward")
    batch = hub.batches["jiamusi"]
    for csrf in ("", "guess", other.csrf):  # type: ignore[attr-defined]
        data = {"csrf": csrf, "reason": "x"}
        files = {"file": ("x.csv", b"a")} if path == "correct" else None
        answer = mine.post(f"/batches/{batch}/{path}", data=data, files=files)
        assert answer.status_code == 403
    assert "部分隔离" in mine.get(f"/batches/{batch}").text


def test_sign_out_needs_its_token(reader: Reader) -> None:
    steward = reader("steward")
    assert steward.post("/sign-out", data={"csrf": "guess"}).status_code == 403
    assert "李敏" in steward.get("/").text


def test_static_files_do_not_leave_their_folder(reader: Reader) -> None:
    for name in ("../frame.py", "..%2fframe.py", "%2e%2e/frame.py", "vendor/.stamp", "/etc/passwd"):
        assert reader().get(f"/static/{name}").status_code == 404


def test_refusals_are_on_record(reader: Reader, hub: Filled) -> None:
    from sqlmodel import select

    from catalog.audit.chain import AuditRecord
    from catalog.store import database

    reader("partner").get("/batches")
    with database.session(hub.settings.catalog_database) as session:
        last = session.exec(select(AuditRecord).where(AuditRecord.outcome == "refused")).all()[-1]
    assert (last.actor, last.action) == ("partner", "see-operations")
