"""Coordinates converted in SQL as contracts.inference.datums converts them: two columns of text more, the file's own stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.inference.coordinates import CONVERTED, DMS
from contracts.inference.datums import AXIS, BAIDU, CHINA, ECCENTRICITY, MERCATOR, ROUNDS
from contracts.sql import identifier, literal

NUMBER = r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*"
DECIMALS = 8
"""Of a degree: a millimetre."""
GCJ = "gcj|火星|高德|腾讯|amap|gaode|tencent|国测局"
BD = "bd-?0?9|百度|baidu|^bd$"


class _Steps:
    """A relation with a place in two more columns, moved step by step; each step is a level of the query."""

    def __init__(self, relation: str, longitude: str, latitude: str) -> None:
        self.sql, self.number = relation, -1
        self.step(longitude, latitude)

    @property
    def place(self) -> tuple[str, str]:
        return f"_x{self.number}", f"_y{self.number}"

    def step(self, x: str, y: str) -> None:
        self.number += 1
        self.sql = f"(SELECT *, {x} AS _x{self.number}, {y} AS _y{self.number} FROM {self.sql})"

    def where(self, condition: str, otherwise: tuple[str, str]) -> None:
        """Go back to another place where a condition is not true."""
        x, y = (f"CASE WHEN {condition} THEN {new} ELSE {old} END" for new, old in zip(self.place, otherwise, strict=True))
        self.step(x, y)


def names(entry: Mapping[str, str]) -> tuple[str, str]:
    """The titles of the converted longitude and latitude."""
    return f"{entry['longitude']}{CONVERTED}", f"{entry['latitude']}{CONVERTED}"


def placed(relation: str, entry: Mapping[str, str], columns: Sequence[str]) -> str:
    """A relation with the converted coordinates at its end; where the file has such columns they are computed anew."""
    kind = entry["kind"]
    read = _signed if kind == "dms" else _number
    steps = _Steps(relation, *(read(identifier(entry[axis])) for axis in ("longitude", "latitude")))
    if kind == "dms":
        pass
    elif kind == "swapped":
        steps.step(*reversed(steps.place))
    elif kind == "mercator":
        x, y = steps.place
        steps.step(f"{x} / {MERCATOR} * 180", f"degrees(2 * atan(exp({y} / {MERCATOR} * pi())) - pi() / 2)")
    elif kind in {"minutes", "seconds"}:
        steps.step(*(_unpacked(value, seconds=kind == "seconds") for value in steps.place))
    else:
        _datum(steps, kind, f"lower(trim({identifier(entry['datum'])}))" if kind == "column" else "")
    coordinates = ", ".join(
        f"CAST(round({value}, {DECIMALS}) AS VARCHAR) AS {identifier(name)}"
        for name, value in zip(names(entry), steps.place, strict=True)
    )
    hidden = [f"_{axis}{number}" for number in range(steps.number + 1) for axis in "xy"]
    hidden += [identifier(name) for name in names(entry) if name in columns]
    return f"(SELECT * EXCLUDE ({', '.join(hidden)}), {coordinates} FROM {steps.sql})"


def _datum(steps: _Steps, kind: str, datum: str) -> None:
    """BD-09 to GCJ-02 to WGS 84; with a column that says the datum only the rows where it says so."""
    if kind in {"bd09", "column"}:
        start = steps.place
        for _ in range(ROUNDS):
            steps.step(*_less_baidu(steps.place, start))
        if datum:
            steps.where(f"regexp_matches({datum}, {literal(BD)})", start)
    start = steps.place
    west, east, south, north = CHINA
    displaced = f"{start[0]} BETWEEN {west} AND {east} AND {start[1]} BETWEEN {south} AND {north}"
    if datum:
        displaced += f" AND regexp_matches({datum}, {literal(f'{GCJ}|{BD}')})"
    for _ in range(ROUNDS):
        steps.step(*_less_displacement(steps, start))
    steps.where(displaced, start)


def _number(c: str) -> str:
    return f"CASE WHEN regexp_full_match({c}, {literal(NUMBER)}) THEN TRY_CAST({c} AS DOUBLE) END"


def _signed(c: str) -> str:
    """contracts.inference.datums.from_dms."""
    first, degrees, minutes, seconds, last = (f"regexp_extract({c}, {literal(DMS)}, {n})" for n in range(1, 6))
    parts = " + ".join(
        f"coalesce(TRY_CAST({part} AS DOUBLE), 0) / {by}" for part, by in ((degrees, 1), (minutes, 60), (seconds, 3600))
    )
    sign = f"CASE WHEN regexp_matches({first} || {last}, '[WS西南]') THEN -1 ELSE 1 END"
    return f"CASE WHEN regexp_full_match({c}, {literal(DMS)}) THEN ({sign}) * ({parts}) END"


def _less_baidu(place: tuple[str, str], shown: tuple[str, str]) -> tuple[str, str]:
    """One round of contracts.inference.datums.gcj02_of_bd09."""
    x, y = place
    z = f"(sqrt({x} * {x} + {y} * {y}) + 0.00002 * sin({y} * {BAIDU!r}))"
    theta = f"(atan2({y}, {x}) + 0.000003 * cos({x} * {BAIDU!r}))"
    return (
        f"{x} - ({z} * cos({theta}) + 0.0065 - {shown[0]})",
        f"{y} - ({z} * sin({theta}) + 0.006 - {shown[1]})",
    )


def _less_displacement(steps: _Steps, shown: tuple[str, str]) -> tuple[str, str]:
    """One round of contracts.inference.datums.from_gcj02."""
    a, b = steps.place
    x, y = f"({a} - 105.0)", f"({b} - 35.0)"
    waves = f"(20 * sin(6 * {x} * pi()) + 20 * sin(2 * {x} * pi())) * 2 / 3"
    north = (
        f"(-100 + 2 * {x} + 3 * {y} + 0.2 * {y} * {y} + 0.1 * {x} * {y} + 0.2 * sqrt(abs({x})) + {waves}"
        f" + (20 * sin({y} * pi()) + 40 * sin({y} / 3 * pi())) * 2 / 3"
        f" + (160 * sin({y} / 12 * pi()) + 320 * sin({y} * pi() / 30)) * 2 / 3)"
    )
    east = (
        f"(300 + {x} + 2 * {y} + 0.1 * {x} * {x} + 0.1 * {x} * {y} + 0.1 * sqrt(abs({x})) + {waves}"
        f" + (20 * sin({x} * pi()) + 40 * sin({x} / 3 * pi())) * 2 / 3"
        f" + (150 * sin({x} / 12 * pi()) + 300 * sin({x} / 30 * pi())) * 2 / 3)"
    )
    flat = f"(1 - {ECCENTRICITY!r} * pow(sin(radians({b})), 2))"
    metres = f"{AXIS} * (1 - {ECCENTRICITY!r}) / ({flat} * sqrt({flat}))"
    return (
        f"{a} - ({a} + {east} * 180 / ({AXIS} / sqrt({flat}) * cos(radians({b})) * pi()) - {shown[0]})",
        f"{b} - ({b} + {north} * 180 / ({metres} * pi()) - {shown[1]})",
    )


def _unpacked(value: str, *, seconds: bool) -> str:
    """contracts.inference.datums.from_packed."""
    whole, sign = f"abs({value})", f"sign({value})"
    if seconds:
        return f"{sign} * (floor({whole} / 10000) + floor({whole} / 100) % 100 / 60 + {whole} % 100 / 3600)"
    return f"{sign} * (floor({whole} / 100) + {whole} % 100 / 60)"
