"""Longitudes and latitudes: numbers in degrees, whose bounds and partner the contract names."""

from __future__ import annotations

from contracts.model import Format, Item, Said, SqlLists, Type


class Coordinate(Format):
    """One of the two numbers of a place on earth; contracts.checks.rules.coordinates judges the pair."""

    type = Type.NUMBER
    dimension = "accuracy"
    limits: tuple[float, float]
    """Smallest and largest value there is."""

    def wrong(self, text: str) -> Said | None:
        """Not within its limits, or None."""
        try:
            within = self.limits[0] <= float(text) <= self.limits[1]
        except ValueError:
            within = False
        return None if within else ("请用十进制度", "use decimal degrees")

    def sql(self, x: str, lists: SqlLists) -> str:
        """True where x is within the limits."""
        return f"{x} BETWEEN {self.limits[0]!r}::DOUBLE AND {self.limits[1]!r}::DOUBLE"


class Longitude(Coordinate):
    """Degrees east of Greenwich."""

    name = "longitude"
    title = ("经度", "Longitude")
    heading = ("经度超出范围", "Longitude out of bounds")
    asks = ("应为经度", "must be a longitude")
    summary = ("经度", "longitude")
    valid = ("130.3627", "-180", "180")
    invalid = ("180.5", "-181")
    limits = (-180.0, 180.0)


class Latitude(Coordinate):
    """Degrees north of the equator."""

    name = "latitude"
    title = ("纬度", "Latitude")
    heading = ("纬度超出范围", "Latitude out of bounds")
    asks = ("应为纬度", "must be a latitude")
    summary = ("纬度", "latitude")
    valid = ("46.8012", "-90", "90")
    invalid = ("90.5", "-91")
    limits = (-90.0, 90.0)


def bounds(item: Item) -> tuple[float, float]:
    """Smallest and largest value that an item's coordinate may have."""
    if item.bounds:
        return item.bounds
    return item.format.limits if isinstance(item.format, Coordinate) else (-90.0, 90.0)
