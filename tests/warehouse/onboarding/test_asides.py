"""Rows that are no records: set aside, told, and totals compared with the rows that they sum."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.inference.asides import Sieve

from .conftest import lines
from .test_odd_files import read

NAMES = ("序号", "乡镇", "户数", "人口")
TOWNS = [(str(n + 1), f"向阳{n}镇", str(100 + n), str(300 + n)) for n in range(10)]
SUM = ("1045", "3045")


def sift(*below: Sequence[str], above: Sequence[Sequence[str]] = (), names: Sequence[str] = NAMES) -> list[str]:
    """The reasons of rows above and below ten records, which are none themselves."""
    rows = [*above, *TOWNS, *below]
    sifted = {each.number: each.reason for each in Sieve(names, rows).sift(enumerate(rows, 1))}
    assert not any(sifted[n] for n in range(len(above) + 1, len(above) + 11))
    return [sifted[n] for n in (*range(1, len(above) + 1), *range(len(above) + 11, len(rows) + 1))]


class TestTotals:
    @pytest.mark.parametrize(
        "word",
        ["合计", "合　　计", "合 计:", "总计", "全县合计", "本页小计", "合计（户）", "合計", "Total", "grand total", "共计"],
    )
    @pytest.mark.parametrize("place", [0, 1])
    def test_a_total_is_no_record_whatever_its_blanks(self, word: str, place: int) -> None:
        row = ("", word, *SUM) if place else (word, "", *SUM)
        assert [reason.partition(":")[0] for reason in sift(row)] == ["total"]

    def test_with_a_row_number_first_or_above_all(self) -> None:
        assert sift(("11", "合计", *SUM)) == ["total:合计"]
        assert sift(above=[("", "合计", *SUM)]) == ["total:合计"]

    def test_a_total_that_differs_is_a_finding(self) -> None:
        assert sift(("", "合计", "1045", "3046")) == ["total-mismatch:合计 人口 3046 ≠ 3045"]

    def test_subtotals_and_the_total_of_all(self) -> None:
        half = ("小计", "", "1145", "3345")
        rows = [*TOWNS[:5], ("小计", "", "510", "1510"), *TOWNS[5:], ("小计", "", "535", "1535"), ("总计", "", *SUM)]
        reasons = [each.reason for each in Sieve(NAMES, rows).sift(enumerate(rows, 1)) if each.reason]
        assert reasons == ["total:小计", "total:小计", "total:总计"]
        assert sift(half)[0].startswith("total-mismatch")

    @pytest.mark.parametrize("word", ["全部", "全县", "所有：", "总和"])
    @pytest.mark.parametrize("above", [True, False])
    def test_a_word_that_may_be_a_total_is_one_where_its_cells_are_the_sums(self, word: str, above: bool) -> None:
        row = ("", word, *SUM)
        assert sift(*([] if above else [row]), above=[row] if above else []) == [f"total:{word.rstrip('：')}"]

    def test_such_a_word_beside_other_numbers_is_a_record(self) -> None:
        assert sift(("", "全部", "1045", "3046")) == [""]
        assert sift(("", "全部", "5", "7"), ("", "合计", "1050", "3052")) == ["", "total:合计"]
        assert sift(("", "全部", "0", "0")) == [""]

    def test_such_a_word_is_a_value_of_its_column(self) -> None:
        rows = [(str(n), "全部" if n % 2 else "部分", "0", str(n)) for n in range(40)]
        assert not [each for each in Sieve(NAMES, rows).sift(enumerate(rows, 1)) if each.reason]

    def test_averages_and_parts_are_set_aside_and_not_summed(self) -> None:
        assert sift(("", "平均", "104.5", "304.5"), ("", "其中：农村", "50", "60")) == ["total:平均", "total:其中：农村"]

    def test_rates_do_not_add_up(self) -> None:
        names = (*NAMES[:3], "增长率")
        assert sift(("", "合计", "1045", "9.9"), names=names) == ["total:合计"]

    def test_words_that_are_values_of_a_column_are_records(self) -> None:
        rows = [(str(n), "合计" if n % 3 else "平均", f"{n}.5", "甲") for n in range(20)]
        assert not any(each.reason for each in Sieve(("编号", "口径", "值", "站"), rows).sift(enumerate(rows, 1)))

    def test_a_firm_is_no_total(self) -> None:
        assert sift(("11", "总和商贸公司", "1", "2"), ("12", "合计划有限公司", "1", "2"), ("13", "平均村", "3", "4")) == [
            "",
            "",
            "",
        ]


class TestOtherRows:
    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (("填报单位：某县应急局", "", "填表人：张三", "联系电话：0451-87654321"), "note"),
            (("注：本表为快报数", "", "", ""), "note"),
            (("制表人：李四", "", "", "2024年9月1日"), "note"),
            (("一、城区", "", "", ""), "note"),
            (("11", "", "", ""), "numbered"),
            (("", "", "0", "0"), "zeros"),
            (("11", "", "0.00", "-"), "zeros"),
            (NAMES, "header"),
        ],
    )
    def test_rows_below_the_records(self, row: Sequence[str], reason: str) -> None:
        assert sift(row) == [reason]

    def test_an_example_among_the_first_rows(self) -> None:
        assert sift(above=[("1", "示例：向阳镇", "100", "300")]) == ["example"]
        rows = [(str(n), f"示例{n}厂", "1", "2") for n in range(10)]
        assert not any(each.reason for each in Sieve(NAMES, rows).sift(enumerate(rows, 1)))

    def test_a_second_table_below_its_title(self) -> None:
        below = [("二、救援队伍", "", "", ""), ("队伍", "负责人", "人数", "电话"), ("甲队", "张三", "20", "1")]
        assert sift(*below) == ["table"] * 3

    def test_zeros_with_a_name_are_a_record(self) -> None:
        assert sift(("11", "空村", "0", "0")) == [""]


def test_a_text_is_treated_as_a_workbook_is(tmp_path: Path, settings) -> None:
    grid = [NAMES, *TOWNS, ("", "合　计", *SUM), ("", "", "", ""), ("12", "", "", ""), ("审核人：王五", "", "", "")]
    (tmp_path / "a.csv").write_text("".join(",".join(row) + "\n" for row in grid), encoding="utf-8")
    book = openpyxl.Workbook()
    for row in grid:
        book.active.append([int(cell) if cell.isdigit() else cell or None for cell in row])
    book.save(tmp_path / "a.xlsx")
    for name in ("a.csv", "a.xlsx"):
        _, found, lost = read(tmp_path / name, settings)
        assert (len(found), sorted(reason for _, _, reason in lost)) == (10, ["note", "numbered", "total:合计"])


def test_a_contract_may_keep_them(tmp_path: Path, settings) -> None:
    (tmp_path / "a.csv").write_text("乡镇,户数\n甲,1\n合计,1\n", encoding="utf-8")
    assert len(read(tmp_path / "a.csv", settings, {"asides": "keep"})[1]) == 2


def test_onboarding_tells_what_was_set_aside(draft) -> None:
    text = "乡镇,户数,人口\n" + lines(20, lambda n: f"第{n}镇,{n},{n * 2}") + "合计,190,381\n"
    drafted = draft(text)
    assert drafted.profile.rows == 20
    assert any("1 rows set aside" in said.en and "人口 381 ≠ 380" in said.en for said in drafted.evidence)


class TestLayouts:
    def save(self, path: Path, rows: Sequence[Sequence[object]], merged: Sequence[str] = ()) -> Path:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(list(row))
        for cells in merged:
            book.active.merge_cells(cells)
        book.save(path)
        return path

    def test_three_levels_of_a_header(self, draft, tmp_path: Path) -> None:
        head = [("地区", "人口", None, None, None, "耕地"), (None, "户籍", None, "常住", None), (None, "男", "女", "男", "女")]
        rows = [(f"第{n}镇", 500 + n, 480 + n, 450 + n, 430 + n, 1000 + n) for n in range(10)]
        path = self.save(tmp_path / "a.xlsx", [*head, *rows], ("A1:A3", "B1:E1", "B2:C2", "D2:E2", "F1:F3"))
        names = [column.source for column in draft(path).profile.columns]
        assert names == ["地区", "人口/户籍/男", "人口/户籍/女", "人口/常住/男", "人口/常住/女", "耕地"]

    def test_the_head_of_a_report_above_the_table(self, draft, tmp_path: Path) -> None:
        head = [
            ("填报单位", "填报人", "电话"),
            ("某县", "张三", "0531-1"),
            (),
            ("表二 企业清单",),
            (),
            ("序号", "企业名称", "产值"),
        ]
        path = self.save(tmp_path / "a.xlsx", [*head, *((n, f"第{n}厂", n * 3) for n in range(1, 20))])
        drafted = draft(path)
        assert [column.source for column in drafted.profile.columns] == ["序号", "企业名称", "产值"]
        assert drafted.profile.rows == 19

    def test_a_form_is_refused(self, draft, tmp_path: Path) -> None:
        rows = [
            ("企业名称", "某厂", "联系电话", "0451-1"),
            ("法定代表人", "张三", "成立日期", "2012-03-01"),
            ("从业人数", 125, "地址", "一号"),
        ]
        with pytest.raises(HubError, match="This is a form"):
            draft(self.save(tmp_path / "a.xlsx", rows))

    def test_a_header_only_is_said_so(self, draft, tmp_path: Path) -> None:
        with pytest.raises(HubError, match="has a header and no rows"):
            draft(self.save(tmp_path / "a.xlsx", [("序号", "乡镇", "户数")]))


class TestHeadersAtTheFoot:
    def test_the_header_once_more(self) -> None:
        assert sift(NAMES) == ["header"]

    def test_each_row_of_a_header_of_two(self) -> None:
        names = ("地区", "事故/本期", "事故/同比", "伤亡/本期", "伤亡/同比")
        rows = [(f"县{n}", str(n), "1.5", str(n), "2.5") for n in range(9)]
        foot = [("地区", "事故", "", "伤亡", ""), ("", "本期", "同比", "本期", "同比")]
        reasons = [each.reason for each in Sieve(names, rows).sift(enumerate([*rows, *foot], 1))]
        assert reasons == [""] * 9 + ["header"] * 2

    def test_values_that_are_called_like_some_columns_are_values(self) -> None:
        assert sift(("11", "乡镇", "户数", "5")) == [""]

    @pytest.mark.parametrize("sheet", [True, False])
    def test_in_a_file(self, draft, tmp_path: Path, settings, sheet: bool) -> None:
        cells = [NAMES, *TOWNS, ("", "全部", *SUM), NAMES]
        path = tmp_path / ("a.xlsx" if sheet else "a.csv")
        if sheet:
            book = openpyxl.Workbook()
            for row in cells:
                book.active.append([int(cell) if cell.isdigit() else cell or None for cell in row])
            book.save(path)
        else:
            path.write_text("\n".join(map(",".join, cells)) + "\n")
        drafted = draft(path)
        assert [item.type for item in drafted.contract.items] == ["integer", "string", "integer", "integer"]
        _, rows, lost = read(path, settings, dict(drafted.contract.reading))
        assert len(rows) == 10
        assert sorted(reason for _, _, reason in lost) == ["header", "total:全部"]
