"""Typed values of text columns in polars: the same strict decisions as predicates, made without the engine's own parsers.

Known difference: after 2099 polars has no daylight saving in any zone, DuckDB goes on with the last rule.
"""

from __future__ import annotations

import polars as pl

from contracts.checks import datetimes
from contracts.checks.duckdb.casts import (
    DOUBLE,
    FALSE_WORDS,
    GROUPED,
    GROUPED_NUMBER,
    INTEGER,
    LONG_NUMBER,
    SPACES,
    TRUE_WORDS,
    column_type,
    decimal_pattern,
    rounds,
)
from contracts.model import Item, Type

ISO_TIMESTAMP = (
    r"(?P<Y>[1-9][0-9]{3})-(?P<m>1[0-2]|0?[1-9])-(?P<d>3[01]|[12][0-9]|0?[1-9])[ T]"
    r"(?P<H>2[0-3]|[01]?[0-9]):(?P<M>[0-5][0-9])(?::(?P<S>[0-5][0-9])(?:\.(?P<f>[0-9]{1,9}))?)?"
    rf"(?: ?(?P<z>{datetimes.ZONE}))?"
)
ISO_TIME = r"(?P<H>2[0-3]|[01]?[0-9]):(?P<M>[0-5][0-9])(?::(?P<S>[0-5][0-9])(?:\.(?P<f>[0-9]{1,9}))?)?"
MONTH_NUMBERS = {name[:3].lower(): n + 1 for n, name in enumerate(datetimes.MONTHS)}


def data_type(item: Item) -> pl.DataType:
    """The polars type of an item's values."""
    if item.type is Type.NUMBER and item.precision is not None and item.scale is not None:
        return pl.Decimal(item.precision, item.scale)
    return {
        Type.STRING: pl.String(),
        Type.INTEGER: pl.Int64(),
        Type.NUMBER: pl.Float64(),
        Type.BOOLEAN: pl.Boolean(),
        Type.DATE: pl.Date(),
        Type.TIMESTAMP: pl.Datetime("us", "UTC"),
        Type.TIME: pl.Time(),
    }[item.type]


def text(item: Item, column: pl.Expr) -> pl.Expr:
    """The trimmed text; null where it says that there is no value."""
    for word in item.missing:
        column = pl.when(column == word).then(None).otherwise(column)
    trimmed = column.str.strip_chars(SPACES)
    for word in ("", *item.missing):
        trimmed = pl.when(trimmed == word).then(None).otherwise(trimmed)
    return trimmed


def typed(item: Item, column: pl.Expr) -> pl.Expr:
    """The value in the item's type, or null where the text is not strictly of that type."""
    trimmed = text(item, column)
    match item.type:
        case Type.STRING:
            return trimmed
        case Type.INTEGER:
            return _integer(item, trimmed)
        case Type.NUMBER:
            return _number(item, trimmed)
        case Type.BOOLEAN:
            low = trimmed.str.to_lowercase()
            yes, no = low.is_in(list(TRUE_WORDS)), low.is_in(list(FALSE_WORDS))
            return pl.when(yes).then(True).when(no).then(False).otherwise(None)
    return _moment(item, trimmed)


def matching(x: pl.Expr, pattern: str) -> pl.Expr:
    """The text where the whole of it matches, else null."""
    return pl.when(x.str.contains(f"^(?:{pattern})$")).then(x).otherwise(None)


def _ungrouped(item: Item, x: pl.Expr, simple: str, grouped: str) -> pl.Expr:
    plain = matching(x, simple)
    if not item.thousands:
        return plain
    return pl.coalesce(plain, matching(x, grouped).str.replace_all(",", "", literal=True))


def _integer(item: Item, x: pl.Expr) -> pl.Expr:
    digits = _ungrouped(item, x, INTEGER, GROUPED)
    bare = digits.str.replace(r"^\+", "").str.replace(r"^(-?)0+([0-9])", "${1}${2}")
    return bare.cast(pl.Int64, strict=False)


def _number(item: Item, x: pl.Expr) -> pl.Expr:
    if column_type(item) == "DOUBLE":
        digits = _ungrouped(item, x, DOUBLE, GROUPED_NUMBER)
        number = digits.cast(pl.Float64, strict=False)
        lost = matching(digits, LONG_NUMBER).map_elements(rounds, return_dtype=pl.Boolean).fill_null(False)
        return pl.when(number.is_finite() & ~lost).then(number).otherwise(None)
    simple = decimal_pattern(item.precision or 0, item.scale or 0)
    digits = matching(_ungrouped(item, x, simple, GROUPED_NUMBER), simple).str.replace(r"^\+", "")
    digits = digits.str.replace(r"^(-?)\.", "${1}0.")
    bare = digits.str.replace(r"^(-?)0+([0-9])", "${1}${2}").str.replace(r"(\.[0-9]*?)0+$", "${1}").str.replace(r"\.$", "")
    return bare.cast(data_type(item), strict=False)


