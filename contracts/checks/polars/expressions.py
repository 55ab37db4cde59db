"""The small expression language in polars, with SQL's unknown: null in, null out, and AND/OR in three values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time

import polars as pl
from sqlglot import exp

from contracts.checks.expressions import Expression, Node, arguments

_SECONDS = {"DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1, "WEEK": 604800}


def polars(expression: Expression, column: Callable[[str], pl.Expr] = pl.col) -> pl.Expr:
    """The expression over typed columns, null where it is unknown."""
    return _make(expression.tree, column)


def _make(node: Node, column: Callable[[str], pl.Expr]) -> pl.Expr:
    def of(part: Node) -> pl.Expr:
        return _make(part, column)

    if isinstance(node, exp.Paren):
        return of(node.this)
    if isinstance(node, exp.Column):
        named = column(node.name)
        return named.cast(pl.Float64) if node.meta.get("double") else named
    if isinstance(node, exp.Literal):
        return pl.lit(node.name) if node.is_string else _number(node)
    if isinstance(node, exp.Boolean):
        return pl.lit(bool(node.this))
    if isinstance(node, exp.Null):
        return pl.lit(None)
    if isinstance(node, exp.Cast):
        return _moment(node)
    if type(node) in _BINARY:
        return _BINARY[type(node)](of(node.args["this"]), of(node.args["expression"]))
    return _rest(node, of)


def _number(node: Node) -> pl.Expr:
    whole = node.name.isdigit() and len(node.name) < 19 and not node.meta.get("double")
    return pl.lit(int(node.name)) if whole else pl.lit(float(node.name))


def _moment(node: exp.Cast) -> pl.Expr:
    text, kind = node.this.name, node.to.this.name
    if kind == "DATE":
        return pl.lit(date.fromisoformat(text))
    if kind == "TIME":
        return pl.lit(time.fromisoformat(text))
    return pl.lit(datetime.fromisoformat(text)).cast(pl.Datetime("us", "UTC"))


_BINARY: dict[type[Node], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    exp.And: lambda a, b: a & b,
    exp.Or: lambda a, b: a | b,
    exp.EQ: lambda a, b: a == b,
    exp.NEQ: lambda a, b: a != b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
    exp.StartsWith: lambda a, b: a.str.starts_with(b),
    exp.EndsWith: lambda a, b: a.str.ends_with(b),
    exp.Contains: lambda a, b: a.str.contains(b, literal=True),
    exp.Mul: lambda a, b: a.cast(pl.Float64) * b.cast(pl.Float64),
    exp.Div: lambda a, b: pl.when(b.cast(pl.Float64) != 0).then(a.cast(pl.Float64) / b.cast(pl.Float64)).otherwise(None),
}


def _rest(node: Node, of: Callable[[Node], pl.Expr]) -> pl.Expr:
    if isinstance(node, exp.Add | exp.Sub):
        return _sum(node, of)
    if isinstance(node, exp.Not):
        return of(node.this).not_()
    if isinstance(node, exp.Neg):
        return -of(node.this)
    if isinstance(node, exp.Is):
        return of(node.this).is_null()
    if isinstance(node, exp.Between):
        value = of(node.this)
        return (value >= of(node.args["low"])) & (value <= of(node.args["high"]))
    if isinstance(node, exp.In):
        value = of(node.this)
        return pl.any_horizontal(*(value == of(v) for v in node.expressions))
    if isinstance(node, exp.Like):
        matched = of(node.this).str.contains(_like(node.expression.name))
        return matched.not_() if node.args.get("negate") else matched
    if isinstance(node, exp.Case):
        return _case(node, of)
    if isinstance(node, exp.Coalesce):
        return pl.coalesce(*(of(n) for n in (node.this, *node.expressions)))
    return _call(node, of)


def _sum(node: Node, of: Callable[[Node], pl.Expr]) -> pl.Expr:
    left, right = node.args["this"], node.args["expression"]
    sign = 1 if isinstance(node, exp.Add) else -1
    if isinstance(right, exp.Interval):
        unit = right.args["unit"].name.upper().removesuffix("S")
        return of(left) + pl.duration(seconds=sign * int(right.this.name) * _SECONDS[unit])
    kind = node.meta.get("kind")
    if kind == "days":
        return (of(left) - of(right)).dt.total_days()
    if kind == "date":
        return of(left) + pl.duration(days=sign * int(right.name))
    a, b = of(left).cast(pl.Float64), of(right).cast(pl.Float64)
    return a + b if sign > 0 else a - b


def _like(pattern: str) -> str:
    regex = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) if c.isascii() else c for c in pattern)
    return f"(?s)^{regex}$"


def _case(node: exp.Case, of: Callable[[Node], pl.Expr]) -> pl.Expr:
    default = node.args.get("default")
    result = of(default) if default is not None else pl.lit(None)
    for branch in reversed(node.args["ifs"]):
        result = pl.when(of(branch.this)).then(of(branch.args["true"])).otherwise(result)
    return result


def _call(node: Node, of: Callable[[Node], pl.Expr]) -> pl.Expr:
    first, *rest = arguments(node)
    value = of(first)
    numbers = [int(r.name) for r in rest if isinstance(r, exp.Literal) and not r.is_string]
    if isinstance(node, exp.Length):
        return value.str.len_chars().cast(pl.Int64)
    if isinstance(node, exp.Lower):
        return value.str.to_lowercase()
    if isinstance(node, exp.Upper):
        return value.str.to_uppercase()
    if isinstance(node, exp.Abs):
        return value.cast(pl.Float64).abs()
    if isinstance(node, exp.Left):
        return value.str.head(numbers[0])
    if isinstance(node, exp.Right):
        return value.str.tail(numbers[0])
    start = max(numbers[0] - 1, 0)
    return value.str.slice(start, numbers[1] if len(numbers) > 1 else None)
