"""Which released version a moment means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from catalog.entries.resources import Resource
from catalog.releases.releases import Release, UnknownRelease


def as_of(session: Session, resource: Resource, moment: datetime) -> Release:
    """The newest version released at that moment or before it, of those not recalled since."""
    statement = _in_force(resource).where(Release.released_at <= moment).order_by(col(Release.version).desc())
    return _one(session, resource, statement)


def since(session: Session, resource: Resource, moment: datetime) -> Release:
    """The oldest version released at that moment or after it, of those not recalled since."""
    statement = _in_force(resource).where(Release.released_at >= moment).order_by(col(Release.version))
    return _one(session, resource, statement)


def _in_force(resource: Resource) -> Any:
    return select(Release).where(Release.resource_id == resource.id, col(Release.recalled_at).is_(None))


def _one(session: Session, resource: Resource, statement: Any) -> Release:
    release: Release | None = session.exec(statement.limit(1)).first()
    if release is None:
        raise UnknownRelease(resource, None)
    return release
