"""Two languages: source strings are Chinese, English stands in translations/en. Compiled in memory: no step after a clone."""

from __future__ import annotations

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Literal, cast

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
FOLDER = Path(__file__).resolve().parents[1] / "translations"


def N_(message: str) -> str:
    """Mark a message for translation where it is defined and not yet shown."""
    return message


@cache
def translations(language: Language) -> NullTranslations:
    """The messages of a language; Chinese says its source strings."""
    source = FOLDER / language / "LC_MESSAGES" / "messages.po"
    with source.open("rb") as text:
        catalog = read_po(text, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


def say(language: Language, message: str, **values: object) -> str:
    """A message in a language, with its values set in."""
    said = translations(language).gettext(message)
    return said % values if values else said


def chosen(text: str | None) -> Language | None:
    """A language the portal speaks, from a parameter, a cookie or one entry of Accept-Language; None for others."""
    known = (text or "").strip().lower().split("-")[0]
    return cast(Language, known) if known in LANGUAGES else None


def accepted(header: str | None) -> Language:
    """The reader's first language that the portal speaks, by Accept-Language; Chinese where none is."""
    for entry in (header or "").split(","):
        language = chosen(entry.split(";")[0])
        if language:
            return language
    return "zh"
