"""`hub channel`: a look at what a channel holds, before it is relied on."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, as_json, table
from hub import acts, channels
from hub.channels import ChannelSeen, TestChannel

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Channels: tested before they are relied on.")


@app.callback()
def _group() -> None:
    """Channels: tested before they are relied on."""


@app.command("test")
def look(
    channel: Annotated[
        str,
        typer.Argument(metavar="AGREEMENT|KIND", help="An agreement's number, or folder, http, template … with --setting."),
    ],
    setting: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of the kind: path=inbox/water; repeatable.")
    ] = None,
    number: Annotated[int, typer.Option(help="Which of the agreement's channels.")] = 1,
    route: Annotated[str, typer.Option(help="request, buy or collect, for settings that are not saved yet.")] = "request",
    limit: Annotated[int, typer.Option(help="How many rows or files.")] = 5,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Look at what a source holds; nothing is taken.

    **Example:** `hub channel test YQ-2026-001` · `hub channel test folder --setting path=inbox/water`
    """
    chosen: dict[str, object] = {"kind": channel, "route": route} if setting else {"agreement": channel, "number": number}
    settings = dict(one.partition("=")[::2] for one in setting or [])
    seen = channels.look(*acting(key), acts.given(TestChannel, **chosen, settings=settings, limit=limit))
    as_json(seen.model_dump()) if json else _show(seen)
    if not seen.reached:
        raise typer.Exit(1)


def _show(seen: ChannelSeen) -> None:
    if not seen.reached:
        typer.echo(said(seen.problem, seen.problem_en), err=True)
        return
    names = list(dict.fromkeys(name for entry in seen.entries for name in entry))
    title = (f"{seen.kind}：已连通", f"{seen.kind}: reached")
    if names:
        table(title, tuple((name, name) for name in names), [[entry.get(name, "") for name in names] for entry in seen.entries])
    else:
        typer.echo(said(f"{title[0]}，没有新的内容", f"{title[1]}, nothing new there"))
    if seen.more:
        typer.echo(said("还有更多", "there is more"))
