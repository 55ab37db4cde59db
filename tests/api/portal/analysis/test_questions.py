"""分析: the page where questions in SQL are typed."""

from __future__ import annotations

import pytest

from tests.api.portal.conftest import Reader

COUNT = "SELECT level, count(*) AS number FROM resource.major_hazard GROUP BY level"


def test_nobody_known_signs_in_first(reader: Reader) -> None:
    assert reader().get("/query").headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("who", ["auditor", "administrator"])
def test_who_does_not_work_with_data_has_no_such_place(reader: Reader, who: str) -> None:
    client = reader(who)
    assert client.get("/query").status_code == 403
    assert 'href="/query"' not in client.get("/").text


def test_another_pages_form_asks_nothing(reader: Reader) -> None:
    assert reader("analyst").post("/query", data={"csrf": "x", "sql": COUNT}).status_code == 403


@pytest.mark.parametrize(("language", "word"), [("zh", "查询结果"), ("en", "Answer")])
def test_an_analyst_asks_and_saves(reader: Reader, language: str, word: str) -> None:
    client = reader("analyst", language)
    assert "resource.major_hazard" in client.get("/query").text
    form = {"csrf": client.csrf, "sql": COUNT, "purpose": "月报"}  # type: ignore[attr-defined]
    page = client.post("/query", data=form)
    assert page.status_code == 200, page.text
    assert f"<h2>{word}</h2>" in page.text
    file = client.post("/query", data=form | {"form": "csv"})
    assert file.headers["content-type"].startswith("text/csv")
    assert file.content.decode("utf-8-sig").startswith("level,number")


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(reader: Reader) -> None:
    client = reader("analyst")
    form = {"csrf": client.csrf, "sql": "SELECT <b> FROM nothing", "purpose": "月报"}  # type: ignore[attr-defined]
    page = client.post("/query", data=form)
    assert page.status_code == 422
    assert "SELECT &lt;b&gt; FROM nothing" in page.text
    assert 'value="月报"' in page.text


@pytest.mark.parametrize("who", ["partner", "outsider"])
def test_a_table_without_a_right_is_refused(reader: Reader, who: str) -> None:
    client = reader(who)
    form = {"csrf": client.csrf, "sql": "SELECT * FROM resource.enterprise_registration"}  # type: ignore[attr-defined]
    page = client.post("/query", data=form)
    assert page.status_code in (403, 422)
    assert "没有执行" in page.text
