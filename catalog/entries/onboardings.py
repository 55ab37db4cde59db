"""Files that wait to become datasets: looked at, not yet loaded; who handed them in answers what they leave open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, update
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.store.column_types import UtcDateTime, new_id
from contracts.clock import now
from contracts.errors import HubError

KEPT = timedelta(days=7)
"""How long a file waits; then it goes, and so does what was seen in it."""
OPEN, LOADING, LOADED = "open", "loading", "loaded"


class Onboarding(SQLModel, table=True):
    """One file that a person hands in to make a dataset of; the file itself and what was seen in it lie in a private folder."""

    id: str = Field(primary_key=True, default_factory=new_id)
    login: str = Field(index=True, description="Who handed it in; nobody else sees it")
    filename: str
    bytes: int = Field(sa_type=BigInteger)
    state: str = Field(default=OPEN, index=True, description="open, loading or loaded")
    dataset: str = Field(default="", description="What became of it")
    batch: str = ""
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    expires_at: datetime = Field(default_factory=lambda: now() + KEPT, sa_type=UtcDateTime, index=True)


class UnknownOnboarding(HubError):
    """No file of that number waits for the caller."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"没有待登记的文件 {number}：可能已过期、已放弃，或由他人提交；请重新上传。",
            f"No file {number} waits for you: it expired, was given up, or is somebody else's. Upload it again.",
        )


class NotOpen(HubError):
    """A file that is being loaded, or was."""

    def __init__(self, number: str, state: str) -> None:
        super().__init__(
            f"文件 {number} 已在办理（{state}），不能再改；请看它的结果。",
            f"File {number} is {state} and cannot be changed; see what became of it.",
        )


def begin(session: Session, login: str, filename: str, size: int) -> Onboarding:
    """Take note of a file that was handed in."""
    one = Onboarding(login=login, filename=filename, bytes=size)
    session.add(one)
    session.flush()
    return one


def opened(session: Session, number: str, login: str) -> Onboarding:
    """The caller's own that is not loaded. Errors: UnknownOnboarding, NotOpen."""
    one = get(session, number, login)
    if one.state != OPEN:
        raise NotOpen(number, one.state)
    return one


def get(session: Session, number: str, login: str) -> Onboarding:
    """The caller's own. Errors: UnknownOnboarding."""
    one = session.get(Onboarding, number)
    if one is None or one.login != login or one.expires_at <= now():
        raise UnknownOnboarding(number)
    return one


def take(session: Session, number: str, login: str, *, again: bool = False) -> Onboarding:
    """The caller's own, being loaded from now on; of two at once one gets it. Errors: UnknownOnboarding, NotOpen.

    `again`: who had taken it died at it, and takes it up again.
    """
    one = get(session, number, login)
    if again and one.state == LOADING:
        return one
    taken = update(Onboarding).where(col(Onboarding.id) == number, col(Onboarding.state) == OPEN).values(state=LOADING)
    if session.connection().execute(taken).rowcount != 1:
        raise NotOpen(number, one.state)
    session.refresh(one)
    return one


def settle(session: Session, number: str, state: str, dataset: str = "", batch: str = "") -> None:
    """What became of it: loaded, or open again where loading failed."""
    one = session.get_one(Onboarding, number)
    one.state, one.dataset, one.batch = state, dataset, batch
    session.add(one)
    session.flush()


def let_go(session: Session, number: str) -> None:
    """Who was loading it has given up: it waits on."""
    loading = update(Onboarding).where(col(Onboarding.id) == number, col(Onboarding.state) == LOADING)
    session.connection().execute(loading.values(state=OPEN))


def forget(session: Session, number: str) -> None:
    """It is given up."""
    session.delete(session.get_one(Onboarding, number))
    session.flush()


def waiting(session: Session, login: str) -> Sequence[Onboarding]:
    """A person's own, newest first."""
    own = select(Onboarding).where(Onboarding.login == login, col(Onboarding.expires_at) > now())
    return session.exec(own.order_by(col(Onboarding.created_at).desc())).all()


def expire(session: Session) -> list[str]:
    """Forget what waited too long; their numbers, for their files."""
    late = session.exec(select(Onboarding).where(col(Onboarding.expires_at) <= now())).all()
    for one in late:
        session.delete(one)
    session.flush()
    return [one.id for one in late]
