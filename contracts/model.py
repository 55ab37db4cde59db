"""The contract as the hub uses it: an ODCS 3.1 document compiled to typed, frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


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


class Format(StrEnum):
    """Domain formats of a string or number item."""

    CREDIT_CODE = "credit-code"  # unified social credit code, GB 32100
    IDENTITY_NUMBER = "identity-number"  # GB 11643
    DIVISION = "division"  # GB/T 2260 and below, 2 to 12 digits, must exist
    MOBILE = "mobile"
    LONGITUDE = "longitude"
    LATITUDE = "latitude"


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
