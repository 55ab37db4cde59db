"""Which column of a delivered file holds which item of the contract."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.model import Contract, Item

REASONS = "隔离原因 Reasons"
ORIGINAL_ROW = "原行号 Row"
"""Columns that a quarantine export adds; a mended file may still have them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Columns of a file matched to items."""

    headers: dict[str, str]
    """Item name → header in the file."""
    missing: tuple[Item, ...]
    extra: tuple[str, ...]

    @property
    def missing_required(self) -> tuple[Item, ...]:
        """Items without a column that the contract asks for."""
        return tuple(item for item in self.missing if item.required or item.key is not None)


def match(contract: Contract, columns: Sequence[str]) -> Match:
    """Match by the contract's source names, then titles, then machine names; spelling beats width, case and blanks."""
    free = {column: plain(column) for column in columns}
    headers: dict[str, str] = {}
    for exact in (True, False):
        for item in contract.items:
            if item.name in headers:
                continue
            for name in (*item.source, item.title, item.title_en, item.name):
                header = _find(name, free, exact)
                if header is not None:
                    headers[item.name] = header
                    free.pop(header)
                    break
    missing = tuple(item for item in contract.items if item.name not in headers)
    ours = {plain(REASONS), plain(ORIGINAL_ROW)}
    return Match(headers, missing, tuple(column for column, spelled in free.items() if spelled not in ours))


def plain(text: str) -> str:
    """A header without differences that no one means: width, case, blanks, a mark of required (*)."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(folded.split()).strip("*")


def _find(name: str, free: dict[str, str], exact: bool) -> str | None:
    if not name:
        return None
    if exact:
        return name if name in free else None
    wanted = plain(name)
    return next((column for column, spelled in free.items() if spelled == wanted), None)
