"""Governed reading: pages of one dataset, and analysts' questions, both only through views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from contracts.model import Contract, Type
from contracts.sql import identifier
from contracts.view import View
from warehouse.serving import json_rows, ordered, sql_rewrite, store, store_maker, view_sql
from warehouse.serving.query_workers import in_worker
from warehouse.serving.sandbox import sandbox, time_limit
from warehouse.serving.sql_rewrite import Name, QueryInvalid, QueryRefused
from warehouse.serving.view_sql import columns, shown_type
from warehouse.settings import Settings
from warehouse.storage.connection import reader

SECONDS = 30.0
"""How long one question may run."""
ROWS = 100_000
"""Most rows a question returns unless it is told otherwise."""
BATCH = 10_000
PROVENANCE = ("_batch", "_row")
"""Columns that tell any two rows of a table apart; they order pages where the view shows no key, and are never shown."""


class Page(Protocol):
    """Rows of one page, of the lake or of a serving store."""

    @property
    def count(self) -> int:
        """Rows."""

    @property
    def after(self) -> tuple[Any, ...] | None:
        """Where the next one begins (None: this is the last); may hold values that the view hides: sealed it leaves the hub."""

    @property
    def table(self) -> pa.Table:
        """The rows as Arrow has them."""

    def lines(self) -> list[str]:
        """Each row as a JSON object."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are an Arrow table."""

    table: pa.Table
    after: tuple[Any, ...] | None = None

    @property
    def count(self) -> int:
        """Rows."""
        return int(self.table.num_rows)

    def lines(self) -> list[str]:
        """Each row as a JSON object."""
        return json_rows.of_table(self.table)


@dataclass(frozen=True, slots=True)
class Order:
    """One column of an order; nulls come last either way."""

    item: str
    descending: bool = False
    nullable: bool = True

    @property
    def column(self) -> str:
        """The column as SQL."""
        return f"seen.{identifier(self.item)}"


