"""The directory of people and organizations: searched page by page, changed, and let in again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, String, cast, or_
from sqlmodel import Session, SQLModel, col, func, select

from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.identity.people import Key, Person, Role, valid_roles
from contracts.errors import HubError

Row = TypeVar("Row", bound=SQLModel)


class LastAdministrator(HubError):
    """Without this person nobody could administer the hub but by the machine's shell."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"{login} 是唯一在用的系统管理员；请先登记或指定另一位，再作此变更。",
            f"{login} is the only administrator left; register or appoint another one first.",
        )


class AlreadySo(HubError):
    """Nothing to do: the person stands that way."""

    def __init__(self, login: str, *, active: bool) -> None:
        state, state_en = ("在用", "open") if active else ("停用", "closed")
        super().__init__(f"{login} 已是{state}状态。", f"The access of {login} is {state_en} already.")


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """One page of a list, and how many rows there are in all."""

    rows: Sequence[Row]
    total: int
    page: int
    size: int

    @property
    def pages(self) -> int:
        """Pages in all, at least one."""
        return max(1, -(-self.total // self.size))


def people_found(
    session: Session, text: str = "", *, role: str = "", active: bool | None = None, page: int = 1, size: int = 20
) -> Slice[Person]:
    """People whose login, name or organization holds the text, by organization and login."""
    conditions: list[ColumnElement[bool]] = []
    if text:
        named = select(Organization.id).where(_holds(text, Organization.name, Organization.name_en, Organization.id))
        own = _holds(text, Person.login, Person.name, Person.name_en)
        conditions.append(or_(own, col(Person.organization_id).in_(named)))
    if role:
        conditions.append(cast(col(Person.roles), String).contains(f'"{role}"', autoescape=True))
    if active is not None:
        conditions.append(col(Person.active) == active)
    return _slice(session, Person, conditions, (Person.organization_id, Person.login), page, size)


def organizations_found(
    session: Session, text: str = "", *, kind: str = "", page: int = 1, size: int = 20
) -> Slice[Organization]:
    """Organizations whose name, identifier or credit code holds the text, by division and name."""
    conditions: list[ColumnElement[bool]] = []
    if text:
        conditions.append(_holds(text, Organization.id, Organization.name, Organization.name_en, Organization.credit_code))
    if kind:
        conditions.append(col(Organization.kind) == kind)
    return _slice(session, Organization, conditions, (Organization.division, Organization.name), page, size)


def keys_of_all(session: Session, people: Sequence[Person]) -> dict[str, list[Key]]:
    """Keys of several people by the person's identifier, newest first; one query however many they are."""
    keys: dict[str, list[Key]] = {person.id: [] for person in people}
    rows = select(Key).where(col(Key.person_id).in_(list(keys))).order_by(col(Key.created_at).desc())
    for key in session.exec(rows):
        keys[key.person_id].append(key)
    return keys


def logins_of_keys(session: Session, prefixes: Collection[str]) -> dict[str, str]:
    """Whose keys these are: login by prefix."""
    rows = select(Key.prefix, Person.login).join(Person, col(Person.id) == col(Key.person_id))
    return dict(session.exec(rows.where(col(Key.prefix).in_(list(prefixes)))).all())


def change(session: Session, person: Person, changes: Mapping[str, Any]) -> Person:
    """Change a person's name, organization or roles; a role that is lost is lost from the next request on."""
    if "roles" in changes:
        roles = valid_roles(changes["roles"])
        if Role.ADMINISTRATOR not in roles:
            require_other_administrator(session, person)
        person.roles = roles
    if "organization_id" in changes:
        person.organization_id = organizations.get(session, changes["organization_id"]).id
    person.name = changes.get("name", person.name)
    person.name_en = changes.get("name_en", person.name_en)
    session.add(person)
    session.flush()
    return person


def reopen(session: Session, person: Person) -> Person:
    """Let a person in again, with the roles of before. Nothing opens the hub to them until a key or a password is given."""
    if person.active:
        raise AlreadySo(person.login, active=True)
    person.active, person.password_hash = True, ""
    session.add(person)
    session.flush()
    return person


def require_other_administrator(session: Session, person: Person) -> None:
    """LastAdministrator where the person is the only active one. Ask before the role, or the access, is taken away."""
    if not person.active or Role.ADMINISTRATOR not in person.roles:
        return
    administrators = people_found(session, role=Role.ADMINISTRATOR, active=True, size=2)
    if administrators.total < 2:
        raise LastAdministrator(person.login)


def _holds(text: str, *columns: str) -> ColumnElement[bool]:
    return or_(*(col(column).icontains(text, autoescape=True) for column in columns))


def _slice(
    session: Session, table: type[Row], conditions: Sequence[ColumnElement[bool]], order: Sequence[Any], page: int, size: int
) -> Slice[Row]:
    total = session.exec(select(func.count()).select_from(table).where(*conditions)).one()
    page = min(page, max(1, -(-total // size)))
    rows = session.exec(select(table).where(*conditions).order_by(*order).offset((page - 1) * size).limit(size)).all()
    return Slice(rows, total, page, size)
