"""Who acts on the command line: the operating system's user, on record, or the holder of a key."""

from __future__ import annotations

import getpass

from sqlmodel import Session

from catalog.identity import people
from catalog.identity.people import Subject
from cli.terminal import context
from contracts.errors import HubError
from hub.hub import Hub, open_hub
from warehouse.settings import Settings


class KeyRefused(HubError):
    """The key after --as opens nothing. `prefix`: which one it was, where it is one of ours."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        super().__init__("--as 的密钥无效、已过期或已收回。", "The key after --as is wrong, expired or revoked.")


def subject(session: Session, key: str = "") -> Subject:
    """The subject of this command: of `key`, of the key after `hub --as`, else local:<user>, an administrator."""
    told = key or context.key.get()
    if not told:
        return people.local_subject(user())
    found = people.authenticate(session, told)
    if found is None:
        raise KeyRefused(people.prefix_of(session, told))
    return found


def acting(key: str = "", settings: Settings | None = None) -> tuple[Hub, Subject]:
    """The hub and the subject of this command, for an act; a refusal's record says by which verb."""
    hub = open_hub(settings, verb=context.verb.get())
    with hub.session() as session:
        return hub, subject(session, key)


def user() -> str:
    """Name of the operating system's user; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        import os

        return str(os.getuid())
