# ruff: noqa: E501 - tables of cases are read line by line
"""The small expression language refuses everything that is not in it."""

from __future__ import annotations

import pytest

from contracts.checks.expressions import InvalidExpression, parse
from contracts.model import Item, Type

ITEMS = [
    Item("a", "a", Type.INTEGER), Item("s", "s", Type.STRING), Item("d", "d", Type.DATE), Item("t", "t", Type.TIMESTAMP),
    Item("f", "f", Type.BOOLEAN), Item("end", "end", Type.DATE),
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "a", "a +", "a > ", "b > 1", "a > 1; DROP TABLE x", "(SELECT 1) = 1", "a IN (SELECT 1)", "EXISTS (SELECT 1)", "read_csv('/etc/passwd') = 1",
     "getenv('HOME') = 's'", "s = current_setting('x')", "x.a > 1", "a > 's'", "s > 1", "s + 1 > 2", "f > 1", "a AND f", "d > t", "d > 'tomorrow'",
     "d > '2023-02-30'", "d + a > d", "d + INTERVAL 1 MONTH > d", "t + INTERVAL 1 MONTH > t", "a::VARCHAR = '1'", "CAST(s AS INTEGER) = 1", "s ~ 'a'",
     "regexp_matches(s, 'a')", "a % 2 = 0", "a ** 2 > 1", "s || s = 'aa'", "a IN (a, 1)", "a IN ()", "s LIKE s", "a IS TRUE", "CASE a WHEN 1 THEN f END",
     "count(a) > 1", "sum(a) OVER () > 1", "a > ?", "a > $1", "now() > t", "list_contains([1], a)", "[a] = [1]", "{'a': 1} = a", "* = 1", "left(s, a) = 's'",
     "left(s, -1) = 's'", "substring(s, 1, 2, 3) = 's'", "a BETWEEN 's' AND 2", "coalesce(a, 's') = 1", "(" * 1990 + "f" + ")" * 1990, "NOT " * 990 + "f", "f" + " OR f" * 3000,
     "lambda x: x", "f; f", "-- comment", "a > 1 COLLATE NOCASE", "s = 'a' ESCAPE 'b' IS NULL", "TRY_CAST(a AS DATE) > d", "date_trunc('day', t) = t"],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(InvalidExpression) as error:
        parse(text, ITEMS)
    assert any("\u4e00" <= c <= "\u9fff" for c in error.value.message)
    assert error.value.message_en


def test_a_misspelt_item_is_suggested() -> None:
    with pytest.raises(InvalidExpression, match="did you mean end"):
        parse("edn > d", ITEMS)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("a > 1 AND s = 'it''s'", """"a" > 1 AND "s" = 'it''s'"""),
        ('"end" >= d', '"end" >= "d"'),
        ("t > '2024-01-01 08:00:00'", "\"t\" > CAST('2024-01-01 00:00:00+00:00' AS TIMESTAMPTZ)"),
        ("a / 2 > 1", "CAST(\"a\" AS DOUBLE) / NULLIF(CAST('2' AS DOUBLE), 0) > 1"),
    ],
)
def test_sql_is_written_anew(text: str, sql: str) -> None:
    assert parse(text, ITEMS).sql() == sql


def test_items_in_the_order_of_reading() -> None:
    assert parse('d < "end" OR a = 1 AND d IS NOT NULL', ITEMS).items == ("d", "end", "a")


def test_columns_may_be_named_otherwise() -> None:
    assert parse("a > 1", ITEMS).sql(lambda name: f"t.{name}") == "t.a > 1"
