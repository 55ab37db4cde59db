"""Datums of Chinese maps: GCJ-02 (Amap), BD-09 (Baidu) and Web Mercator to CGCS2000, which WGS 84 equals to centimetres.

GCJ-02 is a displacement that is published nowhere; its formula is known from the maps' own libraries (coordTransform,
prcoords). Its inverse has none: the displacement at the place found so far is taken off again until it stays (0.1 mm).
"""

from __future__ import annotations

import math

AXIS, ECCENTRICITY = 6378245.0, 0.00669342162296594323
"""Krasovsky's ellipsoid, which the displacement is computed on."""
BAIDU = math.pi * 3000.0 / 180.0
MERCATOR = 20037508.342789244
ROUNDS = 5
"""Rounds of the inverse: each leaves a hundredth of the error, some 500 m at first."""
CHINA = (72.004, 137.8347, 0.8293, 55.8271)
"""Where the displacement applies: west, east, south, north."""

Place = tuple[float, float]


def displaced(longitude: float, latitude: float) -> Place:
    """A place in WGS 84 as GCJ-02 shows it."""
    x, y, pi = longitude - 105.0, latitude - 35.0, math.pi
    root = math.sqrt(abs(x))
    waves = (20 * math.sin(6 * x * pi) + 20 * math.sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * math.sin(y * pi) + 40 * math.sin(y / 3 * pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * pi) + 320 * math.sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * math.sin(x * pi) + 40 * math.sin(x / 3 * pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * pi) + 300 * math.sin(x / 30 * pi)) * 2 / 3
    radians = latitude / 180 * pi
    flat = 1 - ECCENTRICITY * math.sin(radians) ** 2
    north = north * 180 / (AXIS * (1 - ECCENTRICITY) / (flat * math.sqrt(flat)) * pi)
    east = east * 180 / (AXIS / math.sqrt(flat) * math.cos(radians) * pi)
    return longitude + east, latitude + north


def from_gcj02(longitude: float, latitude: float) -> Place:
    """A place in GCJ-02 as WGS 84; places outside China are not displaced."""
    west, east, south, north = CHINA
    if not (west <= longitude <= east and south <= latitude <= north):
        return longitude, latitude
    x, y = longitude, latitude
    for _ in range(ROUNDS):
        shown = displaced(x, y)
        x, y = x - (shown[0] - longitude), y - (shown[1] - latitude)
    return x, y


def gcj02_of_bd09(longitude: float, latitude: float) -> Place:
    """A place in BD-09 as GCJ-02; the same rounds, for Baidu's own inverse is a metre off."""
    x, y = longitude, latitude
    for _ in range(ROUNDS):
        z = math.hypot(x, y) + 0.00002 * math.sin(y * BAIDU)
        theta = math.atan2(y, x) + 0.000003 * math.cos(x * BAIDU)
        x, y = x - (z * math.cos(theta) + 0.0065 - longitude), y - (z * math.sin(theta) + 0.006 - latitude)
    return x, y


def from_bd09(longitude: float, latitude: float) -> Place:
    """A place in BD-09 as WGS 84."""
    return from_gcj02(*gcj02_of_bd09(longitude, latitude))


def from_mercator(x: float, y: float) -> Place:
    """Metres of Web Mercator (EPSG:3857) as degrees."""
    return x / MERCATOR * 180, math.degrees(2 * math.atan(math.exp(y / MERCATOR * math.pi)) - math.pi / 2)


def from_dms(sign: int, degrees: float, minutes: float = 0, seconds: float = 0) -> float:
    """Degrees, minutes and seconds as degrees; `sign`: -1 in the west and the south."""
    return sign * (degrees + minutes / 60 + seconds / 3600)


def from_packed(value: float, seconds: bool = False) -> float:
    """Degrees and minutes run together (12632.5 is 126°32.5'), or with seconds (1263230)."""
    sign, value = (-1 if value < 0 else 1), abs(value)
    if seconds:
        return sign * (value // 10000 + value // 100 % 100 / 60 + value % 100 / 3600)
    return sign * (value // 100 + value % 100 / 60)
