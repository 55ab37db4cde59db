"""What the SQL of a rule is made with: the contract, its lists, the moment of receipt, and how each is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from contracts.checks import code_lists
from contracts.checks.duckdb.casts import column_type, text_sql
from contracts.checks.formats import division
from contracts.model import Codes, Contract, Item
from contracts.sql import identifier, literal

if TYPE_CHECKING:
    from contracts.checks.expressions import Expression


@dataclass(frozen=True)
class SqlCodeLists:
    """contracts.model.SqlLists: membership by a hash join with the list, which DuckDB makes of IN."""

    lookups: Codes
    tables: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Tables of one column that the caller made of code lists."""

    def member(self, name: str, x: str) -> str:
        """True where x is a code of the list, or NULL."""
        if name in self.tables:
            return f"({x} IS NULL OR {x} IN (FROM {self.tables[name]}))"
        codes = ", ".join(map(literal, sorted(spelled(name, self.lookups))))
        return f"({x} IS NULL OR {x} IN ({codes}))" if codes else f"({x} IS NULL)"


@dataclass(frozen=True, kw_only=True)
class SqlContext(SqlCodeLists):
    """Rules as SQL over the typed items and the texts as received."""

    contract: Contract
    now: datetime
    """The moment of receipt, which "today" and "now" mean."""
    raw: Mapping[str, str] = field(default_factory=dict)
    """Item → column of its text as received."""

    def value(self, item: Item) -> str:
        """The typed value; NULL where there is none, or it is not of the type."""
        return identifier(item.name)

    def text(self, item: Item) -> str:
        """The trimmed text; NULL where there is no value."""
        return text_sql(item, self.raw.get(item.name, "NULL"))

    def number(self, item: Item, text: str) -> str:
        """A number of the item's own type."""
        return f"{literal(text)}::{column_type(item)}"

    def moment(self, value: date | datetime | time) -> str:
        """A date, a moment or a time."""
        return moment_sql(value)

    def expression(self, text: str) -> Expression:
        """A row rule's expression, parsed over the contract's items."""
        from contracts.checks import expressions  # sqlglot: 0.15 s that contracts without row rules save

        return expressions.parse(text, self.contract.items)


def spelled(name: str, lookups: Codes) -> frozenset[str]:
    """The codes of a list in every way of writing them. Errors: CodeListMissing."""
    codes = code_lists.fetch(lookups, name)
    return division.spellings(codes) if name == code_lists.DIVISIONS else codes


def moment_sql(value: date | datetime | time) -> str:
    """A SQL literal of a date, an aware moment or a time."""
    if isinstance(value, datetime):
        micros = int((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 + value.microsecond
        return f"make_timestamptz({micros})"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else f"TIME '{value.isoformat()}'"
