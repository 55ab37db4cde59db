"""Small parts: clocks, bars, numbers, addresses."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.portal.catalogue.items import _rules
from api.portal.components.bars import LEAST, batch_parts, parts
from api.portal.components.deadline import MOST_TICKS, clock, done, ticks
from api.portal.shell.domain import of_manifests
from api.portal.shell.page import address
from api.portal.wording import formats
from catalog.workdays import Calendar
from contracts.model import Item, Type
from contracts.packs.contents import open_pack
from tests import packing

DOMAIN = of_manifests([open_pack(packing.EMERGENCY).manifest])
CALENDAR = Calendar({date(2026, 10, 1): False, date(2026, 10, 10): True}, frozenset({2026}))


@pytest.mark.parametrize(
    ("today", "kind", "days"),
    [
        (date(2026, 9, 14), "plenty", 13),
        (date(2026, 9, 29), "soon", 2),
        (date(2026, 10, 2), "today", 0),
        (date(2026, 10, 1), "soon", 1),
        (date(2026, 10, 5), "late", 1),
        (date(2026, 10, 10), "late", 6),
    ],
)
def test_a_clock_counts_working_days_with_holidays_and_make_up_days(today: date, kind: str, days: int) -> None:
    shown = clock(CALENDAR, today, date(2026, 9, 1), date(2026, 10, 2))
    assert (shown.kind, shown.days) == (kind, days)


def test_a_year_without_a_calendar_is_said() -> None:
    assert clock(CALENDAR, date(2026, 12, 30), date(2026, 12, 1), date(2027, 1, 8)).estimated == (2027,)
    assert not clock(CALENDAR, date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 6)).estimated


def test_a_step_done_says_what_it_took() -> None:
    assert done(CALENDAR, date(2026, 9, 1), date(2026, 9, 7)).days == 4


@given(st.integers(1, 400), st.integers(-400, 400))
def test_ticks_are_ten_at_most_and_tell_gone_from_left(total: int, left: int) -> None:
    shown = ticks(total, left)
    assert len([tick for tick in shown if tick != "over"]) == min(total, MOST_TICKS)
    assert ("over" in shown) == (left < 0)
    if left > 0:
        assert "" in shown, "while days are left, one tick is empty"


@given(st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
def test_a_bar_is_filled_and_shows_every_part(counts: list[int]) -> None:
    made = batch_parts(*counts)
    if not any(counts):
        assert made == ()
        return
    assert sum(part.width for part in made) == pytest.approx(100, abs=0.01)
    assert all(part.width >= LEAST - 0.001 for part in made)
    assert [part.count for part in made] == [count for count in counts if count]
    assert made[0].left == 0


def test_bars_of_nothing_but_small_parts() -> None:
    assert sum(part.width for part in parts([("a", 1), ("b", 1)])) == pytest.approx(100)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 10, "0%"), (10, 10, "100%"), (9999, 10000, "99.9%"), (1, 10000, "<0.1%"), (1, 3, "33.3%"), (0, 0, "0%")],
)
def test_a_share_never_claims_none_or_all(part: int, whole: int, said: str) -> None:
    assert formats.share(part, whole) == said


def test_numbers_sizes_and_magnitudes() -> None:
    assert formats.number(1284) == "1,284"
    assert formats.number(12.5) == "12.5"
    assert formats.size(412_345) == "412 KB"
    assert formats.size(0) == "0 B"
    assert formats.magnitude(618_000_000, "zh") == "6.18 亿"
    assert formats.magnitude(618_000_000, "en") == "618 M"
    assert formats.magnitude(4568, "zh") == "4,568"
    assert formats.seconds(0.001) == "<0.01 s"
    assert formats.long_period("2026-03", "zh") == "2026 年 3 月"
    assert formats.long_period("2026-03", "en") == "March 2026"
    assert formats.long_period("2026Q1", "en") == "Q1 2026"
    assert formats.long_period("2026", "en") == "2026"


def test_highlights_escape_everything_else() -> None:
    assert str(formats.spans("<b>重大</b>", ((3, 5),))) == "&lt;b&gt;<mark>重大</mark>&lt;/b&gt;"
    assert str(formats.slashes("http://a/b?x=1&y=<2>")) == "http://<wbr>a/<wbr>b?x=1&amp;<wbr>y=&lt;2&gt;"


def test_an_address_keeps_what_is_not_changed() -> None:
    kept = [("q", "x"), ("sharing", "1"), ("sharing", "2"), ("lang", "en"), ("page", "3")]
    assert address("/", kept, {"page": None}) == "/?q=x&sharing=1&sharing=2"
    assert address("/", kept, {"sharing": ["2"], "page": None}) == "/?q=x&sharing=2"
    assert address("/", [], {}) == "/"


def test_what_is_chinese_and_what_only_quotes_it() -> None:
    assert formats.han("危险化学品")
    assert formats.han("R 值")
    assert not formats.han("Level must be a code, received “重大”")
    assert not formats.han("2026-03")


@pytest.mark.parametrize(
    ("title", "description", "kind", "told"),
    [
        ("颜色", "风险颜色：红、橙、黄、蓝。", Type.STRING, True),
        ("预警等级", "", Type.STRING, True),
        ("车身颜色", "红色或蓝色", Type.STRING, False),
        ("风险得分", "", Type.INTEGER, False),
    ],
)
def test_a_packs_scale_is_told_from_other_colours(title: str, description: str, kind: Type, told: bool) -> None:
    assert bool(DOMAIN.levels(Item("colour", title, kind, description=description))) is told


@pytest.mark.parametrize(("language", "said"), [("zh", "计量单位 万元"), ("en", "unit 万元")])
def test_the_unit_of_an_item_is_shown(language: str, said: str) -> None:
    rules = _rules(None, language, Item("gdp", "生产总值", Type.NUMBER, unit="万元"))  # type: ignore[arg-type]
    assert rules == [said]
