"""People and organizations: who works with the hub, what opens it to them, and how that ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog import access
from catalog.identity import organizations, people, signins
from catalog.identity.organizations import Organization
from catalog.identity.people import Key, Person, Subject
from contracts.clock import now
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


class IssueKey(BaseModel):
    """A key for a person."""

    login: Login
    label: str = Field(default="", max_length=100, examples=["月报程序"], description="What the key is for.")
    days: int = Field(default=365, ge=0, le=3650, description="Days until it expires; 0: never.")


class RevokeKey(BaseModel):
    """A key to be taken back."""

    prefix: str = Field(
        pattern=r"^[0-9A-Za-z]{1,20}$",  # never the whole key: addresses are logged
        description="The key's part between hui_ and the next _.",
        examples=["2ab8f5ce50"],
    )


class SetPassword(BaseModel):
    """A password for the portal."""

    login: Login
    password: str = Field(min_length=1, max_length=1000)


class ClosePerson(BaseModel):
    """A person whose access ends."""

    login: Login


class EndSession(BaseModel):
    """A portal session to be ended."""

    session: str = Field(max_length=100, description="Its number, from the list of sessions.")


class AddOrganization(BaseModel):
    """An organization, or what is new about it."""

    id: str = Field(max_length=200, pattern=r"\S", examples=["hlj-water"], description="Short stable identifier.")
    name: str = Field(max_length=200, examples=["黑龙江省水利厅"])
    name_en: str = Field(default="", max_length=200)
    kind: str = Field(default="department", description="department, agency, vendor or enterprise")
    level: str = Field(default="province", description="country, province, city, county or town")
    credit_code: str = Field(default="", max_length=30)
    division: str = Field(default="", max_length=12)
    parent: str = Field(default="", max_length=200, description="Organization above it.")
    own: bool = Field(default=False, description="It is the one that runs this hub.")


class KeyState(BaseModel):
    """A key, without its secret."""

    prefix: str
    label: str
    state: str
    expires_at: datetime | None


class PersonState(BaseModel):
    """A person as registered."""

    login: str
    name: str
    organization: str
    roles: list[str]
    active: bool
    password: bool
    keys: list[KeyState]


class IssuedKey(BaseModel):
    """A new key; the hub keeps only its hash, it is shown this once."""

    login: str
    key: str
    prefix: str
    expires_at: datetime | None


class SessionEnded(BaseModel):
    """A session that is over."""

    session: str
    login: str


class OrganizationState(BaseModel):
    """An organization as registered."""

    id: str
    name: str
    kind: str
    level: str


@act(
    "people.add",
    policy=ADMINISTER,
    zh="登记人员",
    en="register a person",
    api="POST /people",
    cli="people add",
    portal="— comes with administration's pages",
)
def add(hub: Hub, subject: Subject, given: AddPerson) -> PersonState:
    """Register a person; give them a key or a password next."""
    with doing(hub, subject, "people.add") as deed:
        home = given.organization or organizations.own(deed.session).id
        names = given.name or given.login
        person = people.add_person(deed.session, given.login, names, home, given.roles, name_en=given.name_en)
        _about(deed, person, roles=person.roles, organization=home)
        return state(deed.session, person)


@act(
    "key.issue",
    policy=ADMINISTER,
    zh="发放密钥",
    en="issue a key",
    api="POST /people/{login}/keys",
    cli="people key",
    portal="— comes with administration's pages",
    secret=True,
)
def issue_key(hub: Hub, subject: Subject, given: IssueKey) -> IssuedKey:
    """Issue a key; it is shown this once. Nobody for themselves by key: a stolen one would outlive its revocation."""
    with doing(hub, subject, "key.issue") as deed:
        person = people.get_person(deed.session, given.login)
        expires = now() + timedelta(days=given.days) if given.days else None
        made, secret = people.issue_key(deed.session, person, given.label, expires)
        _about(deed, person, prefix=made.prefix, label=given.label, days=given.days)
        return IssuedKey(login=given.login, key=secret, prefix=made.prefix, expires_at=expires)


@act(
    "key.revoke",
    policy=ADMINISTER,
    zh="收回密钥",
    en="revoke a key",
    api="POST /keys/{prefix}/revoke",
    cli="people revoke",
    portal="— comes with administration's pages",
)
def revoke_key(hub: Hub, subject: Subject, given: RevokeKey) -> KeyState:
    """Take a key back; from the next request on it opens nothing. Everybody may their own."""
    with hub.session() as session:
        owner = people.holder(session, given.prefix)
    with doing(hub, subject, "key.revoke", policy=_policy(hub, subject, owner.login if owner else "")) as deed:
        gone = people.revoke_key(deed.session, given.prefix)
        person = deed.session.get_one(Person, gone.person_id)
        _about(deed, person, prefix=gone.prefix)
        return _key(gone)


@act(
    "people.password",
    policy=ADMINISTER,
    zh="设置密码",
    en="set a password",
    api="POST /people/{login}/password",
    cli="people password",
    portal="— comes with administration's pages",
)
def set_password(hub: Hub, subject: Subject, given: SetPassword) -> PersonState:
    """Give a person a password for the portal; their open sessions end."""
    with doing(hub, subject, "people.password") as deed:
        person = people.get_person(deed.session, given.login)
        people.set_password(deed.session, person, given.password)
        _about(deed, person)
        return state(deed.session, person)


@act(
    "people.close",
    policy=ADMINISTER,
    zh="停用人员",
    en="close a person's access",
    api="POST /people/{login}/close",
    cli="people close",
    portal="— comes with administration's pages",
)
def close(hub: Hub, subject: Subject, given: ClosePerson) -> PersonState:
    """Close a person's access: keys and sessions stop at once, the record stays."""
    with doing(hub, subject, "people.close") as deed:
        person = people.get_person(deed.session, given.login)
        people.deactivate(deed.session, person)
        _about(deed, person)
        return state(deed.session, person)


