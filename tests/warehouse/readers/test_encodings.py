"""Encodings are found from all bytes; two that fit alike are asked."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.inference.encodings import detect
from warehouse.readers.encoding import MARK, readable, to_utf8

SIMPLIFIED = "编号,名称,地址\n1,哈尔滨市应急管理局,黑龙江省哈尔滨市道里区\n2,大庆油田化工有限公司,让胡路区\n"
TRADITIONAL = "姓名,電話,縣市\n陳小姐,02-2345,桃園市\n"


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED + "㐀,𠀀\n", "gb18030", "gb18030"),
        (SIMPLIFIED, "utf-16", "utf-16-le"),
        (SIMPLIFIED, "utf-16-be", "utf-16-be"),
        (TRADITIONAL, "big5", "cp950"),
        (TRADITIONAL, "gb18030", "gb18030"),
        ("name,city\nJosé,Málaga\nStraße,Größe\n", "latin-1", "latin-1"),
        ("name,price\nA,5 €\nB,“quoted”\n", "cp1252", "cp1252"),
        ("a,b\n1,2\n", "ascii", "utf-8"),
    ],
)
def test_found(text: str, codec: str, expected: str) -> None:
    found = detect(io.BytesIO(text.encode(codec)))
    assert (found.name, found.certain) == (expected, True)


def test_unicom_in_gbk_is_not_taken_for_utf8() -> None:
    """联通 in GBK is valid UTF-8 by accident: the famous failure of Windows Notepad."""
    found = detect(io.BytesIO("联通\n".encode("gbk")))
    assert found.name == "gb18030"


def test_a_word_in_every_row_is_evidence_once() -> None:
    """化工厂 in GBK is good Big5 too; the header is not."""
    text = "企业编号,企业名称,产值\n" + "".join(f"A{n:03d},化工厂{n},{n}.5\n" for n in range(60))
    found = detect(io.BytesIO(text.encode("gbk")))
    assert (found.name, found.certain) == ("gb18030", True)


def test_two_readings_that_fit_alike_are_asked() -> None:
    found = detect(io.BytesIO("名称\n".encode("gbk")))
    assert not found.certain
    assert found.others


def test_a_few_bad_lines_do_not_change_the_encoding() -> None:
    lines = [f"{n},企业名称测试".encode() for n in range(300)]
    lines[30] = b"30,\xff\xfe"
    found = detect(io.BytesIO(b"\n".join(lines)))
    assert (found.name, found.bad_lines) == ("utf-8", 1)


def test_non_ascii_only_at_the_very_end_counts() -> None:
    data = b"id,name\n" + b"1,plain\n" * 300_000 + "2,哈尔滨市应急管理局\n3,名称编号\n".encode("gbk")
    assert detect(io.BytesIO(data)).name == "gb18030"


@given(st.text(alphabet="黑龙江省哈尔滨市道里区应急管理局企业名称编号地址电话", min_size=12, max_size=200))
@settings(max_examples=60, deadline=None)
def test_chinese_text_is_never_garbled(text: str) -> None:
    for codec, expected in (("utf-8", "utf-8"), ("gb18030", "gb18030")):
        found = detect(io.BytesIO(text.encode(codec)))
        assert found.name == expected or not found.certain


def test_bytes_that_do_not_decode_are_marked_and_shown(tmp_path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes("名".encode("gbk") + b"\xff\n")
    assert to_utf8(source, "gb18030", target) == 1
    assert target.read_text(encoding="utf-8") == f"名{MARK}FF\n"
    assert readable(target.read_text(encoding="utf-8")) == "名\\xFF\n"
