"""After the models ran: catalogue entries of theme and topic tables, with contract, size, quality and lineage."""

from __future__ import annotations

import dataclasses

import pytest
from sqlmodel import select

from catalog.audit.chain import AuditRecord
from catalog.deliveries.quality import QualityResult
from catalog.entries import contracts as registry
from catalog.entries.resources import Resource
from catalog.lineage import graph as lineage
from contracts.odcs import loader
from contracts.packs.contents import open_pack
from hub.hub import Hub
from orchestration import derived
from orchestration.execute import Executed, execute
from tests import packing
from tests.orchestration.conftest import opened
from tests.transforms.conftest import fill
from warehouse.settings import Settings

MODELS = open_pack(packing.EMERGENCY).models


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hub, Executed]:
    """The models, run through Dagster over a filled lake."""
    hub = opened(Settings(home=tmp_path_factory.mktemp("built") / "var", _env_file=None))
    fill(hub.settings)
    (done,) = execute(hub.settings, ["models"])
    return hub, done


def test_the_run_tells_rows_and_tests(built: tuple[Hub, Executed]) -> None:
    _, done = built
    assert done.success, done.problems
    told = {one.model: (one.rows, one.failed) for one in done.built}
    assert told == {"geography": (4, 0), "hazard": (3, 0), "enterprise": (3, 0), "regional_risk": (2, 0)}
    assert all(one.tests for one in done.built)


def test_every_model_has_a_published_entry(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        held = {resource.name: resource for resource in session.exec(select(Resource))}
    assert set(held) >= set(MODELS)
    hazard = held["hazard"]
    assert (hazard.library, hazard.route, hazard.state, hazard.rows) == ("theme", "derived", "published", 3)
    assert (hazard.title, hazard.title_en) == ("灾害事件主题", "Hazard events")
    assert hazard.bytes > 0
    assert hazard.updated_at is not None
    assert hazard.quality == 100
    assert hazard.code


def test_bought_items_keep_the_enterprise_theme_inside(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        enterprise = session.exec(select(Resource).where(Resource.name == "enterprise")).one()
    assert enterprise.sharing == 3
    assert enterprise.sharing_basis


def test_their_contracts_hold_items_in_both_languages_and_no_upkeep(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        contract = registry.active(session, "hazard")
    assert contract.key == ("hazard_id",)
    assert all(item.title and item.title_en for item in contract.items)
    assert not [item.name for item in contract.items if item.name.startswith("_")]
    assert loader.parse(contract.text).items == contract.items


def test_tests_of_dbt_are_quality_results(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        held = session.exec(select(QualityResult).where(QualityResult.dataset == "hazard")).all()
    told = {(one.rule, one.item, one.dimension, one.failed) for one in held}
    assert ("unique", "hazard_id", "uniqueness", 0) in told
    assert ("values", "severity", "conformity", 0) in told
    assert {one.rows for one in held} == {3}


def test_lineage_leads_from_the_topic_to_the_resources(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        up = lineage.upstream(session, "topic.regional_risk")
        down = lineage.downstream(session, "resource.earthquake", "magnitude")
    assert {"theme.hazard", "resource.earthquake", "resource.enterprise_registration"} <= {name for name, _ in up.distance}
    assert {("theme.hazard", "severity"), ("topic.regional_risk", "colour")} <= set(down.distance)


def test_the_run_is_on_record(built: tuple[Hub, Executed]) -> None:
    with built[0].session() as session:
        held = session.exec(select(AuditRecord).where(AuditRecord.action == "models.run")).all()
    assert {record.object for record in held} == {f"dataset:{name}" for name in MODELS}
    assert all(record.detail["run"] == built[1].run_id for record in held)


class TestVersions:
    def test_the_same_description_is_the_same_version(self, hub: Hub) -> None:
        model = MODELS["hazard"]
        with hub.session() as session:
            for _ in range(2):
                derived.register(session, model, "hlj-emergency")
            assert [kept.version for kept in registry.versions(session, "hazard")] == ["1.0.0"]

    @pytest.mark.parametrize(("change", "version"), [("added", "1.1.0"), ("removed", "2.0.0")])
    def test_a_changed_description_is_a_new_version(self, hub: Hub, change: str, version: str) -> None:
        model = MODELS["hazard"]
        less = dataclasses.replace(model, columns=tuple(column for column in model.columns if column.name != "measure"))
        first, then = (less, model) if change == "added" else (model, less)
        with hub.session() as session:
            derived.register(session, first, "hlj-emergency")
            assert derived.register(session, then, "hlj-emergency").version == version

    def test_the_owner_is_where_the_administrators_belong(self, hub: Hub) -> None:
        from catalog.identity import people

        with hub.session() as session:
            assert derived.owner(session, hub.settings) == "hlj-emergency"  # the first department by name
            people.add_person(session, login="water", name="水利", organization_id="hlj-water", roles=["administrator"])
            assert derived.owner(session, hub.settings) == "hlj-water"
            named = hub.settings.model_copy(update={"owner": "hlj-power"})
            assert derived.owner(session, named) == "hlj-power"
