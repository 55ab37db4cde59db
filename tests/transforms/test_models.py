"""The models over a real lake: what they hold, that they grow and shrink with their sources, and who made each snapshot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from contracts.packs.contents import open_pack
from contracts.packs.models import Model
from orchestration import dbt, project
from tests import packing
from tests.transforms.conftest import FIRST, SECOND, THIRD, fill, pack, put, quake, read, write
from warehouse.settings import Settings
from warehouse.storage import connection

MODELS: Mapping[str, Model] = open_pack(packing.EMERGENCY).models
Modelled = tuple[Settings, dbt.ModelsRun]


class TestFirstRun:
    def test_every_model_and_test_succeeds(self, modelled: Modelled) -> None:
        _, run = modelled
        assert [result for result in run.results if not result.good] == []
        assert {result.model for result in run.results if result.kind == "model"} == set(MODELS)

    def test_divisions_carry_the_names_above_them(self, modelled: Modelled) -> None:
        found = read(modelled[0], "SELECT full_name, county_code FROM theme.geography WHERE code = '230803'")
        assert found == [("黑龙江省佳木斯市向阳区", "230803")]

    def test_three_sources_become_one_event_shape(self, modelled: Modelled) -> None:
        found = read(modelled[0], "SELECT hazard_id, severity, division, division_basis FROM theme.hazard ORDER BY 1")
        assert found == [
            ("earthquake-q1", 2, "230803", "nearest"),
            ("earthquake-q2", 4, "230803", "nearest"),
            ("fire-20260301-0001-1", 3, "230803", "reported"),
        ]

    def test_a_hotspots_time_is_universal_time(self, modelled: Modelled) -> None:
        found = read(modelled[0], "SELECT strftime(occurred_at, '%Y-%m-%d %H:%M') FROM theme.hazard WHERE kind = 'fire'")
        assert found == [("2026-03-01 08:50",)]

    def test_enterprises_hold_no_personal_items(self, modelled: Modelled) -> None:
        personal = {item.name for contract in pack() for item in contract.items if item.personal}
        assert personal
        assert {column.name for column in MODELS["enterprise"].columns}.isdisjoint(personal)

    def test_risk_is_told_in_four_colours(self, modelled: Modelled) -> None:
        found = read(
            modelled[0], "SELECT county_name, enterprises, likelihood, consequence, colour FROM topic.regional_risk ORDER BY 1"
        )
        assert found == [("前进区", 1, 1, 1, "蓝"), ("向阳区", 2, 2, 4, "橙")]

    def test_each_snapshot_names_the_run_and_the_model(self, modelled: Modelled) -> None:
        told = read(modelled[0], "SELECT commit_extra_info FROM ducklake_snapshots('lake') WHERE author = 'hub models'")
        made = [json.loads(extra) for (extra,) in told]
        assert {one["run_id"] for one in made} == {"first-run"}
        assert {one["model"] for one in made} == {f"{m.library}.{m.name}" for m in MODELS.values()}


class TestLaterRuns:
    def test_nothing_new_writes_nothing(self, lake: Settings) -> None:
        before = newest(lake)
        assert not dbt.build(lake).failed
        assert newest(lake) == before

    def test_a_new_batch_adds_a_corrected_key_replaces_an_undone_batch_leaves(self, lake: Settings) -> None:
        put(lake, "earthquake", [quake("q3", 5.0)], SECOND)
        write(lake, f"UPDATE lake.resource.earthquake SET magnitude = 7.2, _batch = '{SECOND}', _row = 2 WHERE event_id = 'q1'")
        put(lake, "landslide", [{"event_id": "L1", "occurred_on": "2026-03-02", "division": "230804", "fatalities": 40}], THIRD)
        dbt.build(lake, select=["hazard"])
        kept = "SELECT hazard_id, severity FROM theme.hazard ORDER BY 1"
        fire = ("fire-20260301-0001-1", 3)
        assert read(lake, kept) == [("earthquake-q1", 1), ("earthquake-q2", 4), ("earthquake-q3", 3), fire, ("landslide-L1", 1)]
        write(lake, f"DELETE FROM lake.resource.earthquake WHERE _batch = '{SECOND}'")  # as an undone batch leaves it
        put(lake, "earthquake", [quake("q1", 6.1)])
        write(lake, "DELETE FROM lake.resource.landslide")
        dbt.build(lake, select=["hazard"])
        assert read(lake, kept) == [("earthquake-q1", 2), ("earthquake-q2", 4), fire]

    def test_rows_that_were_made_anew_are_read_again_and_no_others(self, lake: Settings) -> None:
        """As a rebuild by a newer contract leaves them: as many rows of the same batches, with other values."""
        put(lake, "earthquake", [quake(f"n{number}", 5.0) for number in range(50)], SECOND)
        dbt.build(lake)
        others = read(lake, f"SELECT * FROM theme.hazard WHERE _batch = '{SECOND}' ORDER BY 1")
        write(lake, f"UPDATE lake.resource.earthquake SET magnitude = 7.2 WHERE _batch = '{FIRST}'")
        dbt.build(lake)
        assert written(lake, "theme", "hazard") == {"earthquake-q1", "earthquake-q2"}
        assert read(lake, f"SELECT * FROM theme.hazard WHERE _batch = '{SECOND}' ORDER BY 1") == others
        same_as_made_anew(lake)
        before = newest(lake)
        dbt.build(lake)
        assert newest(lake) == before

    def test_after_every_kind_of_delivery_it_is_as_made_anew(self, lake: Settings) -> None:
        """More events, a correction, an undone batch; then, for the risk, enterprises that moved and a year that went on."""
        put(lake, "earthquake", [quake(f"n{number}", 5.0) for number in range(50)], SECOND)
        dbt.build(lake)
        assert len(written(lake, "theme", "hazard")) == 50
        put(lake, "earthquake", [quake("q9", 6.5)], THIRD)
        dbt.build(lake)
        assert written(lake, "theme", "hazard") == {"earthquake-q9"}
        same_as_made_anew(lake)
        write(lake, f"UPDATE lake.resource.earthquake SET magnitude = 3.0, _batch = '{THIRD}', _row = 7 WHERE event_id = 'n1'")
        dbt.build(lake)
        assert written(lake, "theme", "hazard") >= {"earthquake-n1", "earthquake-q9"}
        same_as_made_anew(lake)
        write(lake, f"DELETE FROM lake.resource.earthquake WHERE _batch = '{THIRD}'")
        put(lake, "earthquake", [quake("n1", 5.0)], SECOND)
        dbt.build(lake)
        same_as_made_anew(lake)
        for change in (
            "UPDATE lake.resource.enterprise_registration SET lon = 134.0, lat = 48.0 WHERE credit_code = 'B'",
            "UPDATE lake.resource.enterprise_registration SET lon = 130.1, lat = 46.0 WHERE credit_code = 'C'",
            f"UPDATE lake.resource.earthquake SET occurred_at = '2027-03-02', _batch = '{THIRD}' WHERE event_id = 'n2'",
        ):
            risk = read(lake, "SELECT * FROM topic.regional_risk ORDER BY ALL")
            write(lake, change)
            dbt.build(lake)
            assert read(lake, "SELECT * FROM topic.regional_risk ORDER BY ALL") != risk
            same_as_made_anew(lake, "topic.regional_risk")  # events keep the county whose middle was nearest (decision 0037)

    def test_only_rows_that_differ_are_written(self, lake: Settings) -> None:
        write(lake, "UPDATE lake.resource.division SET name = '东风区' WHERE code = '230804'")
        dbt.build(lake, select=["geography"])
        made = newest(lake)
        changed = read(lake, f"SELECT DISTINCT code FROM ducklake_table_changes('lake', 'theme', 'geography', {made}, {made})")
        assert changed == [("230804",)]
        assert read(lake, "SELECT full_name FROM theme.geography WHERE code = '230804'") == [("黑龙江省佳木斯市东风区",)]

    def test_a_full_refresh_gives_the_same_rows(self, lake: Settings) -> None:
        rows = read(lake, "SELECT * FROM theme.hazard ORDER BY 1")
        assert not dbt.build(lake, select=["hazard"], full_refresh=True).failed
        assert read(lake, "SELECT * FROM theme.hazard ORDER BY 1") == rows


def written(settings: Settings, library: str, model: str) -> set[str]:
    """The keys that the last snapshot which wrote into a model has inserted."""
    changes = f"ducklake_table_changes('lake', '{library}', '{model}', 0, {newest(settings)})"
    asked = f"SELECT snapshot_id, hazard_id FROM {changes} WHERE change_type IN ('insert', 'update_postimage')"
    rows = read(settings, asked)
    return {key for snapshot, key in rows if snapshot == max(one for one, _ in rows)}


def same_as_made_anew(settings: Settings, *tables: str) -> None:
    """What stands in the models, or these of them, is what they hold when everything is reckoned again."""
    tables = tables or tuple(f"{one.library}.{one.name}" for one in MODELS.values())
    before = {table: read(settings, f"SELECT * FROM {table} ORDER BY ALL") for table in tables}
    assert not dbt.build(settings, full_refresh=True).failed
    assert {table: read(settings, f"SELECT * FROM {table} ORDER BY ALL") for table in tables} == before


def newest(settings: Settings) -> int:
    """The lake's newest snapshot."""
    return int(read(settings, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")[0][0])


def test_models_run_where_no_delivery_has_come_yet(settings: Settings) -> None:
    connection.initialise(settings)
    packing.install(settings, packing.BASE, packing.EMERGENCY)
    assert not dbt.build(settings).failed
    assert read(settings, "SELECT count(*) FROM topic.regional_risk") == [(0,)]


def test_without_any_pack_there_is_nothing_to_build_and_no_error(settings: Settings) -> None:
    connection.initialise(settings)
    assert dbt.build(settings).results == ()


def test_the_same_models_run_over_a_lake_on_postgresql(tmp_path: Path, postgres_database: Callable[[str], str]) -> None:
    settings = Settings(home=tmp_path / "var", lake_catalog=postgres_database(""), _env_file=None)
    fill(settings)
    try:
        for _ in range(2):
            assert not dbt.build(settings).failed
        assert read(settings, "SELECT count(*) FROM theme.hazard") == [(3,)]
        assert read(settings, "SELECT count(*) FROM ducklake_snapshots('lake') WHERE author = 'hub models'") == [(4,)]
    finally:
        connection.forget(settings)


def test_the_unit_tests_of_the_project_pass(modelled: Modelled) -> None:
    results = dbt.unit_tests(modelled[0])
    assert len(results) >= 4
    assert [(result.model, result.message) for result in results if not result.good] == []


def test_the_sources_are_those_of_the_contracts(modelled: Modelled) -> None:
    text = (project.place(modelled[0]) / "models" / "sources.yml").read_text(encoding="utf-8")
    assert text == project.sources(modelled[0])
    tables = yaml.safe_load(text)["sources"][0]["tables"]
    assert [table["name"] for table in tables] == sorted(contract.dataset for contract in pack())


def test_every_model_is_described_in_both_languages() -> None:
    for model in MODELS.values():
        for told in (model, *model.columns):
            assert told.title, told.name
            assert told.title_en, told.name
            assert told.description, told.name
            assert told.description_en, told.name


def test_dbt_sends_nothing_and_asks_for_no_version(tmp_path: Path) -> None:
    text = yaml.safe_load((project.OWN / "dbt_project.yml").read_text(encoding="utf-8"))
    assert text["flags"]["send_anonymous_usage_stats"] is False
    assert not (Path.home() / ".dbt" / ".user.yml").exists()
