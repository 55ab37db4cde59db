"""A checked expression as SQL that cannot fail on any row: every part is total, or unknown where it has no value.

DuckDB tries a caller's condition on rows before the row filter has taken them away, and leaves out what its statistics of all
rows prove. Both are harmless only for a condition that gives true, false or unknown for every row there could be: then the
answer depends on the rows that are left, and on nothing else. So nothing is left to DuckDB's implicit casts: two things are
compared only where they have one type, a number that is not exactly of its column's type makes both DOUBLE (every number has
one), lengths and spans are bounded, and dates are moved inside TRY. What is not listed here is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext

from sqlglot import exp

from contracts.checks.expressions import Expression, InvalidExpression, Node, arguments
from contracts.sql import literal

INTEGERS = {
    "TINYINT": (-(2**7), 2**7 - 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    "INTEGER": (-(2**31), 2**31 - 1),
    "BIGINT": (-(2**63), 2**63 - 1),
    "HUGEINT": (-(2**127), 2**127 - 1),
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
}
MOMENT = "TIMESTAMP WITH TIME ZONE"
PLAIN = frozenset({"VARCHAR", "BOOLEAN", "DATE", "TIME", MOMENT, "DOUBLE", *INTEGERS})
"""Types that are read as they are, with DECIMAL; others are read as one of these, or as unknown."""
AS_READ = {"string": "VARCHAR", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE", "timestamp": MOMENT, "time": "TIME"}
MOST_CHARACTERS = 2**31 - 1
MOST_DAYS = 3_660_000
"""Ten thousand years: no date of an authority leaves DuckDB's calendar by it."""
IN_A_DAY = {"WEEK": 1 / 7, "DAY": 1, "HOUR": 24, "MINUTE": 24 * 60, "SECOND": 24 * 3600}
_SIGNS: dict[type[Node], str] = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: dict[type[Node], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_TEXT: dict[type[Node], tuple[str, str]] = {
    exp.Length: ("length", "BIGINT"),
    exp.Lower: ("lower", "VARCHAR"),
    exp.Upper: ("upper", "VARCHAR"),
    exp.Left: ("left", "VARCHAR"),
    exp.Right: ("right", "VARCHAR"),
    exp.Substring: ("substring", "VARCHAR"),
    exp.StartsWith: ("starts_with", "BOOLEAN"),
    exp.EndsWith: ("ends_with", "BOOLEAN"),
    exp.Contains: ("contains", "BOOLEAN"),
}
_CASTS = {"DATE": "DATE", "TIME": "TIME", "TIMESTAMPTZ": MOMENT}


@dataclass(frozen=True, slots=True)
class _Part:
    """SQL with its DuckDB type; "" is NULL's. A number as it was written has a value and takes the type of its neighbour."""

    sql: str
    type: str
    value: Decimal | None = None


NOTHING = _Part("NULL", "")


def total_sql(expression: Expression, kinds: Mapping[str, str], types: Mapping[str, str], column: Callable[[str], str]) -> str:
    """DuckDB SQL of the expression over columns of these types (`kinds`: the language's word for each item, see
    `expressions.KINDS`). InvalidExpression for a number out of all reach, and for what is nested too deeply."""
    try:
        return _Writer(kinds, types, column).condition(expression.tree)
    except RecursionError:
        raise InvalidExpression("表达式嵌套过深", "the expression is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class _Writer:
    kinds: Mapping[str, str]
    types: Mapping[str, str]
    column: Callable[[str], str]

    def condition(self, node: Node) -> str:
        return _typed(self.part(node), "BOOLEAN")

    def part(self, node: Node) -> _Part:
        if isinstance(node, exp.Paren):
            return self.part(node.this)
        if isinstance(node, exp.Column):
            return self._column(node.name)
        if isinstance(node, exp.Null):
            return NOTHING
        if isinstance(node, exp.Boolean):
            return _Part("true" if node.this else "false", "BOOLEAN")
        if isinstance(node, exp.Literal):
            return _Part(literal(node.name), "VARCHAR") if node.is_string else _number(node.name)
        if isinstance(node, exp.And | exp.Or):
            word = "AND" if isinstance(node, exp.And) else "OR"
            return _Part(f"({self.condition(node.left)} {word} {self.condition(node.right)})", "BOOLEAN")
        if isinstance(node, exp.Not):
            return _Part(f"(NOT {self.condition(node.this)})", "BOOLEAN")
        return self._compound(node)

    def _compound(self, node: Node) -> _Part:
        if sign := _SIGNS.get(type(node)):
            left, right = self._alike([node.args["this"], node.args["expression"]])
            return _Part(f"({left} {sign} {right})", "BOOLEAN")
        if isinstance(node, exp.Between):
            value, low, high = self._alike([node.this, node.args["low"], node.args["high"]])
            return _Part(f"({value} BETWEEN {low} AND {high})", "BOOLEAN")
        if isinstance(node, exp.In):
            value, *listed = self._alike([node.this, *node.expressions])
            return _Part(f"({value} IN ({', '.join(listed)}))", "BOOLEAN")
        if isinstance(node, exp.Is):
            [value] = self._alike([node.this])
            return _Part(f"({value} IS NULL)", "BOOLEAN")
        if isinstance(node, exp.Like):
            value, pattern = (_typed(self.part(side), "VARCHAR") for side in (node.this, node.expression))
            return _Part(f"({value} LIKE {pattern})", "BOOLEAN")
        if isinstance(node, exp.Case):
            return self._case(node)
        if isinstance(node, exp.Coalesce):
            return self._same([node.this, *node.expressions], lambda values: f"coalesce({', '.join(values)})")
        return self._computed(node)

    def _computed(self, node: Node) -> _Part:
        if isinstance(node, exp.Neg):
            number = self.part(node.this)
            if number.value is not None:
                return _Part(f"-{number.sql}", "", -number.value)
            return _Part(f"(-{_double(number)})", "DOUBLE")
        if isinstance(node, exp.Abs):
            return _Part(f"abs({_double(self.part(node.this))})", "DOUBLE")
        if sign := _ARITHMETIC.get(type(node)):
            return self._arithmetic(node, sign)
        if isinstance(node, exp.Cast) and node.to.this.name in _CASTS:
            kind = _CASTS[node.to.this.name]
            return _Part(f"CAST({literal(node.this.name)} AS {kind})", kind)
        if type(node) in _TEXT:
            return self._call(node)
        raise InvalidExpression(f"不允许 {node.sql()[:80]}", f"{node.sql()[:80]} is not allowed")

    def _column(self, name: str) -> _Part:
        stored, wanted = self.types.get(name, "VARCHAR"), AS_READ[self.kinds[name]]
        spelled = self.column(name)
        if stored == wanted or (wanted == "DOUBLE" and (stored in INTEGERS or stored.startswith("DECIMAL("))):
            return _Part(spelled, stored)
        return _Part(f"TRY_CAST({spelled} AS {wanted})", wanted)

    def _arithmetic(self, node: Node, sign: str) -> _Part:
        left, right = node.args["this"], node.args["expression"]
        first = self.part(left)
        if isinstance(right, exp.Interval):
            count, unit = _whole(right.this), right.args["unit"].name.upper().removesuffix("S")
            _within(count, MOST_DAYS * IN_A_DAY[unit])
            return _Part(f"TRY({_typed(first, MOMENT)} {sign} INTERVAL {count} {unit})", MOMENT)
        if first.type == "DATE" or node.meta.get("kind") in ("date", "days"):
            day = _typed(first, "DATE")
            if node.meta.get("kind") == "days":
                return _Part(f"TRY({day} - {_typed(self.part(right), 'DATE')})", "BIGINT")
            _within(_whole(right), MOST_DAYS)
            return _Part(f"TRY({day} {sign} {_whole(right)})", "DATE")
        one, other = _double(first), _double(self.part(right))
        return _Part(f"({one} / nullif({other}, 0))" if sign == "/" else f"({one} {sign} {other})", "DOUBLE")

    def _case(self, node: exp.Case) -> _Part:
        conditions = [self.condition(branch.this) for branch in node.args["ifs"]]
        given = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default") or exp.null()]

        def written(values: list[str]) -> str:
            branches = " ".join(f"WHEN {one} THEN {value}" for one, value in zip(conditions, values[:-1], strict=True))
            return f"CASE {branches} ELSE {values[-1]} END"

        return self._same(given, written)

    def _same(self, nodes: Sequence[Node], written: Callable[[list[str]], str]) -> _Part:
        """One of several values, of their common type."""
        kind, values = _alike([self.part(node) for node in nodes])
        return _Part(written(values), kind) if kind else NOTHING

    def _alike(self, nodes: Sequence[Node]) -> list[str]:
        return _alike([self.part(node) for node in nodes])[1]

    def _call(self, node: Node) -> _Part:
        name, gives = _TEXT[type(node)]
        texts, given = 2 if gives == "BOOLEAN" else 1, arguments(node)
        values = [_typed(self.part(one), "VARCHAR") for one in given[:texts]]
        for one in given[texts:]:
            _within(_whole(one), MOST_CHARACTERS)
            values.append(str(_whole(one)))
        return _Part(f"{name}({', '.join(values)})", gives)


def _alike(parts: Sequence[_Part]) -> tuple[str, list[str]]:
    """The parts in one type: that of the columns where each number is exactly of it, DOUBLE for other numbers."""
    types = {part.type for part in parts if part.type}
    if not types:
        if any(part.value is not None for part in parts):
            return "DOUBLE", [_double(part) for part in parts]
        return "", ["CAST(NULL AS VARCHAR)" for _ in parts]
    kind = max(types, key=lambda one: (one in INTEGERS and INTEGERS[one][1], one))
    if len(types) == 1 or types <= set(INTEGERS) - {"UBIGINT", "HUGEINT"}:
        exact = [_exact(part.value, kind) if part.value is not None else _typed(part, kind) for part in parts]
        if None not in exact:
            return kind, [one for one in exact if one is not None]
    return "DOUBLE", [_double(part) for part in parts]


def _exact(value: Decimal, kind: str) -> str | None:
    """A number as a constant of just that type; None where the type does not have it."""
    if kind == "DOUBLE":
        return _constant(value)
    whole = value == value.to_integral_value() if abs(value.adjusted()) < 60 else False
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return f"CAST('{int(value)}' AS {kind})" if whole and low <= value <= high else None
    if kind.startswith("DECIMAL("):
        width, scale = (int(one) for one in kind[8:-1].split(","))
        with localcontext(prec=80):
            if abs(value.adjusted()) < 40 and value == round(value, scale) and abs(value) < Decimal(10) ** (width - scale):
                return f"CAST('{round(value, scale):f}' AS {kind})"
    return None


def _double(part: _Part) -> str:
    if part.value is not None:
        return _constant(part.value)
    if part.type == "DOUBLE":
        return part.sql
    return (
        f"CAST({part.sql} AS DOUBLE)" if part.type in INTEGERS or part.type.startswith("DECIMAL(") else "CAST(NULL AS DOUBLE)"
    )


def _constant(value: Decimal) -> str:
    return f"CAST('{float(value)!r}' AS DOUBLE)"


def _typed(part: _Part, kind: str) -> str:
    """A part that has this type already, or nothing of it."""
    if part.type == kind or (part.type in INTEGERS and kind in INTEGERS):
        return part.sql
    return f"CAST(NULL AS {kind})"


def _number(text: str) -> _Part:
    try:
        return _Part(text, "", Decimal(text))
    except InvalidOperation:
        raise InvalidExpression(f"“{text}”不是数值", f"“{text}” is no number") from None


def _whole(node: Node) -> int:
    return int(node.name[:20]) if node.name.isdigit() else 0


def _within(count: int, most: float) -> None:
    if count > most:
        raise InvalidExpression(f"{count} 过大，最多 {int(most)}", f"{count} is too large, at most {int(most)}")
