"""Timeliness of a resource: what came on time of what was due, by its agreements."""

from __future__ import annotations

from sqlmodel import Session, col, select

from catalog.acquisition import agreements
from catalog.acquisition.agreements import IN_FORCE, Agreement
from catalog.acquisition.completeness import board
from catalog.deliveries.batches import ACCEPTED, Batch
from contracts.clock import day_of, today

DELIVERIES = 12
"""How many of the last deliveries of a request or purchase are looked at."""


def share(session: Session, dataset: str) -> float | None:
    """Share 0 to 1 of what was due that came on time; None where nothing was due yet."""
    statement = select(Agreement).where(Agreement.dataset == dataset, col(Agreement.state).in_(IN_FORCE))
    on_time = due = 0
    for agreement in session.exec(statement):
        counts = _collected(session, agreement) if agreement.route == "collect" else _delivered(session, agreement)
        on_time, due = on_time + counts[0], due + counts[1]
    return on_time / due if due else None


def _collected(session: Session, agreement: Agreement) -> tuple[int, int]:
    """Reports of agencies: on time, due."""
    rows = board(session, agreement.id).rows
    return sum(row.on_time for row in rows), sum(row.due for row in rows)


def _delivered(session: Session, agreement: Agreement) -> tuple[int, int]:
    """Deliveries by the agreement's cycle, each due a cycle after the one before; one that is overdue today is due, too."""
    statement = select(Batch.received_at).where(Batch.agreement_id == agreement.id, col(Batch.state).in_(ACCEPTED))
    newest = session.exec(statement.order_by(col(Batch.received_at).desc()).limit(DELIVERIES + 1)).all()
    days = sorted(day_of(moment) for moment in newest)
    if not days:
        return 0, 0
    dues = [agreements.next_delivery(session, agreement, day) for day in days]
    on_time = sum(due is not None and day <= due for due, day in zip(dues, days[1:], strict=False))
    counted = sum(due is not None for due in dues[:-1])
    overdue = dues[-1] is not None and today() > dues[-1]
    return on_time, counted + overdue
