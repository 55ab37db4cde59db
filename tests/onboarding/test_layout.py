"""Where a table lies in a file: several header rows, rows that are no records, rows with other numbers of fields."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.grid import NoSuchHeader
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
