"""The mark inside a template: which dataset, contract version, agency and period a filled workbook belongs to."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

TEMPLATE_VERSION = 1
"""Raised when the layout changes in a way that old workbooks must be told apart by."""
FILL_SHEET, MARK_SHEET = "填报", "_hui"
PROPERTIES = "docProps/custom.xml"
LARGEST = 300 * 2**20
"""Bytes that a workbook may unpack to; a filled template of 100,000 rows has some 60 MB."""


@dataclass(frozen=True, slots=True)
class TemplateMark:
    """What a template says of itself."""

    dataset: str
    contract_version: str
    template_version: int
    agency: str = ""
    period: str = ""
    header_row: int = 4
    items: tuple[str, ...] = ()
    signature: str = ""
    """Of the hub that made it, over dataset, agency and period; empty in one that nobody signed."""

    def entries(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each part, as they stand in the workbook."""
        return (
            ("hui-template", str(self.template_version)),
            ("dataset", self.dataset),
            ("contract", self.contract_version),
            ("agency", self.agency),
            ("period", self.period),
            ("header-row", str(self.header_row)),
            ("items", ",".join(self.items)),
            ("signature", self.signature),
        )


def identify(path: Path) -> TemplateMark | None:
    """The mark of a workbook; None for a file that is no template of this hub, or no workbook at all."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                return None
    except (OSError, zipfile.BadZipFile):
        return None
    try:
        entries = _property_entries(path)
        return _mark(entries if "items" in entries else _sheet_entries(path) or entries)
    except Exception:
        # openpyxl raises whatever a broken workbook makes it trip over (KeyError, ValueError, XML errors)
        return None


def _sheet_entries(path: Path) -> dict[str, str]:
    from openpyxl import load_workbook

    with path.open("rb") as file:  # by path it would want a suffix, and landed files have none
        book = load_workbook(file, read_only=True, data_only=True)
        try:
            if MARK_SHEET not in book.sheetnames:
                return {}
            rows = book[MARK_SHEET].iter_rows(max_row=20, max_col=2, values_only=True)
            return {str(row[0]): _told(row[1]) for row in rows if row and row[0] is not None}
        finally:
            book.close()


def _property_entries(path: Path) -> dict[str, str]:
    """The file's custom properties, read by themselves: forty times as fast as opening the workbook."""
    with zipfile.ZipFile(path) as archive:
        if PROPERTIES not in archive.namelist():
            return {}
        properties = ElementTree.fromstring(archive.read(PROPERTIES))  # noqa: S314 - expat stops entity bombs since 2.4
    return {str(one.get("name")): "".join(one.itertext()) for one in properties}


def _told(value: Any) -> str:
    return "" if value is None else str(value)


def _mark(entries: Mapping[str, str]) -> TemplateMark | None:
    if not entries.get("hui-template", "").isdigit() or not entries.get("dataset"):
        return None
    return TemplateMark(
        dataset=entries["dataset"],
        contract_version=entries.get("contract", ""),
        template_version=int(entries["hui-template"]),
        agency=entries.get("agency", ""),
        period=entries.get("period", ""),
        header_row=int(entries.get("header-row") or 4),
        items=tuple(name for name in entries.get("items", "").split(",") if name),
        signature=entries.get("signature", ""),
    )
