"""`hub jobs`: long acts that were asked for at the API or in the portal; list, follow and cancel them."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from cli.terminal.identity import acting
from cli.terminal.language import language, said
from cli.terminal.output import AsJson, Key, as_json, table
from contracts.clock import local
from contracts.progress import STEPS
from hub import acts
from hub import jobs as acting_on
from hub.jobs import CancelJob, JobState
from hub.named import named

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Long acts: list, show, cancel.")
Number = Annotated[str, typer.Argument(metavar="JOB", help="Its number, from `hub jobs list`.")]
STATES = {
    "queued": ("排队中", "queued"),
    "running": ("办理中", "running"),
    "done": ("已完成", "done"),
    "failed": ("未办成", "failed"),
    "cancelled": ("已取消", "cancelled"),
}
LOOK_SECONDS = 0.5


@app.command("list")
def listing(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many, newest first.")] = 50,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """List one's own jobs, newest first; administrators see everybody's."""
    hub, who = acting(key)
    listed = acting_on.listed(hub, who, limit=limit)
    if json:
        as_json([one.model_dump(mode="json") for one in listed])
        return
    columns = (("编号", "Job"), ("事项", "Act"), ("对象", "About"), ("状态", "State"), ("提交人", "By"), ("时间", "When"))
    lines = [
        [one.id, said(*named(one.act).title), one.about, _state(one), one.caller, f"{local(one.created_at):%Y-%m-%d %H:%M}"]
        for one in listed
    ]
    table(("任务", "Jobs"), columns, lines)


@app.command()
def show(
    job: Number,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until it is over.")] = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Show one job: how far it is, what came of it, why it failed."""
    hub, who = acting(key)
    current = acting_on.seen(hub, who, job)
    while follow and not current.over:
        typer.echo(_state(current), err=True)
        time.sleep(LOOK_SECONDS)
        current = acting_on.seen(hub, who, job)
    if json:
        as_json(current.model_dump(mode="json"))
        return
    typer.echo(f"{said(*named(current.act).title)} {current.about}: {_state(current)}")
    if current.problem is not None:
        typer.echo(current.problem["message" if language() == "zh" else "message_en"])
    if current.result is not None:
        as_json(current.result)


@app.command()
def cancel(job: Number, key: Key = "") -> None:
    """Cancel a job: one that waits is not begun, one that runs is stopped within seconds."""
    hub, who = acting(key)
    ended = acting_on.cancel(hub, who, acts.given(CancelJob, job=job))
    typer.echo(said(f"任务 {job}：{_state(ended)}", f"Job {job}: {_state(ended)}"))


def _state(job: JobState) -> str:
    step = said(*STEPS[job.step]) if job.step else ""
    rows = f"{job.rows:,} {said('行', 'rows')}" if job.rows is not None and not job.over else ""
    return " ".join(filter(None, (said(*STATES[job.state]), step, rows)))
