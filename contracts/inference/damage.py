"""Text that an earlier program has damaged: what is lost for good, and what was decoded twice. Counted, told, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.inference.encodings import FREQUENT
from contracts.inference.evidence import Evidence

LOST = "锟斤拷|锟斤|斤拷"
"""U+FFFD written as UTF-8 and read as GBK."""
REPLACED = "\ufffd"
QUESTIONS = r"[?？]{2,}[^A-Za-z]*"
"""What is left of characters that an encoding did not have."""
PRIVATE = "[\ue000-\uf8ff\U000f0000-\U000ffffd]"
FEWEST = 3
"""Damaged cells from which a text can be hopeless: one broken character is told, not refused."""
MOST = 0.5
"""Share of the cells with other than ASCII from which on a damaged text is refused."""
NAMES = {
    "lost": ("含“锟斤拷”，原文已无法恢复", "hold 锟斤拷: the original text is lost"),
    "replaced": ("含替换符 U+FFFD，原文已丢失", "hold U+FFFD: characters are lost"),
    "questions": ("只剩问号，原文已丢失", "are question marks: the text is lost"),
    "double": ("像是重复转码的乱码", "look double-encoded"),
    "private": ("含私用区字符，别处显示不出", "hold private-use characters, which others cannot show"),
}
"""Kinds of damage, worst first."""


def is_double(cell: str) -> bool:
    """Whether a cell is UTF-8 that was read as GBK or Windows-1252: encoded back it is plain text again."""
    for codec in ("gb18030", "cp1252", "latin-1"):
        try:
            raw = cell.encode(codec, errors="ignore" if codec == "gb18030" else "strict")
        except UnicodeEncodeError:
            continue
        text = raw.decode("utf-8", errors="replace")
        foreign = [c for c in text if c > "\x7f"]
        hanzi = [c for c in foreign if "\u4e00" <= c <= "\u9fff"]
        broken = text.count(REPLACED) + cell.count(REPLACED)
        if codec == "gb18030":
            usual = sum(c in FREQUENT for c in hanzi) >= 0.2 * len(hanzi)  # names of places have few of the usual ones
            if len(hanzi) >= 2 and (not broken or (broken <= len(hanzi) / 2 and usual)):
                return True
        elif foreign and not broken and (hanzi or all(c.isalpha() or c in "’“”–—€" for c in foreign)):
            return True
    return False


def told(counts: Mapping[str, int], cells: int) -> list[Evidence]:
    """What was found, for people; `cells`: those with other characters than ASCII, or damaged."""
    return [
        Evidence(f"{counts[kind]} 个单元格{zh}（共 {cells} 个）", f"{counts[kind]} of {cells} cells {en}")
        for kind, (zh, en) in NAMES.items()
        if counts.get(kind)
    ]


def is_hopeless(counts: Mapping[str, int], cells: int) -> bool:
    """Whether most of the text is damaged, in a few cells at least; private characters are shown by somebody: no damage."""
    damaged = sum(counts.get(kind, 0) for kind in ("lost", "replaced", "questions", "double"))
    return damaged >= FEWEST and damaged > MOST * cells


def double_share(values: Sequence[str]) -> float:
    """Share of the values, none of them ASCII, that look double-encoded."""
    return sum(map(is_double, values)) / len(values) if values else 0.0
