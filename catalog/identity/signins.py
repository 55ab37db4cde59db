"""Portal sessions: which are open, and how each is ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from catalog.identity.people import Key, Person, SignIn, living
from contracts.clock import now
from contracts.errors import HubError


class UnknownSession(HubError):
    """No open session of that number, or none that the asker may end."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"没有编号为「{number[:40]}」的会话；用 hub people sessions 查看。",
            f"There is no session {number[:40]!r}; see `hub people sessions`.",
        )


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One open session, without anything that would open it."""

    id: str
    login: str
    begun_at: datetime
    expires_at: datetime
    address: str
    key_prefix: str
    """Of the key it was begun with; empty: a password."""


def listed(session: Session, person: Person | None = None) -> Sequence[OpenSession]:
    """Sessions that open something now, newest first: everybody's, or one person's."""
    moment = now()
    holder, key = col(Person.id) == col(SignIn.person_id), col(Key.id) == col(SignIn.key_id)
    statement = select(SignIn, Person, Key).select_from(SignIn).join(Person, holder).join(Key, key, isouter=True)
    statement = statement.where(col(SignIn.expires_at) > moment)
    if person is not None:
        statement = statement.where(SignIn.person_id == person.id)
    rows: Sequence[tuple[SignIn, Person, Key | None]] = session.exec(statement.order_by(col(SignIn.created_at).desc())).all()
    return [
        OpenSession(one.id, person.login, one.created_at, one.expires_at, one.address, key.prefix if key else "")
        for one, person, key in rows
        if person.active and (key is None or living(key, moment))
    ]


def end(session: Session, number: str, person: Person | None = None) -> OpenSession:
    """End one session, of anybody or of one person only; from the next request on it opens nothing."""
    for one in listed(session, person):
        if one.id == number:
            session.connection().execute(delete(SignIn).where(col(SignIn.id) == number))
            session.expire_all()
            return one
    raise UnknownSession(number)
