"""What a recipient may see: shares, schemas and tables, found by name without regard to case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, or_, select

from catalog import access
from catalog.access.grants import Grant
from catalog.entries.resources import Resource, Sharing
from catalog.identity.people import Role, Subject
from catalog.releases.releases import Release
from contracts.errors import HubError


class NotThere(HubError):
    """No such share, schema or table, or none that the recipient may see: the answer is the same."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"没有可用的 {name}；用客户端的 list_all_tables 查看您可读取的表。",
            f"There is no {name} for you; list_all_tables shows what you may read.",
        )


def readable(session: Session, subject: Subject) -> list[Resource]:
    """Datasets with a version in force that the recipient may download: those granted to it first, then those open to all,
    each by share, schema and name.

    The query leaves out what no policy could open, so that a partner of three tables costs three decisions, not a thousand.
    """
    asked = select(Resource).where(col(Resource.id).in_(_in_force()), col(Resource.state) == "published")
    held = select(Grant.resource_id).where(Grant.organization_id == subject.organization_id)
    if not subject.has(Role.ANALYST):
        unconditional = col(Resource.sharing) == int(Sharing.UNCONDITIONAL)
        own = col(Resource.provider_id) == subject.organization_id
        asked = asked.where(or_(unconditional, own, col(Resource.id).in_(held)))
    found = session.exec(asked.order_by(col(Resource.provider_id), col(Resource.library), col(Resource.name))).all()
    granted = set(session.exec(held))
    in_order = sorted(found, key=lambda resource: resource.id not in granted)
    return [resource for resource in in_order if access.may(session, subject, "download", resource)]


def shares(session: Session, subject: Subject) -> list[str]:
    """Names of the shares: providers with a table for this recipient."""
    return list(dict.fromkeys(resource.provider_id for resource in readable(session, subject)))


def schemas(session: Session, subject: Subject, share: str) -> tuple[str, list[str]]:
    """The share's own name and its schemas. NotThere for a share without a table for this recipient."""
    found = [r for r in readable(session, subject) if r.provider_id.lower() == share.lower()]
    if not found:
        raise NotThere(f"share {share}")
    return found[0].provider_id, list(dict.fromkeys(str(r.library) for r in found))


def tables(session: Session, subject: Subject, share: str, schema: str = "") -> list[Resource]:
    """Tables of a share, or of one schema in it. NotThere where there is none for this recipient."""
    found = [
        r
        for r in readable(session, subject)
        if r.provider_id.lower() == share.lower() and (not schema or str(r.library).lower() == schema.lower())
    ]
    if not found:
        raise NotThere(f"schema {share}.{schema}" if schema else f"share {share}")
    return found


def table(session: Session, subject: Subject, share: str, schema: str, name: str) -> Resource:
    """The resource behind a name, if the recipient may know that it exists; whether they may read it is decided then."""
    asked = select(Resource).where(func.lower(col(Resource.name)) == name.lower())
    for resource in session.exec(asked).all():
        fits = resource.provider_id.lower() == share.lower() and str(resource.library).lower() == schema.lower()
        if fits and access.may(session, subject, "read-metadata", resource):
            return resource
    raise NotThere(f"table {share}.{schema}.{name}")


def in_order(resources: Sequence[Resource]) -> list[dict[str, str]]:
    """Tables as the protocol lists them."""
    return [
        {"name": r.name, "schema": str(r.library), "share": r.provider_id, "shareId": r.provider_id, "id": r.id}
        for r in resources
    ]


def _in_force() -> Any:
    return select(Release.resource_id).where(col(Release.recalled_at).is_(None)).distinct()
