# ruff: noqa: E501 - tables of cases are read line by line
"""Templates: what agencies get, how a filled one is known, and how errors go back to their cells."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from contracts.checks.code_lists import CodeListMissing, Lists
from contracts.excel import template
from contracts.excel.annotate import CellFault, escaped
from contracts.model import Contract, Item, Type
from tests.contracts.making import LISTS, contract, item

MADE = contract(
    [
        item("hazard_id", "string", {"pattern": "^23[0-9]+$"}, businessName="编号", required=True, primaryKey=True, examples=["230803"]),
        item("division", "string", own={"domainFormat": "division"}, businessName="行政区划代码"),
        item("level", "string", own={"codeList": "level"}, businessName="等级", required=True),
        item("long", "string", own={"codeList": "long"}, businessName="长表"),
        item("r_value", "number", {"minimum": 0, "maximum": 100}, businessName="R 值"),
        item("sensors", "integer", {"minimum": 0}, businessName="传感器数"),
        item("assessed_on", "date", own={"maximum": "today"}, businessName="评估日期"),
        item("used", "boolean", businessName="在用"),
        item("credit_code", "string", own={"domainFormat": "credit-code"}, businessName="信用代码"),
        item("colour", "string", businessName="颜色", quality=[{"type": "library", "metric": "invalidValues", "arguments": {"validValues": ["红", "橙"]}, "mustBe": 0}]),
    ],
    delivery="changes",
)  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "t.xlsx"
    template.write(
        MADE, LISTS, path, agency="jiamusi-emergency", period="2026-03", agency_title="佳木斯市应急管理局", division="230800"
    )
    return path


def filled(path: Path, rows: list[list[Any]]) -> Path:
    book = load_workbook(path)
    sheet = book["填报"]
    for n, row in enumerate(rows, template.HEADER_ROW + 1):
        for column, value in enumerate(row, 1):
            sheet.cell(n, column).value = value
    target = path.with_name("filled.xlsx")
    book.save(target)
    return target


class TestIdentify:
    def test_files_that_are_no_template(self, tmp_path: Path) -> None:
        from openpyxl import Workbook

        (tmp_path / "a.xlsx").write_bytes(b"not a workbook")
        (tmp_path / "b.xlsx").write_bytes(b"")
        with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
            archive.writestr("x.txt", "x")
        Workbook().save(tmp_path / "d.xlsx")
        for name in ("a.xlsx", "b.xlsx", "c.xlsx", "d.xlsx", "absent.xlsx"):
            assert template.identify(tmp_path / name) is None

    def test_a_filled_template_is_known(self, made: Path) -> None:
        mark = template.identify(filled(made, [["230803"]]))
        assert mark is not None
        assert (mark.dataset, mark.contract_version, mark.agency, mark.period) == (
            "tried",
            "1.0.0",
            "jiamusi-emergency",
            "2026-03",
        )
        assert mark.items == tuple(i.name for i in MADE.items)

    def test_without_its_hidden_sheet_the_properties_tell(self, made: Path) -> None:
        book = load_workbook(made)
        del book["_hui"]
        book.save(made)
        mark = template.identify(made)
        assert mark is not None
        assert (mark.dataset, mark.agency) == ("tried", "jiamusi-emergency")


class TestWrite:
    def test_a_list_that_is_missing_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(CodeListMissing):
            template.write(MADE, Lists({"level": ["1"]}), tmp_path / "x.xlsx")

    def test_header_is_locked_and_cells_are_open_text(self, made: Path) -> None:
        sheet = load_workbook(made)["填报"]
        assert sheet.protection.sheet
        assert [c.value for c in sheet[template.HEADER_ROW]] == [i.title for i in MADE.items]
        assert sheet.cell(template.HEADER_ROW, 1).protection.locked
        codes = sheet.column_dimensions["A"]
        assert codes.number_format == "@"
        assert codes.protection.locked is False

    def test_every_header_has_its_rules_in_both_languages(self, made: Path) -> None:
        sheet = load_workbook(made)["填报"]
        comment = sheet.cell(template.HEADER_ROW, 1).comment
        assert comment is not None
        assert "必填" in comment.text
        assert "required" in comment.text

    def test_the_unit_stands_first_at_the_header(self) -> None:
        contract = Contract("urn:a", "1.0.0", "a", "甲", (Item("gdp", "生产总值", Type.NUMBER, unit="万元", required=True),))
        rules = template._rules(contract)["gdp"]
        assert rules.startswith("计量单位：万元\n")
        assert "\nunit: 万元\n" in rules

    def test_drop_downs_and_bounds(self, made: Path) -> None:
        book = load_workbook(made)
        asked = {str(v.sqref).split(":")[0]: v for v in book["填报"].data_validations.dataValidation}
        assert asked["C5"].type == "list"
        assert asked["C5"].formula1 == "='代码'!$C$2:$C$5" or asked["C5"].formula1 == "'代码'!$C$2:$C$5"
        assert (asked["E5"].type, float(asked["E5"].formula1), float(asked["E5"].formula2)) == ("decimal", 0, 100)
        assert (asked["G5"].type, asked["G5"].formula2) == ("date", "TODAY()")
        assert asked["H5"].formula1 == '"是,否"'
        assert (asked["I5"].type, asked["I5"].formula1) == ("textLength", "18")
        assert asked["J5"].type == "list"

    def test_lists_stand_whole_and_divisions_below_the_agency_only(self, made: Path) -> None:
        sheet = load_workbook(made)["代码"]
        columns = {
            sheet.cell(1, n).value: [c.value for c in list(sheet.columns)[n - 1][1:] if c.value]
            for n in range(1, sheet.max_column, 2)
        }
        assert columns["long"] == list(LISTS.codes("long"))
        assert columns["division"] == ["2308", "230803", "230803001"]
        assert sheet.sheet_state == "hidden"

    def test_labels_beside_codes(self, tmp_path: Path) -> None:
        class Labelled(Lists):
            def labels(self, name: str) -> dict[str, str]:
                return {"1": "一级"} if name == "level" else {}

        template.write(MADE, Labelled(LISTS.lists), tmp_path / "l.xlsx")
        sheet = load_workbook(tmp_path / "l.xlsx")["代码"]
        assert "一级" in [c.value for row in sheet.iter_rows() for c in row]


class TestAnnotate:
    def test_errors_stand_at_their_cells(self, made: Path, tmp_path: Path) -> None:
        faults = [
            CellFault(2, "level", "等级应为代码", "a code"),
            CellFault(2, "r_value", "R 值过大", "too large"),
            CellFault(3, "", "整行有误", "the row"),
        ]
        target = tmp_path / "back" / "r.xlsx"
        assert template.annotate(filled(made, [["1"], ["2", None, "五", None, 999], ["3"]]), faults, target) == 3
        sheet = load_workbook(target)["填报"]
        cell = sheet.cell(6, 3)
        assert cell.value == "五"
        assert cell.comment is not None
        assert "等级应为代码" in cell.comment.text
        assert cell.fill.start_color.rgb == "FFF8D7DA"
        assert sheet.cell(5, 3).comment is None
        assert sheet.cell(6, 11).value == "等级应为代码；R 值过大"
        assert sheet.cell(7, 11).value == "整行有误"
        assert template.identify(target) == template.identify(made)

    def test_a_second_return_uses_the_same_column(self, made: Path, tmp_path: Path) -> None:
        template.annotate(filled(made, [["1"]]), [CellFault(1, "level", "甲")], tmp_path / "1.xlsx")
        template.annotate(tmp_path / "1.xlsx", [CellFault(1, "level", "乙")], tmp_path / "2.xlsx")
        sheet = load_workbook(tmp_path / "2.xlsx")["填报"]
        assert sheet.cell(5, 11).value == "乙"
        assert sheet.cell(4, 12).value is None

    def test_quarantined_rows_may_be_given_as_they_are(self, made: Path, tmp_path: Path) -> None:
        row = {"row": 1, "faults": [{"item": "level", "message": "一", "message_en": "one"}]}
        assert template.annotate(filled(made, [["1"]]), [row], tmp_path / "r.xlsx") == 1

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "|calc"])
    def test_no_reason_becomes_a_formula(self, text: str, made: Path, tmp_path: Path) -> None:
        template.annotate(filled(made, [["1"]]), [CellFault(1, "", text)], tmp_path / "r.xlsx")
        cell = load_workbook(tmp_path / "r.xlsx")["填报"].cell(5, 11)
        assert (cell.data_type, cell.value) == ("s", escaped(text))
        assert str(cell.value).startswith("'")
