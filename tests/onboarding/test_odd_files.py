"""Files as offices really write them: odd encodings, headers, JSON, Parquet, workbooks and archives. A wrong guess is worse
than a question, and a clear error worse than neither."""

from __future__ import annotations

import pytest

from contracts.errors import HubError

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
