"""A draft is proved on its own file before it loads; shown numbers of Excel, amounts with words, dates in order of time."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.inference import divisions
from contracts.model import Type
from warehouse.readers.shown import shown

from .conftest import lines


class TestTheDraftAcceptsItsOwnRows:
    def test_a_column_with_words_for_no_value_is_no_key(self, draft) -> None:
        def line(n: int) -> str:
            return f"CS{n % 100:05d},{'.' if n % 50 == 0 else f'2026-{n // 100 + 1:02d}-{n % 28 + 1:02d}'},{n}"

        drafted = draft("场所编号,检查日期,n\n" + lines(600, line))
        assert "inspected_on" not in drafted.contract.key
        assert not any("将被隔离" in each.zh for each in drafted.evidence)

    def test_rows_that_it_refuses_are_told_before_it_loads(self, draft) -> None:
        drafted = draft("id,v\n" + lines(1000, lambda n: f"{n},{'abc' if n == 500 else n}"))
        assert any("1 行将被隔离" in each.zh for each in drafted.evidence)

    def test_repeated_keys_are_told(self, draft) -> None:
        text = "编号,v\n" + lines(60, lambda n: f"S{n // 2},{n}")
        drafted = draft(text, key=("编号",))
        assert any("60 行主键" in each.zh for each in drafted.evidence)


class TestShown:
    def test_codes_that_excel_shows_with_zeros_keep_them(self, draft, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        book.active.append(["站码", "投资", "月份", "人数"])
        for n in range(1, 13):
            book.active.append([n * 100, n * 1.5, float(f"2024.{n}"), n])
            for column, code in (("A", "000000"), ("B", "#,##0.00"), ("C", "0.00" if n in (1, 10) else "General")):
                book.active[f"{column}{n + 1}"].number_format = code
        book.save(tmp_path / "a.xlsx")
        drafted = draft(tmp_path / "a.xlsx")
        code, _, _, people = drafted.contract.items
        assert (code.type, people.type) == (Type.STRING, Type.INTEGER)
        assert drafted.profile.columns[0].least == "000100"

    @pytest.mark.parametrize(
        ("value", "code", "text"),
        [("100", "000000", "000100"), ("7", '"ZC"0000', "ZC0007"), ("2024.1", "0.00", "2024.10"), ("1234567", "000000", ""),
         ("12.345", "0.00", ""), ("12", "0.00", ""), ("1.5", "000", "")],
    )  # fmt: skip
    def test_only_zeros_are_added(self, value: str, code: str, text: str) -> None:
        assert shown(value, code) == text


class TestAmounts:
    def test_forms_are_counted_and_a_split_is_proposed(self, draft) -> None:
        forms = ["1.5万", "3,200", "１２０", "≥50", "约300", "12吨", "2—4", "300", "1 200", "500以上"]
        rows = "".join(f'库{n},"{forms[n % 10]}"\n' for n in range(40))
        drafted = draft("仓库,数量\n" + rows)
        assert drafted.contract.items[1].type is Type.STRING
        told = "；".join(note.zh for note in drafted.guesses[1].notes)
        for said in (
            "带倍数（万、亿） 4 行",
            "带单位 4 行",
            "范围 4 行",
            "全角数字 4 行",
            "限定词（≥、约、以上） 12 行",
            "建议",
        ):
            assert said in told

    def test_words_are_no_amounts(self, draft) -> None:
        drafted = draft("仓库,物资\n" + lines(40, lambda n: f"库{n},{'沙袋' if n % 2 else '水泵'}"))
        assert not any("写法不一" in note.zh for note in drafted.guesses[1].notes)


def test_thousands_without_quotes_are_named(draft) -> None:
    with pytest.raises(HubError, match=r"千分位"):
        draft("编号,金额\n" + lines(12, lambda n: f"SJ{n:03d},1,{234 + n}.50元"))


def test_first_and_last_date_are_those_of_time(draft) -> None:
    drafted = draft("编号,日期\n" + lines(40, lambda n: f"S{n},{n % 12 + 1}/{n % 28 + 1}/{2024 - n}"))
    column = drafted.profile.columns[1]
    assert column.most is not None
    assert column.least is not None
    assert (column.most.endswith("2024"), column.least.endswith("1985")) == (True, True)


def test_no_empty_brackets(draft) -> None:
    drafted = draft("编号,人口\n" + lines(12, lambda n: f"S{n},{n}"))
    assert not any("（）" in each.zh or "()" in each.en for each in drafted.evidence)


class TestDivisions:
    TODAY = ("37", "3701", "370102", "370116", "11", "1101", "110118", "36", "3601", "360111")
    YEARS: ClassVar = {
        1995: ("36", "3601", "360111", "37", "3712", "371200", "11", "1101", "110228"),
        2015: ("110228", "371200"),
    }

    def test_codes_are_told_by_the_table_of_their_year(self) -> None:
        rows = [
            ("370102", "2021", 4),
            ("110228", "1996", 2),
            ("370116", "1996", 3),
            ("659012", "2021", 5),
            ("37010", "2019", 1),
        ]
        seen = divisions.count(rows, self.TODAY, self.YEARS)
        assert (seen.current, seen.of_its_year, seen.not_of_its_year, seen.unknown, seen.malformed) == (4, 2, 3, 5, 1)

    def test_a_column_of_that_title_is_checked_and_told(self, draft) -> None:
        codes = ["370102", "110228", "37010"]
        text = "区划代码,年份,人数\n" + lines(30, lambda n: f"{codes[n % 3]},{1995 + n % 2},{n}")
        note = "；".join(each.zh for each in draft(text, divisions=self.TODAY).guesses[0].notes)
        assert "10 行在现行表中" in note
        assert "10 行位数不对" in note

    @pytest.mark.parametrize("title", ["区划代码", "行政区划代码", "所属区划编码", "adcode", "县区代码"])
    def test_titles(self, title: str) -> None:
        assert divisions.is_division_title(title, title)
