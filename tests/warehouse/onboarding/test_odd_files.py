"""Files as offices really write them: odd encodings, headers, JSON, Parquet, workbooks and archives. A wrong guess is worse
than a question, and a clear error worse than neither."""

from __future__ import annotations

import decimal
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.errors import HubError
from contracts.inference.guess import ColumnAnswers
from contracts.model import Type
from warehouse.onboarding import profile as profiles
from warehouse.readers import inspect, open_source
from warehouse.readers.column_match import ORIGINAL_ROW, REASONS

from .conftest import lines
from .test_reading import rows

HEADER = "企业编号,企业名称,所在地市,产值\n"
FIRMS = lines(20, lambda n: f"A{n:03d},第一化工厂{n},哈尔滨市,{n}.5")


class TestEncodings:
    """Text that is not UTF-8 is text all the same."""

    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
    def test_chinese_in_wide_characters_is_not_taken_for_binary(self, draft, codec: str) -> None:
        """Excel's "Unicode text": the halves of Chinese characters are bytes below 32 as often as not."""
        drafted = draft((HEADER + FIRMS).replace(",", "\t").encode(codec), "企业.xls")
        assert (drafted.profile.rows, drafted.profile.column("企业名称").least) == (20, "第一化工厂0")

    def test_a_cut_character_at_the_end_costs_its_row_only(self, draft) -> None:
        assert draft(b"\xff\xfe" + (HEADER + FIRMS).encode("utf-16-le")[:-1]).profile.rows == 19

    @pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b""])
    def test_a_byte_order_mark_alone_is_an_empty_file(self, draft, mark: bytes) -> None:
        with pytest.raises(HubError, match="empty"):
            draft(mark)

    @pytest.mark.parametrize("broken", ["", 'B1,"没有关,市,1\n'])
    def test_the_euro_sign_of_windows_in_gbk(self, tmp_path, settings, broken: str) -> None:
        """Code page 936 writes € as the byte 0x80, which GB18030 does not know."""
        path = tmp_path / "a.csv"
        path.write_bytes((HEADER + FIRMS + broken).encode("gbk").replace("产值".encode("gbk"), b"\x80"))
        assert len(rows(path, settings, {"encoding": "gb18030", "delimiter": ","})) == 20
        path.write_bytes((HEADER + FIRMS + "B1,5\a,c,1\n" + broken).encode("gbk").replace(b"\a", b"\x80"))
        assert rows(path, settings, {"encoding": "gb18030", "delimiter": ","})[20][1] == "5€"


class TestParquet:
    """DuckDB finds columns by name, without regard to capitals; a file may have the same name twice."""

    @pytest.mark.parametrize("names", [["a", "a"], ["id", "ID"], ["", "b"]])
    def test_each_column_keeps_its_own_values(self, tmp_path: Path, settings, names: list[str]) -> None:
        pq.write_table(pa.table([["x", "y"], [1, 2]], names=names), tmp_path / "a.parquet")
        assert rows(tmp_path / "a.parquet", settings) == [("x", "1"), ("y", "2")]

    def test_decimals_of_many_digits(self, tmp_path: Path, settings) -> None:
        """DuckDB 1.5.5 reads 0.10 of a 256-bit decimal as 18454937.6."""
        value = decimal.Decimal("0.1000000000")
        pq.write_table(pa.table({"d": pa.array([value, None], pa.decimal256(50, 10))}), tmp_path / "a.parquet")
        assert rows(tmp_path / "a.parquet", settings) == [("0.1000000000",), (None,)]

    def test_text_in_a_dictionary_is_declared_text(self, draft, tmp_path: Path) -> None:
        column = pa.array([f"{n % 7}" for n in range(50)]).dictionary_encode()
        pq.write_table(pa.table({"level": column}), tmp_path / "a.parquet")
        assert draft(tmp_path / "a.parquet").contract.item("level").type == "string"


class TestNames:
    def test_a_column_called_like_the_row_number(self, tmp_path: Path, settings) -> None:
        (tmp_path / "a.csv").write_text("__row,name\n" + lines(20, lambda n: f"x{n},n{n}") + "broken\n", encoding="utf-8")
        columns, found, lost = read(tmp_path / "a.csv", settings)
        assert (columns, found[1], lost) == (("__row_2", "name"), ("x1", "n1"), [(21, "broken", "columns:1")])


