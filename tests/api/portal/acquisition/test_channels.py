"""What came of each look at a channel: for stewards and administrators, on the page and by the API, for nobody else."""

from __future__ import annotations

import pytest

from catalog.acquisition import channels
from catalog.store import database
from tests.api.portal.conftest import Reader
from tests.api.portal.filling import Filled

ADDRESS = "https://weather.example/warnings"


@pytest.fixture(scope="module")
def tried(hub: Filled) -> str:
    """One look that failed, on an agreement of the hub."""
    with database.session(hub.settings.catalog_database) as session:
        told = {"agreement_id": "CJ-2026-003", "dataset": "major_hazard", "channel": "http"}
        channels.record(session, channels.ChannelAttempt(**told, outcome="taken", batches=[hub.batches["jiamusi"]]))
        failed = channels.ChannelAttempt(
            **told, outcome="failed", reason=f"{ADDRESS} 未答复 <b>", reason_en=f"{ADDRESS} did not answer"
        )
        channels.record(session, failed)
    return "CJ-2026-003"


@pytest.mark.parametrize("login", ["partner", "analyst", "auditor", "provider", "outsider"])
def test_nobody_else_sees_them(reader: Reader, tried: str, login: str) -> None:
    page = reader(login).get("/attempts")
    assert page.status_code == 403
    assert ADDRESS not in page.text
    told = reader(login).get("/api/v1/attempts")
    assert told.status_code == 403
    assert ADDRESS not in told.text
    assert 'href="/attempts' not in reader(login).get("/acquire").text


def test_unknown_readers_are_led_to_the_sign_in_and_get_401(reader: Reader, tried: str) -> None:
    assert reader().get("/attempts").status_code == 303
    assert reader().get("/api/v1/attempts").status_code == 401


@pytest.mark.parametrize("login", ["steward", "administrator"])
def test_who_mends_channels_sees_why(reader: Reader, hub: Filled, tried: str, login: str) -> None:
    text = reader(login).get("/attempts").text
    assert f"{ADDRESS} 未答复 &lt;b&gt;" in text
    assert f'href="/batches/{hub.batches["jiamusi"]}"' in text
    assert ADDRESS not in reader(login).get("/attempts?outcome=taken").text
    assert ADDRESS not in reader(login).get("/attempts?agreement=YQ-0").text
    told = reader(login).get("/api/v1/attempts", params={"outcome": "failed", "agreement": tried}).json()
    assert [(one["outcome"], one["agreement_id"]) for one in told] == [("failed", tried)]
    assert 'href="/attempts' in reader(login).get("/acquire").text


@pytest.mark.parametrize("query", ["outcome=lost", "limit=0", "limit=1001"])
def test_an_odd_question_is_refused(reader: Reader, tried: str, query: str) -> None:
    assert reader("steward").get(f"/api/v1/attempts?{query}").status_code == 422


@pytest.mark.parametrize("query", ["outcome=lost", "page=x", "page=999999", "page=-1", "agreement=%00"])
def test_an_odd_address_of_the_page_is_no_fault(reader: Reader, tried: str, query: str) -> None:
    assert reader("steward").get(f"/attempts?{query}").status_code in (200, 400)
