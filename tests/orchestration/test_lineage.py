"""Lineage events of batches and models: valid by the specification's own schemas, columns included, told in both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from sqlmodel import select
from typer.testing import CliRunner

from catalog.deliveries.batches import Batch
from catalog.lineage import graph as lineage
from catalog.lineage.graph import LineageEvent
from hub.hub import Hub
from orchestration import facets, modelled_lineage
from orchestration.execute import execute
from tests.orchestration.conftest import drop, opened, stock
from tests.transforms.conftest import modelled  # noqa: F401 - a fixture
from warehouse.settings import Settings

FACETS = ("facets", "inputFacets", "outputFacets")


@pytest.fixture(scope="session")
def schemas(shared_data: Path) -> dict[str, Any]:
    """The specification's JSON Schemas by their identifier."""
    folder = shared_data / "openlineage" / "spec"
    files = [folder / "OpenLineage.json", *(folder / "facets").glob("*.json")]
    loaded = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {schema["$id"]: schema for schema in loaded}


def faults(schemas: dict[str, Any], events: Sequence[dict[str, Any]]) -> list[str]:
    """What the schemas find wrong, facets included that the folder has a schema of."""
    registry = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in schemas.items())
    whole = Draft202012Validator(schemas["https://openlineage.io/spec/2-0-2/OpenLineage.json"], registry=registry)
    found = []
    for event in events:
        found += [f"{event['job']['name']}: {error.message}" for error in whole.iter_errors(event)]
        for name, told in every_facet(event):
            schema = schemas.get(str(told["_schemaURL"]).split("#")[0])
            if schema is not None:
                checked = Draft202012Validator(schema, registry=registry).iter_errors({name: told})
                found += [f"{event['job']['name']} {name}: {error.message}" for error in checked]
    return found


def every_facet(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for holder in (event["run"], event["job"]):
        yield from (holder.get("facets") or {}).items()
    for dataset in (*event.get("inputs", []), *event.get("outputs", [])):
        for kind in FACETS:
            yield from (dataset.get(kind) or {}).items()


def events(hub: Hub) -> list[dict[str, Any]]:
    with hub.session() as session:
        return [event.body for event in session.exec(select(LineageEvent).order_by(LineageEvent.id))]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """One partial and one refused batch; tests only read it."""
    hub = stock(opened(Settings(home=tmp_path_factory.mktemp("delivered") / "var", _env_file=None)))
    inbox = hub.settings.root / "inbox"
    drop(inbox / "station", "a.csv", "S1,1", "S2,-2")
    (inbox / "meter" / "a.csv").write_text("毫不相干\n1\n", encoding="utf-8")
    list(execute(hub.settings, ["refresh"]))
    return hub


class TestBatches:
    def test_every_event_is_valid(self, delivered: Hub, schemas: dict[str, Any]) -> None:
        assert faults(schemas, events(delivered)) == []

    def test_three_steps_from_the_channel_to_the_resource(self, delivered: Hub) -> None:
        mine = [event for event in events(delivered) if event["job"]["name"].endswith(".station")]
        told = [(e["job"]["name"], e["inputs"][0]["name"], [o["name"] for o in e["outputs"]]) for e in mine]
        assert told == [
            ("land.station", "hlj-water/station", ["landing.station"]),
            ("check.station", "landing.station", ["raw.station", "quarantine.station"]),
            ("load.station", "raw.station", ["resource.station"]),
        ]

    def test_quality_says_which_rule_how_many_rows_broke(self, delivered: Hub) -> None:
        (check,) = [event for event in events(delivered) if event["job"]["name"] == "check.station"]
        told = check["inputs"][0]["inputFacets"]
        assert told["dataQualityMetrics"]["rowCount"] == 2
        broken = [one for one in told["dataQualityAssertions"]["assertions"] if not one["success"]]
        assert [(one["assertion"], one["column"], one["actual"]) for one in broken] == [("minimum", "amount", "1")]

    def test_columns_are_told_from_the_files_headers_on(self, delivered: Hub) -> None:
        with delivered.session() as session:
            graph = lineage.upstream(session, "resource.station", "amount")
        assert set(graph.distance) == {
            ("resource.station", "amount"),
            ("raw.station", "amount"),
            ("landing.station", "数量"),
        }

    def test_a_refused_batch_fails_and_says_why(self, delivered: Hub) -> None:
        mine = [event for event in events(delivered) if event["job"]["name"] == "check.meter"]
        assert [event["eventType"] for event in mine] == ["FAIL"]
        assert mine[0]["run"]["facets"]["errorMessage"]["message"]
        assert not [event for event in events(delivered) if event["job"]["name"] == "load.meter"]

    def test_events_name_the_dagster_run_they_belong_to(self, delivered: Hub) -> None:
        with delivered.session() as session:
            runs = set(session.exec(select(Batch.run_id)))
        assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in events(delivered)} == runs

    def test_made_again_they_are_the_same_events(self, delivered: Hub) -> None:
        from orchestration.lineage import catch_up

        before = len(events(delivered))
        assert catch_up(delivered, since=0) == 0
        assert len(events(delivered)) == before

    def test_a_delivery_outside_dagster_is_caught_up_with(self, stocked: Hub, inbox: Path) -> None:
        from orchestration.lineage import catch_up
        from warehouse.ingest import deliver as ingest

        path = drop(inbox / "station", "a.csv", "S1,1", "S2,-2")
        args = (stocked.settings, stocked.ledger, stocked.lookups, path)
        ingest.deliver(*args, dataset="station", received_by="local:test")
        assert catch_up(stocked) == 1
        assert [event["job"]["name"] for event in events(stocked)] == ["land.station", "check.station", "load.station"]
        assert catch_up(stocked) == 0


