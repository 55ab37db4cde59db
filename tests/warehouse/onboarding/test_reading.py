"""How files are read: headers, delimiters, sheets, record lists, archives."""

from __future__ import annotations

import datetime
import gzip
import json
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from contracts.errors import HubError
from contracts.model import Type
from warehouse.onboarding import profile as profiles
from warehouse.readers import open_source
from warehouse.settings import Settings

from .conftest import lines


def rows(path: Path, settings: Settings, reading: dict | None = None) -> list[tuple]:
    """What a file holds, as the check gets it."""
    with profiles.connection(settings) as connection:
        source = open_source(path, reading or {}, settings, connection=connection)
        columns = ", ".join(f'"{c}"' for c in source.columns)
        found = connection.execute(f"SELECT {columns} FROM {source.relation}").fetchall()
        for made in source.scratch:
            made.unlink(missing_ok=True)
    return found


class TestHeaders:
    def test_names_over_numbers(self, draft) -> None:
        assert draft("id,when\n" + lines(30, lambda n: f"{n},2024-01-05")).contract.reading["header"] == 1

    def test_no_header_over_numbers(self, draft) -> None:
        drafted = draft(lines(30, lambda n: f"{n},2024-01-05"))
        assert (drafted.contract.reading["header"], drafted.profile.rows) == ("none", 30)

    def test_text_over_text_is_asked(self, asked) -> None:
        [question] = asked(lines(25, lambda n: f"{chr(65 + n)}lder lane,{chr(90 - n)}oplar mews"))
        assert question.option == "--header"

    def test_years_are_headers(self, draft) -> None:
        assert draft("地区,2019,2020,2021\n" + lines(30, lambda n: f"市{n},1,2,3")).contract.reading["header"] == 1

    def test_title_lines_above_and_totals_below(self, draft) -> None:
        text = "2024年企业统计表,,,\n单位：万元,,,\n序号,企业名称,产值,备注\n"
        drafted = draft((text + lines(30, lambda n: f"{n + 1},企业{n},{n}.5,无") + "合计,,652.5,\n").encode("gb18030"))
        assert drafted.contract.reading["header"] == 3
        assert (drafted.profile.rows, drafted.profile.totals) == (30, 0)
        assert any("1 rows set aside: totals that differ" in said.en for said in drafted.evidence)
        assert drafted.contract.item("sequence").type is Type.INTEGER

    def test_repeated_and_blank_headers(self, draft) -> None:
        drafted = draft("id,name,name,,ID\n" + lines(30, lambda n: f"{n},a,b,c,{n}"))
        assert [item.name for item in drafted.contract.items] == ["id", "name", "name_2", "column_4", "id_2"]

    def test_a_header_and_no_rows(self, draft) -> None:
        with pytest.raises(HubError, match="a header and no rows"):
            draft("id,name,amount\n")

    def test_an_empty_file(self, draft) -> None:
        with pytest.raises(HubError, match="empty"):
            draft("")


class TestDelimiters:
    @pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "^"])
    def test_found(self, draft, delimiter: str) -> None:
        text = delimiter.join(["id", "name", "amount"]) + "\n" + lines(30, lambda n: delimiter.join([str(n), "a b", str(n)]))
        drafted = draft(text)
        assert (drafted.contract.reading["delimiter"], len(drafted.contract.items)) == (delimiter, 3)

    def test_utf16_with_tabs_from_excel(self, draft) -> None:
        text = "编号\t名称\t数量\r\n" + "".join(f"A{n}\t名{n}\t{n}\r\n" for n in range(30))
        drafted = draft(text.encode("utf-16"), "export.tsv")
        assert [item.title for item in drafted.contract.items] == ["编号", "名称", "数量"]

    def test_three_thousand_columns(self, draft) -> None:
        text = (
            ",".join(f"c{n}" for n in range(3000)) + "\n" + lines(20, lambda r: ",".join(str(r * n % 97) for n in range(3000)))
        )
        assert {item.type for item in draft(text).contract.items} == {Type.INTEGER}

    def test_rows_of_another_width_do_not_change_types(self, draft) -> None:
        text = "id,people\n" + lines(300, lambda n: f"{n},{n}" if n != 7 else "7,1,extra,fields")
        assert draft(text).contract.item("people").type is Type.INTEGER

    def test_the_file_tells_what_it_is_not_its_name(self, draft) -> None:
        assert draft("id\tname\n" + lines(30, lambda n: f"{n}\tn"), "old.xls").contract.reading["media"] == "csv"
        with pytest.raises(HubError, match="HTML"):
            draft("<html><table></table></html>", "old.xls")


