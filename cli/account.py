"""`hub account`: one's own account."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import Key
from hub import acts, own
from hub.own import OwnPassword

app = typer.Typer(no_args_is_help=True, help="Your own account.")


@app.callback()
def account() -> None:
    """Your own account; keys for programs of your own are made in the portal, where you sign in with your password."""


@app.command()
def password(
    revoke_keys: Annotated[bool, typer.Option("--revoke-keys", help="Revoke your keys as well.")] = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read both from standard input, a line each.")] = False,
    key: Key = "",
) -> None:
    """Change your own password; your sessions end."""
    if stdin:
        old, new = (sys.stdin.readline().rstrip("\n") for _ in range(2))
    else:
        old = typer.prompt(said("现密码", "Present password"), hide_input=True)
        new = typer.prompt(said("新密码", "New password"), hide_input=True, confirmation_prompt=True)
    own.change_password(*acting(key), acts.given(OwnPassword, old=old, new=new, revoke_keys=revoke_keys))
    typer.echo(said("密码已更改", "The password is changed"))
