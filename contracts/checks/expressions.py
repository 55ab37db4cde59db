"""The small expression language of row rules and row filters: parsed, typed, never run as it was written.

Allowed: items by name, numbers, texts, TRUE, FALSE, NULL, DATE '…', TIMESTAMP '…', INTERVAL n DAY|HOUR|MINUTE|SECOND|WEEK,
AND OR NOT, = <> < <= > >=, BETWEEN, IN (…), IS [NOT] NULL, LIKE, + - * /, CASE WHEN, and the functions in FUNCTIONS.
Arithmetic is done in DOUBLE, a division by zero is unknown; a moment without a zone is Asia/Shanghai. A rule is broken where
its expression is false; where an item is empty the outcome is unknown and the rule holds, as with SQL's CHECK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from contracts.errors import HubError
from contracts.model import Item, Type
from contracts.sql import identifier
from contracts.suggest import did_you_mean

Node = exp.Expr
"""A part of a parsed expression."""
MAX_LENGTH = 4000
MAX_NODES = 1500
KINDS = {
    Type.STRING: "string",
    Type.INTEGER: "number",
    Type.NUMBER: "number",
    Type.BOOLEAN: "boolean",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp",
    Type.TIME: "time",
}
FUNCTIONS = "length, lower, upper, abs, coalesce, left, right, substring, starts_with, ends_with, contains"
_CALLS: dict[type[Node], tuple[tuple[str, ...], str]] = {
    exp.Length: (("string",), "number"),
    exp.Lower: (("string",), "string"),
    exp.Upper: (("string",), "string"),
    exp.Abs: (("number",), "number"),
    exp.Left: (("string", "number"), "string"),
    exp.Right: (("string", "number"), "string"),
    exp.Substring: (("string", "number", "number"), "string"),
    exp.StartsWith: (("string", "string"), "boolean"),
    exp.EndsWith: (("string", "string"), "boolean"),
    exp.Contains: (("string", "string"), "boolean"),
}
_COMPARE = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_UNITS = {"DAY", "DAYS", "HOUR", "HOURS", "MINUTE", "MINUTES", "SECOND", "SECONDS", "WEEK", "WEEKS"}


class InvalidExpression(HubError):
    """A row rule or row filter that is not an expression of the small language."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: its tree, the items it reads, and its DuckDB SQL."""

    text: str
    tree: Node
    items: tuple[str, ...]

    def sql(self, column: Callable[[str], str] | None = None) -> str:
        """DuckDB SQL, items quoted, or written as `column` says."""
        return expression_sql(self.tree, column)


def parse(text: str, items: Sequence[Item]) -> Expression:
    """Parse a boolean expression over these items; InvalidExpression says what is not allowed and what is."""
    if len(text) > MAX_LENGTH:
        raise InvalidExpression(
            f"表达式过长（上限 {MAX_LENGTH} 字）", f"the expression is too long (limit {MAX_LENGTH} characters)"
        )
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise InvalidExpression(*_unparsed(error)) from None
    if len(trees) != 1 or trees[0] is None:
        raise InvalidExpression("应为一个表达式", "there must be one expression")
    tree = trees[0]
    if sum(1 for _ in tree.walk()) > MAX_NODES:
        raise InvalidExpression("表达式过于复杂", "the expression is too complex")
    typer = _Typer(items)
    try:
        kind = typer.kind(tree)
    except RecursionError:
        raise InvalidExpression("表达式嵌套过深", "the expression is nested too deeply") from None
    if kind not in ("boolean", "null"):
        raise InvalidExpression(
            f"表达式应得出真或假，现得出 {kind}", f"the expression must be true or false, this gives a {kind}"
        )
    return Expression(text, tree, tuple(dict.fromkeys(typer.read)))


def _unparsed(error: Exception) -> tuple[str, str]:
    """Where an expression cannot be read, in the words of who wrote it."""
    where = next(iter(getattr(error, "errors", ())), None)
    if not where or not where.get("col"):
        return "表达式无法读懂", "the expression cannot be read"
    column, near = where["col"], where.get("highlight") or ""
    return f"表达式在第 {column} 个字符“{near}”附近有误", f"the expression is wrong near character {column}, {near!r}"


def expression_sql(tree: Node, column: Callable[[str], str] | None = None) -> str:
    """DuckDB SQL of a checked tree; every item is quoted, numbers are DOUBLE in arithmetic."""
    spell = column or identifier

    def place(node: Node) -> Node:
        if isinstance(node, exp.Literal) and node.meta.get("double"):
            return exp.cast(exp.Literal.string(node.name), "DOUBLE")
        if isinstance(node, exp.Column):
            named = exp.Var(this=spell(node.name))
            return exp.cast(named, "DOUBLE") if node.meta.get("double") else named
        return node

    typed = tree.copy().transform(place)
    for division in list(typed.find_all(exp.Div)):
        division.set("expression", exp.func("nullif", division.expression.copy(), exp.Literal.number(0)))
    return typed.sql(dialect="duckdb")


