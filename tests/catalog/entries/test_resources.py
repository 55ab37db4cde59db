"""Entries: incomplete ones are not published; codes are issued once each; a contract fills its entry."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from catalog.entries import codes, resources, saving
from catalog.entries import contracts as registry
from catalog.entries.codes import InvalidCodes, UnknownCodeList
from catalog.entries.contracts import ImmutableContract, UnknownContract
from catalog.entries.resources import InvalidEntry, Resource, ResourceCode, UnknownResource, WrongState
from catalog.identity.organizations import InvalidOrganization, UnknownOrganization
from contracts.odcs import loader
from contracts.odcs.loader import InvalidContract
from tests.catalog import making


@pytest.mark.parametrize("class_code", ["", "20", "2050", "20501", "20a", "２０５", "-1"])
def test_a_class_code_of_wrong_form_is_refused(session: Session, class_code: str) -> None:
    with pytest.raises(InvalidEntry, match="类"):
        resources.issue_code(session, making.resource(session), class_code)


def test_an_unknown_resource_is_refused_with_what_to_do(session: Session) -> None:
    with pytest.raises(UnknownResource, match="search"):
        resources.get(session, "nothing")


def test_a_contract_of_an_unknown_owner_is_refused(session: Session) -> None:
    with pytest.raises(UnknownOrganization):
        registry.register(session, making.contract(owner="nobody"), by="x", origin="pack")


@pytest.mark.parametrize(
    "properties",
    [{"cycle": "偶尔"}, {"sharingType": 4}, {"openType": 3}, {"formats": [8]}],
)
def test_values_outside_the_guide_are_refused(session: Session, properties: dict[str, object]) -> None:
    """By the contract's own rules or, for a contract made otherwise, by the catalogue."""
    making.organization(session)
    with pytest.raises((InvalidEntry, InvalidContract)):
        registry.register(session, making.contract(**properties), by="x", origin="pack")


@pytest.mark.parametrize("missing", [{"classCode": None}, {"description": ""}, {"sharingUses": []}])
def test_an_incomplete_entry_stays_a_draft_and_says_what_it_lacks(session: Session, missing: dict[str, object]) -> None:
    made = making.resource(session, **missing)  # type: ignore[arg-type]
    assert made.state == "draft"
    assert made.code == ""
    with pytest.raises(InvalidEntry):
        saving.move(session, made, "registered")


def test_not_shared_needs_its_legal_basis(session: Session) -> None:
    made = making.resource(session, sharingType=3)
    assert made.state == "published"
    made.state, made.sharing_basis = "draft", ""
    with pytest.raises(InvalidEntry, match="basis for not sharing"):
        saving.move(session, made, "registered")


@pytest.mark.parametrize(("state", "wanted"), [("published", "draft"), ("published", "registered"), ("withdrawn", "published")])
def test_steps_that_the_workflow_does_not_have_are_refused(session: Session, state: str, wanted: str) -> None:
    made = making.resource(session)
    if state == "withdrawn":
        saving.move(session, made, "withdrawn")
    with pytest.raises(WrongState):
        saving.move(session, made, wanted)


def test_a_contract_fills_the_thirteen_items(session: Session) -> None:
    made = making.resource(
        session, grade="L3", formats=[3, 7], relatedCodes=["102001/000052"], openType=2, openCondition="脱敏"
    )
    assert (made.state, made.code, made.sharing, made.cycle) == ("published", "205001/000001", 2, "每月")
    assert (made.formats, made.related_codes, made.grade, made.open) == ([3, 7], ["102001/000052"], "L3", 2)
    assert made.published_on is not None
    assert [item.title for item in registry.items(session, made)] == ["重大危险源编号", "等级"]
    assert resources.get(session, made.code) is made
    assert resources.national_type(registry.items(session, made)[0]) == "C"


def test_a_resource_has_one_code_in_each_class(session: Session) -> None:
    made = making.resource(session)
    other = resources.issue_code(session, made, "301")
    assert resources.issue_code(session, made, "301") == other == "301/000001"
    assert [code.code for code in resources.codes_of(session, made)] == ["205001/000001", "301/000001"]


def test_another_class_gives_another_code_and_keeps_the_first(session: Session) -> None:
    made = making.resource(session)
    registry.register(session, making.contract(version="1.1.0", classCode="212001"), by="x", origin="pack")
    assert made.code == "212001/000001"
    assert len(resources.codes_of(session, made)) == 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["1", "205", "205001", "20500101", "212001"]), min_size=1, max_size=12))
def test_codes_are_unique_and_without_gaps_in_their_class(session: Session, classes: list[str]) -> None:
    """Whatever is registered in whatever order: class code, a slash, the next number of that class."""
    number = len(session.exec(select(Resource)).all())
    making.resource(session, f"first_{number}", f"资源{number}")
    before = {code: _last(session, code) for code in classes}
    issued = []
    for at, class_code in enumerate(classes):
        made = Resource(name=f"r_{number}_{at}", title="资源", provider_id="water")
        session.add(made)
        session.flush()
        issued.append(resources.issue_code(session, made, class_code))
    assert len(set(issued)) == len(issued)
    for class_code in set(classes):
        numbers = [int(code.split("/")[1]) for code in issued if code.split("/")[0] == class_code]
        first = before[class_code] + 1
        assert numbers == list(range(first, first + len(numbers)))


