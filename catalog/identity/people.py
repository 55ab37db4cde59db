"""People, their roles, keys and sessions."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.identity import organizations, passwords
from catalog.store.column_types import Json, UtcDateTime, new_id, no_items
from contracts.clock import now
from contracts.errors import HubError

SIGN_IN_HOURS = 12
SEEN_EVERY = timedelta(minutes=15)
"""How exactly the last use of a key is kept: a write for every request would make all readers wait."""
SHORTEST_PASSWORD = 10
NOT_IN_LOGINS = frozenset(":/\\?#%")
"""Letters that would make a login something else in an address or in the audit."""


class Role(StrEnum):
    """What a person is here for; administration, audit and operation stay separate (GB/T 39477-2020)."""

    STEWARD = "steward"
    PROVIDER = "provider"
    PARTNER = "partner"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Person(SQLModel, table=True):
    """Someone who signs in, or a program that holds a key."""

    id: str = Field(primary_key=True, default_factory=new_id)
    login: str = Field(unique=True, index=True)
    name: str
    name_en: str = ""
    organization_id: str = Field(foreign_key="organization.id", index=True)
    roles: list[str] = Field(default_factory=no_items, sa_type=Json)
    password_hash: str = Field(default="", description="Argon2id; empty: no password sign-in.")
    active: bool = True
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class Key(SQLModel, table=True):
    """A bearer key. Shown once; only its hash is kept."""

    __tablename__ = "access_key"

    id: str = Field(primary_key=True, default_factory=new_id)
    prefix: str = Field(index=True, unique=True, description="Public part of the key: hui_<prefix>_<secret>.")
    secret_hash: str
    person_id: str = Field(foreign_key="person.id", index=True)
    label: str = ""
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignIn(SQLModel, table=True):
    """A portal session, named in the cookie by a token of which only the hash is kept."""

    token_hash: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    csrf: str
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    id: str = Field(default_factory=new_id, index=True, unique=True, description="Its number, which opens nothing.")
    key_id: str | None = Field(
        default=None, foreign_key="access_key.id", description="The key it was begun with, with which it ends."
    )
    address: str = Field(default="", description="Where it began.")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks: a person in the portal, a key, the operating system's user, a job of the hub, or nobody known."""

    login: str
    name: str = ""
    organization_id: str = ""
    roles: frozenset[str] = frozenset()
    person_id: str = ""
    key_prefix: str = ""
    """Of the key that asks, or that the session was begun with."""
    kind: str = "person"
    """person, key, link, local, system or anonymous."""
    name_en: str = ""
    csrf: str = ""
    agreement: str = ""
    """Of who comes by a link: the one request that it opens."""

    @property
    def actor(self) -> str:
        """How the audit names the subject."""
        return f"key:{self.key_prefix}" if self.kind == "key" else self.login

    @property
    def door(self) -> dict[str, str]:
        """What every record says of the emergency door, the machine's own user without a key; nothing of other doors."""
        return {"door": "local"} if self.kind == "local" else {}

    def has(self, *roles: str) -> bool:
        """Whether the subject has one of the roles."""
        return not self.roles.isdisjoint(roles)


ANONYMOUS = Subject(login="anonymous", kind="anonymous")


class UnknownPerson(HubError):
    """No person of that login."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"没有登录名为「{login}」的人员；用 hub people list 查看，hub people add 登记。",
            f"There is no person {login!r}; see `hub people list`, add one with `hub people add`.",
        )


class InvalidPerson(HubError):
    """A person, role or password that cannot be kept."""


class UnknownKey(HubError):
    """No key with that prefix."""

    def __init__(self, prefix: str) -> None:
        super().__init__(f"没有前缀为「{prefix}」的密钥。", f"There is no key with the prefix {prefix!r}.")


def local_subject(user: str, organization_id: str = "") -> Subject:
    """The operating system's user on the command line: an administrator, on record as local:<user>."""
    return Subject(f"local:{user}", user, organization_id, frozenset({Role.ADMINISTRATOR}), kind="local", name_en=user)


def system_subject(job: str) -> Subject:
    """A job of the hub itself."""
    return Subject(f"system:{job}", job, roles=frozenset({Role.ADMINISTRATOR}), kind="system", name_en=job)


