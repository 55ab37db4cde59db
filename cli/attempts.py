"""`hub attempts`: every look at a channel, what came of it and why."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.acquisition import channels
from catalog.store import database
from cli.terminal.language import language, said
from cli.terminal.output import AsJson, Key, allowed, as_json, table
from contracts.clock import local
from warehouse.settings import Settings

OUTCOMES = {"taken": ("已收取", "taken"), "nothing": ("无新数据", "nothing new"), "failed": ("失败", "failed")}


def attempts(
    dataset: Annotated[str, typer.Argument(help="Only this dataset.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    key: Key = "",
    json: AsJson = False,
) -> None:
    """List what came of each look at an agreement's channel, newest first."""
    settings = Settings()
    allowed(settings, "see-attempts", "", key)
    with database.session(settings.catalog_database) as session:
        listed = channels.listed(session, dataset=dataset, outcome=channels.FAILED if failed else "", limit=limit)
    if json:
        as_json([one.model_dump(mode="json") for one in listed])
        return
    columns = (
        ("时间", "When"),
        ("协议", "Agreement"),
        ("数据集", "Dataset"),
        ("结果", "Outcome"),
        ("批次与原因", "Batches, reason"),
    )
    lines = [
        [
            f"{local(one.at):%Y-%m-%d %H:%M}",
            one.agreement_id,
            one.dataset,
            said(*OUTCOMES.get(one.outcome, (one.outcome, one.outcome))),
            " ".join([*one.batches, one.reason if language() == "zh" else one.reason_en]).strip(),
        ]
        for one in listed
    ]
    table(("通道收取记录", "Attempts on channels"), columns, lines)
