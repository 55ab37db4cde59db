"""From need to end: a need is entered and answered, its agreement signed, changed, renewed and ended, each a step on record.

What is possible in which state the table says (`catalog.workflow`); who may, the policies. Each function writes the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, SQLModel, col

from catalog import workdays, workflow
from catalog.acquisition import agreements, deadlines, steps
from catalog.acquisition.agreements import CRONS, PREFIXES, Agreement, AgreementAgency
from catalog.acquisition.steps import AgreementStep
from catalog.acquisition.terms import TERMS
from catalog.identity import organizations
from catalog.identity.people import Subject
from catalog.store.counters import next_number
from catalog.workflow import HUB, PROVIDER, STEWARD
from contracts.clock import today
from contracts.errors import HubError

IN_FORCE_CHANGES = frozenset({"channels", "steward_id"})
"""What may be changed of an agreement in force: how its data travel and who looks after it, not what was signed."""
STATE_NAMES: Mapping[str, tuple[str, str]] = {
    "drafted": ("待本方负责人同意", "waiting for consent before it is sent"),
    "consented": ("已同意发出、待发出", "consented to and not sent"),
    "needed": ("待答复", "waiting for an answer"),
    "incomplete": ("待补正", "to be completed"),
    "answered": ("已拟答复、待对方负责人同意", "answered, waiting for consent before the answer is given"),
    "disputed": ("争议处理中", "in dispute"),
    "accepted": ("已同意、待签订", "agreed and not signed"),
    "refused": ("未同意", "refused"),
    "signed": ("已签订", "signed"),
    "active": ("执行中", "in force"),
    "ended": ("已终止", "ended"),
}


class InvalidStep(HubError):
    """A step that the agreement's state or route does not allow."""


