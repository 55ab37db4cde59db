"""`hub backup`, `hub restore`: catalogue, lake and landing together, while the hub is serving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.store import database
from cli.terminal.identity import acting
from cli.terminal.language import said
from cli.terminal.output import AsJson, Key, allowed, as_json, on_record, size
from cli.terminal.screen import Screen
from hub import upkeep
from hub.upkeep import BackUp
from warehouse.settings import Settings


def backup(
    folder: Annotated[Path, typer.Argument(help="Folder for backups; each is a folder of its own in it, named by its time.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy files even where the same disk would allow links.")] = False,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """Take a backup of everything, consistent, while the hub is serving; only loads wait.

    On the same disk files of lake and landing are linked, not copied: quick, but no help when the disk fails.
    """
    settings = Settings().model_copy(update={"backups": str(folder.resolve())})
    hub, who = acting(key, settings)
    with Screen(stderr=True).status(said("正在备份 …", "Taking a backup …")):
        taken = upkeep.backup(hub, who, BackUp(copy_files=copy))
    if json:
        as_json(taken.model_dump())
        return
    typer.echo(
        said(
            f"{taken.path}：湖文件 {taken.lake_files} 个、落地文件 {taken.landing_files} 个，"
            f"共 {size(taken.bytes)}，{taken.seconds:.1f} 秒",
            f"{taken.path}: {taken.lake_files} lake files, {taken.landing_files} landed files, "
            f"{size(taken.bytes)}, {taken.seconds:.1f} s",
        )
    )


def restore(
    source: Annotated[Path, typer.Argument(help="A backup: the folder named by its time.")],
    json: AsJson = False,
) -> None:
    """Bring a backup into an empty HUB_HOME, verify every file of it, and put that on record.

    **Example:** `HUB_HOME=/srv/hui hub restore /backup/20260311T020000.000000Z`
    """
    from warehouse.storage import backup as backups  # here, for the start: tests/cli/test_start.py

    settings = Settings()
    with Screen(stderr=True).status(said("正在恢复并校验 …", "Restoring and verifying …")):
        restored = backups.restore(settings, source.resolve())
    database.migrate(settings.catalog_database)
    who, policies = allowed(settings, "administer")
    on_record(settings, who, "restore", str(source), policies, {"taken_at": restored.taken_at, "snapshot": restored.snapshot})
    if json:
        as_json(restored)
    else:
        typer.echo(
            said(
                f"已恢复 {restored.taken_at[:19]} 的备份到 {settings.root}，全部文件已校验。",
                f"The backup of {restored.taken_at[:19]} is restored to {settings.root}; every file is verified.",
            )
        )
