"""Backup and restore of catalogue, lake and landing together, consistently, while the hub is serving."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from contracts.clock import machine, now
from contracts.errors import HubError
from warehouse.settings import Settings
from warehouse.storage import commits, landing
from warehouse.storage.connection import METADATA_NAME, count, data_path, forget, metadata_file, reader, writer_lock
from warehouse.storage.failpoints import reach

MANIFEST = "manifest.json"
CATALOG = "catalog.db"
DUMPS = {"catalog": "catalog.dump", "lake": "lake.dump"}
"""Names of PostgreSQL dumps (pg_dump -Fc), where a store is there and not in SQLite."""
LEFT_OUT = ("scratch", "extensions", "landing", "lake", "cache", "dagster", "underway")
"""Folders of HUB_HOME that are made anew, or taken by name."""


KILLED_SECONDS = 3600
"""Age from which a half-made backup was left by a killed process."""


class BackupFailed(HubError):
    """A backup could not be taken, or is not whole."""


class HomeNotEmpty(HubError):
    """A restore would overwrite an installation."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup: where it is, the lake snapshot it holds, and how much."""

    path: str
    taken_at: str
    snapshot: int
    lake_files: int
    landing_files: int
    bytes: int
    seconds: float


def backup(settings: Settings, folder: Path, *, link: bool = True) -> BackedUp:
    """Take a backup into a new folder under `folder`, named by the time; it appears only when it is whole.

    Loads wait (the writer lock is held), readers do not. Files of lake and landing never change, so on the same disk they
    are linked, not copied; `link=False` copies them, for a disk of its own.
    """
    start = time.perf_counter()
    taken = now()
    target = folder / taken.strftime("%Y%m%dT%H%M%S.%fZ")
    partial = folder / f".partial-{target.name}"
    partial.mkdir(mode=0o700, parents=True)
    try:
        with landing.room_said(settings), writer_lock(settings, purpose="backup"):
            _clear_killed(folder, partial)
            head = _metadata_with_head(settings, partial)
            reach("backup")
            lake = _take(data_path(settings), partial / "lake" / "data", link)
            landed = _take(settings.landing, partial / "landing", link)
            _others(settings, partial, leave=folder)
            if head:
                (partial / settings.audit_head.relative_to(settings.root)).write_bytes(head)
            with reader(settings) as connection:
                snapshot = commits.snapshot(connection)
        size = sum(path.stat().st_size for path in _files(partial))
        result = BackedUp(str(target), taken.isoformat(), snapshot, lake, landed, size, round(time.perf_counter() - start, 3))
        (partial / MANIFEST).write_text(json.dumps(asdict(result), indent=2), encoding="utf-8")
        os.replace(partial, target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return result


def _clear_killed(folder: Path, own: Path) -> None:
    """Put away what killed backups left. Under the writer lock nobody copies into another; one being closed is young."""
    for left in folder.glob(".partial-*"):
        if left != own and machine().timestamp() - left.stat().st_mtime > KILLED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def restore(settings: Settings, source: Path) -> BackedUp:
    """Bring a backup into an empty HUB_HOME, and verify it: every file of the lake is there and whole, so is landing."""
    manifest = _manifest(source)
    if metadata_file(settings).exists() or (settings.root / CATALOG).exists():
        raise HomeNotEmpty(
            f"{settings.root} 中已有一套系统，不会覆盖。请把 HUB_HOME 指向空目录后再恢复。",
            f"There is an installation in {settings.root}, it is not overwritten. Point HUB_HOME to an empty folder.",
        )
    forget(settings)
    for folder in (data_path(settings), settings.landing, settings.scratch, settings.logs):
        folder.mkdir(parents=True, exist_ok=True)
    with landing.room_said(settings):
        for path in _files(source):
            name = path.relative_to(source)
            if str(name) in (MANIFEST, *DUMPS.values()):
                continue
            target = settings.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copymode(path.parent, target.parent)  # the folder of keys is private
            shutil.copy2(path, target)
    _load_dumps(settings, source)
    problems = verify(settings)
    if problems:
        raise BackupFailed("恢复的数据不完整：" + "；".join(problems), "What was restored is not whole: " + "; ".join(problems))
    return manifest


def verify(settings: Settings, *, landed: bool = True) -> list[str]:
    """What is missing or damaged: lake files that the metadata knows, landing files whose bytes are not their hash."""
    problems = []
    for path in (settings.root / CATALOG, metadata_file(settings)):
        if path.exists():
            with closing(sqlite3.connect(path)) as database:
                said = database.execute("PRAGMA integrity_check").fetchone()[0]
            problems += [] if said == "ok" else [f"{path.name}: {said}"]
    with reader(settings) as connection:
        for name in ("data", "delete"):
            files = connection.execute(
                f"""SELECT s.path || t.path || f.path, f.file_size_bytes FROM {METADATA_NAME}.ducklake_{name}_file AS f
                JOIN {METADATA_NAME}.ducklake_table AS t USING (table_id)
                JOIN {METADATA_NAME}.ducklake_schema AS s USING (schema_id) WHERE f.path_is_relative"""
            ).fetchall()
            for place, size in files:
                file = data_path(settings) / place
                if not file.is_file() or file.stat().st_size != size:
                    problems.append(str(file))
        count(connection, "SELECT count(*) FROM quarantine.rows")
    if landed:
        names = [path.name for path in _files(settings.landing) if not path.name.startswith(".")]
        problems += [f"landing {name}" for name in names if not landing.verify(settings, name)]
    return problems


def _metadata_with_head(settings: Settings, target: Path) -> bytes:
    """Catalogue and lake, and the head of the audit chain that belongs to them: a seal made meanwhile would be in one alone."""
    while True:
        head = settings.audit_head.read_bytes() if settings.audit_head.is_file() else b""
        _metadata(settings, target)
        if head == (settings.audit_head.read_bytes() if settings.audit_head.is_file() else b""):
            return head


def _metadata(settings: Settings, target: Path) -> None:
    """The catalogue first: what it knows as received has its bytes in landing by then."""
    if settings.catalog_url and not settings.catalog_url.startswith("sqlite"):
        _dump(settings.catalog_url.replace("+psycopg", ""), target / DUMPS["catalog"])
    else:
        _copy_sqlite(Path(settings.catalog_database.removeprefix("sqlite:///")), target / CATALOG)
    if settings.lake_catalog:
        _dump(settings.lake_catalog, target / DUMPS["lake"])
    else:
        (target / "lake").mkdir(exist_ok=True)
        _copy_sqlite(metadata_file(settings), target / "lake" / metadata_file(settings).name)


def _copy_sqlite(source: Path, target: Path) -> None:
    """By SQLite's own backup: consistent while others write."""
    if not source.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _dump(address: str, target: Path) -> None:
    _postgres(["pg_dump", "--format=custom", f"--dbname={address}", f"--file={target}"])


def _load_dumps(settings: Settings, source: Path) -> None:
    addresses = {"catalog": settings.catalog_url.replace("+psycopg", ""), "lake": settings.lake_catalog}
    for name, file in DUMPS.items():
        if not (source / file).is_file():
            continue
        if not addresses[name]:
            raise BackupFailed(
                f"备份中的 {name} 来自 PostgreSQL，请先设置 HUB_CATALOG_URL / HUB_LAKE_CATALOG 指向空数据库。",
                f"The backup's {name} is from PostgreSQL: set HUB_CATALOG_URL / HUB_LAKE_CATALOG to an empty database first.",
            )
        _postgres(["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={addresses[name]}", str(source / file)])


def _postgres(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BackupFailed(
            f"找不到 {command[0]}；请安装 PostgreSQL 客户端工具后重试。",
            f"{command[0]} is not installed; install PostgreSQL's client tools and try again.",
        ) from error
    if done.returncode:
        raise BackupFailed(f"{command[0]} 失败：{done.stderr.strip()}", f"{command[0]} failed: {done.stderr.strip()}")


def _take(source: Path, target: Path, link: bool) -> int:
    """Immutable files by name; one that a clean-up removes meanwhile is not needed by what was copied before."""
    taken = 0
    for path in _files(source):
        if path.name.startswith("."):
            continue
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(path, place, link)
        taken += 1
    return taken


def _link_or_copy(path: Path, place: Path, link: bool) -> None:
    if link:
        try:
            os.link(path, place)
            return
        except OSError:
            pass  # another disk
    shutil.copy2(path, place)


def _others(settings: Settings, target: Path, *, leave: Path) -> None:
    """Everything else in HUB_HOME that is not made anew, but earlier backups: keys of the audit seal, uploaded documents."""
    for path in _files(settings.root):
        name = path.relative_to(settings.root)
        if name.parts[0] in LEFT_OUT or path.suffix in (".db", ".db-wal", ".db-shm") or path.is_symlink():
            continue
        if path.is_relative_to(leave.resolve()):
            continue
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copymode(path.parent, place.parent)
        shutil.copy2(path, place)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _manifest(source: Path) -> BackedUp:
    try:
        return BackedUp(**json.loads((source / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BackupFailed(
            f"{source} 不是一份完整的备份（没有可读的 {MANIFEST}）。", f"{source} is no whole backup (no readable {MANIFEST})."
        ) from error
