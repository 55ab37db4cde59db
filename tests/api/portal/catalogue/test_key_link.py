"""Where data may be taken, the page leads to where a key or a Delta Sharing profile is made."""

from __future__ import annotations

from tests.api.portal.conftest import Reader


def test_who_may_take_data_is_shown_where_a_key_is_made(reader: Reader) -> None:
    panel = reader("partner").get("/resources/major_hazard").text.split('id="get"')[1].split("</section>")[0]
    assert 'href="/account"' in panel
    assert "/account" not in reader().get("/resources/major_hazard").text
