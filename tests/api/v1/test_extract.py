"""Extracts: masks and filters in the files, cut once, put away by size, never half there."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from contracts.view import Mask, View
from tests.sharing import COLUMNS, ROWS, Hub, built
from warehouse.serving import cuts, extract_room, extracts
from warehouse.settings import Settings
from warehouse.storage import connection


def cut(settings: Settings, *wanted: Any) -> tuple[extracts.ExtractFile, ...]:
    """Every file of a view of a snapshot; of its changes since another one, by key."""
    return tuple(cuts.files(settings, extracts.Wanted(*wanted)))


def view(**more: object) -> View:
    told = {"dataset": "hazard", "library": "resource", "items": ("hazard_id", "owner_phone", "lon", "seen_at", "capital")}
    return View(**(told | more))  # type: ignore[arg-type]


def rows(files: tuple[extracts.ExtractFile, ...]) -> list[dict[str, object]]:
    return [row for file in files for row in pq.read_table(file.path).to_pylist()]


def test_masks(hub: Hub) -> None:
    masks = {
        "owner_phone": Mask("truncate", 3),
        "lon": Mask("truncate", 0),
        "seen_at": Mask("truncate", 7),
        "capital": Mask("null"),
    }
    [row] = rows(cut(hub.settings, view(masks=masks, row_filter="hazard_id = 'MH-0042'"), _snapshot(hub)))
    assert (row["hazard_id"], row["owner_phone"], row["lon"], row["capital"]) == ("MH-0042", "138", 126.0, None)
    assert row["seen_at"].isoformat() == "2025-12-31T16:00:00+00:00"  # type: ignore[attr-defined] - the month in Asia/Shanghai


def test_hashes_are_salted(hub: Hub) -> None:
    import hashlib

    told = [
        rows(cut(hub.settings, view(masks={"owner_phone": Mask("hash")}, salt=salt), _snapshot(hub)))[0] for salt in ("a", "b")
    ]
    assert told[0]["owner_phone"] == hashlib.sha256(b"a13800000000").hexdigest()
    assert told[0]["owner_phone"] != told[1]["owner_phone"]


def test_cut_once_and_the_same_again(hub: Hub) -> None:
    one = cut(hub.settings, view(), _snapshot(hub))
    written = one[0].path.stat().st_mtime_ns
    assert cut(hub.settings, view(), _snapshot(hub)) == one
    assert one[0].path.stat().st_mtime_ns == written
    extracts.forget(hub.settings, "resource", "hazard", _snapshot(hub))
    assert not one[0].path.exists()
    again = cut(hub.settings, view(), _snapshot(hub))
    assert [file.id for file in again] == [file.id for file in one]


def test_one_file_keeps_the_order_of_the_table(hub: Hub) -> None:
    seen = [row["hazard_id"] for row in rows(cut(hub.settings, view(), _snapshot(hub)))]
    with connection.reader(hub.settings) as lake:
        held = lake.execute(f"SELECT hazard_id FROM {connection.table('resource', 'hazard')} AT (VERSION => {_snapshot(hub)})")
        assert seen == [key for (key,) in held.fetchall()]


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the dataset were large: about four files of it."""
    monkeypatch.setattr(extracts, "PART_BYTES", 2_000)
    monkeypatch.setattr(extracts, "UNIT", 8)


@pytest.fixture
def large(tmp_path: Path, in_parts: None) -> Iterator[Hub]:
    """A hub of its own whose datasets are cut in parts."""
    hub = built(Settings(home=tmp_path / "var", _env_file=None))
    yield hub
    connection.forget(hub.settings)


def test_a_large_dataset_is_cut_in_parts_by_its_row_numbers(large: Hub) -> None:
    """Each row is in one file, in the table's order; rows that the view hides are in none."""
    files = cut(large.settings, view(), _snapshot(large))
    assert len(files) > 2
    assert [file.path.name for file in files] == [f"{number:05d}.parquet" for number in range(len(files))]
    assert all(file.rows for file in files)
    with connection.reader(large.settings) as lake:
        held = lake.execute(f"SELECT hazard_id FROM lake.resource.hazard AT (VERSION => {_snapshot(large)}) ORDER BY rowid")
        assert sorted(row["hazard_id"] for row in rows(files)) == sorted(key for (key,) in held.fetchall())
    seen = rows(cut(large.settings, view(row_filter="level = 2"), _snapshot(large)))
    assert len(seen) == 30


def test_parts_are_the_same_bytes_again(large: Hub) -> None:
    files = cut(large.settings, view(), _snapshot(large))
    shutil.rmtree(extract_room.root(large.settings))
    assert cut(large.settings, view(), _snapshot(large)) == files