class WrongTerm(HubError):
    """Something in a need or an agreement cannot be as it is. `field`: which."""

    def __init__(self, field: str, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.field = field


def enter(
    session: Session,
    agreement: Agreement,
    by: Subject,
    *,
    agencies: Iterable[str] = (),
    number: str = "",
    in_spite_of: str = "",
) -> Agreement:
    """Register a need; `in_spite_of`: why, although the hub has it.

    Without a number it gets the next of its route and year (YQ-, GM-, CJ-yyyy-nnn). A request is a draft until the head of the
    sharing office consents (`requests`); the schedule follows from the cycle unless it is given.
    """
    if agreement.route not in PREFIXES:
        raise WrongTerm(
            "route",
            f"获取途径「{agreement.route}」应为 {'、'.join(PREFIXES)} 之一。",
            f"Route {agreement.route!r} is not one of {', '.join(PREFIXES)}.",
        )
    organizations.get(session, agreement.provider_id)
    agreement.id = _number(session, agreement, number)
    agreement.cron = agreement.cron or CRONS.get(agreement.cycle, "")
    agreements.with_terms(agreement)
    agreement.state = workflow.first(agreement.route)
    if agreement.request is not None:
        days = workdays.step_time(session, "consent-request").days(agreement.needed_on)
        agreement.request.turn_due = workdays.calendar(session).add(agreement.needed_on, days)
    _tie(agreement)
    session.add(agreement)
    session.flush()
    set_agencies(session, agreement, agencies)
    step = AgreementStep(
        agreement_id=agreement.id, act="need.enter", after=agreement.state, day=agreement.needed_on, side=STEWARD
    )
    step.reason = in_spite_of
    steps.record(session, step, by)
    return _kept(session, agreement)


def _number(session: Session, agreement: Agreement, wanted: str) -> str:
    """The number that the need had on paper, or the next one of its route and year that is free."""
    family = f"{PREFIXES[agreement.route]}-{agreement.needed_on.year}"
    if not wanted:
        number = f"{family}-{next_number(session, f'agreement:{family}'):03d}"
        while session.get(Agreement, number) is not None:
            number = f"{family}-{next_number(session, f'agreement:{family}'):03d}"
        return number
    if session.get(Agreement, wanted) is not None:
        raise WrongTerm("number", f"编号 {wanted} 已有。", f"The number {wanted} is taken.")
    if not wanted.startswith(PREFIXES[agreement.route]):
        raise WrongTerm(
            "number",
            f"此途径的编号以 {PREFIXES[agreement.route]} 开头。",
            f"Numbers of this route begin with {PREFIXES[agreement.route]}.",
        )
    return wanted


def _tie(agreement: Agreement) -> None:
    """Terms and channels that were made before the agreement had its number."""
    for name, _ in TERMS.values():
        if (terms := getattr(agreement, name)) is not None:
            terms.agreement_id = agreement.id
    for channel in agreement.channels:
        channel.agreement_id = agreement.id


def set_agencies(session: Session, agreement: Agreement, agencies: Iterable[str]) -> None:
    """Who must report under a collection."""
    wanted = list(dict.fromkeys(agencies))
    for organization_id in wanted:
        organizations.get(session, organization_id)
    session.connection().execute(delete(AgreementAgency).where(col(AgreementAgency.agreement_id) == agreement.id))
    session.add_all(AgreementAgency(agreement_id=agreement.id, organization_id=one) for one in wanted)
    _kept(session, agreement)


def answer(session: Session, agreement: Agreement, by: Subject, *, accepted: bool, text: str, on: date) -> Agreement:
    """The answer to a need that is bought or collected; requests have their own steps (`requests.answer`)."""
    require(agreement, "need.answer")
    if not accepted and not text.strip():
        raise WrongTerm("text", "不同意须说明理由和依据。", "A refusal needs its reason and legal basis.")
    not_before(agreement.needed_on, on)
    term = (agreement.needed_on, agreement.answer_due)
    agreement.answered_on, agreement.answer = on, text
    if accepted:
        agreement.signed_due = agreement.signed_due or workdays.due(session, "sign", on)
    after = "accepted" if accepted else "refused"
    return taken(session, agreement, "need.answer", by, day=on, side=PROVIDER, reason=text, after=after, term=term)


def sign(
    session: Session, agreement: Agreement, by: Subject, *, on: date, sides: Sequence[str] = (), valid_until: date | None = None
) -> Agreement:
    """One side signs, or those of `sides` together on paper. With the last signature it is in force, and the first data is due
    in the working days that delivery after consent may take."""
    require(agreement, "agreement.sign")
    not_before(agreement.answered_on or agreement.needed_on, on)
    wanted = workflow.SIGNATURES[agreement.route]
    for side in sides or wanted:
        if side not in wanted or signed_by(agreement, side) is not None:
            raise InvalidStep(
                f"协议 {agreement.id} 不需要这一方再签。", f"{agreement.id} needs no further signature of that side."
            )
        setattr(agreement, f"{side}_signed_on", on)
    if valid_until is not None and valid_until <= on:
        raise WrongTerm("valid_until", "到期日应晚于签订日。", "The last day must be after that of the signature.")
    term = (agreement.answered_on or agreement.needed_on, agreement.signed_due)
    agreement.valid_until = valid_until or agreement.valid_until
    whole = all(signed_by(agreement, side) is not None for side in wanted)
    if whole:
        agreement.signed_on = on
        if agreement.route != "collect" and agreement.delivery_due is None:
            agreement.delivery_due = agreements.first_delivery(session, agreement)
    after = "signed" if whole else agreement.state
    side = "、".join(sides or wanted)
    return taken(session, agreement, "agreement.sign", by, day=on, side=side, after=after, term=term)


def signed_by(agreement: Agreement, side: str) -> date | None:
    """When a side signed."""
    return agreement.provider_signed_on if side == PROVIDER else agreement.steward_signed_on


def change(session: Session, agreement: Agreement, by: Subject, changes: Mapping[str, Any], *, reason: str = "") -> Agreement:
    """Change what is not signed yet; of an agreement in force only its channels and who looks after it.

    `changes`: fields of the common part, the route's terms as one mapping under their name, `agencies`, `channels`.
    """
    [transition, *_] = require(agreement, "agreement.change")
    signed = sorted(set(changes) - IN_FORCE_CHANGES)
    if transition.choice == "channel" and signed:
        raise InvalidStep(
            f"协议 {agreement.id} 已签订，只能更改通道和负责人；其余请终止后重新提出，或续签。",
            f"{agreement.id} is signed: only its channels and its steward can be changed. End it and enter a new need.",
        )
    detail: dict[str, Any] = {}
    for name, value in changes.items():
        _change(session, agreement, name, value, detail)
    if "cycle" in detail and "cron" not in changes:
        agreement.cron = CRONS.get(agreement.cycle, "")
    after = transition.after
    return taken(
        session, agreement, "agreement.change", by, day=today(), side=STEWARD, reason=reason, after=after, detail=detail
    )


def _change(session: Session, agreement: Agreement, name: str, value: Any, detail: dict[str, Any]) -> None:
    if name == "agencies":
        before: Any = sorted(one.id for one in agreements.agencies(session, agreement.id))
        set_agencies(session, agreement, value)
        value = sorted(value)
    elif name == "channels":
        before = [one.whole() for one in agreement.channels]
        agreements.set_channels(session, agreement, value)
    elif name in {attribute for attribute, _ in TERMS.values()}:
        _change_terms(agreements.with_terms(agreement), name, value, detail)
        return
    else:
        before = getattr(agreement, name)
        setattr(agreement, name, value)
    if before != value:
        detail[name] = [_plain(before), _plain(value)]


def _change_terms(agreement: Agreement, name: str, values: Mapping[str, Any], detail: dict[str, Any]) -> None:
    terms: SQLModel = getattr(agreement, name)
    for field, value in values.items():
        before = getattr(terms, field)
        if before != value:
            setattr(terms, field, value)
            detail[field] = [_plain(before), _plain(value)]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | list | bool | None) else str(value)