class TestHeaders:
    """Rows above the records that are neither title nor record."""

    def test_a_header_with_blanks_is_no_title(self, draft) -> None:
        drafted = draft("编号,,名称,\n" + lines(20, lambda n: f"A{n:03d},n{n},m{n},{n}"))
        assert [column.source for column in drafted.profile.columns] == ["编号", "column_2", "名称", "column_4"]
        assert drafted.profile.rows == 20

    @pytest.mark.parametrize("second", ["ent_id,ent_name,city,output", ",,,(万元)", "编码,名称,,万元"])
    def test_a_second_row_of_names_or_units_is_asked(self, asked, draft, second: str) -> None:
        """Taken for a record it makes text of every number below it."""
        text = HEADER + second + "\n" + FIRMS
        [question] = asked(text)
        assert [choice.value for choice in question.choices] == ["1-2", "2", "1"]
        drafted = draft(text, header="1-2")
        assert (drafted.profile.rows, drafted.contract.items[3].type) == (20, "number")
        assert drafted.profile.columns[3].source == "产值/" + second.rpartition(",")[2]
        assert draft(text, header="1").profile.rows == 21

    def test_a_first_record_with_a_blank_is_a_record(self, draft) -> None:
        assert draft(HEADER + "A900,总厂,,不详\n" + FIRMS).profile.rows == 21

    def test_the_header_that_was_told_is_found_again(self, draft, tmp_path: Path, settings) -> None:
        """A line more above it in the next delivery, and not the row that was guessed at first."""
        names = "ent_id,ent_name,city,output\n"
        for header in ("2", "1-2"):
            contract = draft(HEADER + names + FIRMS, header=header).contract
            later = tmp_path / "later.csv"
            later.write_text("2026年报表,,,\n" + HEADER + names + FIRMS, encoding="utf-8")
            columns, found, _ = read(later, settings, contract.reading)
            assert columns == tuple(item.source[0] if item.source else item.title for item in contract.items)
            assert len(found) == 20

    def test_a_title_over_records_without_header_is_asked(self, asked) -> None:
        [question] = asked("企业表2025,,,\n" + FIRMS)
        assert [choice.value for choice in question.choices] == ["2", "none"]


def read(path: Path, settings, reading: dict | None = None) -> tuple[tuple[str, ...], list[tuple], list[tuple]]:
    """Columns, rows and rejects (row, line, reason) of a file."""
    with profiles.connection(settings) as connection:
        source = open_source(path, reading or {}, settings, connection=connection)
        columns = ", ".join(f'"{c}"' for c in source.columns)
        found = connection.execute(f"SELECT {columns} FROM {source.relation}").fetchall()
        lost = connection.execute(f"SELECT row, line, reason FROM {source.rejects}").fetchall() if source.rejects else []
        for made in source.scratch:
            made.unlink(missing_ok=True)
    return source.columns, found, lost


class TestLinesAndFields:
    """What makes Python's own reader of CSV give up: a CR alone in a line, a null byte, a field of millions of letters."""

    @pytest.mark.parametrize("place", [0, 1, 7, 20])
    @pytest.mark.parametrize("odd", ["\r", "\0", "\r\r", "\x0b", "\u2028"])
    def test_no_control_character_ends_in_a_traceback(self, tmp_path: Path, settings, place: int, odd: str) -> None:
        body = [HEADER.strip(), *FIRMS.splitlines()]
        body[place] = body[place][:3] + odd + body[place][3:] + ",合计"
        (tmp_path / "a.csv").write_text("\n".join(body) + "\n合计,,,210\n", encoding="utf-8", newline="")
        found = inspect(tmp_path / "a.csv", {"header": "1"}, settings, by_person=True)
        if not found.questions:
            _, good, lost = read(tmp_path / "a.csv", settings, {"delimiter": ",", "header": "1"})
            assert len(good) + len(lost) >= 20

    @pytest.mark.parametrize("row", [1, 2, 1500])
    def test_a_field_longer_than_python_allows(self, tmp_path: Path, settings, row: int) -> None:
        """131,072 characters is the limit that Python's csv begins with; totals below make the lines be looked at."""
        body = ["编号,说明,数", *(f"{n},{'字' * 150_000 if n == row else '短'},{n}" for n in range(1, 1600)), "合计,,1"]
        (tmp_path / "a.csv").write_text("\n".join(body), encoding="utf-8")
        _, found, lost = read(tmp_path / "a.csv", settings, {"delimiter": ","})
        assert (len(found), len(lost), len(found[row - 1][1])) == (1599, 1, 150_000)

    def test_old_macs_end_lines_with_a_return(self, tmp_path: Path, settings) -> None:
        (tmp_path / "a.csv").write_text((HEADER + FIRMS + "合计,,,190\n").replace("\n", "\r"), encoding="utf-8", newline="")
        _, found, lost = read(tmp_path / "a.csv", settings, {"delimiter": ","})
        assert (len(found), [reason.partition(":")[0] for _, _, reason in lost]) == (20, ["total-mismatch"])

    @pytest.mark.parametrize(
        "again", ["企业编号,企业名称,所在地市,产值", '"企业编号","企业名称",所在地市,产值', "企业编号 ,企业名称,所在地市, 产值"]
    )
    def test_a_header_repeated_however_it_is_quoted_is_no_record(self, tmp_path: Path, settings, again: str) -> None:
        (tmp_path / "a.csv").write_text(f"{HEADER}{again}\n{FIRMS}{again}\nA900,末厂,某市,3\n", encoding="utf-8")
        _, found, lost = read(tmp_path / "a.csv", settings, {"delimiter": ","})
        assert (len(found), [reason for _, _, reason in lost]) == (21, ["header", "header"])


