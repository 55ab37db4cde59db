"""What words mean: rings of the thesaurus, field words with their English; Chinese and English are one.

A meaning is a row of concepts, what it is about last: 学校名称 and "name of the school" are (学校, 名称). A concept is the
first word of its ring, else the field word's English, else the characters as they stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from sqlmodel import Session

from catalog.entries import codes, packs
from contracts.inference.glossary import ENGLISH_WORDS, WORDS

Meaning = tuple[str, ...]
MOST_KEPT = 100_000
"""Texts whose meaning is kept; a catalogue names its columns with fewer."""
_GENERAL = """
编号 名称 姓名 简称 类型 级别 状态 日期 时间 地址 位置 坐标 经度 纬度 高程 备注 说明 数量 单位 部门 年份 月份 来源
计量单位 摘要 附件 图片 网址 原因 内容 是否 更新日期 创建时间 发布时间 失效时间 开始日期 结束日期 发生日期 观测时间
观测日期 检查日期 登记日期 出生日期 联系电话 联系人 负责人 性别 年龄 民族 学历 职务 身份证号 证件号码 邮箱 邮编 传真
区划 行政区划代码 上级 省 市 县 乡镇 村 面积 长度 宽度 高度 容量 深度 金额 价格 人数 版本 total version result value
"""
GENERAL = frozenset(_GENERAL.split())
"""Concepts of columns that any table may have: alone they do not tell what it is about."""
_NOISE = """
information data basics register registration list catalogue records record statistics dataset ledger details report
summary situation 信息 数据 情况 名录 目录 清单 台账 名单 资料 统计 底数 底册 库 表 一览
"""
NOISE = frozenset(_NOISE.split())
"""What a title says of itself, not of what it is about."""
_RUNS = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?|[^\W_a-z0-9]+")
_ASIDE = re.compile(r"[（(\[【].*?[)）\]】]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_JOINTS = re.compile(r"[的之与和及、]")
_EMPTY = frozenset(["a", "an", "the", "for", "in", "on", "at", "by", "and", "or", "to", "with", "s", "is"])


@cache
def _to_simplified() -> Any:
    import opencc  # 13 ms with its dictionary

    return opencc.OpenCC("t2s")


@cache
def _to_traditional() -> Any:
    import opencc

    return opencc.OpenCC("s2t")


@lru_cache(maxsize=20_000)
def folded(text: str) -> str:
    """A name for comparison: simplified characters, one width, lower case, without units in brackets."""
    text = unicodedata.normalize("NFKC", _ASIDE.sub(" ", unicodedata.normalize("NFKC", _CAMEL.sub(" ", text)))).lower()
    text = text.replace("_", " ").replace("'s ", " ").replace("’s ", " ")
    return " ".join((text if text.isascii() else _to_simplified().convert(text)).split())


def traditional(text: str) -> str:
    """A name in traditional characters."""
    return text if text.isascii() else str(_to_traditional().convert(text))


@dataclass(frozen=True, eq=False, slots=True)
class Lexicon:
    """Forms of words, folded, with their meaning; and how each concept is worded."""

    meanings: Mapping[str, Meaning]
    wordings: Mapping[str, tuple[str, ...]]
    """What has to be looked for to find it."""
    longest: int
    words: int
    """Of the longest form: Chinese characters, Latin words."""
    kept: dict[str, Meaning] = field(default_factory=dict)

    def meaning(self, text: str) -> Meaning:
        """The concepts of a name in order, what it is about last."""
        known = self.kept.get(text)
        if known is None:
            known = self._read(folded(text))
            if len(self.kept) >= MOST_KEPT:
                self.kept.clear()
            self.kept[text] = known
        return known

    def knows(self, word: str) -> bool:
        """Whether a Latin word is English of the lexicon, so that it need be neither sounds nor a slip."""
        return singular(word) in self.meanings or word in self.meanings or word in ENGLISH_WORDS or word in self.parts

    @property
    def parts(self) -> frozenset[str]:
        """Every Latin word of a form."""
        return _parts(self)

    def _read(self, text: str) -> Meaning:
        if text in self.meanings:
            return self.meanings[text]
        concepts: list[str] = []
        latin: list[str] = []
        for run in _RUNS.findall(text):
            if run.isascii():
                latin.append(run)
                continue
            concepts += [*self._latin(latin), *self._chinese(run)]
            latin = []
        concepts += self._latin(latin)
        return tuple(concepts)

    def _chinese(self, run: str) -> Iterable[str]:
        rest, place = "", 0
        while place < len(run):
            sizes = range(min(self.longest, len(run) - place), 0, -1)
            word = next((run[place : place + size] for size in sizes if run[place : place + size] in self.meanings), "")
            if not word or (len(word) == 1 and (rest or place + 1 < len(run))):  # one character is a word at the end only
                rest, place = rest + run[place], place + 1
                continue
            yield from _plain(rest)
            yield from self.meanings[word]
            rest, place = "", place + len(word)
        yield from _plain(rest)

    def _latin(self, words: Sequence[str]) -> list[str]:
        if "of" in words and (whole := " ".join(singular(word) for word in words if word not in _EMPTY)) in self.meanings:
            return list(self.meanings[whole])
        if "of" in words:  # date of birth: birth date
            at = words.index("of")
            return [*self._latin(words[at + 1 :]), *self._latin(words[:at])]
        said = [singular(word) for word in words if word not in _EMPTY]
        found: list[str] = []
        place = 0
        while place < len(said):
            for size in range(min(self.words, len(said) - place), 0, -1):
                form = " ".join(said[place : place + size])
                if form in self.meanings:
                    found += self.meanings[form]
                    break
            else:
                size = 1
                found.append(said[place])
            place += size
        return found


@lru_cache(maxsize=4)
def _parts(known: Lexicon) -> frozenset[str]:
    return frozenset(part for form in known.meanings if form.isascii() for part in form.split())


def _plain(rest: str) -> list[str]:
    return [part for part in _JOINTS.split(rest) if part]


def singular(word: str) -> str:
    """An English word as it stands in the singular, near enough that both sides agree."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "is")) else word


