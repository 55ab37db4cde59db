"""Names and values in SQL, spelled in one place: every identifier and every literal is quoted here."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def full_match(x: str, pattern: str) -> str:
    """SQL that is true where the whole text matches an RE2 pattern."""
    return f"regexp_full_match({x}, {literal(pattern)})"