class TestJson:
    def test_the_record_list_inside(self, draft) -> None:
        records = [{"id": n, "geo": {"lon": 120 + n / 100, "lat": 30}, "tags": ["a"]} for n in range(30)]
        drafted = draft(json.dumps({"code": 0, "result": {"total": 30, "items": records}}), "page.json")
        assert drafted.contract.reading["records"] == "result.items"
        assert [item.source[0] for item in drafted.contract.items] == ["id", "geo.lon", "geo.lat", "tags"]

    def test_two_lists_alike_are_asked(self, asked, draft) -> None:
        text = json.dumps({"a": [{"x": n} for n in range(30)], "b": [{"y": n} for n in range(25)]})
        [question] = asked(text, "two.json")
        assert (question.option, [choice.value for choice in question.choices]) == ("--records", ["a", "b"])
        assert draft(text, "two.json", records="b").profile.rows == 25

    def test_keys_that_appear_late(self, draft) -> None:
        text = json.dumps([{"id": n, **({"late": n} if n > 1500 else {})} for n in range(2000)])
        drafted = draft(text, "late.json")
        assert drafted.profile.column("late").filled == 499

    def test_numbers_keep_their_characters(self, tmp_path: Path, settings: Settings) -> None:
        path = tmp_path / "n.json"
        path.write_text('[{"code": "001", "n": 1.50, "big": 12345678901234567890, "t": true, "none": null}]')
        assert rows(path, settings) == [("001", "1.50", "12345678901234567890", "true", None)]

    def test_a_broken_line_is_received(self, tmp_path: Path, settings: Settings) -> None:
        path = tmp_path / "lines.ndjson"
        path.write_text('{"id": 1}\n{"id": 2, "v":\n{"id": 3}\n')
        with profiles.connection(settings) as connection:
            source = open_source(path, {}, settings, connection=connection)
            assert connection.execute(f"SELECT id, __row FROM {source.relation}").fetchall() == [("1", 1), ("3", 3)]
            assert connection.execute(f"SELECT * FROM {source.rejects}").fetchall() == [(2, '{"id": 2, "v":', "json")]
        for made in source.scratch:
            made.unlink()

    def test_a_truncated_document_is_refused(self, draft) -> None:
        with pytest.raises(HubError, match="not whole JSON"):
            draft('[{"id": 1}, {"id": ', "cut.json")

    def test_geojson(self, draft) -> None:
        def feature(n: int, geometry: dict) -> dict:
            return {"type": "Feature", "id": n, "properties": {"mag": n / 10, "at": {"depth": n}}, "geometry": geometry}

        points = [feature(n, {"type": "Point", "coordinates": [120 + n / 100, 30, 5]}) for n in range(30)]
        drafted = draft(json.dumps({"type": "FeatureCollection", "features": points}), "p.geojson")
        assert [i.source[0] for i in drafted.contract.items] == ["id", "mag", "at.depth", "longitude", "latitude", "elevation"]
        area = [feature(n, {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]}) for n in range(30)]
        drafted = draft(json.dumps({"type": "FeatureCollection", "features": area}), "a.geojson")
        assert drafted.contract.items[-1].source == ("geometry",)