def test_no_row_is_lost_between_parts_where_the_lake_is_compacted(large: Hub) -> None:
    """Merged files may number rows anew: parts of before and after are never mixed."""
    wanted = extracts.Wanted(view(), _snapshot(large))
    plan = extracts.plan(large.settings, wanted)
    extracts.cut(large.settings, plan, 0)
    large.run("CALL ducklake_merge_adjacent_files('lake')")
    with pytest.raises(extracts.Rearranged):
        extracts.cut(large.settings, plan, 1)
    files = cut(large.settings, view(), _snapshot(large))
    assert len({row["hazard_id"] for row in rows(files)}) == sum(file.rows for file in files) == 120
    assert all(file.path.parent != extracts.place(large.settings, plan, 0).parent for file in files)


def test_an_item_called_rowid_hides_the_lakes_numbers(tmp_path: Path, in_parts: None) -> None:
    settings = Settings(home=tmp_path / "var", _env_file=None)
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute("CREATE TABLE lake.topic.odd AS SELECT NULL::BIGINT AS rowid, i AS a FROM range(20000) t(i)")
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    assert sum(file.rows for file in cut(settings, View("odd", "topic", ("a",)), snapshot)) == 20_000
    connection.forget(settings)


def test_changes_are_the_same_bytes_again_also_in_parts(large: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _snapshot(large, 1)
    wanted = large.settings, view(), _snapshot(large), first, ("hazard_id",)
    files = cut(*wanted)
    assert len(files) > 1
    told = rows(files)
    shutil.rmtree(large.settings.root / "cache" / "extracts")
    assert [file.id for file in cut(*wanted)] == [file.id for file in files]
    shutil.rmtree(large.settings.root / "cache" / "extracts")
    monkeypatch.setattr(extracts, "PART_BYTES", 2**30)
    [whole] = cut(*wanted)
    assert rows((whole,)) == sorted(told, key=lambda row: (str(row["hazard_id"]), str(row["_change_type"])))


def test_two_views_share_no_file(hub: Hub) -> None:
    told = {
        cut(hub.settings, v, _snapshot(hub))[0].path
        for v in (view(), view(items=("hazard_id",)), view(row_filter="level = 1"), view(masks={"lon": Mask("null")}))
    }
    assert len(told) == 4


def test_many_at_once_cut_one(hub: Hub) -> None:
    told: list[str] = []
    one = view(row_filter="level = 2")
    threads = [threading.Thread(target=lambda: told.append(cut(hub.settings, one, _snapshot(hub))[0].id)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6
    assert len(set(told)) == 1


def test_put_away_by_size_the_least_used_first_whoever_uses_them(hub: Hub) -> None:
    settings, snapshot = hub.settings.model_copy(update={"extract_bytes": 1}), _snapshot(hub)
    shutil.rmtree(extract_room.root(settings), ignore_errors=True)
    [old] = cut(settings, view(row_filter="level = 3"), snapshot)
    kept, wanted = old.path.read_bytes(), extracts.Wanted(view(row_filter="level = 3"), snapshot)
    plan = extracts.plan(settings, wanted)
    [new] = cut(settings, view(row_filter="level = 4"), snapshot)
    assert [path.name for path in extract_room.root(settings).rglob("*.parquet")] == [new.path.name]
    assert not old.path.exists()
    assert extracts.described(settings, plan, 0) == old, "what it is stays known: nothing has to be cut to tell of it"
    assert cuts.known(settings, wanted) == (old,)
    again, file = cuts.finished(settings, plan, 0)
    with file:
        assert (again, file.read()) == (old, kept)
    assert not new.path.exists()


def test_no_file_is_cut_below_what_is_to_stay_free(hub: Hub) -> None:
    settings = hub.settings.model_copy(update={"free_bytes": 2**62})
    with pytest.raises(extract_room.NoRoom) as raised:
        cut(settings, view(row_filter="level < 4"), _snapshot(hub))
    assert "HUB_FREE_BYTES" in raised.value.message_en
    assert not list(extract_room.root(settings).rglob("*.growing"))


def test_a_disk_that_fills_meanwhile_ends_the_cut(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.run("CREATE TABLE lake.topic.long AS SELECT i, sha256(i::VARCHAR) AS told FROM range(3_000_000) t(i)")
    with connection.reader(hub.settings) as lake:
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    left = iter([2**40, 2**40])
    monkeypatch.setattr(extract_room, "free", lambda _: next(left, 0))
    with pytest.raises(extract_room.NoRoom):
        cut(hub.settings, View("long", "topic", ("i", "told")), snapshot)
    assert not list(extract_room.root(hub.settings).rglob("*.growing"))


def test_a_file_whose_bytes_are_gone_is_cut_again(hub: Hub) -> None:
    wanted = extracts.Wanted(view(row_filter="level = 1"), _snapshot(hub))
    [file] = cuts.files(hub.settings, wanted)
    file.path.unlink()
    again, opened = cuts.finished(hub.settings, extracts.plan(hub.settings, wanted), 0)
    with opened:
        assert (again, len(opened.read())) == (file, file.size)
    assert not list(extract_room.root(hub.settings).rglob("*.growing"))


def test_types_that_delta_has_no_word_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "var", _env_file=None)
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute(
            "CREATE TABLE lake.topic.odd AS SELECT TIME '10:20:30' AS t, 1::UTINYINT AS small, 2::UBIGINT AS big, "
            "TIMESTAMP '2026-01-01 08:00:00' AS local, 3::HUGEINT AS huge, 1.5::FLOAT AS f, INTERVAL 1 DAY AS i"
        )
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
    odd = View("odd", "topic", ("t", "small", "big", "local", "huge", "f", "i"))
    [row] = rows(cut(settings, odd, snapshot))
    assert (row["t"], row["small"], row["big"], row["huge"], row["f"], row["i"]) == ("10:20:30", 1, "2", "3", 1.5, "1 day")
    assert row["local"].isoformat() == "2026-01-01T00:00:00+00:00", "a time without a zone is Asia/Shanghai"
    types = [column.type for column in extracts.shown_columns(settings, odd, snapshot)]
    assert types == ["VARCHAR", "SMALLINT", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "FLOAT", "VARCHAR"]
    connection.forget(settings)


def test_an_older_version_lacks_a_newer_item(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "var", _env_file=None)
    connection.initialise(settings)
    with connection.writer(settings) as lake:
        lake.execute(f"CREATE TABLE lake.resource.hazard ({COLUMNS})")
        lake.execute(f"INSERT INTO lake.resource.hazard {ROWS.format(first=0, last=3)}")
        [(snapshot,)] = lake.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()
        lake.execute("ALTER TABLE lake.resource.hazard ADD COLUMN added VARCHAR")
    told = rows(cut(settings, view(items=("hazard_id", "added")), snapshot))
    assert told == [{"hazard_id": f"MH-000{n}", "added": None} for n in range(3)]
    connection.forget(settings)


@pytest.mark.parametrize("kind", ["null", "hash", "truncate"])
def test_lake_files_hold_what_extracts_do_not(hub: Hub, kind: str) -> None:
    """Why lake files are never served: the phone numbers are in them."""
    masked = view(items=("hazard_id", "owner_phone"), masks={"owner_phone": Mask(kind, 3)}, salt="s")  # type: ignore[arg-type]
    for file in cut(hub.settings, masked, _snapshot(hub)):
        assert "13800000042" not in str(pq.read_table(file.path).to_pydict())
    held = "".join(
        str(pq.read_table(path).to_pydict()) for path in (hub.settings.lake / "data" / "resource").rglob("*.parquet")
    )
    assert "13800000042" in held


def _snapshot(hub: Hub, version: int | None = None) -> int:
    from catalog.entries import resources
    from catalog.releases import releases

    with hub.session() as session:
        return releases.get(session, resources.get(session, "hazard"), version).snapshot


def test_forgetting_a_version_leaves_other_tables_of_the_same_snapshot(hub: Hub) -> None:
    """Versions released together share a snapshot; a recall is of one table."""
    snapshot = _snapshot(hub)
    mine = cut(hub.settings, view(), snapshot)
    other = cut(hub.settings, replace(view(), dataset="weather"), snapshot)
    changed = cut(hub.settings, view(), snapshot, snapshot - 1, ("hazard_id",))
    after = cut(hub.settings, view(), snapshot, snapshot, ("hazard_id",))
    extracts.forget(hub.settings, "resource", "hazard", snapshot)
    assert [file.path.exists() for file in (mine[0], other[0], changed[0], after[0])] == [False, True, False, False]


def test_what_a_killed_process_left_half_made_is_put_away(hub: Hub) -> None:
    place = cut(hub.settings, view(), _snapshot(hub))[0].path.parent
    left, under_way = place / "00008.growing", place / "00009.growing"
    for path in (left, under_way):
        path.write_bytes(b"half")
    old = left.stat().st_mtime - 2 * extract_room.LEFT_SECONDS
    os.utime(left, (old, old))
    extract_room.make(hub.settings)
    assert (left.exists(), under_way.exists()) == (False, True)
    under_way.unlink()
