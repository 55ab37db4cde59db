"""What every request is given: the settings, one transaction, and who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header, Request
from sqlmodel import Session

from api.http.attempts import Attempts
from api.http.language import Language, language_of
from catalog.identity import people
from catalog.identity.attempts import TooManyAttempts
from catalog.identity.people import ANONYMOUS, Subject
from catalog.store import database
from contracts.errors import HubError
from hub.hub import Hub, open_hub
from warehouse.settings import Settings

SESSION_COOKIE = "hui_session"
"""Holds the token of a portal sign-in."""
READING = ("GET", "HEAD", "OPTIONS")
PROGRAMS = ("/api/", "/delta-sharing/")
"""Doors without a form's token: what is done there is done by key."""


class KeyNotValid(HubError):
    """A bearer key was sent, and it opens nothing. `prefix`: which one it was, where it is one of ours."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        super().__init__(
            "密钥无效、已过期或已收回；请向发放单位索取新的密钥。",
            "The key is wrong, expired or revoked; ask those who issued it for a new one.",
        )


def settings_of(request: Request) -> Settings:
    """The settings the server was started with."""
    settings: Settings = request.app.state.settings
    return settings


async def _settings(request: Request) -> Settings:
    return settings_of(request)  # in the loop itself: a thread for it would cost more than it does


SettingsDep = Annotated[Settings, Depends(_settings)]


def transaction(settings: SettingsDep) -> Iterator[Session]:
    """One transaction for each request: committed before the answer goes out, rolled back where it fails."""
    with database.session(settings.catalog_database) as session:
        yield session


SessionDep = Annotated[Session, Depends(transaction, scope="function")]


def attempts_of(request: Request) -> Attempts:
    """Failed sign-ins of this process, by address."""
    attempts: Attempts = request.app.state.attempts
    return attempts


def subject_of(request: Request, session: SessionDep) -> Subject:
    """Who asks: the holder of the bearer key, else of the portal's cookie, else nobody known.

    A wrong key is an error, never an anonymous request: the caller would see less and not know why. A cookie comes along with
    whatever another page makes the browser send: where no form's token is asked for it is for looking only.
    """
    bearer = bearer_of(request)
    if bearer:
        return _by_key(request, session, bearer)
    by_program = request.method not in READING and request.url.path.startswith(PROGRAMS)
    token = "" if by_program else request.cookies.get(SESSION_COOKIE, "")
    return (people.signed_in(session, token) if token else None) or ANONYMOUS


def bearer_of(request: Request) -> str:
    """The key that a request is sent with; empty where it has none."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return (bearer or " ") if scheme.lower() == "bearer" else ""


def attempted(request: Request, bearer: str) -> str:
    """By which name failures of this address with this key are counted; TooManyAttempts after too many. Many people sit behind
    one address, and one old script must not lock them out. (A key's secret has 256 bits: waiting keeps the log short, guessing
    is hopeless anyway.)"""
    who = f"{address_of(request)} {bearer[:16]}"
    wait = attempts_of(request).wait(who)
    if wait:
        raise TooManyAttempts(wait)
    return who


def _by_key(request: Request, session: Session, bearer: str) -> Subject:
    who = attempted(request, bearer)
    found = people.authenticate(session, bearer)
    if found is None:
        attempts_of(request).failed(who)
        raise KeyNotValid(people.prefix_of(session, bearer))
    if session.dirty:
        session.commit()  # the key's last use; kept open it would make every writer wait until this answer is made
    return found


SubjectDep = Annotated[Subject, Depends(subject_of)]


def key_holder(subject: SubjectDep) -> Subject:
    """Who asks, by key: nobody known gets 401."""
    if subject.kind != "key":
        raise KeyNotValid
    return subject


KeyHolder = Annotated[Subject, Depends(key_holder)]


def address_of(request: Request) -> str:
    """The caller's network address (behind a proxy of HUB_TRUSTED_PROXIES: the one that it tells)."""
    return request.client.host if request.client else "?"


def hub_of(request: Request, settings: SettingsDep) -> Hub:
    """The hub that acts are done in; a refusal's record says by which address of it and of the caller."""
    return open_hub(settings, path=request.url.path[:500], address=address_of(request))


HubDep = Annotated[Hub, Depends(hub_of)]


PurposeHeader = Annotated[str, Header(description="What the data is used for; percent-encoded UTF-8.")]


def purpose_in(x_purpose: str) -> str:
    """The purpose a caller names; headers hold no Chinese, so it comes percent-encoded."""
    return unquote(x_purpose).strip()[:500]


async def purpose_of(x_purpose: PurposeHeader = "") -> str:
    """The purpose, for routes where it is one dependency among others."""
    return purpose_in(x_purpose)


PurposeDep = Annotated[str, Depends(purpose_of)]
LanguageDep = Annotated[Language, Depends(language_of)]