def lexicon(session: Session) -> Lexicon:
    """The words of this hub: its thesaurus and its packs' glossaries."""
    rings = tuple((word, first) for word, (first, _) in codes.labels(session, codes.THESAURUS).items())
    return _made(rings, tuple(sorted(packs.words(session).items())))


@lru_cache(maxsize=4)
def _made(rings: tuple[tuple[str, str], ...], words: tuple[tuple[str, str], ...]) -> Lexicon:
    meanings: dict[str, Meaning] = {}
    for word, first in rings:
        meanings[_form(word)] = (folded(first),)
    english = {_form(known.replace("_", " ")): known for known in {**WORDS, **dict(words)}.values()}
    reader = Lexicon(dict(meanings), {}, 0, _most_words(meanings))
    for form in sorted(english, key=len):
        meanings.setdefault(form, tuple(reader._latin(form.split())))
    for word, known in {**WORDS, **dict(words)}.items():
        meanings.setdefault(_form(word), meanings[_form(known.replace("_", " "))])
    wordings: dict[str, list[str]] = {}
    for form, meaning in meanings.items():
        if len(meaning) == 1:
            wordings.setdefault(meaning[0], []).append(form)
    longest = max((len(form) for form in meanings if not form.isascii()), default=0)
    return Lexicon(meanings, {one: _shortest(forms) for one, forms in wordings.items()}, longest, _most_words(meanings))


def _shortest(forms: Sequence[str]) -> tuple[str, ...]:
    """The wordings without those that another one is part of: where 电话 is found 电话号码 is, too."""
    apart = {form: f" {form} " if form.isascii() else form for form in forms}
    return tuple(one for one in forms if not any(apart[other] in apart[one] for other in forms if other != one))


def _form(word: str) -> str:
    text = folded(word)
    return " ".join(singular(one) for one in text.split() if one not in _EMPTY) or text if text.isascii() else text


def _most_words(forms: Iterable[str]) -> int:
    return max((form.count(" ") + 1 for form in forms if form.isascii()), default=1)
