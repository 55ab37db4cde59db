"""在线补正: refused rows edited in place, checked before they are sent, sent as a delivery that corrects their batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from sqlmodel import Session
from starlette.responses import Response

from api.http.dependencies import HubDep, SessionDep
from api.portal.batches import quarantine
from api.portal.batches.batch import BatchView, on_record, shown
from api.portal.shell.background import follow
from api.portal.shell.forms import Form, read
from api.portal.shell.guards import BatchesPage, require_csrf
from api.portal.shell.page import Page, render
from catalog import access
from contracts.errors import HubError
from contracts.model import Contract
from hub import corrections
from hub.acts import given
from hub.corrections import CheckRows, CorrectedRow, CorrectRows, NothingToCorrect
from hub.hub import Hub
from warehouse.ingest.quarantine import QuarantinedRow
from warehouse.ingest.row_corrections import OpenRows

router = APIRouter(prefix="/batches/{batch_id}", include_in_schema=False)
ROWS = 20
"""Rows of a page, which are sent together."""
MOST_FIELDS = 20_000
BY_FILE = 200
"""From so many rows on the page says that a file is quicker."""
Typed = Mapping[tuple[int, int], str]
"""What stands in the fields: (row, place of its column in the file) → value."""
Messages = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditedCell:
    """One cell of a refused row: as received, and as it is to be."""

    header: str
    place: int
    received: str
    value: str
    editable: bool
    messages: Messages = ()
    """Why it was refused; once it was tried: why it still is."""
    passed: bool = False
    """It was at fault, and would be accepted as it is now."""


@dataclass(frozen=True, slots=True)
class EditedRow:
    """A refused row: its cells, what concerns it as a whole, its raw line where it could not be split into columns."""

    row: int
    cells: Sequence[EditedCell]
    whole: Messages
    line: str | None
    changed: bool
    tried: bool
    passes: bool


@dataclass(frozen=True, slots=True)
class Editor:
    """A page of refused rows that wait for their correction."""

    headers: Sequence[str]
    hidden: int
    rows: Sequence[EditedRow]
    total: int
    number: int

    @property
    def changed(self) -> int:
        """Rows with a change."""
        return sum(row.changed for row in self.rows)

    @property
    def refused(self) -> int:
        """Changed rows that would be refused again."""
        return sum(row.changed and row.tried and not row.passes for row in self.rows)


@dataclass(frozen=True, slots=True)
class RowsForm:
    """The form: what was asked for, and what stands in its fields."""

    csrf: str = ""
    wanted: str = "check"
    number: int = 1
    every: bool = False
    typed: Typed = field(default_factory=dict)


async def sent_in(page: BatchesPage) -> AsyncIterator[RowsForm]:
    """The form, read only once `page` knows who sends it."""
    async for form in read(page, MOST_FIELDS):
        yield RowsForm(
            form.text("csrf"), form.text("do", "check"), _whole(form.text("page")), bool(form.text("every")), _typed(form)
        )


def _typed(form: Form) -> Typed:
    typed = {}
    for name, values in form.fields.items():
        row, _, place = name.removeprefix("cell-").partition("-")
        if name.startswith("cell-") and row.isdecimal() and place.isdecimal() and len(row) < 19 and len(place) < 6:
            typed[int(row), int(place)] = values[0]
    return typed


def _whole(text: str) -> int:
    return max(int(text), 1) if text.isdecimal() and len(text) < 9 else 1


@router.get("/rows", response_class=HTMLResponse)
def show(page: BatchesPage, hub: HubDep, session: SessionDep, batch_id: str) -> HTMLResponse:
    """The rows that wait for their correction, a page of them, to be edited."""
    batch = _waiting(session, page, batch_id)
    number = _whole(page.request.query_params.get("page", ""))
    on_record(session, page, batch, "see-quarantine", {"page": number, "corrects": True})
    return _render(page, hub, batch, RowsForm(number=number, every=page.request.query_params.get("columns") == "all"))


@router.post("/rows", response_class=HTMLResponse)
def do(
    page: BatchesPage, hub: HubDep, session: SessionDep, batch_id: str, sent: Annotated[RowsForm, Depends(sent_in)]
) -> Response:
    """Check the changed rows, or send them: all of them if none is refused still, or those that pass."""
    require_csrf(page, sent.csrf)
    batch = _waiting(session, page, batch_id)
    session.rollback()  # the acts have transactions of their own
    if sent.wanted == "columns":
        return _render(page, hub, batch, RowsForm(number=sent.number, every=not sent.every, typed=sent.typed))
    rows = _changed(_open(hub, batch, sent.number), sent.typed)
    if not rows:
        return _render(page, hub, batch, sent, status=422, nothing=True)
    try:
        tried = _try(hub, page, batch, rows)
        passing = [row for row in rows if not any(tried[row.row])]
        if passing and (sent.wanted == "passing" or (sent.wanted == "send" and len(passing) == len(rows))):
            return follow(hub, page, "correct-rows", given(CorrectRows, batch=batch_id, rows=passing))
    except (corrections.RowsNotOpen, corrections.UnknownCell) as wrong:
        return _render(page, hub, batch, sent, status=409, wrong=wrong)
    return _render(page, hub, batch, sent, status=422 if sent.wanted != "check" else 200, tried=tried)


def _waiting(session: Session, page: Page, batch_id: str) -> BatchView:
    """The batch, for who may see and correct what was refused of it. Errors: Refused, NothingToCorrect."""
    batch = shown(session, page, batch_id)
    for action in ("see-quarantine", "deliver"):
        access.require(session, page.subject, action, batch.resource, sender_id=batch.batch.organization_id)
    if not batch.may_mend:
        raise NothingToCorrect(batch_id)
    session.expunge_all()
    return batch


def _open(hub: Hub, batch: BatchView, number: int) -> OpenRows:
    return corrections.open_page(hub, batch.batch, batch.contract, limit=ROWS, offset=(number - 1) * ROWS)


Tried = Mapping[int, Sequence[corrections.CellFault]]


def _try(hub: Hub, page: Page, batch: BatchView, rows: Sequence[CorrectedRow]) -> Tried:
    checked = corrections.check(hub, page.subject, given(CheckRows, batch=batch.batch.id, rows=list(rows)))
    return {row.row: row.faults for row in checked.rows}


def _changed(waiting: OpenRows, typed: Typed) -> list[CorrectedRow]:
    """The rows of which a field says something else than was received."""
    rows = []
    for row in waiting.rows:
        values = {
            header: typed[row.row, place]
            for place, header in enumerate(waiting.headers)
            if (row.row, place) in typed and typed[row.row, place] != _field(row.values.get(header))
        }
        if values:
            rows.append(given(CorrectedRow, row=row.row, values=values))
    return rows


def _field(value: str | None) -> str:
    """A value as a field of one line gives it back untouched."""
    return (value or "").replace("\r", "").replace("\n", "")


def _render(
    page: Page,
    hub: Hub,
    batch: BatchView,
    sent: RowsForm,
    *,
    status: int = 200,
    tried: Tried | None = None,
    nothing: bool = False,
    wrong: HubError | None = None,
) -> HTMLResponse:
    editor = _editor(page, batch.contract, _open(hub, batch, sent.number), sent, tried or {})
    return render(
        page,
        "pages/correct_rows.html",
        status=status,
        view=batch,
        batch=batch.batch,
        editor=editor,
        size=ROWS,
        every=sent.every,
        nothing=nothing,
        wrong=wrong,
        by_file=editor.total > BY_FILE,
    )


def _editor(page: Page, contract: Contract, waiting: OpenRows, sent: RowsForm, tried: Tried) -> Editor:
    """The cells at fault first; other columns are left out where there are many, until they are asked for."""
    at = 0 if page.language == "zh" else 1
    headers = quarantine.headers_of(contract, waiting.headers, waiting.rows)
    seen = headers if sent.every else headers[: quarantine.COLUMNS]
    places = {header: place for place, header in enumerate(waiting.headers)}
    rows = [_row(contract, row, [(one, places[one]) for one in seen], sent, tried, at) for row in waiting.rows]
    return Editor(seen, len(headers) - len(seen), rows, waiting.total, sent.number)


def _row(
    contract: Contract, row: QuarantinedRow, columns: Sequence[tuple[str, int]], sent: RowsForm, tried: Tried, at: int
) -> EditedRow:
    received = {header: _field(row.values.get(header)) for header, _ in columns}
    own = list(row.values) or [header for header, _ in columns]
    first = [(quarantine.header_of(contract, one.item, own), (one.message, one.message_en)[at]) for one in row.faults]
    again = [(one.header, (one.message, one.message_en)[at]) for one in tried.get(row.row, ())]
    was_tried = row.row in tried
    editable = _editable(contract, row, own) if not (sent.every or row.line is not None) else set(received)
    cells = []
    for header, place in columns:
        value = sent.typed.get((row.row, place), received[header])
        messages = _of(again if was_tried else first, header)
        passed = was_tried and not messages and bool(_of(first, header) or value != received[header])
        cells.append(EditedCell(header, place, received[header], value, header in editable, messages, passed))
    known = set(received)
    whole = tuple(dict.fromkeys(text for header, text in (again if was_tried else first) if header not in known))
    changed = any(cell.value != cell.received for cell in cells)
    return EditedRow(row.row, cells, whole, row.line, changed, was_tried, was_tried and not again)


def _of(faults: Sequence[tuple[str, str]], header: str) -> Messages:
    return tuple(dict.fromkeys(text for where, text in faults if where == header))


def _editable(contract: Contract, row: QuarantinedRow, headers: Sequence[str]) -> set[str]:
    """The cells at fault, and the others that the broken rules read."""
    return {quarantine.header_of(contract, item, headers) for item in quarantine.items_at_fault(contract, row)}
