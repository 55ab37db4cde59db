"""Where a table lies in a file: several header rows, rows that are no records, rows with other numbers of fields."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.inference.grid import NoSuchHeader
from warehouse.readers import inspect
from warehouse.readers.csv import lay_out

from .conftest import lines
from .test_odd_files import read

GROUPED = "序号,单位,年份,收入,,支出,\n,,,工资,奖金,办公,差旅\n"
UNITS = lines(30, lambda n: f"{n + 1},第{n + 1}单位,2025,{n}00,{n}0,{n + 7},{n + 3}")
NAMES = ["序号", "单位", "年份", "收入/工资", "收入/奖金", "支出/办公", "支出/差旅"]


class TestTwoHeaderRows:
    """The question's own answer `--header 1-2` never ended, or found every cell empty."""

    def test_two_rows_are_joined_and_groups_go_on_to_the_right(self, draft, tmp_path: Path, settings) -> None:
        drafted = draft(GROUPED + UNITS, header="1-2")
        assert [column.source for column in drafted.profile.columns] == NAMES
        path = tmp_path / "data.csv"
        assert inspect(path, drafted.contract.reading, settings).reading["header"] == "1-2"
        columns, found, _ = read(path, settings, drafted.contract.reading)
        assert (list(columns), len(found), found[0][3]) == (NAMES, 30, "000")

    def test_a_title_line_more_in_the_next_delivery(self, draft, tmp_path: Path, settings) -> None:
        reading = draft(GROUPED + UNITS, header="1-2").contract.reading
        later = tmp_path / "later.csv"
        later.write_text("2026年收支表,,,,,,\n" + GROUPED + UNITS, encoding="utf-8")
        columns, found, _ = read(later, settings, reading)
        assert (list(columns), len(found)) == (NAMES, 30)

    @pytest.mark.parametrize("merged", [True, False])
    def test_a_workbook_keeps_its_values(self, draft, tmp_path: Path, settings, merged: bool) -> None:
        path = tmp_path / "收支.xlsx"
        book = openpyxl.Workbook()
        book.active.append(["单位收支情况表"])
        for line in (GROUPED + UNITS).splitlines():
            book.active.append([cell or None for cell in line.split(",")])
        for cells in ("A1:G1", "A2:A3", "B2:B3", "C2:C3", "D2:E2", "F2:G2") if merged else ():
            book.active.merge_cells(cells)
        book.save(path)
        drafted = draft(path, header="2-3")
        columns, found, _ = read(path, settings, drafted.contract.reading)
        assert (list(columns), len(found)) == (NAMES, 30)
        assert found[5][1:5] == ("第6单位", "2025", "500", "50")

    @pytest.mark.parametrize("header", ["0-1", "2-1", "1-2-3", "1-", "-2", "x", "1-99999", "-1"])
    def test_a_header_that_cannot_be_is_refused(self, tmp_path: Path, header: str) -> None:
        path = tmp_path / "a.csv"
        path.write_text(GROUPED + UNITS, encoding="utf-8")
        with pytest.raises(NoSuchHeader):
            lay_out(path, {"delimiter": ",", "header": header})

    @pytest.mark.parametrize("header", ["40", "32-33"])
    def test_a_header_below_the_last_line_is_refused(self, draft, header: str) -> None:
        with pytest.raises(HubError, match="There is no row"):
            draft(GROUPED + UNITS, header=header)


FIRMS = lines(20, lambda n: f"{n + 1},示例{n + 1}厂,红,")


class TestFields:
    """A row has the header's number of fields, or goes to quarantine; none is shifted in silence."""

    @pytest.mark.parametrize(
        "shifted",
        [
            "21,,示例二十一厂,黄,",
            ",21,示例二十一厂,黄,",
            "21,示例二十一厂,黄,,",
            '21,"示例,厂",黄,,',
            "21,示例,厂,黄,",
            "21,,,,",
        ],
    )
    def test_one_delimiter_too_many_before_an_empty_last_field(self, tmp_path: Path, settings, shifted: str) -> None:
        path = tmp_path / "a.csv"
        path.write_text("企业编号,企业名称,风险等级,备注\n" + FIRMS + shifted + "\n" + FIRMS, encoding="utf-8")
        _, found, lost = read(path, settings, {"delimiter": ","})
        assert (len(found), lost) == (40, [(21, shifted, "columns:5")])

    def test_pieces_of_a_quoted_text_are_counted_too(self, tmp_path: Path, settings) -> None:
        path = tmp_path / "a.csv"
        quoted = lines(20, lambda n: f'{n},"第{n}厂,南区","他说""好"", 真的",')
        path.write_text("编号,名称,说明,备注\n" + quoted + '20,,"x,y",好,\n', encoding="utf-8")
        _, found, lost = read(path, settings, {"delimiter": ","})
        assert (len(found), found[3], len(lost)) == (20, ("3", "第3厂,南区", '他说"好", 真的', None), 1)

    def test_a_delimiter_at_the_end_of_every_row_is_forgiven(self, tmp_path: Path, settings) -> None:
        path = tmp_path / "a.csv"
        path.write_text("编号,名称\n" + lines(30, lambda n: f"{n},名{n},") + "30,名30\n", encoding="utf-8")
        _, found, lost = read(path, settings, {"delimiter": ","})
        assert (len(found), lost) == (31, [])

    def test_a_quote_in_the_middle_of_a_field_over_a_delimiter(self, tmp_path: Path, settings) -> None:
        path = tmp_path / "a.csv"
        row = '23010099,哈尔滨"第99,商店",0451-80000099,无'
        inches = '23010098,圆桌48",6"管,0451,无'
        rows = lines(20, lambda n: f"230100{n},哈尔滨第{n}商店,中央大街{n}号,0451-8,")
        path.write_text("编号,名称,地址,电话,备注\n" + rows + row + "\n" + inches + "\n", encoding="utf-8")
        _, found, lost = read(path, settings, {"delimiter": ","})
        assert (len(found), lost) == (21, [(21, row, "quotes")])
        assert found[20][1:3] == ('圆桌48"', '6"管')

    @pytest.mark.parametrize("end", ["", "无"])
    def test_a_header_one_name_short_is_asked(self, asked, draft, end: str) -> None:
        rows = lines(20, lambda n: f"230100{n},哈尔滨第{n}商店,中央大街{n}号,0451-8{n},{end}")
        [question] = asked("编号,名称地址,电话,备注\n" + rows)
        assert question.option == "--header"
        assert [choice.value for choice in question.choices] == (["none"] if end else ["1", "none"])
        assert len(draft("编号,名称地址,电话,备注\n" + rows, header="none").profile.columns) == 5

    def test_a_blank_name_too_many_is_left_out(self, draft) -> None:
        drafted = draft(",编号,名称,数量\n" + lines(20, lambda n: f"A{n:03},名{n},{n}"))
        assert [column.source for column in drafted.profile.columns] == ["编号", "名称", "数量"]
        assert drafted.profile.rows == 20

    def test_a_delimiter_of_two_characters_keeps_quotes(self, draft) -> None:
        drafted = draft("编号||名称||数量\n" + lines(20, lambda n: f'A{n:03}||"甲||乙{n}"||{n}'), delimiter="||")
        assert (drafted.profile.rows, drafted.profile.column("名称").least) == (20, "甲||乙0")