class TestNextDelivery:
    """What comes later under the same contract: mended quarantine, another encoding, delimiter or sheet."""

    READINGS = (
        {"encoding": "gb18030", "delimiter": ";", "header": "3", "columns": ["企业编号"], "media": "csv"},
        {"encoding": "utf-16-le", "delimiter": "\t", "header": "none", "media": "csv"},
        {"encoding": "utf-8", "records": "data.list", "media": "json"},
        {"encoding": "utf-8", "media": "ndjson"},
        {"sheet": "数据", "header": "2-3", "columns": ["企业编号"], "media": "xlsx"},
        {"member": "企业.csv", "delimiter": "|", "header": 1, "media": "csv"},
        {"media": "parquet"},
    )

    @pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading["media"])
    def test_mended_quarantine_is_read_whatever_the_provider_writes(self, tmp_path: Path, settings, reading: dict) -> None:
        table = [["企业编号", "值", REASONS, ORIGINAL_ROW], *([f"A{n}", f"{n}", "“值”应为数字", f"{n}"] for n in range(9))]
        text = "\n".join(",".join(row) for row in table)
        (tmp_path / "a.csv").write_bytes(text.encode("utf-8-sig"))
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        for name in ("a.csv", "a.xlsx"):
            columns, found, _ = read(tmp_path / name, settings, reading)
            assert (columns[:2], len(found), found[8][:2]) == (("企业编号", "值"), 9, ("A8", "8"))

    @pytest.mark.parametrize(
        ("before", "now"), [("utf-8", "gbk"), ("utf-16-le", "gbk"), ("gb18030", "utf-8"), ("utf-8", "utf-16")]
    )
    def test_another_encoding(self, tmp_path: Path, settings, before: str, now: str) -> None:
        (tmp_path / "a.csv").write_bytes((HEADER + FIRMS).encode(now))
        _, found, lost = read(tmp_path / "a.csv", settings, {"encoding": before, "delimiter": ",", "header": 1})
        assert (found[3][1], len(found), lost) == ("第一化工厂3", 20, [])

    def test_another_delimiter(self, tmp_path: Path, settings) -> None:
        (tmp_path / "a.csv").write_text((HEADER + FIRMS).replace(",", "\t"), encoding="utf-8")
        columns, found, _ = read(tmp_path / "a.csv", settings, {"encoding": "utf-8", "delimiter": ";", "header": 1})
        assert (len(columns), len(found)) == (4, 20)

    def test_another_name_of_the_only_sheet(self, tmp_path: Path, settings) -> None:
        book = openpyxl.Workbook()
        for row in [["编号", "值"], *([f"A{n}", n] for n in range(9))]:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        assert len(read(tmp_path / "a.xlsx", settings, {"sheet": "2025年1月", "header": 1})[1]) == 9


