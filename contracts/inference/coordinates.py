"""Longitudes and latitudes: by name and range, in pairs, with a datum that the file never says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.checks.formats.registry import LATITUDE, LONGITUDE
from contracts.inference.datums import MERCATOR
from contracts.inference.evidence import Choice, Question, Said
from contracts.inference.glossary import SIMPLIFIED
from contracts.inference.guess import ColumnAnswers, Guess
from contracts.inference.profile import ColumnProfile
from contracts.model import Format, Type

Pair = tuple[Guess, ColumnProfile]
ZERO = re.compile(r"[+-]?0+(\.0+)?")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
LONGITUDE_NAME = re.compile(r"(^|_)(lon|lng|long|longitude|lon84|wgs84_lon)(_|$)")
LATITUDE_NAME = re.compile(r"(^|_)(lat|latitude)(_|$)")
DMS = (
    r"\s*([EWNS东西南北]?)(?:经|纬)?\s*([0-9]{1,3}(?:\.[0-9]+)?)\s*[°º˚度]\s*(?:([0-5]?[0-9](?:\.[0-9]+)?)\s*[′'’‘分]\s*)?"
    r"(?:([0-5]?[0-9](?:\.[0-9]+)?)\s*(?:[″\"”“秒]|''|′′)\s*)?([EWNS]?)\s*"
)
"""Degrees, minutes and seconds with their signs, as RE2 and Python read them: 126°30′12″E, 北纬45度48分."""
CONVERTED = "（CGCS2000）"
"""What the title of a converted coordinate ends with."""
GCJ02 = re.compile(r"(?i)gcj|火星|高德|腾讯|amap|gaode|tencent|国测局")
BD09 = re.compile(r"(?i)bd-?0?9|百度|baidu|(?<![a-z])bd(?![a-z])")
GOOD = re.compile(r"(?i)cgcs|wgs|国家2000|2000国家|大地2000|4490|4326|^2000$|gps|北斗")
DATUM_TITLE = re.compile(r"(?i)坐标(系|系统|类型|来源|基准)?$|大地基准|datum|^crs$|coord(inate)?_?(system|type|sys)|地图类型")
KINDS: dict[str, Said] = {
    "gcj02": Said("是 GCJ-02（高德、腾讯），换算成 CGCS2000", "they are GCJ-02 (Amap, Tencent): convert to CGCS2000"),
    "bd09": Said("是 BD-09（百度），换算成 CGCS2000", "they are BD-09 (Baidu): convert to CGCS2000"),
    "swapped": Said("经纬度颠倒了，对调", "longitude and latitude are exchanged: exchange them back"),
    "minutes": Said("是度分连写（DDDMM），换算成度", "they are degrees and minutes run together (DDDMM): make them degrees"),
    "seconds": Said("是度分秒连写（DDDMMSS），换算成度", "they are degrees, minutes, seconds run together: make them degrees"),
    "dms": Said("是度分秒（126°30′12″），换算成度", "they are degrees, minutes and seconds (126°30′12″): make them degrees"),
    "mercator": Said(
        "是 Web 墨卡托（EPSG:3857）的米，换算成度", "they are metres of Web Mercator (EPSG:3857): make them degrees"
    ),
    "as-is": Said("原样保存，不作为坐标", "keep them as they are, not as coordinates"),
}
"""How coordinates may be written, answers to --coordinates."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A longitude and a latitude of the file that are converted: two columns more, the file's own stay.

    `kind` is one of KINDS, or "column": the column `datum` says it row by row.
    """

    longitude: str
    latitude: str
    kind: str
    datum: str = ""

    def entry(self) -> dict[str, str]:
        """As it stands in a contract's reading."""
        named = {"longitude": self.longitude, "latitude": self.latitude, "kind": self.kind}
        return {**named, "datum": self.datum} if self.datum else named


def entries(reading: Mapping[str, Any]) -> list[Conversion]:
    """The conversions that a contract's reading names."""
    return [Conversion(e["longitude"], e["latitude"], e["kind"], e.get("datum", "")) for e in reading.get("places", ())]


def conversions(pairs: Sequence[Pair], answers: ColumnAnswers) -> list[Conversion]:
    """The conversions that headers, a column or a person say; what is only likely is asked by `coordinates`."""
    said_by = next((c for g, c in pairs if DATUM_TITLE.search(g.source.strip()) and _says_datum(c)), None)
    chosen = []
    for (lon, _lon_column), (lat, _lat_column) in _couples(pairs):
        answer = answers.of(answers.places, lon) or answers.of({k: v for k, v in answers.places.items() if k != "*"}, lat)
        title = f"{lon.source} {lat.source}"
        kind = answer or ("gcj02" if GCJ02.search(title) else "bd09" if BD09.search(title) else "")
        if kind and kind != "as-is":
            chosen.append(Conversion(lon.source, lat.source, kind))
        elif not kind and said_by is not None:
            chosen.append(Conversion(lon.source, lat.source, "column", said_by.source))
    return chosen


