"""Agreements: how each dataset comes, from need to signature, by request, purchase or collection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete
from sqlmodel import Field, Session, SQLModel, col, select

from catalog import workdays
from catalog.entries.resources import Resource, Sharing
from catalog.identity import organizations
from catalog.identity.organizations import Organization
from catalog.store.column_types import Json, UtcDateTime
from catalog.store.counters import next_number
from contracts.clock import now, today
from contracts.errors import HubError

PREFIXES = {"request": "YQ", "buy": "GM", "collect": "CJ"}
"""要求, 购买, 采集: the first letters of an agreement's number."""
IN_FORCE = ("signed", "active")
"""States of an agreement under which data is taken."""
CRONS = {
    "实时": "*/10 * * * *",
    "每日": "30 6 * * *",
    "每周": "30 6 * * 1",
    "每月": "30 6 6 * *",
    "每季度": "30 6 6 1,4,7,10 *",
    "每半年": "30 6 6 1,7 *",
    "每年": "30 6 6 1 *",
}
"""When an agreement's job looks for data, from its cycle; monthly and longer ones after the fifth, when reports are due."""


class Agreement(SQLModel, table=True):
    """One need for data, and the agreement that meets it; channel and schedule are made from it."""

    id: str = Field(primary_key=True, description="YQ-2026-001 (request), GM-… (buy), CJ-… (collect)")
    route: str = Field(index=True, description="request, buy or collect")
    dataset: str = Field(index=True, description="Name of the resource it feeds.")
    title: str
    title_en: str = ""
    purpose: str = Field(description="The use the data is got for.")
    provider_id: str = Field(foreign_key="organization.id", index=True)
    steward_id: str | None = Field(default=None, foreign_key="person.id")
    cycle: str = Field(default="每月", description="How often data is due, in the words of item 11.")
    cron: str = Field(default="", description="Schedule made from the cycle; empty: no schedule.")
    channel: dict[str, Any] = Field(
        default_factory=dict,
        sa_type=Json,
        description='{"kind": "folder", "path", "pattern"}, {"kind": "http", "url", "records", …} or {"kind": "template"}',
    )
    state: str = Field(default="needed", index=True, description="needed, accepted, signed, active, ended, refused")
    # Request (要)
    coordinating_body: str = ""
    legal_basis: str = ""
    needed_on: date = Field(default_factory=today)
    answer_due: date | None = Field(default=None, description="Working days from needed_on, by the rule table.")
    answered_on: date | None = None
    answer: str = ""
    extended: bool = Field(default=False, description="The answer's term was extended, which may happen once.")
    signed_due: date | None = None
    signed_on: date | None = None
    valid_until: date | None = None
    delivery_due: date | None = Field(default=None, description="When the next batch is due.")
    # Purchase (买)
    contract_number: str = ""
    price_per_record: Decimal | None = Field(default=None, max_digits=12, decimal_places=4)
    ceiling: Decimal | None = Field(default=None, max_digits=14, decimal_places=2)
    permitted_purposes: list[str] = Field(default_factory=list, sa_type=Json)
    redistribution: bool = False
    why_bought: str = Field(default="", description="Why no department has it; which fields or cycle it mends.")
    fills_dataset: str = Field(default="", description="The department's resource whose gap it fills.")
    fills_items: list[str] = Field(default_factory=list, sa_type=Json)
    # Collection (采)
    template_version: str = ""
    period: str = Field(default="month", description="month, quarter or year")
    due_day: int = Field(default=5, description="Day by which an agency reports, in the month that `due_months` names.")
    due_months: int = Field(default=1, description="Months after the period's last month: 1 the following one, 0 the same")
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)