def _moment(item: Item, x: pl.Expr) -> pl.Expr:
    if item.epoch:
        return _epoch(item.epoch, x)
    if item.formats:
        return pl.coalesce(*(_parsed(item, x, datetimes.pattern(fmt)) for fmt in item.formats))
    default = {Type.DATE: datetimes.pattern(datetimes.ISO_DATE), Type.TIMESTAMP: ISO_TIMESTAMP, Type.TIME: ISO_TIME}
    return _parsed(item, x, default[item.type])


def _epoch(unit: str, x: pl.Expr) -> pl.Expr:
    low, high = datetimes.EPOCH_LIMITS[unit]
    number = matching(x, f"-?[0-9]{{1,{datetimes.EPOCH_DIGITS[unit]}}}").cast(pl.Int64, strict=False)
    in_range = pl.when(number.is_between(low, high)).then(number).otherwise(None)
    micros = in_range * (1000 if unit == "milliseconds" else 1_000_000)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


class _Parts:
    """The named groups of a matched pattern as numbers; a group that the pattern does not have is its default."""

    def __init__(self, x: pl.Expr, pattern: str) -> None:
        self.groups = x.str.extract_groups(f"^(?:{pattern})$")
        self.names = {name for name in datetimes.LOOSE if f"(?P<{name}>" in pattern}
        self.matched = x.str.contains(f"^(?:{pattern})$")

    def text(self, name: str) -> pl.Expr:
        return self.groups.struct.field(name)

    def number(self, name: str, default: int) -> pl.Expr:
        if name not in self.names:
            return pl.lit(default, dtype=pl.Int32)
        return self.text(name).cast(pl.Int32, strict=False).fill_null(default)

    def year(self) -> pl.Expr:
        if "y" not in self.names:
            return self.number("Y", 1900)
        short = self.number("y", 0)
        return pl.when(short < 69).then(short + 2000).otherwise(short + 1900)

    def month(self) -> pl.Expr:
        named = next((name for name in ("b", "B") if name in self.names), None)
        if named is None:
            return self.number("m", 1)
        return (
            self.text(named)
            .str.to_lowercase()
            .str.slice(0, 3)
            .replace_strict(MONTH_NUMBERS, default=None, return_dtype=pl.Int32)
        )

    def hour(self) -> pl.Expr:
        if "I" not in self.names:
            return self.number("H", 0)
        return self.number("I", 12) % 12 + pl.when(self.text("p").str.to_lowercase() == "pm").then(12).otherwise(0)

    def micros(self) -> pl.Expr:
        if "f" not in self.names:
            return pl.lit(0, dtype=pl.Int32)
        return self.text("f").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int32, strict=False).fill_null(0)

    def clock(self) -> tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]:
        return self.hour(), self.number("M", 0), self.number("S", 0), self.micros()

    def offset(self) -> pl.Expr:
        """Minutes ahead of UTC, null where no zone is written."""
        if "z" not in self.names:
            return pl.lit(None, dtype=pl.Int32)
        zone = self.text("z").str.replace(":", "", literal=True)
        minutes = zone.str.slice(3, 2).cast(pl.Int32, strict=False).fill_null(0)
        total = zone.str.slice(1, 2).cast(pl.Int32, strict=False) * 60 + minutes
        zulu = zone.str.to_lowercase() == "z"
        return pl.when(zulu).then(0).when(zone.str.starts_with("-")).then(-total).otherwise(total)


def _parsed(item: Item, x: pl.Expr, pattern: str) -> pl.Expr:
    parts = _Parts(x, pattern)
    if item.type is Type.TIME:
        hour, *rest = parts.clock()
        return pl.time(pl.when(parts.matched).then(hour).otherwise(None), *rest)
    year, month, day = parts.year(), parts.month(), parts.number("d", 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    last = (
        pl.when(month == 2).then(pl.when(leap).then(29).otherwise(28)).when(month.is_in([4, 6, 9, 11])).then(30).otherwise(31)
    )
    real = parts.matched & (day <= last)
    year, month, day = (pl.when(real).then(part).otherwise(None) for part in (year, month, day))
    if item.type is Type.DATE:
        return pl.date(year, month, day)
    naive = pl.datetime(year, month, day, *parts.clock(), time_unit="us")
    local = naive.dt.replace_time_zone(item.timezone, ambiguous="latest", non_existent="null").dt.convert_time_zone("UTC")
    offset = parts.offset()
    zoned = (naive - pl.duration(minutes=offset)).dt.replace_time_zone("UTC")
    return pl.when(offset.is_null()).then(local).otherwise(zoned)
