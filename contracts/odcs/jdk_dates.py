"""ODCS writes date formats as JDK patterns (yyyy-MM-dd); the hub thinks in strptime directives."""

from __future__ import annotations

import re

LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "a": "%p",
    "XXX": "%z", "XX": "%z", "X": "%z", "xxx": "%z", "xx": "%z", "x": "%z", "Z": "%z",
}  # fmt: skip
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


def strptime(pattern: str) -> str:
    """The strptime format of a JDK pattern; a text with % is one already. ValueError names the letters nobody knows."""
    if "%" in pattern:
        return pattern
    form = ""
    for match in _TOKEN.finditer(pattern):
        text = match.group(0)
        if match.group(1) is not None:
            form += (match.group(1).replace("''", "'") or "'").replace("%", "%%")
        elif match.group(2) is None:
            form += text
        elif text in LETTERS:
            form += LETTERS[text]
        elif set(text) == {"S"}:
            form += "%f"
        else:
            raise ValueError(text)
    return form