def rows(
    settings: Settings,
    contract: Contract,
    view: View,
    *,
    select: Sequence[str] = (),
    where: str = "",
    order: Sequence[str] = (),
    after: Sequence[Any] | None = None,
    limit: int = 1000,
    snapshot: int | None = None,
    equals: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Rows of a dataset under a view: some items, a condition, an order ("-item" descends), at most `limit`."""
    return page(
        settings,
        contract,
        view,
        choose=select,
        where=where,
        order=order,
        after=after,
        limit=limit,
        snapshot=snapshot,
        equals=equals,
    ).table


def page(
    settings: Settings,
    contract: Contract,
    view: View,
    *,
    choose: Sequence[str] = (),
    where: str = "",
    order: Sequence[str] = (),
    after: Sequence[Any] | None = None,
    limit: int = 1000,
    snapshot: int | None = None,
    equals: Mapping[str, Any] | None = None,
    seconds: float = SECONDS,
) -> Page:
    """One page, by keyset: the next page begins after the last row's values, however far in it is.

    Conditions and orders see masked values only. QueryInvalid for an item that the view does not show. A version that has its
    serving store is asked there, if it can answer alike; else the lake.
    """
    chosen = list(choose) or list(view.items)
    _known(view, [*chosen, *(name.removeprefix("-") for name in order), *(equals or {})])
    if snapshot is not None and list(order) in ([], list(contract.key)):
        served = store.page(
            settings, contract, view, choose=chosen, where=where, after=after, limit=limit, snapshot=snapshot, equals=equals
        )
        if served is not None:
            return served
        store_maker.want(settings, view.library, view.dataset, snapshot, contract.key)
    return lake_page(
        settings,
        contract,
        view,
        chosen,
        where=where,
        order=order,
        after=after,
        limit=limit,
        snapshot=snapshot,
        equals=equals,
        seconds=seconds,
    )


@in_worker
def lake_page(
    settings: Settings,
    contract: Contract,
    view: View,
    chosen: Sequence[str],
    *,
    where: str = "",
    order: Sequence[str] = (),
    after: Sequence[Any] | None = None,
    limit: int = 1000,
    snapshot: int | None = None,
    equals: Mapping[str, Any] | None = None,
    seconds: float = SECONDS,
) -> Rows:
    """One page of the lake."""
    with reader(settings) as connection, time_limit(connection, seconds):
        connection.execute("BEGIN")  # one look at the lake's metadata for both statements; ends with the cursor
        types = columns(connection, view.library, view.dataset, snapshot)
        sorting = _sorting(contract, view, order, types)
        by_key = [(one.item, one.descending) for one in sorting] == [(name, False) for name in contract.key]
        in_order = ordered.source(settings, view.library, view.dataset, snapshot) if by_key or equals else None
        if in_order and by_key:
            sorting = [replace(one, nullable=False) for one in sorting]  # a copy has no row without its whole key
        shown = {name: shown_type(view.masks.get(name), kind) for name, kind in types.items()}
        conditions = [_condition(contract, view, where, shown)] if where.strip() else []
        parameters: list[Any] = []
        for name, value in (equals or {}).items():
            kind = shown.get(name, "VARCHAR")
            conditions.append(f"seen.{identifier(name)} = CAST(? AS {kind})")
            parameters.append(_value(connection, value, kind))
        if after is not None:
            beyond, values = _beyond(connection, sorting, after, shown)
            conditions.append(beyond)
            parameters += values
        sql = _page_sql(_source(view, types, sorting, snapshot, in_order), chosen, sorting, conditions, limit + 1)
        table = _fetched(connection, sql, parameters)
    return _cut(table, len(chosen), limit)


def ask(
    settings: Settings,
    sql: str,
    views: Mapping[Name, View] | Callable[[Name], View | None],
    *,
    limit: int = ROWS,
    seconds: float = SECONDS,
    snapshots: Mapping[Name, int] | None = None,
) -> pa.RecordBatchReader:
    """The answer to an analyst's question: one SELECT over the tables of `views` ((library, dataset) → view), at most `limit`
    rows. The question never touches a table: each is replaced by the SELECT of what its view permits, as the table is now or
    was at its snapshot in `snapshots`."""
    find = views if callable(views) else views.get
    named: dict[Name, View] = {}
    for name in sql_rewrite.tables(sql):
        view = find(name)
        if view is None:
            raise sql_rewrite.unknown_table(".".join(name))
        named[name] = view
    with ExitStack() as opening:
        connection = opening.enter_context(sandbox(settings))
        opening.enter_context(time_limit(connection, seconds))
        connection.execute("BEGIN")
        inner = {name: _inner(connection, name, view, (snapshots or {}).get(name)) for name, view in named.items()}
        hides_rows = any(view.row_filter for view in named.values())
        result = _run(connection, sql_rewrite.rewrite(sql, inner), hides_rows)
        schema = _told_apart(result.schema)
        stack = opening.pop_all()  # stays open until the answer is read
    return pa.RecordBatchReader.from_batches(schema, _limited(result, schema, stack, limit, hides_rows))


def tables(sql: str) -> frozenset[Name]:
    """Tables that a question names, (library, dataset), so that the caller can decide on each before asking."""
    return sql_rewrite.tables(sql)


def select_of(connection: duckdb.DuckDBPyConnection, view: View, snapshot: int | None = None) -> str:
    """The view's SELECT, with the types of the table now or at a snapshot."""
    return view_sql.select(view, columns(connection, view.library, view.dataset, snapshot), snapshot=snapshot)


def _inner(connection: duckdb.DuckDBPyConnection, name: Name, view: View, snapshot: int | None) -> str:
    """The view's SELECT; where the view hides rows, of the permitted rows laid out apart, for a question may hold anything."""
    permitted_rows = select_of(connection, view, snapshot)
    return view_sql.barrier(connection, ".".join(name), permitted_rows) if view.row_filter else permitted_rows


def _run(connection: duckdb.DuckDBPyConnection, sql: str, hides_rows: bool) -> pa.RecordBatchReader:
    try:
        return connection.execute(sql).to_arrow_reader(BATCH)
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException) as error:
        raise QueryInvalid(*_message(error)) from None
    except duckdb.PermissionException:
        raise QueryRefused("查询触及了不允许的位置。", "The query reaches for what it may not touch.") from None
    except (duckdb.Error, OSError, pa.ArrowException) as error:  # the last two: a type that Arrow has no word for
        raise _failed(error, hides_rows) from None


