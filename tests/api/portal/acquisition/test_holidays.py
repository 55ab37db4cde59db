"""The calendar's page: everybody reads it, only administrators and stewards put a year in, and a bad table changes nothing."""

from __future__ import annotations

import pytest

from catalog.acquisition import calendars
from catalog.store import database
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled

TABLE = "date,working,name\n2031-01-01,no,元旦\n2031-01-04,yes,补班\n"


def _send(client: object, text: str, csrf: str | None = None) -> tuple[int, str]:
    told = client.csrf if csrf is None else csrf  # type: ignore[attr-defined]
    answer = client.post("/calendar", data={"csrf": told}, files={"file": ("2031.csv", text.encode())})  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def _years(hub: Filled) -> set[int]:
    with database.session(hub.settings.catalog_database) as session:
        return {one.year for one in calendars.years(session)}


@pytest.mark.parametrize("login", ["auditor", "analyst", "provider", "partner", "outsider"])
def test_others_read_the_calendar_and_cannot_set_it(reader: Reader, hub: Filled, login: str) -> None:
    client = reader(login)
    assert 'type="file"' not in client.get("/calendar").text
    assert _send(client, TABLE)[0] in (403, 404)
    assert 2031 not in _years(hub)


def test_a_form_that_the_portal_did_not_make_and_a_bad_table_change_nothing(reader: Reader, hub: Filled) -> None:
    steward = reader("steward")
    assert _send(steward, TABLE, csrf="other")[0] in (400, 403)
    status, text = _send(steward, "date,working\n2031-02-30,no\n")
    assert (status, "日期" in text) == (422, True)
    assert 2031 not in _years(hub)


def test_a_steward_puts_a_year_in(hub: Filled, app: object) -> None:
    steward = client_of(app, hub.settings, "steward", "en")  # type: ignore[arg-type]
    assert 'type="file"' in steward.get("/calendar").text
    status, text = _send(steward, TABLE)
    assert (status, "The table of 2031 is imported" in text) == (200, True)
    assert 2031 in _years(hub)
    assert "2031-01-04" in steward.get("/calendar").text