def renew(session: Session, agreement: Agreement, by: Subject, *, valid_until: date, reason: str = "") -> Agreement:
    """The agreement goes on until a later day."""
    require(agreement, "agreement.renew")
    if agreement.valid_until is not None and valid_until <= agreement.valid_until:
        raise WrongTerm(
            "valid_until",
            f"新的到期日须晚于现在的 {agreement.valid_until}。",
            f"The new last day must be later than {agreement.valid_until}.",
        )
    detail = {"valid_until": [_plain(agreement.valid_until), f"{valid_until}"]}
    agreement.valid_until = valid_until
    return taken(session, agreement, "agreement.renew", by, day=today(), side=STEWARD, reason=reason, detail=detail)


def remind(session: Session, agreement: Agreement, by: Subject, *, text: str) -> Agreement:
    """Urge the other side to do what it owes (催办): on record, shown with its task, once a day."""
    require(agreement, "agreement.remind")
    if steps.reminded(session, [agreement.id]).get(agreement.id, steps.NEVER).last == today():
        raise InvalidStep(
            f"协议 {agreement.id} 今天已催办过；明天可再次催办。",
            f"The other side of {agreement.id} was reminded today already; it can be again tomorrow.",
        )
    return taken(session, agreement, "agreement.remind", by, day=today(), side=STEWARD, reason=text, count=False)


def end(session: Session, agreement: Agreement, by: Subject, *, reason: str = "") -> Agreement:
    """The agreement ends: no more data is taken under it."""
    require(agreement, "agreement.end")
    return taken(session, agreement, "agreement.end", by, day=today(), side=STEWARD, reason=reason, after="ended")


def begin(session: Session, agreement: Agreement, by: Subject, day: date) -> None:
    """The first data came: a signed agreement is active."""
    if agreement.state != "signed":
        return
    term = (agreement.signed_on or agreement.needed_on, agreement.delivery_due)
    taken(session, agreement, "delivery.first", by, day=day, side=HUB, after="active", term=term, count=False)


def require(agreement: Agreement, act: str) -> tuple[workflow.Transition, ...]:
    """The transitions of an act that the agreement's state and route allow; InvalidStep where there is none."""
    step = workflow.possible(agreement.state, agreement.route, act)
    if not step:
        raise not_now(agreement)
    return step


def not_now(agreement: Agreement) -> InvalidStep:
    """A step that the agreement's state does not allow."""
    zh, en = STATE_NAMES.get(agreement.state, (agreement.state, agreement.state))
    return InvalidStep(
        f"协议 {agreement.id} {zh}，此时不能办理这一步。", f"{agreement.id} is {en}; this step is not possible now."
    )


def not_before(earliest: date, on: date) -> None:
    """Refuse the day of a step that lies before the one it follows, or after today."""
    if not earliest <= on <= today():
        raise WrongTerm("on", f"日期应在 {earliest} 至今天之间。", f"The day must lie between {earliest} and today.")


def taken(
    session: Session,
    agreement: Agreement,
    act: str,
    by: Subject,
    *,
    day: date,
    side: str,
    reason: str = "",
    after: str = "",
    term: tuple[date, date | None] | None = None,
    detail: dict[str, Any] | None = None,
    count: bool = True,
) -> Agreement:
    """Move the agreement and keep the step. `term`: from when a deadline ran, and until when."""
    before = agreement.state
    agreement.state = after or before
    step = AgreementStep(
        agreement_id=agreement.id, act=act, before=before, after=agreement.state, day=day, side=side, reason=reason
    )
    if term is not None and term[1] is not None:
        step.began, step.due = term
    step.detail = detail or {}
    steps.record(session, step, by)
    return _kept(session, agreement) if count else agreement


def _kept(session: Session, agreement: Agreement) -> Agreement:
    session.add(agreement)
    session.flush()
    deadlines.bring_up(session, agreement.dataset)
    return agreement
