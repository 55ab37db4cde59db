"""Which language an answer speaks, by Accept-Language; Chinese where nothing is said."""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request

Language = Literal["zh", "en"]


def language_of(request: Request) -> Language:
    """The first of zh and en that the caller accepts, by weight."""
    wanted = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.strip().lower()))
        except ValueError:
            continue
    for _, tag in sorted(wanted, key=lambda one: one[0]):
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"
