"""Search: nothing a person may not know of is found or counted; what is found says why; exact names come first."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from catalog import access
from catalog.entries import codes, resources, saving, search_index, tokenizer
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.entries.visibility import discoverable
from catalog.identity import organizations
from catalog.identity.people import ANONYMOUS, Role, Subject, local_subject, system_subject
from catalog.search import search
from catalog.search.facets import Filters
from catalog.search.reindex import reindex
from catalog.store import database
from contracts.packs.manifest import SynonymsFile, read
from hub import lineage
from tests.catalog import making
from tests.counting import statements

PACK = Path(__file__).resolve().parents[3] / "packs" / "emergency"


@pytest.fixture
def filled(session: Session) -> Session:
    """Six entries that words can tell apart, and the words of the demo's pack for them."""
    codes.extend_synonyms(session, read(PACK / "synonyms.yaml", SynonymsFile).root)
    making.organization(session, "transport", "省交通运输厅", name_en="Transport department")
    codes.replace(session, "kinds", [("1", "滑坡", ""), ("2", "泥石流", "")], title="类型")
    making.resource(session, "major_hazard", "危险化学品重大危险源基本信息", grade="L3")
    making.resource(session, "alarm", "重大危险源报警", route="request", cycle="每日", description="储罐报警时间与类型")
    making.resource(
        session, "vehicle", "危险货物道路运输车辆动态", owner="transport", route="request", cycle="每日", classCode="205002",
        items={"plate": "车牌号", "source": "重大危险源编号"}, description="危货运输车辆定位", sharingType=1,
    )  # fmt: skip
    making.resource(
        session, "reservoir", "水库名录", route="request", cycle="每年", sharingType=1, classCode="212004", formats=[2, 3],
        description="水库基本情况", items={"reservoir_id": "水库编号", "height": "坝高"},
    )  # fmt: skip
    making.resource(
        session, "reservoir_level", "水库水位", route="request", cycle="实时", classCode="212004", formats=[7],
        description="实时水情", items={"reservoir_id": "水库编号", "level": "水位"},
    )  # fmt: skip
    making.resource(session, "secret", "重大危险源涉密清单", sharingType=3, classCode="301")
    return session


def names(page: search.Page) -> list[str]:
    return [hit.resource.name for hit in page.hits]


def counts(page: search.Page, facet: str) -> dict[object, int]:
    found = next(one for one in page.facets if one.name == facet)
    return {choice.value: choice.count for choice in found.choices}


def test_anonymous_readers_find_and_count_only_what_is_public(filled: Session) -> None:
    page = search.search(filled, "重大危险源", subject=ANONYMOUS)
    assert "secret" not in names(page)
    assert 3 not in counts(page, "sharing")
    assert search.search(filled, "", subject=ANONYMOUS).total == 5


def test_a_draft_is_known_to_its_provider_and_to_stewards_only(filled: Session) -> None:
    saving.move(filled, resources.get(filled, "vehicle"), "withdrawn")
    for subject, knows in (
        (ANONYMOUS, False),
        (making.PARTNER, False),
        (Subject("x", organization_id="transport", roles=frozenset({"provider"})), True),
        (making.STEWARD, True),
        (local_subject("root"), True),
    ):
        assert ("vehicle" in names(search.search(filled, "车辆", subject=subject))) is knows, subject


SUBJECTS = [
    ANONYMOUS,
    local_subject("root"),
    system_subject("job"),
    *(
        Subject("x", organization_id=home, roles=frozenset({role}), person_id="p")
        for role in Role
        for home in ("water", "transport")
    ),
    Subject("k", organization_id="transport", roles=frozenset({"partner"}), kind="key", key_prefix="ab"),
]


def test_the_condition_of_lists_and_the_policies_agree_for_everyone(filled: Session) -> None:
    """A list cannot ask ten thousand decisions, so the rule stands twice: here both are asked the same."""
    for number, (state, sharing, category) in enumerate(
        itertools.product(("draft", "registered", "published", "withdrawn"), (1, 2, 3), ("general", "important", "core"))
    ):
        made = Resource(name=f"r{number}", title="资源", provider_id="water", state=state, sharing=sharing, category=category)
        filled.add(made)
    filled.flush()
    everything = filled.exec(select(Resource)).all()
    for subject in SUBJECTS:
        known = set(filled.exec(select(Resource.name).where(discoverable(subject))).all())
        decided = {one.name for one in everything if access.decide(filled, subject, "discover", one).allowed}
        assert known == decided, subject


