"""A view as SQL: the permitted items, masked, of the permitted rows. Every read for people goes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import duckdb

from contracts.errors import HubError
from contracts.view import Mask, View
from warehouse import gate
from warehouse.connection import literal, quote, table

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


class TableMissing(HubError):
    """The dataset has no table yet."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} 还没有数据表；先送入一批数据（hub onboard 或 hub run）。",
            f"{name} has no table yet; load a batch first (hub onboard or hub run).",
        )


class SnapshotGone(HubError):
    """The snapshot a version was pinned to is not in the lake any more."""

    def __init__(self, name: str, snapshot: int | None) -> None:
        super().__init__(
            f"{name} 的快照 {snapshot} 已不在数据湖中；请用较新的版本，并让管理员运行 hub doctor。",
            f"Snapshot {snapshot} of {name} is not in the lake any more; use a newer version, and have hub doctor run.",
        )


class ItemMissing(HubError):
    """The view names items that the table of that moment does not have."""


def columns(connection: duckdb.DuckDBPyConnection, library: str, dataset: str, snapshot: int | None = None) -> dict[str, str]:
    """Columns of a lake table with their DuckDB types, now or at a snapshot."""
    try:
        told = connection.execute(f"DESCRIBE FROM {moment(library, dataset, snapshot)}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        raise TableMissing(f"{library}.{dataset}") from None
    except duckdb.InvalidInputException as error:
        raise SnapshotGone(f"{library}.{dataset}", snapshot) from error
    return {row[0]: row[1] for row in told}


def moment(library: str, dataset: str, snapshot: int | None) -> str:
    """A lake table, as it is now or was at a snapshot."""
    return table(library, dataset) + (f" AT (VERSION => {int(snapshot)})" if snapshot is not None else "")


def select(
    view: View,
    types: Mapping[str, str],
    hidden: Sequence[str] = (),
    *,
    snapshot: int | None = None,
    guarded: bool = True,
) -> str:
    """SELECT of what the view permits.

    Guarded, as callers' own SQL needs it, values of rows outside the filter are NULL inside the projection as well: DuckDB may
    test a caller's condition before the filter, and the message of a failed cast there would quote a value of a hidden row.
    (Unguarded, conditions reach the files' statistics: one row of 500,000 by key in a third of the time.) Two levels keep the
    names apart. Items that an older version's table does not have are NULL. `hidden` columns are passed on for ordering only.
    """
    there = [name for name in view.items if name in types]
    if not there:
        raise ItemMissing(
            f"{view.library}.{view.dataset} 的这个版本没有您可见的信息项。",
            f"This version of {view.library}.{view.dataset} has none of the items you may see.",
        )
    _require_filter(view, types)
    shown = ", ".join(f"{_shown(view, name, types, guarded)} AS {quote(name)}" for name in view.items)
    shown += "".join(f", permitted.{quote(name)}" for name in hidden)
    seen = f", ({view.row_filter}) AS __seen" if view.row_filter else ""
    inner = f"SELECT *{seen} FROM {moment(view.library, view.dataset, snapshot)}"
    where = " WHERE permitted.__seen" if view.row_filter else ""
    return f"SELECT {shown} FROM ({inner}) AS permitted{where}"


def _require_filter(view: View, types: Mapping[str, str]) -> None:
    """An older version may lack an item that the row filter asks for. Without it nobody can say which rows are permitted, and
    its name would be looked for in the tables around."""
    there = {name.lower() for name in types}
    missing = [name for name in named_by(view.row_filter) if name.lower() not in there] if view.row_filter else []
    if missing:
        told = ", ".join(missing)
        raise ItemMissing(
            f"{view.library}.{view.dataset} 的这个版本没有您的行筛选所用的信息项 {told}；请用较新的版本。",
            f"This version of {view.library}.{view.dataset} lacks {told}, by which your rows are chosen; use a newer version.",
        )


@lru_cache(maxsize=1024)
def named_by(condition: str) -> tuple[str, ...]:
    """Columns that a condition names, as DuckDB reads it."""
    tree = gate.parser().tree(f"SELECT {condition}")
    found = [node["column_names"][-1] for node in gate.nodes(tree) if node.get("class") == "COLUMN_REF"]
    return tuple(dict.fromkeys(found))


def shown_type(mask: Mask | None, held: str) -> str:
    """DuckDB type of a column after its mask."""
    return "VARCHAR" if mask is not None and mask.kind == "hash" else held


def _shown(view: View, name: str, types: Mapping[str, str], guarded: bool) -> str:
    held = types.get(name)
    if held is None:
        return "NULL::VARCHAR"
    masked = masked_sql(f"permitted.{quote(name)}", held, view.masks.get(name), view.salt)
    return f"CASE WHEN permitted.__seen THEN {masked} END" if view.row_filter and guarded else masked


def masked_sql(column: str, held: str, mask: Mask | None, salt: str) -> str:
    """A column behind its mask: NULL, the salted SHA-256 of its text, or cut short (a number rounded, a moment floored)."""
    if mask is None:
        return column
    if mask.kind == "null":
        return f"CAST(NULL AS {held})"
    if mask.kind == "hash":
        return f"sha256({literal(salt)} || CAST({column} AS VARCHAR))"
    return _truncated(column, held, mask.keep)


def _truncated(column: str, held: str, keep: int) -> str:
    if held == "VARCHAR":
        return f"left({column}, {max(keep, 0)})"
    if held in ("DOUBLE", "FLOAT", *NUMBERS) or held.startswith("DECIMAL"):
        return f"CAST(round({column}, {keep}) AS {held})"
    if held in MOMENTS:
        unit = "year" if keep <= 4 else "month" if keep <= 7 else "day"
        return f"CAST(date_trunc('{unit}', {column}) AS {held})"
    return f"CAST(NULL AS {held})"  # nothing sensible is left of a boolean or a time of day
