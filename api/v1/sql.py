"""Questions in SQL by key, governed as on the command line; answered as JSON, NDJSON, CSV, Arrow or Parquet."""

from __future__ import annotations

import json
from typing import Annotated

import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.http.dependencies import HubDep, KeyHolder
from api.http.uses import FreshAnswer
from api.v1 import representations
from hub import questions
from hub.questions import Answered, Question
from warehouse.serving import json_rows
from warehouse.serving.pages import Rows

router = APIRouter(tags=["acts"])
FORMS: dict[str, dict[str, object]] = {kind: {} for kind in representations.FORMS if kind != "application/json"}


@router.post(
    "/sql",
    summary="Ask in SQL",
    operation_id="query",
    response_model=Answered,
    responses={200: {"content": FORMS}, 400: {}, 406: {}, 503: {}},
)
def ask(
    request: Request,
    hub: HubDep,
    subject: KeyHolder,
    question: Question,
    format: Annotated[str, Query(max_length=60, description="json, ndjson, csv, arrow or parquet; else by Accept.")] = "",
    bom: Annotated[bool, Query(description="CSV with a byte order mark, for Excel.")] = False,
) -> Response:
    """One SELECT over the tables that you may use: joins, windows and subqueries are fine, changes are not.

    Partners ask the newest version in force; those who work in the hub the tables as they are now. `X-Complete` says whether
    there are more rows than `limit`.
    """
    form = representations.chosen(request, format)
    found = questions.answer(hub, subject, question)
    headers = {"X-Complete": str(found.complete).lower(), "Cache-Control": "private, no-store"}
    try:
        body = (
            _json(found.table, found.complete)
            if form == "application/json"
            else representations.encoded(form, Rows(found.table), after=None, version="", bom=bom)
        )
    except (OverflowError, ValueError) as error:
        raise questions.unreadable(error) from None
    return FreshAnswer(body, 200, headers, form, still=found.still, looked=0)


def _json(table: pa.Table, complete: bool) -> bytes:
    head = {"columns": [one.model_dump() for one in questions.columns(table)], "complete": complete}
    rows = ",\n".join(json_rows.of_table(table))
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "rows": [{rows}]}}\n'.encode()
