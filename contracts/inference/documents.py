"""JSON documents that are no list of records: errors, parts of a whole, columns side by side, text inside text, comments."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from contracts.inference.evidence import Choice, Question, Said
from contracts.inference.json_records import ROOT, RecordList

GOOD_CODES = frozenset(
    [
        "0",
        "00",
        "000",
        "0000",
        "00000",
        "000000",
        "1",
        "200",
        "10000",
        "20000",
        "200000",
        "ok",
        "success",
        "succeed",
        "true",
        "s",
        "y",
    ]
)
CODE_KEYS = frozenset(
    [
        "code",
        "status",
        "errcode",
        "errorcode",
        "error_code",
        "err_code",
        "statuscode",
        "status_code",
        "retcode",
        "ret_code",
        "resultcode",
        "result_code",
        "respcode",
        "resp_code",
        "returncode",
        "ret",
        "rtncode",
        "state",
    ]
)
MESSAGE_KEYS = frozenset(
    [
        "msg",
        "message",
        "errmsg",
        "errormsg",
        "error_msg",
        "err_msg",
        "errormessage",
        "error_message",
        "detail",
        "error_description",
        "reason",
        "info",
        "retmsg",
        "resultmsg",
        "description",
    ]
)
TRUE_KEYS = frozenset(["success", "ok", "successful", "issuccess", "is_success"])
ERROR_LISTS = frozenset(["errors", "error", "details", "violations", "stack", "trace", "stacktrace"])
TOTAL_KEYS = frozenset(
    [
        "total",
        "totalcount",
        "total_count",
        "totalrecords",
        "total_records",
        "totalelements",
        "totalnum",
        "total_num",
        "totalrows",
        "total_rows",
        "totalsize",
        "recordstotal",
        "recordcount",
        "record_count",
        "numfound",
        "totalitems",
        "total_items",
        "totalresults",
        "总数",
        "总条数",
        "总记录数",
    ]
)
COLUMNS = "columns"
"""How `records` says that each key of an object is a column: "columns" or "columns:path"."""


MORE_KEYS = frozenset({"hasnext", "hasmore", "hasnextpage", "more"})
NEXT_KEYS = frozenset({"next", "nextlink", "nexturl", "nextpage", "nextcursor", "nextpagetoken", "odatanextlink"})
PAGE_KEYS = frozenset({"pages", "totalpages", "pagecount", "totalpage"})


def failure(scalars: Mapping[str, Any], records: str | None) -> tuple[str, str] | None:
    """Code and message of an answer that is an error; `scalars`: the document's plain values by path, `records`: the path of
    its records, None where it has none.

    An answer with records is one, whatever its code, unless the records are those of the error.
    """
    top = {path.lower(): value for path, value in scalars.items() if "." not in path}
    code = next((str(top[key]) for key in CODE_KEYS & top.keys() if top[key] is not None), "")
    message = next((str(top[key]) for key in MESSAGE_KEYS & top.keys() if isinstance(top[key], str) and top[key]), "")
    denied = any(top[key] is False or str(top[key]).lower() == "false" for key in TRUE_KEYS & top.keys())
    error = next((top[key] for key in ("error", "err", "fault", "exception") if top.get(key)), None)
    nested = next(
        (f"{value}" for path, value in scalars.items() if re.fullmatch(r"(?i)(error|fault)\.(code|message)", path)), ""
    )
    if records is not None and records.rpartition(".")[2].lower() not in ERROR_LISTS:
        return None
    bad = bool(code) and code.lower() not in GOOD_CODES and bool(message or denied or error or not _plain_word(code))
    if not (bad or denied or nested or (isinstance(error, str) and error)):
        return None
    return code, message or nested or (error if isinstance(error, str) else "")


def _plain_word(code: str) -> bool:
    return not re.fullmatch(r"-?[0-9]+|(?i:err.*|fail.*|.*exception)", code)


def total(scalars: Mapping[str, Any], records: str, count: int) -> int:
    """How many records the answer says there are, where that is more than it holds; else 0."""
    around = records.split(".")
    for path, value in scalars.items():
        *home, key = path.split(".")
        inside = home == around[: len(home)] or len(home) <= 1
        if key.lower() in TOTAL_KEYS and inside and re.fullmatch("[0-9]{1,15}", str(value)) and int(value) > count:
            return int(value)
    return 0


def has_more(scalars: Mapping[str, Any], records: str) -> bool:
    """Whether the answer says that pages follow: hasNext, a next page or link, more than one page."""
    around = records.split(".")
    for path, value in scalars.items():
        *home, key = path.split(".")
        if home != around[: len(home)] and len(home) > 1:
            continue
        word = re.sub("[^a-z]", "", key.lower())
        if word in MORE_KEYS and (value is True or str(value).lower() == "true"):
            return True
        if word in NEXT_KEYS and value not in (None, "", 0, False) and str(value).lower() not in ("null", "false", "0"):
            return True
        if word in PAGE_KEYS and re.fullmatch("[0-9]{1,9}", str(value)) and int(value) > 1:
            return True
    return False


def is_value(text: str) -> bool:
    """Whether a text is whole JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def value(text: str) -> Any:
    """What a JSON text says."""
    return json.loads(text)


