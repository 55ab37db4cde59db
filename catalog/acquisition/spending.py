"""Spending: what purchases cost, metered from accepted rows, against the ceiling of their agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from sqlalchemy import func
from sqlmodel import Field, Session, SQLModel, col, select

from catalog.acquisition.agreements import Agreement
from catalog.acquisition.terms import PurchaseTerms
from catalog.deliveries.batches import Batch
from contracts.errors import HubError

CENT = Decimal("0.01")


class Spend(SQLModel, table=True):
    """What one batch of a purchase cost: accepted rows times the price of a record."""

    batch_id: str = Field(primary_key=True, foreign_key="batch.id")
    agreement_id: str = Field(foreign_key="agreement.id", index=True)
    records: int
    amount: Decimal = Field(max_digits=14, decimal_places=2)


class CeilingReached(HubError):
    """A purchase would cost more than its agreement allows."""

    def __init__(self, agreement: Agreement, spent: Decimal, records: int) -> None:
        ceiling = terms(agreement).ceiling
        super().__init__(
            f"采购 {agreement.id} 费用上限 {ceiling} 元，已用 {spent} 元，付不起 {records} 条；请续签或提高上限。",
            f"Purchase {agreement.id} has a ceiling of {ceiling} yuan and has spent {spent}; it cannot pay for "
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
    total, agreed = Decimal(spent).quantize(CENT), terms(agreement)
    share = float(total / agreed.ceiling) if agreed.ceiling else None
    return Spending(total, int(records), agreed.ceiling, share, _records_left(agreed, total))


def shares(session: Session, agreements: Sequence[Agreement]) -> dict[str, float]:
    """Part of the ceiling that each purchase of these has spent, where it has one; in one query."""
    ceilings = {one.id: ceiling for one in agreements if one.route == "buy" and (ceiling := terms(one).ceiling)}
    if not ceilings:
        return {}
    sums = select(Spend.agreement_id, func.sum(Spend.amount)).where(col(Spend.agreement_id).in_(ceilings))
    spent = dict(session.exec(sums.group_by(Spend.agreement_id)).all())
    return {number: float(Decimal(spent.get(number, 0)) / ceiling) for number, ceiling in ceilings.items()}


def terms(agreement: Agreement) -> PurchaseTerms:
    """The terms of a purchase; none at all where none were agreed."""
    return agreement.purchase or PurchaseTerms(agreement_id="")


def _records_left(agreed: PurchaseTerms, spent: Decimal) -> int | None:
    if agreed.ceiling is None or not agreed.price_per_record:
        return None
    left = max(agreed.ceiling - spent, Decimal(0))
    return int((left / agreed.price_per_record).to_integral_value(ROUND_DOWN))


def require_room(session: Session, agreement: Agreement, records: int) -> None:
    """Refuse a batch that the agreement's ceiling does not pay for."""
    known = spending(session, agreement)
    if known.records_left is not None and records > known.records_left:
        raise CeilingReached(agreement, known.spent, records)


def meter(session: Session, batch: Batch) -> Spend | None:
    """Write what a batch of a purchase cost; a batch that was refused or undone costs nothing."""
    agreement = session.get(Agreement, batch.agreement_id) if batch.agreement_id else None
    price = terms(agreement).price_per_record if agreement is not None and agreement.route == "buy" else None
    if agreement is None or price is None:
        return None
    spend = session.get(Spend, batch.id)
    if batch.state not in ("loaded", "partial", "corrected"):
        if spend is not None:
            session.delete(spend)
            session.flush()
        return None
    amount = (price * batch.accepted).quantize(CENT, ROUND_HALF_UP)
    spend = spend or Spend(batch_id=batch.id, agreement_id=agreement.id, records=0, amount=Decimal(0))
    spend.records, spend.amount = batch.accepted, amount
    session.add(spend)
    session.flush()
    return spend


def monthly(session: Session, agreement: Agreement) -> list[tuple[str, int, Decimal]]:
    """(month, records, amount) of a purchase, oldest first."""
    sums: dict[str, tuple[int, Decimal]] = {}
    statement = select(Spend, Batch.received_at).join(Batch).where(Spend.agreement_id == agreement.id)
    for spend, at in session.exec(statement.order_by(col(Batch.sequence))):
        records, amount = sums.get(f"{at:%Y-%m}", (0, Decimal(0)))
        sums[f"{at:%Y-%m}"] = (records + spend.records, amount + spend.amount)
    return [(month, *both) for month, both in sums.items()]
