"""A view as SQL: the permitted items, masked, of the permitted rows. Every read for people goes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import duckdb

from contracts.errors import HubError
from contracts.sql import identifier, literal
from contracts.view import Mask, View
from warehouse.serving import sql_rewrite
from warehouse.storage.connection import table

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
CONSTANTS = {"VARCHAR": ("VARCHAR",), "BIGINT": ("INTEGER", "BIGINT"), "INTEGER": ("INTEGER",), "BOOLEAN": ("BOOLEAN",)}
"""Types of constants that a column of a type is compared with as it is."""
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
        rows = connection.execute(f"DESCRIBE FROM {moment(library, dataset, snapshot)}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        raise TableMissing(f"{library}.{dataset}") from None
    except duckdb.InvalidInputException as error:
        raise SnapshotGone(f"{library}.{dataset}", snapshot) from error
    return {row[0]: row[1] for row in rows}


def moment(library: str, dataset: str, snapshot: int | None) -> str:
    """A lake table, as it is now or was at a snapshot."""
    return table(library, dataset) + (f" AT (VERSION => {int(snapshot)})" if snapshot is not None else "")


def select(
    view: View,
    types: Mapping[str, str],
    hidden: Sequence[str] = (),
    *,
    snapshot: int | None = None,
    rows: str | None = None,
) -> str:
    """SELECT of what the view permits: rows by its filter, items behind their masks.

    DuckDB may try what is put around it on rows before the filter has taken them away: only what cannot fail may be
    (checks.duckdb.total); anything else goes by `barrier`. Two levels keep the names apart. Items that an older version's table
    does not have are NULL. `hidden` columns are passed on for ordering only. `rows` are the same rows of the table
    at that snapshot, kept in another order (serving.ordered).
    """
    there = [name for name in view.items if name in types]
    if not there:
        raise ItemMissing(
            f"{view.library}.{view.dataset} 的这个版本没有您可见的信息项。",
            f"This version of {view.library}.{view.dataset} has none of the items you may see.",
        )
    _require_filter(view, types)
    shown = ", ".join(f"{_shown(view, name, types)} AS {identifier(name)}" for name in view.items)
    shown += "".join(f", permitted.{identifier(name)}" for name in hidden)
    seen = f", {_filter(view.row_filter, types)} AS __seen" if view.row_filter else ""
    inner = f"SELECT *{seen} FROM {rows or moment(view.library, view.dataset, snapshot)}"
    where = " WHERE permitted.__seen" if view.row_filter else ""
    return f"SELECT {shown} FROM ({inner}) AS permitted{where}"


def barrier(connection: duckdb.DuckDBPyConnection, name: str, permitted: str) -> str:
    """SELECT of the permitted rows, laid out in a table of the connection's own, with statistics of its own.

    No foreign expression passes it, nor what an optimiser knows of other rows: a condition is pushed into a CTE that is
    MATERIALIZED as well (DuckDB 1.5, cte_filter_pusher), so only a table is a barrier. It goes with the connection, costs a
    copy of the permitted rows (0.6 s for 300,000 of 3 M rows), and spills to disk beyond the connection's memory.
    """
    connection.execute(f"CREATE TEMP TABLE {identifier(name)} AS {permitted}")
    return f"SELECT * FROM temp.main.{identifier(name)}"


def _filter(condition: str, types: Mapping[str, str]) -> str:
    """The row filter, unknown where it has no value: that it failed on a row would tell of one that is hidden. Comparisons of
    a column with a constant of its own type have a value always; bare, they reach the files' statistics."""
    tree = sql_rewrite.parser().tree(f"SELECT {condition}")["statements"][0]["node"]["select_list"][0]
    return f"({condition})" if _sure(tree, {name.lower(): kind for name, kind in types.items()}) else f"TRY(({condition}))"


def _sure(node: Mapping[str, Any], types: Mapping[str, str]) -> bool:
    kind, children = node.get("class"), node.get("children") or []
    if kind == "CONJUNCTION" or node.get("type") in ("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"):
        return all(_sure(child, types) for child in children)
    if kind == "COLUMN_REF":
        return True
    sides = [node["left"], node["right"]] if kind == "COMPARISON" else children if node.get("type") == "COMPARE_IN" else []
    if not sides or sides[0].get("class") != "COLUMN_REF":
        return False
    column_kind = types.get(sides[0]["column_names"][-1].lower(), "")
    return all(
        one.get("class") == "CONSTANT" and one["value"]["type"]["id"] in CONSTANTS.get(column_kind, ()) for one in sides[1:]
    )


def _require_filter(view: View, types: Mapping[str, str]) -> None:
    """An older version may lack an item that the row filter asks for. Without it nobody can say which rows are permitted, and
    its name would be looked for in the tables around."""
    there = {name.lower() for name in types}
    missing = [name for name in named_by(view.row_filter) if name.lower() not in there] if view.row_filter else []
    if missing:
        listed = ", ".join(missing)
        raise ItemMissing(
            f"{view.library}.{view.dataset} 的这个版本没有您的行筛选所用的信息项 {listed}；请用较新的版本。",
            f"This version of {view.library}.{view.dataset} lacks {listed}, by which your rows are chosen; use a newer one.",
        )


@lru_cache(maxsize=1024)
def named_by(condition: str) -> tuple[str, ...]:
    """Columns that a condition names, as DuckDB reads it."""
    tree = sql_rewrite.parser().tree(f"SELECT {condition}")
    names = [node["column_names"][-1] for node in sql_rewrite.nodes(tree) if node.get("class") == "COLUMN_REF"]
    return tuple(dict.fromkeys(names))


def shown_type(mask: Mask | None, kind: str) -> str:
    """DuckDB type of a column after its mask."""
    return "VARCHAR" if mask is not None and mask.kind == "hash" else kind


def _shown(view: View, name: str, types: Mapping[str, str]) -> str:
    kind = types.get(name)
    if kind is None:
        return "NULL::VARCHAR"
    return masked_sql(f"permitted.{identifier(name)}", kind, view.masks.get(name), view.salt)


def masked_sql(column: str, kind: str, mask: Mask | None, salt: str) -> str:
    """A column behind its mask: NULL, the salted SHA-256 of its text, or cut short (a number rounded, a moment floored)."""
    if mask is None:
        return column
    if mask.kind == "null":
        return f"CAST(NULL AS {kind})"
    if mask.kind == "hash":
        return f"sha256({literal(salt)} || CAST({column} AS VARCHAR))"
    return _truncated(column, kind, mask.keep)


def _truncated(column: str, kind: str, keep: int) -> str:
    if kind == "VARCHAR":
        return f"left({column}, {max(keep, 0)})"
    if kind in ("DOUBLE", "FLOAT", *NUMBERS) or kind.startswith("DECIMAL"):
        return f"TRY_CAST(round({column}, {keep}) AS {kind})"
    if kind in MOMENTS:
        unit = "year" if keep <= 4 else "month" if keep <= 7 else "day"
        return f"CAST(date_trunc('{unit}', {column}) AS {kind})"
    return f"CAST(NULL AS {kind})"  # nothing sensible is left of a boolean or a time of day