class TestWorkbooks:
    @pytest.fixture
    def book(self) -> openpyxl.Workbook:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "一月"
        sheet.append(["2024年危化品企业名单"])
        sheet.merge_cells("A1:D1")
        sheet.append(["序号", "企业名称", "许可证号", "有效期至"])
        for n in range(40):
            sheet.append([n + 1, f"企业{n}", f"00{n:04d}", datetime.date(2025, 1, 1 + n % 28)])
        sheet.append(["注：数据截至2024年底"])
        return book

    def test_a_header_below_a_title(self, draft, book, tmp_path: Path) -> None:
        book.save(tmp_path / "a.xlsx")
        drafted = draft(tmp_path / "a.xlsx")
        assert (drafted.contract.reading["header"], drafted.profile.rows) == (2, 40)
        assert [item.type for item in drafted.contract.items] == [Type.INTEGER, Type.STRING, Type.STRING, Type.DATE]

    def test_a_title_line_more_in_the_next_delivery(self, draft, book, tmp_path: Path, settings: Settings) -> None:
        book.save(tmp_path / "a.xlsx")
        reading = dict(draft(tmp_path / "a.xlsx").contract.reading)
        book.active.insert_rows(2)
        book.active["A2"] = "制表单位：应急局"
        book.save(tmp_path / "b.xlsx")
        assert len(rows(tmp_path / "b.xlsx", settings, reading)) == 40

    def test_several_sheets_are_asked(self, asked, draft, book, tmp_path: Path) -> None:
        second = book.create_sheet("二月")
        for row in (["id", "v"], *([n, n] for n in range(10))):
            second.append(row)
        book.save(tmp_path / "a.xlsx")
        [question] = asked(tmp_path / "a.xlsx")
        assert (question.option, [choice.value for choice in question.choices]) == ("--sheet", ["一月", "二月"])
        assert draft(tmp_path / "a.xlsx", sheet="二月").profile.rows == 10
        second.sheet_state = "hidden"
        book.save(tmp_path / "b.xlsx")
        assert draft(tmp_path / "b.xlsx").profile.rows == 40

    def test_a_header_of_two_levels(self, draft, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["地区", "人数", "", "金额"])
        sheet.append(["", "男", "女", ""])
        for cells in ("B1:C1", "A1:A2", "D1:D2"):
            sheet.merge_cells(cells)
        for n in range(20):
            sheet.append([f"市{n}", n, n * 2, n * 1.5])
        book.save(tmp_path / "a.xlsx")
        assert [i.source[0] for i in draft(tmp_path / "a.xlsx").contract.items] == ["地区", "人数/男", "人数/女", "金额"]

    def test_merged_cells_stand_for_every_row(self, tmp_path: Path, settings: Settings) -> None:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.append(["县", "乡", "数"])
        for n in range(4):
            sheet.append(["甲县" if n == 0 else None, f"乡{n}", n])
        sheet.merge_cells("A2:A5")
        book.save(tmp_path / "a.xlsx")
        assert [row[0] for row in rows(tmp_path / "a.xlsx", settings)] == ["甲县"] * 4

    def test_dates_numbers_and_text_keep_their_form(self, tmp_path: Path, settings: Settings) -> None:
        book = openpyxl.Workbook()
        book.active.append(["code", "whole", "part", "day", "moment"])
        book.active.append(["007", 12, 1.25, datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1, 8, 30)])
        book.active.append(["008", 13, 2.0, datetime.date(2024, 3, 2), datetime.datetime(2024, 3, 2)])
        book.save(tmp_path / "a.xlsx")
        assert rows(tmp_path / "a.xlsx", settings) == [
            ("007", "12", "1.25", "2024-03-01", "2024-03-01 08:30:00"),
            ("008", "13", "2", "2024-03-02", "2024-03-02 00:00:00"),
        ]

    def test_a_password_is_a_clear_error(self, draft, tmp_path: Path) -> None:
        locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)
        with pytest.raises(HubError, match="password"):
            draft(locked, "locked.xlsx")


