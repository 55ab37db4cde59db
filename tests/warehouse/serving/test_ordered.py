"""Pages of a large version come from a copy in key order: the same rows, whatever the page costs."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from contracts.odcs import loader
from contracts.view import Mask, View
from tests.sharing import CONTRACT
from warehouse.serving import diff as release
from warehouse.serving import ordered
from warehouse.serving import pages as query
from warehouse.settings import Settings
from warehouse.storage import connection

ROWS = 3_000
ITEMS = ("hazard_id", "division", "level")


@pytest.fixture(scope="module")
def versioned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, int]:
    """A table in no order, and a snapshot of it; what came later is not in that version."""
    settings = Settings(home=tmp_path_factory.mktemp("ordered") / "var", _env_file=None)
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute(
            f"CREATE TABLE lake.resource.hazard AS SELECT printf('MH-%05d', (i * 7919) % {ROWS}) AS hazard_id, "
            f"CAST(i % 3 AS VARCHAR) AS division, i % 4 AS level, 'b' AS _batch, i AS _row FROM range({ROWS}) t(i)"
        )
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
        lake.execute("INSERT INTO lake.resource.hazard VALUES ('MH-99999', '0', 1, 'c', 0)")
    return settings, int(snapshot)


def _contract() -> Any:
    return loader.parse(CONTRACT.format(dataset="hazard", title="资源", owner="o", sharing=2, route="collect"))


def _view(**more: Any) -> View:
    return View(**({"library": "resource", "dataset": "hazard", "items": ITEMS, "masks": {}, "reason": "t"} | more))


def _all(settings: Settings, snapshot: int, view: View, **more: Any) -> list[dict[str, Any]]:
    """Every row, by pages."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = query.page(settings, _contract(), view, snapshot=snapshot, after=after, **more)
        rows += page.table.to_pylist()
        after = page.after
        if after is None:
            return rows


def test_a_small_version_needs_no_copy(versioned: tuple[Settings, int]) -> None:
    settings, snapshot = versioned
    assert not ordered.prepare(settings, "resource", "hazard", snapshot, ["hazard_id"])
    assert ordered.source(settings, "resource", "hazard", snapshot) is None


@pytest.fixture
def copied(versioned: tuple[Settings, int], monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, int]:
    monkeypatch.setattr(ordered, "LARGE", 1000)
    settings, snapshot = versioned
    assert ordered.prepare(settings, "resource", "hazard", snapshot, ["hazard_id"])
    return versioned


VIEWS = [
    _view(),
    _view(row_filter="division = '1'"),
    _view(masks={"division": Mask("hash")}, salt="s"),
    _view(masks={"hazard_id": Mask("hash")}, salt="s"),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("where", ["", "level >= 2"])
def test_pages_of_the_copy_are_those_of_the_lake(copied: tuple[Settings, int], view: View, where: str) -> None:
    settings, snapshot = copied
    from_copy = _all(settings, snapshot, view, limit=700, where=where)
    ordered.forget(settings, "resource", "hazard", snapshot)
    assert from_copy == _all(settings, snapshot, view, limit=700, where=where)
    assert len({row["hazard_id"] for row in from_copy}) == len(from_copy) > 100


def test_a_row_by_its_key_comes_from_the_copy_and_is_its_own(copied: tuple[Settings, int]) -> None:
    settings, snapshot = copied
    page = query.page(settings, _contract(), _view(), snapshot=snapshot, equals={"hazard_id": "MH-00042"})
    assert [row["hazard_id"] for row in page.table.to_pylist()] == ["MH-00042"]
    assert not query.page(settings, _contract(), _view(), snapshot=snapshot, equals={"hazard_id": "MH-99999"}).table.num_rows


def test_a_page_reads_a_bounded_part_of_the_copy_wherever_it_is(
    copied: tuple[Settings, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row groups by statistics: the condition of a page leaves at most a few, from the first page to the last."""
    settings, snapshot = copied
    statements: list[tuple[str, list[Any]]] = []
    fetched = query._fetched

    def keep(lake: duckdb.DuckDBPyConnection, sql: str, parameters: Any) -> Any:
        statements.append((sql, list(parameters)))
        return fetched(lake, sql, parameters)

    monkeypatch.setattr(query, "_fetched", keep)
    _all(settings, snapshot, _view(), limit=1000)
    assert all("read_parquet" in sql for sql, _ in statements)
    later = [sql for sql, _ in statements[1:]]
    assert later
    assert all("IS NULL" not in sql for sql in later), "a bound that may be null reads every row group"


def test_a_version_with_rows_without_key_has_no_copy(copied: tuple[Settings, int]) -> None:
    settings, _ = copied
    with connection.writer(settings) as lake:
        lake.execute("INSERT INTO lake.resource.hazard VALUES (NULL, '0', 1, 'c', 1)")
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    assert not ordered.prepare(settings, "resource", "hazard", snapshot, ["hazard_id"])


def test_the_least_used_copy_makes_room(copied: tuple[Settings, int], monkeypatch: pytest.MonkeyPatch) -> None:
    settings, snapshot = copied
    monkeypatch.setattr(settings, "ordered_bytes", 0)
    assert ordered.make_room(settings) > 0
    assert ordered.source(settings, "resource", "hazard", snapshot) is None


def test_a_publication_makes_the_copy_and_a_full_disk_does_not_stop_it(
    copied: tuple[Settings, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = copied
    with connection.writer(settings) as lake:
        lake.execute("DELETE FROM lake.resource.hazard WHERE hazard_id IS NULL")
    published = release.publish(settings, "resource.hazard", None, ["hazard_id"])
    assert ordered.source(settings, "resource", "hazard", published.snapshot)
    ordered.forget(settings, "resource", "hazard", published.snapshot)

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ordered, "_copy", full)
    assert release.publish(settings, "resource.hazard", None, ["hazard_id"]).rows
    assert ordered.source(settings, "resource", "hazard", published.snapshot) is None
    assert not list((settings.root / "cache" / "ordered").glob(".making-*"))
