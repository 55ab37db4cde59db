"""The completeness board as an Excel sheet: marks and rows, the same words as on the page."""

from __future__ import annotations

import io

import xlsxwriter

from api.portal.wording.i18n import Language, say
from api.portal.wording.labels import BOARD
from catalog.acquisition.completeness import Board


def sheet(language: Language, shown: Board) -> bytes:
    """The bytes of the workbook: one row an agency, one column a period, then how many are complete and on time."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet(say(language, "齐全看板")[:31])
        bold = book.add_format({"bold": True, "bottom": 1})
        heads = [
            say(language, "报送单位"),
            *(column.period for column in shown.columns),
            say(language, "齐全"),
            say(language, "按时"),
        ]
        for column, word in enumerate(heads):
            page.write_string(0, column, word, bold)
        for line, row in enumerate(shown.rows, start=1):
            name = (row.organization.name_en if language == "en" else "") or row.organization.name
            page.write_string(line, 0, name)
            for column, cell in enumerate(row.cells, start=1):
                word = say(language, BOARD[cell.state].word)
                page.write_string(line, column, f"{word} {cell.accepted:,}" if cell.state in ("on-time", "late") else word)
            page.write_string(line, len(row.cells) + 1, f"{row.complete} / {row.due}")
            page.write_string(line, len(row.cells) + 2, f"{row.on_time} / {row.due}")
        page.freeze_panes(1, 1)
        page.autofit()
    return out.getvalue()
