"""What the verbs of batches, releases and the lake share: a right asked first, a record left after, a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from catalog import access
from catalog.audit import chain as audit
from catalog.entries import resources
from catalog.identity.people import Subject
from catalog.store import database
from cli.terminal.identity import subject
from cli.terminal.language import said
from cli.terminal.screen import Screen
from warehouse.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Key = Annotated[str, typer.Option("--as", metavar="KEY", help="Act with the rights of this key.")]
UNITS = ("B", "KB", "MB", "GB", "TB")


def allowed(settings: Settings, action: str, resource: str = "", key: str = "") -> tuple[Subject, tuple[str, ...]]:
    """The subject of this command and the policies that let it; Refused otherwise. Ends its transaction before long work."""
    with database.session(settings.catalog_database) as session:
        who = subject(session, key)
        entry = resources.get(session, resource) if resource else None
        return who, access.require(session, who, action, entry).policies


def on_record(
    settings: Settings,
    who: Subject,
    action: str,
    object: str,
    policies: Sequence[str],
    detail: Mapping[str, Any],
    purpose: str = "",
) -> None:
    """One line in the audit chain."""
    with database.session(settings.catalog_database) as session:
        audit.record(
            session,
            actor=who.actor,
            organization_id=who.organization_id,
            action=action,
            object=object,
            purpose=purpose,
            policies=policies,
            detail=dict(detail) | who.door,
        )


def as_json(value: Any) -> None:
    """Print records as JSON."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))


def plain(told: Any) -> Any:
    """Records as JSON holds them."""
    if is_dataclass(told) and not isinstance(told, type):
        return plain(asdict(told))
    if isinstance(told, Mapping):
        return {str(name): plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [plain(value) for value in told]
    if isinstance(told, datetime | date):
        return told.isoformat()
    return told


def table(title: tuple[str, str], columns: Sequence[tuple[str, str]], lines: Sequence[Sequence[Any]]) -> None:
    """Print a table; numbers stand to the right."""
    drawn = Table(title=said(*title), title_justify="left")
    for place, names in enumerate(columns):
        numbers = bool(lines) and all(isinstance(line[place], int | float) for line in lines)
        drawn.add_column(said(*names), justify="right" if numbers else "left", overflow="fold", no_wrap=place < 2)
    for line in lines:
        drawn.add_row(*(f"{cell:,}" if isinstance(cell, int) else str("" if cell is None else cell) for cell in line))
    Screen().print(drawn)


def size(count: int) -> str:
    """Bytes as people read them."""
    number = float(count)
    for unit in UNITS:
        if number < 1024 or unit == UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return str(count)
