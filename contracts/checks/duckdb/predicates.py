"""Checks as DuckDB SQL, for files of every size. The only door from a contract to SQL: the warehouse runs what stands here.

How a load uses it::

    made = select_sql(contract, {"code": '"区划代码"', …}, lookups, now=received_at)
    sql = made.query("read_csv(…)", carry=["row_number() …  AS _row"])    # typed items, raw texts, _faults bit mask
    bad = made.faults_query("stage")                                        # one line for each fault of a bad row

`typed` casts each source column strictly: the text must match a pattern before it is cast, since TRY_CAST takes 12.5 for 13,
0x10 for 16 and drops zones. `faults` stand over the typed items and the raw texts (`raw`), never NULL, true where the row is
bad. Checks over several rows (key, unique), other tables (reference) and the delivery as a whole are not here: see their
`scope`. Texts are trimmed of surrounding white space (of ASCII, no-break, ideographic, zero-width); an empty text is no value.
Decisions: full-width digits are refused; leading zeros and a sign are allowed; scientific notation only for DOUBLE; a
DECIMAL is never rounded; NaN and infinity are refused; a date alone is no timestamp unless the contract's formats say so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from contracts.checks import code_lists, datetimes, expressions
from contracts.checks.compile import Check, Scope, bounds, compile
from contracts.checks.duckdb.casts import SPACES, cast_sql, column_type, local_sql, matches, text_sql
from contracts.checks.expressions import identifier
from contracts.checks.formats import registry as formats
from contracts.checks.formats.registry import quote
from contracts.model import Contract, Format, Item, Type

__all__ = ["SPACES", "CheckSelect", "cast_sql", "column_type", "enum_sql", "local_sql", "moment_sql", "select_sql", "text_sql"]

MASK_BITS = 62


@dataclass(frozen=True, slots=True)
class CheckSelect:
    """A contract's row checks as SQL over one source."""

    typed: tuple[tuple[str, str], ...]
    """(item, SQL over the source) in the contract's order."""
    raw: tuple[tuple[str, str], ...]
    """(alias, SQL over the source) of the texts as received, one for each item: what quarantine shows."""
    faults: tuple[tuple[Check, str], ...]
    """(check, SQL over the typed items and raw aliases): true where the row breaks the check, never NULL."""

    @property
    def masks(self) -> tuple[str, ...]:
        """Bit masks of the faults, 62 to a BIGINT; in each, check n of its share has the bit 1 << n."""
        shares = [self.faults[n : n + MASK_BITS] for n in range(0, len(self.faults), MASK_BITS)] or [()]
        return tuple(
            " | ".join(f"(({sql})::BIGINT << {n})" for n, (_, sql) in enumerate(share)) or "0::BIGINT" for share in shares
        )

    @property
    def mask_names(self) -> tuple[str, ...]:
        """Names of the mask columns in `query`: _faults, _faults_1 …"""
        return tuple("_faults" if n == 0 else f"_faults_{n}" for n in range(len(self.masks)))

    @property
    def good(self) -> str:
        """True where a row of `query` breaks nothing."""
        return " AND ".join(f"{name} = 0" for name in self.mask_names)

    def query(self, source: str, carry: Sequence[str] = (), *, raw: bool = True) -> str:
        """SELECT of the typed items, the raw texts and the masks. `carry`: further columns of the source, plain names."""
        kept = "".join(f"{c}, " for c in carry)
        inner = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in (*self.typed, *self.raw))
        names = [name for name, _ in self.typed] + [alias for alias, _ in self.raw if raw]
        outer = ", ".join(identifier(n) for n in names)
        masks = ", ".join(f"{sql} AS {name}" for sql, name in zip(self.masks, self.mask_names, strict=True))
        return f"SELECT {kept}{outer}, {masks} FROM (SELECT {kept}{inner} FROM {source})"  # noqa: S608 - names are quoted

    def faults_query(self, relation: str, carry: Sequence[str] = ()) -> str:
        """One line for each fault of `query`'s rows: carried columns, `check` (its place in `faults`), `value` as received."""
        told = []
        for n, (check, _) in enumerate(self.faults):
            bit = f"({self.mask_names[n // MASK_BITS]} >> {n % MASK_BITS}) & 1 = 1"
            told.append(f"CASE WHEN {bit} THEN {{'check': {n}, 'value': {self.value_sql(check)}}} END")
        kept = "".join(f"{c}, " for c in carry)
        if not told:
            return f'SELECT {kept}0 AS "check", NULL::VARCHAR AS value FROM {relation} WHERE FALSE'  # noqa: S608 - the caller's own relation
        listed = f"unnest(list_filter([{', '.join(told)}], lambda f: f IS NOT NULL))"
        return (
            f'SELECT {kept}f."check" AS "check", f.value AS value FROM (SELECT {kept}{listed} AS f FROM '  # noqa: S608
            f"(SELECT * FROM {relation} WHERE NOT ({self.good})))"
        )

    def value_sql(self, check: Check) -> str:
        """What was received for a check, as text: one item's text, or item = text for each item of a row rule."""
        alias = {name: identifier(raw) for (name, _), (raw, _) in zip(self.typed, self.raw, strict=True)}
        if check.row_rule is None and check.rule != "swapped":
            return alias[check.item]
        parts = [f"'{name} = ' || coalesce({alias[name]}, '∅')" for name in check.items]
        return " || ', ' || ".join(parts)


