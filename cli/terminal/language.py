"""Which language the command line speaks: HUB_LANG, else LANG; Chinese when it begins with zh."""

from __future__ import annotations

import os


def language() -> str:
    """ "zh" or "en"."""
    named = os.environ.get("HUB_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "en"
    return "zh" if named.lower().startswith("zh") else "en"


def said(chinese: str, english: str) -> str:
    """The one of two texts that this person reads."""
    return chinese if language() == "zh" else english
