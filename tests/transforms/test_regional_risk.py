"""Regional risk beside the plainest reckoning of it: every event with every enterprise, and the distance between them."""

from __future__ import annotations

from typing import Any

from orchestration import dbt
from tests.transforms.conftest import read, write
from warehouse.settings import Settings

SOUTHS = (17.5, 45.0, 53.0)
"""Three places of 3° by 2°: the south of the country, the demo's, and its north end."""
COUNTIES, ENTERPRISES, EVENTS = 12, 150, 240

PLAIN = """
WITH newest AS (SELECT max(occurred_at) AS at FROM theme.hazard),
pairs AS (
    SELECT e.county_code, e.credit_code, h.*
    FROM theme.enterprise e, theme.hazard h, newest
    WHERE h.occurred_at >= newest.at - to_days(365)
      AND 2 * 6371.0088 * asin(sqrt(
            sin(radians(h.lat - e.lat) / 2) ** 2
            + cos(radians(h.lat)) * cos(radians(e.lat)) * sin(radians(h.lon - e.lon) / 2) ** 2
          )) <= CASE h.kind WHEN 'earthquake' THEN 50 ELSE 5 END
),
events AS (SELECT DISTINCT ON (county_code, hazard_id) * FROM pairs)
SELECT
    g.code,
    (SELECT count(*) FROM theme.enterprise e WHERE e.county_code = g.code),
    (SELECT count(DISTINCT credit_code) FROM pairs p WHERE p.county_code = g.code),
    (SELECT count(*) FROM events n WHERE n.county_code = g.code AND n.kind = 'earthquake'),
    (SELECT count(*) FROM events n WHERE n.county_code = g.code AND n.kind = 'landslide'),
    (SELECT count(*) FROM events n WHERE n.county_code = g.code AND n.kind = 'fire'),
    (SELECT max(occurred_at) FROM events n WHERE n.county_code = g.code),
    (
        SELECT CASE WHEN w >= 100 THEN 4 WHEN w >= 20 THEN 3 WHEN w >= 2 THEN 2 ELSE 1 END
        FROM (
            SELECT coalesce(sum(CAST(CASE kind
                WHEN 'earthquake' THEN pow(2, measure - 4) WHEN 'fire' THEN 0.01 * 2 ** (4 - severity) ELSE 2 ** (4 - severity)
            END AS DECIMAL(38, 12))), 0) AS w
            FROM events n WHERE n.county_code = g.code
        )
    )
FROM theme.geography g WHERE g.level = 3 ORDER BY g.code
"""
MADE = """
SELECT county_code, enterprises, exposed_enterprises, earthquakes, landslides, fire_hotspots, latest_event_at, likelihood
FROM topic.regional_risk ORDER BY county_code
"""


def test_it_is_what_every_pair_gives(lake: Settings) -> None:
    """Places anywhere, on the edges of cells, and a hand's breadth within and beyond reach."""
    for number, south in enumerate(SOUTHS):
        scatter(lake, number, south)
    assert not dbt.build(lake).failed
    made = read(lake, MADE)
    assert made == read(lake, PLAIN)
    assert told_apart(made)


CHANGES = (
    "UPDATE lake.resource.enterprise_registration SET lon = 130.2, lat = 46.1 WHERE credit_code = 'C'",
    "UPDATE lake.resource.enterprise_registration SET lon = 134.0, lat = 48.0 WHERE credit_code = 'A'",
    "UPDATE lake.resource.earthquake SET lon = 134.1, lat = 48.0, _batch = '20260302-0001' WHERE event_id = 'q1'",
    "UPDATE lake.resource.enterprise_registration SET division = '230804' WHERE credit_code = 'A'",
    "DELETE FROM lake.resource.enterprise_registration WHERE credit_code = 'B'",
    "UPDATE lake.resource.earthquake SET occurred_at = '2027-02-01', _batch = '20270201-0001' WHERE event_id = 'q1'",
    "UPDATE lake.resource.earthquake SET occurred_at = '2027-04-01', _batch = '20270401-0001' WHERE event_id = 'q2'",
    "DELETE FROM lake.resource.earthquake",
)
"""An enterprise moved near, moved away, an event moved after it, another county's enterprise then, one gone; events that end a
year; all undone."""


