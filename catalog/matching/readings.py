"""What a typed name may stand for: itself, a slip put right, or words that sound so or have these initials.

Characters are matched as characters, so 懂 is never 京东; sounds are for Latin letters that are no known word. A word that only
entries have of which the asker may not know is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sqlmodel import Session

from catalog.entries import item_names
from catalog.matching.lexicon import Lexicon, folded
from catalog.matching.likening import Reading

SHORTEST_SLIP = 5
"""Letters of a word from which on one of them may be wrong; from LONG on two."""
LONG = 8
There = Callable[[str], bool]
"""Whether an entry that the asker may know of holds a text."""


def of(session: Session, known: Lexicon, name: str, there: There) -> tuple[Reading, ...]:
    """The readings of a name, what was typed first."""
    text = folded(name)
    own = Reading(name, text, known.meaning(name))
    strange = [word for word in re.findall(r"[a-z]+", text) if not known.knows(word)]
    if not strange or not text.isascii() or not text.replace(" ", "").isalpha():
        return (own,)
    heard, first = item_names.sounding(session, text)
    slips = _mended(session, known, text, strange, there)
    found: list[tuple[Iterable[str], str]] = [(slips, "typo"), (heard, "pinyin"), (() if heard else first, "initials")]
    others = ((one, how) for some, how in found for one in some if how == "typo" or folded(one) in known.meanings or there(one))
    return (own, *(Reading(one, folded(one), known.meaning(one), how) for one, how in others))


def _mended(session: Session, known: Lexicon, text: str, strange: Iterable[str], there: There) -> list[str]:
    """The text with each strange word put right; nothing where one of them is like no word."""
    from rapidfuzz.distance import OSA  # 12 ms

    before = text
    for word in strange:
        slips = 0 if len(word) < SHORTEST_SLIP else 1 if len(word) < LONG else 2
        others = (
            {*item_names.near(session, word, slips), *(part for part in known.parts if part[0] == word[0])} if slips else ()
        )
        if word in others:
            continue
        close = sorted((distance, one) for one in others if (distance := OSA.distance(word, one, score_cutoff=slips)) <= slips)
        best = next((one for _, one in close if one in known.parts or there(one)), "")
        if not best:
            return []
        text = re.sub(rf"\b{word}\b", best, text)
    return [text] if text != before else []