def add_person(
    session: Session,
    login: str,
    name: str,
    organization_id: str,
    roles: Iterable[str],
    *,
    name_en: str = "",
    password: str = "",
) -> Person:
    """Register a person of an organization with the given roles."""
    given = valid_roles(roles)
    if not login or login != login.strip() or login == ANONYMOUS.login or not NOT_IN_LOGINS.isdisjoint(login):
        raise InvalidPerson(
            f"登录名「{login}」无效：不能为空，不能含冒号、斜杠、问号、井号、百分号或首尾空格。",
            f"Login {login!r} is not usable: empty, spaces around it, or one of : / \\ ? # %.",
        )
    if session.exec(select(Person).where(Person.login == login)).first():
        raise InvalidPerson(f"登录名「{login}」已存在。", f"Login {login!r} is taken.")
    organizations.get(session, organization_id)
    person = Person(login=login, name=name, name_en=name_en, organization_id=organization_id, roles=given)
    if password:
        person.password_hash = _hashed(password)
    session.add(person)
    session.flush()
    return person


def valid_roles(roles: Iterable[str]) -> list[str]:
    """Roles that exist, each once and at least one; InvalidPerson otherwise."""
    given = [str(role) for role in dict.fromkeys(roles)]
    wrong = sorted(set(given) - {role.value for role in Role})
    if wrong or not given:
        known = ", ".join(Role)
        raise InvalidPerson(
            f"角色无效：{', '.join(wrong) or '未填'}；应为 {known}。",
            f"Invalid roles: {', '.join(wrong) or 'none'}; use {known}.",
        )
    return given


def get_person(session: Session, login: str) -> Person:
    """The person of that login."""
    person = session.exec(select(Person).where(Person.login == login)).first()
    if person is None:
        raise UnknownPerson(login)
    return person


def listed(session: Session) -> Sequence[Person]:
    """Everybody, by organization and login."""
    return session.exec(select(Person).order_by(col(Person.organization_id), col(Person.login))).all()


def keys_of(session: Session, person: Person) -> Sequence[Key]:
    """A person's keys, newest first."""
    return session.exec(select(Key).where(Key.person_id == person.id).order_by(col(Key.created_at).desc())).all()


def set_password(session: Session, person: Person, password: str, *, leaving: str = "") -> None:
    """Give a person a password; sessions begun with the old one end, but for the one whose form's token is `leaving`."""
    person.password_hash = _hashed(password)
    session.add(person)
    others = col(SignIn.person_id) == person.id, col(SignIn.csrf) != leaving
    session.connection().execute(delete(SignIn).where(*others))
    session.flush()


def deactivate(session: Session, person: Person) -> None:
    """Close a person's access: keys and sessions stop at once; what they did stays on record."""
    person.active = False
    session.add(person)
    for key in keys_of(session, person):
        key.revoked_at = key.revoked_at or now()
        session.add(key)
    session.connection().execute(delete(SignIn).where(col(SignIn.person_id) == person.id))
    session.flush()


def issue_key(session: Session, person: Person, label: str = "", expires_at: datetime | None = None) -> tuple[Key, str]:
    """A new key and its text, which is shown this once: `hui_<prefix>_<secret>`.

    The secret has 256 random bits, so a plain SHA-256 of it cannot be searched through and is checked in microseconds.
    """
    prefix, secret = secrets.token_hex(5), secrets.token_hex(32)
    key = Key(prefix=prefix, secret_hash=_sha256(secret), person_id=person.id, label=label, expires_at=expires_at)
    session.add(key)
    session.flush()
    return key, f"hui_{prefix}_{secret}"


def revoke_key(session: Session, prefix: str) -> Key:
    """Take a key back; from the next request on it opens nothing."""
    key = session.exec(select(Key).where(Key.prefix == prefix.removeprefix("hui_").split("_")[0])).first()
    if key is None:
        raise UnknownKey(prefix)
    key.revoked_at = key.revoked_at or now()
    session.add(key)
    session.flush()
    return key


def authenticate(session: Session, bearer: str) -> Subject | None:
    """The subject whose key this is; None for anything but a living key of an active person."""
    parts = bearer.strip().split("_", 2)
    if len(parts) != 3 or parts[0] != "hui":
        return None
    key = session.exec(select(Key).where(Key.prefix == parts[1])).first()
    if key is None or not hmac.compare_digest(key.secret_hash, _sha256(parts[2])):
        return None
    moment = now()
    person = _holder(session, key, moment)
    if person is None:
        return None
    if key.last_used_at is None or moment - key.last_used_at > SEEN_EVERY:
        key.last_used_at = moment
        session.add(key)
    return _subject(person, kind="key", key_prefix=key.prefix)


def prefix_of(session: Session, bearer: str) -> str:
    """Public part of a key that was issued here, whatever became of it; empty for any other text."""
    parts = bearer.strip().split("_", 2)
    prefix = parts[1] if len(parts) == 3 and parts[0] == "hui" else ""
    return prefix if prefix and session.exec(select(Key.id).where(Key.prefix == prefix)).first() else ""


