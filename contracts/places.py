"""Longitudes and latitudes: by name and range, in pairs, with a datum that the file never says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.glossary import SIMPLIFIED
from contracts.guess import Guess
from contracts.model import Format, Type
from contracts.profile import ColumnProfile

LONGITUDE = re.compile(r"(^|_)(lon|lng|long|longitude|lon84|wgs84_lon)(_|$)")
LATITUDE = re.compile(r"(^|_)(lat|latitude)(_|$)")


def coordinates(pairs: Sequence[tuple[Guess, ColumnProfile]]) -> None:
    """Longitudes and latitudes by name and range; swapped ones are noted and left without the check."""
    for guess, column in pairs:
        name = "longitude" if _is_longitude(guess) else "latitude" if _is_latitude(guess) else ""
        if (
            not name
            or guess.type not in (Type.NUMBER, Type.INTEGER)
            or column.least_number is None
            or column.most_number is None
        ):
            continue
        limit = 180 if name == "longitude" else 90
        guess.type = Type.NUMBER
        if -limit <= column.least_number and column.most_number <= limit:
            guess.format = Format.LONGITUDE if name == "longitude" else Format.LATITUDE
        else:
            guess.say(
                f"有超出 ±{limit} 的值（{column.least_number:g} 至 {column.most_number:g}），未设坐标检查",
                f"values beyond ±{limit} ({column.least_number:g} to {column.most_number:g}): no coordinate check",
            )
        if name == "longitude" and column.least_number >= 3 and column.most_number <= 54:
            guess.say(
                "取值在中国纬度范围内，疑经纬度颠倒", "all within China's latitudes: longitude and latitude may be swapped"
            )
        zeros = sum(rows for value, rows in column.top if re.fullmatch(r"[+-]?0+(\.0+)?", value))
        if zeros:
            guess.say(f"{zeros} 行为 0，疑为缺值", f"{zeros} rows are 0: perhaps no value")
    found = [guess.format for guess, _ in pairs if guess.format in (Format.LONGITUDE, Format.LATITUDE)]
    if found.count(Format.LONGITUDE) != found.count(Format.LATITUDE):
        for guess, _ in pairs:
            if guess.format in (Format.LONGITUDE, Format.LATITUDE):
                guess.format = None
                guess.say("没有与之成对的经纬度，未设坐标检查", "no other coordinate to go with it: no coordinate check")
    _datum(pairs)


CHINA = {Format.LONGITUDE: (73.0, 136.0), Format.LATITUDE: (3.0, 54.0)}
"""Longitudes and latitudes of China's land."""


def _datum(pairs: Sequence[tuple[Guess, ColumnProfile]]) -> None:
    """A file does not say its datum: CGCS2000 inside China, WGS84 elsewhere (they agree to centimetres), to be confirmed."""
    places = [(g, c) for g, c in pairs if g.format in CHINA]
    inside = all(
        CHINA[g.format][0] <= (c.least_number or 0) and (c.most_number or 0) <= CHINA[g.format][1]
        for g, c in places
        if g.format
    )
    for guess, _ in places:
        guess.datum = "CGCS2000" if inside else "WGS84"
        guess.say(
            f"坐标系按 {guess.datum} 记，文件未说明；若为 GCJ-02 或 BD-09，请先转换",
            f"datum taken to be {guess.datum}, the file does not say; GCJ-02 or BD-09 must be converted first",
        )


def _is_longitude(guess: Guess) -> bool:
    return bool(LONGITUDE.search(guess.name)) or guess.source.translate(SIMPLIFIED).strip() in {"经度", "东经"}


def _is_latitude(guess: Guess) -> bool:
    return bool(LATITUDE.search(guess.name)) or guess.source.translate(SIMPLIFIED).strip() in {"纬度", "北纬"}
