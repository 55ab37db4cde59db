"""Text from outside that every store keeps as it is: no NUL (PostgreSQL refuses it, DuckDB ends there), no half of a pair."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HALF = re.compile("[\ud800-\udfff]")


def odd(text: str) -> tuple[str, str] | None:
    """What is wrong with a text, in Chinese and English; None where nothing is."""
    if "\0" in text:
        return "含空字符", "holds a NUL character"
    if HALF.search(text):
        return "含不完整的字符（半个代理对）", "holds half a surrogate pair"
    return None


def first_odd(value: Any) -> tuple[str, str] | None:
    """What is wrong with the first odd text in a JSON value, names of its members included."""
    return next((fault for text in texts(value) if (fault := odd(text))), None)


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value. Without recursion: foreign JSON is nested as deep as its sender likes."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
