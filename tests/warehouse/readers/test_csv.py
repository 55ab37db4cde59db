"""Delimited text: every row of a file comes out, readable or with its line and what is wrong."""

from __future__ import annotations

import csv as standard
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contracts.inference import suspects
from warehouse.readers import csv
from warehouse.settings import Settings

Found = tuple[list[tuple[str | None, ...]], list[tuple[int, str, str]]]


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    yield connection
    connection.close()


def read(data: bytes, settings: Settings, lake: duckdb.DuckDBPyConnection, **reading: object) -> Found:
    settings.root.mkdir(parents=True, exist_ok=True)
    path = settings.root / "delivered"
    path.write_bytes(data)
    source = csv.open_csv(path, reading, settings, connection=lake)
    columns = ", ".join(f'"{c}"' for c in source.columns)
    rows = lake.execute(f"SELECT {columns} FROM {source.relation}").fetchall()
    rejects = lake.execute(f"SELECT row, line, reason FROM {source.rejects}").fetchall() if source.rejects else []
    return rows, rejects


def test_plain_rows_with_empty_cells(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(b'a,b,c\n1,,3\n"x, y","",z\n', settings, lake) == ([("1", None, "3"), ("x, y", None, "z")], [])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end(end: bytes, settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(end.join([b"a,b", b"1,2", b"", b"3,4"]), settings, lake) == ([("1", "2"), ("3", "4")], [])


def test_mixed_line_ends(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(b"a,b\r\n1,2\n3,4\r5,6", settings, lake) == ([("1", "2"), ("3", "4"), ("5", "6")], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "big5", "utf-16", "utf-16-le"])
def test_encodings(encoding: str, settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    data = "名,市\n一,哈爾濱\n".encode(encoding)
    assert read(data, settings, lake, encoding=encoding) == ([("一", "哈爾濱")], [])
    assert csv.open_csv(settings.root / "delivered", {"encoding": encoding}, settings, connection=lake).columns == ("名", "市")


def test_ragged_rows_are_told_apart(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    rows, rejects = read(b"a,b,c\n1,2,3\n4,5\n\n6,7,8,9\n10,11,12,\n", settings, lake)
    assert rows == [("1", "2", "3")]
    assert rejects == [(2, "4,5", "columns:2"), (3, "6,7,8,9", "columns:4"), (4, "10,11,12,", "columns:4")]


def test_an_open_quote_swallows_nothing(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    data = b'a,b,c\n1,"open,3\n4,5,6\n7,8,9\n10,closed",12\n13,14,15\n'
    rows, rejects = read(data, settings, lake)
    assert rows == [("4", "5", "6"), ("7", "8", "9"), ("10", 'closed"', "12"), ("13", "14", "15")]
    assert rejects == [(1, '1,"open,3', "quotes")]


def test_an_open_quote_at_the_end_swallows_nothing(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    rows, rejects = read(b'a,b\n1,2\n3,"4\n5,6\n7,8\n', settings, lake)
    assert rows == [("1", "2"), ("5", "6"), ("7", "8")]
    assert [reason for _, _, reason in rejects] == ["quotes"]


def test_text_after_a_closing_quote(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    rows, rejects = read(b'a,b\n"1"x,2\n3,4\n', settings, lake)
    assert rows == [("3", "4")]
    assert rejects == [(1, '"1"x,2', "quotes")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_values_over_several_lines_stay_whole(end: str, settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    note = f"first{end}{end}second, with comma{end}third"
    data = f'a,b,c{end}1,"{note}",3{end}4,5,6{end}'.encode()
    assert read(data, settings, lake) == ([("1", note, "3"), ("4", "5", "6")], [])


def test_a_quote_inside_a_value_is_a_character(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(b'a,b\n5" pipe,2\n3,4\n', settings, lake) == ([('5" pipe', "2"), ("3", "4")], [])


def test_undecodable_and_null_bytes(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    rows, rejects = read(b"a,b\n1,2\nx\xff,3\n4,\0\n5,6\n", settings, lake, encoding="utf-8")
    assert rows == [("1", "2"), ("5", "6")]
    assert [(row, reason) for row, _, reason in rejects] == [(2, "encoding"), (3, "encoding")]
    assert rejects[0][1] == "x\\xff,3"


def test_undecodable_bytes_in_gb18030(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    data = "名,数\n一,1\n".encode("gb18030") + b"\xff\xff,2\n" + "三,3\n".encode("gb18030")
    rows, rejects = read(data, settings, lake, encoding="gb18030")
    assert rows == [("一", "1"), ("三", "3")]
    assert [(row, reason) for row, _, reason in rejects] == [(2, "encoding")]


def test_a_huge_line_is_read(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    data = b"a,b\n1,2\n" + b"x" * (csv.LONG_LINE + 9) + b",3\n4,5\n"
    rows, rejects = read(data, settings, lake)
    assert [len(row[0] or "") for row in rows] == [1, csv.LONG_LINE + 9, 1]
    assert rejects == []


def test_one_column_has_no_blank_rows(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(b"a\n1\n\n2\n", settings, lake) == ([("1",), ("2",)], [])


def test_header_elsewhere_or_none(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    assert read(b'title\n\na,"b\nc"\n1,2\n', settings, lake, header=3) == ([("1", "2")], [])
    assert read(b"1,2\n3,4\n", settings, lake, header="none") == ([("1", "2"), ("3", "4")], [])
    assert read(b"note\n1,2\n3,4\n", settings, lake, header="none", skip=1) == ([("1", "2"), ("3", "4")], [])


def test_headers_are_made_unique() -> None:
    assert csv.unique(["a", "A", "", " b  c ", "a"]) == ("a", "A_2", "column_3", "b c", "a_3")


def test_an_empty_file_says_so(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(csv.NothingToRead):
        read(b"", settings, lake, encoding="utf-8")


def _title(row: tuple[str, str, str]) -> bool:
    """One word in a row that is else empty."""
    values = [value for value in row if value.strip()]
    return len(values) == 1 and any(letter.isalpha() for letter in values[0])


cell = st.text(st.sampled_from('ab,"\n1 中'), max_size=6)


@given(rows=st.lists(st.tuples(cell, cell, cell), max_size=12), end=st.sampled_from(["\n", "\r\n"]))
@example(rows=[("1", "1", ""), ("1", "1", ""), ("", "", ","), ("a", "a", "")], end="\n")
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_correctly_is_read_back_or_kept_as_rejects(
    rows: list[tuple[str, str, str]], end: str, settings: Settings, lake: duckdb.DuckDBPyConnection
) -> None:
    """A well-formed file gives back exactly its rows, unless a value looks like rows swallowed by an open quote, or a row like
    the title of another table; a row without any value is a blank line."""
    held = io.StringIO()
    writer = standard.writer(held, lineterminator=end, quoting=standard.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    found, rejects = read(held.getvalue().encode(), settings, lake, encoding="utf-8", delimiter=",")
    filled = [row for row in rows if any(value.strip() for value in row)]
    if not rejects:
        assert found == [tuple(value or None for value in row) for row in filled]
    elif {reason for _, _, reason in rejects} == {"table"}:
        assert len(found) + len(rejects) == len(filled)
        assert any(_title(row) for row in filled)
    else:
        assert any(value.count("\n") >= 2 and "," in value for row in rows for value in row)


@pytest.mark.parametrize("value", [",", "。", "…", "---", "—"])
def test_a_row_of_one_sign_in_quotes_is_a_row(value: str, settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    """Neither a blank line nor the title of another table, which is what the words below it would be then."""
    data = f'名,数,记\n甲,1,\n乙,2,\n"","","{value}"\n未知,不详,\n丙,3,\n'.encode()
    rows, rejects = read(data, settings, lake)
    assert rejects == []
    assert rows[2:] == [(None, None, value), ("未知", "不详", None), ("丙", "3", None)]


def test_a_title_and_a_header_below_it_end_the_table(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    data = "名,数,记\n甲,1,\n乙,2,\n\n队伍表,,\n队伍,人数,\n丙,3,\n".encode()
    rows, rejects = read(data, settings, lake)
    assert rows == [("甲", "1", None), ("乙", "2", None)]
    assert [reason for _, _, reason in rejects] == ["table"] * 3


@given(data=st.text(st.sampled_from('ab,"\n\r1'), max_size=60))
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_is_lost(data: str, settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    """Whatever the text: every line's letters are in a row or in a reject."""
    rows, rejects = read(f"a,b,c\n{data}".encode(), settings, lake, encoding="utf-8", delimiter=",")
    held = "".join(value or "" for row in rows for value in row) + "".join(line for _, line, _ in rejects)
    for letter in "ab1":
        assert held.count(letter) == data.count(letter)


def test_the_shared_path_is_untouched(settings: Settings, lake: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    delivered = tmp_path / "delivered.csv"
    delivered.write_bytes("名\n一\n".encode("gbk"))
    csv.open_csv(delivered, {"encoding": "gbk"}, settings, connection=lake)
    assert delivered.read_bytes() == "名\n一\n".encode("gbk")


def test_words_that_begin_names_cost_nothing(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    """Reservoirs and papers begin with the words of signatures: DuckDB reads them all the same; a signature below is found."""
    text = "编号,名称,说明\n" + "".join(f"{n},校尉营水库{n},报安\n" for n in range(50))
    settings.root.mkdir(parents=True, exist_ok=True)
    path = settings.root / "delivered"
    path.write_text(text)
    source = csv.open_csv(path, {"delimiter": ","}, settings, connection=lake)
    assert (source.rejects, source.relation.startswith("read_csv")) == (None, True)
    assert [found[2] for found in read((text + "填表人：张三,,\n").encode(), settings, lake, delimiter=",")[1]] == ["note"]


@pytest.mark.parametrize("line", ['1,"      ",' * 400 + "x", "\t" * 200_000 + "x", '"",' * 5000 + "x"])
def test_no_line_takes_the_search_for_ever(line: str) -> None:
    """Searching costs about as many steps as there are bytes, whatever a line is made of."""
    assert not [found for found in suspects.lines(f"a,合计\n{line}\n说明total\n".encode()) if found.startswith(b"1,")]
