"""Releases stay as they were, maintenance keeps them, a backup brings everything back; on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.ledger import CatalogLedger
from catalog.store import database
from contracts.model import BatchRules, Delivery
from tests.warehouse.conftest import Given, Hub, thing
from warehouse.serving import diff as release
from warehouse.settings import Settings
from warehouse.storage import backup, connection, landing, maintenance

HEAD = "编号,名称,数量\n"
NOW = {"keep_seconds": 0, "grace_seconds": 0, "orphan_seconds": 0}


@pytest.fixture(params=["sqlite", "postgresql"])
def any_hub(request: pytest.FixtureRequest, hub: Hub, tmp_path: Path) -> Iterator[Hub]:
    """A hub with its lake's metadata in SQLite, or in a database of its own on a real PostgreSQL server."""
    if request.param == "sqlite":
        yield hub
        return
    make: Callable[[str], str] = request.getfixturevalue("postgres_database")
    settings = Settings(home=tmp_path / "pg", lake_catalog=plain(make("")), _env_file=None)  # type: ignore[call-arg]
    settings.root.mkdir()
    database.migrate(settings.catalog_database)
    connection.initialise(settings)
    yield Hub(settings, CatalogLedger(settings.catalog_database), Given(), hub.folder)
    connection.forget(settings)


