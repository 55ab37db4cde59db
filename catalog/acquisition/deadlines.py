"""One deadline for a dataset: that of the agreements it comes under, or of its own cycle where there is none."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from catalog import workdays
from catalog.acquisition import periods
from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.acquisition.completeness import COMPLETE, board, reporting
from catalog.deliveries.batches import ACCEPTED, Batch
from catalog.entries.resources import Resource
from contracts.clock import day_of, today


def bring_up(session: Session, dataset: str) -> None:
    """Write down by when the dataset's next data is due, after anything that moves it: data, a signature, the calendar."""
    resource = session.exec(select(Resource).where(Resource.name == dataset)).first()
    if resource is None:
        return
    resource.next_due = next_due(session, resource)
    session.add(resource)


def next_due(session: Session, resource: Resource) -> date | None:
    """By when the next data is due; the earliest of several agreements, None where nobody owes any."""
    statement = select(Agreement).where(Agreement.dataset == resource.name, col(Agreement.state).in_(IN_FORCE))
    under = session.exec(statement.order_by(col(Agreement.id))).all()
    if under:
        return min((due for one in under if (due := _of(session, one)) is not None), default=None)
    last = select(Batch.received_at).where(Batch.dataset == resource.name, col(Batch.state).in_(ACCEPTED))
    received = session.exec(last.order_by(col(Batch.sequence).desc()).limit(1)).first()
    return workdays.next_due(session, resource.cycle, day_of(received)) if received is not None else None


def _of(session: Session, agreement: Agreement) -> date | None:
    return next_report(session, agreement) if agreement.route == "collect" else agreement.delivery_due


def next_report(session: Session, agreement: Agreement) -> date | None:
    """By when a collection's oldest report that an agency still owes is due, or the next one where all have come."""
    shown = board(session, agreement.id)
    if not shown.rows:
        return None
    owed = (cell.due for row in shown.rows for cell in row.cells if cell.state not in COMPLETE)
    if (oldest := min(owed, default=None)) is not None:
        return oldest
    agreed = reporting(agreement)
    running = periods.first_day(periods.named(agreed.period, today()))
    following = workdays.add_months(running, periods.MONTHS[agreed.period])
    name = periods.named(agreed.period, following)
    return periods.due(workdays.calendar(session), name, agreed.due_day, agreed.due_months)
