"""What opens the hub to a person: keys are issued and revoked, portal sessions ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field

from catalog import access
from catalog.identity import people, signins
from catalog.identity.people import Key, Person, Subject
from contracts.clock import now
from hub.acts import act, doing
from hub.hub import Hub
from hub.people import ADMINISTER, OWN, KeyState, Login, about, key_state


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


class EndSession(BaseModel):
    """A portal session to be ended."""

    session: str = Field(max_length=100, description="Its number, from the list of sessions.")


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


@act(
    "key.issue",
    policy=ADMINISTER,
    zh="发放密钥",
    en="issue a key",
    api="POST /people/{login}/keys",
    cli="people key",
    portal="/administration/people/{login}",
    secret=True,
)
def issue_key(hub: Hub, subject: Subject, given: IssueKey) -> IssuedKey:
    """Issue a key; it is shown this once. Nobody for themselves by key: a stolen one would outlive its revocation."""
    with doing(hub, subject, "key.issue") as deed:
        person = people.get_person(deed.session, given.login)
        expires = now() + timedelta(days=given.days) if given.days else None
        key, text = people.issue_key(deed.session, person, given.label, expires)
        about(deed, person, prefix=key.prefix, label=given.label, days=given.days)
        return IssuedKey(login=given.login, key=text, prefix=key.prefix, expires_at=expires)


@act(
    "key.revoke",
    policy=ADMINISTER,
    zh="收回密钥",
    en="revoke a key",
    api="POST /keys/{prefix}/revoke",
    cli="people revoke",
    portal="/administration/people/{login}",
    ends=True,
)
def revoke_key(hub: Hub, subject: Subject, given: RevokeKey) -> KeyState:
    """Take a key back; from the next request on it opens nothing. Everybody may their own."""
    with hub.session() as session:
        holder = people.holder(session, given.prefix)
    own = holder is not None and holder.person_id == subject.person_id
    with doing(hub, subject, "key.revoke", policy=OWN if own else ADMINISTER) as deed:
        revoked = people.revoke_key(deed.session, given.prefix)
        about(deed, deed.session.get_one(Person, revoked.person_id), prefix=revoked.prefix)
        return key_state(revoked)


@act(
    "session.end",
    policy=ADMINISTER,
    zh="结束会话",
    en="end a session",
    api="POST /sessions/{session}/end",
    cli="people end-session",
    portal="/sessions",
    ends=True,
)
def end_session(hub: Hub, subject: Subject, given: EndSession) -> SessionEnded:
    """End one open portal session; its next request is nobody's. Everybody may their own; another's is not there for them."""
    with hub.session() as session:
        everybodys = access.may(session, subject, ADMINISTER)
    with doing(hub, subject, "session.end", policy=ADMINISTER if everybodys else OWN) as deed:
        own = None if everybodys else deed.session.get_one(Person, subject.person_id)
        ended = signins.end(deed.session, given.session, own)
        about(deed, people.get_person(deed.session, ended.login), session=ended.id)
        return SessionEnded(session=ended.id, login=ended.login)


def profile_text(address: str, key: str, expires: datetime) -> str:
    """A profile file of the Delta Sharing protocol, version 1: where the hub is, and the key that opens it."""
    profile = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{address.rstrip('/')}/delta-sharing/",
        "bearerToken": key,
        "expirationTime": expires.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return json.dumps(profile, indent=2) + "\n"


def living(keys: Sequence[Key]) -> list[Key]:
    """Those of the keys that open something now."""
    moment = now()
    return [key for key in keys if people.living(key, moment)]
