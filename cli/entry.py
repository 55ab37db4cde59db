"""`hub entry`: the catalogue's entries, as the compilation guide has them: shown, edited, published, withdrawn."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.terminal.identity import acting
from cli.terminal.language import said
from hub import acts, entries
from hub.entries import EditEntry, EntryState, PublishEntry, WithdrawEntry

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Catalogue entries: show, edit, publish and withdraw them."
)
Name = Annotated[str, typer.Argument(help="The resource.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Say how an entry stands, and what it still needs before it can be published.

    **Example:** `hub entry show enterprise_registration`
    """
    from catalog import access

    hub, who = acting()
    with hub.session() as session:
        entry = acts.known(session, who, name)
        access.require(session, who, "read-metadata", entry)
        _print(entries.state(entry), as_json)


@app.command()
def edit(
    name: Name,
    title: Annotated[str | None, typer.Option(help="(2) Title.")] = None,
    title_en: Annotated[str | None, typer.Option(help="Title in English.")] = None,
    class_code: Annotated[str | None, typer.Option("--class", help="(1) Class code.")] = None,
    provider: Annotated[str | None, typer.Option(metavar="ORG", help="(4) Organization that answers for the data.")] = None,
    abstract: Annotated[str | None, typer.Option(help="(6) Abstract.")] = None,
    abstract_en: Annotated[str | None, typer.Option(help="Abstract in English.")] = None,
    formats: Annotated[list[int] | None, typer.Option("--format", help="(7) Codes 1 to 7; repeatable.")] = None,
    sharing: Annotated[int | None, typer.Option(help="(9) 1 unconditional, 2 conditional, 3 not shared.")] = None,
    condition: Annotated[str | None, typer.Option(help="Condition of sharing.")] = None,
    basis: Annotated[str | None, typer.Option(help="Legal basis of sharing, or of not sharing.")] = None,
    uses: Annotated[list[str] | None, typer.Option("--use", help="行政依据, 工作参考, 数据校核, 业务协同; repeatable.")] = None,
    methods: Annotated[
        list[str] | None, typer.Option("--method", help="database, file, interface, mail, medium; repeatable.")
    ] = None,
    opening: Annotated[int | None, typer.Option("--open", help="(10) 0 no, 1 yes, 2 on condition.")] = None,
    open_condition: Annotated[str | None, typer.Option(help="Condition of opening.")] = None,
    cycle: Annotated[str | None, typer.Option(help="(11) 实时 每日 每周 每月 每季度 每半年 每年 不定期.")] = None,
    related: Annotated[list[str] | None, typer.Option(help="(13) Code of a related resource; repeatable.")] = None,
    category: Annotated[str | None, typer.Option(help="general, important or core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change items of an entry; what is not given stays. A contract says so in a next version, in force at once.

    **Example:** `hub entry edit enterprise_list --class 205001 --use 工作参考 --condition 经提供方同意`
    """
    request = acts.given(
        EditEntry,
        resource=name,
        title=title,
        title_en=title_en,
        class_code=class_code,
        provider=provider,
        abstract=abstract,
        abstract_en=abstract_en,
        formats=formats,
        sharing=sharing,
        sharing_condition=condition,
        sharing_basis=basis,
        sharing_uses=uses,
        sharing_methods=methods,
        open=opening,
        open_condition=open_condition,
        cycle=cycle,
        related_codes=related,
        category=category,
    )
    _print(entries.edit(*acting(), request), as_json)


@app.command()
def publish(name: Name, as_json: AsJson = False) -> None:
    """Publish an entry, so that others find it.

    **Example:** `hub entry publish enterprise_list`
    """
    _print(entries.publish(*acting(), acts.given(PublishEntry, resource=name)), as_json)


@app.command()
def withdraw(name: Name, reason: Annotated[str, typer.Option(help="Why; kept on record.")], as_json: AsJson = False) -> None:
    """Take an entry out of the catalogue: nobody but its provider gets its data until it is published again.

    **Example:** `hub entry withdraw enterprise_list --reason 由新目录代替`
    """
    _print(entries.withdraw(*acting(), acts.given(WithdrawEntry, resource=name, reason=reason)), as_json)


def _print(state: EntryState, as_json: bool) -> None:
    if as_json:
        typer.echo(state.model_dump_json())
        return
    typer.echo(f"{state.title} {state.resource} · {state.code or '—'} · {state.state}")
    if state.lacking:
        typer.echo(said("发布前尚缺：", "Lacking before it can be published: ") + ", ".join(state.lacking))
