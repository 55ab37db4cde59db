"""Sheets of one shape together, tables side by side, notes beside a table: asked or told, never rows of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from contracts.errors import HubError
from contracts.model import Contract
from tests.warehouse.conftest import Hub
from warehouse.ingest import deliver as ingest
from warehouse.ingest import quarantine
from warehouse.readers.column_match import REASONS

from .test_odd_files import read

Cells = Sequence[Sequence[object]]
TOWNS = ("向阳镇", "红旗乡", "胜利镇", "东风镇", "和平乡", "团结镇")


def month(number: int, count: int = 6) -> list[list[object]]:
    """A month's table of towns."""
    return [["乡镇", "户数", "人口"], *([TOWNS[n % 6], 100 + n + number, 300 + n * number] for n in range(count))]


def book(path: Path, **sheets: Cells) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, cells in sheets.items():
        sheet = made.create_sheet(name)
        for row in cells:
            sheet.append(list(row))
    made.save(path)
    return path


def beside(*tables: Cells, gap: int = 1) -> list[list[object]]:
    """Tables side by side with blank columns between."""
    widths = [max(map(len, table)) for table in tables]
    rows = []
    for number in range(max(map(len, tables))):
        row: list[object] = []
        for table, width in zip(tables, widths, strict=True):
            cells = list(table[number]) if number < len(table) else []
            row += [*cells, *[None] * (width - len(cells)), *[None] * gap]
        rows.append(row[:-gap] if gap else row)
    return rows


def values(question: Any) -> list[str]:
    return [choice.value for choice in question.choices]


