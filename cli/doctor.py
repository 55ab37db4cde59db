"""`hub doctor`: what is wrong with this installation, and how to put it right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from catalog.overview.health import Finding
from catalog.store import database
from cli.terminal import context, credentials
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import as_json as print_json
from cli.terminal.screen import Screen, styled
from hub import doctor as examining
from hub.doctor import Health
from warehouse.settings import Settings


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at versions, extensions, locks, disk, clock, migrations, batches, calendar, code lists and audit.

    Status 1 where something is bad; a warning is worth a look.
    """
    result = _looked(Settings())
    if as_json:
        print_json([one.model_dump() for one in result.findings])
    else:
        _print(result)
    if result.bad:
        raise typer.Exit(1)


def _looked(settings: Settings) -> Health:
    """On record as any act; a look alone where the catalogue takes no record, or nobody may act without a key."""
    keyless = not context.key.get() and credentials.kept(settings.root) is None
    if not _ready(settings) or (keyless and not settings.local_acts):
        return examining.health_of(list(examine(settings)))
    return examining.examined(*acting(), MORE)


def _ready(settings: Settings) -> bool:
    """Whether the catalogue is there and up to date."""
    try:
        return settings.root.is_dir() and database.current(settings.catalog_database) == database.newest()
    except Exception:  # a damaged one is a finding, not an end
        return False


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check of the hub, and those that only the machine can make: its runs, its watched folders."""
    return examining.examine(settings, MORE)


def runs_finding(settings: Settings) -> Finding:
    """Every run in progress has a living process."""
    if not (settings.root / "dagster" / "history").is_dir():
        return Finding("runs", "good", "尚无运行", "nothing has run yet")
    from orchestration import owners  # dagster takes two seconds to import
    from orchestration.execute import instance

    with instance(settings) as opened:
        left = [run.run_id[:8] for run in owners.orphans(opened)]
    if not left:
        return Finding("runs", "good", "运行中的任务均有进程", "every run in progress has its process")
    return Finding(
        "runs",
        "bad",
        f"{len(left)} 个运行无人执行，队列受阻：{'、'.join(left)}",
        f"{len(left)} runs that nobody runs hold up the queue: {', '.join(left)}",
        "启动 hub work（一分钟内自动结束它们），或运行 hub run reconcile",
        "start `hub work` (it ends them within a minute), or run `hub run reconcile`",
    )


def folders_finding(settings: Settings) -> Finding:
    """Nothing lies in a watched folder that will never be taken."""
    if database.current(settings.catalog_database) != database.newest():
        return Finding("folders", "good", "尚无监视文件夹", "no folder is watched yet")
    from hub import sources
    from hub.hub import open_hub
    from orchestration.collect import passed_over

    hub = open_hub(settings)
    left = passed_over(hub, sources.in_force(hub))
    if not left:
        return Finding("folders", "good", "监视文件夹中没有不会收取的文件", "nothing in a watched folder is passed over")
    path, why, why_en = left[0]
    return Finding(
        "folders",
        "warning",
        f"监视文件夹中有 {len(left)} 项不会收取：{path} {why}",
        f"{len(left)} things in watched folders are passed over: {path} {why_en}",
        "移走，或按约定命名、重新放入",
        "take them away, or put them there again as agreed",
    )


MORE = (runs_finding, folders_finding)
_MARKS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red")}


def _print(result: Health) -> None:
    console = Screen(soft_wrap=True)
    for one in result.findings:
        console.print(styled(_MARKS[one.state], " ", (f"{one.name:<11}", "bold"), f" {said(one.message, one.message_en)}"))
        if one.remedy or one.remedy_en:
            console.print(f"  {'':<11} → {said(one.remedy, one.remedy_en)}", style="cyan")
    count, bad, warned = len(result.findings), result.bad, result.warnings
    console.print(said(f"{count} 项检查，{bad} 项有误，{warned} 项提示", f"{count} checks, {bad} bad, {warned} warnings"))
