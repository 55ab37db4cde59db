"""The register as an Excel sheet: one row a need, the same words as on the page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import xlsxwriter

from api.portal.wording.i18n import N_, Language, say
from api.portal.wording.labels import ROUTES
from catalog.acquisition import spending
from catalog.overview.register import Row

HEADERS = (
    N_("编号"), N_("途径"), N_("需要"), N_("用途"), N_("来源"), N_("协调机构"), N_("依据"), N_("提出日期"),
)  # fmt: skip
ENDS = (N_("时限"), N_("剩余工作日"), N_("负责人"))


def sheet(language: Language, rows: Sequence[Row], stages: Mapping[str, str]) -> bytes:
    """The bytes of the workbook. Every value is written as text or number, never as a formula."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = book.add_worksheet(say(language, "获取登记")[:31])
        bold = book.add_format({"bold": True, "bottom": 1})
        headers = [*HEADERS, *stages.values(), *ENDS]
        for column, word in enumerate(headers):
            page.write_string(0, column, say(language, word), bold)
        for line, row in enumerate(rows, start=1):
            for column, value in enumerate(_values(language, row)):
                if isinstance(value, int):
                    page.write_number(line, column, value)
                else:
                    page.write_string(line, column, value)
        page.freeze_panes(1, 1)
        page.autofilter(0, 0, max(len(rows), 1), len(headers) - 1)
        page.autofit()
    return out.getvalue()


def _values(language: Language, row: Row) -> list[str | int]:
    english = language == "en"
    one = row.agreement
    stages = [say(language, "；").join((line.en if english else line.zh) for line in stage.lines) for stage in row.stages]
    return [
        one.id,
        say(language, ROUTES[one.route].word),
        (one.title_en if english else "") or one.title,
        one.purpose,
        (row.provider.name_en if english else "") or row.provider.name,
        one.coordinating_body,
        one.legal_basis or spending.terms(one).contract_number,
        one.needed_on.isoformat(),
        *stages,
        f"{row.deadline.due}{say(language, '（估算）') if row.deadline.estimated else ''}" if row.deadline else "",
        row.deadline.left if row.deadline else "",
        ((row.steward.name_en if english else "") or row.steward.name) if row.steward else "",
    ]
