"""Conditions and masks of a view over the serving store (SQLite), or None where only DuckDB can say the same.

It is small on purpose: items compared with constants of their own type, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT, over values
that order alike in both engines. Whatever is not listed is asked of the lake, where a condition is whole. So the store never
answers what the lake would answer otherwise (property test in tests/warehouse/serving/test_store.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp

from contracts.checks import expressions
from contracts.model import Item
from contracts.sql import identifier
from contracts.view import Mask

MOMENT = "TIMESTAMP WITH TIME ZONE"
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
EXACT = 2**53
"""Whole numbers below it are the same as DOUBLE."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNS: dict[type[Any], str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}

Condition = tuple[str, list[Any]]
"""SQL with its parameters."""


class _Elsewhere(Exception):
    """Only the lake can say it."""


def condition(text: str, items: Sequence[Item], types: Mapping[str, str]) -> Condition | None:
    """A condition in the language of `contracts.checks.expressions` over columns of these DuckDB types."""
    values: list[Any] = []
    try:
        return _boolean(expressions.parse(text, items).tree, types, values), values
    except (_Elsewhere, expressions.InvalidExpression):
        return None


def masked(mask: Mask, kind: str, salt: str) -> Callable[[Any], Any] | None:
    """What a mask makes of a value of the store that is not NULL; None where only DuckDB knows."""
    if mask.kind == "null":
        return lambda _: None
    if mask.kind == "hash":
        if kind == "VARCHAR" or kind in WHOLE:
            return lambda value: hashlib.sha256(f"{salt}{value}".encode()).hexdigest()
        return None
    if kind == "VARCHAR":
        return lambda value: value[: max(mask.keep, 0)]
    if kind == "DOUBLE" and mask.keep >= 0:
        return lambda value: _rounded(value, 10.0**mask.keep)
    return None


def _rounded(value: float, power: float) -> float:
    """As DuckDB rounds: away from zero at the half, and what is too large for it stays as it is."""
    scaled = value * power
    if math.isinf(scaled) or math.isnan(scaled):
        return value
    floor = math.floor(abs(scaled))
    whole = float(floor + 1 if abs(scaled) - floor >= 0.5 else floor)
    return math.copysign(whole, scaled) / power


def _boolean(node: Any, types: Mapping[str, str], values: list[Any]) -> str:
    if isinstance(node, exp.Paren):
        return f"({_boolean(node.this, types, values)})"
    if isinstance(node, exp.And | exp.Or):
        word = "AND" if isinstance(node, exp.And) else "OR"
        return f"({_boolean(node.left, types, values)} {word} {_boolean(node.right, types, values)})"
    if isinstance(node, exp.Not):
        return f"(NOT {_boolean(node.this, types, values)})"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return f"({_column(node.this, types)[0]} IS NULL)"
    if type(node) in _SIGNS:
        name, kind = _column(node.left, types)
        values.append(_value(node.right, kind))
        return f"({name} {_SIGNS[type(node)]} ?)"
    if isinstance(node, exp.Between):
        name, kind = _column(node.this, types)
        values += [_value(node.args["low"], kind), _value(node.args["high"], kind)]
        return f"({name} BETWEEN ? AND ?)"
    if isinstance(node, exp.In):
        name, kind = _column(node.this, types)
        values += [_value(one, kind) for one in node.expressions]
        return f"({name} IN ({', '.join('?' * len(node.expressions))}))"
    if isinstance(node, exp.Like) and isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name:
        name, kind = _column(node.this, types)
        if kind == "VARCHAR":
            values.append(node.expression.name)
            return f"({name} LIKE ?)"
    raise _Elsewhere


def _column(node: Any, types: Mapping[str, str]) -> tuple[str, str]:
    if isinstance(node, exp.Column) and node.name in types:
        return identifier(node.name), types[node.name]
    raise _Elsewhere


def _value(node: Any, kind: str) -> Any:
    if isinstance(node, exp.Literal) and node.is_string and kind == "VARCHAR" and "\0" not in node.name:
        return node.name
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        if kind == "DATE" and node.to.this.name == "DATE":
            return day(date.fromisoformat(node.this.name))
        if kind == MOMENT and node.to.this.name == "TIMESTAMPTZ":
            return moment(datetime.fromisoformat(node.this.name))
    negative = isinstance(node, exp.Neg)
    number = node.this if negative else node
    if isinstance(number, exp.Literal) and not number.is_string and (kind in WHOLE or kind == "DOUBLE"):
        return _number(number.name, negative, kind)
    raise _Elsewhere


def _number(text: str, negative: bool, kind: str) -> Any:
    try:
        number = -Decimal(text) if negative else Decimal(text)
    except InvalidOperation:
        raise _Elsewhere from None
    if abs(number) >= EXACT or Decimal(float(number)) != number:
        raise _Elsewhere  # another DOUBLE for one engine than for the other, perhaps
    if kind == "DOUBLE":
        return float(number)
    if number != int(number):
        raise _Elsewhere
    return int(number)


def day(value: date) -> int:
    """A day as the store has it: since 1970."""
    return (value - EPOCH.date()).days


def moment(value: datetime) -> int:
    """A moment as the store has it: microseconds since 1970."""
    span = value - EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