class _Typer:
    """Finds the kind of each part and refuses what is not in the language."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.kinds = {i.name: KINDS[i.type] for i in items}
        self.read: list[str] = []

    def kind(self, node: Node | None) -> str:
        if node is None:
            raise InvalidExpression("表达式不完整", "the expression is not complete")
        if isinstance(node, exp.Paren):
            return self.kind(node.this)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Literal):
            return "string" if node.is_string else "number"
        if isinstance(node, exp.Boolean):
            return "boolean"
        if isinstance(node, exp.Null):
            return "null"
        if isinstance(node, exp.And | exp.Or):
            return self._all([node.left, node.right], "boolean", "boolean")
        if isinstance(node, exp.Not):
            return self._all([node.this], "boolean", "boolean")
        return self._compound(node)

    def _compound(self, node: Node) -> str:
        if isinstance(node, _COMPARE):
            return self._comparable([node.left, node.right])
        if isinstance(node, exp.Between):
            return self._comparable([node.this, node.args["low"], node.args["high"]])
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Is):
            if not isinstance(node.expression, exp.Null):
                raise InvalidExpression("IS 之后只能是 NULL", "only NULL may follow IS")
            self.kind(node.this)
            return "boolean"
        if isinstance(node, exp.Like) and isinstance(node.expression, exp.Literal):
            return self._all([node.this, node.expression], "string", "boolean")
        if isinstance(node, exp.Neg):
            _double(node.this)
            return self._all([node.this], "number", "number")
        if isinstance(node, _ARITHMETIC):
            return self._arithmetic(node)
        if isinstance(node, exp.Cast):
            return self._literal_moment(node)
        if isinstance(node, exp.Interval):
            return self._interval(node)
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Coalesce):
            return self._same([node.this, *node.expressions])
        return self._call(node)

    def _column(self, node: exp.Column) -> str:
        if node.table or node.name not in self.kinds:
            zh, en = did_you_mean(node.name, self.kinds)
            raise InvalidExpression(f"没有信息项 {node.sql()}；{zh}", f"there is no item {node.sql()}; {en}")
        self.read.append(node.name)
        return self.kinds[node.name]

    def _all(self, nodes: Sequence[Node], wanted: str, gives: str) -> str:
        for node in nodes:
            kind = self.kind(node)
            if kind not in (wanted, "null"):
                raise InvalidExpression(
                    f"{node.sql()} 应为 {wanted}，现为 {kind}", f"{node.sql()} must be a {wanted}, it is a {kind}"
                )
        return gives

    def _same(self, nodes: Sequence[Node]) -> str:
        kinds = {self.kind(n) for n in nodes} - {"null"}
        temporal = kinds & {"date", "timestamp", "time"}
        if temporal and kinds - temporal == {"string"}:  # '2024-01-01' beside a date is a date
            texts = [n for n in nodes if self.kind(n) == "string"]
            if len(temporal) == 1 and all(isinstance(n, exp.Literal) for n in texts):
                kinds = temporal
                for node in texts:
                    node.replace(moment_literal(node.name, next(iter(temporal))))
        if len(kinds) > 1:
            listed = ", ".join(sorted(kinds))
            raise InvalidExpression(f"不同类型不能相比：{listed}", f"different kinds cannot be compared: {listed}")
        return kinds.pop() if kinds else "null"

    def _comparable(self, nodes: Sequence[Node]) -> str:
        self._same(nodes)
        return "boolean"

    def _in(self, node: exp.In) -> str:
        values = node.expressions
        if node.args.get("query") or node.args.get("unnest") or node.args.get("field") or not values:
            raise InvalidExpression("IN 之后只能是值的列表", "only a list of values may follow IN")
        if not all(isinstance(v, exp.Literal | exp.Neg | exp.Cast) for v in values):
            raise InvalidExpression("IN 的列表中只能是值", "the list after IN may hold values only")
        return self._comparable([node.this, *values])

    def _arithmetic(self, node: Node) -> str:
        left, right = node.args["this"], node.args["expression"]
        if isinstance(right, exp.Interval) and isinstance(node, exp.Add | exp.Sub):
            self.kind(right)
            if (kind := self.kind(left)) != "timestamp":
                raise InvalidExpression(
                    f"INTERVAL 只能与日期时间相加减，{left.sql()} 为 {kind}",
                    f"an INTERVAL is added to a timestamp, {left.sql()} is a {kind}",
                )
            return "timestamp"
        if isinstance(node, exp.Sub) and self.kind(left) == self.kind(right) == "date":
            node.meta["kind"] = "days"
            return "number"
        if isinstance(node, exp.Add | exp.Sub) and self.kind(left) == "date":
            if not (isinstance(right, exp.Literal) and right.name.isdigit()):
                raise InvalidExpression("日期只能加减整天数", "only a whole number of days is added to a date")
            node.meta["kind"] = "date"
            return "date"
        _double(left, right)
        return self._all([left, right], "number", "number")

    def _literal_moment(self, node: exp.Cast) -> str:
        kinds = {
            "DATE": "date",
            "TIMESTAMP": "timestamp",
            "TIMESTAMPNTZ": "timestamp",
            "TIMESTAMPTZ": "timestamp",
            "TIME": "time",
        }
        kind = kinds.get(node.to.this.name)
        if kind is None or not isinstance(node.this, exp.Literal):
            raise InvalidExpression(f"不允许 {node.sql()}", f"{node.sql()} is not allowed; write DATE '2024-01-31'")
        node.this.replace(moment_literal(node.this.name, kind).this)
        node.to.replace(exp.DataType.build(_SQL_TYPES[kind]))
        return kind

    def _interval(self, node: exp.Interval) -> str:
        unit = node.args.get("unit")
        value = node.this
        if not isinstance(value, exp.Literal) or unit is None or unit.name.upper() not in _UNITS or not value.name.isdigit():
            raise InvalidExpression(f"不允许 {node.sql()}", f"{node.sql()} is not allowed; write INTERVAL 7 DAY")
        return "interval"

    def _case(self, node: exp.Case) -> str:
        if node.this is not None:
            raise InvalidExpression("请写 CASE WHEN 条件 THEN 值", "write CASE WHEN condition THEN value")
        branches = node.args["ifs"]
        self._all([b.this for b in branches], "boolean", "boolean")
        default = node.args.get("default")
        return self._same([b.args["true"] for b in branches] + ([default] if default is not None else []))

    def _call(self, node: Node) -> str:
        signature = _CALLS.get(type(node))
        if signature is None:
            raise InvalidExpression(
                f"不允许 {node.sql()[:80]}；可用函数：{FUNCTIONS}", f"{node.sql()[:80]} is not allowed; functions: {FUNCTIONS}"
            )
        given = arguments(node)
        if len(given) > len(signature[0]) or len(given) < sum(1 for value in node.args.values() if value):
            raise InvalidExpression(f"{node.sql()[:80]} 参数过多", f"{node.sql()[:80]} has too many arguments")
        for n, (argument, wanted) in enumerate(zip(given, signature[0], strict=False)):
            self._all([argument], wanted, wanted)
            if wanted == "number" and n and not (isinstance(argument, exp.Literal) and argument.name.isdigit()):
                raise InvalidExpression(f"{node.sql()[:80]} 的位数应为整数", f"{node.sql()[:80]} needs whole numbers")
        if isinstance(node, exp.Abs):
            _double(node.this)
        return signature[1]


def arguments(node: Node) -> list[Node]:
    """The arguments of an allowed function, in order."""
    names = ("this", "expression", "start", "length")
    return [node.args[n] for n in names if isinstance(node.args.get(n), Node)]


def _double(*nodes: Node) -> None:
    """Marks the numbers of an arithmetic to be read as DOUBLE: a BIGINT product may overflow and end the load."""
    for node in nodes:
        for part in node.find_all(exp.Column, exp.Literal):
            if not (isinstance(part, exp.Literal) and part.is_string):
                part.meta["double"] = True


_SQL_TYPES = {"date": "DATE", "timestamp": "TIMESTAMPTZ", "time": "TIME"}


def moment_literal(text: str, kind: str) -> exp.Cast:
    """A typed literal for a date, timestamp or time written as text; a timestamp is told in UTC."""
    readers: dict[str, Callable[[str], date | time]] = {
        "date": date.fromisoformat,
        "timestamp": datetime.fromisoformat,
        "time": time.fromisoformat,
    }
    try:
        moment = readers[kind](text)
        if isinstance(moment, datetime):
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Asia/Shanghai"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidExpression(f"“{text}”不是有效的 {kind}", f"“{text}” is no {kind}; write 2024-01-31") from None
    return exp.cast(
        exp.Literal.string(moment.isoformat(" ") if isinstance(moment, datetime) else moment.isoformat()), _SQL_TYPES[kind]
    )
