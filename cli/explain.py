"""`hub explain`: which rules of its item a value meets, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from cli.terminal.language import said
from cli.terminal.screen import Screen

if TYPE_CHECKING:
    from hub.explain import ExplainedValue

STATES = {
    "met": ("符合", "met"),
    "broken": ("不符", "broken"),
    "skipped": ("无值可查", "no value to judge"),
    "row": ("须看整行", "needs the row"),
    "table": ("须看全部记录", "needs the whole table"),
    "delivery": ("须看整批", "needs the delivery"),
}


def explain(
    value: Annotated[str, typer.Argument(help="The text of the cell; after -- where it begins with a dash.")],
    item: Annotated[str, typer.Option("--item", help="dataset.item, or the item's name or title beside --resource.")],
    resource: Annotated[str, typer.Option("--resource", help="The dataset.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how a value is read, which rules of its item it meets, which it breaks and why. Status 1 if it breaks one.

    **Example:** `hub explain 91110108551385082C --item enterprise_registration.credit_code`
    """
    from cli.terminal.identity import acting
    from hub import acts
    from hub import explain as explaining

    dataset, _, name = (resource, "", item) if resource else item.partition(".")
    request = acts.given(explaining.ExplainValue, resource=dataset, item=name, value=value)
    explained = explaining.explain(*acting(), request)
    if as_json:
        typer.echo(explained.model_dump_json())
    else:
        _print(explained)
    if not explained.accepted:
        raise typer.Exit(1)


def _print(explained: ExplainedValue) -> None:
    typer.echo(
        said(f"{explained.title}（{explained.item}）：", f"{explained.title_en} ({explained.item}): ") + _read(explained)
    )
    table = Table(*(said(*head) for head in (("规则", "rule"), ("结果", "result"), ("说明", "what it says"))))
    for rule in explained.rules:
        table.add_row(said(rule.title, rule.title_en), said(*STATES[rule.state]), said(rule.message, rule.message_en))
    Screen().print(table)


def _read(explained: ExplainedValue) -> str:
    if not explained.filled:
        return said("没有值", "no value")
    if explained.guarded:
        return said("受保护，不显示", "guarded, not shown")
    if explained.read is None:
        return said(f"读不出值；应为{explained.expects}", f"not readable; it must be {explained.expects_en}")
    return said(f"读作 {explained.read}", f"read as {explained.read}")
