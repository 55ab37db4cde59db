"""预览: the first rows of a dataset under the reader's view. Masking happens in the warehouse, never here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from api.portal.formats import number
from api.portal.frame import Page
from api.portal.item_rows import why
from catalog import audit
from catalog.access import Decision
from catalog.resources import Resource
from contracts.clock import local
from contracts.model import Contract, Item, Type
from warehouse import query
from warehouse.connection import LakeMissing
from warehouse.permitted import TableMissing

ROWS = 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column shown: its item, and why its values are not whole (empty where they are)."""

    item: Item
    why: str
    number: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows as this reader may see them."""

    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[str]] = ()
    hidden: int = 0
    """Items of the contract that the view leaves out."""
    row_filter: str = ""
    empty: bool = False
    """There is no table yet."""


def look(session: Session, page: Page, resource: Resource, contract: Contract | None, decision: Decision) -> Seen | None:
    """The first rows, on record; None where the decision was no, on record too."""
    view = decision.view
    if contract is None:
        return None
    if not decision.allowed or view is None:
        _on_record(session, page, resource, decision, "refused", {"path": page.request.url.path})
        return None
    try:
        table = query.rows(page.settings, contract, view, limit=ROWS)
    except (LakeMissing, TableMissing):
        return Seen(empty=True)
    columns = [column_of(page, item, decision) for item in contract.items if item.name in view.items]
    told = [[text(row[column.item.name], column) for column in columns] for row in table.to_pylist()]
    detail = {"rows": len(told), "items": [column.item.name for column in columns]}
    _on_record(session, page, resource, decision, "allowed", detail)
    return Seen(columns, told, len(contract.items) - len(columns), view.row_filter, not told)


def column_of(page: Page, item: Item, decision: Decision) -> Column:
    """A column under a decision."""
    return Column(item, _why(page, item, decision), _numeric(item))


def _on_record(
    session: Session, page: Page, resource: Resource, decision: Decision, outcome: str, detail: dict[str, Any]
) -> None:
    audit.record(
        session,
        actor=page.subject.actor,
        organization_id=page.subject.organization_id,
        action="preview",
        object=f"resource:{resource.name}",
        purpose=decision.purpose,
        outcome=outcome,
        policies=decision.policies,
        detail=detail,
    )


def _why(page: Page, item: Item, decision: Decision) -> str:
    mask = decision.view.masks.get(item.name) if decision.view else None
    return why(page.language, item, mask) if mask else ""


def _numeric(item: Item) -> bool:
    return item.type in (Type.NUMBER, Type.INTEGER)


def text(value: Any, column: Column) -> str:
    """A value as pages write it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return local(value).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else str(value)
    if isinstance(value, date | bool | str):
        return str(value)
    return number(value) if column.item.type is Type.INTEGER else f"{value:.10g}" if isinstance(value, float) else str(value)