def test_the_very_name_comes_first(filled: Session) -> None:
    making.resource(filled, "hazard", "重大危险源")
    page = search.search(filled, "重大危险源", subject=making.STEWARD)
    assert names(page)[0] == "hazard"
    assert page.hits[0].exact
    assert not page.hits[1].exact
    for query in ("reservoir_level", "205002/000001"):
        assert search.search(filled, query, subject=making.STEWARD).hits[0].exact


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("危险源", {"major_hazard", "alarm", "vehicle", "secret"}),
        ("水库", {"reservoir", "reservoir_level"}),
        ("水", {"reservoir", "reservoir_level", "major_hazard", "alarm", "secret"}),
        ("库", {"reservoir", "reservoir_level"}),
        ("水库 水位", {"reservoir_level"}),
        ("车牌", {"vehicle"}),
        ("plate", {"vehicle"}),
        ("PLA", {"vehicle"}),
        ("Transport", {"vehicle"}),
        ("交通运输厅", {"vehicle"}),
        ("212004", {"reservoir", "reservoir_level"}),
        ("应急维稳", {"reservoir", "reservoir_level"}),
        ("危化品", {"major_hazard"}),
        ("ｒｅｓｅｒｖｏｉｒ", {"reservoir", "reservoir_level"}),
    ],
)
def test_words_find_titles_abstracts_items_codes_organizations_and_synonyms(
    filled: Session, query: str, expected: set[str]
) -> None:
    page = search.search(filled, query, subject=making.STEWARD)
    assert set(names(page)) == expected
    assert not page.relaxed


@pytest.mark.parametrize(
    ("typed", "title"), [("油罐车", "危货运输车辆"), ("洪水", "汛限水位"), ("台风", "气象预警信号"), ("停产", "停业名录")]
)
def test_what_people_call_it_finds_it(filled: Session, typed: str, title: str) -> None:
    """At 4481aa4 these found nothing for readers without a key."""
    made = making.resource(filled, "called_otherwise", title)
    hits = search.search(filled, typed, subject=ANONYMOUS).hits
    assert made.name in [hit.resource.name for hit in hits]


@pytest.mark.parametrize(
    "query", ['"', "'", "AND", "NEAR(", "*", '水库"', "a' OR 'b", "\\", "水:库", "^水", "-水", "()", "😀", "%", "_"]
)
def test_no_text_breaks_the_query(filled: Session, query: str) -> None:
    search.search(filled, query, subject=making.STEWARD)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=12))
def test_any_text_can_be_asked_and_indexed(filled: Session, words: str) -> None:
    made = resources.get(filled, "alarm")
    made.abstract = words.replace("\x00", "")
    saving.save(filled, made)
    search.search(filled, words, subject=making.STEWARD)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("危险化学品重大源水库位a1", min_size=1, max_size=12), st.data())
def test_any_part_of_a_title_finds_it(filled: Session, title: str, data: st.DataObject) -> None:
    """Whatever run of characters, from one on, in Chinese and Latin; parts of a Latin word from its beginning."""
    made = resources.get(filled, "alarm")
    made.title = title
    saving.save(filled, made)
    start = data.draw(st.integers(0, len(title) - 1))
    end = data.draw(st.integers(start + 1, len(title)))
    if title[start].isascii() and start and title[start - 1].isascii():
        return
    if end < len(title) and title[end - 1].isascii() and title[end].isascii() and not title[start:end].isascii():
        return
    assert "alarm" in names(search.search(filled, title[start:end], subject=making.STEWARD, size=100))


def test_a_hit_says_where_it_matched(filled: Session) -> None:
    page = search.search(filled, "重大危险源", subject=making.STEWARD)
    told = {hit.resource.name: hit for hit in page.hits}
    assert [(match.field, match.text) for match in told["vehicle"].matches] == [("item", "重大危险源编号")]
    assert told["vehicle"].matches[0].spans == ((0, 5),)
    assert told["major_hazard"].title_spans == ((5, 10),)
    synonym = search.search(filled, "危化品", subject=making.STEWARD).hits[0].matches[0]
    assert (synonym.text, synonym.synonym) == ("危险化学品重大危险源基本信息", ("危化品", "危险化学品"))


def test_what_it_is_made_from_leads_to_it(filled: Session) -> None:
    making.resource(filled, "risk", "区域综合风险", library="topic", route="derived")
    event = {
        "eventTime": "2026-03-12T00:00:00Z",
        "eventType": "COMPLETE",
        "run": {"runId": "r1"},
        "job": {"namespace": "hui", "name": "model.risk"},
        "inputs": [{"namespace": "hui", "name": "resource.reservoir"}],
        "outputs": [{"namespace": "hui", "name": "topic.risk"}],
    }
    lineage.keep(filled, [event])
    hit = next(hit for hit in search.search(filled, "水库名录", subject=making.STEWARD).hits if hit.resource.name == "risk")
    assert [(match.field, match.text) for match in hit.matches] == [("upstream", "水库名录")]


def test_nothing_found_shows_what_holds_some_of_it_and_says_so(filled: Session) -> None:
    page = search.search(filled, "水库鲸鱼", subject=making.STEWARD)
    assert page.relaxed
    assert set(names(page)) == {"reservoir", "reservoir_level"}
    assert search.search(filled, "鲸鱼", subject=making.STEWARD).total == 0


def test_a_loosened_search_marks_no_single_characters(filled: Session) -> None:
    """ "水库鲸鱼 whale": every title has some of its characters, which says nothing."""
    page = search.search(filled, "水库鲸鱼whale", subject=making.STEWARD)
    assert page.relaxed
    assert all(end - start > 1 for hit in page.hits for start, end in hit.title_spans)


