"""Agreements: how each dataset comes, by request, purchase or collection; their channels, and who reports under them."""

# No postponed annotations here: SQLAlchemy would take a list of channels that it cannot read for one of them.
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import relationship
from sqlmodel import Field, Relationship, Session, SQLModel, col, select

from catalog import workdays
from catalog.acquisition.terms import TERMS, CollectionTerms, PurchaseTerms, RequestTerms
from catalog.entries.resources import Resource, Sharing
from catalog.identity.organizations import Organization
from catalog.store.column_types import Json, UtcDateTime, no_items
from catalog.workflow import IN_FORCE
from contracts.clock import now, today
from contracts.errors import HubError

__all__ = ["CRONS", "IN_FORCE", "PREFIXES", "Agreement", "AgreementAgency", "AgreementChannel", "get", "listed"]

PREFIXES = {"request": "YQ", "buy": "GM", "collect": "CJ"}
"""要求, 购买, 采集: the first letters of an agreement's number."""
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
SECRETS = ("token_env", "token_file", "password_env", "password_file", "key_file")
"""Settings of a channel that say where its secret is; the secret itself is never kept."""


def _own(table: str, **more: Any) -> Any:
    return Relationship(sa_relationship=relationship(table, cascade="all, delete-orphan", **more))


class AgreementChannel(SQLModel, table=True):
    """One way by which an agreement's data come."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    number: int = Field(primary_key=True, description="From 1, in the order in which they are looked at.")
    kind: str = Field(description="folder, http, template …")
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    secrets: dict[str, Any] = Field(default_factory=dict, sa_type=Json, description="Where each secret is, never itself.")

    @classmethod
    def of(cls, number: int, channel: Mapping[str, Any], agreement_id: str = "") -> "AgreementChannel":
        """A channel from one mapping of its kind and settings."""
        settings = {name: value for name, value in channel.items() if name != "kind" and name not in SECRETS}
        secrets = {name: channel[name] for name in SECRETS if channel.get(name)}
        kind = str(channel.get("kind", ""))
        return cls(agreement_id=agreement_id, number=number, kind=kind, settings=settings, secrets=secrets)

    def whole(self) -> dict[str, Any]:
        """Kind, settings and references to secrets as one mapping."""
        return {"kind": self.kind, **self.settings, **self.secrets}


class Agreement(SQLModel, table=True):
    """One need for data, and the agreement that meets it: the part that every route has."""

    id: str = Field(primary_key=True, description="YQ-2026-001 (request), GM-… (buy), CJ-… (collect)")
    route: str = Field(index=True, description="request, buy or collect")
    dataset: str = Field(index=True, description="Name of the resource it feeds.")
    title: str
    title_en: str = ""
    purpose: str = Field(description="The use the data is got for.")
    provider_id: str = Field(foreign_key="organization.id", index=True)
    steward_id: str | None = Field(default=None, foreign_key="person.id", index=True)
    cycle: str = Field(default="每月", description="How often data is due, in the words of item 11.")
    cron: str = Field(default="", description="Schedule made from the cycle; empty: no schedule.")
    state: str = Field(default="needed", index=True, description="As catalog.workflow has it.")
    coordinating_body: str = ""
    legal_basis: str = ""
    items: list[dict[str, Any]] = Field(
        default_factory=no_items,
        sa_type=Json,
        description='[{"name", "description", "format", "code_list"}]; old needs have none',
    )
    wanted_by: date | None = Field(default=None, description="By when the data is needed.")
    needed_on: date = Field(default_factory=today)
    answered_on: date | None = None
    answer: str = ""
    signed_due: date | None = None
    provider_signed_on: date | None = None
    steward_signed_on: date | None = None
    signed_on: date | None = Field(default=None, description="The day of the last signature, from which it is in force.")
    valid_until: date | None = None
    delivery_due: date | None = Field(default=None, description="When the next batch is due.")
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)

    request: RequestTerms | None = _own("RequestTerms", uselist=False, lazy="joined")
    purchase: PurchaseTerms | None = _own("PurchaseTerms", uselist=False, lazy="joined")
    collection: CollectionTerms | None = _own("CollectionTerms", uselist=False, lazy="joined")
    channels: list[AgreementChannel] = _own("AgreementChannel", lazy="selectin", order_by="AgreementChannel.number")

    @property
    def channel(self) -> dict[str, Any]:
        """The first channel with its settings as one mapping; empty where there is none."""
        return self.channels[0].whole() if self.channels else {}

    @property
    def answer_due(self) -> date | None:
        """By when a request is answered; None on other routes."""
        return self.request.answer_due if self.request is not None else None


class AgreementAgency(SQLModel, table=True):
    """An agency that must report under a collection agreement."""

    agreement_id: str = Field(primary_key=True, foreign_key="agreement.id")
    organization_id: str = Field(primary_key=True, foreign_key="organization.id")


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


def get(session: Session, agreement_id: str) -> Agreement:
    """The agreement of that number."""
    agreement = session.get(Agreement, agreement_id)
    if agreement is None:
        raise UnknownAgreement(agreement_id)
    return agreement


def listed(session: Session, *, route: str = "", dataset: str = "", state: str = "") -> Sequence[Agreement]:
    """Agreements by number; of a route, a dataset or a state."""
    statement = select(Agreement).order_by(Agreement.id)
    for column, wanted in ((Agreement.route, route), (Agreement.dataset, dataset), (Agreement.state, state)):
        if wanted:
            statement = statement.where(column == wanted)
    return session.exec(statement).all()


def channels(session: Session, agreement: Agreement) -> Sequence[AgreementChannel]:
    """The channels of an agreement, in the order in which they are looked at."""
    statement = select(AgreementChannel).where(AgreementChannel.agreement_id == agreement.id)
    return session.exec(statement.order_by(col(AgreementChannel.number))).all()


def agreement_channel(session: Session, agreement: Agreement) -> dict[str, Any]:
    """The first channel with its settings as one mapping; empty where there is none."""
    signed = channels(session, agreement)
    return signed[0].whole() if signed else {}


def set_channels(session: Session, agreement: Agreement, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Put these channels in the place of those that the agreement has."""
    agreement.channels.clear()
    session.flush()
    agreement.channels = [AgreementChannel.of(number, one, agreement.id) for number, one in enumerate(wanted, start=1)]
    session.add(agreement)
    session.flush()


