"""Titles for what is being typed, of entries that the caller may know of: `GET /api/v1/suggestions`, and the search's own."""

from __future__ import annotations

from sqlmodel import select

from api.app import create_app
from catalog.entries import saving
from catalog.entries.resources import Resource
from catalog.store import database
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled


def test_each_is_suggested_what_each_may_know_of(fresh_hub: Filled) -> None:
    app, settings = create_app(fresh_hub.settings), fresh_hub.settings
    anybody, steward = client_of(app, settings), client_of(app, settings, "steward")
    path = "/api/v1/suggestions"
    with database.session(settings.catalog_database) as session:
        one = session.exec(select(Resource).where(Resource.state == "published", Resource.sharing == 1)).first()
        assert one is not None
        name, title = one.name, one.title
    for client in (anybody, steward):
        found = client.get(path, params={"q": title}).json()
        assert (found[0]["name"], found[0]["title"]) == (name, title)
        assert name in {told["name"] for told in client.get(path, params={"q": title[:2]}).json()}
    with database.session(settings.catalog_database) as session:
        saving.move(session, session.exec(select(Resource).where(Resource.name == name)).one(), "withdrawn")
    assert name not in {told["name"] for told in anybody.get(path, params={"q": title}).json()}
    assert client_of(app, settings, "steward").get(path, params={"q": title}).json()[0]["name"] == name
    assert f'value="{title}"' not in anybody.get("/suggestions", params={"q": title}).text
    assert f'<option value="{title}">{name}</option>' in client_of(app, settings, "steward").get(f"/suggestions?q={title}").text
    assert (anybody.get(path).json(), anybody.get("/suggestions").text) == ([], "")
    assert anybody.get(path, params={"q": title, "size": 99}).status_code == 422
