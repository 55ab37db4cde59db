"""`hub models`: the models of the theme and topic libraries, their sources, and a full rebuild."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from catalog import access
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.errors import HubError
from contracts.model import Contract
from contracts.odcs import loader
from orchestration import sources
from orchestration.modelled import Model, described
from warehouse.settings import Settings

PACK = Path(__file__).resolve().parent.parent / "contracts" / "packs" / "demo"

app = typer.Typer(no_args_is_help=True, help="The models of the theme and topic libraries.")


class SourcesDrifted(HubError):
    """transforms/models/sources.yml is not what the contracts give."""

    def __init__(self) -> None:
        super().__init__(
            "sources.yml 与契约不一致；请运行 hub models sources（演示包加 --pack）并提交。",
            "sources.yml is not what the contracts give; run `hub models sources` (--pack for the demo pack) and commit it.",
        )


@app.command("list")
def list_models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Models with what they read."""
    found = list(described().values())
    if as_json:
        told = [
            {"library": m.library, "name": m.name, "title": m.title, "title_en": m.title_en, "reads": _reads(m)} for m in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    heads = (("库", "library"), ("模型", "model"), ("名称", "title"), ("来自", "reads"))
    table = Table(*(said(*head) for head in heads))
    for model in found:
        table.add_row(model.library, model.name, said(model.title, model.title_en), ", ".join(_reads(model)))
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
def write_sources(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the file is up to date.")] = False,
    pack: Annotated[bool, typer.Option("--pack", help="From the demo pack instead of the catalogue.")] = False,
) -> None:
    """Write dbt's sources from the contracts, so that models may read new datasets."""
    text = sources.write_sources(_contracts(pack))
    if check:
        if sources.SOURCES.read_text(encoding="utf-8") != text:
            raise SourcesDrifted
        return
    sources.SOURCES.write_text(text, encoding="utf-8")
    typer.echo(str(sources.SOURCES))


def _contracts(pack: bool) -> list[Contract]:
    if pack:
        return [loader.read(path) for path in sorted(PACK.glob("*.odcs.yaml"))]
    from catalog.entries import contracts as registry

    with database.session(Settings().catalog_database) as session:
        return [c for c in registry.all_active(session) if c.catalogue.get("library", "resource") == "resource"]


def _reads(model: Model) -> list[str]:
    return [
        *(f"resource.{name}" for name in model.resources),
        *(f"{described()[name].library}.{name}" for name in model.models),
    ]