def _last(session: Session, class_code: str) -> int:
    return max(session.exec(select(ResourceCode.sequence).where(ResourceCode.class_code == class_code)).all(), default=0)


def test_an_active_version_never_changes(session: Session) -> None:
    making.resource(session)
    with pytest.raises(ImmutableContract, match="提高版本号"):
        registry.register(session, making.contract(title="改了标题"), by="x", origin="pack")
    registry.register(session, making.contract(), by="x", origin="pack")
    assert len(registry.versions(session, "major_hazard")) == 1


def test_a_draft_may_change_and_is_not_active(session: Session) -> None:
    making.organization(session)
    registry.register(session, making.contract(), by="x", origin="portal", activate=False)
    registry.register(session, making.contract(title="改了标题"), by="x", origin="portal", activate=False)
    with pytest.raises(UnknownContract):
        registry.active(session, "major_hazard")
    assert registry.get(session, "major_hazard", "1.0.0").title == "改了标题"


def test_a_new_version_takes_the_place_of_the_old(session: Session) -> None:
    making.resource(session)
    registry.register(session, making.contract(version="1.1.0"), by="x", origin="pack")
    assert registry.active(session, "major_hazard").version == "1.1.0"
    assert {one.version: one.status for one in registry.versions(session, "major_hazard")} == {
        "1.0.0": "retired",
        "1.1.0": "active",
    }
    assert registry.datasets(session) == ["major_hazard"]


def _pack(folder: Path, **contracts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, told in contracts.items():
        (folder / f"{name}.odcs.yaml").write_text(told, encoding="utf-8")
    return folder


def test_a_pack_is_loaded_and_says_what_the_lake_must_do(session: Session, tmp_path: Path) -> None:
    making.organization(session)
    folder = _pack(tmp_path / "pack", a=making.text("a", "甲"), b=making.text("b", "乙"))
    (folder / "codes.yaml").write_text("level: {title: 等级, codes: [{code: '1', label: 一级}]}", encoding="utf-8")
    (folder / "classes.yaml").write_text("classes: [{code: '205001', name: 重大危险源}]", encoding="utf-8")
    report = registry.sync(session, folder, "test")
    assert [(one.dataset, one.outcome, one.action) for one in report.contracts] == [
        ("a", "new", "create"),
        ("b", "new", "create"),
    ]
    assert (report.code_lists, report.codes, report.classes) == (("level",), 1, 1)
    more = {"hazard_id": "编号", "level": "等级", "place": "地点"}
    added = making.text("a", "甲", version="1.1.0", items={"hazard_id": "重大危险源编号", "level": "等级", "place": "地点"})
    _pack(folder, a=added, b=making.text("b", "乙", version="2.0.0", items={"hazard_id": more["hazard_id"]}))
    report = registry.sync(session, folder, "test")
    assert (report.to_migrate, report.to_rebuild) == (("a",), ("b",))
    assert any(breaking for breaking, _, _ in report.contracts[1].changes)
    assert [one.action for one in registry.sync(session, folder, "test").contracts] == ["none", "none"]


@pytest.mark.parametrize(
    "told", ["[1]", "a: 1", "a: {title: x}", "a: [", "classes: [{code: '20', name: x}]", "classes: [{code: '999', name: x}]"]
)
def test_a_broken_file_of_codes_is_refused(session: Session, tmp_path: Path, told: str) -> None:
    path = tmp_path / "codes.yaml"
    path.write_text(told, encoding="utf-8")
    with pytest.raises(InvalidCodes):
        codes.sync(session, path)


def test_divisions_come_from_four_files_and_are_left_when_they_are_there(session: Session, tmp_path: Path) -> None:
    assert codes.sync_divisions(session, tmp_path) == 0
    with pytest.raises(UnknownCodeList):
        codes.values(session, "division")
    for name, rows in zip(
        codes.DIVISION_FILES, (["23,黑龙江省"], ["2301,哈尔滨市"], ["230102,道里区"], ["230102001,兆麟"]), strict=True
    ):
        (tmp_path / name).write_text("code,name\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert codes.sync_divisions(session, tmp_path) == 4
    assert codes.sync_divisions(session, tmp_path) == 4
    assert codes.values(session, "division") == ["23", "2301", "230102", "230102001"]
    assert codes.labels(session, "division")["2301"] == ("哈尔滨市", "")


def test_the_class_tree_is_read_from_the_top(session: Session) -> None:
    codes.add_class(session, "205001", "重大危险源")
    assert [node.name for node in codes.class_path(session, "20500101")] == ["主题信息资源", "安全生产", "重大危险源"]


def test_an_organization_of_unknown_kind_level_or_parent_is_refused(session: Session) -> None:
    for wrong in ({"kind": "club"}, {"level": "moon"}):
        with pytest.raises(InvalidOrganization):
            making.organization(session, "x", "某", **wrong)
    with pytest.raises(UnknownOrganization):
        making.organization(session, "x", "某", parent_id="none")


def test_a_draft_that_lacks_what_is_compulsory_is_told_with_what(session: Session) -> None:
    """`hub contracts sync` left it a draft without a word, where lint says that the contract is right."""
    making.organization(session)
    contract = loader.parse(making.text(sharingUses=None))
    registry.register(session, contract, by="li", origin="pack")
    why = resources.kept_back(session, [contract.dataset])[contract.dataset]
    assert "sharing uses" in why.message_en
    assert resources.kept_back(session, ["another"]) == {}
