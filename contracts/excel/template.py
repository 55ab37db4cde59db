"""The Excel template that a collection (采) hands to agencies, made from the contract; what comes back is known by its mark.

Sheets: 填报 (title, notes, locked header, cells to fill), 填报说明 (every item, its rules, an example), 代码 (code lists behind
the drop-downs), and a hidden sheet that says dataset, contract version, template version, agency and period; the file's
custom properties say it too, since some office suites drop hidden sheets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from contracts.checks import code_lists
from contracts.checks.compile import Scope, compile
from contracts.checks.formats.division import base
from contracts.excel import cells
from contracts.excel.annotate import annotate
from contracts.excel.marks import FILL_SHEET, MARK_SHEET, TEMPLATE_VERSION, TemplateMark, identify
from contracts.model import Contract, Item

__all__ = ["HEADER_ROW", "TemplateMark", "annotate", "identify", "write"]

NOTE_SHEET, CODE_SHEET = "填报说明", "代码"
HEADER_ROW = 4
"""The header's row on the sheet, from 1; the first row to fill is the next."""
ROWS = 5000
"""Rows with drop-downs and checks; further rows may be filled too."""


@dataclass(frozen=True, slots=True)
class _Book:
    book: Any
    contract: Contract
    lists: Mapping[str, Sequence[str]]
    labels: Mapping[str, Mapping[str, str]]
    formats: Mapping[str, Any]


def write(
    contract: Contract,
    lookups: code_lists.Codes,
    path: Path,
    *,
    agency: str = "",
    period: str = "",
    agency_title: str = "",
    division: str = "",
    due: str = "",
    sign: Callable[[TemplateMark], str] | None = None,
) -> TemplateMark:
    """Write the workbook that one agency fills in for one period.

    `division` shortens the list of divisions to those below the agency's own. Lists of values are looked up by name;
    labels are shown beside codes where `lookups` has `labels(name)`. `sign` ties the mark to the hub that made it.
    """
    mark = TemplateMark(
        dataset=contract.dataset,
        contract_version=contract.version,
        template_version=TEMPLATE_VERSION,
        agency=agency,
        period=period,
        header_row=HEADER_ROW,
        items=tuple(item.name for item in contract.items),
    )
    mark = replace(mark, signature=sign(mark)) if sign else mark
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        page = _Book(book, contract, _lists(contract, lookups, division), _labels(contract, lookups), _formats(book))
        fill = book.add_worksheet(FILL_SHEET)
        notes = book.add_worksheet(NOTE_SHEET)
        ranges = _code_sheet(page)
        _fill_sheet(page, fill, ranges, agency_title or agency, period, due)
        _note_sheet(page, notes)
        _mark(book, mark, contract)
        fill.activate()
    return mark


def _lists(contract: Contract, lookups: code_lists.Codes, division: str) -> dict[str, Sequence[str]]:
    lists: dict[str, Sequence[str]] = {}
    for item in contract.items:
        name = cells.list_name(item)
        if name is None:
            continue
        values = list(item.values) if item.values else _codes(lookups, name)
        below = base(division) if name == code_lists.DIVISIONS else ""
        lists[name] = [v for v in values if v.startswith(below)] or values
    return lists


def _codes(lookups: code_lists.Codes, name: str) -> Sequence[str]:
    try:
        return list(lookups.codes(name))
    except KeyError:
        raise code_lists.CodeListMissing(name) from None


def _labels(contract: Contract, lookups: code_lists.Codes) -> dict[str, Mapping[str, str]]:
    labels = getattr(lookups, "labels", None)
    names = {item.code_list for item in contract.items if item.code_list}
    return {name: labels(name) for name in names} if labels else {}


def _formats(book: Any) -> dict[str, Any]:
    """Cells: what is filled in is unlocked, everything else is locked."""
    line = {"border": 1, "border_color": "#C6CDD8"}
    open_cell = {"locked": False, "font_size": 11}
    return {
        "title": book.add_format({"bold": True, "font_size": 16, "font_color": "#1D3C78", "valign": "vcenter"}),
        "note": book.add_format({"font_size": 10, "font_color": "#4A5568", "text_wrap": True, "valign": "top"}),
        "must": book.add_format({**line, "bold": True, "bg_color": "#1D5FB4", "font_color": "#FFFFFF", "text_wrap": True}),
        "may": book.add_format({**line, "bold": True, "bg_color": "#DCE6F4", "font_color": "#1D3C78", "text_wrap": True}),
        "text": book.add_format({**open_cell, "num_format": "@"}),
        "integer": book.add_format({**open_cell, "num_format": "0"}),
        "number": book.add_format({**open_cell, "num_format": "General"}),
        "date": book.add_format({**open_cell, "num_format": "yyyy-mm-dd"}),
        "head": book.add_format({**line, "bold": True, "bg_color": "#DCE6F4"}),
        "cell": book.add_format({**line, "text_wrap": True, "valign": "top"}),
        "code": book.add_format({**line, "num_format": "@"}),
    }


