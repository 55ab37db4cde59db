"""`hub lake`: what it holds, what every pinned version costs, and its upkeep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.releases import releases
from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, allowed, as_json, size, table
from cli.terminal.screen import Screen
from hub import acts, upkeep
from hub.upkeep import MaintainLake
from warehouse.settings import Settings

if TYPE_CHECKING:
    from warehouse.storage import maintenance

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="The lake: status and maintenance.")
PINS = (("快照", "Snapshot"), ("版本", "Versions"), ("占用", "Costs"), ("其中独占", "Alone"))


@app.command()
def status(key: Key = "", json: AsJson = False) -> None:
    """Tables with their files, and the bytes that each pinned version holds back from clean-up."""
    from warehouse.storage import maintenance  # here, for the start: tests/cli/test_start.py

    settings = Settings()
    allowed(settings, "see-operations", "", key)
    state = maintenance.status(settings, _pins(settings))
    if json:
        as_json(state)
        return
    columns = (("库", "Library"), ("表", "Table"), ("行", "Rows"), ("文件", "Files"), ("字节", "Bytes"))
    table(("表", "Tables"), columns, [[t.library, t.dataset, t.rows, t.files, size(t.bytes)] for t in state.tables])
    _show_pins(state.pins)
    typer.echo(
        said(
            f"快照 {state.snapshots} 个；湖 {size(state.lake_bytes)}，"
            f"落地区 {size(state.landing_bytes)}，临时 {size(state.scratch_bytes)}",
            f"{state.snapshots} snapshots; lake {size(state.lake_bytes)}, landing {size(state.landing_bytes)}, "
            f"scratch {size(state.scratch_bytes)}",
        )
    )


@app.command()
def maintain(
    keep_days: Annotated[float, typer.Option(min=0, help="Days for which every snapshot is kept, pinned or not.")] = 7,
    orphan_hours: Annotated[float, typer.Option(min=0, help="Age of files that no snapshot knows, before they go.")] = 24,
    grace_minutes: Annotated[float, typer.Option(min=0, help="Minutes that replaced files stay for running queries.")] = 60,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Merge small files, expire old snapshots, remove what nothing needs. A released version never expires."""
    request = acts.given(MaintainLake, keep_days=keep_days, orphan_hours=orphan_hours, grace_minutes=grace_minutes)
    hub, who = acting(key)
    with Screen(stderr=True).status(said("正在维护数据湖 …", "Maintaining the lake …")):
        report = upkeep.maintain(hub, who, request)
    if json:
        as_json(report.model_dump())
        return
    typer.echo(
        said(
            f"合并 {report.merged} 个文件，过期 {report.expired} 个快照，清除 {report.removed} 个文件，"
            f"腾出 {size(report.freed)}（{report.seconds:.1f} 秒）",
            f"{report.merged} files merged, {report.expired} snapshots expired, {report.removed} files removed, "
            f"{size(report.freed)} freed ({report.seconds:.1f} s)",
        )
    )
    _show_pins(report.pins)


def _pins(settings: Settings) -> dict[int, list[str]]:
    with database.session(settings.catalog_database) as session:
        return releases.pins(session)


def _show_pins(pins: Sequence[maintenance.Pin | upkeep.Pin]) -> None:
    lines = [[pin.snapshot, ", ".join(pin.versions), size(pin.bytes), size(pin.alone)] for pin in pins]
    table(("已发布版本占用的空间（不计现有数据）", "What released versions hold, beyond the present data"), PINS, lines)
