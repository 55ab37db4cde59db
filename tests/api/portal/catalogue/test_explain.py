"""试一个值: the page where a value meets its item's rules; refusals first."""

from __future__ import annotations

import pytest

from tests.api.portal.conftest import Reader

PAGE = "/resources/major_hazard/contract/explain"


def test_strangers_sign_in_first(reader: Reader) -> None:
    client = reader()
    answer = client.get(PAGE)
    assert (answer.status_code, answer.headers["location"].startswith("/sign-in")) == (303, True)
    assert client.post(PAGE, data={"item": "lon", "value": "1"}).status_code == 403


@pytest.mark.parametrize(("language", "word"), [("zh", "应在经度"), ("en", "must be a longitude")])
def test_a_value_is_explained_in_both_languages(reader: Reader, language: str, word: str) -> None:
    client = reader("partner", language)
    assert client.get(PAGE).status_code == 200
    form = {"csrf": client.csrf, "item": "lon", "value": "361"}
    answer = client.post(PAGE, data=form)
    assert answer.status_code == 200
    assert word in answer.text
    assert 'value="361"' in answer.text


def test_what_cannot_be_asked_comes_back_with_the_reason(reader: Reader) -> None:
    client = reader("partner")
    for item, value in (("nothing", "1"), ("lon", "1" * 100_001)):
        answer = client.post(PAGE, data={"csrf": client.csrf, "item": item, "value": value})
        assert answer.status_code in (413, 422), item
    odd = client.post(PAGE, data={"csrf": client.csrf, "item": "lon", "value": "<script>alert(1)</script>"})
    assert "<script>alert" not in odd.text