def _says_datum(column: ColumnProfile) -> bool:
    values = [value for value, _ in column.top]
    return any(GCJ02.search(v) or BD09.search(v) for v in values) and len(values) <= 10


def _couples(pairs: Sequence[Pair]) -> list[tuple[Pair, Pair]]:
    """Longitudes with their latitudes, in the order in which they stand; converted ones not among them."""
    numbers = [(g, c) for g, c in pairs if _is_written(c) and not g.source.endswith(CONVERTED)]
    longitudes = [pair for pair in numbers if _is_longitude(pair[0])]
    latitudes = [pair for pair in numbers if _is_latitude(pair[0])]
    return list(zip(longitudes, latitudes, strict=False)) if len(longitudes) == len(latitudes) else []


def _is_written(column: ColumnProfile) -> bool:
    """Whether a column's values can be coordinates: numbers, or degrees with their signs."""
    return column.least_number is not None or is_dms(column)


def is_dms(column: ColumnProfile) -> bool:
    """Whether the most frequent values of a column are degrees, minutes and seconds with their signs."""
    values = [value for value, _ in column.top if value.strip() and not ZERO.fullmatch(value)]
    return bool(values) and all(re.fullmatch(DMS, value) for value in values)


def coordinates(pairs: Sequence[Pair], answers: ColumnAnswers, converted: Sequence[Conversion] = ()) -> None:
    """Longitudes and latitudes by name and range; what cannot be one is asked, or kept without a check."""
    sources = {source: each for each in converted for source in (each.longitude, each.latitude)}
    for guess, _column in pairs:
        if guess.source in sources:
            kind = sources[guess.source].kind
            how = f"坐标系见“{sources[guess.source].datum}”列" if kind == "column" else kind
            guess.say(f"原值（{how}）；换算后的坐标另成一列", f"as received ({kind}); converted in a column of its own")
    for couple in _couples(pairs):
        if couple[0][0].source not in sources:
            _ask(couple, answers)
    rest = [(guess, column) for guess, column in pairs if guess.source not in sources and not _kept(guess, answers)]
    for guess, column in rest:
        _mark(guess, column)
    formats = [guess.format for guess, _ in rest if guess.format in CHINA]
    if formats.count(LONGITUDE) != formats.count(LATITUDE):
        for guess, _ in rest:
            if guess.format in CHINA:
                guess.format = None
                guess.say("没有与之成对的经纬度，未设坐标检查", "no other coordinate to go with it: no coordinate check")
    _datum(rest)


def _kept(guess: Guess, answers: ColumnAnswers) -> bool:
    return answers.of(answers.places, guess) == "as-is"


def _mark(guess: Guess, column: ColumnProfile) -> None:
    name = "longitude" if _is_longitude(guess) else "latitude" if _is_latitude(guess) else ""
    if not name or guess.type not in (Type.NUMBER, Type.INTEGER) or column.least_number is None or column.most_number is None:
        return
    limit = 180 if name == "longitude" else 90
    guess.type = Type.NUMBER
    if -limit <= column.least_number and column.most_number <= limit:
        guess.format = LONGITUDE if name == "longitude" else LATITUDE
    else:
        guess.say(
            f"有超出 ±{limit} 的值（{column.least_number:g} 至 {column.most_number:g}），未设坐标检查",
            f"values beyond ±{limit} ({column.least_number:g} to {column.most_number:g}): no coordinate check",
        )
    _zeros(guess, column)


def _zeros(guess: Guess, column: ColumnProfile) -> None:
    """Zero stands for no place where all others are in China."""
    zeros = [(value, rows) for value, rows in column.top if ZERO.fullmatch(value)]
    if not zeros:
        return
    rows = sum(rows for _, rows in zeros)
    others = [float(value) for value, _ in column.top if not ZERO.fullmatch(value) and NUMBER.fullmatch(value)]
    if guess.format in CHINA and others and all(_inside(guess.format, value) for value in (*others, column.most_number or 0)):
        guess.missing = (*guess.missing, *(value for value, _ in zeros))
        guess.say(f"{rows} 行为 0，不在境内，视为无值", f"{rows} rows are 0, which is no place in China: no value")
    else:
        guess.say(f"{rows} 行为 0，疑为缺值", f"{rows} rows are 0: perhaps no value")


