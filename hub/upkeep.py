"""Upkeep: the lake is kept small, and everything is backed up, while the hub is serving."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from catalog.identity.people import Subject
from catalog.releases import releases
from catalog.store import database
from contracts.errors import HubError
from hub.acts import act, doing
from hub.hub import Hub

ADMINISTER = "administer"
DAY, HOUR, MINUTE = 86400, 3600, 60


class NoBackupFolder(HubError):
    """Nobody said where backups go: a browser does not name folders of the server."""

    def __init__(self) -> None:
        super().__init__(
            "没有设置备份文件夹；请在服务器上设置 HUB_BACKUPS，或用命令 hub backup 文件夹。",
            "No folder for backups is set; set HUB_BACKUPS on the server, or use the command hub backup FOLDER.",
        )


class MaintainLake(BaseModel):
    """How long is kept what nothing needs."""

    keep_days: float = Field(default=7, ge=0, le=3650, description="Days for which every snapshot is kept, pinned or not.")
    orphan_hours: float = Field(default=24, ge=0, le=87600, description="Age of files that no snapshot knows, before they go.")
    grace_minutes: float = Field(default=60, ge=0, le=525600, description="Minutes that replaced files stay for queries.")


class Pin(BaseModel):
    """What a released version holds back from clean-up. `alone`: nothing else needs these bytes."""

    snapshot: int
    versions: list[str]
    bytes: int
    alone: int


class Maintained(BaseModel):
    """What was merged, expired, removed and freed."""

    merged: int
    expired: int
    removed: int
    freed: int = Field(description="Bytes.")
    seconds: float
    pins: list[Pin]


class BackUp(BaseModel):
    """A backup into the folder of HUB_BACKUPS."""

    copy_files: bool = Field(default=False, description="Copy files even where the same disk would allow links.")


class BackedUp(BaseModel):
    """A backup: its folder, the lake snapshot it holds, and how much."""

    path: str
    taken_at: str
    snapshot: int
    lake_files: int
    landing_files: int
    bytes: int
    seconds: float


@act(
    "lake.maintain",
    policy=ADMINISTER,
    zh="维护数据湖",
    en="maintain the lake",
    api="POST /lake/maintain",
    cli="lake maintain",
    portal="/administration/health",
    long=True,
)
def maintain(hub: Hub, subject: Subject, given: MaintainLake) -> Maintained:
    """Merge small files, expire old snapshots, remove what nothing needs. A released version never expires."""
    from warehouse.ingest import reconcile  # here, for the start: tests/cli/test_start.py
    from warehouse.storage import maintenance

    with doing(hub, subject, "lake.maintain", about="lake") as deed:
        deed.pause()
        reconcile.reconcile(hub.settings, hub.ledger, hub.lookups)
        report = maintenance.maintain(
            hub.settings,
            lambda: _pins(hub),
            keep_seconds=given.keep_days * DAY,
            grace_seconds=given.grace_minutes * MINUTE,
            orphan_seconds=given.orphan_hours * HOUR,
        )
        database.keep_statistics(hub.settings.catalog_database)
        counts = {"merged": report.merged, "expired": report.expired, "removed": report.removed, "freed": report.freed}
        deed.detail = dict(counts)
        pins = [Pin(snapshot=p.snapshot, versions=list(p.versions), bytes=p.bytes, alone=p.alone) for p in report.pins]
        return Maintained(**counts, seconds=report.seconds, pins=pins)


@act(
    "backup",
    policy=ADMINISTER,
    zh="备份",
    en="back up",
    api="POST /backups",
    cli="backup",
    portal="/administration/health",
    long=True,
)
def backup(hub: Hub, subject: Subject, given: BackUp) -> BackedUp:
    """Take catalogue, lake and landing together into the folder of HUB_BACKUPS, consistent; only loads wait."""
    from warehouse.storage import backup as backups

    with doing(hub, subject, "backup") as deed:
        if not hub.settings.backups:
            raise NoBackupFolder
        folder = Path(hub.settings.backups).expanduser().resolve()
        deed.pause()
        taken = backups.backup(hub.settings, folder, link=not given.copy_files)
        deed.object, deed.detail = taken.path, {"snapshot": taken.snapshot, "bytes": taken.bytes}
        return BackedUp(
            path=taken.path,
            taken_at=taken.taken_at,
            snapshot=taken.snapshot,
            lake_files=taken.lake_files,
            landing_files=taken.landing_files,
            bytes=taken.bytes,
            seconds=taken.seconds,
        )


def _pins(hub: Hub) -> dict[int, list[str]]:
    with hub.session() as session:
        return releases.pins(session)
