"""`hub run`: the routes and models now, through Dagster, in this process; then a table of what came and what became of it."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from catalog import access
from catalog.audit import chain as audit
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen, styled
from warehouse.settings import Settings

if TYPE_CHECKING:
    from orchestration.execute import Built, Executed, Loaded

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
HEARD_SECONDS = 30.0
"""After a signal, a run that goes on for so long did not hear it."""


@app.command()
def run(
    job: Annotated[
        str,
        typer.Argument(help="request, buy, collect, models, refresh (all datasets in one run), maintenance, reconcile or all."),
    ] = "all",
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", "-d", help="Only this dataset or model; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take what departments, vendors and agencies have ready, check and load it, and build the models.

    `all` runs request, buy, collect and models. Every row received is accepted or quarantined, and the table shows it.
    """
    settings = Settings()
    _allow(settings, job, dataset or [])
    _end_with_terminal()
    from orchestration.execute import ALL, execute  # dagster takes two seconds to import

    done: list[Executed] = []
    with Screen(stderr=True).status("") as status:
        jobs = ALL if job == "all" else (job,)
        status.update(said(f"运行 {'、'.join(jobs)} …", f"Running {', '.join(jobs)} …"))
        for executed in execute(settings, jobs, datasets=dataset or []):
            done.append(executed)
            status.update(
                said(f"{executed.job} 已完成，{executed.seconds:.1f} 秒", f"{executed.job} done in {executed.seconds:.1f} s")
            )
    if as_json:
        typer.echo(json.dumps([asdict(executed) for executed in done], ensure_ascii=False))
    else:
        show(done)
    if not all(executed.success for executed in done):
        raise typer.Exit(1)


def _end_with_terminal() -> None:
    """A closed terminal (SIGHUP) and SIGTERM end the run as Ctrl-C does: what is under way ends on record, not in silence.

    What is raised where Python passes over it (a destructor, a callback) is lost: the signal is given again.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def end(number: int, _frame: object) -> None:
        main = threading.main_thread().ident or 0
        again = threading.Timer(HEARD_SECONDS, lambda: signal.pthread_kill(main, number))
        again.daemon = True
        again.start()
        raise KeyboardInterrupt

    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup hub run` goes on
            signal.signal(number, end)


def show(done: Sequence[Executed], console: Screen | None = None) -> None:
    """The table of datasets, that of models, and what stands in the way."""
    console = console or Screen()
    loaded = [(executed.job, one) for executed in done for one in executed.loaded]
    built = [one for executed in done for one in executed.built]
    if loaded:
        console.print(loaded_table(loaded))
    if built:
        console.print(built_table(built))
    if not loaded and not built:
        console.print(said("没有新的数据。", "Nothing new."))
    for executed in done:
        for problem in executed.problems:
            console.print(styled((executed.job, "red"), f" {problem}"))


def loaded_table(loaded: Sequence[tuple[str, Loaded]]) -> Table:
    """Datasets: received = accepted + quarantined, and the seconds of each step."""
    heads = [("途径", "route"), ("数据集", "dataset"), ("批次", "batches"), ("收到", "received"), ("= 通过", "= accepted")]
    heads += [("+ 隔离", "+ quarantined"), ("秒", "seconds"), ("各步骤", "steps")]
    table = Table(*(said(*head) for head in heads))
    for column in (2, 3, 4, 5, 6):
        table.columns[column].justify = "right"
    for job, one in loaded:
        table.add_row(
            one.route or job,
            said(f"{one.title} {one.dataset}", one.dataset),
            str(len(one.batches)),
            styled((f"{one.received:,}", "" if one.balanced else "red")),
            f"{one.accepted:,}",
            f"{one.quarantined:,}",
            f"{sum(one.seconds.values()):.2f}",
            " ".join(f"{step} {spent:.2f}" for step, spent in one.seconds.items() if spent >= 0.005),
        )
    totals = [sum(getattr(one, name) for _, one in loaded) for name in ("received", "accepted", "quarantined")]
    batches = sum(len(one.batches) for _, one in loaded)
    spent = sum(sum(one.seconds.values()) for _, one in loaded)
    table.add_section()
    table.add_row("", said("合计", "total"), str(batches), *(f"{total:,}" for total in totals), f"{spent:.2f}", "")
    return table


def built_table(built: Sequence[Built]) -> Table:
    """Models: rows, tests passed, seconds."""
    heads = (("模型", "model"), ("行", "rows"), ("检验通过", "tests passed"), ("秒", "seconds"))
    table = Table(*(said(*head) for head in heads))
    for column in (1, 2, 3):
        table.columns[column].justify = "right"
    for one in built:
        tests = f"{one.tests - one.failed}/{one.tests}"
        table.add_row(
            said(f"{one.title} {one.model}", one.model),
            f"{one.rows:,}",
            styled((tests, "red" if one.failed else "")),
            f"{one.seconds:.2f}",
        )
    return table


def _allow(settings: Settings, job: str, datasets: Sequence[str]) -> None:
    """Running jobs is a steward's or the operator's work, and on record."""
    with database.session(settings.catalog_database) as session:
        who = subject(session)
        decision = access.require(session, who, "manage-agreement", None)
        audit.record(
            session,
            actor=who.actor,
            organization_id=who.organization_id,
            action="jobs.run",
            object=f"job:{job}",
            policies=decision.policies,
            detail={"datasets": list(datasets)} | who.door,
        )
