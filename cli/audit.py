"""`hub audit`: list, seal and verify the chain of records."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from catalog import access, audit, database, sealing
from cli.identity import subject
from cli.language import said
from contracts.clock import local
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The audit chain: list, seal, verify.")
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_records(
    actor: Annotated[str, typer.Option(help="login, key:<prefix>, local:<user>, system:<job> or anonymous.")] = "",
    action: Annotated[str, typer.Option(help="e.g. rows.read, release.recall, key.issue.")] = "",
    about: Annotated[str, typer.Option(help="e.g. resource:major_hazard, batch:20260311-0042.")] = "",
    outcome: Annotated[str, typer.Option(help="done, allowed, refused or failed.")] = "",
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: JSON = False,
) -> None:
    """Records, newest first."""
    with database.session(Settings().catalog_database) as session:
        access.require(session, subject(session), "audit-read", None)
        found = audit.listed(session, actor=actor, action=action, object=about, outcome=outcome, limit=limit)
        told = [one.model_dump(mode="json") for one in found]
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    heads = (
        ("序号", "#"),
        ("时间", "time"),
        ("何人", "who"),
        ("何事", "what"),
        ("对象", "object"),
        ("结果", "outcome"),
        ("依据", "policies"),
    )
    table = Table(*(said(*head) for head in heads))
    for one in found:
        at = f"{local(one.at):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(one.sequence), at, one.actor, one.action, one.object, one.outcome, ", ".join(one.policies))
    Console().print(table)


@app.command()
def seal() -> None:
    """Sign the head of the chain now, and append it to the file outside the database."""
    settings = Settings()
    with database.session(settings.catalog_database) as session:
        made = sealing.seal(session, settings.audit_key, settings.audit_head)
    if made is None:
        typer.echo(said("没有新记录需要封存", "Nothing new to seal"))
    else:
        typer.echo(said(f"已封存至第 {made.last} 条：{made.head}", f"Sealed up to record {made.last}: {made.head}"))


@app.command()
def verify(as_json: JSON = False) -> None:
    """Read the whole chain and every seal; say what was changed, removed or reordered, and where. Status 1 if anything was."""
    settings = Settings()
    public = settings.audit_key.with_suffix(".pub")
    own = public.read_text(encoding="ascii").strip() if public.exists() else ""
    with database.session(settings.catalog_database) as session:
        found = sealing.verify(session, own, settings.audit_head)
    with database.session(settings.catalog_database) as session:
        sealing.note(session, found)
    if as_json:
        told = asdict(found) | {"at": found.at.isoformat(), "good": found.good}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for one in found.findings:
            typer.secho(f"#{one.sequence}  {said(one.message, one.message_en)}", fg="red")
        word = said("链完整", "The chain is whole") if found.good else said("链已受损", "The chain is damaged")
        typer.echo(
            said(
                f"{word}：{found.records:,} 条，{found.seals} 次封存，封存至第 {found.last_sealed} 条，链头 {found.head[:16]}…",
                f"{word}: {found.records:,} records, {found.seals} seals up to {found.last_sealed}, head {found.head[:16]}…",
            )
        )
    if not found.good:
        raise typer.Exit(1)
