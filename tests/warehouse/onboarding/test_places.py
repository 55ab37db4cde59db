"""Coordinates: a datum that is said is taken at its word and converted; what cannot be a place is asked."""

from __future__ import annotations

import math

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as some

from contracts.inference import datums
from contracts.inference.guess import ColumnAnswers
from contracts.odcs import loader
from contracts.sql import literal
from warehouse.readers.placing import placed

METRE = 1 / 111_000
LON, LAT = some.floats(73.6, 134.7), some.floats(18.2, 53.4)


def baidu(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = datums.displaced(longitude, latitude)
    z = math.hypot(x, y) + 0.00002 * math.sin(y * datums.BAIDU)
    theta = math.atan2(y, x) + 0.000003 * math.cos(x * datums.BAIDU)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def metres(radians: float) -> float:
    return radians / math.pi * datums.MERCATOR


def packed(value: float) -> str:
    degrees = int(value)
    return f"{degrees}{(value - degrees) * 60:02.0f}"


PLACES = [(126.5 + n / 100, 45.5 + n / 100) for n in range(12)]


def table(titles: str, rows: list[tuple[object, ...]]) -> str:
    return f"站名,{titles}\n" + "".join(f"站{n},{','.join(map(str, row))}\n" for n, row in enumerate(rows))


def last_two(drafted) -> list[tuple[float, float]]:
    """The converted places of a draft, sorted: smallest and largest of each."""
    lon, lat = drafted.profile.columns[-2:]
    return [(lon.least_number, lat.least_number), (lon.most_number, lat.most_number)]


def same(found: list[tuple[float, float]]) -> bool:
    wanted = [PLACES[0], PLACES[-1]]
    return all(abs(a - b) < METRE for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True))


class TestFormulas:
    @given(LON, LAT)
    def test_the_inverse_ends_within_a_centimetre(self, longitude: float, latitude: float) -> None:
        x, y = datums.from_gcj02(*datums.displaced(longitude, latitude))
        assert max(abs(x - longitude), abs(y - latitude)) < METRE / 100

    @given(LON, LAT)
    def test_that_of_baidu_too(self, longitude: float, latitude: float) -> None:
        x, y = datums.from_bd09(*baidu(longitude, latitude))
        assert max(abs(x - longitude), abs(y - latitude)) < METRE / 100

    def test_elsewhere_nothing_is_displaced(self) -> None:
        assert datums.from_gcj02(-74.0, 40.7) == (-74.0, 40.7)

    @pytest.mark.parametrize(
        ("kind", "oracle"),
        [
            ("gcj02", datums.from_gcj02),
            ("bd09", datums.from_bd09),
            ("swapped", lambda x, y: (y, x)),
            ("mercator", datums.from_mercator),
            ("minutes", lambda x, y: (datums.from_packed(x), datums.from_packed(y))),
            ("seconds", lambda x, y: (datums.from_packed(x, seconds=True), datums.from_packed(y, seconds=True))),
        ],
    )
    def test_sql_is_as_python(self, kind: str, oracle) -> None:
        entry = {"longitude": "a", "latitude": "b", "kind": kind}
        scale = {"mercator": 111_000, "minutes": 100, "seconds": 10_000}.get(kind, 1)
        for longitude, latitude in [(126.53 * scale, 45.8 * scale), (87.61 * scale, 43.82 * scale), (-74.0, 40.7)]:
            if kind == "seconds" and longitude < 0:
                continue
            relation = f"(SELECT '{longitude!r}' AS a, '{latitude!r}' AS b)"
            row = duckdb.execute(f"SELECT * FROM {placed(relation, entry, ('a', 'b'))}").fetchone()
            assert [float(value) for value in row[2:]] == pytest.approx(oracle(longitude, latitude), abs=2e-8)

    @pytest.mark.parametrize(
        ("written", "wanted"),
        [
            ("126°30′12″", datums.from_dms(1, 126, 30, 12)),
            ("126°30'12.5\"E", datums.from_dms(1, 126, 30, 12.5)),
            ("东经126度30分", datums.from_dms(1, 126, 30)),
            ("W 0° 7′", datums.from_dms(-1, 0, 7)),
            ("126.5°", 126.5),
            ("126°75′", None),
            ("126", None),
            ("约126°", None),
        ],
    )
    def test_degrees_minutes_and_seconds(self, written: str, wanted: float | None) -> None:
        relation = f"(SELECT {literal(written)} AS a, '45°48′' AS b)"
        entry = {"longitude": "a", "latitude": "b", "kind": "dms"}
        found = duckdb.execute(f"SELECT * FROM {placed(relation, entry, ('a', 'b'))}").fetchone()[2:]
        assert [None if value is None else float(value) for value in found] == [
            wanted if wanted is None else pytest.approx(wanted, abs=2e-8),
            pytest.approx(45.8, abs=2e-8),
        ]

    def test_what_is_no_number_becomes_no_place(self) -> None:
        relation = "(SELECT '0x10' AS a, '' AS b)"
        entry = {"longitude": "a", "latitude": "b", "kind": "gcj02"}
        assert duckdb.execute(f"SELECT * FROM {placed(relation, entry, ('a', 'b'))}").fetchone()[2:] == (None, None)


