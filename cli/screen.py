"""The terminal: what stands in data is shown as it stands, never as markup, an emoji's name or a command to the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: 0x2421}
_CONTROLS |= dict.fromkeys(range(128, 160), 65533)
"""Escape sequences recolour, rename and rewrite a terminal; each control character becomes its picture (␛)."""


class Screen(Console):
    """Rich's console for data: every text of every table and line is plain. Style is given by `styled`, never in the text."""

    def __init__(self, **more: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **more)

    def render_str(self, text: str, **more: Any) -> Text:
        """A text as it stands; Rich asks for it wherever a string is shown."""
        return super().render_str(plain(text), **(more | {"markup": False, "emoji": False}))


def plain(text: str) -> str:
    """A text without control characters."""
    return text.translate(_CONTROLS)


def styled(*parts: str | tuple[str, str]) -> Text:
    """One line of parts, some of them (text, style)."""
    return Text.assemble(*(plain(part) if isinstance(part, str) else (plain(part[0]), part[1]) for part in parts))