def plain(url: str) -> str:
    """What libpq takes, of an SQLAlchemy URL."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@dataclass
class Story:
    """Two versions and what came after."""

    first: release.Published
    second: release.Published


def tell(hub: Hub) -> Story:
    hub.given.add(thing(Delivery.FULL, batch_rules=BatchRules(vanish_share=1.0)))
    hub.deliver(HEAD + "a,x,1\nb,x,1\nbad,x,-1\n")
    first = release.publish(hub.settings, "resource.things", None, ("id",))
    for n in range(4):
        hub.deliver(HEAD + f"a,x,{n + 2}\nc,x,1\nbroken\n")
    second = release.publish(hub.settings, "resource.things", first.snapshot, ("id",))
    hub.deliver(HEAD + "d,x,1\n")
    return Story(first, second)


def test_versions_and_their_difference(any_hub: Hub) -> None:
    story = tell(any_hub)
    assert (story.first.rows, story.first.added) == (2, None)
    assert (story.second.rows, story.second.added, story.second.changed, story.second.removed) == (2, 1, 1, 1)
    whole = release.difference(any_hub.settings, "resource.things", story.first.snapshot, story.second.snapshot, ())
    assert (whole.added, whole.changed, whole.removed) == (2, 0, 2)
    assert [column["name"] for column in story.first.columns] == ["id", "name", "amount"]


def test_maintenance_keeps_pinned_versions_and_says_what_they_cost(any_hub: Hub) -> None:
    story = tell(any_hub)
    pins = {story.first.snapshot: ["things v1"], story.second.snapshot: ["things v2"]}
    stray = any_hub.settings.lake / "data" / "raw" / "things" / "stray.parquet"
    stray.write_bytes(b"never known to any snapshot")
    made = maintenance.maintain(any_hub.settings, lambda: pins, **NOW)
    assert made.expired > 0
    assert not stray.exists()
    assert [(pin.versions, pin.bytes > 0) for pin in made.pins] == [(("things v1",), True), (("things v2",), True)]
    old = f"SELECT id, amount FROM resource.things AT (VERSION => {story.first.snapshot}) ORDER BY id"
    assert any_hub.sql(old) == [("a", 1), ("b", 1)]
    assert any_hub.sql(old.replace(str(story.first.snapshot), str(story.second.snapshot))) == [("a", 5), ("c", 1)]
    assert any_hub.things() == [("d", "x", 1)]
    assert len(any_hub.things(library="raw")) == 11
    status = maintenance.status(any_hub.settings, pins)
    assert {(t.library, t.dataset): t.rows for t in status.tables}[("raw", "things")] == 11
    freed = maintenance.maintain(any_hub.settings, {}, **NOW)
    assert freed.freed > 0
    assert any_hub.deliver(HEAD + "e,x,1\n").outcome.table_rows == 1


def test_a_release_made_while_maintenance_waits_is_kept(hub: Hub) -> None:
    story = tell(hub)
    asked: list[int] = []

    def pins() -> dict[int, list[str]]:
        asked.append(1)
        return {story.first.snapshot: ["things v1"]}

    maintenance.maintain(hub.settings, pins, **NOW)
    assert asked == [1]
    assert len(hub.sql(f"SELECT * FROM resource.things AT (VERSION => {story.first.snapshot})")) == 2


def test_backup_and_restore_bring_everything_back(any_hub: Hub, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    story = tell(any_hub)
    (any_hub.settings.root / "keys").mkdir(exist_ok=True)
    (any_hub.settings.root / "keys" / "seal").write_text("secret")
    cached = any_hub.settings.root / "cache" / "extracts" / "1" / "x" / "00000.parquet"
    cached.parent.mkdir(parents=True)
    cached.write_text("of a version that may be recalled")
    made = backup.backup(any_hub.settings, tmp_path / "backups")
    any_hub.deliver(HEAD + "later,x,1\n")
    maintenance.maintain(any_hub.settings, {}, **NOW)
    address = plain(request.getfixturevalue("postgres_database")("")) if any_hub.settings.lake_catalog else ""
    settings = Settings(home=tmp_path / "restored", lake_catalog=address, _env_file=None)  # type: ignore[call-arg]
    backup.restore(settings, Path(made.path))
    restored = Hub(settings, CatalogLedger(settings.catalog_database), any_hub.given, any_hub.folder)
    assert restored.things() == [("d", "x", 1)]
    assert len(restored.sql(f"SELECT * FROM resource.things AT (VERSION => {story.first.snapshot})")) == 2
    assert len(restored.ledger.history("things")) == 6
    assert (settings.root / "keys" / "seal").read_text() == "secret"
    assert not (settings.root / "cache").exists()
    assert restored.deliver(HEAD + "e,x,1\n").outcome.inserted == 1
    connection.forget(settings)


def test_what_killed_backups_left_is_put_away(hub: Hub, tmp_path: Path) -> None:
    old, young = (tmp_path / "backups" / f".partial-{name}" for name in ("old", "young"))
    for left in (old, young):
        (left / "lake").mkdir(parents=True)
    os.utime(old, (0, 0))
    backup.backup(hub.settings, tmp_path / "backups")
    assert not old.exists()
    assert young.exists()


def test_a_backup_is_consistent_while_deliveries_go_on(hub: Hub, tmp_path: Path) -> None:
    hub.given.add(thing(Delivery.APPEND))
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            hub.deliver(HEAD + f"a{number},x,{number}\n")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        taken = [backup.backup(hub.settings, tmp_path / "backups") for _ in range(3)]
    finally:
        stop.set()
        thread.join()
    for number, made in enumerate(taken):
        settings = Settings(home=tmp_path / f"restored{number}", _env_file=None)  # type: ignore[call-arg]
        backup.restore(settings, Path(made.path))
        restored = Hub(settings, CatalogLedger(settings.catalog_database), hub.given, hub.folder)
        restored.reconcile()
        history = restored.ledger.history("things")
        assert len(restored.things() if history else []) == len(history)
        connection.forget(settings)


def test_a_backup_inside_the_home_does_not_hold_the_ones_before(hub: Hub) -> None:
    tell(hub)
    folder = hub.settings.root / "backups"
    first, second = (backup.backup(hub.settings, folder) for _ in range(2))
    assert not (Path(second.path) / "backups").exists()
    assert second.bytes < 1.5 * first.bytes


def test_a_seal_made_meanwhile_is_in_both_or_in_neither(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, taken = backup._metadata, []

    def sealed_meanwhile(settings: Settings, target: Path) -> None:
        real(settings, target)
        taken.append(target)
        if len(taken) == 1:
            settings.audit_head.write_text("sealed\n")

    monkeypatch.setattr(backup, "_metadata", sealed_meanwhile)
    made = Path(backup.backup(hub.settings, tmp_path / "backups").path)
    assert len(taken) == 2, "the catalogue was copied again, after the seal"
    assert (made / "logs" / hub.settings.audit_head.name).read_text() == "sealed\n"


def test_a_damaged_backup_is_not_restored_as_good(hub: Hub, tmp_path: Path) -> None:
    tell(hub)
    made = Path(backup.backup(hub.settings, tmp_path / "backups", link=False).path)
    victim = next(p for p in (made / "landing").rglob("*") if p.is_file())
    victim.chmod(0o644)
    victim.write_bytes(b"other bytes")
    with pytest.raises(backup.BackupFailed, match="landing"):
        backup.restore(Settings(home=tmp_path / "restored", _env_file=None), made)  # type: ignore[call-arg]


def test_an_installation_is_not_overwritten_and_half_a_backup_is_none(hub: Hub, tmp_path: Path) -> None:
    made = Path(backup.backup(hub.settings, tmp_path / "backups").path)
    with pytest.raises(backup.HomeNotEmpty):
        backup.restore(hub.settings, made)
    with pytest.raises(backup.BackupFailed):
        backup.restore(Settings(home=tmp_path / "other", _env_file=None), tmp_path)  # type: ignore[call-arg]


def test_landing_keeps_the_same_bytes_once_and_never_changes_them(hub: Hub) -> None:
    first, second = landing.land(hub.settings, hub.file("same")), landing.land(hub.settings, hub.file("same"))
    assert first == second
    assert os.stat(first.path).st_mode & 0o222 == 0
    assert landing.verify(hub.settings, first.sha256)
