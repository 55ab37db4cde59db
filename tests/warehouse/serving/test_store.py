"""The serving store: the same rows as the lake for every view and condition, or the lake itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.odcs import loader
from contracts.view import Mask, View
from tests.sharing import CONTRACT
from warehouse.serving import extracts, pages, query_workers, store
from warehouse.serving.sql_rewrite import QueryInvalid
from warehouse.settings import Settings
from warehouse.storage import connection

ROWS = 400
ITEMS = ("hazard_id", "name", "division", "level", "r_value", "lon", "assessed_on", "seen_at", "capital", "owner_phone")
TABLE = f"""
CREATE TABLE lake.resource.hazard AS SELECT
    printf('MH-%04d', (i * 7919) % {ROWS}) AS hazard_id,
    CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '危险ß' || i WHEN 3 THEN 'Name' WHEN 4 THEN 'name'
        WHEN 5 THEN '👩‍🔬é%_' ELSE chr(9) || '=1"''' END AS name,
    CASE WHEN i % 11 = 0 THEN NULL ELSE (230100 + i % 5)::VARCHAR END AS division,
    CASE WHEN i % 13 = 0 THEN NULL ELSE i % 4 - 1 END::BIGINT AS level,
    CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN 'infinity'::DOUBLE WHEN 2 THEN -2.5 WHEN 3 THEN 1e300 ELSE i * 1.25 END AS r_value,
    CASE WHEN i % 5 = 0 THEN NULL ELSE 126.123456 + i / 1000.0::DOUBLE END AS lon,
    DATE '1969-12-25' + i::INTEGER AS assessed_on,
    TIMESTAMPTZ '1969-12-31 20:00:00.123456+08' + to_hours(i::INTEGER) AS seen_at,
    CASE WHEN i % 3 = 0 THEN NULL ELSE i * 1000.5 - 9000 END::DECIMAL(18,6) AS capital,
    '1380000' || lpad(i::VARCHAR, 4, '0') AS owner_phone, i % 2 = 0 AS flag, 'b' AS _batch, i AS _row
