"""More of the kinds that ../shared/cases stand for, made here: nothing is wrong in silence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.model import Type

from .conftest import lines
from .test_odd_files import read

TOWNS = ["向阳镇", "红旗乡", "胜利镇", "东风镇", "和平乡", "团结镇", "光明镇", "幸福乡", "前进镇", "永安镇", "丰收乡", "兴隆镇"]
TABLE = "乡镇,户数,人口\n" + lines(12, lambda n: f"{TOWNS[n]},{100 + n},{300 + n}")
DASHES = "+----+------+\n"


class TestNoRecords:
    @pytest.mark.parametrize(
        ("below", "rule"),
        [("合……计,1266,3666\n", "total"),
         ("合-计,1266,3666\n", "total"),
         (",,\n审核人：李四,制表人：张三,2024年9月1日\n", "note"),
         ("\ufeff乡镇,户数,人口\n哈镇,1,2\n", "header"), ("2、人口为户籍人口,,\n", "note"), ("累计：,,3666\n", "total"),
         ("最大值,111,\n", "total"), ("(12 rows affected)\n", "columns"), ("已选择12行。\n", "columns")],
    )  # fmt: skip
    def test_below_a_table(self, draft, tmp_path: Path, settings, below: str, rule: str) -> None:
        drafted = draft(TABLE + below)
        assert [str(item.type) for item in drafted.contract.items] == ["string", "integer", "integer"]
        _, found, lost = read(tmp_path / "data.csv", settings, dict(drafted.contract.reading))
        assert len(found) == 12 + ("哈镇" in below)
        assert [reason.partition(":")[0] for _, _, reason in lost] == [rule]

    def test_above_a_table(self, draft, tmp_path: Path) -> None:
        head, _, body = TABLE.partition("\n")
        assert draft(f"{head}\n合计,1266,3666\n{body}").profile.rows == 12

    def test_pages_with_their_subtotals(self, draft, tmp_path: Path) -> None:
        def page(first: int) -> list[Sequence[object]]:
            rows = [(n + 1, f"厂{n}", n * 10.5) for n in range(first, first + 6)]
            return [("序号", "名称", "金额"), *rows, (None, "本页小计", sum(row[2] for row in rows))]

        book = openpyxl.Workbook()
        for row in [*page(0), *page(6), (None, "累计", 693)]:
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        drafted = draft(tmp_path / "a.xlsx")
        assert drafted.profile.rows == 12
        assert not any("differ" in said.en for said in drafted.evidence)

    def test_a_table_of_statistics_keeps_its_rows(self, draft) -> None:
        rows = lines(4, lambda n: f"{('最大值', '最小值', '平均值', '中位数')[n]},{n}.5,{n * 2}.5")
        assert draft("指标,水位,雨量\n" + rows).profile.rows == 4


class TestValues:
    def test_negatives_of_accounts_are_told(self, draft) -> None:
        drafted = draft("项目,金额\n" + lines(12, lambda n: f'项{n},"({n * 1000 + 234:,}.50)"'))
        assert drafted.contract.items[1].type is Type.STRING
        assert any("negative" in note.en for note in drafted.guesses[1].notes)

    @pytest.mark.parametrize("form", ["2024-{m:02d}", "2024-{m:02d}-01 下午1:30", "2024-01-01至2024-{m:02d}-01"])
    def test_days_are_no_ranges_of_amounts(self, draft, form: str) -> None:
        drafted = draft("编号,时间\n" + lines(12, lambda n: f"S{n},{form.format(m=n + 1)}"))
        assert not any("ranges" in note.en for note in drafted.guesses[1].notes)

    def test_days_that_no_calendar_has_are_no_value(self, draft) -> None:
        drafted = draft("编号,日期\n" + lines(12, lambda n: f"S{n},{'0000-00-00' if n % 4 == 0 else f'2024-01-{n + 1:02d}'}"))
        assert (drafted.contract.items[1].type, drafted.contract.items[1].missing) == (Type.DATE, ("0000-00-00",))

    def test_the_thirtieth_of_february_is_told(self, draft) -> None:
        drafted = draft("编号,日期\n" + lines(12, lambda n: f"S{n},2024-02-{n + 20}"))
        assert any("2 rows do not" in note.en for note in drafted.guesses[1].notes)

    def test_a_decimal_comma_is_no_fault_of_the_draft(self, draft) -> None:
        drafted = draft("编号;金额\n" + lines(12, lambda n: f"S{n};{n}.000,50"))
        assert not any("will quarantine" in said.en for said in drafted.evidence)

    def test_words_beside_numbers_are_proposed_as_no_value(self, draft) -> None:
        from contracts.inference.guess import ColumnAnswers

        text = "地区,同比\n" + lines(12, lambda n: f"{TOWNS[n]},{'持平' if n % 3 == 0 else f'{n}.5'}")
        assert any("持平" in note.en for note in draft(text).guesses[1].notes)
        told = draft(text, answers=ColumnAnswers(types={"同比": "number"})).contract.items[1]
        assert (told.type, told.missing) == (Type.NUMBER, ("持平",))


class TestDocuments:
    def test_a_short_error_is_an_error_and_no_question(self, draft) -> None:
        with pytest.raises(HubError, match="token 失效"):
            draft(json.dumps({"success": False, "msg": "token 失效", "data": None}, ensure_ascii=False), "a.json")

    @pytest.mark.parametrize(
        "more", [{"hasNext": True}, {"pages": 30, "pageNum": 1}, {"next": "https://a/?page=2"}, {"nextCursor": "x"}]
    )
    def test_an_answer_that_says_more_follows_is_told(self, draft, more: dict[str, object]) -> None:
        drafted = draft(json.dumps({"code": 0, "data": {"list": [{"id": n} for n in range(12)], **more}}), "a.json")
        assert any("more follows" in said.en for said in drafted.evidence)

    @pytest.mark.parametrize("last", [{"hasNext": False}, {"pages": 1}, {"next": None}, {"nextCursor": ""}])
    def test_the_last_page_is_not(self, draft, last: dict[str, object]) -> None:
        drafted = draft(json.dumps({"code": 0, "data": {"list": [{"id": n} for n in range(12)], **last}}), "a.json")
        assert not any("more follows" in said.en for said in drafted.evidence)

    @pytest.mark.parametrize("call", ["callback({})", "jQuery12_3({});", "var data = {};"])
    def test_scripts_around_json_are_named(self, draft, call: str) -> None:
        with pytest.raises(HubError, match="JSONP"):
            draft(call.replace("{}", json.dumps([{"id": n, "名": f"名{n}"} for n in range(12)], ensure_ascii=False)), "a.json")


class TestTables:
    def test_markdown_has_no_columns_at_its_edges(self, draft) -> None:
        text = "# 台账\n\n| 编号 | 名称 | 数量 |\n|---|---|---|\n" + lines(12, lambda n: f"| S{n} | 名{n} | {n} |")
        drafted = draft(text, "a.md")
        assert [column.source for column in drafted.profile.columns] == ["编号", "名称", "数量"]
        assert drafted.profile.rows == 12

    def test_a_table_that_a_console_drew_is_read_or_asked(self, draft) -> None:
        text = DASHES + "| 编号 | 名称 |\n" + DASHES + lines(12, lambda n: f"| S{n} | 名{n} |") + DASHES
        drafted = draft(text, "a.txt", delimiter="pipe")
        assert drafted.profile.rows == 12