def holder(session: Session, prefix: str) -> Subject | None:
    """The subject of a key known by its prefix, while the key lives: for links signed here on its holder's behalf."""
    key = session.exec(select(Key).where(Key.prefix == prefix)).first()
    person = _holder(session, key, now()) if key is not None else None
    return _subject(person, kind="key", key_prefix=prefix) if person is not None else None


def of_person(session: Session, person_id: str) -> Subject | None:
    """The subject of a person, while active: for links signed here during a portal session."""
    person = session.get(Person, person_id)
    return _subject(person) if person is not None and person.active else None


def again(session: Session, subject: Subject) -> Subject | None:
    """The same subject with its rights of now; None where what opened the hub to it has ended since."""
    if subject.kind in ("local", "system"):
        return subject
    by_key = holder(session, subject.key_prefix) if subject.key_prefix else None
    if subject.kind == "key" or subject.key_prefix:
        return replace(by_key, kind=subject.kind) if by_key is not None else None
    return of_person(session, subject.person_id)


def living(key: Key, moment: datetime) -> bool:
    """Whether a key opens anything: neither revoked nor expired."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > moment)


def _holder(session: Session, key: Key, moment: datetime) -> Person | None:
    """The active person of a living key."""
    if not living(key, moment):
        return None
    person = session.get(Person, key.person_id)
    return person if person is not None and person.active else None


def sign_in(session: Session, login: str, password: str, address: str = "") -> tuple[Subject, str] | None:
    """Begin a portal session with a password. The token goes into the cookie; only its hash is kept.

    An unknown login takes as long as a wrong password, so that logins cannot be guessed by time. It may wait for others:
    the caller commits what it wrote before.
    """
    person = session.exec(select(Person).where(Person.login == login)).first()
    usable = person is not None and person.active
    stored = person.password_hash if person is not None and usable else ""
    if not passwords.fits(stored, password) or person is None:
        return None
    session.refresh(person)
    return begin(session, person, address=address) if person.active and person.password_hash == stored else None


def sign_in_with_key(session: Session, bearer: str, address: str = "") -> tuple[Subject, str] | None:
    """Begin a portal session with a key instead of a password; it ends with the key."""
    subject = authenticate(session, bearer)
    person = session.get(Person, subject.person_id) if subject else None
    if subject is None or person is None:
        return None
    key = session.exec(select(Key).where(Key.prefix == subject.key_prefix)).one()
    return begin(session, person, key=key, address=address)


def begin(
    session: Session, person: Person, hours: int = SIGN_IN_HOURS, *, key: Key | None = None, address: str = ""
) -> tuple[Subject, str]:
    """A new session of a person: the subject with its CSRF token, and the token for the cookie."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    moment = now()
    ends = moment + timedelta(hours=hours)
    if key is not None and key.expires_at is not None:
        ends = min(ends, key.expires_at)
    session.connection().execute(delete(SignIn).where(col(SignIn.expires_at) < moment))
    signin = SignIn(token_hash=_sha256(token), person_id=person.id, csrf=csrf, expires_at=ends, address=address[:100])
    signin.key_id = key.id if key is not None else None
    session.add(signin)
    session.flush()
    return _subject(person, csrf=csrf, key_prefix=key.prefix if key is not None else ""), token


def signed_in(session: Session, token: str) -> Subject | None:
    """The subject of a portal session; None when it ended, or when the key it was begun with did."""
    sign_in = session.get(SignIn, _sha256(token)) if token else None
    moment = now()
    if sign_in is None or sign_in.expires_at <= moment:
        return None
    key = session.get(Key, sign_in.key_id) if sign_in.key_id else None
    if sign_in.key_id and (key is None or not living(key, moment)):
        return None
    person = session.get(Person, sign_in.person_id)
    if person is None or not person.active:
        return None
    return _subject(person, csrf=sign_in.csrf, key_prefix=key.prefix if key is not None else "")


def number_of(session: Session, token: str) -> str:
    """The number of the session that a token opens; empty where there is none."""
    sign_in = session.get(SignIn, _sha256(token)) if token else None
    return sign_in.id if sign_in is not None else ""


def sign_out(session: Session, token: str) -> None:
    """End a portal session."""
    session.connection().execute(delete(SignIn).where(col(SignIn.token_hash) == _sha256(token)))
    session.expire_all()


def _subject(person: Person, *, kind: str = "person", key_prefix: str = "", csrf: str = "") -> Subject:
    return Subject(
        login=person.login,
        name=person.name,
        organization_id=person.organization_id,
        roles=frozenset(person.roles),
        person_id=person.id,
        key_prefix=key_prefix,
        kind=kind,
        name_en=person.name_en,
        csrf=csrf,
    )


def _hashed(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidPerson(
            f"密码至少 {SHORTEST_PASSWORD} 个字符。", f"A password needs at least {SHORTEST_PASSWORD} characters."
        )
    return passwords.hashed(password)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
