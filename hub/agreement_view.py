"""An agreement for those who may see it: its parts, its history, and what can be done with it now, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session, col, select

from catalog import access, workflow
from catalog.acquisition import agreements, requests, steps, visibility
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.steps import AgreementStep
from catalog.acquisition.terms import Collection, Purchase, PurchaseTerms, RequestTerms
from catalog.identity.people import Person, Subject
from catalog.workflow import PROVIDER, STEWARD
from hub import needs
from hub.acts import ACTS
from hub.needs import NeedSearched, WantedItem

SIZE = 50
PRICED = frozenset(PurchaseTerms.model_fields)
"""Changes of a purchase's terms, which not everybody sees."""


class StepTaken(BaseModel):
    """One step. `began`, `due`, `days`: the term that ran, and the working days that it took; null where none did."""

    act: str
    before: str
    after: str
    day: date
    at: datetime
    by: str
    organization: str
    side: str
    reason: str
    began: date | None
    due: date | None
    days: int | None
    changes: dict[str, Any] = Field(description="Field: what it was, what it is.")


class ChannelState(BaseModel):
    """One way by which data come. Secrets are named, never shown."""

    number: int
    kind: str
    settings: dict[str, Any]


class AgreementSummary(BaseModel):
    """An agreement in a list."""

    id: str
    route: str
    dataset: str
    title: str
    title_en: str
    purpose: str
    provider: str
    cycle: str
    state: str
    needed_on: date
    signed_on: date | None
    valid_until: date | None
    delivery_due: date | None


class AgreementState(AgreementSummary):
    """An agreement with its terms, channels and history. What the caller may not see is null or empty."""

    steward: str | None = Field(description="Login of the person who looks after it.")
    coordinating_body: str
    legal_basis: str
    items: list[WantedItem] = Field(description="What is needed, item by item; empty for needs of before.")
    wanted_by: date | None
    searched: NeedSearched | None = Field(description="What the hub was found to have when it was entered.")
    answer_due: date | None
    extended: bool
    sent_on: date | None
    told_incomplete: bool = Field(description="What was missing was told once; it is not told again.")
    answered_on: date | None
    answer: str
    decision: str = Field(description="accept, part or refuse, once the asked body has answered a request.")
    without: list[str] = Field(description="Items that a part of the answer leaves out.")
    dispute: int = Field(description="The step of its dispute, 1 to 4; 0: none.")
    signed_due: date | None
    provider_signed_on: date | None
    steward_signed_on: date | None
    purchase: Purchase | None
    collection: Collection | None
    agencies: list[str]
    channels: list[ChannelState]
    steps: list[StepTaken]
    possible: list[str] = Field(description="Acts that the caller can do now.")


def state(session: Session, subject: Subject, agreement: Agreement) -> AgreementState:
    """The agreement as the subject may see it."""
    priced = access.may(session, subject, "see-price", agreement)
    channelled = sees_channels(session, subject, agreement)
    steward = session.get(Person, agreement.steward_id) if agreement.steward_id else None
    return AgreementState(
        **{name: getattr(agreement, name) for name in _COPIED},
        provider=agreement.provider_id,
        steward=steward.login if steward else None,
        items=[WantedItem.model_validate(one) for one in agreement.items],
        searched=needs.searched(session, subject, agreement),
        answer_due=agreement.answer_due,
        **_request(agreement.request or RequestTerms(agreement_id=agreement.id)),
        purchase=Purchase.model_construct(**_terms(agreement.purchase)) if priced and agreement.purchase else None,
        collection=Collection.model_construct(**_terms(agreement.collection)) if agreement.collection else None,
        agencies=[one.id for one in agreements.agencies(session, agreement.id)],
        channels=[
            ChannelState(number=one.number, kind=one.kind, settings={**one.settings, **one.secrets})
            for one in agreement.channels
            if channelled
        ],
        steps=history(session, agreement, priced=priced, channelled=channelled),
        possible=possible(session, subject, agreement),
    )


_COPIED = (
    "id", "route", "dataset", "title", "title_en", "purpose", "cycle", "state", "needed_on", "signed_on", "valid_until",
    "delivery_due", "coordinating_body", "legal_basis", "answered_on", "answer", "signed_due", "provider_signed_on",
    "steward_signed_on", "wanted_by",
)  # fmt: skip


def _request(terms: RequestTerms) -> dict[str, Any]:
    names = ("sent_on", "extended", "told_incomplete", "without", "dispute")
    return {name: getattr(terms, name) for name in names} | {"decision": terms.answer}


def _terms(terms: Any) -> dict[str, Any]:
    return {name: value for name, value in terms.model_dump().items() if name != "agreement_id"}