class TestJson:
    """Documents as interfaces and export tools make them: no value is overwritten, no record lost."""

    @pytest.fixture
    def document(self, tmp_path: Path, settings):
        def make(text: str | bytes, name: str = "a.json", reading: dict | None = None):
            path = tmp_path / name
            path.write_bytes(text.encode() if isinstance(text, str) else text)
            return read(path, settings, reading)

        return make

    def test_a_list_called_item(self, document) -> None:
        """XML made JSON: {"items": {"item": [...]}}; ijson says "item" for the elements of any list."""
        for text in ({"item": [{"a": 1}, {"a": 2}]}, {"items": {"item": [{"a": 1}, {"a": 2}]}}):
            assert document(json.dumps(text))[:2] == (("a",), [("1",), ("2",)])

    def test_records_under_keys_keep_key_and_field(self, document) -> None:
        text = json.dumps({f"K{n}": {"key": f"own{n}", "v": n} for n in range(3)} | {"count": 3})
        columns, found, _ = document(text)
        assert columns == ("key", "key_2", "v", "value")
        assert found == [
            ("K0", "own0", "0", None),
            ("K1", "own1", "1", None),
            ("K2", "own2", "2", None),
            ("count", None, None, "3"),
        ]

    def test_names_that_come_out_alike(self, document) -> None:
        columns, found, _ = document(json.dumps([{"a.b": 1, "a": {"b": 2}}] * 2))
        assert (columns, found[0]) == (("a.b", "a.b_2"), ("1", "2"))

    def test_lists_of_lists_lose_no_value_and_no_row(self, document) -> None:
        text = json.dumps([["id", "name"], *([n, "x"] for n in range(500)), [500, "y", "more"], "stray", {"a": 1}])
        columns, found, lost = document(text, reading={"header": "1"})
        assert (columns, len(found), found[500]) == (("id", "name", "column_3"), 501, ("500", "y", "more"))
        assert lost == [(502, "stray", "json"), (503, '{"a": 1}', "json")]

    def test_nan_after_many_records(self, document) -> None:
        records = ", ".join(f'{{"id": {n}, "pad": "{"x" * 200}", "v": {"NaN" if n > 1900 else n}}}' for n in range(2000))
        _, found, _ = document(f'{{"a.b": [{records}]}}')
        assert (len(found), found[1900][2], found[1999][2]) == (2000, "1900", None)

    def test_lines_that_do_not_decode(self, document) -> None:
        good = "".join(f'{{"名": "厂{n}"}}\n' for n in range(30))
        bad = b'{"a": "B\xff"}\n'
        for codec, shown in (("utf-8", '{"a": "B\\xff"}'), ("gb18030", '{"a": "B\\xFF"}')):
            _, found, lost = document(good.encode(codec) + bad, "a.ndjson", {"encoding": codec})
            assert (len(found), lost) == (30, [(31, shown, "encoding")])

    def test_half_characters(self, document) -> None:
        assert document('{"a": "\\ud800x"}\n{"a": "好"}\n', "a.ndjson")[1] == [("\ufffdx",), ("好",)]

    @pytest.mark.parametrize("text", ["[]", "{}", "[{}, {}]", '{"code": 0, "data": []}', '{"data": {"total": 0, "list": []}}'])
    def test_an_answer_without_records_is_told(self, draft, text: str) -> None:
        with pytest.raises(HubError, match="nothing to receive"):
            draft(text, "a.json")

    def test_nested_too_deep(self, draft) -> None:
        text = "[" + ",".join(f'{{"id": {n}, "v": {"[" * 1500 + "]" * 1500}}}' for n in range(2)) + "]"
        with pytest.raises(HubError, match="too deep"):
            draft(text, "a.json")

    def test_coordinates_of_another_system_are_no_longitudes(self, draft) -> None:
        point = {"type": "Point", "coordinates": [500000, 5000000]}
        features = [{"type": "Feature", "properties": {"n": n}, "geometry": point} for n in range(20)]
        for crs, columns in (("EPSG::4525", ["n", "x", "y"]), ("OGC:1.3:CRS84", ["n", "longitude", "latitude"])):
            said = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{crs}"}}
            drafted = draft(json.dumps({"type": "FeatureCollection", "features": features, "crs": said}), "a.geojson")
            assert [column.source for column in drafted.profile.columns] == columns


