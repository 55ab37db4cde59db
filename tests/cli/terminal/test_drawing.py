"""Tables are readable at 80 columns and whole in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from cli.terminal.screen import Screen

ROWS = [
    ("20260311-0042", "major_hazard", "部分隔离", "4,120", "4,034", "86", "重大危险源-2026年3月-哈尔滨市.xlsx"),
    ("20260311-0043", "enterprise_registration_of_all_cities", "已入库", "1", "1", "0", "x.csv"),
]


def drawn(width: int, rows: list[tuple[str, ...]] = ROWS) -> str:
    table = Table("批次", "数据集", "状态", "收到", "接受", "隔离", "文件", title="批次")
    for row in rows:
        table.add_row(*row)
    out = io.StringIO()
    Screen(file=out, width=width).print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_value_is_cut_and_no_word_is_broken(width: int) -> None:
    text = drawn(width)
    for row in ROWS:
        for cell in row:
            assert cell in text, f"{cell} at {width}"
    assert "…" not in text
    assert max(Text(line).cell_len for line in text.splitlines()) <= max(width, 80)


def test_where_it_fits_it_is_a_table() -> None:
    assert "┃" in drawn(200)
    assert "┃" not in drawn(80)


def test_each_value_has_its_title_where_it_does_not_fit() -> None:
    assert "隔离 86" in drawn(80)


def test_a_long_last_column_is_folded_beside_few_others() -> None:
    table = Table("行数", "规则", "怎么办")
    table.add_row("3", "type", "应为整数，收到“很多”；只填数字，单位和说明另列。" * 4)
    out = io.StringIO()
    Screen(file=out, width=80).print(table)
    assert "┃" in out.getvalue()


@pytest.mark.parametrize("width", [30, 400])
def test_what_stands_in_data_is_no_markup_and_no_command_to_the_terminal(width: int) -> None:
    table = Table("批次", "文件", "备注")
    table.add_row("[/b]", "a[red].csv", "\x1b[2J" + "坏" * 20)
    out = io.StringIO()
    Screen(file=out, width=width).print(table)
    assert "[/b]" in out.getvalue()
    assert "a[red].csv" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


def test_lines_of_a_cell_stay_lines_where_the_table_does_not_fit() -> None:
    table = Table("信息项", "名称", "类型", "级别", "检查")
    table.add_row("credit_code", "统一社会信用代码", "string", "L1", "必填\n应为 18 位，末位为校验码，" + "按营业执照核对" * 5)
    out = io.StringIO()
    Screen(file=out, width=60).print(table)
    assert "检查 必填\n    应为 18" in out.getvalue()


def test_a_pipe_has_no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table("a", "b")
    table.add_row("x" * 300, "y" * 300)
    out = io.StringIO()
    Screen(file=out).print(table)
    Screen(file=out).print("z" * 300)
    assert "x" * 300 in out.getvalue()
    assert "y" * 300 in out.getvalue()
    assert "z" * 300 in out.getvalue()


def test_a_number_that_names_a_row_has_its_title_and_folded_lines_stay_indented() -> None:
    table = Table("版本", "行数", "说明")
    for column in table.columns[:2]:
        column.justify = "right"
    table.add_row("3", "6,000", "撤销演练数据后重新发布 " * 9)
    out = io.StringIO()
    Screen(file=out, width=30).print(table)
    first, *others = out.getvalue().rstrip().splitlines()
    assert first.strip() == "版本 3"
    assert others[0].strip() == "行数 6,000"
    assert all(line.startswith("  ") for line in others)
