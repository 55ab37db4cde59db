"""The unit of a column of numbers is kept: from brackets, from a row of units, from the line above the table."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from contracts.errors import HubError
from contracts.inference import units
from contracts.odcs import loader
from warehouse.onboarding.draft import Drafted

ROWS = [("甲县", "1", 10, 120.5, "+4.2", "好"), ("乙县", "2", 12, 98.1, "-1.0", "好"), ("丙县", "3", 7, 77.7, "+0.3", "差")]


def table(above: str, header: str, rows: list[tuple[object, ...]] = ROWS) -> str:
    return "".join(f"{line}\n" for line in [*above.splitlines(), header, *(",".join(map(str, row)) for row in rows)])


def kept(drafted: Drafted) -> Mapping[str, str]:
    return {item.title: item.unit for item in drafted.contract.items if item.unit}


def said(drafted: Drafted) -> str:
    return "\n".join(one.en for one in drafted.evidence)


class TestALineAbove:
    @pytest.mark.parametrize("line", ["单位：万元", "（单位：万元）", "计量单位: 万元", "金额单位：万元"])
    def test_one_unit_holds_for_all_columns_of_numbers(self, draft, line: str) -> None:
        drafted = draft(table(f"某市统计表,,,,,\n,,,,,{line}", "地区,序号,生产总值,财政收入,增长率(%),评价"))
        assert kept(drafted) == {"生产总值": "万元", "财政收入": "万元", "增长率(%)": "%"}
        assert "unit 万元 (by the line above the table)" in said(drafted)

    def test_times_rates_and_counts_take_no_unit_of_money(self, draft) -> None:
        rows = [(2020 + n, 30 + n, 5 * n, 1.5 * n) for n in range(5)]
        drafted = draft(table("单位：万元,,,", "年份,企业数,产值,增长率", rows))
        assert kept(drafted) == {"产值": "万元"}

    def test_years_that_are_columns_have_the_unit(self, draft) -> None:
        rows = [(name, n, 2 * n, 3 * n) for n, name in enumerate("甲乙丙丁戊", 1)]
        assert kept(draft(table("单位：公顷,,,", "地类,2021年,2022年,2023年", rows))) == {
            "2021年": "公顷",
            "2022年": "公顷",
            "2023年": "公顷",
        }

    def test_several_units_in_the_order_of_the_columns(self, draft) -> None:
        assert kept(draft(table(",,,,,单位：起、万元、%", "地区,序号,事故,损失额,增长率,评价"))) == {
            "事故": "起",
            "损失额": "万元",
            "增长率": "%",
        }

    def test_several_units_for_more_columns_are_told_and_not_guessed(self, draft) -> None:
        drafted = draft(table(",,,,,单位：人、万元", "地区,序号,事故,损失额,同期值,评价"))
        assert kept(drafted) == {}
        assert "names 2 units (人、万元), not which column has which" in said(drafted)

    @pytest.mark.parametrize("line", ["填报单位：某县应急局", "单位：某县应急局", "制表单位：万元"])
    def test_a_body_is_no_unit(self, draft, line: str) -> None:
        assert kept(draft(table(f"某市统计表,,,,,\n{line},,,,,", "地区,序号,生产总值,财政收入,增幅,评价"))) == {}


class TestTheHeader:
    def test_units_in_brackets(self, draft) -> None:
        header = "地区(个),编号,面积(公顷),产值（万元）,流速[m³/s],评价(人)"
        assert kept(draft(table("", header).lstrip("\n"))) == {
            "面积(公顷)": "公顷",
            "产值（万元）": "万元",
            "流速[m³/s]": "m³/s",
        }

    def test_words_in_brackets_that_are_no_unit(self, draft) -> None:
        assert kept(draft("地区,产值(本年),面积(估算)\n甲,1.5,2\n乙,2.5,3\n丙,3,4\n")) == {}

    @pytest.mark.parametrize(("above", "below"), [("公顷", "m³/s"), ("km2", "%")])
    def test_a_row_of_units(self, asked, draft, above: str, below: str) -> None:
        text = f"地区,面积,流量\n,{above},{below}\n甲,1.5,2\n乙,2.5,3\n丙,3.5,4\n丁,4.5,5\n"
        [question] = asked(text)
        assert (question.option, question.choices[0].value) == ("--header", "1-2")
        assert list(kept(draft(text, header="1-2")).values()) == [above, below]

    @pytest.mark.parametrize(
        ("name", "unit"),
        [
            ("产量/年", ""),
            ("人口/男", ""),
            ("流速/m/s", "m/s"),
            ("金额（元）/本年", "元"),
            ("备注(说明)", ""),
            ("水深(m)", "m"),
        ],
    )
    def test_what_a_name_says(self, name: str, unit: str) -> None:
        assert units.of_name(name) == unit


class TestTheContract:
    def test_a_text_has_no_unit(self, draft) -> None:
        text = draft("地区,面积(公顷)\n甲,1.5\n乙,2.5\n丙,3\n").contract.text
        assert "公顷" in text
        wrong = text.replace("logicalType: number", "logicalType: string")
        with pytest.raises(HubError, match="unit"):
            loader.parse(wrong, "thing.odcs.yaml")