def with_terms(agreement: Agreement) -> Agreement:
    """The agreement with the terms of its route, as they are by default where none were given."""
    name, table = TERMS[agreement.route]
    if getattr(agreement, name) is None:
        setattr(agreement, name, table(agreement_id=agreement.id))
    return agreement


def answer_due(session: Session, agreement: Agreement) -> date:
    """By when a request is answered: in the working days that its sharing type allows, from the day it was sent or completed,
    with the one extension if it was given (《政务数据共享条例》 art. 21)."""
    since = asked_on(agreement)
    due = workdays.due(session, _answer_step(session, agreement.dataset), since)
    if agreement.request is None or not agreement.request.extended:
        return due
    return workdays.calendar(session).add(due, workdays.step_days(session, "extend-answer", since))


def asked_on(agreement: Agreement) -> date:
    """The day from which the term of its answer runs."""
    sent = agreement.request.sent_on if agreement.request is not None else None
    return sent or agreement.needed_on


def first_delivery(session: Session, agreement: Agreement) -> date:
    """By when the first data is due: of a request in the working days from the consent (art. 22), else from the signature."""
    signed = agreement.signed_on or agreement.needed_on
    since = agreement.answered_on or signed if agreement.route == "request" else signed
    return workdays.due(session, "deliver", since)


def next_delivery(session: Session, agreement: Agreement, last: date) -> date | None:
    """By when the agreement's next data is due after that of a day: by the cycle that both sides signed."""
    return workdays.next_due(session, agreement.cycle, last)


def require_running(agreement: Agreement, arrived: date) -> None:
    """Refuse data that arrived after the agreement was over, or before both sides had signed, whatever its route."""
    if agreement.state in ("ended", "refused") or (agreement.valid_until is not None and agreement.valid_until < arrived):
        raise AgreementOver(agreement)
    if agreement.state not in IN_FORCE:
        raise NotSigned(agreement)


def _answer_step(session: Session, dataset: str) -> str:
    sharing = session.exec(select(Resource.sharing).where(Resource.name == dataset)).first()
    return "answer-unconditional" if sharing == Sharing.UNCONDITIONAL else "answer-conditional"


def agencies(session: Session, agreement_id: str) -> Sequence[Organization]:
    """Who must report under a collection, by division."""
    statement = select(Organization).join(AgreementAgency).where(AgreementAgency.agreement_id == agreement_id)
    return session.exec(statement.order_by(col(Organization.division), col(Organization.id))).all()


def agencies_of(session: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    """Who must report under each of some collections."""
    statement = select(AgreementAgency.agreement_id, AgreementAgency.organization_id)
    found: dict[str, list[str]] = {}
    for agreement, body in session.exec(statement.where(col(AgreementAgency.agreement_id).in_(ids))):
        found.setdefault(agreement, []).append(body)
    return found