def test_parquet_keeps_declared_text_and_spreads_structs(draft, tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    frame = pl.DataFrame({"code": ["12", "13"], "s": [{"a": 1, "b": [1]}, {"a": 2, "b": []}], "t": [moment, moment]})
    frame.write_parquet(tmp_path / "a.parquet")
    drafted = draft(tmp_path / "a.parquet")
    told = [(item.source[0], item.type) for item in drafted.contract.items]
    assert told == [("code", Type.STRING), ("s.a", Type.INTEGER), ("s.b", Type.STRING), ("t", Type.TIMESTAMP)]


class TestArchives:
    def test_gzip_and_zip(self, draft, tmp_path: Path) -> None:
        text = "id,name\n" + lines(30, lambda n: f"{n},n")
        assert draft(gzip.compress(text.encode()), "a.csv.gz").profile.rows == 30
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("folder/名单.csv", text)
            archive.writestr("__MACOSX/._名单.csv", b"x")
        assert draft(tmp_path / "a.zip").contract.reading["member"] == "folder/名单.csv"

    def test_several_members_are_asked(self, asked, draft, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("a.csv", "id,v\n" + lines(9, lambda n: f"{n},1"))
            archive.writestr("../b.csv", "id,v\n" + lines(8, lambda n: f"{n},1"))
        assert asked(tmp_path / "a.zip")[0].option == "--member"
        assert draft(tmp_path / "a.zip", member="b.csv").profile.rows == 8
        assert not (tmp_path.parent / "b.csv").exists()

    def test_bombs_are_refused(self, draft, tmp_path: Path, settings: Settings) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", b"0" * (300 << 20))
        with pytest.raises(HubError, match="bomb"):
            draft(tmp_path / "a.zip")
        settings.max_unpacked_bytes = 1000
        with pytest.raises(HubError, match="bomb"):
            draft(gzip.compress(b"id,v\n" + b"1,2\n" * 1000), "b.csv.gz")

    def test_nested_too_deep(self, draft) -> None:
        data = b"id,v\n1,2\n"
        for _ in range(6):
            data = gzip.compress(data)
        with pytest.raises(HubError, match="nested"):
            draft(data, "a.csv.gz")

    def test_cut_short(self, draft) -> None:
        with pytest.raises(HubError, match="cut short"):
            draft(gzip.compress(b"id,v\n" + b"1,2\n" * 100_000)[:100], "a.csv.gz")


class TestDoubt:
    """Readings that would be wrong quietly are asked or refused."""

    def test_sentences_with_commas_are_not_columns(self, asked, draft) -> None:
        assert draft("note\n" + lines(40, lambda n: f"text {n}{', more' if n % 3 == 0 else ''}")).profile.rows == 40
        text = "address\n" + lines(40, lambda n: f"{n} road, town, county{', x' if n % 5 == 0 else ''}")
        [question] = asked(text)
        assert (question.option, question.choices[-1].value) == ("--delimiter", "none")
        assert draft(text, delimiter="none", header="1").profile.rows == 40

    def test_inch_marks_are_no_quotes(self, draft) -> None:
        text = "id\tdesc\n" + lines(60, lambda n: f'{n}\t5" pipe {n}' if n % 2 else f'{n}\t"odd {n}')
        assert draft(text, "a.tsv").profile.rows == 60

    def test_two_encodings_in_one_file_are_asked(self, asked) -> None:
        body = b"".join(f"{n},".encode() + "企业名称".encode("gbk" if n % 2 else "utf-8") + b"\n" for n in range(60))
        assert asked(b"id,name\n" + body)[0].option == "--encoding"

    def test_most_rows_broken_means_the_reading_is_wrong(self, asked, draft) -> None:
        text = "id,name\n" + lines(60, lambda n: f"{n},n" if n % 2 else f"{n},n,x,{n}")
        assert asked(text, delimiter="", header="1")[0].option == "--delimiter"
        assert draft(text, delimiter="comma", header="1").profile.rows == 30

    def test_binary_and_unknown_things_are_refused(self, draft) -> None:
        for content, said in ((bytes(range(256)) * 40, "binary"), (b"%PDF-1.7\n", "PDF"), (b"Rar!\x1a\x07", "RAR")):
            with pytest.raises(HubError, match=said):
                draft(content)
        with pytest.raises(HubError, match="no encoding"):
            draft("id,v\n1,2\n", encoding="klingon")
        with pytest.raises(HubError, match="no row 99"):
            draft("id,v\n1,2\n", header="99")

    def test_pages_of_records_are_asked(self, asked, draft) -> None:
        text = json.dumps({"pages": [{"n": n, "rows": [{"id": n * 30 + k} for k in range(30)]} for n in range(2)]})
        assert [choice.value for choice in asked(text, "p.json")[0].choices] == ["pages.*.rows", "pages"]
        assert draft(text, "p.json", records="pages.*.rows").profile.rows == 60

    def test_lists_of_lists(self, draft) -> None:
        named = draft(json.dumps({"columns": ["id", "v"], "data": [[n, n * 2] for n in range(30)]}), "c.json")
        assert [item.name for item in named.contract.items] == ["id", "v"]
        assert draft(json.dumps([["id", "name"], [1, "a"], [2, "b"]]), "a.json").profile.rows == 2

    def test_cells_with_errors_are_told(self, draft, tmp_path: Path) -> None:
        book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
        sheet = book.add_worksheet("数据")
        sheet.write_row(0, 0, ["id", "val"])
        for n in range(30):
            sheet.write(n + 1, 0, n)
            sheet.write_formula(n + 1, 1, "=1/0", None, "#DIV/0!" if n == 5 else n)
        book.close()
        item = draft(tmp_path / "a.xlsx").contract.item("val")
        assert (item.type, item.missing) == (Type.INTEGER, ("#DIV/0!",))
