"""预览: the first rows of a dataset under the reader's view. Masking happens in the warehouse, never here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from api.portal.catalogue.items import why
from api.portal.shell.page import Page
from api.portal.wording.formats import number
from catalog import access
from catalog.access import Decision, use
from catalog.audit import chain as audit
from catalog.entries.resources import Resource
from contracts.clock import local
from contracts.model import Item, Type
from contracts.packs.manifest import Level
from warehouse.serving import pages as query
from warehouse.serving.view_sql import TableMissing
from warehouse.storage.connection import LakeMissing

ROWS = 20


@dataclass(frozen=True, slots=True)
class PreviewColumn:
    """One column shown: its item, and why its values are not whole (empty where they are)."""

    item: Item
    why: str
    number: bool
    levels: Mapping[str, Level] = field(default_factory=dict)
    """Where its values are the levels of a scale that a pack shows in colours: each level by its value."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows as this reader may see them."""

    columns: Sequence[PreviewColumn] = ()
    rows: Sequence[Sequence[str]] = ()
    hidden: int = 0
    """Items of the contract that the view leaves out."""
    row_filter: str = ""
    own: bool = False
    """Only the rows that the reader's organization sent."""
    version: int = 0
    """The released version they are of; 0: the table as it is now."""
    empty: bool = False
    """There is no table yet."""


def look(session: Session, page: Page, resource: Resource) -> tuple[Decision, Seen | None]:
    """The decision and the first rows, by the way that the API takes: of the newest version in force. On record either way."""
    try:
        asked = use.newest(session, page.subject, resource, "preview")
    except access.Refused as refusal:
        _on_record(session, page, resource, refusal.decision, "refused", {"path": page.request.url.path})
        return refusal.decision, None
    return asked.decision, _seen(session, page, resource, asked)


def _seen(session: Session, page: Page, resource: Resource, asked: use.Reading) -> Seen:
    decision, contract, view = asked.decision, asked.contract, asked.view
    try:
        table = query.rows(page.settings, contract, view, limit=ROWS, snapshot=asked.snapshot)
    except (LakeMissing, TableMissing):
        return Seen(empty=True)
    columns = [column_of(page, item, decision) for item in contract.items if item.name in view.items]
    columns.sort(key=lambda column: 0 if column.item.key else 1 if column.levels else 2)  # what the data is about, in sight
    told = [[text(row[column.item.name], column) for column in columns] for row in table.to_pylist()]
    version = asked.release.version if asked.release else 0
    detail = {"rows": len(told), "items": [column.item.name for column in columns], "version": version or use.CURRENT}
    _on_record(session, page, resource, decision, "allowed", detail)
    hidden, own = len(contract.items) - len(columns), view.reason.startswith("sender:")
    return Seen(columns, told, hidden, "" if own else view.row_filter, own, version, not told)


def column_of(page: Page, item: Item, decision: Decision) -> PreviewColumn:
    """A column under a decision."""
    closed = _why(page, item, decision)
    return PreviewColumn(item, closed, _numeric(item), {} if closed else page.domain.levels(item))


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
    if mask is None:
        return ""
    closed = decision.closed.get(item.name, ())
    return " ".join([why(page.language, item, mask), *closed])


def _numeric(item: Item) -> bool:
    return item.type in (Type.NUMBER, Type.INTEGER)


def text(value: Any, column: PreviewColumn) -> str:
    """A value as pages write it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return local(value).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else str(value)
    if isinstance(value, date | bool | str):
        return str(value)
    return number(value) if column.item.type is Type.INTEGER else f"{value:.10g}" if isinstance(value, float) else str(value)
