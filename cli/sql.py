"""`hub sql`: ask as an analyst."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

import typer
from sqlmodel import Session

from catalog import access
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.identity.people import Subject
from catalog.releases import releases
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from contracts import numbers
from contracts.view import View
from warehouse.serving import pages as query
from warehouse.settings import Settings

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

    **Example:** `hub sql "SELECT level, count(*) FROM resource.major_hazard GROUP BY level" --json`
    """
    settings = Settings()
    text = sys.stdin.read() if question == "-" else question
    try:
        named = query.tables(text)
    except query.QueryRefused:
        _note_refusal(settings, key, purpose, text)
        raise
    views, snapshots = _views(settings, named, key, purpose, text)
    answer = query.ask(settings, text, views, limit=limit, seconds=seconds, snapshots=snapshots)
    names = answer.schema.names
    if as_json:
        _print_json(answer, names)
    else:
        _print_table(answer, names)


def _views(
    settings: Settings, named: frozenset[query.Name], key: str, purpose: str, text: str
) -> tuple[dict[query.Name, View], dict[query.Name, int]]:
    """Decide on every table named, and leave one record of the question, refused or not.

    Those who work in the hub, and providers, ask the tables as they are now; partners the newest version in force.
    """
    refused: access.Refused | None = None
    views: dict[query.Name, View] = {}
    snapshots: dict[query.Name, int] = {}
    policies: set[str] = set()
    with database.session(settings.catalog_database) as session:
        who = subject(session, key)
        try:
            for library, dataset in sorted(named):
                found = _decided(session, who, library, dataset, purpose)
                if found is not None and found[0].view is not None:
                    decision, snapshot = found
                    views[(library, dataset)] = found[0].view
                    policies |= set(decision.policies)
                    if snapshot is not None:
                        snapshots[(library, dataset)] = snapshot
        except access.Refused as error:
            refused, policies = error, set(error.decision.policies)
        audit.record(
            session,
            actor=who.actor,
            organization_id=who.organization_id,
            action="query",
            object=", ".join(".".join(name) for name in sorted(named)),
            purpose=purpose,
            outcome="refused" if refused or views.keys() < named else "allowed",
            policies=sorted(policies),
            detail={"sql": text[:2000]},
        )
    if refused:
        refused.on_record = True
        raise refused
    return views, snapshots


def _note_refusal(settings: Settings, key: str, purpose: str, text: str) -> None:
    """What the gate refuses is on record too: whoever tries to read files through a question has tried it."""
    with database.session(settings.catalog_database) as session:
        who = subject(session, key)
        audit.record(
            session,
            actor=who.actor,
            organization_id=who.organization_id,
            action="query",
            purpose=purpose,
            outcome="refused",
            detail={"sql": text[:2000]},
        )


def _decided(
    session: Session, who: Subject, library: str, dataset: str, purpose: str
) -> tuple[access.Decision, int | None] | None:
    """The decision on a table, and the snapshot to read (None: now); None where there is no such resource."""
    try:
        resource = resources.get(session, dataset)
    except resources.UnknownResource:
        return None
    if str(resource.library) != library or not access.may(session, who, "read-metadata", resource):
        return None  # a name that is hidden from the caller is as one that is not there
    now = access.decide(session, who, "query", resource, purpose=purpose, unreleased=True)
    if now.allowed:
        return now, None
    decision = access.require(session, who, "query", resource, purpose=purpose)
    return decision, releases.get(session, resource).snapshot


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
        told: list[dict[str, Any]] = batch.to_pylist()
    except OverflowError:
        raise query.QueryInvalid(
            "结果中有公元 1 年至 9999 年之外的日期；请用 CAST(… AS VARCHAR) 输出。",
            "The answer has dates outside the years 1 to 9999; tell them by CAST(… AS VARCHAR).",
        ) from None
    except ValueError:
        raise query.QueryInvalid(
            "结果中有重名的列或字段；请用 AS 命名。", "The answer has columns or fields of the same name; name them with AS."
        ) from None
    return told


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
