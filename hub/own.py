"""One's own account: password changed, key made, by the person themselves and not by whoever holds one of their keys."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field
from sqlmodel import Session

from catalog.access import Decision, Refused
from catalog.identity import attempts, directory, passwords, people
from catalog.identity.attempts import TooManyAttempts
from catalog.identity.people import InvalidPerson, Person, Subject
from contracts.clock import now
from hub.acts import Deed, act, doing
from hub.hub import Hub
from hub.keys import IssuedKey, living
from hub.people import OWN, PersonState, about, person_state

MOST_KEYS = 10
"""Living keys that a person may make for themselves; each program has its own, and each is watched."""


class OwnPassword(BaseModel):
    """One's password of now, and the one to come."""

    old: str = Field(min_length=1, max_length=1000)
    new: str = Field(min_length=1, max_length=1000)
    revoke_keys: bool = Field(default=False, description="Revoke one's keys as well: somebody else may have made one.")


class OwnKey(BaseModel):
    """A key for a program of one's own."""

    password: str = Field(min_length=1, max_length=1000, description="One's password, once more.")
    label: str = Field(default="", max_length=100, examples=["月报程序"], description="What the key is for.")
    days: int = Field(default=180, ge=1, le=365, description="Days until it expires.")


class WrongPassword(Refused):
    """Whoever sits there does not know the person's password."""

    def __init__(self, subject: Subject, act: str) -> None:
        zh = "现密码不对；没有设置过密码的，请系统管理员设置"
        en = "The present password is wrong; if none was ever set, ask an administrator"
        super().__init__(Decision(False, (), zh, en), subject, act, f"person:{subject.login}")


class TooManyKeys(InvalidPerson):
    """As many keys as one may make for oneself are living."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"您已有 {count} 个有效密钥，请先收回不用的。",
            f"You have {count} living keys; first revoke those not in use.",
        )


@act(
    "own.password",
    policy=OWN,
    zh="更改本人密码",
    en="change one's own password",
    api="POST /account/password",
    cli="account password",
    portal="/account",
    ends=True,
)
def change_password(hub: Hub, subject: Subject, given: OwnPassword) -> PersonState:
    """Change one's own password; every other session of one's own ends. WrongPassword counts as a failed sign-in does."""
    with doing(hub, subject, "own.password", about=f"person:{subject.login}") as deed:
        person = _proven(hub, deed, given.old)
        if given.new == given.old:
            raise InvalidPerson("新密码与现密码相同。", "The new password is the present one.")
        people.set_password(deed.session, person, given.new, leaving=subject.csrf)
        revoked = _revoke_keys(deed.session, person) if given.revoke_keys else 0
        about(deed, person, keys_revoked=revoked)
        return person_state(deed.session, person)


@act(
    "own.key",
    policy="own-key",
    zh="生成本人密钥",
    en="make oneself a key",
    api="— only from a session begun with a password: a key that could make another would outlive its revocation",
    cli="— only from a session begun with a password",
    portal="/account",
    secret=True,
)
def make_key(hub: Hub, subject: Subject, given: OwnKey) -> IssuedKey:
    """Make oneself a key; it is shown this once. The password is asked again: a key outlives the session it was made in."""
    with doing(hub, subject, "own.key", about=f"person:{subject.login}") as deed:
        person = _proven(hub, deed, given.password)
        count = len(living(people.keys_of(deed.session, person)))
        if count >= MOST_KEYS:
            raise TooManyKeys(count)
        expires = now() + timedelta(days=given.days)
        key, text = people.issue_key(deed.session, person, given.label, expires)
        about(deed, person, prefix=key.prefix, label=given.label, days=given.days)
        return IssuedKey(login=person.login, key=text, prefix=key.prefix, expires_at=expires)


def _proven(hub: Hub, deed: Deed, password: str) -> Person:
    """The person who asks, once they gave their password; tries are counted as at the sign-in, before it is looked at."""
    session, subject = deed.session, deed.subject
    person = session.get_one(Person, subject.person_id)
    address, proof = hub.where.get("address", ""), person.password_hash
    wait = attempts.begun(session, person.login, address)
    deed.pause()  # verifying may wait in line
    if wait:
        raise TooManyAttempts(wait)
    try:
        known = passwords.fits(proof, password)
    except passwords.SignInBusy:
        attempts.not_tried(session, person.login, address)
        deed.pause()
        raise
    session.refresh(person)
    if not known or not person.active or person.password_hash != proof:
        raise WrongPassword(subject, deed.act.name)
    attempts.succeeded(session, person.login, address)
    return person


def _revoke_keys(session: Session, person: Person) -> int:
    keys = living(directory.keys_of_all(session, [person])[person.id])
    for key in keys:
        people.revoke_key(session, key.prefix)
    return len(keys)
