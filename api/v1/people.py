"""People and organizations as administrators see them, page by page; and everybody's own account."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlmodel import Session

from api.http.dependencies import KeyHolder, SessionDep, SubjectDep
from catalog import access
from catalog.identity import directory, people
from catalog.identity.people import Person, Role, Subject
from hub.organizations import OrganizationState, organization_state
from hub.people import ADMINISTER, PersonState, person_state, person_states

router = APIRouter(tags=["people"])
Words = Annotated[str, Query(max_length=100, description="Part of a name or identifier.")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=100)]


class PeopleOut(BaseModel):
    """One page of people."""

    total: int
    page: int
    pages: int
    people: list[PersonState]


class OrganizationsOut(BaseModel):
    """One page of organizations."""

    total: int
    page: int
    pages: int
    organizations: list[OrganizationState]


def administrator(session: SessionDep, subject: SubjectDep) -> Subject:
    """Who asks, if they administer the hub."""
    access.require(session, subject, ADMINISTER, None)
    return subject


AdministratorDep = Annotated[Subject, Depends(administrator)]


@router.get("/people", summary="People")
def listed(
    session: SessionDep,
    subject: AdministratorDep,
    q: Words = "",
    role: Role | None = None,
    state: Literal["open", "closed"] | None = None,
    page: PageNumber = 1,
    size: PageSize = 20,
) -> PeopleOut:
    """People with their roles and keys, by organization and login. For administrators."""
    active = None if state is None else state == "open"
    found = directory.people_found(session, q, role=role or "", active=active, page=page, size=size)
    return PeopleOut(total=found.total, page=found.page, pages=found.pages, people=person_states(session, found.rows))


@router.get("/people/{login}", summary="One person")
def one(session: SessionDep, subject: AdministratorDep, login: Annotated[str, Path(max_length=100)]) -> PersonState:
    """A person with roles and keys. For administrators."""
    return person_state(session, people.get_person(session, login))


@router.get("/organizations", summary="Organizations")
def organizations(
    session: SessionDep,
    subject: AdministratorDep,
    q: Words = "",
    kind: Literal["department", "agency", "vendor", "enterprise"] | None = None,
    page: PageNumber = 1,
    size: PageSize = 20,
) -> OrganizationsOut:
    """Organizations, by division and name. For administrators."""
    found = directory.organizations_found(session, q, kind=kind or "", page=page, size=size)
    states = [organization_state(organization) for organization in found.rows]
    return OrganizationsOut(total=found.total, page=found.page, pages=found.pages, organizations=states)


@router.get("/account", summary="Your own account")
def account(session: SessionDep, subject: KeyHolder) -> PersonState:
    """Who you are here: your roles and your keys."""
    return person_state(session, _own(session, subject))


def _own(session: Session, subject: Subject) -> Person:
    return session.get_one(Person, subject.person_id)