def select_sql(
    contract: Contract,
    columns: Mapping[str, str],
    lookups: code_lists.Codes,
    *,
    now: datetime,
    types: Mapping[str, str] | None = None,
) -> CheckSelect:
    """The row checks of a contract over a source.

    `columns` gives the SQL of each item's source column (text); an item that is not in it has no value. `types` names ENUM
    types that the caller made of long code lists (see `enum_sql`), so that their values do not stand in the SQL again.
    """
    typed = tuple((item.name, cast_sql(item, columns.get(item.name, "NULL::VARCHAR"))) for item in contract.items)
    raw = tuple((f"_raw_{n}", columns.get(item.name, "NULL::VARCHAR")) for n, item in enumerate(contract.items))
    alias = {item.name: identifier(f"_raw_{n}") for n, item in enumerate(contract.items)}
    judge = Judge(contract, lookups, now, types or {})
    rows = [check for check in compile(contract) if check.scope is Scope.ROW]
    return CheckSelect(typed, raw, tuple((check, judge.fault(check, alias.get(check.item, "NULL"))) for check in rows))


def enum_sql(contract: Contract, lookups: code_lists.Codes) -> dict[str, str]:
    """ENUM types of the code lists that a contract looks up, by list name: CREATE TYPE x AS <this>, then pass x in `types`."""
    lists = code_lists.needed(contract)
    return {name: formats.enum(_members(name, lookups, contract)) for name in sorted(lists)}


