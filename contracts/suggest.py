"""What to write in place of an unknown word: the known one that was probably meant, or those there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def like(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    names = sorted(known)
    folded = {n.lower().replace("_", "").replace("-", ""): n for n in names}
    key = str(word).lower().replace("_", "").replace("-", "")
    if key in folded:
        return folded[key]
    near = difflib.get_close_matches(key, folded, n=1, cutoff=0.66)
    return folded[near[0]] if near else None


def choose(known: Iterable[str], limit: int = 12) -> str:
    """Some of the words that are allowed, for a message."""
    names = [str(k) for k in known]
    return ", ".join(names[:limit]) + (" …" if len(names) > limit else "")


def did_you_mean(word: str, known: Iterable[str]) -> tuple[str, str]:
    """What to write in place of an unknown word."""
    names = list(known)
    near = like(word, names)
    if near:
        return f"是否想写 {near}？", f"did you mean {near}?"
    return f"可用：{choose(names, 30)}", f"known here: {choose(names, 30)}"
