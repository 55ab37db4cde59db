"""Longitude and latitude: within their bounds, and not exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.checks.formats.coordinate import bounds
from contracts.checks.rules.base import Dimension, ItemCheck, Rule
from contracts.checks.rules.wording import sentence
from contracts.model import Item, Said

if TYPE_CHECKING:
    import polars as pl

    from contracts.checks.duckdb.context import SqlContext
    from contracts.checks.polars.context import FrameContext


def _between(item: Item) -> str:
    low, high = bounds(item)
    return f"{low!r}::DOUBLE AND {high!r}::DOUBLE"


def _exchanged_sql(item: Item, other: Item, c: SqlContext) -> str:
    x, y = c.value(item), c.value(other)
    return (
        f"({x} NOT BETWEEN {_between(item)} OR {y} NOT BETWEEN {_between(other)}) "
        f"AND {x} BETWEEN {_between(other)} AND {y} BETWEEN {_between(item)}"
    )


def _outside_sql(check: ItemCheck, c: SqlContext) -> str:
    outside = f"{c.value(check.of)} NOT BETWEEN {_between(check.of)}"
    if check.pair is None:
        return f"coalesce({outside}, FALSE)"
    return f"coalesce({outside} AND NOT coalesce({_exchanged_sql(check.of, check.pair, c)}, FALSE), FALSE)"


def _outside_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    outside = ~f.value(check.of).is_between(*bounds(check.of))
    if check.pair is None:
        return outside.fill_null(False)
    return (outside & ~_exchanged(check.of, check.pair, f).fill_null(False)).fill_null(False)


def _exchanged(item: Item, other: Item, f: FrameContext) -> pl.Expr:
    x, y = f.value(item), f.value(other)
    apart = ~x.is_between(*bounds(item)) | ~y.is_between(*bounds(other))
    return apart & x.is_between(*bounds(other)) & y.is_between(*bounds(item))


def _outside(check: ItemCheck, value: str | None) -> Said:
    low, high = bounds(check.of)
    kind = ("经度", "longitude") if check.record is LONGITUDE else ("纬度", "latitude")
    datum = f"（{check.of.datum}）" if check.of.datum else ""
    return sentence(
        check,
        value,
        (f"应在{kind[0]} {low:g} 至 {high:g} 度之间{datum}", f"must be a {kind[1]} from {low:g} to {high:g} degrees"),
        ("请用十进制度，核对坐标和坐标系", "use decimal degrees, check the place and the datum"),
    )


def _swapped_sql(check: ItemCheck, c: SqlContext) -> str:
    return "FALSE" if check.pair is None else f"coalesce({_exchanged_sql(check.of, check.pair, c)}, FALSE)"


def _swapped_frame(check: ItemCheck, f: FrameContext) -> pl.Expr:
    return _exchanged(check.of, check.pair or check.of, f).fill_null(False)


def _swapped(check: ItemCheck, value: str | None) -> Said:
    other = check.pair
    zh, en = (other.title or other.name, other.title_en or other.name) if other else ("纬度", "latitude")
    return sentence(
        check,
        value,
        (f"与“{zh}”疑似对调", f"and {en} look exchanged"),
        ("请核对后交换两列的值", "check, then exchange the two values"),
    )


LONGITUDE: Rule[ItemCheck] = Rule(
    name="longitude",
    title=("经度范围", "Longitude"),
    heading=("经度超出范围", "Longitude out of bounds"),
    dimension=Dimension.ACCURACY,
    asked=lambda item: item.format is not None and item.format.name == "longitude",
    sql=_outside_sql,
    frame=_outside_frame,
    message=_outside,
)
LATITUDE: Rule[ItemCheck] = Rule(
    name="latitude",
    title=("纬度范围", "Latitude"),
    heading=("纬度超出范围", "Latitude out of bounds"),
    dimension=Dimension.ACCURACY,
    asked=lambda item: item.format is not None and item.format.name == "latitude",
    sql=_outside_sql,
    frame=_outside_frame,
    message=_outside,
)
SWAPPED: Rule[ItemCheck] = Rule(
    name="swapped",
    title=("经纬度未对调", "Coordinates not exchanged"),
    heading=("经纬度疑似对调", "Longitude and latitude look exchanged"),
    dimension=Dimension.ACCURACY,
    sql=_swapped_sql,
    frame=_swapped_frame,
    message=_swapped,
    names_items=True,
)
