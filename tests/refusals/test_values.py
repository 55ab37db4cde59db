"""Nothing made from values leaves without the decision: samples, profiles, counts of rules, titles of entries behind one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlmodel import select

from api.portal.catalogue.items import masked
from catalog.deliveries import quality
from catalog.entries import contracts as registry
from catalog.entries import resources, saving, search_index
from catalog.identity import people
from catalog.identity.people import ANONYMOUS, Subject
from catalog.lineage.graph import LineageEdge
from catalog.search import search
from contracts.model import Type
from contracts.view import Mask
from tests.sharing import Hub, built
from warehouse.settings import Settings
from warehouse.storage import connection

SAMPLE, LOWEST = "样例名称甲", "最小值-0.125"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """Contracts whose items carry a sample and a profile, as a draft from a file has them."""
    made = built(Settings(home=tmp_path_factory.mktemp("values") / "var", _env_file=None))
    noted = f"""
    examples: ['{SAMPLE}']
    customProperties: [{{property: x-profile, value: "min {LOWEST}"}}]"""
    with made.session() as session:
        for kept in session.exec(select(registry.ContractVersion)):
            kept.text = kept.text.replace(
                "  - {name: name, businessName: 名称, logicalType: string, classification: L1}",
                "  - name: name\n    businessName: 名称\n    logicalType: string\n    classification: L1" + noted,
            )
            session.add(kept)
            counted = [
                {"rule": f"rule-{item}", "item": item, "dimension": "completeness", "rows": 100, "failed": 7}
                for item in ("name", "owner_phone")
            ]
            quality.write_results(session, kept.dataset, counted)
    yield made
    connection.forget(made.settings)


@pytest.mark.parametrize(
    ("dataset", "who", "open_to"),
    [
        ("hazard", "", False),
        ("hazard", "outsider", False),
        ("hazard", "other", False),
        ("hazard", "partner", True),
        ("hazard", "owner", True),
        ("weather", "", False),
        ("weather", "outsider", False),
        ("weather", "other", True),
        ("classified", "partner", False),
        ("classified", "other", False),
        ("classified", "steward", False),
        ("hazard", "auditor", False),
        ("hazard", "administrator", False),
    ],
)
def test_samples_and_profiles_are_for_who_may_see_the_values(hub: Hub, dataset: str, who: str, open_to: bool) -> None:
    answer = hub.get(f"/api/v1/resources/{dataset}/contract", who)
    assert answer.status_code in (200, 404)
    assert (SAMPLE in answer.text, LOWEST in answer.text) == (open_to, open_to)
    login = people_cookie(hub, who) if who else {}
    for tab in ("", "/items", "/contract"):
        page = hub.client.get(f"/resources/{dataset}{tab}", headers={"accept": "text/html"}, cookies=login).text
        hub.client.cookies.clear()
        assert open_to or (SAMPLE not in page and LOWEST not in page), tab


def people_cookie(hub: Hub, who: str) -> dict[str, str]:
    from catalog import workdays

    with hub.session() as session:
        workdays.seed(session)
        return {"hui_session": people.begin(session, people.get_person(session, who))[1]}


def test_an_item_graded_higher_since_tells_nothing_of_its_values(hub: Hub) -> None:
    with hub.session() as session:
        kept = session.exec(select(registry.ContractVersion).where(registry.ContractVersion.dataset == "weather")).one()
        before = kept.text
        kept.text = before.replace(
            "logicalType: string\n    classification: L1\n    examples",
            "logicalType: string\n    classification: L3\n    examples",
        )
        assert kept.text != before
        session.add(kept)
    try:
        told = hub.get("/api/v1/resources/weather/contract", "other").text
        assert SAMPLE not in told
        assert LOWEST not in told
        assert "名称" in told
    finally:
        with hub.session() as session:
            session.exec(
                select(registry.ContractVersion).where(registry.ContractVersion.dataset == "weather")
            ).one().text = before


def test_an_item_that_the_grant_masks_has_no_sample(hub: Hub) -> None:
    number = hub.grant("hazard", "hlj-water", items=["hazard_id", "name"], masks={"name": {"kind": "truncate", "keep": -2}})
    told = hub.get("/api/v1/resources/hazard/contract", "other").text
    assert SAMPLE not in told
    cookies = people_cookie(hub, "other")
    page = hub.client.get("/resources/hazard/items", headers={"accept": "text/html"}, cookies=cookies).text
    hub.client.cookies.clear()
    assert "样例" not in page
    with hub.session() as session:
        from catalog.access import grants

        grants.revoke(session, number, reason="试毕")


@pytest.mark.parametrize(
    ("sample", "kind", "mask", "left"),
    [
        ("13945412345", Type.STRING, Mask("truncate", -2), "••••"),
        ("13945412345", Type.STRING, Mask("truncate", 0), "••••"),
        ("13945412345", Type.STRING, Mask("truncate", 3), "139••••"),
        ("甲", Type.STRING, Mask("truncate", 6), "••••"),
        ("126.123456", Type.NUMBER, Mask("truncate", 1), "126.1"),
        ("1234.5", Type.NUMBER, Mask("truncate", -2), "1200"),
        ("x", Type.NUMBER, Mask("truncate", 1), "••••"),
        ("2026-03-01", Type.DATE, Mask("truncate", 7), "••••"),
        ("13945412345", Type.STRING, Mask("hash"), "••••"),
        ("13945412345", Type.STRING, None, "••••"),
    ],
)
def test_what_a_mask_leaves_of_a_sample(sample: str, kind: Type, mask: Mask | None, left: str) -> None:
    assert masked(sample, kind, mask) == left


@pytest.mark.parametrize(
    ("who", "rules"),
    [
        ("", set()),
        ("outsider", set()),
        ("auditor", set()),
        ("other", set()),
        ("partner", {"rule-name"}),
        ("owner", {"rule-name", "rule-owner_phone"}),
        ("steward", {"rule-name", "rule-owner_phone"}),
    ],
)
def test_counts_of_a_rule_are_for_who_may_see_its_item(hub: Hub, who: str, rules: set[str]) -> None:
    told = hub.get("/api/v1/resources/hazard/quality", who).json()["rules"]
    assert {one["rule"] for one in told} == rules


def found(hub: Hub, subject: Subject, words: str) -> list[str]:
    with hub.session() as session:
        return [hit.resource.name for hit in search.search(session, words, subject=subject).hits]


def test_no_title_of_an_entry_behind_a_resource_is_told_to_who_may_not_know_it(hub: Hub) -> None:
    """A resource is found by what it is made from: by that of entries that everybody may know, and only as long as they are."""
    with hub.session() as session:
        weather, classified = resources.get(session, "weather"), resources.get(session, "classified")
        weather.title, classified.title = "独特的气象站", "隐秘的名录"
        for source in ("resource.weather", "resource.classified"):
            session.add(LineageEdge(source=source, source_item="", target="resource.hazard", target_item=""))
        session.flush()
        search_index.refresh_upstream(session, ["resource.hazard"])
    partner = Subject("p", organization_id="hlj-transport", roles=frozenset({"partner"}), person_id="p")
    assert "hazard" in found(hub, ANONYMOUS, "独特的气象站")
    for subject in (ANONYMOUS, partner):
        assert "hazard" not in found(hub, subject, "隐秘的名录")
    with hub.session() as session:
        weather = resources.get(session, "weather")
        weather.state = "draft"
        saving.save(session, weather)
    assert found(hub, ANONYMOUS, "独特的气象站") == []
    with hub.session() as session:
        entry = search_index.entry_of(session, resources.get(session, "hazard"))
        assert entry is not None
        assert entry.upstream == []
        weather = resources.get(session, "weather")
        weather.state = "published"
        saving.save(session, weather)
    assert "hazard" in found(hub, ANONYMOUS, "独特的气象站")