def _failed(error: Exception, hides_rows: bool) -> Exception:
    """A value that the question cannot be computed on; DuckDB's own words may quote one, of a row that the view hides too.
    An interruption stays one, whichever library tells it: the time limit asked for it."""
    if "INTERRUPT" in str(error):
        return duckdb.InterruptException(str(error))
    if hides_rows:
        return QueryInvalid("查询计算出错（值的类型或范围不符）。", "The query failed on a value's type or range.")
    return QueryInvalid(*_message(error))


def _message(error: Exception) -> tuple[str, str]:
    sentence = str(error).split("\n\nLINE")[0].splitlines()[0]
    return f"查询有误：{sentence}", f"The query is wrong: {sentence}"


def _told_apart(schema: pa.Schema) -> pa.Schema:
    """Columns of the same name get a number, as DuckDB numbers those of a subquery: name, name_1."""
    names: list[str] = []
    for name in schema.names:
        number, place = 0, name
        while place in names:
            number += 1
            place = f"{name}_{number}"
        names.append(place)
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def _limited(
    result: pa.RecordBatchReader, schema: pa.Schema, stack: ExitStack, limit: int, hides_rows: bool
) -> Iterator[pa.RecordBatch]:
    left = limit
    with stack:
        while left > 0:
            try:
                batch = result.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, OSError, pa.ArrowException) as error:  # rows far in are computed while they are read
                raise _failed(error, hides_rows) from None
            yield pa.RecordBatch.from_arrays(batch.slice(0, left).columns, schema=schema)
            left -= batch.num_rows


def _known(view: View, names: Sequence[str]) -> None:
    for name in names:
        if name not in view.items:
            known = ", ".join(view.items)
            raise QueryInvalid(f"没有名为 {name} 的信息项；可用：{known}。", f"There is no item {name!r}; there are {known}.")


def _condition(contract: Contract, view: View, where: str, types: Mapping[str, str]) -> str:
    """A caller's condition, in the small language of checks.expressions, over what the view shows (of these types): as SQL
    that cannot fail, so that no row which the view hides can be told from none."""
    from contracts.checks import expressions
    from contracts.checks.duckdb import total

    hashed = {name for name, mask in view.masks.items() if mask.kind == "hash"}
    items = [
        replace(item, type=Type.STRING) if item.name in hashed else item for item in contract.items if item.name in view.items
    ]
    kinds = {item.name: expressions.KINDS[item.type] for item in items}
    try:
        return total.total_sql(expressions.parse(where, items), kinds, types, lambda name: f"seen.{identifier(name)}")
    except expressions.InvalidExpression as error:
        raise QueryInvalid(error.message, error.message_en) from None


def _value(connection: duckdb.DuckDBPyConnection, value: Any, kind: str) -> Any:
    """A caller's value as one of its column's type, before any row is read: whether it is one depends on no row."""
    try:
        row = connection.execute(f"SELECT CAST(? AS {kind})", [value]).fetchone()
    except (duckdb.Error, OverflowError, ValueError):
        raise _not_of_its_type() from None
    return row[0] if row else None


def _not_of_its_type() -> QueryInvalid:
    return QueryInvalid(
        "筛选或翻页的值与信息项的类型不符。", "A value of the filter or page mark does not fit its item's type."
    )


