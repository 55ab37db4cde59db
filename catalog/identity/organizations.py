"""Organizations: departments, agencies, vendors and enterprises, with level and division."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.facts import recall, remember
from contracts.errors import HubError

KINDS = ("department", "agency", "vendor", "enterprise")
OWN = "own-organization"
LEVELS = ("country", "province", "city", "county", "town")


class Organization(SQLModel, table=True):
    """A body that provides, holds or asks for data."""

    id: str = Field(primary_key=True, description="Short stable identifier, e.g. hlj-market.")
    name: str = Field(index=True)
    name_en: str = ""
    credit_code: str = Field(default="", index=True, description="Unified social credit code (item 5, provider code).")
    kind: str = Field(description="department, agency, vendor or enterprise")
    level: str = Field(default="province", description="country, province, city, county or town")
    division: str = Field(default="", index=True, description="Administrative division code, GB/T 2260.")
    parent_id: str | None = Field(default=None, foreign_key="organization.id")
    contact: str = ""
    phone: str = ""
    active: bool = True


class UnknownOrganization(HubError):
    """No organization of that identifier."""

    def __init__(self, organization_id: str, known: Iterable[str] = ()) -> None:
        some = ", ".join(sorted(known)[:12])
        super().__init__(
            f"没有编号为「{organization_id}」的机构；已有：{some or '无'}。用 hub organizations add 登记。",
            f"There is no organization {organization_id!r}; there are: {some or 'none'}. Add it with `hub organizations add`.",
        )


class InvalidOrganization(HubError):
    """A kind or level that does not exist."""


def add(session: Session, organization: Organization) -> Organization:
    """Register an organization, or bring the one of that identifier up to date. A parent must exist already."""
    if organization.kind not in KINDS:
        raise InvalidOrganization(
            f"机构类型「{organization.kind}」无效，应为 {'、'.join(KINDS)} 之一。",
            f"Kind {organization.kind!r} is not one of {', '.join(KINDS)}.",
        )
    if organization.level not in LEVELS:
        raise InvalidOrganization(
            f"机构层级「{organization.level}」无效，应为 {'、'.join(LEVELS)} 之一。",
            f"Level {organization.level!r} is not one of {', '.join(LEVELS)}.",
        )
    if organization.parent_id:
        get(session, organization.parent_id)
    merged = session.merge(organization)
    session.flush()
    return merged


def get(session: Session, organization_id: str) -> Organization:
    """The organization of that identifier."""
    organization = session.get(Organization, organization_id)
    if organization is None:
        raise UnknownOrganization(organization_id, session.exec(select(Organization.id)).all())
    return organization


def listed(session: Session, *, kind: str = "", parent_id: str = "", active: bool | None = None) -> Sequence[Organization]:
    """Organizations, those of a kind or below a parent, by division and name."""
    statement = select(Organization).order_by(col(Organization.division), col(Organization.name))
    if kind:
        statement = statement.where(Organization.kind == kind)
    if parent_id:
        statement = statement.where(Organization.parent_id == parent_id)
    if active is not None:
        statement = statement.where(Organization.active == active)
    return session.exec(statement).all()


class Body(NamedTuple):
    """An organization as a list to choose from shows it: there may be thousands, on a form of one field."""

    id: str
    name: str
    name_en: str
    kind: str
    active: bool


def bodies(session: Session, *, active: bool | None = None, by_name: bool = False) -> list[Body]:
    """Organizations to choose from, by division and name, or by name alone."""
    columns: Any = (Organization.id, Organization.name, Organization.name_en, Organization.kind, Organization.active)
    statement = select(*columns).order_by(*(() if by_name else (col(Organization.division),)), col(Organization.name))
    if active is not None:
        statement = statement.where(Organization.active == active)
    return list(map(Body._make, session.exec(statement)))


def by_id(session: Session, identifiers: Iterable[str]) -> dict[str, Organization]:
    """Several organizations by their identifiers, in one query."""
    wanted = select(Organization).where(col(Organization.id).in_(set(identifiers)))
    return {organization.id: organization for organization in session.exec(wanted)}


def names(session: Session, identifiers: Iterable[str] | None = None) -> dict[str, str]:
    """Name of each organization by its identifier, or of some."""
    statement = select(Organization.id, Organization.name)
    if identifiers is not None:
        statement = statement.where(col(Organization.id).in_(set(identifiers)))
    return dict(session.exec(statement).all())


def set_own(session: Session, organization_id: str) -> None:
    """Say which organization runs this hub; entries of files whose owner nobody named belong to it."""
    remember(session, OWN, {"id": get(session, organization_id).id})


def own_id(session: Session) -> str:
    """Identifier of the organization that runs this hub; empty before `hub init`."""
    remembered = recall(session, OWN)
    return str(remembered.value["id"]) if remembered else ""


def own(session: Session) -> Organization:
    """The organization that runs this hub; UnknownOrganization before `hub init`."""
    remembered = recall(session, OWN)
    return get(session, str(remembered.value["id"]) if remembered else "（本单位 / own）")
