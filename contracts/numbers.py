"""A decimal told outside the lake: never rounded, never with an exponent."""

from __future__ import annotations

from decimal import Decimal


def written(value: Decimal) -> str:
    """All digits of a decimal, as JSON and CSV write a number."""
    return f"{value:f}"


def held(value: Decimal) -> int | float | str:
    """A decimal for a JSON encoder that knows no decimals: a number where a double holds it, otherwise its digits as text."""
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else written(value)
