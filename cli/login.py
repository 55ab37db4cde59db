"""`hub login`, `hub logout`, `hub whoami`: who acts on this machine from now on."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from catalog.audit import chain as audit
from catalog.identity import people
from catalog.identity.people import Subject
from catalog.store import database
from cli.terminal import context, credentials
from cli.terminal.identity import KeyRefused, subject
from cli.terminal.language import said
from warehouse.settings import Settings

PLACES = {credentials.RING: ("系统钥匙串", "the system's keyring"), credentials.FILE: ("文件", "the file")}


def login(stdin: Annotated[bool, typer.Option("--stdin", help="Read the key from standard input.")] = False) -> None:
    """Sign in with a key: verified, then kept for this HUB_HOME in the system's keyring, or in a file that only you can read.

    Make the key in the portal under My account. `hub logout` forgets it; the key itself lives until it is revoked or expires.
    """
    settings = Settings()
    text = sys.stdin.readline() if stdin else typer.prompt(said("密钥", "Key"), hide_input=True)
    key = text.strip()
    with database.session(settings.catalog_database) as session:
        holder = people.authenticate(session, key)
        if holder is None:
            raise KeyRefused(people.prefix_of(session, key), "typed")
        audit.record(session, actor=holder.actor, organization_id=holder.organization_id, action="cli.sign-in")
    saved = credentials.keep(settings.root, key)
    where, where_en = PLACES[saved.place]
    file = f" {credentials.path()}" if saved.place == credentials.FILE else ""
    typer.echo(
        said(
            f"已登录为 {holder.login}，密钥存于{where}{file}",
            f"Signed in as {holder.login}; the key is in {where_en}{file}",
        )
    )


def logout() -> None:
    """Forget the key kept for this HUB_HOME. It lives on: revoke it in the portal, or with `hub people revoke`."""
    if credentials.forget(Settings().root):
        typer.echo(
            said("已退出登录；密钥本身仍有效，不再需要时请收回", "Signed out; the key lives on, revoke it if it is not needed")
        )
    else:
        typer.echo(said("本来没有登录", "Nobody was signed in"))


def whoami(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say who acts here, in which roles, and by what."""
    with database.session(Settings().catalog_database) as session:
        who = subject(session)
    way = _way(who)
    if as_json:
        state = {"login": who.login, "roles": sorted(who.roles), "organization": who.organization_id}
        typer.echo(json.dumps(state | {"key": who.key_prefix, "way": way}, ensure_ascii=False))
        return
    ways = {
        "local": said("本机应急通道", "the machine's emergency door"),
        "given": said(f"给出的密钥 hui_{who.key_prefix}", f"the key given, hui_{who.key_prefix}"),
        "login": said(f"登录的密钥 hui_{who.key_prefix}", f"the key signed in with, hui_{who.key_prefix}"),
    }
    typer.echo(f"{who.login} ({', '.join(sorted(who.roles))}) · {ways[way]}")


def _way(who: Subject) -> str:
    if who.kind == "local":
        return "local"
    return "given" if context.key.get() else "login"
