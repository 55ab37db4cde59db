"""Codes, months, versions and amounts keep what is written; what a program did to a whole column is taken back and told."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.inference.guess import ColumnAnswers
from contracts.inference.measures import is_measure
from contracts.model import Type

from .conftest import lines


def notes(drafted, place: int) -> str:
    return "；".join(note.zh for note in drafted.guesses[place].notes)


def column(draft, title: str, values: list[str], **told):
    """The draft of a file with a key and one column."""
    return draft(
        f"编号,{title}\n" + "".join(f'S{n:03d},"{v.replace(chr(34), chr(34) * 2)}"\n' for n, v in enumerate(values)), **told
    )


class TestNotationsStayText:
    @pytest.mark.parametrize(
        ("title", "values"),
        [
            ("设备型号", [f"{n}E{n}" for n in range(1, 30)]),
            ("批次", [f"{n}e2" for n in range(1, 30)]),
            ("月份", [f"2024.{n}" for n in range(1, 13)]),
            ("参加工作时间", [f"20{n:02d}.{n % 12 + 1:02d}" for n in range(30)]),
            ("条款号", [f"{n}.{m}" for n in (1, 2) for m in range(1, 13)]),
            ("版本", ["3.0", "3.5", "3.10", "3.15", "3.20", "4.1"]),
        ],
    )
    def test_digits_that_are_no_quantity(self, draft, title: str, values: list[str]) -> None:
        drafted = column(draft, title, values)
        assert drafted.contract.items[1].type is Type.STRING
        assert "按文本保存" in notes(drafted, 1)

    @pytest.mark.parametrize(
        ("title", "values"),
        [
            ("压强", [f"{n}.5e-3" for n in range(1, 30)]),
            ("读数", [f"1.{n}E+3" for n in range(1, 30)]),
            ("单价", ["1.1", "1.10", "2.5", "2.50"]),
            ("读数", [f"{n}.{n % 100:02d}" for n in range(40)]),
            ("读数", ["12.5", "12.05", "12.10", "3.1"]),
        ],
    )
    def test_quantities_stay_numbers(self, draft, title: str, values: list[str]) -> None:
        assert column(draft, title, values).contract.items[1].type is Type.NUMBER


class TestWhatAProgramDid:
    @pytest.mark.parametrize(
        ("title", "values", "kind", "mend"),
        [
            ("行政区划代码", [f"{230102 + n}.0" for n in range(12)], Type.STRING, "whole"),
            ("手机号", [f"1380013{n:04d}.0" for n in range(12)], Type.STRING, "whole"),
            ("年份", [f"{2000 + n}.0" for n in range(12)], Type.INTEGER, "whole"),
            ("站号", [f'="{n:05d}"' for n in range(12)], Type.STRING, "quoted"),
            ("站号", [f"'{n:05d}" for n in range(12)], Type.STRING, "quoted"),
            ("纵坐标", [f"{278555 + n}." if n % 2 else f"{278555 + n}.5" for n in range(12)], Type.NUMBER, "pointed"),
            ("观测时间", [f"2024-01-31 {n:02d}:00" for n in range(1, 25)], Type.TIMESTAMP, "midnight"),
        ],
    )
    def test_it_is_taken_back_and_told(self, draft, title: str, values: list[str], kind: Type, mend: str) -> None:
        drafted = column(draft, title, values)
        assert drafted.contract.items[1].type is kind
        assert drafted.contract.reading["mends"] == {title: mend}
        assert " 行" in notes(drafted, 1) or "行去掉" in notes(drafted, 1)

    def test_measurements_keep_their_point(self, draft) -> None:
        item = column(draft, "水位", [f"{n}.0" for n in range(12)]).contract
        assert (item.items[1].type, item.reading.get("mends")) == (Type.NUMBER, None)


class TestCalendars:
    @pytest.mark.parametrize(
        ("values", "answer", "first"),
        [
            ([str(44927 + n) for n in range(12)], "excel", "2023-01-01"),
            ([f"1130{n % 9 + 1}0{n % 9 + 1}" for n in range(12)], "roc", "2024-01-01"),
            ([f"113/{n % 12 + 1}/{n + 1}" for n in range(12)], "roc", "2024-01-01"),
            ([f"民國113年{n % 12 + 1}月{n + 1}日" for n in range(12)], "roc", "2024-01-01"),
        ],
    )  # fmt: skip
    def test_day_numbers_and_years_of_the_republic_are_asked_and_the_answer_works(
        self, draft, asked, values: list[str], answer: str, first: str
    ) -> None:
        text = "编号,发生日期\n" + "".join(f"S{n:03d},{v}\n" for n, v in enumerate(values))
        [question] = asked(text)
        assert f"发生日期={answer}" in [choice.value for choice in question.choices]
        drafted = draft(text, answers=ColumnAnswers(dates={"发生日期": answer}))
        assert drafted.contract.items[1].type is Type.DATE
        assert drafted.profile.columns[1].least == first
        kept = draft(text, answers=ColumnAnswers(dates={"发生日期": "no"})).contract.items[1]
        assert kept.type is not Type.DATE

    def test_two_digits_of_a_year_are_asked_with_ymd_among_the_answers(self, draft, asked) -> None:
        text = "编号,检查日期\n" + lines(12, lambda n: f"S{n},24-{n % 12 + 1:02d}-{n + 10}")
        [question] = asked(text)
        assert [choice.value for choice in question.choices] == ["检查日期=ymd", "检查日期=dmy"]
        item = draft(text, answers=ColumnAnswers(dates={"检查日期": "ymd"})).contract.items[1]
        assert item.formats == ("%y-%m-%d",)

    def test_years_that_are_no_days_need_no_question(self, draft) -> None:
        item = draft("编号,检查日期\n" + lines(12, lambda n: f"S{n},98-{n % 12 + 1:02d}-{n + 10}")).contract.items[1]
        assert item.formats == ("%y-%m-%d",)

    def test_plain_numbers_are_no_days(self, draft) -> None:
        assert draft("编号,人数\n" + lines(12, lambda n: f"S{n},{44927 + n}")).contract.items[1].type is Type.INTEGER


class TestExact:
    def test_amounts_of_many_digits_are_decimals(self, draft) -> None:
        item = column(draft, "大额", [f"1234567890123456{n:02d}.89" for n in range(12)]).contract.items[1]
        assert (item.type, item.scale) == (Type.NUMBER, 2)
        assert item.precision >= 20

    def test_floats_with_long_tails_are_not(self, draft) -> None:
        assert column(draft, "读数", [f"45.8{n}9999999999999{n}" for n in range(12)]).contract.items[1].precision is None

    def test_decimals_of_a_parquet_file_stay(self, draft, tmp_path: Path) -> None:
        kinds = {"金额": pa.decimal128(20, 3), "大": pa.decimal128(38, 2), "码": pa.decimal128(6, 0)}
        table = pa.table({name: pa.array([Decimal(n) for n in range(5)], kind) for name, kind in kinds.items()})
        pq.write_table(table, tmp_path / "d.parquet")
        items = draft(tmp_path / "d.parquet").contract.items
        assert [(i.precision, i.scale) for i in items[:2]] == [(20, 3), (38, 2)]


class TestEvidence:
    def test_words_for_no_value_are_no_evidence(self, draft) -> None:
        values = [f"2024-01-0{n + 1}" if n < 5 else "N/A" for n in range(2005)]
        item = column(draft, "法人代表", values).contract.items[1]
        assert (item.type, item.grade) == (Type.STRING, "L2")

    def test_beside_a_name_that_says_so_they_are(self, draft) -> None:
        values = [f"2024-01-0{n + 1}" if n < 5 else "N/A" for n in range(200)]
        assert column(draft, "注销日期", values).contract.items[1].type is Type.DATE

    @pytest.mark.parametrize("title", ["水位", "气温", "面积（公顷）", "金额(万元)", "water_level_height", "合格率"])
    def test_whole_measurements_are_numbers(self, draft, title: str) -> None:
        assert column(draft, title, [str(n) for n in range(12)]).contract.items[1].type is Type.NUMBER

    @pytest.mark.parametrize("title", ["人数", "数量", "风险等级", "频率", "户数", "area_code", "序号", "年份"])
    def test_counts_and_codes_are_not_measured(self, title: str) -> None:
        assert not is_measure(title)
