"""Spending: what purchases cost, metered from accepted rows, against the ceiling of their agreement."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from catalog.acquisition.agreements import Agreement, Spend
from catalog.deliveries.batches import Batch
from contracts.errors import HubError

CENT = Decimal("0.01")


class CeilingReached(HubError):
    """A purchase would cost more than its agreement allows."""

    def __init__(self, agreement: Agreement, spent: Decimal, records: int) -> None:
        super().__init__(
            f"采购 {agreement.id} 费用上限 {agreement.ceiling} 元，已用 {spent} 元，付不起 {records} 条；请续签或提高上限。",
            f"Purchase {agreement.id} has a ceiling of {agreement.ceiling} yuan and has spent {spent}; it cannot pay for "
            f"{records} more records. Renew the agreement or raise its ceiling first.",
        )


@dataclass(frozen=True, slots=True)
class Spending:
    """What a purchase has cost so far."""

    spent: Decimal
    records: int
    ceiling: Decimal | None
    share: float | None
    """Part of the ceiling that is spent, 0 to 1 and above."""
    records_left: int | None
    """How many more records the ceiling pays for; None where there is no ceiling or no price."""


def spending(session: Session, agreement: Agreement) -> Spending:
    """What a purchase has cost, and what its ceiling still allows."""
    spent, records = session.exec(
        select(func.coalesce(func.sum(Spend.amount), 0), func.coalesce(func.sum(Spend.records), 0)).where(
            Spend.agreement_id == agreement.id
        )
    ).one()
    total = Decimal(spent).quantize(CENT)
    share = float(total / agreement.ceiling) if agreement.ceiling else None
    return Spending(total, int(records), agreement.ceiling, share, _records_left(agreement, total))


def _records_left(agreement: Agreement, spent: Decimal) -> int | None:
    if agreement.ceiling is None or not agreement.price_per_record:
        return None
    left = max(agreement.ceiling - spent, Decimal(0))
    return int((left / agreement.price_per_record).to_integral_value(ROUND_DOWN))


def require_room(session: Session, agreement: Agreement, records: int) -> None:
    """Refuse a batch that the agreement's ceiling does not pay for."""
    known = spending(session, agreement)
    if known.records_left is not None and records > known.records_left:
        raise CeilingReached(agreement, known.spent, records)


def meter(session: Session, batch: Batch) -> Spend | None:
    """Write what a batch of a purchase cost; a batch that was refused or undone costs nothing."""
    agreement = session.get(Agreement, batch.agreement_id) if batch.agreement_id else None
    if agreement is None or agreement.route != "buy" or agreement.price_per_record is None:
        return None
    kept = session.get(Spend, batch.id)
    if batch.state not in ("loaded", "partial", "corrected"):
        if kept is not None:
            session.delete(kept)
            session.flush()
        return None
    amount = (agreement.price_per_record * batch.accepted).quantize(CENT, ROUND_HALF_UP)
    kept = kept or Spend(batch_id=batch.id, agreement_id=agreement.id, records=0, amount=Decimal(0))
    kept.records, kept.amount = batch.accepted, amount
    session.add(kept)
    session.flush()
    return kept


def monthly(session: Session, agreement: Agreement) -> list[tuple[str, int, Decimal]]:
    """(month, records, amount) of a purchase, oldest first."""
    sums: dict[str, tuple[int, Decimal]] = {}
    asked = select(Spend, Batch.received_at).join(Batch).where(Spend.agreement_id == agreement.id)
    for spend, at in session.exec(asked.order_by(col(Batch.sequence))):
        records, amount = sums.get(f"{at:%Y-%m}", (0, Decimal(0)))
        sums[f"{at:%Y-%m}"] = (records + spend.records, amount + spend.amount)
    return [(month, *both) for month, both in sums.items()]
