"""Extracts: masks and filters in the files, cut once, put away by size, never half there."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from contracts.model import Contract
from contracts.view import Mask, View
from tests.sharing import COLUMNS, ROWS, Hub
from warehouse.serving import extracts
from warehouse.settings import Settings
from warehouse.storage import connection

CONTRACT = Contract("urn:x", "1", "hazard", "x", ())


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
    [row] = rows(
        extracts.extract(hub.settings, view(masks=masks, row_filter="hazard_id = 'MH-0042'"), CONTRACT, _snapshot(hub))
    )
    assert (row["hazard_id"], row["owner_phone"], row["lon"], row["capital"]) == ("MH-0042", "138", 126.0, None)
    assert row["seen_at"].isoformat() == "2025-12-31T16:00:00+00:00"  # type: ignore[attr-defined] - the month in Asia/Shanghai


def test_hashes_are_salted(hub: Hub) -> None:
    import hashlib

    told = [
        rows(extracts.extract(hub.settings, view(masks={"owner_phone": Mask("hash")}, salt=salt), CONTRACT, _snapshot(hub)))[0]
        for salt in ("a", "b")
    ]
    assert told[0]["owner_phone"] == hashlib.sha256(b"a13800000000").hexdigest()
    assert told[0]["owner_phone"] != told[1]["owner_phone"]


def test_cut_once_and_the_same_again(hub: Hub) -> None:
    one = extracts.extract(hub.settings, view(), CONTRACT, _snapshot(hub))
    written = one[0].path.stat().st_mtime_ns
    assert extracts.extract(hub.settings, view(), CONTRACT, _snapshot(hub)) == one
    assert one[0].path.stat().st_mtime_ns == written
    extracts.forget(hub.settings, "resource", "hazard", _snapshot(hub))
    assert not one[0].path.exists()
    again = extracts.extract(hub.settings, view(), CONTRACT, _snapshot(hub))
    assert [file.id for file in again] == [file.id for file in one]


def test_one_file_keeps_the_order_of_the_table(hub: Hub) -> None:
    seen = [row["hazard_id"] for row in rows(extracts.extract(hub.settings, view(), CONTRACT, _snapshot(hub)))]
    with connection.reader(hub.settings) as lake:
        held = lake.execute(f"SELECT hazard_id FROM {connection.table('resource', 'hazard')} AT (VERSION => {_snapshot(hub)})")
        assert seen == [key for (key,) in held.fetchall()]


def test_a_large_dataset_is_cut_into_files(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracts, "FILE_BYTES", 1)
    files = extracts.extract(hub.settings, view(row_filter="level >= 1"), CONTRACT, _snapshot(hub))
    assert [file.path.name for file in files] == [f"{number:05d}.parquet" for number in range(len(files))]
    assert len({row["hazard_id"] for row in rows(files)}) == sum(file.rows for file in files) == 120


def test_two_views_share_no_file(hub: Hub) -> None:
    told = {
        extracts.extract(hub.settings, v, CONTRACT, _snapshot(hub))[0].path
        for v in (view(), view(items=("hazard_id",)), view(row_filter="level = 1"), view(masks={"lon": Mask("null")}))
    }
    assert len(told) == 4


def test_many_at_once_cut_one(hub: Hub) -> None:
    told: list[str] = []
    one = view(row_filter="level = 2")
    threads = [
        threading.Thread(target=lambda: told.append(extracts.extract(hub.settings, one, CONTRACT, _snapshot(hub))[0].id))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6
    assert len(set(told)) == 1


def test_put_away_by_size_the_least_used_first(hub: Hub) -> None:
    settings, snapshot = hub.settings, _snapshot(hub)
    old = extracts.extract(settings, view(row_filter="level = 3"), CONTRACT, snapshot)[0].path
    new = extracts.extract(settings, view(row_filter="level = 4"), CONTRACT, snapshot)[0].path
    os.utime(old.parent / "extract.json", (1, 1))
    assert extracts.put_away(settings, limit=0, now=new.stat().st_mtime) > 0
    assert not old.exists()
    assert new.exists(), "links to it are still good"
    extracts.put_away(settings, limit=0, now=new.stat().st_mtime + 2 * extracts.IN_USE_SECONDS)
    assert not new.exists()


def test_half_an_extract_is_none(hub: Hub) -> None:
    [file] = extracts.extract(hub.settings, view(row_filter="level = 1"), CONTRACT, _snapshot(hub))
    file.path.unlink()
    [again] = extracts.extract(hub.settings, view(row_filter="level = 1"), CONTRACT, _snapshot(hub))
    assert again.path.is_file()
    left = list((hub.settings.root / "cache" / "extracts").rglob(".making-*"))
    assert left == []


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
    [row] = rows(extracts.extract(settings, odd, CONTRACT, snapshot))
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
    told = rows(extracts.extract(settings, view(items=("hazard_id", "added")), CONTRACT, snapshot))
    assert told == [{"hazard_id": f"MH-000{n}", "added": None} for n in range(3)]
    connection.forget(settings)


@pytest.mark.parametrize("kind", ["null", "hash", "truncate"])
def test_lake_files_hold_what_extracts_do_not(hub: Hub, kind: str) -> None:
    """Why lake files are never served: the phone numbers are in them."""
    masked = view(items=("hazard_id", "owner_phone"), masks={"owner_phone": Mask(kind, 3)}, salt="s")  # type: ignore[arg-type]
    for file in extracts.extract(hub.settings, masked, CONTRACT, _snapshot(hub)):
        assert "13800000042" not in str(pq.read_table(file.path).to_pydict())
    held = "".join(
        str(pq.read_table(path).to_pydict()) for path in (hub.settings.lake / "data" / "resource").rglob("*.parquet")
    )
    assert "13800000042" in held


def _snapshot(hub: Hub) -> int:
    from catalog.entries import resources
    from catalog.releases import releases

    with hub.session() as session:
        return releases.get(session, resources.get(session, "hazard")).snapshot


def test_forgetting_a_version_leaves_other_tables_of_the_same_snapshot(hub: Hub) -> None:
    """Versions released together share a snapshot; a recall is of one table."""
    snapshot = _snapshot(hub)
    mine = extracts.extract(hub.settings, view(), CONTRACT, snapshot)
    other = extracts.extract(hub.settings, replace(view(), dataset="weather"), CONTRACT, snapshot)
    changed = extracts.changes(hub.settings, view(), ("hazard_id",), snapshot - 1, snapshot)
    after = extracts.changes(hub.settings, view(), ("hazard_id",), snapshot, snapshot)
    extracts.forget(hub.settings, "resource", "hazard", snapshot)
    assert [file.path.exists() for file in (mine[0], other[0], changed[0], after[0])] == [False, True, False, False]


def test_what_a_killed_process_left_half_made_is_put_away(hub: Hub) -> None:
    extracts.extract(hub.settings, view(), CONTRACT, _snapshot(hub))
    place = hub.settings.root / "cache" / "extracts" / str(_snapshot(hub))
    left, under_way = place / ".making-killed", place / ".making-now"
    for folder in (left, under_way):
        folder.mkdir()
        (folder / "00000.parquet").write_bytes(b"half")
    old = left.stat().st_mtime - 2 * extracts.IN_USE_SECONDS
    for path in (left / "00000.parquet", left):
        os.utime(path, (old, old))
    extracts.put_away(hub.settings)
    assert (left.exists(), under_way.exists()) == (False, True)
    shutil.rmtree(under_way)