def test_it_follows_enterprises_events_and_the_year(lake: Settings) -> None:
    made = read(lake, MADE)
    for change in CHANGES:
        before = made
        write(lake, change)
        assert not dbt.build(lake, tests=False).failed
        made = read(lake, MADE)
        assert made == read(lake, PLAIN), change
        assert made != before, change


def scatter(settings: Settings, number: int, south: float) -> None:
    """Counties, enterprises and events of one place; of three each, one stands anywhere and one on the edge of a cell."""
    code = f"46{number}1"
    counties = f"SELECT '{code}' || lpad(i::VARCHAR, 2, '0'), '县' || i, 3, NULL, 'd{number}', i FROM range({COUNTIES}) t(i)"
    write(settings, f"INSERT INTO lake.resource.division (code, name, level, parent_code, _batch, _row) {counties}")
    write(
        settings,
        f"""
        INSERT INTO lake.resource.earthquake (event_id, occurred_at, magnitude, depth, place, lon, lat, _batch, _row)
        SELECT 'q{number}-' || i, TIMESTAMPTZ '2024-09-01 00:00:00+08' + to_days(i::INTEGER * 3), 2 + i % 40 / 10.0, 10, '',
               {place(f"q{number}", south)}, 'q{number}', i
        FROM range({EVENTS}) t(i) WHERE i % 4 = 0
        """,
    )
    write(
        settings,
        f"""
        INSERT INTO lake.resource.landslide (event_id, occurred_on, division, fatalities, lon, lat, _batch, _row)
        SELECT 'l{number}-' || i, DATE '2024-09-02' + i::INTEGER * 2, '{code}01', i % 40, {place(f"l{number}", south)},
               'l{number}', i
        FROM range({EVENTS}) t(i)
        """,
    )
    write(
        settings,
        f"""
        INSERT INTO lake.resource.fire_hotspot (acq_date, acq_time, division, frp, lon, lat, _batch, _row)
        SELECT DATE '2025-01-01' + i::INTEGER, '0050', '{code}01', i * 3, {place(f"f{number}", south)}, 'f{number}', i
        FROM range({EVENTS}) t(i)
        """,
    )
    # Every third stands due north or east of an earthquake, at 50 km and half a metre more or less.
    write(
        settings,
        f"""
        INSERT INTO lake.resource.enterprise_registration (credit_code, name, division, status, lon, lat, _batch, _row)
        WITH near AS (
            SELECT i, q.lon, q.lat, degrees(CASE WHEN i % 2 = 0 THEN 50.0005 ELSE 49.9995 END / 6371.0088) AS off
            FROM range(0, {ENTERPRISES}, 3) t(i)
            JOIN lake.resource.earthquake q ON q.event_id = 'q{number}-' || (i - i % 4 + 60)
        ),
        placed AS (
            SELECT i, {place(f"e{number}", south)} FROM range({ENTERPRISES}) t(i) WHERE i % 3 > 0
            UNION ALL
            SELECT i, lon, lat + off FROM near WHERE i % 5 < 3
            UNION ALL
            SELECT i, lon + off / cos(radians(lat)), lat FROM near WHERE i % 5 >= 3
        )
        SELECT 'E{number}-' || i, '', '{code}' || lpad((hash(i) % {COUNTIES})::VARCHAR, 2, '0'), '存续', lon, lat,
               'e{number}', i
        FROM placed
        """,
    )


def place(seed: str, south: float) -> str:
    """Longitude and latitude, the same for a seed and a row: anywhere, or on a tenth of a degree, or a nanodegree beside it."""
    beside = "CASE WHEN i % 3 = 0 THEN {0} ELSE round({0}, 1) + (i % 3 - 1) * (i % 2) * 1e-9 END"
    lon = f"120 + hash('{seed}x' || i) % 3000000 / 1e6"
    lat = f"{south} + hash('{seed}y' || i) % 2000000 / 1e6"
    return f"{beside.format(lon)} AS lon, {beside.format(lat)} AS lat"


def told_apart(rows: list[tuple[Any, ...]]) -> bool:
    """Is there something to get wrong: counties with some enterprises exposed and some not, and several likelihoods?"""
    partly = [row for row in rows if 0 < row[2] < row[1]]
    return len(partly) > len(rows) // 2 and len({row[-1] for row in rows}) > 1
