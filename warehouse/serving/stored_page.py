"""A page of the serving store: values as it keeps them, shown under a view; Arrow or JSON where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from warehouse.serving import json_rows


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a page: its DuckDB type in the store ("": an older version's table has no such item), its type in Arrow,
    and what a mask makes of a value."""

    kind: str
    form: pa.DataType
    make: Callable[[Any], Any] | None = None

    def shown(self, values: Sequence[Any] | None, count: int) -> Sequence[Any]:
        """Values as the view shows them, still as the store has them."""
        if values is None:
            return [None] * count
        make = self.make
        return values if make is None else [None if value is None else make(value) for value in values]

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Shown values as Arrow has them."""
        if self.kind == "BOOLEAN":
            values = [None if value is None else bool(value) for value in values]
        elif self.kind.startswith("DECIMAL"):
            values = [None if value is None else Decimal(value) for value in values]
        return pa.array(values, self.form)


@dataclass(frozen=True, slots=True)
class StoredPage:
    """Rows of one page of a store (`warehouse.serving.pages.Page`)."""

    names: tuple[str, ...]
    columns: Sequence[Column]
    values: Sequence[Sequence[Any]]
    """Column by column, as the view shows them."""
    count: int
    after: tuple[Any, ...] | None
    """The last row's key where there are more."""

    @property
    def table(self) -> pa.Table:
        """The rows as Arrow has them."""
        arrays = [column.array(values) for column, values in zip(self.columns, self.values, strict=True)]
        return pa.Table.from_arrays(arrays, names=list(self.names))

    def lines(self) -> list[str]:
        """Each row as a JSON object."""
        pairs = zip(self.columns, self.values, strict=True)
        return json_rows.of_store(self.names, [json_rows.column_of_store(c.kind, values, c.form) for c, values in pairs])
