"""The contract as the hub uses it: an ODCS 3.1 document compiled to typed, frozen records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol


class Type(StrEnum):
    """Logical types of an item, as ODCS names them."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"


class Delivery(StrEnum):
    """What a delivery means (architecture.md, "What a delivery means")."""

    APPEND = "append"
    CHANGES = "changes"
    FULL = "full"


Said = tuple[str, str]
"""One text in Chinese and English."""


class Codes(Protocol):
    """What checks need of the catalogue."""

    def codes(self, name: str) -> Sequence[str]:
        """Values of a code list; KeyError when there is none of that name."""


class SqlLists(Protocol):
    """The code lists as SQL sees them."""

    @property
    def lookups(self) -> Codes:
        """The lists themselves."""

    def member(self, name: str, x: str) -> str:
        """SQL that is true where x is a code of the list, or NULL."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """When a column of text is drafted as a format: its values look so, and (nearly) all pass the format's own check."""

    pattern: str
    """RE2 pattern over the whole text, by which a profile counts rows."""
    share: float = 0.95
    """Share of the filled rows that must look so."""
    named: bool = False
    """Only where the column is known to hold such personal data: any eleven digits look like a mobile number."""
    uniform: bool = False
    """Such a column stays text only where all its values have the format's length."""


class Format(ABC):
    """A domain format: what values of one kind must be, in Python and in SQL, and what people are told of them.

    One module each in contracts.checks.formats; a plug-in brings one under the entry point `hui.formats`.
    """

    name: str
    """As contracts write it: customProperties domainFormat."""
    title: Said
    """What it is called."""
    heading: Said
    """What a fault is called."""
    asks: Said
    """What a value must be: "应为手机号", "must be a mobile number"."""
    summary: Said
    """The same in a word, for lists of items."""
    valid: tuple[str, ...]
    invalid: tuple[str, ...]
    """Samples, for the documentation and the conformance test."""
    type: Type = Type.STRING
    dimension: str = "conformity"
    """Quality dimension of GB/T 36344; a check digit makes it accuracy."""
    lists: tuple[str, ...] = ()
    """Code lists without which it cannot be checked."""
    optional_lists: tuple[str, ...] = ()
    choices: str | None = None
    """The code list that a template's drop-down offers."""
    length: int | None = None
    """Characters that every value has."""
    personal: str | None = None
    """Kind of personal data that it is."""
    identifies: bool = False
    """A value stands for one person or organization: it may be a key."""
    recognition: Recognition | None = None

    @abstractmethod
    def wrong(self, text: str) -> Said | None:
        """What is wrong with a trimmed text by itself and what to do, in Chinese and English; None when it is right."""

    @abstractmethod
    def sql(self, x: str, lists: SqlLists) -> str:
        """DuckDB SQL, of vectorised functions only: true where x is right, its lists included; true or NULL where x is NULL."""

    def holding(self, lookups: Codes) -> Callable[[str], bool]:
        """Whether the code lists hold what a right text names."""
        return lambda text: True

    def unknown(self, text: str) -> Said:
        """What to say of a text that is right by itself and that the lists do not hold."""
        return self.asks

    @property
    def counted(self) -> str:
        """Under which name a profile counts the rows that look so."""
        return self.name.replace("-", "_")

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.name == getattr(other, "name", None)

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Item:
    """One information item (信息项): a column of the dataset, with everything that is asked of its values."""

    name: str
    """Machine name, the column's name in every table."""
    title: str
    """Name in Chinese where there is one; what people and providers' files call it."""
    type: Type
    title_en: str = ""
    description: str = ""
    source: tuple[str, ...] = ()
    """Headers under which the item may stand in a file; the title and the name are always accepted too."""
    required: bool = False
    unique: bool = False
    key: int | None = None
    """Position in the primary key, from 1; None outside it."""
    precision: int | None = None
    scale: int | None = None
    """With both set a number is DECIMAL(precision, scale), otherwise DOUBLE."""
    thousands: bool = False
    """Thousands separators are allowed in the text of a number."""
    formats: tuple[str, ...] = ()
    """strptime formats of a date, timestamp or time; empty means ISO 8601."""
    epoch: str | None = None
    """"seconds" or "milliseconds": the timestamp is delivered as a number since 1970."""
    timezone: str = "Asia/Shanghai"
    """Zone of a timestamp that names none."""
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    """Regular expression the whole text must match (RE2 and Rust syntax in common)."""
    minimum: str | None = None
    maximum: str | None = None
    """Bounds as text in the item's own type; a date or timestamp may say "now" or "today"."""
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    code_list: str | None = None
    """Name of a code list in the catalogue."""
    values: tuple[str, ...] = ()
    """Values allowed, where no named list is used."""
    references: tuple[str, str] | None = None
    """(dataset, item) whose values must hold this one."""
    format: Format | None = None
    datum: str | None = None
    """WGS84 or CGCS2000, for coordinates."""
    unit: str = ""
    """Unit of measure of a number (计量单位), as its provider writes it: 万元, 公顷, %."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest coordinate allowed."""
    grade: str = "L1"
    """L1 to L4 (GB/T 43697-2024, inside "general")."""
    personal: str | None = None
    """Kind of personal data: name, mobile, identity-number, address …; None when not personal."""
    sample: str | None = None
    missing: tuple[str, ...] = ()
    """Texts that stand for "no value" in this item's source, e.g. "-" or "-9999"; an empty text always does."""
    multiple_of: int | None = None
    """An integer must be a multiple of this."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule over several items of one row, in a small SQL expression that is true when the row is good."""

    name: str
    expression: str
    items: tuple[str, ...]
    title: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class BatchRules:
    """Rules about a delivery as a whole; a breach refuses the batch."""

    min_rows: int | None = None
    max_rows: int | None = None
    freshness_item: str | None = None
    freshness: timedelta | None = None
    """The newest value of freshness_item may not be older than this at receipt."""
    vanish_share: float = 0.2
    """Share of keys that a full delivery may remove before it is refused."""
    quarantine_share: float | None = None
    """Share of quarantined rows above which the whole batch is returned; None: never."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One version of a dataset's contract. `document` keeps the whole original, `text` its very characters."""

    id: str
    version: str
    dataset: str
    """Table name and machine name of the dataset."""
    title: str
    items: tuple[Item, ...]
    title_en: str = ""
    description: str = ""
    description_en: str = ""
    status: str = "draft"
    owner: str = ""
    """Identifier of the organization that answers for the data."""
    delivery: Delivery = Delivery.APPEND
    version_by: str | None = None
    row_rules: tuple[RowRule, ...] = ()
    batch_rules: BatchRules = field(default_factory=BatchRules)
    catalogue: Mapping[str, Any] = field(default_factory=dict)
    """The customProperties that the catalogue entry is made from: sharing, class code, route, cycle, grading …"""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How files of this dataset are read: encoding, delimiter, header, sheet, records …; empty means detect."""
    document: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key's items in order; empty where there is none."""
        return tuple(item.name for item in sorted((i for i in self.items if i.key), key=lambda i: i.key or 0))

    def item(self, name: str) -> Item:
        """The item of that machine name; KeyError names the ones there are."""
        for item in self.items:
            if item.name == name:
                return item
        raise KeyError(f"{self.dataset} has no item {name!r}; it has {', '.join(i.name for i in self.items)}")
