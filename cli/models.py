"""`hub models`: the models of the theme and topic libraries, their sources, and a full rebuild."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.table import Table

from catalog import access
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.packs.models import Model
from orchestration import project
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The models of the theme and topic libraries.")


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Models with what they read."""
    models = project.described(Settings())
    listed = list(models.values())
    if as_json:
        names = ("library", "name", "title", "title_en")
        rows = [{name: getattr(model, name) for name in names} | {"reads": _reads(model, models)} for model in listed]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    heads = (("库", "library"), ("模型", "model"), ("名称", "title"), ("来自", "reads"))
    table = Table(*(said(*head) for head in heads))
    for model in listed:
        table.add_row(model.library, model.name, said(model.title, model.title_en), ", ".join(_reads(model, models)))
    Screen().print(table)


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Models; none: all.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Make tables anew instead of bringing them up to date.")] = False,
) -> None:
    """Build models outside of Dagster: after a change of their SQL, with --full."""
    from hub.hub import open_hub
    from orchestration.model_assets import build as build_models

    hub = open_hub(Settings())
    with hub.session() as session:
        access.require(session, subject(session), "manage-agreement", None)
    run, rows = build_models(hub, names or [], full_refresh=full)
    for result in run.results:
        if result.kind == "model":
            mark = f"{rows.get(result.model, 0):,}" if result.good else f"{result.status}: {result.message}"
            typer.echo(f"{result.model}: {mark}")
    if run.failed:
        raise typer.Exit(1)


@app.command("sources")
def show_sources() -> None:
    """Print dbt's sources as the contracts give them: what models may read of the resource library."""
    typer.echo(project.sources(Settings()), nl=False)


def _reads(model: Model, models: Mapping[str, Model]) -> list[str]:
    return [
        *(f"resource.{name}" for name in model.resources),
        *(f"{models[name].library}.{name}" for name in model.models),
    ]
