"""授权: the page of a resource's grants; refusals first."""

from __future__ import annotations

import re

import pytest

from api.app import create_app
from catalog.audit import chain as audit
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled

PAGE = "/resources/major_hazard/grants"
FORM = {"organization": "hlj-transport", "purpose": "路线避让", "items": ["name", "lon"], "mask-lon": "first-2"}


@pytest.mark.parametrize("who", ["", "partner", "analyst", "auditor"])
def test_others_neither_see_nor_give_grants(fresh_hub: Filled, who: str) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, who)
    for answer in (client.get(PAGE), client.post(PAGE, data={"csrf": getattr(client, "csrf", ""), **FORM})):
        assert answer.status_code in (303, 401, 403)
        assert answer.status_code != 303 or answer.headers["location"].startswith("/sign-in")
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert [one for one in audit.listed(session, action="grant") if one.outcome == "done" and one.actor == who] == []


def test_a_steward_gives_and_revokes_a_grant(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    csrf = {"csrf": client.csrf}  # type: ignore[attr-defined]
    assert f'href="{PAGE}"' in client.get("/resources/major_hazard").text
    assert client.post(PAGE, data=FORM).status_code == 403  # another page's form
    wrong = client.post(PAGE, data={**csrf, **FORM, "row_filter": "division ="})
    assert wrong.status_code == 422
    assert "附近有误" in wrong.text
    assert 'value="路线避让"' in wrong.text
    assert client.post(PAGE, data={**csrf, **FORM, "until": "no day"}).status_code == 422
    assert client.post(PAGE, data={**csrf, **FORM}).status_code == 303
    page = client.get(PAGE).text
    [number] = [one for one in re.findall(r'name="grant" value="(\w+)"', page) if f'id="reason-{one}"' in page][:1]
    assert client.post(f"{PAGE}/revoke", data={**csrf, "grant": number, "reason": " "}).status_code == 422
    assert client.post(f"{PAGE}/revoke", data={**csrf, "grant": number, "reason": "协议到期"}).status_code == 303
    assert "协议到期" in client.get(PAGE).text
    with database.session(fresh_hub.settings.catalog_database) as session:
        [given] = [one for one in audit.listed(session, action="grant") if one.actor == "steward"]
        assert given.detail["masks"] == {"lon": {"kind": "truncate", "keep": 2}}
        assert [one.object for one in audit.listed(session, action="revoke")] == ["major_hazard"]
