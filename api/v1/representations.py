"""Rows in the form the caller accepts: JSON, NDJSON, CSV, Arrow or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.requests import Request

from contracts import numbers
from contracts.errors import HubError
from warehouse.serving.json_rows import plain
from warehouse.serving.pages import Page

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A text cell that begins so is run as a formula by spreadsheets; full-width signs by those of East Asia (OWASP)."""


class NotAcceptable(HubError):
    """No form the caller accepts is on offer."""

    def __init__(self) -> None:
        super().__init__(f"可用的格式：{'、'.join(FORMS)}。", f"Available formats: {', '.join(FORMS)}.")


def chosen(request: Request, asked: str = "") -> str:
    """Media type of the answer: by `format=` (its last word will do), else by Accept, by weight and then by its order."""
    if asked:
        for name in FORMS:
            if asked.lower() in (name, SHORT[name]):
                return name
        raise NotAcceptable
    wanted = []
    for place, part in enumerate(request.headers.get("accept", "*/*").split(",")):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            wanted.append((-float(weight), place, kind))
        except ValueError:
            continue
    for weight_, _, kind in sorted(wanted):
        if weight_ == 0:
            continue
        for name in FORMS:
            if kind in (name, "*/*") or (kind.endswith("/*") and name.startswith(kind[:-1])):
                return name
    raise NotAcceptable


def encoded(name: str, page: Page, *, after: str | None, version: int | str, bom: bool) -> bytes:
    """The rows in that form."""
    return FORMS[name](page, after, version, bom)


def _json(page: Page, after: str | None, version: int | str, _bom: bool) -> bytes:
    head = json.dumps({"version": version, "next": after}, ensure_ascii=False)[:-1]
    return (head + ', "rows": [' + ",\n".join(page.lines()) + "]}\n").encode()


def _ndjson(page: Page, _after: str | None, _version: int | str, _bom: bool) -> bytes:
    return "".join(line + "\n" for line in page.lines()).encode()


def _csv(page: Page, _after: str | None, _version: int | str, bom: bool) -> bytes:
    """RFC 4180. A text that a spreadsheet would run as a formula gets an apostrophe before it, and says so in no other way."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    table = page.table
    writer.writerow([_safe(name) for name in table.column_names])
    columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return ("\ufeff" if bom else "").encode() + out.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return _safe(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return numbers.written(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=plain)
    return "" if value is None else value if isinstance(value, (int, float)) else plain(value)


def _safe(text: str) -> str:
    return "'" + text if text.startswith(FORMULA) else text


def _arrow(page: Page, _after: str | None, _version: int | str, _bom: bool) -> bytes:
    table, sink = page.table, pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _parquet(page: Page, _after: str | None, _version: int | str, _bom: bool) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(page.table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


FORMS: dict[str, Callable[[Page, str | None, int | str, bool], bytes]] = {
    "application/json": _json,
    "application/x-ndjson": _ndjson,
    "text/csv": _csv,
    "application/vnd.apache.arrow.stream": _arrow,
    "application/vnd.apache.parquet": _parquet,
}
SHORT = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.arrow.stream": "arrow",
    "application/vnd.apache.parquet": "parquet",
}
"""What may stand in `format=`."""
