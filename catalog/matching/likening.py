"""Whether a column is what somebody wants: a score from 0 to 1, and why, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalog.matching.lexicon import GENERAL, Lexicon, Meaning, folded

SAME, MEANS, ORDER, THING, SHORT, NARROWER, WIDER, FORMAT = 1.0, 0.95, 0.92, 0.85, 0.72, 0.7, 0.62, 0.6
"""By kind of evidence: the same name, a synonym, the same words in another order, a thing and its name, an abbreviation, a
column that is a kind of what is wanted, one of which what is wanted is a kind, no like name but the same identifying format."""
LEAST = 0.5
"""A score below it is none."""
UNSAID = 0.2
"""What is left where a general column ("编号") is not said to be of the thing in question."""
TYPED: Mapping[str, float] = {"name": 1.0, "typo": 0.9, "pinyin": 0.9, "initials": 0.85}
"""How far what was typed can be trusted to be the word: as it stands, a slip put right, sounds, initials."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item that a need asks for."""

    name: str
    description: str = ""
    format: str = ""
    code_list: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a wanted name may stand for. `form`: folded; `typed`: name, typo, pinyin or initials."""

    text: str
    form: str
    meaning: Meaning
    typed: str = "name"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a comparison rests on beside the two names."""

    about: frozenset[str]
    """What the table is about."""
    place: str
    """The same as a text."""
    asked: frozenset[str]
    """What the need is about."""


