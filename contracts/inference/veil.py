"""Rows of a file as they may be shown in a question: enough to tell a header from a record, no person's data."""

from __future__ import annotations

import re
from collections.abc import Sequence

from contracts.inference.naming import is_field_word

NUMBER = re.compile(r"(?:[0-9０-９][\s\-]?){7,}[0-9０-９XxＸｘ]?")
"""Seven digits and more: phones, identity numbers, accounts."""
PERSON = re.compile(r"[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]{1,8}·[\u4e00-\u9fff]{1,8}")
LONG = 9


def veiled(text: str) -> str:
    """A text with its long numbers cut to three digits: 13800138000 is 138…"""
    return NUMBER.sub(lambda found: found.group()[:3] + "…", text)


def first(cell: str) -> str:
    """What is a record's value, most likely: its first character."""
    return cell if len(cell) < 2 else cell[0] + "…"


def line(cells: Sequence[str]) -> str:
    """Cells side by side; beside a long number short Chinese words that are no field's are cut to one character, for they
    may be names, and long ones to four, for they may be addresses."""
    plain = [" ".join(cell.split()) for cell in cells]
    beside = any(NUMBER.search(cell) for cell in plain)
    return " | ".join(_cell(cell) if beside else veiled(cell) for cell in plain)


def _cell(cell: str) -> str:
    if is_field_word(cell):
        return cell
    if PERSON.fullmatch(cell):
        return cell[0] + "…"
    return veiled(cell) if cell.isascii() or len(cell) < LONG else cell[:4] + "…"
