"""Machine names: one for each column and dataset, the same for the same title every time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import PurePath

from contracts.inference.glossary import ENGLISH_WORDS, SIMPLIFIED, Words, current
from contracts.vocabulary import LAKE_NAMES

MAX = 63
RESERVED = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "asymmetric",
        "at",
        "authorization",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "deferrable",
        "desc",
        "describe",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "exists",
        "false",
        "fetch",
        "filter",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "glob",
        "grant",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "lambda",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "map",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "over",
        "partition",
        "pivot",
        "placing",
        "positional",
        "primary",
        "qualify",
        "references",
        "returning",
        "right",
        "row",
        "rows",
        "select",
        "semi",
        "session_user",
        "set",
        "show",
        "similar",
        "some",
        "struct",
        "summarize",
        "symmetric",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "try_cast",
        "unbounded",
        "union",
        "unique",
        "unnest",
        "unpivot",
        "user",
        "using",
        "values",
        "variadic",
        "verbose",
        "view",
        "when",
        "where",
        "window",
        "with",
        "batch",
        "_batch",
        "_row",
    ]
)
"""Words that SQL (DuckDB, PostgreSQL) keeps for itself; a name that is one gets a suffix."""
SUFFIXES = (
    ".gz", ".zip", ".csv", ".tsv", ".txt", ".tab", ".dat", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".geojson", ".json",
    ".ndjson", ".jsonl",
    ".parquet", ".pq", ".geojsonl",
)  # fmt: skip
DATED = re.compile(
    r"[-_ .（(【\[]*(?<!\d)(19|20)\d{2}([-_.]?(0[1-9]|1[0-2])([-_.]?(0[1-9]|[12]\d|3[01])([-_ T]?\d{4,6}Z?)?)?"
    r"|[-_ ]?[Qq][1-4])(?!\d)[)）】\]]*"
    r"|[-_ （(]*(19|20)\d{2}年(度)?(第?[一二三四1-4]季度|\d{1,2}月(份)?(\d{1,2}日)?)[)）]*"
)
"""A delivery's date in a file name, at least a month: a bare year may tell two datasets apart (census 2010, census 2020)."""
COPY = re.compile(r"\s*[（(]\d{1,2}[)）]$|\s*-\s*(副本|copy)$", re.I)
HANZI = re.compile(r"[\u3400-\u9fff]+")


def column_names(titles: Sequence[str]) -> tuple[str, ...]:
    """A unique machine name for each title, in order; later ones that collide get _2, _3 …"""
    taken: set[str] = set()
    names = []
    for place, title in enumerate(titles):
        names.append(unique(machine_name(title) or f"column_{place + 1}", taken))
    return tuple(names)


def unique(name: str, taken: set[str]) -> str:
    """The name, or the name with the next free number; adds it to those taken."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name[: MAX - len(str(number)) - 1]}_{number}"
    taken.add(candidate)
    return candidate


def machine_name(title: str, suffix: str = "value") -> str:
    """A machine name from a title: field words in English, other Chinese in pinyin; empty where nothing can be read."""
    return _machine_name(title, suffix, current())


@lru_cache(maxsize=20_000)
def _machine_name(title: str, suffix: str, known: Words) -> str:
    words: list[str] = []
    for run in re.findall(r"[\u3400-\u9fff]+|[^\u3400-\u9fff]+", title):
        words += _chinese(run, known) if HANZI.match(run) else _latin(run)
    if words and re.fullmatch(r"(19|20)\d\d", words[0]):
        words = ["year", *[word for word in words if word != "year"]]
    name = "_".join(_without_repeats(words))
    name = re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "_", name)).strip("_")
    if not name:
        return ""
    if not name[0].isalpha():
        name = f"n{name}"
    if name in RESERVED or name in LAKE_NAMES:
        name = f"{name}_{suffix}"
    return _short(name, title)


def _short(name: str, title: str) -> str:
    """A name longer than a table allows keeps its beginning and gets six characters of its title's hash."""
    if len(name) <= MAX:
        return name
    digest = hashlib.sha256(title.encode()).hexdigest()[:6]
    return f"{name[: MAX - 7].rstrip('_')}_{digest}"


