"""`hub sql`: ask as an analyst."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

import typer

from cli.terminal.identity import acting
from cli.terminal.language import said
from contracts import numbers
from hub import questions
from warehouse.serving import pages as query

PREVIEW = 200
"""Rows of the printed table; --json prints them all."""


def sql(
    question: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="One SELECT over resource.…, theme.… and topic.… tables; - reads it from the pipe."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print an array of row objects.")] = False,
    key: Annotated[str, typer.Option("--as", metavar="KEY", help="Ask with the rights of this key.")] = "",
    purpose: Annotated[str, typer.Option(help="What the data is used for; kept in the audit record.")] = "",
    limit: Annotated[int, typer.Option(help="Most rows to answer with.", min=1)] = query.ROWS,
    seconds: Annotated[float, typer.Option(help="Stop after so many seconds.", min=0.1)] = 60.0,
) -> None:
    """Ask the lake by SQL, under your rights: joins, windows and subqueries are fine, changes are not.

    **Example:** `hub sql "SELECT status, count(*) FROM resource.enterprise_registration GROUP BY status" --json`
    """
    text = sys.stdin.read() if question == "-" else question
    hub, who = acting(key)
    allowed = questions.permitted(hub, who, text, purpose)
    answer = query.ask(hub.settings, text, allowed.views, limit=limit, seconds=seconds, snapshots=allowed.snapshots)
    names = answer.schema.names
    if as_json:
        _print_json(answer, names)
    else:
        _print_table(answer, names)


def _print_json(answer: Any, names: list[str]) -> None:
    out = sys.stdout
    out.write("[")
    first = True
    for batch in answer:
        for row in _rows(batch):
            out.write("\n " if first else ",\n ")
            out.write("{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {_value(row[name])}" for name in names) + "}")
            first = False
    out.write("]\n" if first else "\n]\n")


def _value(value: Any) -> str:
    """A value as JSON; a decimal with all its digits."""
    return numbers.written(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False, default=_plain)


def _rows(batch: Any) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError) as error:
        raise questions.unreadable(error) from None
    return rows


def _plain(value: Any) -> Any:
    """Dates as ISO text, decimals inside lists as numbers or text, bytes as hex."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return numbers.held(value)
    return value.hex() if isinstance(value, bytes) else str(value)


def _print_table(answer: Any, names: list[str]) -> None:
    from rich.table import Table

    from cli.terminal.screen import Screen

    table = Table(show_edge=False, header_style="bold")
    for field in answer.schema:
        table.add_column(
            field.name, justify="right" if str(field.type).startswith(("int", "uint", "double", "decimal")) else "left"
        )
    count = 0
    for batch in answer:
        for row in _rows(batch):
            count += 1
            if count <= PREVIEW:
                table.add_row(*["" if row[name] is None else str(row[name]) for name in names])
    console = Screen()
    console.print(table)
    shown = (
        said(f"，显示前 {PREVIEW} 行（--json 输出全部）", f", the first {PREVIEW} shown (--json prints all)")
        if count > PREVIEW
        else ""
    )
    console.print(said(f"{count:,} 行{shown}", f"{count:,} {'row' if count == 1 else 'rows'}{shown}"), style="dim")
