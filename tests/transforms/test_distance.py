"""The pack's distances: what two places are apart lies between the least and the most that is said of their cells."""

from __future__ import annotations

from typing import Any

import duckdb
import jinja2
import pytest

from tests import packing

MACROS: Any = jinja2.Template((packing.EMERGENCY / "transforms" / "macros" / "distance.sql").read_text(encoding="utf-8")).module
CORNERS = """
SELECT count(*) FILTER (apart < least - 1e-6), count(*) FILTER (apart > most + 1e-6),
       count(*) FILTER (apart < least + 0.05), count(*) FILTER (apart > most - 0.05)
FROM (
    SELECT {apart} AS apart, {least} AS least, {most} AS most
    FROM (SELECT unnest([-176, -1, 0, 175, 180, 450, 540]) AS y), (SELECT unnest(range(-5, 6)) AS dy),
         (SELECT unnest(range(-9, 10)) AS dx), (SELECT unnest([0, 0.3, 1]) AS lat1), (SELECT unnest([0, 0.3, 1]) AS lat2),
         (SELECT unnest([0, 0.6, 1]) AS lon1), (SELECT unnest([0, 0.6, 1]) AS lon2)
)
"""


def test_places_of_two_cells_are_apart_as_their_cells_say() -> None:
    """At both ends of the country and on the equator, in corners of cells and within; some as near and as far as that."""
    one, other = ("((1200 + lon1) * 0.1)", "((y + lat1) * 0.1)"), ("((1200 + dx + lon2) * 0.1)", "((y + dy + lat2) * 0.1)")
    query = CORNERS.format(
        apart=MACROS.distance_km(*one, *other),
        least=MACROS.least_km("y", "dy", "dx", 0.1),
        most=MACROS.most_km("y", "dy", "dx", 0.1),
    )
    [(nearer, further, least, most)] = duckdb.sql(query).fetchall()
    assert (nearer, further) == (0, 0)
    assert least > 0 < most


def test_a_degree_of_latitude_and_one_of_longitude() -> None:
    asked = ", ".join(MACROS.distance_km(*places) for places in [(120, 45, 120, 46), (120, 60, 121, 60)])
    assert duckdb.sql(f"SELECT {asked}").fetchone() == pytest.approx((111.195, 55.597), abs=0.001)
