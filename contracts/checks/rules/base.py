"""What a rule is, and a check: a rule asked of one item, one row, several rows, a delivery or an unread line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from contracts.model import Item, RowRule, Said

if TYPE_CHECKING:  # polars costs half a second, which the hub's commands do not have
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext


class Scope(StrEnum):
    """What a rule must see to decide."""

    ROW = "row"
    """One row alone (and lists)."""
    SET = "set"
    """All rows, of the delivery and of the table: key, unique."""
    REFERENCE = "reference"
    """Another dataset's table."""
    BATCH = "batch"
    """The delivery as a whole; a breach refuses it."""
    LINE = "line"
    """A line that is no row: asked by the reader."""


class Dimension(StrEnum):
    """Quality dimensions of GB/T 36344-2018."""

    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"
    TIMELINESS = "timeliness"
    CONFORMITY = "conformity"


C = TypeVar("C", bound="Check")


def never(item: Item) -> bool:
    """Asked of no item by itself."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[C]):
    """One kind of rule, whole: everything else is made of these records (docs/add-a-rule.md)."""

    name: str
    """Stable identifier, in the catalogue's records too."""
    heading: Said
    """What a fault of it is called."""
    message: Callable[[C, str | None], Said]
    """What is wrong with a value and how to fix it, for its provider; without a value: what the rule asks."""
    title: Said | None = None
    """What it asks, in a word, where nothing is wrong; None: as its fault."""
    scope: Scope = Scope.ROW
    dimension: Dimension = Dimension.CONFORMITY
    asked: Callable[[Item], bool] = never
    """Whether an item is asked it."""
    sql: Callable[[C, SqlContext], str] | None = None
    """DuckDB SQL over the typed items: true where the row breaks it, never NULL. None: other rows or tables must be seen."""
    frame: Callable[[C, FrameContext], pl.Expr] | None = None
    """The same in polars."""
    names_items: bool = False
    """What was received for it is told as "item = value, …", and not as the value alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing asked of the data. Equal checks of two engines refuse the same rows."""

    record: Rule[Any]
    private: bool = False
    """It reads personal data or what is graded L3 and above: no value of it stands in a message."""

    @property
    def rule(self) -> str:
        """Stable identifier: type, required, key, … or row:<name of the rule>."""
        return self.record.name

    @property
    def kind(self) -> str:
        """The rule without the name of a row rule."""
        return self.record.name

    @property
    def item(self) -> str:
        """Machine name of the item, or empty for a rule over the whole row or batch."""
        return ""

    @property
    def items(self) -> tuple[str, ...]:
        """Machine names of every item that it is about."""
        return (self.item,) if self.item else ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Machine names of every item whose value it looks at."""
        return self.items

    @property
    def shown(self) -> tuple[str, ...]:
        """The items whose values, as received, are told with a fault."""
        return self.items

    @property
    def names_items(self) -> bool:
        """Whether they are told as "item = value, …"."""
        return self.record.names_items or len(self.shown) > 1

    @property
    def scope(self) -> Scope:
        """What it must see to decide."""
        return self.record.scope

    @property
    def dimension(self) -> str:
        """Quality dimension: completeness, uniqueness, accuracy, consistency, timeliness or conformity."""
        return self.record.dimension.value

    @property
    def heading(self) -> Said:
        """What a fault is called, in Chinese and English."""
        return self.record.heading

    @property
    def name(self) -> Said:
        """What the rule asks, in a word, in Chinese and English: for lists of rules, where nothing is wrong yet."""
        return self.record.title or self.record.heading

    def describe(self, value: str | None = None) -> Said:
        """What is wrong with this value and how to fix it, in Chinese and English, for the provider.

        Without a value: what the rule asks, for templates, pages and the API.
        """
        said: Said = self.record.message(self, value)
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCheck(Check):
    """A rule about one item's value."""

    of: Item
    pair: Item | None = None
    """The other coordinate of a longitude or latitude."""
    codes: tuple[str, ...] = ()
    """Codes of the list that it looks up, as far as they were given, for its messages."""

    @property
    def item(self) -> str:
        """Machine name of the item."""
        return self.of.name

    @property
    def items(self) -> tuple[str, ...]:
        """The item, and the other coordinate where both are looked at as one."""
        return self.reads if self.record.names_items else (self.of.name,)

    @property
    def reads(self) -> tuple[str, ...]:
        """The other coordinate, too."""
        return (self.of.name, self.pair.name) if self.pair else (self.of.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck(Check):
    """A contract's own rule over several items of a row."""

    row_rule: RowRule
    about: tuple[Item, ...]
    """Its items, for its messages."""

    @property
    def rule(self) -> str:
        """row:<name of the rule>."""
        return f"{self.record.name}:{self.row_rule.name}"

    @property
    def items(self) -> tuple[str, ...]:
        """Every item it reads."""
        return self.row_rule.items

    @property
    def heading(self) -> Said:
        """Its own title, where it has one."""
        return self._title or self.record.heading

    @property
    def name(self) -> Said:
        """Its own title, where it has one."""
        return self._title or self.record.title or self.record.heading

    @property
    def _title(self) -> Said | None:
        title = self.row_rule.title
        return (title, self.row_rule.title_en or title) if title else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCheck(Check):
    """A rule over all rows: key and unique."""

    of: Item
    together: tuple[str, ...]
    """The items that may not repeat together."""

    @property
    def item(self) -> str:
        """The first of them."""
        return self.of.name

    @property
    def shown(self) -> tuple[str, ...]:
        """All of them."""
        return self.together


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCheck(Check):
    """A rule about a delivery as a whole."""

    limit: str
    """Its bound, as people read it."""
    of: Item | None = None

    @property
    def item(self) -> str:
        """The item that it looks at, of those that look at one."""
        return self.of.name if self.of else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCheck(Check):
    """A line that could not be read as a row, or that is none."""

    columns: int | None = None
    """Columns that the file has."""
