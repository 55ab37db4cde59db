"""The kind of a file is decided by its bytes: tables of geographers are read, what holds no table is named for what it is."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.inference.sniff import NotATable
from contracts.model import Type
from warehouse.readers import kinds

from .conftest import lines

NAMES = ("哈尔滨点", "齐齐哈尔点", "牡丹江点")


def dbf(*, encoding: str = "gb18030", language: int = 0x4D, deleted: Sequence[int] = ()) -> bytes:
    """Names, amounts and days, as dBase writes them."""
    fields = (("名称", "C", 20, 0), ("金额", "N", 20, 2), ("日期", "D", 8, 0))
    described = b"".join(
        name.encode(encoding).ljust(11, b"\0") + kind.encode() + b"\0" * 4 + bytes([width, decimals]) + b"\0" * 14
        for name, kind, width, decimals in fields
    )
    rows = b"".join(
        (b"*" if n in deleted else b" ")
        + name.encode(encoding).ljust(20)
        + f"{12345678901234567 + n}.{n}0".rjust(20).encode()
        + f"2024010{n + 1}".encode()
        for n, name in enumerate(NAMES)
    )
    start = 32 + len(described) + 1
    head = struct.pack("<4BIHH", 3, 124, 1, 5, len(NAMES), start, 49) + b"\0" * 17 + bytes([language]) + b"\0" * 2
    return head + described + b"\r" + rows + b"\x1a"


def shp(shapes: Sequence[bytes]) -> bytes:
    records = b"".join(struct.pack(">2i", n, len(shape) // 2) + shape for n, shape in enumerate(shapes, 1))
    return (
        struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + len(records)) // 2) + struct.pack("<2i8d", 1000, 1, *[0.0] * 8) + records
    )


POINTS = [struct.pack("<i2d", 1, 126.5 + n, 45.5 + n) for n in range(3)]


def packed(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


def cells(draft: Any, content: bytes, name: str, **told: Any) -> tuple[dict[str, Any], list[str]]:
    drafted = draft(content, name, **told)
    return {guess.source: guess.type for guess in drafted.guesses}, [c.least for c in drafted.profile.columns]


class TestTables:
    """dbf, shapefiles, KML, GeoPackage, and workbooks under another name."""

    @pytest.mark.parametrize(("encoding", "language"), [("gb18030", 0x4D), ("gb18030", 0), ("utf-8", 0), ("cp950", 0x4F)])
    def test_dbf_in_the_encoding_its_header_names(self, draft: Any, encoding: str, language: int) -> None:
        if encoding == "cp950":
            pytest.importorskip("encodings.cp950")
        data = dbf(encoding="gb18030", language=0x4D) if encoding == "cp950" else dbf(encoding=encoding, language=language)
        types, least = cells(draft, data, "点.dbf")
        assert list(types) == ["名称", "金额", "日期"]
        assert types["日期"] == Type.DATE
        assert least[0] == min(NAMES)
        assert least[1] == "12345678901234567.00", "seventeen digits of money, as written"

    def test_deleted_records_are_no_rows(self, draft: Any) -> None:
        assert draft(dbf(deleted=[1]), "x.csv").profile.rows == 2

    def test_a_memo_is_told_and_its_place_no_value(self, draft: Any) -> None:
        drafted = draft(dbf().replace(b"C\0\0\0\0\x14", b"M\0\0\0\0\x14", 1), "x.dbf")
        assert drafted.profile.columns[0].filled == 0
        assert any("memo" in each.en for each in drafted.evidence)

    def test_a_dbf_cut_short_says_so(self, draft: Any) -> None:
        with pytest.raises(HubError, match="3"):
            draft(dbf()[:-40], "x.dbf")

    @pytest.mark.parametrize("code_page", [b"GBK", b"936", b""])
    def test_a_zipped_shapefile(self, draft: Any, code_page: bytes) -> None:
        language = 0 if code_page else 0x4D
        data = packed({"图/点.shp": shp(POINTS), "图/点.SHX": b"", "图/点.dbf": dbf(language=language), "图/点.cpg": code_page})
        types, least = cells(draft, data, "点.zip")
        assert list(types) == ["名称", "金额", "日期", "longitude", "latitude"]
        assert least[0] == min(NAMES)
        assert least[3:] == ["126.5", "45.5"]

    def test_a_plane_shapefile_has_no_longitude(self, draft: Any) -> None:
        data = packed({"a.shp": shp(POINTS), "a.dbf": dbf(), "a.prj": b'PROJCS["CGCS2000_3_Degree_GK_CM_126E",GEOGCS[]]'})
        types, _ = cells(draft, data, "a.zip")
        assert list(types)[3:] == ["x", "y"]

    def test_polygons_with_a_hole(self, draft: Any) -> None:
        outer, hole = [(0, 0), (0, 4), (4, 4), (4, 0), (0, 0)], [(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]
        places = [number for place in (*outer, *hole) for number in place]
        shape = struct.pack("<i4d2i2i", 5, 0, 0, 4, 4, 2, 10, 0, 5) + struct.pack(f"<{len(places)}d", *places)
        data = packed({"a.shp": shp([shape] * 3), "a.dbf": dbf()})
        _, least = cells(draft, data, "a.zip")
        told = json.loads(least[3])
        assert (told["type"], len(told["coordinates"])) == ("Polygon", 2)

    def test_a_shape_longer_than_its_record(self, draft: Any) -> None:
        shape = struct.pack("<i4d2i", 5, 0, 0, 4, 4, 2**30, 2**30)
        with pytest.raises(HubError, match="shapefile"):
            draft(packed({"a.shp": shp([shape]), "a.dbf": dbf()}), "a.zip")

    def test_two_shapefiles_are_asked(self, draft: Any, asked: Any) -> None:
        data = packed({"a.shp": shp(POINTS), "a.dbf": dbf(), "b.shp": shp(POINTS), "b.dbf": dbf()})
        (question,) = asked(data, "ab.zip")
        assert [choice.value for choice in question.choices] == ["a.shp", "b.shp"]
        assert draft(data, "ab.zip", member="b.shp").profile.rows == 3

    @pytest.mark.parametrize("zipped", [False, True])
    def test_kml_and_kmz(self, draft: Any, zipped: bool) -> None:
        mark = (
            "<Placemark><name>{0}</name><ExtendedData><Data name='编号'><value>00{1}</value></Data></ExtendedData>"
            "<Point><coordinates>126.{1},45.{1},1</coordinates></Point></Placemark>"
        )
        text = "".join(mark.format(name, n) for n, name in enumerate(NAMES))
        kml = f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{text}</Document></kml>'.encode()
        data = packed({"doc.kml": kml, "files/a.png": b"x"}) if zipped else kml
        types, least = cells(draft, data, "a.kmz" if zipped else "a.kml")
        assert list(types) == ["name", "编号", "longitude", "latitude", "elevation"]
        assert (types["编号"], least[1]) == (Type.STRING, "000")

    def test_kml_with_entities_is_refused(self, draft: Any) -> None:
        kml = b'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "x">]><kml><Placemark/></kml>'
        with pytest.raises(HubError, match="KML"):
            draft(kml, "a.kml")

    def geopackage(self, path: Path, layers: Sequence[str] = ("点",), system: int = 4490) -> bytes:
        book = sqlite3.connect(path)
        book.executescript(
            "PRAGMA application_id = 0x47504B47; CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT);"
            "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
            "CREATE TABLE gpkg_spatial_ref_sys (srs_id INTEGER, organization_coordsys_id INTEGER);"
        )
        book.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?)", (system, system))
        for layer in layers:
            book.execute(f'CREATE TABLE "{layer}" (fid INTEGER PRIMARY KEY, 编码 TEXT, geom BLOB)')
            book.execute("INSERT INTO gpkg_contents VALUES (?, 'features')", (layer,))
            book.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?)", (layer, system))
            for n in range(3):
                shape = b"GP\0\x01" + struct.pack("<i", system) + struct.pack("<BI2d", 1, 1, 126.5 + n, 45.5)
                book.execute(f'INSERT INTO "{layer}" VALUES (?, ?, ?)', (n, f"00{n}", shape))
        book.commit()
        book.close()
        return path.read_bytes()

    def test_geopackage(self, draft: Any, asked: Any, tmp_path: Path) -> None:
        types, least = cells(draft, self.geopackage(tmp_path / "1"), "a.gpkg")
        assert list(types) == ["fid", "编码", "longitude", "latitude"]
        assert (types["编码"], least[2]) == (Type.STRING, "126.5")
        two = self.geopackage(tmp_path / "2", ("甲", "乙"), 4547)
        assert [choice.value for choice in asked(two, "b.gpkg")[0].choices] == ["甲", "乙"]
        assert list(cells(draft, two, "b.gpkg", sheet="乙")[0])[2:] == ["x", "y"]

    def test_a_geopackage_whose_layer_is_a_view_is_not_run(self, draft: Any, tmp_path: Path) -> None:
        self.geopackage(tmp_path / "1", ())
        book = sqlite3.connect(tmp_path / "1")
        book.execute("CREATE VIEW 坏 AS SELECT randomblob(1000000000) AS a")
        book.execute("INSERT INTO gpkg_contents VALUES ('坏', 'features')")
        book.commit()
        book.close()
        with pytest.raises(HubError, match="layer"):
            draft((tmp_path / "1").read_bytes(), "a.gpkg")

    def test_a_csv_that_is_a_workbook(self, draft: Any, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        for row in [["编号", "名称"], *([f"A{n}", f"名{n}"] for n in range(5))]:
            book.active.append(row)
        book.save(tmp_path / "book.xlsx")
        for name in ("a.csv", "a.xls", "a.txt"):
            assert draft((tmp_path / "book.xlsx").read_bytes(), name).profile.rows == 5


def tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        part = tarfile.TarInfo("a.csv")
        part.size = 8
        archive.addfile(part, io.BytesIO(b"a,b\n1,2\n"))
    return made.getvalue()


def ole(stream: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1016 + stream.encode("utf-16-le") + b"\0" * 512


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab" * 32 + "\nsize 70131120\n"
NO_TABLE: dict[str, tuple[bytes | str, str]] = {
    "docx": (packed({"[Content_Types].xml": b"", "word/document.xml": b"<w/>"}), "docx"),
    "pptx": (packed({"[Content_Types].xml": b"", "ppt/presentation.xml": b"<p/>"}), "pptx"),
    "ofd": (packed({"OFD.xml": b"<o/>", "Doc_0/Document.xml": b"<d/>"}), "OFD"),
    "odt": (packed({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<o/>"}), "odt"),
    "doc": (ole("WordDocument"), "Word"),
    "msg": (ole("__properties_version1.0"), "Outlook"),
    "tar": (tar(), "tar"),
    "avro": (b"Obj\x01\x04\x14avro.codec\x08null", "Avro"),
    "orc": (b"ORC\x01\x02\x00\x00", "ORC"),
    "feather": (b"ARROW1\0\0" + b"\xff" * 8, "Arrow"),
    "accdb": (b"\0\x01\0\0Standard ACE DB\0" + b"\x03" * 64, "accdb"),
    "mdb": (b"\0\x01\0\0Standard Jet DB\0" + b"\x03" * 64, "mdb"),
    "tif": (b"II*\0\x08\0\0\0", "TIFF"),
    "gif": (b"GIF89a\x01\0\x01\0", "GIF"),
    "bmp": (b"BM" + struct.pack("<I", 99) + b"\0" * 20, "BMP"),
    "shp": (shp(POINTS), "shapefile"),
    "lfs": (POINTER, "70,131,120"),
    "sylk": ('ID;PCALCOOO32\nC;X1;Y1;K"a"\n', "SYLK"),
    "dif": ('TABLE\r\n0,1\r\n"x"\r\nVECTORS\r\n', "DIF"),
    "rtf": (r"{\rtf1\ansi hello}", "RTF"),
    "sql": ("-- dump\n" + lines(9, lambda n: f"INSERT INTO t (a,b) VALUES ({n},'x,{n}');"), "SQL"),
    "access log": (lines(9, lambda n: f'127.0.0.1 - - [05/Jan/2024:10:00:0{n} +0800] "GET /a?id={n}" 200 1'), "log"),
    "program log": (lines(9, lambda n: f"2024-01-05 10:00:0{n},123 INFO  [main] started, {n}"), "log"),
    "ini": ("[server]\nhost=127.0.0.1\nport=8080\n[db]\nname=x\n", "ini"),
    "yaml": ("- name: 张三\n  age: 30\n- name: 李四\n  age: 40\n", "YAML"),
    "markdown": ("# 总结\n\n这里是一段文字\n\n## 二\n- 一\n- 二\n", "Markdown"),
    "prose": ("某县关于报送总结的通知\n\n各乡镇人民政府：\n\n　　现将有关事项通知如下。一、填报。\n\n某县应急局\n", "prose"),
    "error": ("ERROR: 查询超时，请重试\r\n", "error"),
    "error zh": ("系统繁忙，请稍后再试\n", "error"),
    "http": ("502 Bad Gateway\n", "error"),
    "html": ("<html><head><title>404 Not Found</title></head></html>", "HTML"),
    "null": ("null", "JSON"),
    "values": ("[1,2,3,4,5]", "JSON"),
}


class TestNamed:
    """Kinds that hold no table."""

    @pytest.mark.parametrize("kind", NO_TABLE)
    def test_named_for_what_it_is_with_what_to_hand_in(self, draft: Any, kind: str) -> None:
        content, word = NO_TABLE[kind]
        with pytest.raises(NotATable) as refused:
            draft(content, "数据.csv")
        assert word.lower() in refused.value.message_en.lower()
        assert refused.value.message.endswith("。")

    @pytest.mark.parametrize(
        "text",
        [
            "意见\n好。\n很好。\n可以。\n",
            lines(9, lambda n: f"2024-01-05 10:00:0{n},INFO,started {n}"),
            "error,count\nnot found,3\ntimeout,4\n",
            "MZ,ORC,ID3\nMZ1,2,3\nMZ2,3,4\n",
            "名称: 甲,值: 1\n名称: 乙,值: 2\n名称: 丙,值: 3\n",
            "[a],b=1\n[b],c=2\n",
            lines(30, lambda n: f"# {n},第{n}条，说明。,{n}"),
        ],
    )
    def test_tables_that_look_a_little_like_it_are_no_such_kind(self, text: str) -> None:
        kinds.refuse_text(text, "x.csv", as_told=text.startswith("意见"))

    def test_whoever_says_the_delimiter_is_believed(self, draft: Any) -> None:
        text = "意见\n" + lines(20, lambda n: f"第{n}条意见已阅。")
        with pytest.raises(NotATable, match="--delimiter none"):
            draft(text)
        assert draft(text, delimiter="none", header="1").profile.rows == 20


class TestOddBytes:
    """What made tracebacks."""

    def test_nul_in_a_header(self, draft: Any) -> None:
        drafted = draft("编\0号,名称\n" + lines(9, lambda n: f"{n},名{n}"))
        assert [guess.source for guess in drafted.guesses] == ["编号", "名称"]

    def test_nul_in_a_key_of_json(self, draft: Any) -> None:
        assert draft('[{"a\\u0000b": 1}, {"a\\u0000b": 2}]', "a.json").guesses[0].source == "ab"

    def test_half_a_character_in_json(self, draft: Any) -> None:
        drafted = draft('[{"id":1,"memo":"ok"},{"id":2,"memo":"It\\udc92s"},{"id":3,"memo":"x"}]', "a.json")
        assert drafted.profile.rows == 3

    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
    def test_a_field_of_many_megabytes(self, draft: Any, encoding: str) -> None:
        text = (
            '编号,内容\n1,短\n2,短短\n3,"' + "汉字很长，" * (21 * 1024 * 1024 // 5 // len("汉".encode(encoding))) + '"\n4,短\n'
        )
        assert draft(text.encode(encoding), encoding=encoding, delimiter="comma", header="1").profile.rows == 4


def test_columns_called_as_the_lake_calls_its_own_come_under_other_names(draft: Any) -> None:
    heads = ["rowid", "_batch", "_row", "filename", "file_row_number", "snapshot_id", "select", "__row", "2024", "%"]
    drafted = draft(",".join(heads) + "\n" + lines(12, lambda n: ",".join(f"v{n}" for _ in heads)))
    names = [guess.name for guess in drafted.guesses]
    assert len({*names}) == len(heads)
    assert not {"rowid", "_batch", "_row", "filename", "file_row_number", "snapshot_id"} & {*names}


def test_tabs_behind_values_and_entities_do_not_hide_the_comma(draft: Any) -> None:
    tabs = "身份号,金额\r\n" + "".join(f"23010319800101{n:04d}\t,{n}.5\t\r\n" for n in range(12))
    marks = "编号,名称\r\n" + "".join(f"S{n},张三&amp;李四&nbsp;公司&#8203;\r\n" for n in range(12))
    for text in (tabs, marks):
        assert len(draft(text).guesses) == 2
