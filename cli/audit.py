"""`hub audit`: list, seal and verify the chain of records, and put on record what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog.audit import witness
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.screen import Screen
from contracts.clock import local
from hub import acts
from hub import audit as auditing
from hub.audit import AcceptAudit, ListAudit, Record, SealAudit, Verified, VerifyAudit
from hub.hub import Hub
from warehouse.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The audit chain: list, seal, verify.")
JSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Log = Annotated[
    Path | None,
    typer.Option("--witness", help="File with the seals that a witness kept (syslog's log); also HUB_AUDIT_WITNESS."),
]


@app.command("list")
def list_records(
    actor: Annotated[str, typer.Option(help="login, key:<prefix>, local:<user>, system:<job> or anonymous.")] = "",
    action: Annotated[str, typer.Option(help="e.g. release, recall, key.issue.")] = "",
    about: Annotated[str, typer.Option(help="e.g. enterprise_registration v3, person:li.na.")] = "",
    outcome: Annotated[str, typer.Option(help="done, allowed, refused or failed.")] = "",
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: JSON = False,
) -> None:
    """Records, newest first; looking is on record itself."""
    filters = {"actor": actor, "action": action, "object": about, "outcome": outcome, "since": since, "until": until}
    wanted: dict[str, Any] = {name: value for name, value in filters.items() if value}
    records = auditing.list_records(*acting(), acts.given(ListAudit, **wanted, limit=limit)).records
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in records], ensure_ascii=False))
        return
    _table(records)


def _table(records: list[Record]) -> None:
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
    for one in records:
        at = f"{local(one.at):%Y-%m-%d %H:%M:%S}"
        table.add_row(str(one.sequence), at, one.actor, one.action, one.object, one.outcome, ", ".join(one.policies))
    Screen().print(table)


@app.command()
def seal() -> None:
    """Sign the head of the chain now, append it to the file outside the database, and tell the witness."""
    hub, who = acting()
    new_seal = auditing.seal(hub, who, SealAudit())
    _tell(hub)
    if new_seal.last is None:
        typer.echo(said("没有新记录需要封存", "Nothing new to seal"))
    else:
        typer.echo(
            said(f"已封存至第 {new_seal.last} 条：{new_seal.head}", f"Sealed up to record {new_seal.last}: {new_seal.head}")
        )


@app.command()
def verify(witness_log: Log = None, as_json: JSON = False) -> None:
    """Read the whole chain, every seal and what the witness was told; say what was changed, removed or reordered, and where.

    Status 1 if anything was.
    """
    verified = auditing.verify(*acting(settings=_settings(witness_log)), VerifyAudit())
    if as_json:
        typer.echo(json.dumps(verified.model_dump(mode="json"), ensure_ascii=False))
    else:
        _show(verified)
    if not verified.good:
        raise typer.Exit(1)


@app.command()
def accept(
    reason: Annotated[str, typer.Option(help="What was found out: by whom, when, why the chain is so.")] = "",
    witness_log: Log = None,
) -> None:
    """Put the findings of a verification on record, with the reason: known from now on, shown as such, no alarm any more."""
    hub, who = acting(settings=_settings(witness_log))
    try:
        verified = auditing.accept(hub, who, acts.given(AcceptAudit, reason=reason))
    except auditing.NothingToAccept as nothing:
        typer.echo(said(nothing.message, nothing.message_en))
        return
    _tell(hub)
    last = verified.accepted[-1]
    typer.echo(
        said(
            f"{last.faults} 项问题已登记为第 {last.sequence} 条审计记录，并已封存",
            f"{last.faults} findings are on record as #{last.sequence}, and sealed",
        )
    )


def _settings(log: Path | None) -> Settings:
    """The settings, with a file as the witness where one is named."""
    settings = Settings()
    if log is None:
        return settings
    if not log.is_file():
        raise witness.WitnessUnreachable(str(log), said("没有该文件", "no such file"))
    return settings.model_copy(update={"audit_witness": str(log.resolve())})


def _tell(hub: Hub) -> None:
    """Tell the witness; one that is away is told later, and that is said."""
    try:
        auditing.tell_witness(hub)
    except witness.WitnessUnreachable as error:
        typer.secho(said(error.message, error.message_en), fg="yellow", err=True)


def _show(verified: Verified) -> None:
    for one in verified.findings:
        typer.secho(f"#{one.sequence}  {said(one.message, one.message_en)}", fg="red")
    for act in verified.accepted:
        typer.echo(
            said(
                f"已登记 {act.faults} 项（第 {act.sequence} 条，{act.actor}）：{act.reason}",
                f"On record: {act.faults} (#{act.sequence}, {act.actor}): {act.reason}",
            )
        )
    word = said("链完整", "The chain is whole") if verified.good else said("链已受损", "The chain is damaged")
    records, seals, last, head = verified.records, verified.seals, verified.last_sealed, verified.head[:16]
    typer.echo(
        said(
            f"{word}：{records:,} 条，{seals} 次封存，封存至第 {last} 条，链头 {head}…",
            f"{word}: {records:,} records, {seals} seals up to {last}, head {head}…",
        )
    )
    if not verified.good:
        typer.echo(
            said(
                "查明原因后可用 hub audit accept --reason 登记，之后不再报警",
                "Once looked into, put it on record with `hub audit accept --reason …`; it is no alarm from then on",
            )
        )
