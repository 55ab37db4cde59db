"""任务: who sees which, how a page follows one, and long acts begun by forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select

from api.app import create_app
from catalog.releases.releases import Release
from catalog.store import database
from catalog.store.jobs import Job, add
from hub import jobs
from tests.api.portal.conftest import client_of
from tests.api.portal.filling import Filled


def _waiting(hub: Filled, caller: str) -> str:
    with database.session(hub.settings.catalog_database) as session:
        return add(session, Job(act="rebuild", caller=caller, subject={}, payload={}, object="major_hazard")).id


def test_nobody_known_signs_in_first(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings)
    for path in ("/jobs", f"/jobs/{_waiting(fresh_hub, 'steward')}"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


def test_anothers_job_is_not_there_and_is_not_cancelled(fresh_hub: Filled) -> None:
    number = _waiting(fresh_hub, "steward")
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "partner")
    assert client.get(f"/jobs/{number}").status_code == 404
    assert number not in client.get("/jobs").text
    assert client.post(f"/jobs/{number}/cancel", data={"csrf": client.csrf}).status_code == 404  # type: ignore[attr-defined]


def test_a_form_of_another_page_cancels_nothing(fresh_hub: Filled) -> None:
    number = _waiting(fresh_hub, "steward")
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    assert client.post(f"/jobs/{number}/cancel", data={"csrf": "x"}).status_code == 403


@pytest.mark.parametrize("language", ["zh", "en"])
def test_one_that_waits_is_followed_and_cancelled(fresh_hub: Filled, language: str) -> None:
    number = _waiting(fresh_hub, "steward")
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward", language)
    page = client.get(f"/jobs/{number}")
    assert (page.status_code, page.headers["refresh"]) == (200, "2")
    client.post(f"/jobs/{number}/cancel", data={"csrf": client.csrf})  # type: ignore[attr-defined]
    page = client.get(f"/jobs/{number}")
    assert "refresh" not in page.headers
    assert {"zh": "已取消", "en": "Cancelled"}[language] in page.text
    assert number in client.get("/jobs").text


def test_a_version_is_published_by_a_form(fresh_hub: Filled) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
    with database.session(fresh_hub.settings.catalog_database) as session:
        before = len(session.exec(select(Release)).all())
    assert 'href="/resources/major_hazard/versions/publish"' in client.get("/resources/major_hazard/versions").text
    assert client.get("/resources/major_hazard/versions/publish").status_code == 200
    data = {"csrf": client.csrf, "note": "一季度"}  # type: ignore[attr-defined]
    answer = client.post("/resources/major_hazard/versions/publish", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/resources/major_hazard/versions")
    assert "一季度" in client.get("/resources/major_hazard/versions").text
    with database.session(fresh_hub.settings.catalog_database) as session:
        assert len(session.exec(select(Release)).all()) == before + 1


def test_a_rebuild_that_fails_says_why(fresh_hub: Filled) -> None:
    """The filled hub has batches whose files were never there."""
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward", "en")
    assert "checked and loaded again" in client.get("/resources/major_hazard/rebuild").text
    answer = client.post("/resources/major_hazard/rebuild", data={"csrf": client.csrf})  # type: ignore[attr-defined]
    page = client.get(answer.headers["location"]).text
    assert "Failed" in page
    assert "is not in" in page


@pytest.mark.parametrize("path", ["versions/publish", "rebuild"])
@pytest.mark.parametrize("who", ["partner", "auditor"])
def test_who_may_not_sees_no_form(fresh_hub: Filled, path: str, who: str) -> None:
    client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, who)
    assert client.get(f"/resources/major_hazard/{path}").status_code in (403, 404)
    data = {"csrf": client.csrf}  # type: ignore[attr-defined]
    assert client.post(f"/resources/major_hazard/{path}", data=data).status_code in (403, 404)


def test_a_form_whose_job_takes_longer_leads_to_its_page(fresh_hub: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    root: Path = fresh_hub.settings.root
    monkeypatch.setattr("api.portal.shell.background.PATIENCE", 0)
    jobs.runs_here(root, lambda: None)
    try:
        client = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward")
        data = {"csrf": client.csrf}  # type: ignore[attr-defined]
        answer = client.post("/resources/major_hazard/rebuild", data=data)
        assert answer.headers["location"].startswith("/jobs/")
    finally:
        jobs.runs_here(root, None)
