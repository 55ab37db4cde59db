"""`hub pack`: what a domain brings, added, listed, taken out of use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.screen import Screen
from hub import acts, packs
from hub.packs import AddedPack, AddPack, ListPacks, RemovePack

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Packs: contracts, code lists, models and words of a domain, as data and SQL.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OUTCOMES = {
    "new": ("新增", "new"),
    "changed": ("新版本", "new version"),
    "same": ("无变化", "same"),
    "waiting": ("存为草稿：现行版本由人修改过", "kept as a draft: a person wrote the one in force"),
    "kept": ("未载入：同版本号已由人登记", "left out: a person saved a version of that number"),
}
STATES = {"in_use": ("在用", "in use"), "replaced": ("已被新版取代", "replaced"), "removed": ("已停用", "removed")}


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="The pack's folder, or a .zip of it.", exists=True)],
    as_json: AsJson = False,
) -> None:
    """Add a pack, or a newer version of one. A contract that a person edited stays; the pack's waits beside it as a draft.

    **Example:** `hub pack add library.zip`
    """
    added = packs.add(*acting(), acts.given(AddPack, file=path, filename=path.name))
    if as_json:
        typer.echo(added.model_dump_json())
        return
    _tell(added)


def _tell(added: AddedPack) -> None:
    name = f"{added.name} {added.version}"
    if added.outcome == "same":
        typer.echo(said(f"{name} 已安装。", f"{name} is installed already."))
        return
    for one in added.contracts:
        if one.outcome != "same":
            typer.echo(f"{one.resource} {one.version}: {said(*OUTCOMES[one.outcome])}")
    for code_list in added.kept:
        typer.echo(said(f"代码表 {code_list}：已有，保留原样", f"{code_list}: a code list that is there, left as it is"))
    count = (len(added.contracts), len(added.code_lists), len(added.models))
    typer.echo(
        said(
            f"已安装 {name}：契约 {count[0]} 个，代码表 {count[1]} 个，模型 {count[2]} 个。",
            f"Added {name}: {count[0]} contracts, {count[1]} code lists, {count[2]} models.",
        )
    )


@app.command("list")
def list_packs(
    past: Annotated[bool, typer.Option("--all", help="Also versions that were replaced or removed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Packs with what each brought, by whom and when.

    **Example:** `hub pack list`
    """
    listed = packs.list_packs(*acting(), acts.given(ListPacks, past=past))
    if as_json:
        typer.echo(listed.model_dump_json())
        return
    heads = (("包", "pack"), ("版本", "version"), ("名称", "title"), ("状态", "state"), ("内容", "contents"), ("安装", "added"))
    table = Table(*(said(*head) for head in heads))
    for one in listed.packs:
        contents = said(
            f"契约 {len(one.contracts)}，代码表 {len(one.code_lists)}，模型 {len(one.models)}",
            f"{len(one.contracts)} contracts, {len(one.code_lists)} code lists, {len(one.models)} models",
        )
        when = f"{one.added_at:%Y-%m-%d} {one.added_by}"
        table.add_row(one.name, one.version, said(one.title, one.title_en), said(*STATES[one.state]), contents, when)
    Screen().print(table)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The pack.")],
    keep_datasets: Annotated[
        bool, typer.Option("--keep-datasets", help="Its datasets hold rows: they stay, models, words and brand go.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a pack out of use: models, words and brand go; contracts, code lists and every row stay.

    **Example:** `hub pack remove library --keep-datasets`
    """
    removed = packs.remove(*acting(), acts.given(RemovePack, pack=name, keep_datasets=keep_datasets))
    if as_json:
        typer.echo(removed.model_dump_json())
        return
    models, datasets = ", ".join(removed.models) or "—", ", ".join(removed.datasets) or "—"
    typer.echo(
        said(
            f"已停用 {removed.name} {removed.version}。不再构建的模型：{models}；保留的数据集：{datasets}",
            f"Removed {removed.name} {removed.version}. Models no longer built: {models}; datasets that stay: {datasets}",
        )
    )