def _members(name: str, lookups: code_lists.Codes, contract: Contract) -> Collection[str]:
    values = code_lists.fetch(lookups, name)
    return formats.division_spellings(values) if name == code_lists.DIVISIONS else values


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the SQL of single checks, given the lists and the moment of receipt."""

    contract: Contract
    lookups: code_lists.Codes
    now: datetime
    types: Mapping[str, str]

    def fault(self, check: Check, raw: str) -> str:
        """True where the row breaks the check, never NULL. `raw` is the column of the text as received."""
        item = check.of
        if check.row_rule is not None:
            rule = expressions.parse(check.row_rule.expression, self.contract.items)
            return f"coalesce(NOT ({rule.sql()}), FALSE)"
        assert item is not None  # noqa: S101 - every check of a row that is not a rule has its item
        x = identifier(item.name)
        if check.rule == "required":
            empty = f"({text_sql(item, raw)}) IS NULL" if item.type is not Type.STRING else "TRUE"
            return f"CASE WHEN {x} IS NOT NULL THEN FALSE ELSE {empty} END"
        if check.rule == "type":
            return f"CASE WHEN {x} IS NOT NULL THEN FALSE ELSE ({text_sql(item, raw)}) IS NOT NULL END"
        if check.rule in ("longitude", "latitude", "swapped"):
            return f"coalesce({self._coordinate(check)}, FALSE)"
        return f"coalesce({self._value(check, item, x)}, FALSE)"

    def _value(self, check: Check, item: Item, x: str) -> str:
        """True where the value breaks the check; NULL where there is no value."""
        match check.rule:
            case "length":
                low, high = item.min_length, item.max_length
                short = f"length({x}) < {low}" if low is not None else None
                long = f"length({x}) > {high}" if high is not None else None
                return " OR ".join(part for part in (short, long) if part)
            case "pattern":
                return f"NOT {matches(x, item.pattern or '')}"
            case "minimum" | "maximum":
                return self._bound(check, item, x)
            case "multiple":
                return f"{x} % {item.multiple_of} <> 0"
            case "values":
                return f"{x} NOT IN ({', '.join(_literal(item, v) for v in item.values)})"
            case "code-list":
                return f"NOT {self._member(item.code_list or '', x if item.type is Type.STRING else f'{x}::VARCHAR')}"
        return f"NOT {self._format(item, x)}"

    def _format(self, item: Item, x: str) -> str:
        if item.format is Format.CREDIT_CODE:
            return formats.credit_code_sql(x)
        if item.format is Format.MOBILE:
            return formats.mobile_sql(x)
        if item.format is Format.DIVISION:
            return formats.division_sql(x, lambda code: self._member(code_lists.DIVISIONS, code))
        divisions = code_lists.fetch(self.lookups, code_lists.DIVISIONS)
        regions = formats.Regions(divisions, code_lists.optional(self.lookups, code_lists.PAST_DIVISIONS))
        return formats.identity_number_sql(x, regions)

    def _member(self, name: str, x: str) -> str:
        if name in self.types:
            return f"({x} IS NULL OR TRY_CAST({x} AS {self.types[name]}) IS NOT NULL)"
        values = code_lists.fetch(self.lookups, name)
        if name == code_lists.DIVISIONS:
            values = formats.division_spellings(values)
        if not values:
            return f"({x} IS NULL)"
        return f"({x} IS NULL OR TRY_CAST({x} AS {formats.enum(values)}) IS NOT NULL)"

    def _bound(self, check: Check, item: Item, x: str) -> str:
        low = check.rule == "minimum"
        text = (item.minimum if low else item.maximum) or ""
        strict = item.exclusive_minimum if low else item.exclusive_maximum
        if item.type in (Type.INTEGER, Type.NUMBER):
            literal = f"{quote(text)}::{column_type(item)}"
        else:
            value, strict = datetimes.bound(item, text, self.now, low=low, strict=strict)
            literal = moment_sql(value)
        sign = {(True, False): "<", (True, True): "<=", (False, False): ">", (False, True): ">="}[low, strict]
        return f"{x} {sign} {literal}"

    def _coordinate(self, check: Check) -> str:
        item, other = check.of, check.pair
        assert item is not None  # noqa: S101
        outside = f"{identifier(item.name)} NOT BETWEEN {_range(bounds(item))}"
        if other is None:
            return outside
        x, y = identifier(item.name), identifier(other.name)
        exchanged = (
            f"({x} NOT BETWEEN {_range(bounds(item))} OR {y} NOT BETWEEN {_range(bounds(other))}) "
            f"AND {x} BETWEEN {_range(bounds(other))} AND {y} BETWEEN {_range(bounds(item))}"
        )
        return exchanged if check.rule == "swapped" else f"{outside} AND NOT coalesce({exchanged}, FALSE)"


def _range(pair: tuple[float, float]) -> str:
    return f"{pair[0]!r}::DOUBLE AND {pair[1]!r}::DOUBLE"


def _literal(item: Item, text: str) -> str:
    return str(int(text)) if item.type is Type.INTEGER else quote(text)


def moment_sql(value: date | datetime | time) -> str:
    """A SQL literal of a date, an aware moment or a time."""
    if isinstance(value, datetime):
        micros = int((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 + value.microsecond
        return f"make_timestamptz({micros})"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else f"TIME '{value.isoformat()}'"
