"""`hub audit`: list, seal and verify the chain of records, and put on record what was found."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session

from catalog import access
from catalog.audit import chain as audit
from catalog.audit import sealing, witness
from catalog.audit.accepted import Accepted
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
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
    Screen().print(table)


@app.command()
def seal() -> None:
    """Sign the head of the chain now, append it to the file outside the database, and tell the witness."""
    settings = Settings()
    with database.session(settings.catalog_database) as session:
        made = sealing.seal(session, settings.audit_key, settings.audit_head)
    _tell(settings)
    if made is None:
        typer.echo(said("没有新记录需要封存", "Nothing new to seal"))
    else:
        typer.echo(said(f"已封存至第 {made.last} 条：{made.head}", f"Sealed up to record {made.last}: {made.head}"))


@app.command()
def verify(
    witness_log: Annotated[
        Path | None,
        typer.Option("--witness", help="File with the seals that a witness kept (syslog's log); also HUB_AUDIT_WITNESS."),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Read the whole chain, every seal and what the witness was told; say what was changed, removed or reordered, and where.

    Status 1 if anything was.
    """
    settings = Settings()
    with database.session(settings.catalog_database) as session:
        found = _verified(session, settings, witness_log)
    with database.session(settings.catalog_database) as session:
        sealing.note(session, found)
    if as_json:
        told = asdict(found) | {
            "at": found.at.isoformat(),
            "good": found.good,
            "accepted": [_act(one) for one in found.accepted],
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(found)
    if not found.good:
        raise typer.Exit(1)


@app.command()
def accept(
    reason: Annotated[str, typer.Option(help="What was found out: by whom, when, why the chain is so.")] = "",
    witness_log: Annotated[Path | None, typer.Option("--witness", help="As for verify.")] = None,
) -> None:
    """Put the findings of a verification on record, with the reason: known from now on, shown as such, no alarm any more."""
    settings = Settings()
    with database.session(settings.catalog_database) as session:
        who = subject(session)
        access.require(session, who, "audit-read", None)
        found = _verified(session, settings, witness_log)
        if found.good:
            typer.echo(said("没有需要登记的问题", "There is nothing to put on record"))
            return
        number = sealing.accept(session, found, actor=who.actor, reason=reason, organization_id=who.organization_id)
    with database.session(settings.catalog_database) as session:
        sealing.seal(session, settings.audit_key, settings.audit_head)
    _tell(settings)
    count = len(found.findings)
    typer.echo(
        said(
            f"{count} 项问题已登记为第 {number} 条审计记录，并已封存",
            f"{count} findings are on record as #{number}, and sealed",
        )
    )


def _verified(session: Session, settings: Settings, log: Path | None) -> sealing.Verification:
    public = settings.audit_key.with_suffix(".pub")
    own = public.read_text(encoding="ascii").strip() if public.exists() else ""
    if log is not None and not log.is_file():
        raise witness.WitnessUnreachable(str(log), said("没有该文件", "no such file"))
    named = witness.FileWitness(log) if log else witness.witness_of(settings.audit_witness, settings.audit_witness_key)
    return sealing.verify(session, own, settings.audit_head, named.read() if named is not None else None)


def _tell(settings: Settings) -> None:
    """Tell the witness; one that is away is told later, and that is said."""
    named = witness.witness_of(settings.audit_witness, settings.audit_witness_key)
    if named is None:
        return
    try:
        with database.session(settings.catalog_database) as session:
            witness.tell(session, named)
    except witness.WitnessUnreachable as error:
        typer.secho(said(error.message, error.message_en), fg="yellow", err=True)


def _show(found: sealing.Verification) -> None:
    for one in found.findings:
        typer.secho(f"#{one.sequence}  {said(one.message, one.message_en)}", fg="red")
    for act in found.accepted:
        count = len(act.faults)
        typer.echo(
            said(
                f"已登记 {count} 项（第 {act.sequence} 条，{act.actor}）：{act.reason}",
                f"On record: {count} (#{act.sequence}, {act.actor}): {act.reason}",
            )
        )
    word = said("链完整", "The chain is whole") if found.good else said("链已受损", "The chain is damaged")
    typer.echo(
        said(
            f"{word}：{found.records:,} 条，{found.seals} 次封存，封存至第 {found.last_sealed} 条，链头 {found.head[:16]}…",
            f"{word}: {found.records:,} records, {found.seals} seals up to {found.last_sealed}, head {found.head[:16]}…",
        )
    )
    if not found.good:
        typer.echo(
            said(
                "查明原因后可用 hub audit accept --reason 登记，之后不再报警",
                "Once looked into, put it on record with `hub audit accept --reason …`; it is no alarm from then on",
            )
        )


def _act(one: Accepted) -> dict[str, object]:
    return {"sequence": one.sequence, "at": one.at.isoformat(), "actor": one.actor, "reason": one.reason}
