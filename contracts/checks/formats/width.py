"""Full-width characters (１２Ａ), which look right and are not."""

from __future__ import annotations


def is_half_width(text: str) -> bool:
    """False where full-width digits or letters stand in place of ASCII."""
    return not any("\uff01" <= c <= "\uff5e" for c in text)
