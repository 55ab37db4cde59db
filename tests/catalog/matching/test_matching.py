"""Need first: what the hub has is found, what it has not is not, nothing is named that the asker may not know of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from catalog.entries import codes, item_names, resources
from catalog.identity.people import Role, Subject
from catalog.matching import matches as matching
from catalog.matching.lexicon import lexicon
from catalog.matching.likening import Wanted, reason
from catalog.matching.matches import Match
from catalog.store import database
from contracts.packs.contents import THESAURUS
from contracts.packs.errors import InvalidPack
from contracts.packs.manifest import ThesaurusFile, read
from tests.catalog import making
from tests.catalog.matching import need_cases

HALVES = ("tune", "held")
ANALYST = Subject("ana", "安娜", "elsewhere", frozenset({Role.ANALYST}))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def catalogue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The catalogue of the cases, which no test changes for good."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("needs") / "catalog.db"
        shutil.copy(request.getfixturevalue("empty_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_database")(
            database.engine(request.getfixturevalue("empty_postgresql")).url.database or ""
        )
    with database.session(url) as session:
        need_cases.fill(session)
    with Session(database.engine(url), expire_on_commit=False) as session:
        yield session
    database.engine(url).dispose()


@pytest.fixture
def changed(catalogue: Session) -> Iterator[Session]:
    """The same, to be changed: it is taken back."""
    yield catalogue
    catalogue.rollback()


def look(session: Session, *items: str | Wanted, who: Subject = making.STEWARD, **more: str) -> list[Match]:
    wanted = [Wanted(one) if isinstance(one, str) else one for one in items]
    return matching.matches(session, who, wanted, **more)


def why(one: Match) -> list[tuple[str, str]]:
    return [reason(each.wanted, each.column, each.evidence) for each in one.items if each.column is not None]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_hub_has_is_found_in_nine_of_ten_cases_and_wrong_ones_are_at_most_one_of_three(
    catalogue: Session, language: str
) -> None:
    cases = [case for half in HALVES for case in need_cases.cases(language, half)]
    answers = [(case, need_cases.found(catalogue, case)) for case in cases]
    missed = [case for case, found in answers if not need_cases.is_found(case, found)]
    assert len(cases) >= 30
    assert len(missed) <= len(cases) / 10, missed
    assert [case for case, found in answers if need_cases.wrong(case, found) > 1] == []


def test_what_the_hub_has_not_is_not_found(catalogue: Session) -> None:
    cases = [case for half in HALVES for case in need_cases.cases("absent", half)]
    assert len(cases) >= 15
    assert [case for case in cases if any(one.enough for one in need_cases.found(catalogue, case))] == []


def test_nothing_is_named_that_the_asker_may_not_know_of(changed: Session) -> None:
    resources.get(changed, "earthquake").state = "draft"
    changed.flush()
    asked = ("震级", "震源深度")
    assert look(changed, *asked, title="地震速报")[0].resource.name == "earthquake"
    assert look(changed, *asked, title="地震速报", who=ANALYST) == []
    resources.get(changed, "earthquake").state = "withdrawn"
    changed.flush()
    assert look(changed, *asked, title="地震速报") == []


def test_sounds_and_slips_give_away_no_name_of_an_entry_that_may_not_be_known(changed: Session) -> None:
    making.resource(changed, "hidden", "暗访", items={"id": "密级水位", "stormgauge": "暴雨计"})
    assert why(look(changed, "mjsw", title="密级")[0])[0][0] == "按拼音首字母读作「密级水位」：名称相同"
    resources.get(changed, "hidden").state = "draft"
    changed.flush()
    assert look(changed, "mjsw", title="水库水位", who=ANALYST) == []
    assert look(changed, "stormgaug", title="水库水位", who=ANALYST) == []


def test_what_the_need_is_to_feed_can_be_left_out(catalogue: Session) -> None:
    assert look(catalogue, "震级", "震源深度", title="地震速报")[0].enough
    assert look(catalogue, "震级", "震源深度", title="地震速报", leave_out="earthquake") == []


def test_characters_are_matched_as_characters_and_sounds_for_latin_letters_only(changed: Session) -> None:
    making.resource(changed, "jd", "京东仓库", items={"id": "京东仓库编码"})
    assert look(changed, "懂") == []
    assert look(changed, "jing dong cang ku bian ma")[0].resource.name == "jd"
    assert item_names.sounding(changed, "zdwxybh")[1] == ["重大危险源编号"]
    assert item_names.sounding(changed, "zhdwxybh")[1] == ["重大危险源编号"]
    assert item_names.sounding(changed, "zhongdaweixianyuanbianhao")[0] == ["重大危险源编号"]
    assert item_names.sounding(changed, "z") == ((), ())


def test_a_match_says_why_in_both_languages(catalogue: Session) -> None:
    def told(*items: str | Wanted, title: str = "") -> list[tuple[str, str]]:
        return why(look(catalogue, *items, title=title)[0])

    assert told("公司名称", "社会信用代码", "注册资金")[0] == (
        "「公司名称」与「企业名称」同义",
        "“公司名称” and “Name” mean the same",
    )
    assert told("震级", "震源深度")[0] == ("名称相同", "the same name")
    assert told("shuiwei", title="水库水位")[0][0] == "按拼音读作「水位」：名称相同"
    assert told("magnitued", title="Earthquakes")[0][1] == "read as a slip for “magnitude”: the same name"
    assert told("亮度溫度", "可信度")[0][0].endswith("同义")


def test_formats_and_code_lists_that_agree_count_and_those_that_differ_take_away(catalogue: Session) -> None:
    def score(item: Wanted) -> float:
        return next(
            one.items[0].evidence.score for one in look(catalogue, item, title="地震目录") if one.resource.name == "earthquake"
        )

    assert score(Wanted("震源深度", format="number")) == score(Wanted("震源深度"))
    assert score(Wanted("震源深度", format="date")) < score(Wanted("震源深度"))
    found = look(catalogue, Wanted("主体标识", format="credit-code"), "注册资本", title="企业登记")[0]
    assert (found.resource.name, why(found)[0][0]) == (
        "enterprise_registration",
        "名称不同，格式一致，格式或代码表一致（credit-code）",
    )


def test_a_title_alone_finds_what_is_called_so(catalogue: Session) -> None:
    assert [one.resource.name for one in look(catalogue, title="地震目录") if one.enough] == ["earthquake"]
    assert [one for one in look(catalogue, title="水库") if one.enough and one.resource.name == "reservoir_level"] == []
    assert look(catalogue, title="") == []


def test_words_of_the_thesaurus_join_the_ring_that_knows_one_of_them(changed: Session) -> None:
    assert codes.extend_thesaurus(changed, [("库水位", "水位", "pool level")]) == 2
    known = lexicon(changed)
    assert known.meaning("pool level") == known.meaning("水位") == ("水位",)
    assert codes.extend_thesaurus(changed, [("库水位", "水位", "pool level")]) == 0
    assert look(changed, "pool level", title="Reservoirs")[0].resource.name == "reservoir_level"


@pytest.mark.parametrize("text", ["- [水位]\n", "- [水位, 水深]\n- [水深, depth]\n", "水位: 水深\n", "- [1, 2]\n"])
def test_a_thesaurus_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / THESAURUS
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPack):
        read(file, ThesaurusFile)
