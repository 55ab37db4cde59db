"""The gate of analysts' SQL: one SELECT, over permitted tables only, read by DuckDB's own parser.

DuckDB parses the question to its syntax tree (`json_serialize_sql`), the tree is checked against lists of what is allowed and
rewritten, and the very tree is turned back to SQL. One parser only: what was checked is what runs (a second parser would
read some comment, quote or FROM-first form differently). Whatever is not known to be harmless is refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import duckdb

from contracts.errors import HubError
from contracts.texts import odd

LIBRARIES = ("resource", "theme", "topic")
Name = tuple[str, str]
"""(library, dataset), lower case."""
Node = dict[str, Any]

TABLE_NODES = frozenset({"BASE_TABLE", "JOIN", "SUBQUERY", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "PIVOT"})
QUERY_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"})
TABLE_FUNCTIONS = frozenset({"unnest"})
SECRETIVE = (
    "current_",
    "getvariable",
    "getenv",
    "duckdb_",
    "pg_",
    "has_",
    "inet_",
    "icu_collate",
    "__",
    "json_serialize",
    "json_deserialize",
    "json_execute",
    "parse_duckdb",
    "variant_",
    "enum_",
    "ducklake",
    "read_",
    "st_",
)
"""Beginnings of function names that tell of the machine or the lake, or run text as SQL."""
NOT_OPEN = """
    add_parquet_key alias can_cast_implicitly cast_to_type combine constant_or_null currval error finalize get_block_size
    in_search_path make_type nextval query query_table replace_type remap_struct session_user setseed sleep_ms stats
    struct_values txid_current user vector_type version write_log
    array_resize bar bitstring bitstring_agg format generate_series list_resize lpad printf range repeat rpad
"""
"""Functions that are not open to questions; those of the last line fill the memory by a single call, outside DuckDB's count."""
REFUSED = frozenset(NOT_OPEN.split())
CLOCK = frozenset(
    {
        "current_date",
        "current_timestamp",
        "current_localtime",
        "current_localtimestamp",
        "current_time",
        "get_current_timestamp",
    }
)
WINDOWS = frozenset(
    {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"}
    | {"lag", "lead", "first_value", "last_value", "nth_value"}
)


class QueryRefused(HubError):
    """The question is not one SELECT over permitted tables."""


class QueryInvalid(HubError):
    """The question does not parse, or asks for what is not there."""


class Parser:
    """DuckDB's parser, in a database of its own that holds nothing."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": "1", "memory_limit": "100MB"})
        self._lock = threading.Lock()

    def tree(self, sql: str) -> Node:
        """Syntax tree of exactly one SELECT."""
        if wrong := odd(sql):
            raise QueryInvalid(f"SQL {wrong[0]}。", f"The SQL {wrong[1]}.")
        payload = json.loads(self._ask("SELECT json_serialize_sql(?::VARCHAR)", sql))
        if payload.get("error"):
            if payload.get("error_type") == "not implemented":
                raise QueryRefused("只能提交一条 SELECT 查询。", "Only one SELECT may be asked.")
            message = str(payload.get("error_message", "")).splitlines()[0]
            raise QueryInvalid(f"SQL 语法有误：{message}", f"The SQL does not parse: {message}")
        if len(payload["statements"]) != 1:
            raise QueryRefused("一次只能提交一条 SELECT 查询。", "Only one SELECT may be asked at a time.")
        return payload

    def text(self, tree: Node) -> str:
        """SQL of a syntax tree."""
        return self._ask("SELECT json_deserialize_sql(?::JSON)", json.dumps(tree))

    def functions(self) -> frozenset[str]:
        """Names of the scalar, aggregate and macro functions that DuckDB itself brings."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
                "WHERE function_type IN ('scalar', 'aggregate', 'macro') AND schema_name = 'main'"
            ).fetchall()
        return frozenset(row[0] for row in rows)

    def _ask(self, sql: str, parameter: str) -> str:
        with self._lock:
            try:
                row = self._connection.execute(sql, [parameter]).fetchone()
            except duckdb.Error as error:
                message = str(error).splitlines()[0]
                raise QueryInvalid(f"SQL 无法解析：{message}", f"The SQL cannot be read: {message}") from None
        return str(row[0]) if row else ""


@cache
def parser() -> Parser:
    """The parser of this process."""
    return Parser()


@cache
def allowed_functions() -> frozenset[str]:
    """What a question may call: DuckDB's own functions but those that tell of the machine or fill the memory."""
    plain = {name for name in parser().functions() if name not in REFUSED and not name.startswith(SECRETIVE)}
    return frozenset(plain | WINDOWS | CLOCK | {"unnest"})


def tables(sql: str) -> frozenset[Name]:
    """The permitted-looking tables a question names; QueryRefused where it names anything else."""
    names: set[Name] = set()
    check(parser().tree(sql), lambda name, node: names.add(name))
    return frozenset(names)


