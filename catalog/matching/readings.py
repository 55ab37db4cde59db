"""What a typed name may stand for: itself, a slip put right, or words that sound so or have these initials.

Characters are matched as characters, so 懂 is never 京东; sounds are for Latin letters that are no known word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlmodel import Session

from catalog.entries import item_names
from catalog.matching.lexicon import Lexicon, folded
from catalog.matching.likening import Reading

SHORTEST_SLIP = 5
"""Letters of a word from which on one of them may be wrong; from LONG on two."""
LONG = 8


def of(session: Session, known: Lexicon, name: str) -> tuple[Reading, ...]:
    """The readings of a name, what was typed first."""
    text = folded(name)
    own = Reading(name, known.meaning(name))
    strange = [word for word in re.findall(r"[a-z]+", text) if not known.knows(word)]
    if not text.isascii() or not strange or not text.replace(" ", "").isalpha():
        return (own,)
    names = {word: item_names.near(session, word, 1 if len(word) < LONG else 2) for word in strange}
    strange = [word for word in strange if word not in names[word]]
    if not strange:
        return (own,)
    heard, first = item_names.sounding(session, text)
    slips = _mended(known, text, {word: names[word] for word in strange})
    found = [(slips, "typo"), (heard, "pinyin"), (first if not heard else (), "initials")]
    return (own, *(Reading(one, known.meaning(one), how) for some, how in found for one in some))


def _mended(known: Lexicon, text: str, near: dict[str, Iterable[str]]) -> list[str]:
    """The text with each strange word put right; nothing where one of them is like no word."""
    from rapidfuzz.distance import OSA  # 12 ms

    for word, others in near.items():
        slips = 0 if len(word) < SHORTEST_SLIP else 1 if len(word) < LONG else 2
        candidates = {*others, *(part for part in known.parts if part[0] == word[0])}
        best = min(candidates, key=lambda one: (OSA.distance(word, one), one), default="")
        if not slips or not best or OSA.distance(word, best) > slips:
            return []
        text = re.sub(rf"\b{word}\b", best, text)
    return [text]
