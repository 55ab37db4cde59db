"""Completeness board: which agency reported for which period, on time, late, returned, nil or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from catalog import workdays
from catalog.acquisition import agreements, periods
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import CollectionTerms
from catalog.deliveries.batches import ACCEPTED, TAKEN_AWAY, Batch, BatchState
from catalog.identity.organizations import Organization
from contracts.clock import day_of, today

PERIODS = 12
"""How many a board shows where none are asked for."""
READ = load_only(
    *(Batch.agreement_id, Batch.organization_id, Batch.period, Batch.corrects, Batch.state, Batch.sequence),  # type: ignore[arg-type]
    *(Batch.received_at, Batch.received, Batch.accepted, Batch.quarantined, Batch.message, Batch.message_en),  # type: ignore[arg-type]
)
"""What a cell tells of its batches; their checks and faults are many times as long."""
COMPLETE = ("on-time", "late", "nil")
"""齐全 = 按时 + 迟报 + 零报告; 按时率 includes nil reports that came on time."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What an agency reported for a period. `state`: on-time, late, nil, returned, missing or not-due. `is_due`: its day has
    passed, so that it counts, reported or not."""

    period: str
    organization_id: str
    state: str
    due: date
    is_due: bool = True
    on_time: bool = False
    accepted: int = 0
    quarantined: int = 0
    received_on: date | None = None
    batch_id: str | None = None
    """The batch that decides the state; None where nothing came."""
    batches: tuple[str, ...] = ()
    """Every batch of the cell, newest first, corrections included."""
    message: str = ""
    message_en: str = ""
    """Why it was returned."""
    days_late: int = 0
    """Working days past the due date: until it came, or until today."""
    parts: tuple[Cell, ...] = ()
    """The cells that this one sums up: those of a city's counties, or of a longer period's periods."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One agency's cells, oldest period first, and how many of those due are complete and on time: the same ones for every
    agency."""

    organization: Organization
    cells: tuple[Cell, ...]
    complete: int
    on_time: int
    due: int
    members: tuple[BoardRow, ...] = ()
    """The rows that this one sums up: those of a city's counties."""


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """One period's agencies: how many are complete and on time of all, and the rows accepted."""

    period: str
    due: date
    complete: int
    on_time: int
    agencies: int
    accepted: int
    quarantined: int
    states: dict[str, int]
    is_due: bool
    running: bool
    """A longer period some of whose own periods are still to come: what it counts is so far."""


@dataclass(frozen=True, slots=True)
class Board:
    """The whole board, with its rates over every cell that is due."""

    agreement: Agreement
    rows: tuple[BoardRow, ...]
    columns: tuple[BoardColumn, ...]
    complete_rate: float | None
    on_time_rate: float | None
    quarantine_rate: float | None
    estimated: bool
    """A year has no holiday table, so its working days are an estimate."""

    def cell(self, organization_id: str, period: str) -> Cell | None:
        """One cell."""
        cells = (cell for row in self.rows for cell in row.cells)
        return next((c for c in cells if c.organization_id == organization_id and c.period == period), None)

    def urge(self) -> list[Cell]:
        """Who is to be reminded: missing and returned reports of periods that are due, latest period first."""
        waiting = [cell for row in self.rows for cell in row.cells if cell.state in ("missing", "returned")]
        return sorted(waiting, key=lambda cell: (cell.period, cell.days_late), reverse=True)


def board(session: Session, agreement_id: str, wanted: Sequence[str] | None = None, *, on: date | None = None) -> Board:
    """The board of a collection: the given periods, or the last twelve up to the day. Periods that were due before it was
    signed, and for which nobody reported, are left out: nobody owed them."""
    day = on or today()
    agreement = agreements.get(session, agreement_id)
    agreed = reporting(agreement)
    calendar = workdays.calendar(session)
    names = list(wanted) if wanted else periods.last_periods(agreed.period, day, PERIODS)
    dues = {name: periods.due(calendar, name, agreed.due_day, agreed.due_months) for name in names}
    received = _received(session, [agreement_id], names).get(agreement_id, {})
    names = _owed(agreement, names, dues, {period for _, period in received})
    rows = []
    for organization in agreements.agencies(session, agreement_id):
        cells = tuple(
            _cell(name, organization.id, received.get((organization.id, name), []), dues[name], day, calendar) for name in names
        )
        rows.append(row_of(organization, cells))
    return made(agreement, rows, estimated=calendar.estimated(*dues.values(), day))


def now_of(shown: Board) -> BoardColumn | None:
    """The period that matters now: the last one that is due, else the first of those to come."""
    due = [column for column in shown.columns if column.is_due]
    return due[-1] if due else (shown.columns[0] if shown.columns else None)


def now_of_each(session: Session, chosen: Sequence[Agreement], *, on: date | None = None) -> dict[str, BoardColumn | None]:
    """The column of now of several collections' boards, by agreement: as many statements for one as for twenty. Only a
    collection of which nothing was due yet since it was signed has its whole board read."""
    day, calendar = on or today(), workdays.calendar(session)
    now = {one.id: period for one in chosen if (period := _last_due(one, calendar, day))}
    received = _received(session, list(now), sorted(set(now.values())))
    bodies = agreements.agencies_of(session, list(now))
    columns: dict[str, BoardColumn | None] = {}
    for one in chosen:
        if one.id not in now:
            columns[one.id] = now_of(board(session, one.id, on=day))
            continue
        period, agreed, came = now[one.id], reporting(one), received.get(one.id, {})
        due = periods.due(calendar, period, agreed.due_day, agreed.due_months)
        cells = [_cell(period, body, came.get((body, period), []), due, day, calendar) for body in bodies.get(one.id, ())]
        columns[one.id] = _column(cells) if cells else None
    return columns