@act(
    "session.end",
    policy=ADMINISTER,
    zh="结束会话",
    en="end a session",
    api="POST /sessions/{session}/end",
    cli="people end-session",
    portal="/sessions",
)
def end_session(hub: Hub, subject: Subject, given: EndSession) -> SessionEnded:
    """End one open portal session; its next request is nobody's. Everybody may their own; another's is not there for them."""
    with hub.session() as session:
        everybodys = access.may(session, subject, ADMINISTER)
    with doing(hub, subject, "session.end", policy=ADMINISTER if everybodys else OWN) as deed:
        own = None if everybodys else deed.session.get_one(Person, subject.person_id)
        gone = signins.end(deed.session, given.session, own)
        _about(deed, people.get_person(deed.session, gone.login), session=gone.id)
        return SessionEnded(session=gone.id, login=gone.login)


@act(
    "organization.add",
    policy=ADMINISTER,
    zh="登记机构",
    en="register an organization",
    api="POST /organizations",
    cli="organizations add",
    portal="— comes with administration's pages",
)
def add_organization(hub: Hub, subject: Subject, given: AddOrganization) -> OrganizationState:
    """Register an organization, or bring the one of that identifier up to date."""
    with doing(hub, subject, "organization.add") as deed:
        told = given.model_dump(exclude={"parent", "own"})
        kept = organizations.add(deed.session, Organization(**told, parent_id=given.parent or None))
        if given.own:
            organizations.set_own(deed.session, kept.id)
        deed.object, deed.detail = f"organization:{kept.id}", {"kind": kept.kind}
        return OrganizationState(id=kept.id, name=kept.name, kind=kept.kind, level=kept.level)


def state(session: Session, person: Person) -> PersonState:
    """A person with roles and keys, without anything that opens the hub."""
    return PersonState(
        login=person.login,
        name=person.name,
        organization=person.organization_id,
        roles=person.roles,
        active=person.active,
        password=bool(person.password_hash),
        keys=[_key(one) for one in people.keys_of(session, person)],
    )


def _key(one: Key) -> KeyState:
    standing = "revoked" if one.revoked_at else "expired" if one.expires_at and one.expires_at <= now() else "live"
    return KeyState(prefix=one.prefix, label=one.label, state=standing, expires_at=one.expires_at)


def _policy(hub: Hub, subject: Subject, login: str) -> str:
    """The action to ask the policies for: one's own account, or another's."""
    with hub.session() as session:
        own = session.get(Person, subject.person_id) if subject.person_id else None
        return OWN if own is not None and own.login == login else ADMINISTER


def _about(deed: Deed, person: Person, **detail: object) -> None:
    deed.object, deed.detail = f"person:{person.login}", detail