def _without_repeats(words: Iterable[str]) -> list[str]:
    unique: list[str] = []
    for word in words:
        if word and (not unique or unique[-1] != word):
            unique.append(word)
    return unique


def _chinese(run: str, known: Words) -> list[str]:
    """Field words, longest first; what lies between them as pinyin."""
    plain = run.translate(SIMPLIFIED)
    if plain in known.english:
        return known.english[plain].split("_")
    words: list[str] = []
    rest, place = "", 0
    while place < len(plain):
        word = _longest_word(plain, place, known)
        if word:
            words += [*_pinyin(rest), *known.english[word].split("_")]
            rest, place = "", place + len(word)
        else:
            rest, place = rest + run[place], place + 1
    return [*words, *_pinyin(rest)]


def _longest_word(text: str, place: int, known: Words) -> str:
    for size in range(min(known.longest, len(text) - place), 1, -1):
        if text[place : place + size] in known.english:
            return text[place : place + size]
    return ""


def _pinyin(run: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin  # 30 ms to load, and many files have no Chinese

    return ["".join(lazy_pinyin(run, style=Style.NORMAL, errors="ignore", v_to_u=False)).lower()] if run else []


def _latin(run: str) -> list[str]:
    """camelCase, PascalCase, UPPER_CASE and spaced words as small words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", "_", _ascii(run))
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def _ascii(run: str) -> str:
    import unicodedata

    plain = unicodedata.normalize(
        "NFKD", run.replace("ß", "ss").replace("%", " percent ").replace("％", " percent ").replace("#", " number ")
    )
    return "".join(c for c in plain if not unicodedata.combining(c))


def words_of(title: str) -> frozenset[str]:
    """The small English words of a title's machine name, for rules about names ("…_id", "…Code")."""
    return frozenset(machine_name(title).split("_"))


def is_field_word(title: str) -> bool:
    """Whether a cell reads like the name of a field: a field word, or short and made of such words."""
    plain = title.strip().translate(SIMPLIFIED)
    if not plain or len(plain) > 30:
        return False
    if HANZI.search(plain):
        words = current().english
        core = re.sub(r"[（(].*?[)）]|[A-Za-z0-9_\s/*:：]", "", plain)
        return len(core) <= 12 and (core in words or any(core.endswith(w) for w in words if len(w) > 1))
    latin = _latin(plain)
    if not latin or not re.fullmatch(r"[A-Za-z_@$#*][\w .:/()%#@$*-]*", plain):
        return False
    known = sum(word in ENGLISH_WORDS for word in latin)
    return known >= len(latin) / 2 or bool(
        re.fullmatch(r"[a-z]+(_[a-z0-9]+)+|[a-z]+([A-Z][a-z0-9]+)+|[A-Z0-9]+(_[A-Z0-9]+)+", plain)
    )


def is_known_word(title: str) -> bool:
    """Whether a cell is a field word by itself: name, 编号."""
    plain = title.strip().translate(SIMPLIFIED)
    return plain in current().english or plain.lower() in ENGLISH_WORDS


def dataset_title(filename: str, sheet: str = "") -> str:
    """A title from a file's name: without suffixes, dates of the delivery, and "(1)" of downloads."""
    name = PurePath(filename).name
    while True:
        lower = name.lower()
        suffix = next((s for s in SUFFIXES if lower.endswith(s) and len(name) > len(s)), None)
        if suffix is None:
            break
        name = name[: -len(suffix)]
    name = COPY.sub("", name.strip())
    bare = DATED.sub("", name).strip(" _-.")
    title = bare if machine_name(bare) else name.strip(" _-.")
    return f"{title} {sheet}".strip() if sheet else title


def dataset_name(title: str) -> str:
    """The dataset's machine name, from its title."""
    name = machine_name(title, "data") or "dataset_" + hashlib.sha256(title.encode()).hexdigest()[:6]
    return name[:60].rstrip("_")