def _sorting(contract: Contract, view: View, order: Sequence[str], types: Mapping[str, str]) -> list[Order]:
    """Columns of the order; ends with what makes it total."""
    named: dict[str, Order] = {}
    for name in order:  # the first mention of an item decides
        named.setdefault(name.removeprefix("-"), Order(name.removeprefix("-"), name.startswith("-")))
    sorting = list(named.values())
    if contract.key and all(name in view.items and name not in view.masks for name in contract.key):
        return sorting + [Order(name) for name in contract.key if name not in named]
    there = [name for name in PROVENANCE if name in types]
    return sorting + [Order(name) for name in there or [n for n in view.items if n not in named]]


def _beyond(
    connection: duckdb.DuckDBPyConnection, sorting: Sequence[Order], after: Sequence[Any], types: Mapping[str, str]
) -> tuple[str, list[Any]]:
    """The condition "comes after these values" in lexicographic order with nulls last.

    A first column without nulls is also bounded alone: statistics of a file in its order then lead to the page's rows.
    """
    if len(after) != len(sorting):
        raise QueryInvalid(
            "翻页标记与排序不符，请从第一页重来。", "The page mark does not fit this order; start from the first page."
        )
    parts: list[str] = []
    values: list[Any] = []
    equal: list[str] = []
    before: list[Any] = []
    for one, marked in zip(sorting, after, strict=True):
        if marked is None:
            equal.append(f"{one.column} IS NULL")
            continue
        kind = types.get(one.item, "VARCHAR")
        value, typed = _value(connection, marked, kind), f"CAST(? AS {kind})"
        beyond = f"{one.column} {'<' if one.descending else '>'} {typed}"
        parts.append(" AND ".join([*equal, f"({beyond} OR {one.column} IS NULL)" if one.nullable else beyond]))
        values += [*before, value]
        equal.append(f"{one.column} = {typed}")
        before.append(value)
    condition = f"({' OR '.join(f'({part})' for part in parts) or 'false'})"
    first = sorting[0]
    if first.nullable or len(sorting) == 1:
        return condition, values
    bound = f"{first.column} {'<=' if first.descending else '>='} CAST(? AS {types.get(first.item, 'VARCHAR')})"
    return f"{bound} AND {condition}", [before[0], *values]


def _source(view: View, types: Mapping[str, str], sorting: Sequence[Order], snapshot: int | None, in_order: str | None) -> str:
    """The view's rows, with the columns that order them."""
    hidden = [name for name in PROVENANCE if any(one.item == name for one in sorting)]
    return view_sql.select(view, types, hidden, snapshot=snapshot, rows=in_order)


def _page_sql(
    source: str,
    chosen: Sequence[str],
    sorting: Sequence[Order],
    conditions: Sequence[str],
    limit: int,
) -> str:
    shown = ", ".join(f"seen.{identifier(name)}" for name in chosen)
    marks = "".join(f", {one.column} AS __{number}" for number, one in enumerate(sorting))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    by = ", ".join(f"{one.column}{' DESC' if one.descending else ''} NULLS LAST" for one in sorting)
    return f"SELECT {shown}{marks} FROM ({source}) AS seen{where} ORDER BY {by} LIMIT {int(limit)}"


def _fetched(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> pa.Table:
    try:
        return connection.execute(sql, list(parameters)).to_arrow_table()
    except (
        duckdb.ConversionException,
        duckdb.BinderException,
        duckdb.InvalidInputException,
        duckdb.OutOfRangeException,
        duckdb.ParserException,
    ):
        raise _not_of_its_type() from None


def _cut(table: pa.Table, shown: int, limit: int) -> Rows:
    """Drop the columns of the order, and the row that only tells whether there is a next page."""
    more = table.num_rows > limit
    page = table.slice(0, limit)
    after = tuple(page.column(n)[limit - 1].as_py() for n in range(shown, table.num_columns)) if more and limit else None
    return Rows(page.select(list(range(shown))), after)
