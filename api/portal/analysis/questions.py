"""查询: a question in SQL on a page; its answer as a table, or as CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.shell.guards import QueryPage, require_csrf
from api.portal.shell.page import Page, render, secured
from api.v1 import representations
from catalog import access
from catalog.access import alike
from catalog.entries import resources
from catalog.entries.resources import Resource
from contracts.errors import HubError
from hub import questions
from hub.acts import given
from hub.hub import Hub
from hub.questions import Found, Question
from warehouse.serving.json_rows import plain
from warehouse.serving.pages import Rows

router = APIRouter(prefix="/query", include_in_schema=False)
SHOWN = 200
"""Rows on the page; a file has up to `questions.MOST_ROWS`."""
TABLES = 60
"""Tables named beside the question, the largest libraries' first ones; every resource's page names its own."""


NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """A question as it was typed."""

    csrf: str = ""
    sql: str = ""
    purpose: str = ""
    as_file: bool = False


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """What is shown of an answer."""

    columns: Sequence[tuple[str, bool]]
    """Name, and whether it holds numbers."""
    rows: Sequence[Sequence[str]]
    complete: bool


async def sent_in(page: QueryPage) -> AsyncIterator[QuestionForm]:
    """The form, read only once `page` knows who sends it."""
    async with page.request.form(max_files=0, max_fields=8) as form:
        text = {name: value for name, value in form.items() if isinstance(value, str)}
        yield QuestionForm(text.get("csrf", ""), text.get("sql", ""), text.get("purpose", ""), text.get("form") == "csv")


@router.get("", response_class=HTMLResponse)
def ask(page: QueryPage, session: SessionDep, sql: str = "") -> HTMLResponse:
    """Where a question is typed; `sql`: one to begin with."""
    return _page(page, session, QuestionForm(sql=sql))


@router.post("")
def answer(page: QueryPage, hub: HubDep, session: SessionDep, sent: Annotated[QuestionForm, Depends(sent_in)]) -> Response:
    """The answer below its question; what is wrong with it is said beside it, and nothing typed is lost."""
    require_csrf(page, sent.csrf)
    session.rollback()  # the act has a transaction of its own
    try:
        found = _asked(hub, page, sent)
        if sent.as_file:
            return _file(found.table)
        return _page(page, session, sent, shown(found.table, found.complete))
    except HubError as wrong:
        return _page(page, session, sent, wrong=wrong)
    except (OverflowError, ValueError) as error:
        return _page(page, session, sent, wrong=questions.unreadable(error))


def _asked(hub: Hub, page: Page, sent: QuestionForm) -> Found:
    limit = questions.MOST_ROWS if sent.as_file else SHOWN
    return questions.answer(hub, page.subject, given(Question, sql=sent.sql.strip(), purpose=sent.purpose, limit=limit))


def shown(table: pa.Table, complete: bool) -> QuestionAnswer:
    """An answer as text, cell by cell."""
    numeric = [any(holds(one.type) for holds in NUMBERS) for one in table.schema]
    columns = [column.to_pylist() for column in table.columns]
    rows = [[_text(value) for value in row] for row in zip(*columns, strict=True)]
    return QuestionAnswer(list(zip(table.column_names, numeric, strict=True)), rows, complete)


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(plain(value))


def _file(table: pa.Table) -> Response:
    body = representations.encoded("text/csv", Rows(table), after=None, version="", bom=True)
    headers = {"Content-Disposition": 'attachment; filename="answer.csv"'}
    file: Response = secured(Response(body, 200, headers, "text/csv; charset=utf-8"))
    return file


def _page(
    page: Page, session: Session, sent: QuestionForm, answered: QuestionAnswer | None = None, wrong: HubError | None = None
) -> HTMLResponse:
    policies = wrong.decision.policies if isinstance(wrong, access.Refused) else ()
    return render(
        page,
        "pages/query.html",
        status=200 if wrong is None else 403 if policies else 422,
        sent=sent,
        answer=answered,
        wrong=wrong,
        policies=policies,
        tables=_tables(session, page),
    )


def _tables(session: Session, page: Page) -> list[Resource]:
    """Tables that the reader may ask, by library and name."""
    filled = resources.filled(session, TABLES)
    return list(compress(filled, alike.may_each(session, page.subject, "query", filled)))