class TestWorkbooks:
    """Workbooks that programs wrote, or people with a heavy hand."""

    def test_formulas_that_were_never_calculated(self, draft, tmp_path: Path, settings) -> None:
        """Written by a program and never opened in Excel. A column of them is refused; a single one is a value like others."""
        book = openpyxl.Workbook()
        for row in [["编号", "值", "和"], *([f"A{n}", n, f"=B{n + 2}*2"] for n in range(20))]:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        with pytest.raises(HubError, match=r"Column 3 of a.xlsx has 20 formulas without a saved result"):
            draft(tmp_path / "a.xlsx")
        for n in range(19):
            book.active.cell(n + 2, 3, n)
        book.save(tmp_path / "a.xlsx")
        assert rows(tmp_path / "a.xlsx", settings)[19] == ("A19", "19", "=B21*2")

    def test_a_formula_that_gives_nothing_has_a_result(self, draft, tmp_path: Path) -> None:
        """Excel writes an empty text as t="str"."""
        book = openpyxl.Workbook()
        for row in [["编号", "说明"], *([f"A{n}", '=""' if n % 2 else "有"] for n in range(20))]:
            book.active.append(row)
        book.save(tmp_path / "never.xlsx")
        with zipfile.ZipFile(tmp_path / "never.xlsx") as never, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as saved:
            for part in never.namelist():
                saved.writestr(part, never.read(part).replace(b"><f>", b' t="str"><f>'))
        assert draft(tmp_path / "a.xlsx").profile.column("说明").filled == 10

    def test_a_cell_at_the_far_end(self, draft, tmp_path: Path) -> None:
        """A blank typed into XFD1048576 stands for seventeen milliard cells; a format there for none."""
        for value in (" ", None):
            book = openpyxl.Workbook()
            for row in [["编号", "值"], *([f"A{n}", n] for n in range(20))]:
                book.active.append(row)
            far = book.active.cell(1048576, 16384, value)
            far.font = openpyxl.styles.Font(bold=True)
            book.save(tmp_path / "a.xlsx")
            if value:
                with pytest.raises(HubError, match="row 1048576"):
                    draft(tmp_path / "a.xlsx")
            else:
                assert draft(tmp_path / "a.xlsx").profile.rows == 20

    @pytest.mark.parametrize(
        "start", ["<html>", "<table>", "<style>td{}</style>", '<?xml version="1.0"?>', "<!-- x -->", "MIME-Version: 1.0\n"]
    )
    def test_web_pages_called_xls(self, draft, start: str) -> None:
        page = f"{start}<table><tr><th>编号</th><th>名称</th></tr><tr><td>1</td><td>一厂</td></tr></table>"
        for codec in ("utf-8", "gbk", "utf-16"):
            with pytest.raises(HubError, match=r"save it as \.xlsx"):
                draft(page.encode(codec), "企业.xls")


class TestArchives:
    """Zips in zips, and the next month's zip."""

    @staticmethod
    def zipped(members: dict[str, bytes]) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return made.getvalue()

    def test_a_zip_in_a_zip_is_loaded_as_it_was_drafted(self, asked, draft, tmp_path: Path, settings) -> None:
        data = (HEADER + FIRMS).encode()
        outer = self.zipped({"in.zip": self.zipped({"a.csv": data, "b.csv": data}), "说明.txt": b"x"})
        assert [choice.value for choice in asked(outer, "o.zip", member="in.zip")[0].choices] == [
            "in.zip!a.csv",
            "in.zip!b.csv",
        ]
        drafted = draft(outer, "o.zip", member="in.zip!b.csv")
        assert drafted.contract.reading["member"] == "in.zip!b.csv"
        assert len(read(tmp_path / "o.zip", settings, drafted.contract.reading)[1]) == 20

    def test_the_only_file_may_be_called_otherwise_next_month(self, asked, draft, tmp_path: Path, settings) -> None:
        data = (HEADER + FIRMS).encode()
        contract = draft(self.zipped({"企业202501.csv": data}), "o.zip").contract
        (tmp_path / "o.zip").write_bytes(self.zipped({"企业202502.csv": data}))
        assert len(read(tmp_path / "o.zip", settings, contract.reading)[1]) == 20
        assert asked(tmp_path / "o.zip", member="企业202501.csv")[0].option == "--member"

    def test_what_is_wrong_is_said_by_the_name_that_people_know(self, draft, asked) -> None:
        inner = self.zipped({"a.csv": b"x", "b.csv": b"y"})
        assert asked(self.zipped({"in.zip": inner}), "o.zip")[0].said.en == "in.zip holds 2 files; which one?"
        with pytest.raises(HubError, match=r"The archive in\.zip is broken"):
            draft(self.zipped({"in.zip": inner[:60]}), "o.zip")


def test_numbers_longer_than_excel_keeps_are_told_as_damaged(draft, tmp_path: Path) -> None:
    """Fifteen digits of an identity number are left; the rest must not come out as digits that nobody typed."""
    book = openpyxl.Workbook()
    for row in [
        ["姓名", "身份证号", "产值"],
        *([f"人{n}", 230103198001010000 + n * 1000, n * 1_000_000_000_000] for n in range(1, 30)),
    ]:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    drafted = draft(tmp_path / "a.xlsx", "a.xlsx", ColumnAnswers(types={"身份证号": "string"}))
    damaged = drafted.profile.column("身份证号")
    assert damaged.least == "2.30103198001011E+17"
    guess = next(guess for guess in drafted.guesses if guess.source == "身份证号")
    assert guess.type is Type.STRING
    assert any("damaged" in str(note) for note in guess.notes)
    assert drafted.profile.column("产值").least == "1000000000000"
