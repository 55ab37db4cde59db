"""People: who works with the hub, in which roles, with a password, and how that ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.identity import directory, organizations, people
from catalog.identity.people import Key, Person, Subject
from contracts.clock import now
from contracts.errors import HubError
from hub.acts import Deed, act, doing
from hub.hub import Hub

Login = Annotated[str, Field(max_length=100, examples=["zhang.wei"], description="Login of the person.")]
ADMINISTER, OWN = "administer", "own-account"
"""Policies' actions: what administrators do for others, what everybody does for themselves."""


class AddPerson(BaseModel):
    """A person of an organization."""

    login: Login
    name: str = Field(default="", max_length=100, examples=["张伟"])
    name_en: str = Field(default="", max_length=100, examples=["Zhang Wei"])
    organization: str = Field(default="", max_length=200, description="Its identifier; empty: the one that runs the hub.")
    roles: list[str] = Field(max_length=6, examples=[["steward"]])


class SetPassword(BaseModel):
    """A password for the portal."""

    login: Login
    password: str = Field(min_length=1, max_length=1000)


class ClosePerson(BaseModel):
    """A person whose access ends."""

    login: Login


class ReopenPerson(BaseModel):
    """A person to be let in again."""

    login: Login


class ChangePerson(BaseModel):
    """What is to be changed of a person; what is not named stays."""

    login: Login
    name: str | None = Field(default=None, min_length=1, max_length=100, examples=["张伟"])
    name_en: str | None = Field(default=None, max_length=100, examples=["Zhang Wei"])
    organization: str | None = Field(default=None, max_length=200, description="Its identifier.")
    roles: list[str] | None = Field(default=None, max_length=6, examples=[["steward", "provider"]])


class OwnRoles(HubError):
    """Nobody gives themselves rights, or takes them away from themselves."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"本人（{login}）的角色须由另一位系统管理员变更。",
            f"Your own roles ({login}) are changed by another administrator.",
        )


class KeyState(BaseModel):
    """A key, without its secret. `state`: live, expired or revoked."""

    prefix: str
    label: str
    state: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To a quarter of an hour; null: never.")


class PersonState(BaseModel):
    """A person as registered."""

    login: str
    name: str
    name_en: str
    organization: str
    roles: list[str]
    active: bool
    password: bool = Field(description="Whether one is set.")
    keys: list[KeyState]


@act(
    "people.add",
    policy=ADMINISTER,
    zh="登记人员",
    en="register a person",
    api="POST /people",
    cli="people add",
    portal="/administration/people",
)
def add(hub: Hub, subject: Subject, given: AddPerson) -> PersonState:
    """Register a person; give them a key or a password next."""
    with doing(hub, subject, "people.add") as deed:
        home = given.organization or organizations.own(deed.session).id
        names = given.name or given.login
        person = people.add_person(deed.session, given.login, names, home, given.roles, name_en=given.name_en)
        about(deed, person, roles=person.roles, organization=home)
        return person_state(deed.session, person)


@act(
    "people.password",
    policy=ADMINISTER,
    zh="设置密码",
    en="set a password",
    api="POST /people/{login}/password",
    cli="people password",
    portal="/administration/people/{login}",
    ends=True,
)
def set_password(hub: Hub, subject: Subject, given: SetPassword) -> PersonState:
    """Give a person a password for the portal; their open sessions end."""
    with doing(hub, subject, "people.password") as deed:
        person = people.get_person(deed.session, given.login)
        people.set_password(deed.session, person, given.password)
        about(deed, person)
        return person_state(deed.session, person)


@act(
    "people.close",
    policy=ADMINISTER,
    zh="停用人员",
    en="close a person's access",
    api="POST /people/{login}/close",
    cli="people close",
    portal="/administration/people/{login}",
    ends=True,
)
def close(hub: Hub, subject: Subject, given: ClosePerson) -> PersonState:
    """Close a person's access: keys and sessions stop at once, the record stays."""
    with doing(hub, subject, "people.close") as deed:
        person = people.get_person(deed.session, given.login)
        directory.require_other_administrator(deed.session, person)
        people.deactivate(deed.session, person)
        about(deed, person)
        return person_state(deed.session, person)


@act(
    "people.reopen",
    policy=ADMINISTER,
    zh="恢复人员",
    en="let a person in again",
    api="POST /people/{login}/reopen",
    cli="people reopen",
    portal="/administration/people/{login}",
)
def reopen(hub: Hub, subject: Subject, given: ReopenPerson) -> PersonState:
    """Let a person in again, with the roles of before; give them a key or a password next, the old ones stay dead."""
    with doing(hub, subject, "people.reopen") as deed:
        person = directory.reopen(deed.session, people.get_person(deed.session, given.login))
        about(deed, person, roles=person.roles)
        return person_state(deed.session, person)


@act(
    "people.change",
    policy=ADMINISTER,
    zh="变更人员",
    en="change a person",
    api="POST /people/{login}/change",
    cli="people change",
    portal="/administration/people/{login}",
    ends=True,
)
def change(hub: Hub, subject: Subject, given: ChangePerson) -> PersonState:
    """Change a person's name, organization or roles. A role that is lost is lost from the next request on."""
    with doing(hub, subject, "people.change") as deed:
        person = people.get_person(deed.session, given.login)
        changes = given.model_dump(exclude={"login", "organization"}, exclude_none=True)
        if given.organization is not None:
            changes["organization_id"] = given.organization
        before = {name: getattr(person, name) for name in changes}
        if set(changes.get("roles", person.roles)) != set(person.roles) and subject.person_id == person.id:
            raise OwnRoles(person.login)
        directory.change(deed.session, person, changes)
        after = {name: getattr(person, name) for name in changes}
        differing = sorted(name for name in changes if before[name] != after[name])
        about(deed, person, changed=differing)
        if "roles" in differing:
            deed.detail |= {"roles": after["roles"], "roles_before": before["roles"]}
        return person_state(deed.session, person)


def person_state(session: Session, person: Person) -> PersonState:
    """A person with roles and keys, without anything that opens the hub."""
    return person_states(session, [person])[0]


def person_states(session: Session, persons: Sequence[Person]) -> list[PersonState]:
    """Several people with roles and keys; one query for the keys."""
    keys = directory.keys_of_all(session, persons)
    return [
        PersonState(
            login=person.login,
            name=person.name,
            name_en=person.name_en,
            organization=person.organization_id,
            roles=person.roles,
            active=person.active,
            password=bool(person.password_hash),
            keys=[key_state(key) for key in keys[person.id]],
        )
        for person in persons
    ]


def key_state(key: Key) -> KeyState:
    """A key without its secret, and whether it opens anything."""
    state = "revoked" if key.revoked_at else "expired" if key.expires_at and key.expires_at <= now() else "live"
    return KeyState(
        prefix=key.prefix,
        label=key.label,
        state=state,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
    )


def about(deed: Deed, person: Person, **detail: object) -> None:
    """The act's record is about this person."""
    deed.object, deed.detail = f"person:{person.login}", detail
