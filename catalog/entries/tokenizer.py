"""Words of a text as the full-text index has them: two characters at a time for Chinese, whole words for Latin.

SQLite's FTS5 has no Chinese words, and its trigrams find no word of two characters; bigrams in a row, asked for as a phrase,
find any run of characters wherever it stands. A run's last character is a token too, so that one character finds it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_RUNS = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")
LAST_POSITION = 16_383
"""PostgreSQL keeps no position above this one in a tsvector."""
BETWEEN_FIELDS = 3
"""Positions left free between two texts, so that no phrase runs from one into the other."""


LONGEST_QUERY = 300
LONGEST_WORD = 200
"""Letters of a Latin word: PostgreSQL's tsquery takes 2,046 bytes, and a longer word is none."""


def _runs(text: str) -> list[str]:
    runs = _RUNS.findall(unicodedata.normalize("NFKC", text).lower())
    return [run[:LONGEST_WORD] if run.isascii() else run for run in runs]


def folded(text: str) -> str:
    """Text for comparison: full-width and compatibility forms unified, lower case, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def tokens(text: str) -> list[str]:
    """Tokens of a text that is indexed."""
    tokens_of_text: list[str] = []
    for run in _runs(text):
        tokens_of_text += [run] if run.isascii() else [*_bigrams(run), run[-1:]] if len(run) > 1 else [run]
    return tokens_of_text


def phrase(text: str) -> list[str]:
    """Tokens of a text that is asked for; the last of them may go on in the index."""
    runs = _runs(text)
    pairs: list[str] = []
    for run in runs[:-1]:
        pairs += tokens(run)
    for run in runs[-1:]:
        pairs += [run] if run.isascii() or len(run) == 1 else _bigrams(run)
    return pairs


def _bigrams(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def fts5_text(texts: Iterable[str]) -> str:
    """Texts as one column of the FTS5 table; a token that nobody types keeps phrases inside one text."""
    return " 0sep0 ".join(" ".join(tokens(text)) for text in texts if text)


def fts5_query(alternatives: Sequence[Sequence[str]]) -> str:
    """An FTS5 query: every term must occur, in one of its alternative wordings."""
    return " AND ".join(
        "(" + " OR ".join(f'"{" ".join(phrase(text))}"{_more(text, " *")}' for text in texts) + ")" for texts in alternatives
    )


def tsvector(fields: Iterable[tuple[str, Iterable[str]]]) -> str:
    """(weight, texts) as a tsvector literal, with positions and weights of our own."""
    at, weights = 1, dict[str, list[str]]()
    for weight, texts in fields:
        for text in texts:
            for token in tokens(text):
                weights.setdefault(token, []).append(f"{min(at, LAST_POSITION)}{weight}")
                at += 1
            at += BETWEEN_FIELDS
    return " ".join(f"{_quoted(token)}:{','.join(places[:250])}" for token, places in weights.items())


def tsquery(alternatives: Sequence[Sequence[str]]) -> str:
    """The same question for PostgreSQL: phrases by distance, the last token open at its end."""
    return " & ".join(
        "(" + " | ".join("(" + " <-> ".join(map(_quoted, phrase(text))) + _more(text, ":*") + ")" for text in texts) + ")"
        for texts in alternatives
    )


def _more(text: str, mark: str) -> str:
    """Whether the last token may go on: a Latin word, or one single character; a bigram is whole."""
    last = phrase(text)[-1]
    return mark if last.isascii() or len(last) == 1 else ""


def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"


def terms(query: str) -> list[str]:
    """The words of a query, in order, each once; what holds no letter or digit is left out, and so is what comes after
    LONGEST_QUERY letters."""
    parts = re.split(r"[\s,，、;；。]+", unicodedata.normalize("NFKC", query[:LONGEST_QUERY]).strip())
    return [part for part in dict.fromkeys(parts) if phrase(part)]


def spans(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where words stand in a text, as (start, end), merged, for highlighting."""
    low = unicodedata.normalize("NFKC", text).lower()
    if len(low) != len(text):  # a character that unfolds to several: positions would not fit
        low = text.lower()
    marked: list[tuple[int, int]] = []
    for word in words:
        normal = unicodedata.normalize("NFKC", word).lower()
        if normal and normal in low:
            marked += [(match.start(), match.end()) for match in re.finditer(re.escape(normal), low)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marked):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
