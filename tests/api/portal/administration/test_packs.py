"""Packs in the portal: looked at by stewards, added and removed by administrators; the domain's words come from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient

from api.app import create_app
from catalog.identity.organizations import Organization
from catalog.store import database
from tests.api.portal.administration.test_people import form
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled
from tests.hub.test_packs import archive
from tests.packing import LIBRARY


@pytest.mark.parametrize("login", ["steward", "auditor", "partner"])
def test_the_others_neither_add_nor_remove(reader: Reader, login: str) -> None:
    client = reader(login)
    assert client.get("/packs").status_code == (200 if login == "steward" else 403)
    for path in ("/packs", "/packs/emergency/remove"):
        assert form(client, path).status_code == 403
        assert reader("administrator").post(path, data={"csrf": "x"}).status_code == 403


def test_a_stranger_is_led_to_the_sign_in(fresh_hub: Filled) -> None:
    client = TestClient(create_app(fresh_hub.settings), base_url="https://testserver", follow_redirects=False)
    assert client.get("/packs").headers["location"] == "/sign-in?next=%2Fpacks"


def test_a_pack_is_added_upgraded_and_removed(fresh_hub: Filled, tmp_path: Path) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        session.add(Organization(id="city-library", name="市图书馆", kind="department"))
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "administrator")
    assert "应急管理数据资源目录" in client.get("/").text
    assert _send(client, b"no archive").status_code == 422
    added = _send(client, archive(LIBRARY))
    assert added.status_code == 200
    assert "已安装 library 1.0.0" in added.text
    assert "公共图书馆数据资源目录" in client.get("/").text
    assert "Public library data catalogue" in client.get("/?lang=en").text
    wrong = shutil.copytree(LIBRARY, tmp_path / "library")
    (wrong / "codes.yaml").write_text("demand-level: {title: 热度, codes: []}", encoding="utf-8")
    refused = _send(client, archive(wrong))
    assert refused.status_code == 422
    assert "raise its version" in refused.text
    assert form(client, "/packs/base/remove").status_code == 422
    assert form(client, "/packs/library/remove").status_code == 200
    assert "应急管理数据资源目录" in client.get("/?lang=zh").text


def _send(client: TestClient, content: bytes) -> Response:
    csrf = client.get("/packs").text.split('name="csrf" value="')[1].split('"')[0]
    return client.post("/packs", data={"csrf": csrf}, files={"file": ("library.zip", content, "application/zip")})