def unwrapped(document: Any) -> str | None:
    """The document's text with the JSON inside its own texts opened, character by character; None where there is none."""
    if isinstance(document, str):
        return document if _holds_records(document) else None
    if not isinstance(document, Mapping) or any(isinstance(value, list) and value for value in document.values()):
        return None
    opened = {key: value for key, value in document.items() if isinstance(value, str) and _holds_records(value)}
    if not opened:
        inner = ((key, unwrapped(value)) for key, value in document.items() if isinstance(value, Mapping))
        opened = dict([next(((key, text) for key, text in inner if text), ("", ""))])
        opened.pop("", None)
    if not opened:
        return None
    marks = {key: uuid.uuid4().hex for key in opened}
    text = json.dumps({**document, **marks}, ensure_ascii=False, default=str)
    for key, mark in marks.items():
        text = text.replace(f'"{mark}"', opened[key])
    return text


def _holds_records(text: str) -> bool:
    return bool(re.match(r'\s*(\[\s*[\[{]|\{\s*")', text)) and is_value(text)


def side_by_side(document: Any, path: str = "") -> tuple[str, int] | None:
    """Where columns stand side by side, {"a": [1, 2], "b": [3, 4]} or {"a": {"0": 1}, "b": {"0": 3}}, and how many rows."""
    if not isinstance(document, Mapping):
        return None
    columns = [value for value in document.values() if isinstance(value, list | Mapping)]
    if len(columns) >= 2 and len(columns) >= 0.5 * len(document):
        keys = {tuple(range(len(c))) if isinstance(c, list) else tuple(c) for c in columns}
        plain = all(not isinstance(v, list | Mapping) for c in columns for v in (c if isinstance(c, list) else c.values()))
        counted = all(isinstance(c, list) or tuple(c) == tuple(str(n) for n in range(len(c))) for c in columns)
        if len(keys) == 1 and plain and counted and len(columns[0]) > 0 and len(columns) == len(document):
            return path or ROOT, len(columns[0])
    inner = ((key, value) for key, value in document.items() if isinstance(value, Mapping))
    nested = (side_by_side(value, f"{path}.{key}".strip(".")) for key, value in inner if path.count(".") < 2)
    return next((each for each in nested if each), None)


def turned(document: Any) -> list[dict[str, Any]]:
    """Columns side by side as records."""
    columns = {key: value if isinstance(value, list) else list(value.values()) for key, value in document.items()}
    return [dict(zip(columns, row, strict=False)) for row in zip(*columns.values(), strict=False)]


def question(document: Any) -> Question:
    """What to ask of a document without a list of records: its columns, or itself as one record."""
    whole = Choice(ROOT, Said("整个文档是一条记录", "the document itself is one record"))
    if table := side_by_side(document):
        where, rows = table
        columns = Choice(
            COLUMNS if where == ROOT else f"{COLUMNS}:{where}",
            Said(f"按列存放：每个键是一列，共 {rows} 行", f"stored by column: each key is one, {rows} rows"),
        )
        return _asked(
            Said("文件按列存放，没有记录列表", "The document is stored by column and has no list of records"), columns, whole
        )
    return _asked(Said("文件中没有记录列表", "The document holds no list of records"), whole)


def _asked(said: Said, *choices: Choice) -> Question:
    return Question("--records", said, choices, free=True)


def answered(answer: str, document: Any) -> RecordList | None:
    """The records that an answer to `question` names; None where it is another path."""
    if answer == COLUMNS or answer.startswith(f"{COLUMNS}:"):
        return RecordList(answer, shape=COLUMNS)
    if answer.strip("$. ") == "" and isinstance(document, Mapping):
        return RecordList(ROOT, 1, shape="one")
    return None


def at(document: Any, path: str) -> Any:
    """What is at a path of keys."""
    for step in [] if path == ROOT else path.split("."):
        document = document.get(step) if isinstance(document, Mapping) else None
    return document


def commented(head: str) -> bool:
    """Whether a text is JSON with what JSON does not allow: comments, a comma before the end, single quotes."""
    bare = re.sub(r"\A(?:\s|//[^\n]*\n|/\*.*?\*/|#[^\n]*\n)+", "", head, flags=re.S)
    if bare[:1] not in {"{", "["}:
        return False
    if bare != head.lstrip() and re.match(r"\[\s*[\[{\"0-9-]|\{\s*[\"'}]", bare):
        return True
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', bare)
    return bool(re.search(r"(?m)^\s*//|[,{\[]\s*//|/\*.*?\*/|,\s*[}\]]|\{\s*\'[^\']*\'\s*:", outside))


def told(repeated: Sequence[tuple[str, int]]) -> Said:
    """The sentence about keys that stand twice in one object."""
    listed = "、".join(f"{key}（{count} 条）" for key, count in repeated[:5])
    listed_en = ", ".join(f"{key} ({count})" for key, count in repeated[:5])
    return Said(
        f"同一条记录中字段重复，取最后一个值：{listed}",
        f"fields repeated within a record, the last value is taken: {listed_en}",
    )
