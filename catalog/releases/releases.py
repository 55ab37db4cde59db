"""Releases: one published version each, a pinned lake snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Field, Session, SQLModel, col, func, select

from catalog.entries import resources
from catalog.entries.resources import Resource
from catalog.store.column_types import Json, UtcDateTime, no_items
from contracts.clock import day_of, now
from contracts.errors import HubError

CLOCKS_APART = timedelta(minutes=1)
"""How far the clocks of lake and catalogue may be apart."""


class Release(SQLModel, table=True):
    """Version `version` of a resource: what its table held at lake snapshot `snapshot`."""

    resource_id: str = Field(primary_key=True, foreign_key="resource.id")
    version: int = Field(primary_key=True)
    snapshot: int = Field(index=True)
    contract_version: str = ""
    columns: list[dict[str, str]] = Field(default_factory=no_items, sa_type=Json, description='[{"name", "type"}]')
    rows: int
    bytes: int = 0
    quality: float | None = None
    added: int | None = Field(default=None, description="By key, against the last version; None for the first")
    changed: int | None = None
    removed: int | None = None
    note: str = ""
    released_at: datetime = Field(default_factory=now, sa_type=UtcDateTime, index=True)
    released_by: str = ""
    recalled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recalled_by: str = ""
    recall_reason: str = ""


class UnknownRelease(HubError):
    """No such version of a resource."""

    def __init__(self, resource: Resource, version: int | None) -> None:
        which, which_en = (
            (f"第 {version} 版", f"version {version}") if version is not None else ("可用版本", "version in force")
        )
        super().__init__(
            f"「{resource.title}」没有{which}；用 hub release list {resource.name} 查看。",
            f"{resource.name} has no {which_en}; see `hub release list {resource.name}`.",
        )


class RecalledRelease(HubError):
    """A version that was taken back."""

    def __init__(self, resource: Resource, release: Release) -> None:
        day = f"{release.recalled_at:%Y-%m-%d}"
        super().__init__(
            f"「{resource.title}」第 {release.version} 版已于 {day} 召回：{release.recall_reason}。请使用其他版本。",
            f"Version {release.version} of {resource.name} was recalled on {day}: {release.recall_reason}. Use another.",
        )


class InvalidRelease(HubError):
    """A release or recall that cannot be."""


class UnpublishedEntry(InvalidRelease):
    """An entry that is not published: its review is not over, or it was withdrawn. Nobody could read its version."""

    def __init__(self, resource: Resource) -> None:
        name, lacks = resource.name, resources.missing(resource)
        absent = f"，缺少必填项：{'、'.join(zh for zh, _ in lacks)}" if lacks else ""
        absent_en = f" and lacks {', '.join(en for _, en in lacks)}" if lacks else ""
        super().__init__(
            f"「{resource.title}」的目录条目尚未发布（{resource.state}）{absent}，不能发布版本。"
            f"请在条目页补齐（hub entry edit {name}）并发布（hub entry publish {name}），再运行 hub release publish {name}。",
            f"The entry of {name} is not published ({resource.state}){absent_en}; it can have no version. Complete it on its "
            f"page (`hub entry edit {name}`), publish it (`hub entry publish {name}`), then `hub release publish {name}`.",
        )


def require_published(resource: Resource) -> None:
    """Refuse versions of an entry that was not reviewed and published. Errors: UnpublishedEntry."""
    if resource.state != "published":
        raise UnpublishedEntry(resource)


def record(
    session: Session,
    resource: Resource,
    *,
    snapshot: int,
    columns: Sequence[Mapping[str, str]],
    rows: int,
    bytes: int = 0,
    contract_version: str = "",
    quality: float | None = None,
    added: int | None = None,
    changed: int | None = None,
    removed: int | None = None,
    note: str = "",
    by: str = "",
) -> Release:
    """Version n of a resource: the next number, whatever was recalled before. Errors: UnpublishedEntry."""
    require_published(resource)
    resource.last_version += 1
    session.add(resource)
    release = Release(
        resource_id=resource.id,
        version=resource.last_version,
        snapshot=snapshot,
        contract_version=contract_version,
        columns=[dict(column) for column in columns],
        rows=rows,
        bytes=bytes,
        quality=resource.quality if quality is None else quality,
        added=added,
        changed=changed,
        removed=removed,
        note=note,
        released_by=by,
    )
    session.add(release)
    if resource.published_on is None:
        resource.published_on = day_of(release.released_at)
    session.flush()
    return release


def recall(session: Session, resource: Resource, version: int, *, reason: str, by: str) -> Release:
    """Take a version back: from now on it is shared with nobody, and the record says why."""
    if not reason.strip():
        raise InvalidRelease("召回须说明理由。", "A recall needs its reason.")
    release = get(session, resource, version, recalled=True)
    if release.recalled_at is not None:
        raise RecalledRelease(resource, release)
    release.recalled_at, release.recalled_by, release.recall_reason = now(), by, reason.strip()
    session.add(release)
    session.flush()
    return release


def get(session: Session, resource: Resource, version: int | None = None, *, recalled: bool = False) -> Release:
    """A version of a resource, or the latest in force. RecalledRelease for one taken back, unless asked for."""
    if version is None:
        newest = latest(session, resource)
        if newest is None:
            raise UnknownRelease(resource, None)
        return newest
    release = session.get(Release, (resource.id, version))
    if release is None:
        raise UnknownRelease(resource, version)
    if release.recalled_at is not None and not recalled:
        raise RecalledRelease(resource, release)
    return release


def latest(session: Session, resource: Resource) -> Release | None:
    """The newest version in force; None where there is none."""
    statement = select(Release).where(Release.resource_id == resource.id, col(Release.recalled_at).is_(None))
    return session.exec(statement.order_by(col(Release.version).desc()).limit(1)).first()


def listed(session: Session, resource: Resource) -> Sequence[Release]:
    """Every version of a resource, newest first, recalled ones included."""
    statement = select(Release).where(Release.resource_id == resource.id)
    return session.exec(statement.order_by(col(Release.version).desc())).all()


def newest(session: Session, limit: int = 10) -> Sequence[tuple[Release, Resource]]:
    """The last releases of all resources, newest first."""
    statement = select(Release, Resource).join(Resource).where(col(Release.recalled_at).is_(None))
    return session.exec(statement.order_by(col(Release.released_at).desc()).limit(limit)).all()


def without_snapshot(session: Session, snapshots: Mapping[int, datetime]) -> list[tuple[str, int]]:
    """Released versions, name and number, whose snapshot the lake does not have, or made after they were released."""
    statement = select(Resource.name, Release.version, Release.snapshot, Release.released_at).join(Resource)
    rows = session.exec(statement.where(col(Release.recalled_at).is_(None)).order_by(col(Resource.name), col(Release.version)))
    return [
        (name, version)
        for name, version, snapshot, released in rows
        if snapshot not in snapshots or snapshots[snapshot] > released + CLOCKS_APART
    ]


def large(session: Session, rows: int) -> list[tuple[Release, Resource]]:
    """The newest version in force of every resource that has at least so many rows."""
    newest_of = (
        select(Release.resource_id, func.max(col(Release.version)).label("version"))
        .where(col(Release.recalled_at).is_(None))
        .group_by(col(Release.resource_id))
        .subquery()
    )
    statement = (
        select(Release, Resource)
        .join(Resource)
        .join(newest_of, (newest_of.c.resource_id == Release.resource_id) & (newest_of.c.version == Release.version))
        .where(col(Release.rows) >= rows)
        .order_by(col(Resource.name))
    )
    return list(session.exec(statement).all())


def pins(session: Session) -> dict[int, list[str]]:
    """Which releases hold which lake snapshot: {snapshot: ["park v37", …]}; a recalled one holds none."""
    statement = (
        select(Release.snapshot, Resource.name, Release.version).join(Resource).where(col(Release.recalled_at).is_(None))
    )
    pinned: dict[int, list[str]] = {}
    for snapshot, name, version in session.exec(
        statement.order_by(col(Release.snapshot), col(Resource.name), col(Release.version))
    ):
        pinned.setdefault(snapshot, []).append(f"{name} v{version}")
    return pinned
