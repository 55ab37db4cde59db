"""Why rows were quarantined, and the rows themselves with the cells at fault framed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.portal.shell.page import Page
from catalog.deliveries.batches import Batch
from contracts.checks.compile import Check, unreadable
from contracts.checks.compile import compile as checks_of
from contracts.model import Contract, Item
from warehouse.ingest import quarantine
from warehouse.ingest.quarantine import QuarantinedRow, RowFault
from warehouse.storage.connection import LakeMissing

COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that rows broke: how many, one value as received, what to do."""

    rule: str
    item: str
    heading: str
    title: str
    rows: int
    value: str | None
    message: str
    percent: float
    """Of the most frequent reason, for its bar."""


@dataclass(frozen=True, slots=True)
class QuarantinedCell:
    """One value as received, and why it was refused (empty where it was not): (in short, in full)."""

    header: str
    value: str
    reasons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A quarantined row: its cells, what concerns the row as a whole, or its raw line."""

    row: int
    cells: Sequence[QuarantinedCell]
    whole: tuple[tuple[str, str], ...]
    line: str | None


@dataclass(frozen=True, slots=True)
class FaultTable:
    """A page of quarantined rows: the headers shown, how many were left out, and the rows."""

    headers: Sequence[str] = ()
    hidden: int = 0
    rows: Sequence[FaultRow] = ()
    total: int = 0
    missing: bool = field(default=False)
    """The lake cannot be read now."""


def reasons(page: Page, contract: Contract, batch: Batch) -> list[Reason]:
    """The batch's faults in words, most rows first."""
    at = 0 if page.language == "zh" else 1
    checks = {(check.rule, check.item): check for check in checks_of(contract)}
    most = max((fault["rows"] for fault in batch.faults), default=1)
    return [_reason(contract, checks, fault, at, most) for fault in batch.faults]


def _reason(
    contract: Contract, checks: Mapping[tuple[str, str], Check], fault: Mapping[str, Any], at: int, most: int
) -> Reason:
    check = checks.get((fault["rule"], fault["item"])) or next(
        (known for (rule, _), known in checks.items() if rule == fault["rule"]), None
    )
    message = (fault["message"], fault["message_en"])[at]
    heading = check.heading[at] if check else unreadable(fault["rule"]).heading[at]
    item = next((one for one in contract.items if one.name == fault["item"]), None)
    title = _title(item, at) if item else ""
    percent = round(100 * fault["rows"] / most, 1)
    return Reason(fault["rule"], fault["item"], heading, title, fault["rows"], fault["value"], message, percent)


def rule_names(page: Page, contract: Contract | None) -> dict[tuple[str, str], str]:
    """What each rule asks, by rule and item; by the rule alone under an empty item."""
    at = 0 if page.language == "zh" else 1
    names: dict[tuple[str, str], str] = {}
    for check in checks_of(contract) if contract else ():
        names[check.rule, check.item] = check.name[at]
        names.setdefault((check.rule, ""), check.name[at])
    return names


def _title(item: Item, at: int) -> str:
    return (item.title_en if at else "") or item.title


def table(
    page: Page, contract: Contract, batch: Batch, rule: str, item: str, number: int, size: int, *, whole: bool = False
) -> FaultTable:
    """One page of quarantined rows, in the file's order, the columns at fault first."""
    chosen = {"rule": rule or None, "item": item or None}
    try:
        found = quarantine.rows(page.settings, batch.id, limit=size, offset=(number - 1) * size, **chosen)
    except LakeMissing:
        return FaultTable(missing=True)
    total = batch.quarantined
    if rule or item:
        wanted = [f for f in batch.faults if (not rule or f["rule"] == rule) and (not item or f["item"] == item)]
        total = min(sum(f["rows"] for f in wanted), batch.quarantined)
    at = 0 if page.language == "zh" else 1
    headers = headers_of(contract, list(dict.fromkeys(header for row in found for header in row.values)), found)
    shown = headers if whole else headers[:COLUMNS]
    rows = [_row(contract, one, shown, at) for one in found]
    return FaultTable(shown, len(headers) - len(shown), rows, total)


def headers_of(contract: Contract, headers: Sequence[str], rows: Sequence[QuarantinedRow]) -> list[str]:
    """Every header of the rows: keys first, then those at fault, then the others as they stand in the file."""
    keys = [header_of(contract, name, headers) for name in contract.key]
    at_fault = [header_of(contract, item, headers) for row in rows for item in items_at_fault(contract, row)]
    first = [header for header in dict.fromkeys([*keys, *at_fault]) if header]
    return [*first, *(header for header in headers if header not in first)]


def items_at_fault(contract: Contract, row: QuarantinedRow) -> list[str]:
    """The items that the broken rules of a row read: a rule over several of them names each."""
    checks = {(check.rule, check.item): check for check in checks_of(contract)}
    broken = [(fault.item, checks.get((fault.rule, fault.item))) for fault in row.faults]
    items = [item for item, check in broken for item in (item, *(check.items if check else ()))]
    keys = contract.key if any(fault.rule == "key" for fault in row.faults) else ()
    return list(dict.fromkeys([*items, *keys]))


def header_of(contract: Contract, name: str, headers: Sequence[str]) -> str:
    """The header under which an item stands in this file; empty where it has none."""
    item = next((one for one in contract.items if one.name == name), None)
    if item is None:
        return ""
    names = {text.strip().lower() for text in (item.title, item.name, item.title_en, *item.source) if text}
    return next((header for header in headers if header.strip().lower() in names), "")


def _row(contract: Contract, row: QuarantinedRow, headers: Sequence[str], at: int) -> FaultRow:
    by_header: dict[str, list[tuple[str, str]]] = {}
    whole: list[tuple[str, str]] = []
    checks = {check.rule: check for check in checks_of(contract)}
    for fault in row.faults:
        header = header_of(contract, fault.item, list(row.values))
        (by_header.setdefault(header, []) if header in headers else whole).append(_said(checks, fault, at))
    cells = [QuarantinedCell(header, row.values.get(header) or "", tuple(by_header.get(header, ()))) for header in headers]
    return FaultRow(row.row, cells, tuple(dict.fromkeys(whole)), row.line)


def _said(checks: Mapping[str, Check], fault: RowFault, at: int) -> tuple[str, str]:
    check = checks.get(fault.rule) or unreadable(fault.rule)
    return check.heading[at], (fault.message, fault.message_en)[at]
