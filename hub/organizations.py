"""Organizations: departments, agencies, vendors and enterprises that the hub works with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.identity.people import Subject
from hub.acts import act, doing
from hub.hub import Hub
from hub.people import ADMINISTER

Name = Annotated[str, Field(max_length=200, examples=["黑龙江省水利厅"])]
Kind = Annotated[str, Field(max_length=30, description="department, agency, vendor or enterprise")]
Level = Annotated[str, Field(max_length=30, description="country, province, city, county or town")]


class AddOrganization(BaseModel):
    """An organization, or what is new about it."""

    id: str = Field(max_length=200, pattern=r"\S", examples=["hlj-water"], description="Short stable identifier.")
    name: Name
    name_en: str = Field(default="", max_length=200)
    kind: Kind = "department"
    level: Level = "province"
    credit_code: str = Field(default="", max_length=30)
    division: str = Field(default="", max_length=12)
    parent: str = Field(default="", max_length=200, description="Organization above it.")
    own: bool = Field(default=False, description="It is the one that runs this hub.")


class ChangeOrganization(BaseModel):
    """What is to be changed of an organization; what is not named stays."""

    organization: str = Field(max_length=200, examples=["hlj-water"], description="Its identifier.")
    name: Name | None = None
    name_en: str | None = Field(default=None, max_length=200)
    kind: Kind | None = None
    level: Level | None = None
    credit_code: str | None = Field(default=None, max_length=30)
    division: str | None = Field(default=None, max_length=12)
    parent: str | None = Field(default=None, max_length=200, description="Organization above it; empty: none.")
    contact: str | None = Field(default=None, max_length=100)
    phone: str | None = Field(default=None, max_length=50)
    active: bool | None = Field(default=None, description="Whether the hub works with it; if not, its grants rest.")


class OrganizationState(BaseModel):
    """An organization as registered."""

    id: str
    name: str
    name_en: str
    kind: str
    level: str
    credit_code: str
    division: str
    parent: str
    contact: str
    phone: str
    active: bool


@act(
    "organization.add",
    policy=ADMINISTER,
    zh="登记机构",
    en="register an organization",
    api="POST /organizations",
    cli="organizations add",
    portal="/administration/organizations",
)
def add_organization(hub: Hub, subject: Subject, given: AddOrganization) -> OrganizationState:
    """Register an organization, or bring the one of that identifier up to date."""
    with doing(hub, subject, "organization.add") as deed:
        fields = given.model_dump(exclude={"parent", "own"}) | {"parent_id": given.parent or None}
        present = deed.session.get(Organization, given.id)
        rest = present.model_dump(include={"contact", "phone", "active"}) if present else {}
        organization = organizations.add(deed.session, Organization(**fields, **rest))
        if given.own:
            organizations.set_own(deed.session, organization.id)
        deed.object, deed.detail = f"organization:{organization.id}", {"kind": organization.kind}
        return organization_state(organization)


@act(
    "organization.change",
    policy=ADMINISTER,
    zh="变更机构",
    en="change an organization",
    api="POST /organizations/{organization}/change",
    cli="organizations change",
    portal="/administration/organizations/{organization}",
    ends=True,
)
def change_organization(hub: Hub, subject: Subject, given: ChangeOrganization) -> OrganizationState:
    """Change what is registered of an organization. While it is not active its grants rest."""
    with doing(hub, subject, "organization.change") as deed:
        present = organizations.get(deed.session, given.organization).model_dump()
        changes = given.model_dump(exclude={"organization", "parent"}, exclude_none=True)
        if given.parent is not None:
            changes["parent_id"] = given.parent or None
        changes = {name: value for name, value in changes.items() if value != present[name]}
        organization = organizations.add(deed.session, Organization(**present | changes))
        deed.object, deed.detail = f"organization:{organization.id}", {"changed": sorted(changes)}
        return organization_state(organization)


def organization_state(organization: Organization) -> OrganizationState:
    """An organization for those who may see it."""
    return OrganizationState(**organization.model_dump(exclude={"parent_id"}), parent=organization.parent_id or "")
