"""JSON of a column at once is what each of its values gives alone."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from warehouse.serving.json_rows import column_of_table

SECOND = 10**6
MOMENTS = {
    "one offset": [None, 0, SECOND, 1, 1_600_000_000 * SECOND + 5, 250_000_000_000 * SECOND],
    "summer time of 1988": [570_000_000 * SECOND, 0],
    "before 1901, of odd seconds": [-3 * 10**15],
    "none": [None],
    "the first day": [-62_000_000_000 * SECOND],
}


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "+05:30", "America/New_York"])
@pytest.mark.parametrize("values", MOMENTS.values(), ids=MOMENTS)
def test_moments(values: list[int | None], zone: str) -> None:
    column = pa.chunked_array([pa.array(values, pa.timestamp("us", zone))])
    alone = ["null" if value is None else f'"{value.isoformat()}"' for value in column.to_pylist()]
    assert column_of_table(column) == alone


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (pa.array([date(1, 1, 1), None, date(9999, 12, 31)]), ['"0001-01-01"', "null", '"9999-12-31"']),
        (pa.array([1.5, None, float("nan"), float("inf"), 1e300, -0.0]), ["1.5", "null", "null", "null", "1e+300", "-0.0"]),
        (pa.array([], pa.date32()), []),
    ],
    ids=["days", "numbers", "nothing"],
)
def test_others(values: pa.Array, written: list[str]) -> None:
    assert column_of_table(pa.chunked_array([values])) == written


@pytest.mark.parametrize("days", [[2_932_897], [-719_163], [106_751_991, None]], ids=["10000", "year 0", "the last moment"])
def test_a_day_that_python_does_not_know_is_an_error_as_in_any_other_form(days: list[int | None]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        column_of_table(pa.chunked_array([pa.array(days, pa.date32())]))
    moments = [None if day is None else day * 86_400 * SECOND for day in days]
    with pytest.raises((ValueError, OverflowError)):
        column_of_table(pa.chunked_array([pa.array(moments, pa.timestamp("us", "UTC"))]))