class TestSheetsTogether:
    def test_sheets_of_one_shape_may_be_taken_together(self, asked, draft, tmp_path: Path, settings) -> None:
        path = book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": month(2), "3月": month(3)})
        [question] = asked(path)
        assert values(question) == ["all", "1月", "2月", "3月"]
        drafted = draft(path, sheet="all")
        assert [item.source[0] if item.source else item.title for item in drafted.contract.items] == [
            "乡镇",
            "户数",
            "人口",
            "工作表",
        ]
        assert drafted.profile.rows == 18
        _, found, _ = read(path, settings, dict(drafted.contract.reading))
        assert found[6] == ("向阳镇", "102", "300", "2月")

    def test_each_sheet_has_its_title_its_total_and_its_order_of_columns(self, draft, tmp_path: Path, settings) -> None:
        second = [
            ["某县二月份统计表"],
            [],
            *([r[0], r[2], r[1]] for r in month(2)),
            ["合计", sum(r[2] for r in month(2)[1:]), 627],
        ]
        path = book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": second, "说明": [["本表由统计科编制"], ["不得外传"]]})
        drafted = draft(path, sheet="all")
        _, found, lost = read(path, settings, dict(drafted.contract.reading))
        assert (len(found), found[6]) == (12, ("向阳镇", "102", "300", "2月"))
        assert [(line.split(" | ")[0], reason) for _, line, reason in lost] == [("2月", "total:合计")]

    def test_numbers_of_rows_are_of_one_row_each(self, draft, tmp_path: Path, settings) -> None:
        path = book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": [*month(2), ["合计", 627, 1830]]})
        drafted = draft(path, sheet="all")
        from warehouse.onboarding import profile as profiles
        from warehouse.readers import open_source

        with profiles.connection(settings) as connection:
            source = open_source(path, drafted.contract.reading, settings, connection=connection)
            rows = connection.execute(
                f"SELECT __row FROM {source.relation} UNION ALL SELECT row FROM {source.rejects}"
            ).fetchall()
            for made in source.scratch:
                made.unlink(missing_ok=True)
        assert len({*rows}) == len(rows) == 13

    def test_a_sheet_that_is_nearly_of_the_shape_is_not_left_out_in_silence(self, draft, tmp_path: Path) -> None:
        odd = [["乡镇", "户数", "总人口"], *month(2)[1:]]
        path = book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": odd, "3月": month(3)})
        with pytest.raises(HubError, match="Sheet 2月 has other columns"):
            draft(path, sheet="all")

    def test_the_next_delivery_may_have_a_sheet_more(self, draft, tmp_path: Path, settings) -> None:
        reading = dict(draft(book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": month(2)}), sheet="all").contract.reading)
        later = book(tmp_path / "b.xlsx", **{"1月": month(1), "2月": month(2), "3月": [["三月"], *month(3)]})
        assert len(read(later, settings, reading)[1]) == 18
        assert len(read(book(tmp_path / "c.xlsx", **{"4月": month(4)}), settings, reading)[1]) == 6

    def test_mended_quarantine_is_read_back(self, draft, tmp_path: Path, settings) -> None:
        reading = dict(draft(book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": month(2)}), sheet="all").contract.reading)
        export = book(tmp_path / "b.xlsx", Sheet1=[["乡镇", "户数", "人口", "工作表", REASONS], ["红旗乡", 5, 6, "2月", "x"]])
        columns, found, _ = read(export, settings, reading)
        assert dict(zip(columns, found[0], strict=True))["工作表"] == "2月"


class TestSideBySide:
    def test_another_table_beside_is_asked(self, asked, draft, tmp_path: Path) -> None:
        teams = [["队伍名称", "人数"], *([f"救援{n}队", 20 + n] for n in range(3))]
        path = book(tmp_path / "a.xlsx", 表=beside(month(1), teams))
        [question] = asked(path)
        assert (question.option, values(question)) == ("--range", ["A:C", "E:F", "all"])
        assert [c.source for c in draft(path, range="A:C").profile.columns] == ["乡镇", "户数", "人口"]
        assert draft(path, range="E:F").profile.rows == 3
        assert draft(path, range="all").profile.rows == 6

    @pytest.mark.parametrize("gap", [0, 1, 2])
    def test_a_table_that_goes_on_beside_itself(self, asked, draft, tmp_path: Path, settings, gap: int) -> None:
        path = book(tmp_path / "a.xlsx", 表=beside(month(1), month(1, 5), gap=gap))
        [question] = asked(path)
        together = values(question)[0]
        assert "," in together
        drafted = draft(path, range=together)
        assert (drafted.profile.rows, len(drafted.contract.items)) == (11, 3)
        assert len(read(path, settings, dict(drafted.contract.reading))[1]) == 11

    def test_a_table_beside_that_begins_lower_is_asked(self, asked, tmp_path: Path) -> None:
        teams = [[], [], ["队伍名称", "人数"], *([f"救援{n}队", 20 + n] for n in range(3))]
        [question] = asked(book(tmp_path / "a.xlsx", 表=beside(month(1, 12), teams)))
        assert values(question)[0] == "A:C"

    @pytest.mark.parametrize("spacer", [3, 1])
    def test_a_blank_column_in_a_table_is_none(self, draft, tmp_path: Path, spacer: int) -> None:
        cells = [
            ["乡镇", "户数", None, "人口", "面积", "备注"],
            *([t, n, None, n * 3, n * 1.5, "x" if n == 2 else None] for n, t in enumerate(TOWNS)),
        ]
        moved = [[*row[:spacer], None, *[c for c in row[spacer:] if c is not None or spacer == 3]] for row in cells]
        path = book(tmp_path / "a.xlsx", 表=cells if spacer == 3 else moved)
        assert draft(path).profile.rows == 6

    def test_in_a_text_they_are_refused(self, draft) -> None:
        rows = beside(month(1), month(2, 4))
        text = "\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows)
        with pytest.raises(HubError, match="2 tables side by side"):
            draft(text)
        assert draft(text, header="1").profile.rows == 6

    def test_ranges_that_say_nothing_are_refused(self, draft, tmp_path: Path) -> None:
        path = book(tmp_path / "a.xlsx", 表=month(1))
        for wrong in ("A", "C:A", "1:3", "A:C,x"):
            with pytest.raises(HubError, match="no range of columns"):
                draft(path, range=wrong)


class TestNotesBeside:
    @pytest.mark.parametrize(
        ("row", "gap", "text"),
        [
            (0, 1, "说明：本表不含城区"),
            (2, 1, "填报人 张三"),
            (2, 0, "注：含农村"),
            (4, 2, "数据截至2024年底"),
            (0, 0, "备注：仅供内部"),
        ],
    )
    def test_a_note_is_no_column_and_told(self, draft, tmp_path: Path, settings, row: int, gap: int, text: str) -> None:
        cells = [list(each) for each in month(1)]
        cells[row] += [*[None] * gap, text]
        drafted = draft(book(tmp_path / "a.xlsx", 表=cells))
        assert [column.source for column in drafted.profile.columns] == ["乡镇", "户数", "人口"]
        assert any("note beside" in said.en for said in drafted.evidence)

    def test_a_column_without_a_name_stays(self, draft, tmp_path: Path) -> None:
        cells = [[*row, f"第{n}组"] if n else row for n, row in enumerate(month(1))]
        assert len(draft(book(tmp_path / "a.xlsx", 表=cells)).profile.columns) == 4


class TestTheNextDelivery:
    """What a delivery tells of its workbook."""

    def deliver(self, hub: Hub, contract: Contract, path: Path) -> ingest.Delivered:
        hub.given.add(contract)
        return ingest.deliver(hub.settings, hub.ledger, hub.given, path, dataset="thing", received_by="test")

    def test_notes_beside_the_table_are_told(self, draft, hub: Hub, tmp_path: Path) -> None:
        contract = draft(book(tmp_path / "a.xlsx", 表=month(1))).contract
        cells = [list(row) for row in month(2)]
        cells[2] += [None, "填报人 张三 13812345678"]
        made = self.deliver(hub, contract, book(tmp_path / "b.xlsx", 表=cells))
        [told] = [check for check in made.outcome.checks if check["rule"] == "beside"]
        assert made.outcome.accepted == 6
        assert "notes beside the table" in told["message_en"]
        assert "填报人" in told["message"]
        assert "13812345678" not in str(told)

    def test_nothing_is_told_where_nothing_was_left_out(self, draft, hub: Hub, tmp_path: Path) -> None:
        contract = draft(book(tmp_path / "a.xlsx", 表=month(1))).contract
        made = self.deliver(hub, contract, book(tmp_path / "b.xlsx", 表=month(2)))
        assert not [check for check in made.outcome.checks if check["rule"] == "beside"]

    def test_faults_name_the_sheet_and_the_row_there(self, draft, hub: Hub, tmp_path: Path) -> None:
        contract = draft(book(tmp_path / "a.xlsx", **{"1月": month(1), "2月": month(2)}), sheet="all").contract
        wrong = [["二月统计表"], *month(2), ["合计", 627, 1830]]
        wrong[3][1] = "很多"
        made = self.deliver(hub, contract, book(tmp_path / "b.xlsx", **{"1月": month(1), "2月": wrong, "3月": month(3)}))
        assert (made.outcome.received, made.outcome.accepted) == (19, 17)
        rows = quarantine.rows(hub.settings, made.batch_id)
        told = {fault.rule: (fault.message, fault.message_en) for row in rows for fault in row.faults}
        assert told["type"][1].endswith(" (sheet 2月, row 4)")
        assert told["type"][0].endswith("（工作表“2月”第 4 行）")
        assert told["total-mismatch"][1].endswith(" (sheet 2月, row 9)")
        assert not [fault for fault in made.outcome.faults if "sheet 2月" in fault.message_en]

    def test_a_row_at_fault_and_a_note_have_numbers_of_their_own(self, draft, hub: Hub, tmp_path: Path) -> None:
        """Both count from the first row below the header, blank rows too, so that each stands where people find it."""
        contract = draft(book(tmp_path / "a.xlsx", 表=month(1))).contract
        cells = [["某县统计表"], *month(2), ["注：含农村"]]
        cells.insert(4, [])
        cells[6][1] = "很多"
        made = self.deliver(hub, contract, book(tmp_path / "b.xlsx", 表=cells))
        rows = quarantine.rows(hub.settings, made.batch_id)
        assert [(row.row, [fault.rule for fault in row.faults]) for row in rows] == [(5, ["type"]), (8, ["note"])]
