"""`hub --help`: the manual's first page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from cli.terminal.language import said
from cli.terminal.screen import Screen, styled


def manual(verbs: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    """Print what the hub is, its verbs by purpose, and what to try first."""
    console = Screen()
    console.print(
        styled(
            ("hub", "bold"),
            said(
                " — Hui 汇：政务数据的获取、检查、入库、编目与共享",
                " — Hui 汇: get data, check it, keep it, catalogue it, share it",
            ),
        )
    )
    console.print(said("用法：hub [--as 密钥] 命令 …", "Usage: hub [--as KEY] VERB …"))
    for (chinese, english), group in verbs.items():
        console.print(f"\n{said(chinese, english)}", style="bold")
        table = Table.grid(padding=(0, 2))
        table.add_column(style="cyan", min_width=10)
        for name, verb in group.items():
            table.add_row(f"  {name}", said(verb.chinese, verb.english))
        console.print(table)
    console.print(
        said(
            '\n先试：hub onboard 文件.csv   hub sql "SELECT * FROM resource.…"   hub serve\n'
            "hub 命令 --help 说明每个命令。状态在 HUB_HOME（默认 ./var）；语言由 HUB_LANG 或 LANG 决定；\n"
            "hub login 后以本人身份办理；未登录也未用 --as 时走本机应急通道 local:<用户>，\n"
            "记录在案（HUB_LOCAL_ACTS=off 关闭）。",
            '\nFirst: hub onboard FILE.csv   hub sql "SELECT * FROM resource.…"   hub serve\n'
            "hub VERB --help tells more. State is in HUB_HOME (default ./var); the language follows HUB_LANG or LANG;\n"
            "after `hub login` you act as yourself; without it and without --as by the emergency door, as local:<user>,\n"
            "on record (HUB_LOCAL_ACTS=off closes it).",
        ),
    )
