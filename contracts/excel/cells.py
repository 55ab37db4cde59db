"""How one item's column behaves in Excel: format, width, drop-down, validation."""

from __future__ import annotations

from datetime import date
from typing import Any

from contracts.checks.formats.coordinate import Coordinate, bounds
from contracts.checks.rules.presence import expects
from contracts.model import Item, Type


def list_name(item: Item) -> str | None:
    """The list behind an item's drop-down: a code list, or the item's own values under its name."""
    if item.values:
        return f"={item.name}"
    if item.code_list:
        return item.code_list
    return item.format.choices if item.format else None


def kind(item: Item) -> str:
    """The cell format: codes are text, so that leading zeros survive; so is what Excel would take for a date."""
    if item.type is Type.INTEGER and not item.code_list and not item.values:
        return "integer"
    if item.type is Type.NUMBER:
        return "number"
    return "date" if item.type is Type.DATE and not item.formats else "text"


def width(item: Item) -> int:
    """Characters that the column is wide."""
    wide = sum(2 if ord(c) > 0x2E7F else 1 for c in item.title) + 4
    usual = {Type.DATE: 12, Type.TIMESTAMP: 20, Type.STRING: min(max(item.max_length or 14, 12), 30)}.get(item.type, 10)
    return max(wide, usual, _fixed(item) + 2)


def validation(item: Item, values: str | None, rules: str) -> dict[str, Any] | None:
    """What Excel itself refuses while people type. `values` is the range of the drop-down."""
    criteria = _asked(item, values)
    if criteria is None:
        return None
    zh, en = expects(item)
    return {
        **criteria,
        "ignore_blank": True,
        "input_title": item.title[:32],
        "input_message": rules.split("\n\n")[0][:255] or None,
        "error_title": "请核对"[:32],
        "error_message": f"“{item.title}”：{rules.split(chr(10))[0]}（{zh} / {en}）"[:255],
        "error_type": "stop",
    }


def _asked(item: Item, values: str | None) -> dict[str, Any] | None:
    if values is not None:
        return {"validate": "list", "source": values}
    if item.type is Type.BOOLEAN:
        return {"validate": "list", "source": ["是", "否"]}
    if isinstance(item.format, Coordinate):
        low, high = bounds(item)
        return {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high}
    if item.type is Type.INTEGER:
        return _between("integer", _whole(item.minimum, -(10**12)), _whole(item.maximum, 10**12))
    if item.type is Type.NUMBER:
        return _between("decimal", float(item.minimum or -1e15), float(item.maximum or 1e15))
    if item.type is Type.DATE and not item.formats:
        return _between("date", _day(item.minimum, date(1900, 1, 2)), _day(item.maximum, date(2199, 12, 31)))
    return _length(item)


def _fixed(item: Item) -> int:
    """Characters that every value of the item's format has; 0 where it does not say."""
    return (item.format.length or 0) if item.format else 0


def _between(what: str, low: Any, high: Any) -> dict[str, Any]:
    return {"validate": what, "criteria": "between", "minimum": low, "maximum": high}


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None else default


def _day(text: str | None, default: date) -> Any:
    """A bound that Excel can hold: its calendar begins in 1900; today is today on the machine of whoever fills it in."""
    if text in ("today", "now"):
        return "=TODAY()"
    day = date.fromisoformat(text) if text else default
    return max(day, date(1900, 1, 2))


def _length(item: Item) -> dict[str, Any] | None:
    if length := _fixed(item):
        return {"validate": "length", "criteria": "==", "value": length}
    if item.max_length is None and item.min_length is None:
        return None
    return _between("length", item.min_length or 0, item.max_length or 32767)
