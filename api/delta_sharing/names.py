"""What a recipient may see: shares, schemas and tables, found by name without regard to case."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, select

from catalog import access
from catalog.entries.resources import Resource
from catalog.identity.people import Subject
from catalog.overview import shared
from catalog.search.mirror import Entry
from contracts.errors import HubError


class NotThere(HubError):
    """No such share, schema or table, or none that the recipient may see: the answer is the same."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"没有可用的 {name}；用客户端的 list_all_tables 查看您可读取的表。",
            f"There is no {name} for you; list_all_tables shows what you may read.",
        )


def schemas(session: Session, subject: Subject, share: str) -> tuple[str, list[str]]:
    """The share's own name and its schemas. NotThere for a share without a table for this recipient."""
    found = shared.schemas(session, subject, share)
    if not found:
        raise NotThere(f"share {share}")
    return found[0][0], list(dict.fromkeys(library for _, library in found))


def tables(session: Session, subject: Subject, share: str, schema: str = "") -> list[Entry]:
    """Tables of a share, or of one schema in it. NotThere where there is none for this recipient."""
    found = shared.tables(session, subject, share, schema)
    if not found:
        raise NotThere(f"schema {share}.{schema}" if schema else f"share {share}")
    return found


def table(session: Session, subject: Subject, share: str, schema: str, name: str) -> Resource:
    """The resource behind a name, if the recipient may know that it exists; whether they may read it is decided then."""
    asked = select(Resource).where(func.lower(Resource.name) == name.lower())
    for resource in session.exec(asked).all():
        fits = resource.provider_id.lower() == share.lower() and str(resource.library).lower() == schema.lower()
        if fits and access.may(session, subject, "read-metadata", resource):
            return resource
    raise NotThere(f"table {share}.{schema}.{name}")