def _fill_sheet(page: _Book, sheet: Any, ranges: Mapping[str, str], agency: str, period: str, due: str) -> None:
    contract, formats = page.contract, page.formats
    last = max(len(contract.items) - 1, 3)
    sheet.merge_range(0, 0, 0, last, contract.title, formats["title"])
    notice = " ".join(
        part
        for part in (
            f"填报单位：{agency}" if agency else "",
            f"报送期：{period}" if period else "",
            f"截止：{due}" if due else "",
        )
        if part
    )
    sheet.merge_range(1, 0, 1, last, notice or contract.description or contract.title, formats["note"])
    sheet.merge_range(
        2,
        0,
        2,
        last,
        "深蓝列必填，浅蓝列选填；表头不可改动；有下拉的请从下拉选择代码；代码类按文本填写，保留前面的 0；鼠标停在表头可看规则。"
        "  Dark columns are required; do not change the header; choose codes from the lists.",
        formats["note"],
    )
    sheet.set_row(0, 30)
    sheet.set_row(2, 32)
    rules = _rules(contract)
    for column, item in enumerate(contract.items):
        kind = cells.kind(item)
        sheet.set_column(column, column, cells.width(item), formats[kind])
        sheet.write_string(HEADER_ROW - 1, column, item.title, formats["must" if item.required else "may"])
        sheet.write_comment(HEADER_ROW - 1, column, rules[item.name][:1500], {"x_scale": 2.2, "y_scale": 1.6, "author": "Hui"})
        criteria = cells.validation(item, ranges.get(cells.list_name(item) or ""), rules[item.name])
        if criteria:
            sheet.data_validation(HEADER_ROW, column, HEADER_ROW + ROWS - 1, column, criteria)
    sheet.freeze_panes(HEADER_ROW, 0)
    allowed = ("format_columns", "format_rows", "insert_rows", "delete_rows", "sort", "autofilter", "format_cells")
    sheet.protect("", dict.fromkeys(allowed, True))


def _rules(contract: Contract) -> dict[str, str]:
    """What each item's header comment says: every rule in Chinese, then in English."""
    texts: dict[str, tuple[list[str], list[str]]] = {item.name: ([], []) for item in contract.items}
    for item in contract.items:
        if item.unit:
            texts[item.name][0].append(f"计量单位：{item.unit}")
            texts[item.name][1].append(f"unit: {item.unit}")
    for check in compile(contract):
        if check.scope is Scope.BATCH:
            continue
        zh, en = check.describe()
        for name in check.items or (check.item,):
            texts[name][0].append(zh)
            texts[name][1].append(en)
    return {name: "\n".join([*zh, "", *en]).strip() or "文本 / text" for name, (zh, en) in texts.items()}


def _note_sheet(page: _Book, sheet: Any) -> None:
    heads = ("信息项", "Item", "必填", "类型", "规则", "示例", "说明")
    widths = (24, 22, 8, 12, 70, 24, 40)
    for column, (head, width) in enumerate(zip(heads, widths, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, head, page.formats["head"])
    rules = _rules(page.contract)
    for row, item in enumerate(page.contract.items, 1):
        for column, text in enumerate(_note(item, rules[item.name])):
            sheet.write_string(row, column, text, page.formats["cell"])
    sheet.freeze_panes(1, 1)
    sheet.protect("")


def _note(item: Item, rules: str) -> tuple[str, ...]:
    must = "是" if item.required else "否"
    return (
        item.title,
        item.title_en or item.name,
        must,
        str(item.type),
        rules.split("\n\n")[0],
        item.sample or "",
        item.description,
    )


def _code_sheet(page: _Book) -> dict[str, str]:
    """Every list in two columns, code and label; returns the range of each for its drop-down."""
    ranges: dict[str, str] = {}
    if not page.lists:
        return ranges
    sheet = page.book.add_worksheet(CODE_SHEET)
    for place, (name, values) in enumerate(page.lists.items()):
        column = place * 2
        sheet.write_string(0, column, name, page.formats["head"])
        sheet.write_string(0, column + 1, "名称", page.formats["head"])
        sheet.set_column(column, column, 16)
        sheet.set_column(column + 1, column + 1, 24)
        labels = page.labels.get(name, {})
        for row, value in enumerate(values, 1):
            sheet.write_string(row, column, value, page.formats["code"])
            if value in labels:
                sheet.write_string(row, column + 1, labels[value], page.formats["code"])
        ranges[name] = f"='{CODE_SHEET}'!{xl_range_abs(1, column, max(len(values), 1), column)}"
    sheet.freeze_panes(1, 0)
    sheet.protect("")
    if max(map(len, page.lists.values())) > 200:
        sheet.hide()
    return ranges


def _mark(book: Any, mark: TemplateMark, contract: Contract) -> None:
    sheet = book.add_worksheet(MARK_SHEET)
    for row, (name, value) in enumerate(mark.entries()):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, value)
        if len(value) <= 255:
            book.set_custom_property(name, value, "text")
    sheet.protect("")
    sheet.very_hidden()
    book.set_properties(
        {"title": contract.title, "subject": contract.dataset, "comments": f"{contract.dataset} {contract.version}"}
    )