def _last_due(agreement: Agreement, calendar: workdays.Calendar, day: date) -> str | None:
    """The last period that was due, since the collection was signed."""
    agreed = reporting(agreement)
    for name in reversed(periods.last_periods(agreed.period, day, PERIODS)):
        due = periods.due(calendar, name, agreed.due_day, agreed.due_months)
        if due < day:
            return name if due >= (agreement.signed_on or agreement.needed_on) else None
    return None


def reporting(agreement: Agreement) -> CollectionTerms:
    """What agencies report under a collection and by when; monthly by the fifth where nothing was agreed."""
    return agreement.collection or CollectionTerms(agreement_id="")


def _owed(agreement: Agreement, names: Sequence[str], dues: dict[str, date], reported: Iterable[str]) -> list[str]:
    owing = set(reported)
    since = agreement.signed_on or agreement.needed_on
    return [name for name in names if dues[name] >= since or name in owing]


def made(agreement: Agreement, rows: Sequence[BoardRow], *, estimated: bool) -> Board:
    """The board of some rows, with its columns and rates."""
    columns = tuple(_column(cells) for cells in zip(*(row.cells for row in rows), strict=True))
    return Board(agreement, tuple(rows), columns, *_rates(rows), estimated=estimated)


def _received(session: Session, ids: Sequence[str], names: Sequence[str]) -> dict[str, dict[tuple[str, str], list[Batch]]]:
    """Batches by agreement, then by agency and period, in their order. A correction that got in nothing is none: what it was to
    mend is open."""
    statement = select(Batch).where(col(Batch.agreement_id).in_(ids), col(Batch.period).in_(names)).options(READ)
    found: dict[str, dict[tuple[str, str], list[Batch]]] = {}
    for batch in session.exec(statement.where(col(Batch.state).not_in(TAKEN_AWAY)).order_by(col(Batch.sequence))):
        if batch.corrects and batch.state not in ACCEPTED:
            continue
        cells = found.setdefault(batch.agreement_id or "", {})
        cells.setdefault((batch.organization_id or "", batch.period), []).append(batch)
    return found


def _cell(
    period: str, organization_id: str, batches: Sequence[Batch], due: date, day: date, calendar: workdays.Calendar
) -> Cell:
    """The first accepted batch says when the agency reported; the last whole one, with its corrections, says how many rows."""
    ids = tuple(batch.id for batch in reversed(batches))
    accepted = [batch for batch in batches if batch.state in ACCEPTED]
    if not accepted:
        late = max(0, -calendar.left(due, day))
        if any(batch.state in (BatchState.REFUSED, BatchState.RETURNED) for batch in batches):
            last = batches[-1]
            came = day_of(last.received_at)
            message = (last.message, last.message_en)
            return Cell(
                period,
                organization_id,
                "returned",
                due,
                day > due,
                False,
                0,
                last.quarantined,
                came,
                last.id,
                ids,
                *message,
                late,
            )
        return Cell(period, organization_id, "missing" if day > due else "not-due", due, day > due, batches=ids, days_late=late)
    whole = [batch for batch in accepted if not batch.corrects] or accepted
    first, last = whole[0], whole[-1]
    parts = [last, *(batch for batch in accepted if batch.corrects == last.id)]
    came = day_of(first.received_at)
    rows = sum(batch.accepted for batch in parts)
    nil = rows == 0 and last.received == 0
    state = "nil" if nil else "on-time" if came <= due else "late"
    late = max(0, calendar.between(due, came))
    quarantined = parts[-1].quarantined
    return Cell(
        period, organization_id, state, due, day > due, came <= due, rows, quarantined, came, last.id, ids, days_late=late
    )


def row_of(organization: Organization, cells: tuple[Cell, ...]) -> BoardRow:
    """A row of cells with its counts."""
    counted = [cell for cell in cells if cell.is_due]
    complete = sum(cell.state in COMPLETE for cell in counted)
    return BoardRow(organization, cells, complete, sum(cell.on_time for cell in counted), len(counted))


def _column(cells: Sequence[Cell]) -> BoardColumn:
    states = {state: sum(cell.state == state for cell in cells) for state in dict.fromkeys(cell.state for cell in cells)}
    return BoardColumn(
        period=cells[0].period,
        due=max(cell.due for cell in cells),
        complete=sum(cell.state in COMPLETE for cell in cells),
        on_time=sum(cell.on_time for cell in cells),
        agencies=len(cells),
        accepted=sum(cell.accepted for cell in cells),
        quarantined=sum(cell.quarantined for cell in cells),
        states=states,
        is_due=cells[0].is_due,
        running=cells[0].is_due and any(not part.is_due for part in cells[0].parts),
    )


def _rates(rows: Sequence[BoardRow]) -> tuple[float | None, float | None, float | None]:
    due = sum(row.due for row in rows)
    cells = [cell for row in rows for cell in row.cells]
    received = sum(cell.accepted + cell.quarantined for cell in cells)
    quarantined = sum(cell.quarantined for cell in cells)
    return (
        sum(row.complete for row in rows) / due if due else None,
        sum(row.on_time for row in rows) / due if due else None,
        quarantined / received if received else None,
    )