def test_a_facets_own_choice_does_not_change_its_own_counts(filled: Session) -> None:
    whole = search.search(filled, "", subject=making.STEWARD)
    chosen = search.search(filled, "", Filters(sharing=(1,), cycle=("每日", "每年")), subject=making.STEWARD)
    assert set(names(chosen)) == {"vehicle", "reservoir"}
    assert counts(whole, "sharing") == {1: 2, 2: 3, 3: 1}
    assert counts(chosen, "sharing") == {1: 2, 2: 1}  # under the cycles alone
    assert counts(chosen, "cycle") == {"每日": 1, "每年": 1}  # under the sharing type alone
    assert counts(chosen, "provider") == {"transport": 1, "water": 1}  # under both
    assert counts(chosen, "format") == {2: 1, 3: 2}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Filters,
        provider=st.sets(st.sampled_from(["water", "transport"])).map(tuple),
        sharing=st.sets(st.sampled_from([1, 2, 3])).map(tuple),
        cycle=st.sets(st.sampled_from(["每日", "每月", "每年"])).map(tuple),
        format=st.sets(st.sampled_from([2, 3, 7])).map(tuple),
        class_code=st.sets(st.sampled_from(["2", "205", "212", "3"])).map(tuple),
    )
)
def test_every_count_is_what_choosing_that_value_alone_would_show(filled: Session, filters: Filters) -> None:
    from dataclasses import replace

    page = search.search(filled, "", filters, subject=making.STEWARD, size=50)
    for facet in page.facets:
        for choice in facet.choices:
            if facet.name == "class_code" and choice.value in ("2", "3"):
                continue  # a choice of a whole 类, shown with the count of entries that have no 项
            alone = replace(filters, **{facet.name: (choice.value,)})
            assert search.search(filled, "", alone, subject=making.STEWARD).total == choice.count, (facet.name, choice)


def test_pages_hold_every_entry_once_in_every_order(filled: Session) -> None:
    for sort in ("updated", "title", "rows", "quality", "due", "relevance"):
        pages = [search.search(filled, "", subject=making.STEWARD, sort=sort, page=page, size=2) for page in (1, 2, 3)]
        seen = [name for page in pages for name in names(page)]
        assert len(seen) == len(set(seen)) == 6
    assert search.search(filled, "", subject=making.STEWARD, page=99, size=2).page == 3
    assert search.search(filled, "", Filters(grade=("L4",)), subject=making.STEWARD, page=2).page == 1


def test_a_changed_entry_is_found_by_its_new_words_only(filled: Session) -> None:
    registry.register(
        filled, making.contract("alarm", "堤防险情", version="2.0.0", description="险情处置"), by="x", origin="pack"
    )
    assert "alarm" not in names(search.search(filled, "报警", subject=making.STEWARD))
    assert names(search.search(filled, "堤防险情", subject=making.STEWARD)) == ["alarm"]
    assert reindex(filled) == 6
    assert names(search.search(filled, "堤防险情", subject=making.STEWARD)) == ["alarm"]


def test_filters_are_read_from_an_address_and_rubbish_is_left_out() -> None:
    told = Filters.read({"sharing": ["1", "x", ""], "provider": ["water"], "unknown": ["1"]})
    assert told == Filters(sharing=(1,), provider=("water",))
    assert told.chosen() == [("provider", "water"), ("sharing", 1)]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("重大危险源", ["危险", "险源"], [(2, 5)]),
        ("Major Hazard", ["hazard"], [(6, 12)]),
        ("ＡＢＣ", ["abc"], [(0, 3)]),
        ("ß危险", ["危险"], [(1, 3)]),
        ("危险", [""], []),
    ],
)
def test_spans_are_merged_and_stand_where_the_text_has_them(
    text: str, words: list[str], expected: list[tuple[int, int]]
) -> None:
    assert tokenizer.spans(text, words) == expected


@pytest.mark.slow
@pytest.mark.parametrize("count", [1165])
def test_a_thousand_entries_are_searched_at_once(url: str, count: int) -> None:
    """A few milliseconds on an idle machine (docs/measurements); the bound here only catches a query that goes wrong."""
    with database.session(url) as session:
        for number in range(20):
            organizations.add(session, organizations.Organization(id=f"o{number}", name=f"机构{number}", kind="department"))
        every = [
            Resource(
                name=f"r{number}", title=f"重大危险源{number}", abstract="安全生产" * 30, provider_id=f"o{number % 20}",
                class_code="205001", sharing=number % 3 + 1, formats=[3],
            )
            for number in range(count)
        ]  # fmt: skip
        session.add_all(every)
        session.flush()
        for made in every:
            search_index.index(session, made)
    with database.session(url) as session:
        for query in ("", "危险源", "重大危险源77"):
            search.search(session, query, subject=making.STEWARD)
            with statements(session) as asked:
                page = search.search(session, query, Filters(sharing=(1, 2)), subject=making.STEWARD)
            assert page.total
            assert len(asked) < 20, (query, asked)