FROM range({ROWS}) t(i)
"""
CONTRACT_ = loader.parse(CONTRACT.format(dataset="hazard", title="资源", owner="o", sharing=2, route="collect"))
SIMPLE = [
    "level = 1", "level <> -1", "level IN (0, 2, -1)", "level BETWEEN 0 AND 1", "division LIKE '23010%'", "name LIKE 'n_me'",
    "name = '危险ß2'", "name IS NULL", "NOT (level = 1)", "r_value > 12.5", "r_value <= -2.5", "assessed_on >= '1970-03-01'",
    "seen_at < TIMESTAMP '1970-01-09 04:00:00'", "division > '230101'", "lon < 126", "owner_phone >= '13800000200'",
]  # fmt: skip
"""Conditions that the store can say."""
OTHERS = ["r_value > 0.1", "capital > 100", "lower(name) = 'name'", "level + 1 = 2", "r_value > level", "length(name) > 3"]
CONDITIONS = st.recursive(
    st.sampled_from(SIMPLE) | st.sampled_from(SIMPLE + OTHERS),
    lambda one: st.tuples(one, st.sampled_from(["AND", "OR", "AND NOT"]), one).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
    max_leaves=4,
)
FIRST: dict[str, Any] = {"after": None, "limit": 50, "equals": None}
MASKS = st.one_of(st.just(Mask("null")), st.just(Mask("hash")), st.integers(-1, 9).map(lambda keep: Mask("truncate", keep)))


def view(**more: Any) -> View:
    return View(**({"library": "resource", "dataset": "hazard", "items": ITEMS, "salt": "salt", "reason": "t"} | more))


def made(settings_: Settings, sql: str = TABLE) -> int:
    connection.initialise(settings_)
    with connection.writer(settings_) as lake:
        lake.execute(sql)
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    return int(snapshot)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, int]]:
    """A version with its store; what came later is not in it."""
    settings_ = Settings(home=tmp_path_factory.mktemp("store") / "var", _env_file=None)
    snapshot = made(settings_)
    assert store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    with connection.writer(settings_) as lake:
        lake.execute("DELETE FROM lake.resource.hazard")
    yield settings_, snapshot
    connection.forget(settings_)


def both(served: tuple[Settings, int], seen: View, choose: list[str], **more: Any) -> tuple[Any, pages.Page]:
    """A page of the store (None: it leaves it to the lake), and of the lake."""
    options = {"where": "", "after": None, "limit": 50, "equals": None} | more
    found = store.page(served[0], CONTRACT_, seen, choose=choose, snapshot=served[1], **options)
    return found, pages.lake_page(served[0], CONTRACT_, seen, choose, snapshot=served[1], **options)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    masks=st.dictionaries(st.sampled_from(ITEMS[1:]), MASKS, max_size=3),
    row_filter=st.just("") | st.sampled_from(SIMPLE),
    where=st.just("") | CONDITIONS,
    choose=st.lists(st.sampled_from(ITEMS), unique=True, min_size=1, max_size=6),
    limit=st.sampled_from([1, 37, 150, 1000]),
)
def test_store_and_lake_give_the_same_pages(
    served: tuple[Settings, int], masks: dict[str, Mask], row_filter: str, where: str, choose: list[str], limit: int
) -> None:
    seen, after = view(masks=masks, row_filter=row_filter), None
    for _ in range(3):
        try:
            found, expected = both(served, seen, choose, where=where, after=after, limit=limit)
        except QueryInvalid:  # a number behind a hash is a text
            assert store.page(served[0], CONTRACT_, seen, choose=choose, snapshot=served[1], where=where, **FIRST) is None
            return
        if found is not None:
            assert found.table.schema == expected.table.schema
            assert found.table.to_pylist() == expected.table.to_pylist()
            assert found.lines() == expected.lines(), "and not a letter of their JSON"
            assert found.after == expected.after
        after = expected.after
        if after is None:
            return


@pytest.mark.parametrize("where", SIMPLE)
def test_the_store_itself_answers_what_is_asked_every_day(served: tuple[Settings, int], where: str) -> None:
    for seen in (view(row_filter=where), view(masks={"lon": Mask("truncate", 2), "owner_phone": Mask("hash")})):
        asked = "" if seen.row_filter else where
        if "lon" in asked or "owner_phone" in asked:  # of a masked item only its mask may be asked
            assert both(served, seen, list(ITEMS), where=asked)[0] is None
            continue
        found, expected = both(served, seen, list(ITEMS), where=asked, limit=1000)
        assert found is not None
        assert found.table.equals(expected.table), "not a value, not a type is another"


@pytest.mark.parametrize("key", ["MH-0007", "MH-9999", "mh-0007", "", "MH-0007' OR '1'='1", "x\0"])
def test_rows_by_key(served: tuple[Settings, int], key: str) -> None:
    found, expected = both(served, view(row_filter="level <> 5"), ["hazard_id", "level"], equals={"hazard_id": key})
    if "\0" in key:
        assert found is None
    else:
        assert found is not None
        assert (found.table, found.after) == (expected.table, None)


def test_a_hidden_or_masked_key_is_left_to_the_lake(served: tuple[Settings, int]) -> None:
    assert both(served, view(items=ITEMS[1:]), ["name"])[0] is None
    assert both(served, view(masks={"hazard_id": Mask("hash")}), ["name"])[0] is None


def test_who_looks_for_little_in_much_is_left_to_the_lake(
    served: tuple[Settings, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "STEPS", 600)
    monkeypatch.setattr(store, "STEPS_EACH", 100)
    assert both(served, view(), ["name"], limit=3)[0] is not None
    assert both(served, view(), ["name"], where="name = 'nowhere'")[0] is None


@pytest.mark.parametrize(
    "column",
    ["'nan'::DOUBLE", "-0.0::DOUBLE", "'a' || chr(0)", "'infinity'::DATE", "[1]", "170141183460469231731687303715884105727"],
)
def test_what_sqlite_would_change_is_not_kept(tmp_path: Any, column: str) -> None:
    settings_ = Settings(home=tmp_path / "var", _env_file=None)
    snapshot = made(settings_, f"CREATE TABLE lake.resource.hazard AS SELECT 'MH-1' AS hazard_id, {column} AS odd")
    assert not store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    assert not store.prepare(settings_, "resource", "hazard", snapshot, [])
    assert store.find(settings_, "resource", "hazard", snapshot) is None
    connection.forget(settings_)


def test_a_file_that_differs_is_not_kept(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_ = Settings(home=tmp_path / "var", _env_file=None)
    snapshot = made(settings_)
    encoded = store._encoded
    with monkeypatch.context() as patch:
        patch.setattr(store, "_encoded", lambda name, kind: "level + 1" if name == "level" else encoded(name, kind))
        assert not store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    small = settings_.model_copy(update={"served_bytes": 20_000})
    assert not store.prepare(small, "resource", "hazard", snapshot, ["hazard_id"]), "nor one beyond the disk set for it"
    assert not [one for one in (settings_.root / "cache" / "served").iterdir() if one.name != "making.lock"]
    assert store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    path = settings_.root / "cache" / "served" / f"resource.hazard.{snapshot}.db"
    asked = {"snapshot": snapshot, "limit": 5}
    expected = pages.page(settings_, CONTRACT_, view(), **asked).table
    path.write_bytes(b"no database at all" * 500)
    assert pages.page(settings_, CONTRACT_, view(), **asked).table.equals(expected), "a damaged one is the lake's again"
    assert not path.exists()
    assert store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    extracts.forget(settings_, "resource", "hazard", snapshot)
    assert not path.exists(), "a recalled version is kept nowhere"
    assert store.prepare(settings_, "resource", "hazard", snapshot, ["hazard_id"])
    assert store.make_room(small) > 0
    assert store.find(settings_, "resource", "hazard", snapshot) is None
    connection.forget(settings_)


def test_a_server_makes_it_beside_the_first_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_ = Settings(home=tmp_path / "var", _env_file=None)
    snapshot = made(settings_)
    asked = {"snapshot": snapshot, "limit": 5, "where": "level = 1"}
    query_workers.start(settings_)
    try:
        first = pages.page(settings_, CONTRACT_, view(), **asked)
        until = time.monotonic() + 120
        while store.find(settings_, "resource", "hazard", snapshot) is None:
            assert time.monotonic() < until
            time.sleep(0.1)
        monkeypatch.setattr(pages, "lake_page", None)
        again = pages.page(settings_, CONTRACT_, view(), **asked)
        assert (again.table, again.after) == (first.table, first.after)
    finally:
        query_workers.stop(settings_)
    path = settings_.root / "cache" / "served" / f"resource.hazard.{snapshot}.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