def _inside(form: Format | None, value: float) -> bool:
    return form is not None and CHINA[form][0] <= value <= CHINA[form][1]


def _ask(couple: tuple[Pair, Pair], answers: ColumnAnswers) -> None:
    """Ask about a longitude and a latitude that cannot be one in China, and look like something else that is."""
    (lon, lon_column), (lat, lat_column) = couple
    if answers.of(answers.places, lon):
        return
    if is_dms(lon_column) and is_dms(lat_column):
        lon.say(
            f"写作度分秒，按文本保存；可换算成度：--coordinates {lon.source}=dms",
            f"degrees, minutes and seconds, kept as text; to make them degrees: --coordinates {lon.source}=dms",
        )
        return
    if lon_column.least_number is None or lat_column.least_number is None:
        return
    span = (*_range(lon_column), *_range(lat_column))
    likely = _likely(span)
    if not likely:
        return
    choices = tuple(Choice(f"{lon.source}={kind}", KINDS[kind]) for kind in (*likely, "as-is"))
    lon.question = Question(
        "--coordinates",
        Said(
            f"“{lon.source}”为 {span[0]:g} 至 {span[1]:g}，“{lat.source}”为 {span[2]:g} 至 {span[3]:g}，不像经纬度；怎样读？",
            f"{lon.source!r} is {span[0]:g} to {span[1]:g} and {lat.source!r} {span[2]:g} to {span[3]:g}, "
            "no longitude and latitude; how are they read?",
        ),
        choices,
    )


def _range(column: ColumnProfile) -> tuple[float, float]:
    """Smallest and largest value, zeros apart."""
    low, high = column.least_number or 0.0, column.most_number or 0.0
    values = [float(v) for v, _ in column.top if NUMBER.fullmatch(v) and not ZERO.fullmatch(v)]
    return (min(values, default=low) if low == 0 else low), high


def _likely(span: tuple[float, float, float, float]) -> tuple[str, ...]:
    """What coordinates beyond a longitude and a latitude may be, where that puts them in China."""
    (west, east), (south, north) = CHINA[LONGITUDE], CHINA[LATITUDE]
    lon, lat = span[:2], span[2:]

    def within(values: tuple[float, float], low: float, high: float) -> bool:
        return low <= values[0] and values[1] <= high

    if within(lon, south, north) and within(lat, west, east):
        return ("swapped",)
    if within(lon, west * 100, east * 100) and within(lat, south * 100, north * 100):
        return ("minutes",)
    if within(lon, west * 1e4, east * 1e4) and within(lat, south * 1e4, north * 1e4):
        return ("seconds",)
    metres = (west / 180 * MERCATOR, east / 180 * MERCATOR, 3.3e5, 7.3e6)
    return ("mercator",) if within(lon, *metres[:2]) and within(lat, *metres[2:]) else ()


CHINA: dict[Format | None, tuple[float, float]] = {LONGITUDE: (73.0, 136.0), LATITUDE: (3.0, 54.0)}
"""Longitudes and latitudes of China's land."""


def _datum(pairs: Sequence[tuple[Guess, ColumnProfile]]) -> None:
    """A file does not say its datum: CGCS2000 inside China, WGS84 elsewhere (they agree to centimetres), to be confirmed."""
    places = [(g, c) for g, c in pairs if g.format in CHINA]
    inside = all(_inside(g.format, value) for g, c in places for value in _range(c) if g.format)
    for guess, _ in places:
        if guess.source.endswith(CONVERTED):
            guess.datum = "CGCS2000"
            guess.say("由原坐标换算，误差小于 1 米", "converted from the file's own coordinates, within a metre")
            continue
        guess.datum = "CGCS2000" if inside else "WGS84"
        guess.say(
            f"坐标系按 {guess.datum} 记，文件未说明；若为 GCJ-02 或 BD-09，请用 --coordinates 说明",
            f"datum taken to be {guess.datum}, the file does not say; say GCJ-02 or BD-09 with --coordinates",
        )


def _is_longitude(guess: Guess) -> bool:
    return bool(LONGITUDE_NAME.search(guess.name)) or bool(re.search("经度|东经", guess.source.translate(SIMPLIFIED)))


def _is_latitude(guess: Guess) -> bool:
    return bool(LATITUDE_NAME.search(guess.name)) or bool(re.search("纬度|北纬", guess.source.translate(SIMPLIFIED)))
