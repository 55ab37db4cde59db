"""Names that items and entries bear, each once, with how they sound: what is typed in Latin letters is looked up here.

Characters are matched as characters; only Latin input is taken for sounds. A name stays when the last item of it goes: it leads
to the full-text index, which then finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import or_, text
from sqlmodel import Field, Session, SQLModel, col, select

LONGEST = 60
"""Characters of a name; longer ones are sentences, which nobody types by their initials."""
MOST_FOUND = 12
_ASIDE = re.compile(r"[（(\[【].*?[)）\]】]")
_HAN = re.compile(r"[㐀-鿿]")


class ItemName(SQLModel, table=True):
    """A name, or a Latin word of one."""

    name: str = Field(primary_key=True)
    sound: str = Field(default="", index=True, description="shuiwei; empty for a Latin word")
    plain_sound: str = Field(default="", index=True, description="Each character by its commonest reading, where that differs")
    initials: str = Field(default="", index=True, description="sw, with z for zh; of a Latin word its first letter and length")


def keep(session: Session, names: Iterable[str]) -> None:
    """Put names into the list that are not there yet."""
    wanted = {part for name in names for part in _parts(name)}
    there = set(session.exec(select(ItemName.name).where(col(ItemName.name).in_(wanted)))) if wanted else set()
    if rows := [_row(name) for name in sorted(wanted - there)]:
        session.connection().execute(_ADD, rows)


_ADD = text(
    "INSERT INTO itemname (name, sound, plain_sound, initials) VALUES (:name, :sound, :plain_sound, :initials) "
    "ON CONFLICT (name) DO NOTHING"
)
"""In the order of their names: two that add the same ones wait for each other, never crosswise."""


def sounding(session: Session, typed: str) -> tuple[Sequence[str], Sequence[str]]:
    """Names that sound so, and names of which these are the initials."""
    letters = _letters(typed)
    if len(letters) < 2:
        return (), ()
    heard = select(ItemName.name).where(or_(col(ItemName.sound) == letters, col(ItemName.plain_sound) == letters))
    first = select(ItemName.name).where(ItemName.sound != "", col(ItemName.initials).in_({letters, _one_letter(letters)}))
    return (
        session.exec(heard.order_by(ItemName.name).limit(MOST_FOUND)).all(),
        session.exec(first.order_by(ItemName.name).limit(MOST_FOUND)).all() if len(letters) > 2 else (),
    )


def near(session: Session, word: str, slips: int = 1) -> Sequence[str]:
    """Latin words with the same first letter, about as long: among them is what somebody mistyped."""
    keys = [f"{word[0]}{len(word) + more}" for more in range(-slips, slips + 1)]
    return session.exec(select(ItemName.name).where(ItemName.sound == "", col(ItemName.initials).in_(keys))).all()


def _parts(name: str) -> list[str]:
    name = " ".join(_ASIDE.sub(" ", name).lower().split())
    if _HAN.search(name):
        return [name[:LONGEST]]
    return [word for word in re.findall(r"[a-z]+", name) if 4 <= len(word) <= LONGEST]


def _row(name: str) -> dict[str, str]:
    if not _HAN.search(name):
        return {"name": name, "sound": "", "plain_sound": "", "initials": f"{name[0]}{len(name)}"}
    syllables, plain = sounds(name), [sounds(character)[0] if _HAN.match(character) else character for character in name]
    sound, second = _letters("".join(syllables)), _letters("".join(plain))
    initials = "".join(_letters(one)[:1] for one in syllables)
    return {"name": name, "sound": sound, "plain_sound": second if second != sound else "", "initials": initials}


def sounds(name: str) -> list[str]:
    """The syllables of a name, as phrases are read: 重 is zhong in 重大, chong in 重庆."""
    from pypinyin import Style, lazy_pinyin  # 0.3 s to load with its phrases; most processes need none

    return [letter for part in lazy_pinyin(name, style=Style.NORMAL, v_to_u=False) for letter in _apart(part)]


def _apart(part: str) -> list[str]:
    """What is no syllable comes in one piece: each of its letters is an initial."""
    return [part] if part.isascii() and part.isalpha() and len(part) <= 6 else [one for one in part if one.isalnum()] or []


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("ü", "v"))


def _one_letter(letters: str) -> str:
    """zh, ch and sh as one letter, as the list has them."""
    return re.sub(r"([zcs])h", r"\1", letters)