class AgreementAgency(SQLModel, table=True):
    """An agency that must report under a collection agreement."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    organization_id: str = Field(primary_key=True, foreign_key="organization.id")


class Spend(SQLModel, table=True):
    """What one batch of a purchase cost: accepted rows times the price of a record."""

    batch_id: str = Field(primary_key=True, foreign_key="batch.id")
    agreement_id: str = Field(foreign_key="agreement.id", index=True)
    records: int
    amount: Decimal = Field(max_digits=14, decimal_places=2)


class UnknownAgreement(HubError):
    """No agreement of that number."""

    def __init__(self, agreement_id: str) -> None:
        super().__init__(
            f"没有协议「{agreement_id}」；请先在获取登记中登记。",
            f"There is no agreement {agreement_id!r}; register it first.",
        )


class AgreementOver(HubError):
    """An agreement whose term is over, or that was ended or refused: no more data is taken under it."""

    def __init__(self, agreement: Agreement) -> None:
        over, over_en = (f"已于 {agreement.valid_until} 到期", f"ran until {agreement.valid_until}")
        if agreement.state in ("ended", "refused"):
            over, over_en = ("已终止", "has ended") if agreement.state == "ended" else ("未获同意", "was refused")
        super().__init__(
            f"协议 {agreement.id} {over}，不再接收数据；请续签后再送。",
            f"Agreement {agreement.id} {over_en}; no more data is taken under it. Renew it first.",
        )


class NotSigned(HubError):
    """An agreement that both sides have not signed yet."""

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(
            f"协议 {agreement.id} 尚未签订，不能接收数据；请先完成签订。",
            f"Agreement {agreement.id} is not signed yet; no data is taken under it before.",
        )


class InvalidStep(HubError):
    """A step that the agreement's state or route does not allow."""


def get(session: Session, agreement_id: str) -> Agreement:
    """The agreement of that number."""
    found = session.get(Agreement, agreement_id)
    if found is None:
        raise UnknownAgreement(agreement_id)
    return found


def listed(session: Session, *, route: str = "", dataset: str = "", state: str = "") -> Sequence[Agreement]:
    """Agreements by number; of a route, a dataset or a state."""
    asked = select(Agreement).order_by(Agreement.id)
    for column, wanted in ((Agreement.route, route), (Agreement.dataset, dataset), (Agreement.state, state)):
        if wanted:
            asked = asked.where(column == wanted)
    return session.exec(asked).all()


def enter(session: Session, agreement: Agreement, *, agencies: Iterable[str] = ()) -> Agreement:
    """Register a need, or bring the agreement of that number up to date.

    Without a number it gets the next of its route and year (YQ-, GM-, CJ-yyyy-nnn). A request's answer is due in the working
    days that its sharing type allows (国发〔2016〕51号); schedule and channel follow from the cycle unless they are given.
    """
    if agreement.route not in PREFIXES:
        raise InvalidStep(
            f"获取途径「{agreement.route}」应为 {'、'.join(PREFIXES)} 之一。",
            f"Route {agreement.route!r} is not one of {', '.join(PREFIXES)}.",
        )
    organizations.get(session, agreement.provider_id)
    if not agreement.id:
        family = f"{PREFIXES[agreement.route]}-{agreement.needed_on.year}"
        agreement.id = f"{family}-{next_number(session, f'agreement:{family}'):03d}"
    agreement.cron = agreement.cron or CRONS.get(agreement.cycle, "")
    if agreement.route == "request" and agreement.answer_due is None:
        agreement.answer_due = answer_due(session, agreement)
    kept = session.merge(agreement)
    session.flush()
    if agencies:
        set_agencies(session, kept, agencies)
    return _kept(session, kept)


def answer_due(session: Session, agreement: Agreement) -> date:
    """By when a need is answered: in the working days that its sharing type allows, with the one extension if it was given."""
    due = workdays.due(session, _answer_step(session, agreement.dataset), agreement.needed_on)
    if not agreement.extended:
        return due
    return workdays.calendar(session).add(due, workdays.step_days(session, "extend-answer", agreement.needed_on))


def next_delivery(session: Session, agreement: Agreement, last: date) -> date | None:
    """By when the agreement's next data is due after that of a day: by the cycle that both sides signed."""
    return workdays.next_due(session, agreement.cycle, last)


