"""A need from entry to end in the portal, by its steward and the provider's person, in both languages, without a shell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from catalog.identity import organizations, people
from catalog.identity.organizations import Organization
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.wording.test_i18n import chinese_left
from tests.sharing import built
from warehouse.settings import Settings
from warehouse.storage import connection

FORM = {
    "route": "request", "title": "中小河流水位", "title_en": "River levels", "purpose": "山洪预警", "cycle": "每日",
    "dataset": "river_level", "provider": "hlj-water", "kind": "folder", "folder-path": "inbox/river_level",
}  # fmt: skip
BUY = {**FORM, "route": "buy", "provider": "hlj-power", "price_per_record": "0.02", "ceiling": "100"}


@pytest.fixture
def home(tmp_path: Path) -> Any:
    settings = Settings(home=tmp_path / "var", _env_file=None)
    made = built(settings)
    with made.session() as session:
        for one in organizations.listed(session):
            one.name_en = one.id
        people.add_person(session, "water", "赵水", "hlj-water", ("provider",), name_en="Zhao Shui")
        people.add_person(session, "chief", "洪波", "hlj-water", ("provider",), name_en="Hong Bo")
        people.add_person(session, "head", "魏国安", "hlj-emergency", ("steward",), name_en="Wei Guoan")
    yield settings
    connection.forget(settings)


def _client(settings: Settings, login: str, language: str = "zh") -> TestClient:
    return client_of(create_app(settings), settings, login, language)


def _post(client: TestClient, path: str, **form: Any) -> Any:
    return client.post(path, data={"csrf": client.csrf, **form})  # type: ignore[attr-defined]


def test_a_need_goes_its_way_from_page_to_page(home: Settings) -> None:
    steward, water, head, chief = (_client(home, login) for login in ("steward", "water", "head", "chief"))
    assert "/agreements/new" in steward.get("/acquire").text
    entered = _post(steward, "/agreements/new", **FORM)
    assert entered.status_code == 303, entered.text
    path = entered.headers["location"]
    assert f"{path}/consent" not in steward.get(path).text
    assert f"{path}/consent" in head.get(path).text
    assert _post(head, f"{path}/consent", head="魏国安", decision="consent").status_code == 303
    assert _post(steward, f"{path}/send").status_code == 303
    assert f"{path}/answer" in water.get(path).text
    assert f"{path}/answer" not in steward.get(path).text
    wrong = _post(water, f"{path}/answer", answer="refuse")
    assert (wrong.status_code, "不同意或部分同意须说明理由和依据" in wrong.text) == (422, True)
    assert 'aria-invalid="true"' in wrong.text
    for client, act, form in (
        (water, "answer", {"answer": "accept", "text": "同意共享"}),
        (chief, "consent", {"head": "洪波", "decision": "consent"}),
        (water, "sign", {"valid_until": "2098-12-31"}),
        (steward, "sign", {}),
        (steward, "change", {"reason": "换通道", "kind": "http", "http-url": "https://d/x", "http-token_env": "HUB_TOKEN_W"}),
        (steward, "renew", {"reason": "续签", "valid_until": "2099-12-31"}),
    ):
        assert client.get(f"{path}/{act}").status_code == 200, act
        assert _post(client, f"{path}/{act}", **form).status_code == 303, act
    for language, words in (
        ("zh", ("提出需求", "答复", "负责人同意", "洪波", "签订", "更改", "续签", "赵水", "个工作日", "HUB_TOKEN_W")),
        ("en", ("Enter a need", "Accept", "Zhao Shui", "working day", "Signed")),
    ):
        text = _client(home, "steward", language).get(path).text
        assert not [word for word in words if word not in text]
    assert not chinese_left(_client(home, "steward", "en").get(path).text)
    assert _post(steward, f"{path}/end", reason="业务调整").status_code == 303
    assert f"{path}/end" not in steward.get(path).text


def test_a_database_is_entered_and_shown_as_it_was_typed_in(home: Settings) -> None:
    steward, typed = _client(home, "steward"), {
        "kind": "database", "database-url": "postgresql://hub@10.1.2.3/safety", "database-table": "danger",
        "database-mode": "changes", "database-key_columns": "site, day", "database-password_env": "HUB_TOKEN_SAFETY",
    }  # fmt: skip
    path = _post(steward, "/agreements/new", **FORM | typed).headers["location"]
    text = steward.get(f"{path}/change").text
    assert 'value="site, day"' in text
    assert 'value="changes" selected' in text
    wrong = _post(steward, "/agreements/new", **FORM | typed | {"database-table": "", "database-query": "DROP TABLE danger"})
    assert (wrong.status_code, "应为一条 SELECT 语句" in wrong.text) == (422, True)
    assert 'id="w-database-query"' in wrong.text


def test_a_brokers_messages_are_entered_and_shown_as_they_were_typed_in(home: Settings) -> None:
    steward, typed = _client(home, "steward"), {
        "kind": "mqtt", "mqtt-url": "mqtts://hub@10.1.2.3", "mqtt-topics": "water/+station/+quantity, power/#",
        "mqtt-payload": "csv", "mqtt-csv_columns": "at, value", "mqtt-version": "3.1.1", "mqtt-password_env": "HUB_TOKEN_WATER",
    }  # fmt: skip
    path = _post(steward, "/agreements/new", **FORM | typed).headers["location"]
    text = steward.get(f"{path}/change").text
    assert 'value="water/+station/+quantity, power/#"' in text
    assert 'value="csv" selected' in text
    assert 'value="3.1.1" selected' in text
    wrong = _post(steward, "/agreements/new", **FORM | typed | {"mqtt-topics": "a/#/b"})
    assert (wrong.status_code, 'id="w-mqtt-topics"' in wrong.text) == (422, True)


def test_files_elsewhere_are_entered_and_shown_as_they_were_typed_in(home: Settings) -> None:
    steward, typed = _client(home, "steward"), {
        "kind": "sftp", "sftp-host": "10.1.2.3", "sftp-port": "2222", "sftp-fingerprint": "SHA256:" + "A" * 43,
        "sftp-user": "hub", "sftp-key_file": "secrets/water", "sftp-folder": "/outgoing",
    }  # fmt: skip
    path = _post(steward, "/agreements/new", **FORM | typed).headers["location"]
    text = steward.get(f"{path}/change").text
    for value in ("10.1.2.3", "2222", "secrets/water", "/outgoing"):
        assert f'value="{value}"' in text
    wrong = _post(steward, "/agreements/new", **FORM | typed | {"sftp-fingerprint": "aa:bb"})
    assert (wrong.status_code, "应为服务器主机密钥的指纹" in wrong.text) == (422, True)
    store = {"kind": "s3", "s3-endpoint": "http://10.1.2.3:9000", "s3-allow_http": "true", "s3-bucket": "water"}
    path = _post(steward, "/agreements/new", **FORM | store | {"s3-path_style": "false"}).headers["location"]
    text = steward.get(f"{path}/change").text
    assert 'value="true" selected' in text
    assert 'value="false" selected' in text
    wrong = _post(steward, "/agreements/new", **FORM | store | {"s3-allow_http": ""})
    assert (wrong.status_code, "不加密" in wrong.text) == (422, True)
    web = {"kind": "webdav", "webdav-url": "https://files.example.org/water/", "webdav-token_env": "HUB_TOKEN_WATER"}
    path = _post(steward, "/agreements/new", **FORM | web).headers["location"]
    assert 'value="https://files.example.org/water/"' in steward.get(f"{path}/change").text
    assert "WebDAV" in steward.get(path, headers={"Accept-Language": "en"}).text


def test_faults_stand_at_their_fields_in_both_languages(home: Settings) -> None:
    for language, said in (
        ("zh", ("有单价时须有费用上限", "不在允许的位置", "必填")),
        ("en", ("needs a ceiling", "HUB_INBOXES")),
    ):
        steward = _client(home, "steward", language)
        answer = _post(steward, "/agreements/new", **{**BUY, "ceiling": "", "title": "", "provider": "hlj-power"})
        assert (answer.status_code, said[0] in answer.text) == (422, True)
        place = _post(steward, "/agreements/new", **{**FORM, "folder-path": "/etc"})
        assert (place.status_code, said[1] in place.text) == (422, True)
        assert 'value="/etc"' in place.text
        if language == "en":
            assert not chinese_left(answer.text.replace("每", ""))


@pytest.mark.parametrize("route", ["request", "buy", "collect"])
def test_a_form_has_the_fields_of_its_route_only(home: Settings, route: str) -> None:
    text = _client(home, "steward", "en").get(f"/agreements/new?route={route}").text
    names = set(re.findall(r'name="([\w-]+)"', text))
    assert ("price_per_record" in names, "due_day" in names) == (route == "buy", route == "collect")
    assert ("template-path" in names, "folder-path" in names) == (route == "collect", route != "collect")
    assert not chinese_left(text)


def test_a_whole_change_keeps_what_the_form_does_not_show(home: Settings) -> None:
    steward = _client(home, "steward")
    path = _post(steward, "/agreements/new", **BUY).headers["location"]
    text = steward.get(f"{path}/change").text
    assert 'value="0.0200"' in text
    form = {**BUY, "whole": "1", "reason": "提高上限", "ceiling": "200"}
    assert _post(steward, f"{path}/change", **form).status_code == 303
    assert "200" in steward.get(path).text


@pytest.mark.parametrize("who", ["partner", "outsider", "analyst", "auditor", "administrator", "owner", "water"])
def test_who_may_not_gets_no_form_and_no_page_that_is_not_theirs(home: Settings, who: str) -> None:
    path = _post(_client(home, "steward"), "/agreements/new", **{**FORM, "provider": "hlj-power"}).headers["location"]
    client = _client(home, who)
    assert client.get("/agreements/new").status_code == 403
    assert _post(client, "/agreements/new", **FORM).status_code == 403
    sees = who in ("auditor", "administrator")
    assert client.get(path).status_code == (200 if sees else 403 if who in ("partner", "outsider") else 404)
    for act in ("answer", "sign", "change", "end", "extend", "renew"):
        assert client.get(f"{path}/{act}").status_code in (403, 404)
        assert _post(client, f"{path}/{act}", reason="x", answer="accept").status_code in (403, 404)


def test_a_form_of_another_page_is_refused(home: Settings) -> None:
    steward = _client(home, "steward")
    assert steward.post("/agreements/new", data={**FORM, "csrf": "x"}).status_code == 403
    assert steward.get("/agreements/YQ-2026-999").status_code == 404
    with database.session(home.catalog_database) as session:
        organizations.add(session, Organization(id="gone", name="撤", kind="department", active=False))
    assert 'value="gone"' not in steward.get("/agreements/new").text


HAVE = {**FORM, "title": "储罐安全", "items": "R 值\n评估日期 | date\n\n注册资本"}
"""Items that each entry of `tests.sharing` has."""


def test_matches_are_shown_while_items_are_typed_and_to_nobody_else(home: Settings) -> None:
    for who in ("owner", "partner"):
        assert _post(_client(home, who), "/agreements/new/matches", **HAVE).status_code == 403
    steward = _client(home, "steward")
    assert steward.post("/agreements/new/matches", data={**HAVE, "csrf": "x"}).status_code == 403
    shown = _post(steward, "/agreements/new/matches", **HAVE).text
    assert shown.count('href="/resources/hazard"') == 1
    assert "名称相同" in shown
    assert 'id="f-in_spite_of"' in shown
    assert "没有找到这些信息项" in _post(steward, "/agreements/new/matches", **FORM, items="懂").text
    assert _post(steward, "/agreements/new/matches", **FORM, items=" \n ").text.strip() == ""
    assert _post(steward, "/agreements/new/matches", **FORM, items="长" * 101).text.strip() == ""
    assert not chinese_left(_post(_client(home, "steward", "en"), "/agreements/new/matches", **FORM, items="capital").text)


def test_without_a_script_the_form_comes_back_with_the_matches_and_asks_for_the_reason(home: Settings) -> None:
    steward = _client(home, "steward")
    asked = _post(steward, "/agreements/new", **HAVE)
    assert asked.status_code == 422
    assert 'href="/resources/hazard"' in asked.text
    assert "注册资本" in asked.text
    assert '<a href="#f-in_spite_of">' in asked.text
    path = _post(steward, "/agreements/new", **HAVE, in_spite_of="已有数据每月一次", wanted_by="2027-03-31").headers["location"]
    page = steward.get(path).text
    assert "提出前的查找" in page
    assert "已有数据每月一次" in page
    assert "R 值、评估日期、注册资本" in page
    too_many = _post(steward, "/agreements/new", **{**HAVE, "items": "项\n" * 61})
    assert too_many.status_code == 422
    assert '<a href="#f-items">' in too_many.text