class TestModels:
    @pytest.fixture(scope="class")
    def told(self, modelled: Any) -> list[dict[str, Any]]:  # noqa: F811
        settings, run = modelled
        return modelled_lineage.events(settings, run, run_id="0189d4b6-0000-7000-8000-000000000000")

    def test_every_event_is_valid(self, told: list[dict[str, Any]], schemas: dict[str, Any]) -> None:
        assert told
        assert faults(schemas, told) == []

    def test_a_models_inputs_and_output_have_our_names(self, told: list[dict[str, Any]]) -> None:
        (hazard,) = [e for e in told if e["job"]["name"] == "model.theme.hazard" and e["eventType"] == "COMPLETE"]
        assert {dataset["namespace"] for dataset in (*hazard["inputs"], *hazard["outputs"])} == {facets.NAMESPACE}
        read = {dataset["name"] for dataset in hazard["inputs"]}
        assert read == {"theme.geography", "resource.earthquake", "resource.fire_hotspot", "resource.landslide"}
        assert [dataset["name"] for dataset in hazard["outputs"]] == ["theme.hazard"]

    def test_columns_are_followed_through_every_step_of_the_query(self, told: list[dict[str, Any]]) -> None:
        (risk,) = [e for e in told if e["job"]["name"] == "model.topic.regional_risk" and e["eventType"] == "COMPLETE"]
        fields = risk["outputs"][0]["facets"]["columnLineage"]["fields"]
        colour = {(source["name"], source["field"]) for source in fields["colour"]["inputFields"]}
        assert colour == {
            ("theme.hazard", "kind"),
            ("theme.hazard", "measure"),
            ("theme.hazard", "severity"),
            ("theme.enterprise", "gravest_hazard_level"),
            ("theme.enterprise", "major_hazards"),
        }

    def test_provenance_columns_stay_out(self, told: list[dict[str, Any]]) -> None:
        fields = [
            source["field"]
            for event in told
            for output in event["outputs"]
            for of in output["facets"].get("columnLineage", {}).get("fields", {}).values()
            for source in of["inputFields"]
        ]
        assert fields
        assert not [name for name in fields if name.startswith("_")]

    def test_tests_are_told_as_assertions(self, told: list[dict[str, Any]]) -> None:
        tested = [e for e in told if e["job"]["name"] == "test.theme.hazard" and e["eventType"] == "COMPLETE"]
        assertions = tested[0]["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
        assert {"unique", "not_null", "accepted_values"} == {one["assertion"] for one in assertions}


class TestCommand:
    @pytest.fixture(autouse=True)
    def home(self, delivered: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HUB_HOME", str(delivered.settings.root))
        monkeypatch.setenv("HUB_LANG", "en")

    def run(self, *arguments: str) -> Any:
        from cli.main import app

        return CliRunner().invoke(app, ["lineage", *arguments])

    def test_prints_both_directions(self) -> None:
        told = self.run("raw.station")
        assert told.exit_code == 0, told.output
        assert "comes from" in told.output
        assert "landing.station" in told.output
        assert "resource.station" in told.output

    def test_finds_the_library_of_a_dataset_and_its_items(self) -> None:
        told = json.loads(self.run("station.amount", "--json").output)
        assert (told["name"], told["item"]) == ("resource.station", "amount")
        assert {(node["name"], node["item"]) for node in told["upstream"]["nodes"]} == {
            ("raw.station", "amount"),
            ("landing.station", "数量"),
        }

    def test_an_unknown_name_says_how_names_look(self) -> None:
        told = self.run("nothing")
        assert told.exit_code != 0
        assert "theme.station" in str(told.exception)
