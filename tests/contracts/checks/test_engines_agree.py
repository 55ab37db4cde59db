# ruff: noqa: E501 - tables of cases are read line by line
"""DuckDB SQL and Pandera refuse the same rows for the same reasons, and give the same values to the others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.checks.compile import Scope, compile
from contracts.checks.formats import credit_code, identity_number
from contracts.model import Contract
from tests.contracts.making import LISTS, agree, contract, item

SPACES = ("", " ", "\t", "\u3000", "\xa0", "\u200b", "\ufeff", "\r\n")


def around(texts: Sequence[str]) -> list[str | None]:
    """Texts as they are and within white space of every kind, white space alone, and nothing."""
    framed = [left + t + right for t in texts for left, right in (("", ""), (" ", ""), ("\t", "\xa0"), ("\ufeff", "\u3000 "))]
    return [*framed, *SPACES, None]


NUMBERS = [
    "0", "1", "-1", "+1", "--1", "+-1", "1.0", "1.5", ".5", "5.", "-.5", "+.5", "1.e5", "1e5", "1E-5", "1e400", "1e-400",
    "-1e309", "1e", "1,000", "12,34", "1,234,567.5", "1,000,00", "0x10", "1_000", "NaN", "nan", "inf", "-inf", "Infinity",
    "１２", "0007", "00000000000000000000000012", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "-9223372036854775809", "99999999999999999999", "123456789012345678901234567890.5", "0.1", "0.30000000000000004",
    "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2e-324", "12%", "￥5", "一", "-0", "-0.0", "+0",
    "9007199254740993", "1.10", "1.125", "1.1250", "999.99", "1000.00", "-", ".", "-9999", "N/A", "true", "True", "TRUE",
    "t", "T", "yes", "Yes", "y", "Y", "是", "false", "F", "n", "N", "no", "否", "2", "真", "on", "off", "ｙ", "TrUe", "İ", "K",
]  # fmt: skip
NUMBERS += [".0", "-.0", "+.00", "1 000", "9" * 400, "0." + "0" * 400 + "1", "0" * 50 + "1.5"]
MOMENTS = [
    "2024-01-05", "2024-1-5", "2023-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2024-13-01", "2024-00-10",
    "2024-04-31", "2024/01/05", "20240105", "2024015", "240105", "0999-01-01", "9999-12-31", "10000-01-01", "05/01/2024",
    "5/1/24", "31-Dec-68", "31-Dec-69", "1-jan-1999", "2024年1月5日", "2024年01月05日", "２０２４-01-05", "2024-01-05T10:11:12",
    "2024-01-05T10:11:12Z", "2024-01-05T10:11:12z", "2024-01-05T10:11:12+08:00", "2024-01-05T10:11:12+0800",
    "2024-01-05T10:11:12+08", "2024-01-05T10:11+08:00", "2024-01-05T10:11:12-05:30", "2024-01-05T10:11:12+15:00",
    "2024-01-05T10:11:12+08:60", "2024-01-05T24:00:00", "2024-01-05T23:60:00", "2024-01-05T23:59:60",
    "2024-01-05T10:11:12.5+08:00", "10:11", "1:05", "01:05:09", "01:05:09.25", "23:59:60", "24:00", "0050", "050", "2359",
    "1700000000", "1700000000000", "-1", "-30610224000", "-30610224001", "253402300799", "253402300800", "253402300799999",
    "253402300800000", "1.7e9", "1700000000.5", "+1700000000", "99999999999999999999",
]  # fmt: skip
MOMENTS += [
    "2024-01-05 junk", "March 9, 2024", "march 9, 2024", "Mar 9, 2024", "2024-01-05 10:11:12", "2024-01-05 10:11", "2024-1-5 1:11",
    "2024-01-05 10:11:12.5", "2024-01-05 10:11:12.123456789", "2024-01-05 10:11:12.9999999", "2024-01-05T10:11:12 +08:00",
    "1:05 PM", "12:05 am", "13:05 PM", "0:05 PM", "01/05/2024 12:30:00 AM", "1/5/2024 1:3:2 pm",
    # daylight saving in Shanghai (1919, 1940-1949, 1986-1991), New York and Berlin; local mean time before 1901
    "1986-05-04 02:30:00", "1986-09-14 01:30:00", "1991-04-14 02:30:00", "1991-12-31 23:59:59", "1992-01-01 00:00:00",
    "1900-09-14 01:30:00", "1900-12-31 23:59:59", "1901-01-01 00:00:00", "1940-06-01 00:30:00", "1940-10-13 00:30:00",
    "1919-04-13 00:30:00", "1941-11-02 00:30:00", "1949-05-28 00:00:00", "1000-01-01 00:00:00", "2024-03-10 02:30:00",
    "2024-11-03 01:30:00", "2024-03-31 02:30:00", "2024-10-27 02:30:00",
]  # fmt: skip

ALL_NUMBERS = contract(
    [
        item("i", "integer"),
        item("it", "integer", own={"thousandsSeparators": True}),
        item("n", "number"),
        item("nt", "number", own={"thousandsSeparators": True}),
        item("d", "number", own={"precision": 5, "scale": 2}),
        item("d0", "number", own={"precision": 18, "scale": 0}),
        item("dd", "number", own={"precision": 3, "scale": 3}),
        item("d38", "number", own={"precision": 38, "scale": 10, "thousandsSeparators": True}),
        item("m", "number", own={"missingValues": ["-9999", "N/A"]}),
        item("b", "boolean"),
    ]
)
ALL_MOMENTS = contract(
    [
        item("d", "date"),
        item("d1", "date", own={"dateFormats": ["%Y/%m/%d", "%d/%m/%Y"]}),
        item("d2", "date", own={"dateFormats": ["%Y%m%d", "%y%m%d"]}),
        item("d3", "date", own={"dateFormats": ["%d-%b-%y", "%B %d, %Y", "%d-%b-%Y"]}),
        item("d4", "date", own={"dateFormats": ["%Y年%m月%d日", "%d/%m/%y"]}),
        item("d5", "date", {"format": "yyyy-M-d"}),
        item("t", "timestamp"),
        item("tu", "timestamp", {"defaultTimezone": "UTC"}),
        item("tn", "timestamp", {"defaultTimezone": "America/New_York"}),
        item("te", "timestamp", {"defaultTimezone": "Europe/Berlin"}),
        item("t1", "timestamp", own={"dateFormats": ["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"]}),
        item("t2", "timestamp", own={"dateFormats": ["%m/%d/%Y %I:%M:%S %p", "%Y-%m-%d %H:%M"]}),
        item("es", "timestamp", own={"epoch": "seconds"}),
        item("em", "timestamp", own={"epoch": "milliseconds"}),
        item("h", "time"),
        item("h1", "time", own={"dateFormats": ["%H%M", "%I:%M %p"]}),
    ]
)


def typed(made: Contract, name: str, text: str) -> Any:
    """The value that both engines give a text."""
    values, _ = agree(made, [{name: text}])
    return values[0][[i.name for i in made.items].index(name)]


class TestTypes:
    @pytest.mark.parametrize(("made", "texts"), [(ALL_NUMBERS, NUMBERS), (ALL_MOMENTS, MOMENTS)], ids=["numbers", "moments"])
    def test_every_spelling_against_every_type(self, made: Contract, texts: list[str]) -> None:
        rows = [dict.fromkeys([i.name for i in made.items], text) for text in around(texts)]
        values, faults = agree(made, rows)
        assert {rule for _, _, rule, _ in faults} == {"type"}
        for column in range(len(made.items)):
            assert 5 <= sum(v[column] is not None for v in values) <= len(rows) // 2

    @pytest.mark.parametrize(
        ("name", "text"),
        [("i", "12.5"), ("i", "1_000"), ("i", "0x10"), ("i", "1,000"), ("i", "１２"), ("i", "9223372036854775808"), ("i", "1e3"),
         ("n", "NaN"), ("n", "inf"), ("n", "1e400"), ("n", "5."), ("n", "12%"), ("d", "1.125"), ("d", "1000.00"), ("d", "1e2"), ("b", "2")],
    )  # fmt: skip
    def test_what_duckdb_would_have_taken(self, name: str, text: str) -> None:
        assert typed(ALL_NUMBERS, name, text) is None

    @pytest.mark.parametrize(
        ("name", "text"),
        [("d", "2024-01-05 junk"), ("d", "2023-02-30"), ("d", "20240105"), ("t", "2024-01-05"), ("t", "2024-01-05T24:00:00"),
         ("t", "1986-05-04 02:30:00"), ("d2", "2024015"), ("h", "24:00"), ("h1", "050"), ("es", "1.7e9"), ("d1", "2024-01-05")],
    )  # fmt: skip
    def test_moments_that_are_none(self, name: str, text: str) -> None:
        assert typed(ALL_MOMENTS, name, text) is None

    def test_a_zone_counts_and_shanghai_is_the_default(self) -> None:
        at = datetime(2024, 1, 5, 2, 11, 12, tzinfo=UTC)
        for text in ("2024-01-05 10:11:12", "2024-01-05T10:11:12+08:00", "2024-01-05T02:11:12Z", "2024-01-04T21:11:12-0500"):
            assert typed(ALL_MOMENTS, "t", text) == at

    @given(
        st.lists(
            st.tuples(
                st.text("0123456789+-.,eE \u3000１", max_size=24), st.text("0123456789:-/TZ +.年月日aApPmM", max_size=26)
            ),
            min_size=60,
            max_size=90,
        )
    )
    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    def test_any_text(self, texts: list[tuple[str, str]]) -> None:
        agree(ALL_NUMBERS, [dict.fromkeys([i.name for i in ALL_NUMBERS.items], a) for a, _ in texts])
        agree(ALL_MOMENTS, [dict.fromkeys([i.name for i in ALL_MOMENTS.items], b) for _, b in texts])

    @given(
        st.lists(
            st.tuples(st.datetimes(datetime(1000, 1, 2), datetime(2099, 12, 30)), st.integers(-14 * 60, 14 * 60)),
            min_size=90,
            max_size=150,
        )
    )
    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    def test_any_moment(self, told: list[tuple[datetime, int]]) -> None:
        rows = []
        for at, offset in told:
            sign, minutes = "-" if offset < 0 else "+", abs(offset)
            zone = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
            rows += [dict.fromkeys([i.name for i in ALL_MOMENTS.items], at.isoformat(" ") + z) for z in ("", zone)]
        agree(ALL_MOMENTS, rows)


def made_code(rng: random.Random) -> str:
    first = (
        "".join(rng.choice("123456789ANY"))
        + rng.choice("1239")
        + "230803"
        + "".join(rng.choice(credit_code.ALPHABET) for _ in range(9))
    )
    return first + credit_code.check_character(first)


def made_identity(rng: random.Random) -> str:
    first = (
        rng.choice(["230803", "110105", "990101", "239999"])
        + rng.choice(["19490307", "20000229", "20010229", "18991231", "20241301"])
        + f"{rng.randrange(1000):03d}"
    )
    return first + identity_number.check_character(first)


RNG = random.Random(7)
CODES = [made_code(RNG) for _ in range(40)] + ["91110108551385082Q"]
IDENTITIES = [made_identity(RNG) for _ in range(60)] + ["11010519491231002X"]


def spoiled(texts: Sequence[str]) -> list[str]:
    """Each text, and some with one character changed, cut, doubled, in small letters or full width."""
    told = list(texts)
    for text in texts[:25]:
        place = RNG.randrange(len(text))
        told += [text[:place] + RNG.choice("0123456789ABXIO") + text[place + 1 :], text[:-1], text + text[-1], text.lower()]
        told.append(text[:place] + chr(ord(text[place]) + 0xFEE0) + text[place + 1 :])
    return told


VALUES: dict[str, list[str]] = {
    "credit": spoiled(CODES),
    "identity": spoiled(IDENTITIES),
    "division": ["23", "2308", "230803", "230803001", "230803001002", "230000", "230800", "230803000", "230803000000", "230899", "230899001001",
                 "44", "4419", "441900", "441900003", "2", "230", "23080", "2308030", "0", "023", "２３", "23 ", "ab", "230000000", "999999"],
    "mobile": ["13945412345", "12945412345", "1394541234", "139454123456", "+8613945412345", "139 4541 2345", "１3945412345"],
    "lon": ["130.36", "46.8", "120.9", "135.2", "181", "-46.8", "x", "121", "43.3"],
    "lat": ["46.8", "130.36", "43.2", "53.6", "91", "-130", "", "122"],
    "count": ["0", "1", "5", "6", "10", "11", "-1", "3", "4", "x", "1.0"],
    "amount": ["0", "0.01", "99.99", "100", "100.00", "-5", "0.001", "1e1"],
    "ratio": ["0", "0.1", "0.30000000000000004", "0.3", "1", "1.0000001", "1e-5"],
    "day": ["2026-03-12", "2026-03-13", "2026-03-11", "1949-10-01", "1949-09-30", "2062-11-20", "2026-3-9"],
    "at": ["2026-03-12 09:40:00", "2026-03-12 09:40:01", "2026-03-12 23:59:59", "2026-03-13 00:00:00", "2000-01-01T00:00:00+08:00", "1999-12-31T16:00:00Z", "1999-12-31 23:59:59"],
    "until": ["2026-03-12 23:59:59", "2026-03-13 00:00:00", "2026-03-12 00:00:00", "2026-03-11 23:59:59"],
    "clock": ["08:00", "07:59:59", "17:30:00", "17:30:00.000001", "9:05"],
    "code": ["A-0001", "A-001", "a-0001", "A-0001\nB", "Ａ-0001", "A-٠٠٠١", " A-0002 "],
    "words": ["汉", "汉字", "汉字汉字", "𠀀𠀀𠀀", "é", "", "abcd", "  ab  ", "a b"],
    "level": ["1", "2", "5", "一", "01", " 1"],
    "rank": ["1", "2", "5", "01", "+1"],
    "colour": ["红", "橙", "red", "it's", 'a"b'],
    "long": ["c0", "c299", "c300", "C1"],
    "start": ["2024-01-01", "2024-01-05", "2024-02-30"],
    "end": ["2024-01-01", "2024-01-05", "2024-02-01"],
    "step": ["0", "5", "-10", "7", "12"],
    "any_digit": ["1٣", "12", "1२", "a1", "_1", "é1"],
}  # fmt: skip

EVERYTHING = contract(
    [
        item("credit", "string", own={"domainFormat": "credit-code"}, required=True),
        item("identity", "string", own={"domainFormat": "identity-number"}),
        item("division", "string", own={"domainFormat": "division", "codeList": "division"}),
        item("mobile", "string", own={"domainFormat": "mobile"}),
        item("lon", "number", own={"domainFormat": "longitude", "datum": "CGCS2000", "bounds": [121.0, 135.2]}),
        item("lat", "number", own={"domainFormat": "latitude", "datum": "CGCS2000", "bounds": [43.3, 53.6]}),
        item("count", "integer", {"minimum": 1, "maximum": 10}, required=True),
        item("amount", "number", {"exclusiveMinimum": 0, "exclusiveMaximum": 100}, {"precision": 8, "scale": 2}),
        item("ratio", "number", {"minimum": 0.1, "maximum": 0.3}),
        item("day", "date", {"minimum": "1949-10-01"}, {"maximum": "today"}),
        item("at", "timestamp", {"minimum": "2000-01-01T00:00:00"}, {"maximum": "now"}),
        item("until", "timestamp", own={"minimum": "today", "maximum": "today"}),
        item("clock", "time", {"minimum": "08:00:00", "maximum": "17:30:00"}),
        item("code", "string", {"pattern": r"^[A-Z]-\d{4}$"}),
        item("words", "string", {"minLength": 2, "maxLength": 3}),
        item("level", "string", own={"codeList": "level"}),
        item("rank", "integer", own={"codeList": "level"}),
        item("colour", "string", quality=[{"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["红", "橙", "it's"]}, "mustBe": 0}]),
        item("long", "string", own={"codeList": "long"}),
        item("start", "date"),
        item("end", "date"),
        item("step", "integer", {"multipleOf": 5}, quality=[{"type": "library", "metric": "invalidValues", "arguments": {"validValues": [0, 5, 7]}, "mustBe": 0}]),
        item("any_digit", "string", {"pattern": r"[\d\w]\d"}),
    ],
    [
        {"type": "custom", "engine": "hui", "name": "order", "implementation": "\"end\" >= start AND \"end\" - start < 20", "description": "次序"},
        {"type": "custom", "engine": "hui", "name": "levels", "implementation": "level <> '1' OR count >= 5 OR ratio / (count - 3) > 0.1"},
        {"type": "custom", "engine": "hui", "name": "codes", "implementation": "code LIKE 'A-%' AND (level IN ('1', '2') OR level IS NULL) AND NOT contains(colour, 'e')"},
        {"type": "custom", "engine": "hui", "name": "times", "implementation": "at < until + INTERVAL 2 DAY AND at > '2000-06-01 00:00:00'"},
    ],
)  # fmt: skip
LEFT_OUT = {"unique", "key", "reference"}


class TestRules:
    def test_the_contract_has_every_kind_of_check_of_a_row(self) -> None:
        kinds = {c.kind for c in compile(EVERYTHING) if c.scope is Scope.ROW}
        assert kinds == {
            "required", "type", "length", "pattern", "minimum", "maximum", "multiple", "values", "code-list", "credit-code",
            "identity-number", "division", "mobile", "longitude", "latitude", "swapped", "row",
        }  # fmt: skip

    def test_every_value_alone(self) -> None:
        rows = [{name: text} for name, texts in VALUES.items() for text in texts]
        _, faults = agree(EVERYTHING, rows)
        broken = {rule for _, _, rule, _ in faults}
        alone = {c.rule for c in compile(EVERYTHING) if c.scope is Scope.ROW}
        assert alone - broken <= {"swapped", "row:order", "row:levels", "row:codes", "row:times"}

    @given(
        st.lists(
            st.fixed_dictionaries({name: st.sampled_from([*texts, None]) for name, texts in VALUES.items()}),
            min_size=80,
            max_size=120,
        )
    )
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    def test_any_row(self, rows: list[dict[str, str | None]]) -> None:
        agree(EVERYTHING, rows)

    def test_thousands_of_rows(self) -> None:
        rng = random.Random(11)
        rows = [{name: rng.choice([*texts, None]) for name, texts in VALUES.items()} for _ in range(3000)]
        _, faults = agree(EVERYTHING, rows)
        assert {rule for _, _, rule, _ in faults} == {c.rule for c in compile(EVERYTHING) if c.scope is Scope.ROW}

    def test_exchanged_coordinates_are_one_fault_of_their_own(self) -> None:
        _, faults = agree(EVERYTHING, [{"credit": CODES[0], "count": "5", "lon": "46.8012", "lat": "130.3627"}])
        assert faults == {(0, "lon", "swapped", "lon = 46.8012, lat = 130.3627")}

    def test_more_than_one_mask(self) -> None:
        made = contract([item(f"c{n}", "integer", {"minimum": 5}, required=True) for n in range(50)])
        rows = [{f"c{n}": str(n % 7) for n in range(50)}, {f"c{n}": "9" for n in range(50)}, {}]
        _, faults = agree(made, rows)
        assert len([f for f in faults if f[0] == 2]) == 50
        assert not [f for f in faults if f[0] == 1]


EXPRESSIONS = [
    "a + b > c", "a - b < 0 AND NOT b = c", "a * 2 = b OR c IS NULL", "a / b >= 1", "-a < b", "abs(a - b) <= 2", "a BETWEEN b AND c",
    "a IN (1, 2, -3)", "NOT a IN (1, 2)", "n > 0.1", "n = 0.3", "n * 3 = 0.3 * 3", "coalesce(a, 0) + coalesce(b, 0) > 1", "e > 1.05", "e = 1.1", "e / 2 < n",
    "s = 'ab'", "s LIKE '%b_'", "s NOT LIKE 'a%'", "length(s) > 2", "lower(s) = 'abc'", "upper(s) <> s", "left(s, 1) = right(s, 1)",
    "substring(s, 2, 1) = 'b'", "substring(s, 2) = 'b'", "starts_with(s, 'a') AND ends_with(s, 'c')", "contains(s, '.')", "s > 'b'", "coalesce(s, 'x') = 'x'",
    "d > '2024-01-01'", "d >= DATE '2024-02-29'", "d - d2 > 10", "d + 5 >= d2", "d - 5 < d2", "d IN ('2024-01-01', '2024-02-29')",
    "t < TIMESTAMP '2024-01-01 08:00:00'", "t <= '2024-01-01T00:00:00Z'", "t - INTERVAL 1 HOUR < '2024-01-01 00:00:00'", "h > '08:00:00'",
    "f", "NOT f", "f = TRUE OR f IS NULL", "f AND a > 1", "f OR a > 1",
    "CASE WHEN a > 1 THEN b > 1 WHEN b IS NULL THEN FALSE ELSE TRUE END", "CASE WHEN f THEN 1 ELSE 2 END = a",
]  # fmt: skip
ITEMS = [
    item("a", "integer"), item("b", "integer"), item("c", "integer"), item("n", "number"), item("e", "number", own={"precision": 6, "scale": 2}),
    item("s", "string"), item("d", "date"), item("d2", "date"), item("t", "timestamp"), item("h", "time"), item("f", "boolean"),
]  # fmt: skip


class TestExpressions:
    @pytest.mark.parametrize("text", EXPRESSIONS)
    def test_both_engines_answer_alike(self, text: str) -> None:
        made = contract(ITEMS, [{"type": "custom", "engine": "hui", "name": "r", "implementation": text}])
        rng = random.Random(3)
        choices: dict[str, list[str | None]] = {
            "a": ["0", "1", "2", "-3", "9223372036854775807"], "b": ["0", "1", "2", "4"], "c": ["0", "3", "-9223372036854775808"],
            "n": ["0.1", "0.3", "0", "-2", "0.30000000000000004"], "e": ["1.05", "1.1", "1.10", "0", "1.06"],
            "s": ["ab", "abc", "ABC", "a.c", "b", "汉b字", "aXb\nc", "%"], "d": ["2024-01-01", "2024-02-29", "2023-12-31"],
            "d2": ["2024-01-01", "2024-01-06", "2023-12-21"], "t": ["2024-01-01 08:00:00", "2024-01-01T00:00:00Z", "2024-01-01 00:59:59", "2024-01-02 07:00:00"],
            "h": ["08:00", "09:00:01", "07:59"], "f": ["true", "false"],
        }  # fmt: skip
        rows = [{name: rng.choice([*texts, None]) for name, texts in choices.items()} for _ in range(200)]
        _, faults = agree(made, rows)
        assert 0 < len(faults) < 200


def test_lists_with_quotes_and_empty_lists() -> None:
    made = contract([item("q", "string", own={"codeList": "quote"}), item("z", "string", own={"codeList": "empty"})])
    _, faults = agree(made, [{"q": value} for value in LISTS.codes("quote")] + [{"q": "x"}, {"z": "y"}, {}])
    assert faults == {(3, "q", "code-list", "x"), (4, "z", "code-list", "y")}