class TestSaid:
    @pytest.mark.parametrize(
        ("titles", "written"),
        [
            ("高德经度,高德纬度", datums.displaced),
            ("lng_gcj02,lat_gcj02", datums.displaced),
            ("经度(GCJ-02),纬度(GCJ-02)", datums.displaced),
            ("百度经度,百度纬度", baidu),
            ("bd09_lng,bd09_lat", baidu),
        ],
    )
    def test_a_header_is_taken_at_its_word(self, draft, titles: str, written) -> None:
        drafted = draft(table(titles, [written(*place) for place in PLACES]))
        items = drafted.contract.items
        assert same(last_two(drafted))
        assert [item.datum for item in items] == [None, None, None, "CGCS2000", "CGCS2000"]
        assert [str(item.format) for item in items[-2:]] == ["longitude", "latitude"]
        assert loader.parse(drafted.contract.text, "a").reading["places"]

    def test_a_column_is_taken_at_its_word_row_by_row(self, draft) -> None:
        ways = [("BD09", baidu), ("GCJ-02", datums.displaced), ("CGCS2000", lambda x, y: (x, y))]
        rows = [(*ways[n % 3][1](*place), ways[n % 3][0]) for n, place in enumerate(PLACES)]
        assert same(last_two(draft(table("经度,纬度,坐标系", rows))))


class TestAsked:
    @pytest.mark.parametrize(
        ("answer", "written"),
        [
            ("swapped", lambda x, y: (y, x)),
            ("minutes", lambda x, y: (packed(x), packed(y))),
            ("mercator", lambda x, y: (metres(math.radians(x)), metres(math.asinh(math.tan(math.radians(y)))))),
        ],
    )  # fmt: skip
    def test_what_cannot_be_a_place_is_asked_and_the_answers_work(self, draft, asked, answer: str, written) -> None:
        places = [(126 + n / 60, 45 + n / 60) for n in range(12)]
        text = table("经度,纬度", [written(*place) for place in places])
        [question] = asked(text)
        assert [choice.value for choice in question.choices] == [f"经度={answer}", "经度=as-is"]
        drafted = draft(text, answers=ColumnAnswers(places={"经度": answer}))
        found = last_two(drafted)
        assert found[0] == pytest.approx(places[0], abs=1e-6)
        assert found[1] == pytest.approx(places[-1], abs=1e-6)
        assert len(draft(text, answers=ColumnAnswers(places={"经度": "as-is"})).contract.items) == 3

    def test_degrees_minutes_and_seconds_are_proposed(self, draft) -> None:
        rows = [(f"126°{n:02}′12″", f"45°{n:02}′30″") for n in range(12)]
        kept = draft(table("经度,纬度", rows))
        assert [item.type for item in kept.contract.items[1:]] == ["string", "string"]
        assert any("--coordinates 经度=dms" in note.en for note in kept.guesses[1].notes)
        drafted = draft(table("经度,纬度", rows), answers=ColumnAnswers(places={"经度": "dms"}))
        assert last_two(drafted) == [
            pytest.approx((126 + 12 / 3600, 45 + 30 / 3600), abs=1e-7),
            pytest.approx((126 + 11 / 60 + 12 / 3600, 45 + 11 / 60 + 30 / 3600), abs=1e-7),
        ]
        assert loader.parse(drafted.contract.text, "a").reading["places"][0]["kind"] == "dms"

    def test_a_person_says_gcj02(self, draft) -> None:
        text = table("经度,纬度", [datums.displaced(*place) for place in PLACES])
        assert same(last_two(draft(text, answers=ColumnAnswers(places={"经度": "gcj02"}))))

    def test_zeros_in_china_are_no_place(self, draft) -> None:
        drafted = draft(table("经度,纬度", [(0, 0), *PLACES[1:]]))
        assert [item.missing for item in drafted.contract.items[1:]] == [("0",), ("0",)]
        assert any("1 行为 0" in note.zh for note in drafted.guesses[1].notes)
        assert drafted.contract.items[1].datum == "CGCS2000"

    def test_right_places_are_not_asked(self, draft) -> None:
        drafted = draft(table("经度,纬度", PLACES))
        assert [item.datum for item in drafted.contract.items[1:]] == ["CGCS2000", "CGCS2000"]
        world = draft(table("longitude,latitude", [(-74.0 + n, 40.7) for n in range(12)]))
        assert world.contract.items[1].datum == "WGS84"