def require_running(agreement: Agreement, arrived: date) -> None:
    """Refuse data that arrived after the agreement was over, or before both sides had signed, whatever its route."""
    if agreement.state in ("ended", "refused") or (agreement.valid_until is not None and agreement.valid_until < arrived):
        raise AgreementOver(agreement)
    if agreement.state not in ("signed", "active"):
        raise NotSigned(agreement)


def _answer_step(session: Session, dataset: str) -> str:
    sharing = session.exec(select(Resource.sharing).where(Resource.name == dataset)).first()
    return "answer-unconditional" if sharing == Sharing.UNCONDITIONAL else "answer-conditional"


def set_agencies(session: Session, agreement: Agreement, agencies: Iterable[str]) -> None:
    """Who must report under a collection."""
    wanted = list(dict.fromkeys(agencies))
    for organization_id in wanted:
        organizations.get(session, organization_id)
    session.connection().execute(delete(AgreementAgency).where(col(AgreementAgency.agreement_id) == agreement.id))
    session.add_all(AgreementAgency(agreement_id=agreement.id, organization_id=one) for one in wanted)
    _kept(session, agreement)


def agencies(session: Session, agreement_id: str) -> Sequence[Organization]:
    """Who must report under a collection, by division."""
    asked = select(Organization).join(AgreementAgency).where(AgreementAgency.agreement_id == agreement_id)
    return session.exec(asked.order_by(col(Organization.division), col(Organization.id))).all()


def extend_answer(session: Session, agreement: Agreement) -> Agreement:
    """Give the provider the one extension of its answer that the rules know."""
    if agreement.extended or agreement.state != "needed" or agreement.answer_due is None:
        raise InvalidStep(
            f"协议 {agreement.id} 的答复期限不能再延长（只可延长一次，且须尚未答复）。",
            f"The answer to {agreement.id} cannot be extended: once only, and before it was given.",
        )
    days = workdays.step_days(session, "extend-answer", agreement.needed_on)
    agreement.answer_due = workdays.calendar(session).add(agreement.answer_due, days)
    agreement.extended = True
    return _kept(session, agreement)


def answer(session: Session, agreement: Agreement, *, accepted: bool, text: str, on: date) -> Agreement:
    """The provider's answer to a need. A refusal states its reason (国发〔2016〕51号)."""
    if agreement.state != "needed":
        raise InvalidStep(f"协议 {agreement.id} 已答复。", f"{agreement.id} has been answered already.")
    if not accepted and not text.strip():
        raise InvalidStep("不同意须说明理由和依据。", "A refusal needs its reason and legal basis.")
    agreement.state = "accepted" if accepted else "refused"
    agreement.answered_on, agreement.answer = on, text
    if accepted:
        agreement.signed_due = agreement.signed_due or workdays.due(session, "sign", on)
    return _kept(session, agreement)


def sign(session: Session, agreement: Agreement, *, on: date, valid_until: date | None) -> Agreement:
    """Both sides have signed; the first data is due in the working days that delivery after consent may take."""
    if agreement.state not in ("accepted", "needed") or (agreement.route == "request" and agreement.state == "needed"):
        raise InvalidStep(
            f"协议 {agreement.id} 处于 {agreement.state}，不能签订。",
            f"{agreement.id} is {agreement.state} and cannot be signed.",
        )
    agreement.state, agreement.signed_on, agreement.valid_until = "signed", on, valid_until
    if agreement.route != "collect" and agreement.delivery_due is None:
        agreement.delivery_due = workdays.due(session, "deliver", on)
    return _kept(session, agreement)


def end(session: Session, agreement: Agreement) -> Agreement:
    """The agreement ends: no more data is taken under it."""
    agreement.state = "ended"
    return _kept(session, agreement)


def _kept(session: Session, agreement: Agreement) -> Agreement:
    from catalog.acquisition import deadlines  # late: it reads boards, and they read agreements

    session.add(agreement)
    session.flush()
    deadlines.bring_up(session, agreement.dataset)
    return agreement