def sees_channels(session: Session, subject: Subject, agreement: Agreement) -> bool:
    """Where its data are fetched is for those who correct channels, and for the body that puts them there."""
    own = bool(subject.organization_id) and subject.organization_id == agreement.provider_id and subject.kind != "link"
    return own or access.may(session, subject, "see-attempts")


def history(session: Session, agreement: Agreement, *, priced: bool, channelled: bool) -> list[StepTaken]:
    """The steps, first to last; of changes what the reader may see."""
    hidden = (frozenset() if priced else PRICED) | (frozenset() if channelled else {"channels"})
    return [_step(one, hidden) for one in steps.history(session, agreement.id)]


def _step(one: AgreementStep, hidden: Iterable[str]) -> StepTaken:
    shown = {name: value for name, value in one.detail.items() if name not in hidden}
    same = {name: getattr(one, name) for name in StepTaken.model_fields if name not in ("organization", "changes")}
    return StepTaken(**same, organization=one.organization_id, changes=shown)


def possible(session: Session, subject: Subject, agreement: Agreement) -> list[str]:
    """The acts that the table has for the agreement's state and the policies allow the subject, none that is used up."""
    import hub.acquisition
    import hub.requests  # noqa: F401 - both put their acts into the table, and import this module

    return [
        act
        for act in workflow.acts(agreement.state, agreement.route, (STEWARD, PROVIDER))
        if not _used_up(agreement, act) and _may(session, subject, agreement, act) and _has_side(subject, agreement, act)
    ]


def _may(session: Session, subject: Subject, agreement: Agreement, act: str) -> bool:
    submitter = submitted(session, subject, agreement, act)
    return access.may(session, subject, ACTS[act].policy, agreement, submitter=submitter)


def submitted(session: Session, subject: Subject, agreement: Agreement, act: str) -> bool:
    """Whether the subject took a step that is kept apart from this one."""
    return steps.took_part(session, agreement.id, workflow.apart(act), subject)


def _used_up(agreement: Agreement, act: str) -> bool:
    terms = agreement.request
    return terms is not None and {
        "need.extend": terms.extended,
        "need.ask": terms.told_incomplete,
        "need.dispute": agreement.state == "disputed" and terms.dispute >= len(requests.DISPUTE_STEPS),
    }.get(act, False)


def _has_side(subject: Subject, agreement: Agreement, act: str) -> bool:
    if act == "agreement.sign":
        return bool(sides(subject, agreement))
    own = frozenset(of_sides(subject, agreement))
    return any(own & set(one.sides) for one in workflow.possible(agreement.state, agreement.route, act))


def sides(subject: Subject, agreement: Agreement) -> tuple[str, ...]:
    """The sides for which the subject can sign now: its own, or at the emergency door all that are missing."""
    dates: Mapping[str, date | None] = {PROVIDER: agreement.provider_signed_on, STEWARD: agreement.steward_signed_on}
    missing = tuple(side for side in workflow.SIGNATURES[agreement.route] if dates[side] is None)
    if subject.kind == "local":
        return missing
    own = of_sides(subject, agreement)
    return tuple(side for side in missing if side in own)[:1]


def of_sides(subject: Subject, agreement: Agreement) -> tuple[str, ...]:
    """The sides of an agreement that the subject acts for."""
    if subject.kind == "local":
        return (STEWARD, PROVIDER)
    asked = subject.organization_id == agreement.provider_id and (subject.has("provider") or subject.kind == "link")
    return (STEWARD,) * subject.has("steward") + (PROVIDER,) * asked


def listed(
    session: Session,
    subject: Subject,
    *,
    route: str = "",
    in_state: str = "",
    dataset: str = "",
    provider: str = "",
    after: str = "",
    limit: int = SIZE,
) -> list[AgreementSummary]:
    """Agreements that the subject may see, by number, after one."""
    statement = select(Agreement).where(visibility.visible(subject), col(Agreement.id) > after)
    narrowed = (
        (Agreement.route, route), (Agreement.state, in_state), (Agreement.dataset, dataset), (Agreement.provider_id, provider)
    )  # fmt: skip
    for column, wanted in narrowed:
        if wanted:
            statement = statement.where(column == wanted)
    return [summary(one) for one in session.exec(statement.order_by(col(Agreement.id)).limit(limit))]


def summary(one: Agreement) -> AgreementSummary:
    """An agreement in a list."""
    same = {name: getattr(one, name) for name in AgreementSummary.model_fields if name != "provider"}
    return AgreementSummary(**same, provider=one.provider_id)