def rewrite(sql: str, permitted: Mapping[Name, str]) -> str:
    """The question with each table replaced by its permitted SELECT. QueryRefused for a table outside `permitted`."""
    tree = parser().tree(sql)
    inner = {name: parser().tree(text)["statements"][0] for name, text in permitted.items()}

    def replace(name: Name, node: Node) -> None:
        if name not in inner:
            raise unknown_table(".".join(name))
        alias = node.get("alias") or node["table_name"]
        retained = {key: node.get(key) for key in ("sample", "query_location", "column_name_alias")}
        node.clear()
        node.update({"type": "SUBQUERY", "alias": alias, "subquery": inner[name], **retained})

    check(tree, replace)
    return parser().text(tree)


def check(tree: Node, on_table: Callable[[Name, Node], object]) -> None:
    """Walk a syntax tree; call `on_table` for each table of a library. QueryRefused for anything that is not allowed."""
    used: set[Name] = set()

    def seen(name: Name, node: Node) -> None:
        used.add(name)
        on_table(name, node)

    _walk(tree["statements"][0]["node"], frozenset(), seen)
    for node in nodes(tree):
        _shorten(node, used)


def nodes(part: Any) -> Iterator[Node]:
    """Every object of a tree, outermost first."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            yield from nodes(child)


def unknown_table(name: str) -> QueryRefused:
    """The refusal of a table that is not in the caller's scope; the same whether it exists or not."""
    return QueryRefused(
        f"没有可用的表 {name}；表名写作 resource.<数据集>、theme.<表> 或 topic.<表>，且须有权读取。",
        f"No table {name} is open to you; tables are resource.<dataset>, theme.<table> or topic.<table> that you may read.",
    )


def _walk(part: Any, ctes: frozenset[str], seen: Callable[[Name, Node], object]) -> None:
    if isinstance(part, list):
        for child in part:
            _walk(child, ctes, seen)
        return
    if not isinstance(part, dict):
        return
    if "cte_map" in part:
        ctes = _walk_ctes(part, ctes, seen)
    if part.get("type") == "RECURSIVE_CTE_NODE":
        ctes = ctes | {str(part["cte_name"]).lower()}
    _check_node(part)
    children = [child for key, child in part.items() if key != "cte_map"]
    if part.get("type") == "BASE_TABLE":
        _table(part, ctes, seen)
        return
    _walk(children, ctes, seen)


def _walk_ctes(part: Node, ctes: frozenset[str], seen: Callable[[Name, Node], object]) -> frozenset[str]:
    """Each WITH query sees those before it, and itself only where it is recursive: elsewhere its own name means a table."""
    if part.get("type") not in QUERY_NODES:
        raise QueryRefused("查询中有不支持的语句。", "The question holds a statement that is not supported.")
    for entry in part["cte_map"]["map"]:
        _walk(entry["value"], ctes, seen)
        ctes = ctes | {str(entry["key"]).lower()}
    return ctes


def _check_node(part: Node) -> None:
    if "function_name" in part:
        _check_function(part)
    if part.get("class") == "LAMBDA" or part.get("class") == "PARAMETER":
        raise QueryRefused("不支持参数或 lambda。", "Parameters and lambdas are not supported.")
    if _is_table(part):
        if part["type"] not in TABLE_NODES:
            raise QueryRefused(f"不支持 {part['type']}。", f"{part['type']} is not supported.")
        if part["type"] == "TABLE_FUNCTION" and part["function"].get("function_name") not in TABLE_FUNCTIONS:
            raise _no_table_function(part)


def _is_table(part: Node) -> bool:
    """Table references have an alias and a sample and no class; expressions have a class."""
    return "sample" in part and "class" not in part and part.get("type") not in QUERY_NODES


def _no_table_function(part: Node) -> QueryRefused:
    name = part["function"].get("function_name", "?")
    return QueryRefused(f"不能使用表函数 {name}。", f"The table function {name} may not be used.")


def _check_function(part: Node) -> None:
    name = str(part["function_name"]).lower()
    outside = part.get("catalog") or part.get("catalog_name") or str(part.get("schema") or "main") != "main"
    if outside or name not in allowed_functions():
        raise QueryRefused(f"不能使用函数 {name}。", f"The function {name} may not be used.")


def _table(part: Node, ctes: frozenset[str], seen: Callable[[Name, Node], object]) -> None:
    catalog, schema, name = (str(part.get(key) or "") for key in ("catalog_name", "schema_name", "table_name"))
    if not catalog and not schema and name.lower() in ctes:
        return
    said = ".".join(piece for piece in (catalog, schema, name) if piece)
    if catalog or schema.lower() not in LIBRARIES or part.get("at_clause"):
        raise unknown_table(said)
    seen((schema.lower(), name.lower()), part)


def _shorten(node: Node, used: set[Name]) -> None:
    """resource.enterprise.name → enterprise.name: the replaced table is known by its alias alone."""
    names = node.get("column_names")
    if isinstance(names, list) and len(names) > 2 and (names[0].lower(), names[1].lower()) in used:
        node["column_names"] = names[1:]
