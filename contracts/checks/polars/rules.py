"""Single checks as polars expressions over typed columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal

import polars as pl

from contracts.checks import code_lists, datetimes, expressions, regex
from contracts.checks.compile import Check, bounds
from contracts.checks.formats import registry as formats
from contracts.checks.polars import expressions as frame_expressions
from contracts.checks.polars import values as frame_values
from contracts.model import Contract, Format, Item, Type

TYPED = "_typed:"
"""Prefix of the typed column beside each text column."""


class Rules:
    """Makes the expression of each check of a contract: true where a row breaks it, never null."""

    def __init__(self, contract: Contract, lookups: code_lists.Codes, now: datetime) -> None:
        self.contract, self.lookups, self.now = contract, lookups, now

    def values(self, check: Check) -> list[pl.Expr]:
        """The typed columns that a check reads, beside the text columns."""
        names = {*check.items, *(i.name for i in (check.of, check.pair) if i)}
        return [
            frame_values.typed(i, pl.col(i.name)).cast(frame_values.data_type(i)).alias(TYPED + i.name)
            for i in self.contract.items
            if i.name in names
        ]

    def fault(self, check: Check) -> pl.Expr:
        """True where the row breaks the check. Stands over the text columns and `values`."""
        if check.row_rule is not None:
            rule = expressions.parse(check.row_rule.expression, self.contract.items)
            return frame_expressions.polars(rule, value).not_().fill_null(False)
        item = check.of
        assert item is not None  # noqa: S101 - every check of a row that is not a rule has its item
        told = frame_values.text(item, pl.col(item.name))
        if check.rule == "required":
            return told.is_null()
        if check.rule == "type":
            return told.is_not_null() & value(item.name).is_null()
        if check.rule in ("longitude", "latitude", "swapped"):
            return self._coordinate(check).fill_null(False)
        return self._value(check, item, value(item.name)).fill_null(False)

    def _value(self, check: Check, item: Item, x: pl.Expr) -> pl.Expr:
        match check.rule:
            case "length":
                size = x.str.len_chars()
                low = size < item.min_length if item.min_length is not None else pl.lit(False)
                return low | (size > item.max_length) if item.max_length is not None else low
            case "pattern":
                return x.str.contains(regex.whole(item.pattern or "")).not_()
            case "minimum" | "maximum":
                return self._bound(check, item, x)
            case "multiple":
                return x % item.multiple_of != 0
            case "values":
                allowed: list[object] = [int(v) for v in item.values] if item.type is Type.INTEGER else list(item.values)
                return _member(x, allowed).not_()
            case "code-list":
                return _member(x.cast(pl.String), code_lists.fetch(self.lookups, item.code_list or "")).not_()
            case "reference":
                held = getattr(self.lookups, "references", {})[item.references]
                return _member(x.cast(pl.String), held).not_()
        return _wrong(x, self._format(item))

    def _format(self, item: Item) -> Callable[[str], object]:
        if item.format is Format.DIVISION:
            spelled = formats.division_spellings(code_lists.fetch(self.lookups, code_lists.DIVISIONS))
            return lambda text: formats.division(text, spelled)
        if item.format is Format.IDENTITY_NUMBER:
            past = code_lists.optional(self.lookups, code_lists.PAST_DIVISIONS)
            regions = formats.Regions(code_lists.fetch(self.lookups, code_lists.DIVISIONS), past)
            return lambda text: formats.identity_number(text, regions)
        return formats.credit_code if item.format is Format.CREDIT_CODE else formats.mobile

    def _bound(self, check: Check, item: Item, x: pl.Expr) -> pl.Expr:
        low = check.rule == "minimum"
        text = (item.minimum if low else item.maximum) or ""
        strict = item.exclusive_minimum if low else item.exclusive_maximum
        if item.type in (Type.INTEGER, Type.NUMBER):
            number = int(text) if item.type is Type.INTEGER else Decimal(text) if item.precision else float(text)
            limit = pl.lit(number).cast(frame_values.data_type(item))
        else:
            told, strict = datetimes.bound(item, text, self.now, low=low, strict=strict)
            limit = pl.lit(told).cast(frame_values.data_type(item))
        if low:
            return x <= limit if strict else x < limit
        return x >= limit if strict else x > limit

    def _coordinate(self, check: Check) -> pl.Expr:
        item, other = check.of, check.pair
        assert item is not None  # noqa: S101
        x = value(item.name)
        outside = ~x.is_between(*bounds(item))
        if other is None:
            return outside
        y = value(other.name)
        apart = outside | ~y.is_between(*bounds(other))
        exchanged = apart & x.is_between(*bounds(other)) & y.is_between(*bounds(item))
        return exchanged if check.rule == "swapped" else outside & ~exchanged.fill_null(False)


def value(name: str) -> pl.Expr:
    """The typed column of an item."""
    return pl.col(TYPED + name)


def _member(x: pl.Expr, allowed: Collection[object]) -> pl.Expr:
    return x.is_in(list(allowed))


def _wrong(x: pl.Expr, explain: Callable[[str], object]) -> pl.Expr:
    return x.map_elements(lambda text: explain(text) is not None, return_dtype=pl.Boolean, skip_nulls=True)
