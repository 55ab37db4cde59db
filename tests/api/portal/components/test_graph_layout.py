"""The lineage graph: laid out on the server, whole, with the same edges in its table; items have ways of their own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.app import create_app
from api.portal.components.graph_layout import ACROSS, HEIGHT, WIDTH, draw
from catalog.store import database
from tests.api.portal import filling
from tests.api.portal.conftest import Reader, client_of
from tests.api.portal.filling import Filled

PATH = "/resources/major_hazard/lineage"


def columns(edges: set[tuple[str, str]], start: str) -> dict[object, int]:
    """The column of each box, from the left."""
    return {box.node: (box.x - 8) // (WIDTH + ACROSS) for box in draw(start, edges).boxes}


def test_sources_stand_left_and_uses_right_by_the_longest_way() -> None:
    edges = {("file", "raw"), ("raw", "us"), ("file", "us"), ("us", "theme"), ("theme", "topic"), ("us", "topic")}
    assert columns(edges, "us") == {"file": 0, "raw": 1, "us": 2, "theme": 3, "topic": 4}


def test_what_is_neither_up_nor_down_is_left_out() -> None:
    assert set(columns({("a", "us"), ("a", "sibling"), ("us", "b")}, "us")) == {"a", "us", "b"}


def test_a_lone_box_and_a_circle_are_drawn() -> None:
    assert len(draw("us", set()).boxes) == 1
    assert len(draw("us", {("us", "us")}).lines) == 0
    circle = draw("us", {("us", "a"), ("a", "b"), ("b", "us")})
    assert {box.node for box in circle.boxes} == {"us", "a", "b"}
    assert len(circle.lines) == 3


nodes = st.integers(0, 9)


@given(st.sets(st.tuples(nodes, nodes), max_size=30))
def test_boxes_never_overlap_and_stay_on_the_ground(edges: set[tuple[int, int]]) -> None:
    drawn = draw(0, edges)
    for number, one in enumerate(drawn.boxes):
        assert 0 <= one.x <= drawn.width - WIDTH
        assert 0 <= one.y <= drawn.height - HEIGHT
        for other in drawn.boxes[number + 1 :]:
            assert one.x != other.x or abs(one.y - other.y) >= HEIGHT
    known = {box.node for box in drawn.boxes}
    assert 0 in known
    assert len(drawn.lines) == len({(a, b) for a, b in edges if a != b and a in known and b in known})


@given(st.sets(st.tuples(nodes, nodes).filter(lambda pair: pair[0] < pair[1]), max_size=25))
def test_without_a_circle_every_line_leads_right(edges: set[tuple[int, int]]) -> None:
    at = columns(edges, 4)  # type: ignore[arg-type]
    for source, target in edges:
        if source in at and target in at:
            assert at[source] < at[target]


def test_the_page_draws_every_box_and_tells_every_edge(reader: Reader) -> None:
    text = reader("steward").get(PATH).text
    assert "全部上下游，共 7 个数据集和来源" in text
    assert text.count("<foreignObject") == 7
    assert text.count('<path class="edge"') == 7
    rows = text.split('id="edges"')[1].split("<tbody>")[1].split("</tbody>")[0]
    assert rows.count("<tr>") == 7
    for name in ("file:jiamusi-emergency/major_hazard", "theme.hazard", "topic.regional_risk"):
        assert name in rows
    assert text.count('class="box current"') == 2, "in the drawing, and in the list that a phone shows instead"


def test_an_item_has_its_own_way(reader: Reader) -> None:
    text = reader("steward").get(f"{PATH}?item=division").text
    assert "该信息项的全部上下游，共 3 个" in text
    assert re.search(r'href="/resources/hazard/lineage\?item=division"', text)
    rows = text.split('id="edges"')[1]
    assert "county_code" in rows
    assert "hazard_id" not in rows
    assert '<option value="hazard_id"' in text


@pytest.mark.parametrize("query", ["item=owner_name", "item=", "item=%3Cscript%3E", "item=nothing"])
def test_an_item_without_a_known_way_shows_the_whole(reader: Reader, query: str) -> None:
    text = reader("steward").get(f"{PATH}?{query}").text
    assert "全部上下游，共 7 个" in text
    assert "<script>" not in text.replace("<script src", "")


def test_items_whose_way_may_not_be_known_are_not_offered(fresh_hub: Filled) -> None:
    with database.session(fresh_hub.settings.catalog_database) as session:
        columns = {"magnitude": ("resource.enterprise_power", "x")}
        filling.ran(session, "x", ["resource.enterprise_power"], "resource.earthquake", columns)
    app = create_app(fresh_hub.settings)
    path = "/resources/earthquake/lineage"
    assert '<option value="magnitude"' in client_of(app, fresh_hub.settings, "steward").get(path).text
    text = client_of(app, fresh_hub.settings).get(path).text
    assert "magnitude" not in text
    assert "enterprise_power" not in text


def test_many_senders_are_one_box_and_each_is_counted(fresh_hub: Filled) -> None:
    """At 4481aa4 twelve cities were twelve boxes, and the last column was cut at the right edge."""
    cities = ("harbin", "qiqihar", "jixi", "hegang")
    with database.session(fresh_hub.settings.catalog_database) as session:
        sent = [f"file|{city}-emergency/major_hazard" for city in cities]
        filling.ran(session, "more", sent, "resource.major_hazard")
    text = client_of(create_app(fresh_hub.settings), fresh_hub.settings, "steward").get(PATH).text
    drawn, rows = text.split('id="edges"')
    count = int(re.search(r"(\d+) 家报送单位", drawn).group(1))  # type: ignore[union-attr]
    assert count >= len(cities)
    assert f"共 {drawn.count('<foreignObject') + count - 1} 个数据集和来源" in text
    assert all(name.replace("|", ":") in rows for name in sent), "the table still names every sender"
    assert 5 * WIDTH + 4 * ACROSS + 16 <= 1280 - 48 - 2, "five layers fit a page of 1280"
