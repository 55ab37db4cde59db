"""Who acts on the command line: the holder of a key, given or kept by `hub login`, else the machine's own user by the emergency
door, which says so each time and can be closed (HUB_LOCAL_ACTS=off)."""

from __future__ import annotations

import getpass
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

import typer
from sqlmodel import Session

from catalog.identity import people
from catalog.identity.people import Subject
from catalog.store import database
from cli.terminal import context, credentials
from cli.terminal.language import said
from contracts.errors import HubError
from warehouse.settings import Settings

if TYPE_CHECKING:
    from hub.hub import Hub

KEYLESS = frozenset({"init", "upgrade", "serve", "work", "doctor", "login", "logout"})
"""Verbs that work without a key while the emergency door is closed: they make, run and look at an installation, and sign in."""
_announced: ContextVar[bool] = ContextVar("announced", default=False)


class KeyRefused(HubError):
    """The key opens nothing. `prefix`: which one it was, where it is one of ours; `source`: a key of SOURCES."""

    def __init__(self, prefix: str = "", source: str = "given") -> None:
        self.prefix = prefix
        super().__init__(*SOURCES[source])


SOURCES = {
    "given": ("--as 的密钥无效、已过期或已收回。", "The key after --as is wrong, expired or revoked."),
    "typed": ("密钥无效、已过期或已收回，没有登录。", "The key is wrong, expired or revoked; you are not signed in."),
    "kept": (
        "登录所用的密钥已过期或已收回；请用 hub login 重新登录，或用 hub logout 退出。",
        "The key that you signed in with is expired or revoked; sign in anew with `hub login`, or leave it with `hub logout`.",
    ),
}
"""What is said of a key that opens nothing, by where it came from."""


class LocalClosed(HubError):
    """The emergency door is closed, and no key was given."""

    def __init__(self) -> None:
        super().__init__(
            "本机应急通道已关闭（HUB_LOCAL_ACTS=off），需要密钥：先用 hub login 登录，或用 hub --as KEY、环境变量 HUB_AS 给出。"
            "密钥在门户「我的账户」生成，或请系统管理员发放。",
            "The machine's emergency door is closed (HUB_LOCAL_ACTS=off), so a key is needed: sign in with `hub login`, or "
            "give one by `hub --as KEY` or HUB_AS. Make one in the portal under My account, or ask an administrator.",
        )


def subject(session: Session, key: str = "") -> Subject:
    """The subject of this command: of `key`, of the key after `hub --as`, of the one kept by `hub login`, else local:<user>."""
    given = key or context.key.get()
    saved = None if given else credentials.kept(Settings().root)
    bearer = given or (saved.key if saved else "")
    if not bearer:
        return _local()
    holder = people.authenticate(session, bearer)
    if holder is None:
        raise KeyRefused(people.prefix_of(session, bearer), "kept" if saved else "given")
    return holder


def acting(key: str = "", settings: Settings | None = None) -> tuple[Hub, Subject]:
    """The hub and the subject of this command, for an act; a refusal's record says by which verb."""
    from hub.hub import open_hub  # here, for the start: tests/cli/test_start.py

    hub = open_hub(settings, verb=context.verb.get())
    with hub.session() as session:
        return hub, subject(session, key)


def require_key(verb: str) -> None:
    """While the emergency door is closed: verify the key before any verb but those that need none. Errors: LocalClosed."""
    settings = Settings()
    if settings.local_acts or verb in KEYLESS or "--help" in sys.argv[1:]:
        return
    key = context.key.get() or _after_verb(sys.argv[1:])
    if not key and credentials.kept(settings.root) is None:
        raise LocalClosed
    with database.session(settings.catalog_database) as session:
        subject(session, key)


def _after_verb(words: list[str]) -> str:
    """The key that a verb is given by its own --as."""
    for place, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == "--as":
            return value or (words[place + 1] if place + 1 < len(words) else "")
    return ""


def _local() -> Subject:
    """The operating system's user, an administrator; said once in a command, and on record with each act."""
    if not Settings().local_acts:
        raise LocalClosed
    who = people.local_subject(user())
    if not _announced.get():
        _announced.set(True)
        line = said(
            f"以 {who.login} 的身份办理：本机应急通道，记入审计；日常请用 hub login 登录。",
            f"Acting as {who.login} by the machine's emergency door, on record; sign in with `hub login` for daily work.",
        )
        typer.secho(line, fg="yellow", err=True)
    return who


def user() -> str:
    """Name of the operating system's user; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        import os

        return str(os.getuid())