@dataclass(frozen=True, slots=True)
class Column:
    """An item of an entry, with every name it has."""

    name: str
    title: str
    title_en: str
    names: tuple[str, ...]
    """Folded, those at the source too."""
    meanings: tuple[Meaning, ...]
    chinese: tuple[Meaning, ...]
    """Of its Chinese names alone: its English says less surely what it is ("stage")."""
    concepts: frozenset[str]
    format: str = ""
    type: str = ""
    code_list: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a column answers a wanted item."""

    score: float
    kind: str = ""
    typed: str = "name"
    read: str = ""
    """What the typed name was read as, where it was sounds or a slip."""
    agrees: str = ""
    """The format or code list that both have."""
    missing: tuple[str, ...] = field(default=())
    """What was wanted and neither the column nor its table says."""


def column(known: Lexicon, item: Mapping[str, Any]) -> Column:
    """A column from an item of the search index."""
    titles = (item["title"], item.get("title_en") or "", item["name"], *item.get("source", ()))
    names = dict.fromkeys(folded(title) for title in titles if title)
    meanings = {title: known.meaning(title) for title in titles if title}
    chinese = dict.fromkeys(meaning for title, meaning in meanings.items() if meaning and not title.isascii())
    rest = {name: item.get(name) or "" for name in ("format", "type", "code_list", "description")}
    every = tuple(dict.fromkeys(filter(None, meanings.values())))
    concepts = frozenset(concept for meaning in every for concept in meaning)
    return Column(item["name"], item["title"], titles[1], tuple(names), every, tuple(chinese) or every, concepts, **rest)


def likeness(wanted: Wanted, readings: Sequence[Reading], one: Column, setting: Setting) -> Evidence:
    """How well a column answers a wanted item."""
    best = NONE
    for reading in readings:
        found = _read(reading, one, setting)
        if found.score > best.score:
            best = found
    return _with_format(wanted, one, best) if wanted.format or wanted.code_list else best


def _read(reading: Reading, one: Column, setting: Setting) -> Evidence:
    factor, read = TYPED[reading.typed], "" if reading.typed == "name" else reading.text
    if reading.form in one.names:
        return Evidence(SAME * factor, "name", reading.typed, read)
    best = NONE
    if not one.concepts.isdisjoint(reading.meaning):
        for meaning in one.meanings if reading.text.isascii() else one.chinese:
            found = _meant(reading.meaning, meaning, setting)
            if found.score > best.score:
                best = found
    if best.score < SHORT and any(_shortens(reading, name, one) for name in one.names):
        best = ABBREVIATED
    return replace(best, score=best.score * factor, typed=reading.typed, read=read) if best.score else NONE


NONE, SYNONYM, OTHER_ORDER = Evidence(0.0), Evidence(MEANS, "synonym"), Evidence(ORDER, "order")
NAMED, ABBREVIATED = Evidence(THING, "thing"), Evidence(SHORT, "short")
NAMES = ("名称", "姓名")


def _meant(wanted: Meaning, said: Meaning, setting: Setting) -> Evidence:
    if wanted == said:
        return SYNONYM
    if len(wanted) == len(said) and sorted(wanted) == sorted(said):
        return OTHER_ORDER
    if _thing(wanted) == _thing(said):
        return NAMED
    if wanted[-1] != said[-1]:
        return NONE
    about, asked, place = setting.about, setting.asked, setting.place
    lacking = tuple(one for one in wanted if one not in said and one not in about and one not in place)
    beyond = [one for one in said if one not in wanted and one not in about and one not in asked]
    if not lacking and not beyond:
        return Evidence(ORDER, "context")
    if wanted[-1] in GENERAL:
        return Evidence(UNSAID, "head", missing=lacking)
    if lacking:
        return Evidence(WIDER if len(lacking) == 1 else LEAST, "wider", missing=lacking)
    return Evidence(NARROWER, "narrower")


def _thing(meaning: Meaning) -> Meaning:
    """What is named: 专家 and 专家姓名 are one column."""
    return meaning[:-1] if len(meaning) > 1 and meaning[-1] in NAMES else meaning


def _shortens(reading: Reading, name: str, one: Column) -> bool:
    """Whether one name is the other shortened: its characters in order, from the same beginning or to the same end."""
    form = reading.form
    if (form[:1] != name[:1] and form[-1:] != name[-1:]) or form.isascii() or name.isascii():
        return False
    short, long = (form, name) if len(form) < len(name) else (name, form)
    if short in long or not 2 <= len(short) < len(long) <= 2 * len(short) + 1:
        return False  # part of another name is judged by its meaning
    shorter = reading.meaning if short == form else next(iter(one.meanings), ())
    rest = iter(long)
    return not GENERAL.intersection(shorter[:1]) and all(character in rest for character in short)


FORMAT_WORDS: Mapping[str, str] = {
    "date": "date", "日期": "date", "datetime": "timestamp", "timestamp": "timestamp", "时间": "timestamp", "time": "time",
    "number": "number", "数值": "number", "decimal": "number", "integer": "integer", "整数": "integer", "boolean": "boolean",
    "是否": "boolean", "text": "string", "文本": "string", "string": "string",
}  # fmt: skip
"""What people call the types of a contract."""
KINDRED = ({"date", "timestamp"}, {"number", "integer"})


def _with_format(wanted: Wanted, one: Column, found: Evidence) -> Evidence:
    """Agreement of format or code list adds a little, disagreement takes away; an identifying format is evidence by itself."""
    asked = [folded(text) for text in (wanted.format, wanted.code_list) if text]
    if not asked:
        return found
    described = folded(one.description)
    said = {folded(text) for text in (one.format, one.code_list, *_format_titles(one.format)) if text}
    agreed = next((text for text in asked if text in said or (len(text) > 3 and text in described)), "")
    if agreed:
        if found.score < FORMAT:
            return Evidence(FORMAT, "format", agrees=agreed) if _identifies(one.format) else found
        return replace(found, score=min(SAME, found.score + 0.05), agrees=agreed)
    kind = FORMAT_WORDS.get(folded(wanted.format), "")
    if not kind or not one.type or kind == one.type:
        return found
    return found if any({kind, one.type} <= alike for alike in KINDRED) else replace(found, score=found.score * 0.75)


def _format_titles(name: str) -> tuple[str, ...]:
    from contracts.checks.formats import registry  # its checks are compiled at import

    known = registry.formats().get(name)
    return known.title if known is not None else ()


def _identifies(name: str) -> bool:
    from contracts.checks.formats import registry

    known = registry.formats().get(name)
    return known is not None and (known.identifies or known.personal is not None)


_KINDS: Mapping[str, tuple[str, str]] = {
    "name": ("名称相同", "the same name"),
    "synonym": ("「{wanted}」与「{column}」同义", "“{wanted}” and “{column}” mean the same"),
    "order": ("「{wanted}」与「{column}」词语相同、词序不同", "“{wanted}” and “{column}” are the same words in another order"),
    "thing": ("「{column}」就是「{wanted}」所指", "“{column}” is what “{wanted}” names"),
    "context": ("「{column}」在本表中即「{wanted}」", "“{column}” of this table is “{wanted}”"),
    "short": ("「{wanted}」与「{column}」一为另一的简称", "one of “{wanted}” and “{column}” is the other shortened"),
    "narrower": ("「{column}」是「{wanted}」的一种", "“{column}” is a kind of “{wanted}”"),
    "wider": ("「{column}」较宽，未说明「{missing}」", "“{column}” is wider: it does not say “{missing}”"),
    "format": ("名称不同，格式一致", "another name, the same format"),
}
_TYPED: Mapping[str, tuple[str, str]] = {
    "typo": ("按「{read}」的误写理解：", "read as a slip for “{read}”: "),
    "pinyin": ("按拼音读作「{read}」：", "read by its sound as “{read}”: "),
    "initials": ("按拼音首字母读作「{read}」：", "read by its initials as “{read}”: "),
}


def reason(wanted: Wanted, one: Column, found: Evidence) -> tuple[str, str]:
    """Why a column answers a wanted item, in Chinese and English."""
    told = {"wanted": found.read or wanted.name, "read": found.read, "missing": "、".join(found.missing)}
    zh, en = (part + kind for part, kind in zip(_TYPED.get(found.typed, ("", "")), _KINDS[found.kind], strict=True))
    agrees, agrees_en = (f"，格式或代码表一致（{found.agrees}）", f", the same format or codes ({found.agrees})")
    more, more_en = (agrees, agrees_en) if found.agrees else ("", "")
    return zh.format(column=one.title, **told) + more, en.format(column=one.title_en or one.title, **told) + more_en
