"""What the polars expression of a rule is made with: typed columns beside the texts, the lists, the moment of receipt."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from contracts.checks import expressions
from contracts.checks.polars import expressions as frame_expressions
from contracts.checks.polars import values as frame_values
from contracts.model import Codes, Contract, Item

TYPED = "_typed:"
"""Prefix of the typed column beside each text column."""


@dataclass(frozen=True, slots=True)
class FrameContext:
    """Rules as polars expressions over the text columns and the typed ones beside them."""

    contract: Contract
    lookups: Codes
    now: datetime

    def columns(self, items: Collection[str]) -> list[pl.Expr]:
        """The typed columns of some items, in the contract's order."""
        return [
            frame_values.typed(i, pl.col(i.name)).cast(frame_values.data_type(i)).alias(TYPED + i.name)
            for i in self.contract.items
            if i.name in items
        ]

    def value(self, item: Item) -> pl.Expr:
        """The typed value; null where there is none, or it is not of the type."""
        return value(item.name)

    def text(self, item: Item) -> pl.Expr:
        """The trimmed text; null where there is no value."""
        return frame_values.text(item, pl.col(item.name))

    def texts(self, item: Item) -> pl.Expr:
        """The typed value as text, to be looked up in a list."""
        return self.value(item).cast(pl.String)

    def constant(self, item: Item, value: Any) -> pl.Expr:
        """A value of the item's own type."""
        return pl.lit(value).cast(frame_values.data_type(item))

    def each(self, item: Item, at_fault: Callable[[str], bool]) -> pl.Expr:
        """A Python function over each value; null stays null."""
        return self.value(item).map_elements(at_fault, return_dtype=pl.Boolean, skip_nulls=True)

    def referenced(self, item: Item) -> Collection[object]:
        """The values of the item that this one refers to."""
        values: Collection[object] = getattr(self.lookups, "references", {})[item.references]
        return values

    def expression(self, text: str) -> pl.Expr:
        """A row rule's expression."""
        return frame_expressions.polars(expressions.parse(text, self.contract.items), value)


def value(name: str) -> pl.Expr:
    """The typed column of an item."""
    return pl.col(TYPED + name)
