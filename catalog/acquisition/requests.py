"""要: what a request passes through before it is agreed: consent, sending, completion, the answer, a dispute.

《政务数据共享条例》 (State Council Order 809), art. 11, 20, 21 and 28. What is possible in which state the table says
(`catalog.workflow`); who may, the policies. Each function writes its step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from catalog import workdays
from catalog.acquisition import agreements
from catalog.acquisition.agreements import Agreement
from catalog.acquisition.negotiation import InvalidStep, WrongTerm, not_before, require, taken
from catalog.acquisition.terms import RequestTerms
from catalog.identity.people import Subject
from catalog.workflow import PROVIDER, STEWARD
from contracts.clock import today

DISPUTE_STEPS: tuple[tuple[str, str], ...] = (
    ("双方协商", "negotiated by the two sides"),
    ("同级主管部门协调", "before the authority of the same level"),
    ("共同上级主管部门协调", "before the common upper authority"),
    ("本级人民政府决定", "before that level's government"),
)
"""Art. 28, in order."""
AFTER_ANSWER: Mapping[str, str] = {"accept": "accepted", "part": "accepted", "refuse": "refused"}
SETTLED: Mapping[str, str] = {"again": "needed", "accept": "accepted", "uphold": "refused"}


def consent(
    session: Session,
    agreement: Agreement,
    by: Subject,
    sides: Sequence[str],
    *,
    given: bool,
    head: str,
    document: str,
    text: str,
    on: date,
) -> Agreement:
    """The head of the sharing office consents, before a request is sent or its answer is given (art. 11, 20), or gives it back.

    `sides`: those of the subject; each side's head consents for that side only. `document`: number of the paper, where the
    consent was given on one.
    """
    [transition, *_] = require(agreement, "need.consent")
    [side] = transition.sides
    if side not in sides:
        raise InvalidStep(
            f"需求 {agreement.id} 等待另一方共享工作机构负责人同意。",
            f"{agreement.id} waits for the consent of the other side's head.",
        )
    not_before(agreement.needed_on if side == STEWARD else agreements.asked_on(agreement), on)
    if not given and not text.strip():
        raise WrongTerm("text", "退回须说明理由。", "Giving it back needs its reason.")
    detail = {"head": ["", head], **({"document": ["", document]} if document else {})}
    told: dict[str, Any] = {"day": on, "side": side, "reason": text, "detail": detail}
    if side == STEWARD:
        return taken(session, agreement, "need.consent", by, after="consented" if given else "drafted", **told)
    terms = _terms(agreement)
    if not given:
        terms.answer, terms.without, agreement.answer = "", [], ""
        return taken(session, agreement, "need.consent", by, after="needed", **told)
    agreement.answered_on, after = on, AFTER_ANSWER[terms.answer]
    if after == "accepted":
        agreement.signed_due = workdays.due(session, "sign", on)
    term = (agreements.asked_on(agreement), terms.answer_due)
    return taken(session, agreement, "need.consent", by, after=after, term=term, **told)


def send(session: Session, agreement: Agreement, by: Subject, *, on: date) -> Agreement:
    """The request goes to the body that is asked; from now the term of its answer runs (art. 21)."""
    require(agreement, "need.send")
    not_before(agreement.needed_on, on)
    _begin_term(session, agreement, on)
    return taken(session, agreement, "need.send", by, day=on, side=STEWARD, after="needed")


def ask(session: Session, agreement: Agreement, by: Subject, *, missing: str) -> Agreement:
    """The asked body tells what is missing, once and completely; its term stands still until it is completed (art. 21)."""
    require(agreement, "need.ask")
    terms = _terms(agreement)
    if terms.told_incomplete:
        raise InvalidStep(
            f"需求 {agreement.id} 已一次性告知过补正内容，不能再次要求补正；请答复。",
            f"{agreement.id} was told once what is missing, which is done once and completely; answer it now.",
        )
    terms.told_incomplete, terms.answer_due = True, None
    _turn(session, agreement, "complete-request")
    return taken(session, agreement, "need.ask", by, day=today(), side=PROVIDER, reason=missing, after="incomplete")


def complete(session: Session, agreement: Agreement, by: Subject, *, text: str) -> Agreement:
    """What was missing is there; the term of the answer begins anew."""
    require(agreement, "need.complete")
    _begin_term(session, agreement, today())
    return taken(session, agreement, "need.complete", by, day=today(), side=STEWARD, reason=text, after="needed")


def extend(session: Session, agreement: Agreement, by: Subject, *, authority: str, reason: str = "") -> Agreement:
    """The one extension of an answer, with the authority's consent (art. 21)."""
    require(agreement, "need.extend")
    terms = _terms(agreement)
    if terms.extended or terms.answer_due is None:
        raise InvalidStep(
            f"协议 {agreement.id} 的答复期限不能再延长（只可延长一次，且须尚未答复）。",
            f"The answer to {agreement.id} cannot be extended: once only, and before it was given.",
        )
    days = workdays.step_days(session, "extend-answer", agreements.asked_on(agreement))
    before = terms.answer_due
    terms.answer_due = workdays.calendar(session).add(before, days)
    terms.extended = True
    detail = {"answer_due": [f"{before}", f"{terms.answer_due}"], "authority": ["", authority]}
    return taken(session, agreement, "need.extend", by, day=today(), side=STEWARD, reason=reason, detail=detail)


def answer(
    session: Session, agreement: Agreement, by: Subject, *, decision: str, text: str, without: Sequence[str], on: date
) -> Agreement:
    """The asked body's answer: yes, in part (what is left out is named), or no; both with reasons (art. 21). It counts once the
    head of its sharing office has consented."""
    require(agreement, "need.answer")
    if decision != "accept" and not text.strip():
        raise WrongTerm(
            "text", "不同意或部分同意须说明理由和依据。", "A refusal, whole or in part, needs its reason and legal basis."
        )
    if (decision == "part") != bool(without):
        raise WrongTerm(
            "without",
            "部分同意须列出不提供的信息项；其他答复不列。",
            "A partial answer names the items that are left out; other answers name none.",
        )
    not_before(agreements.asked_on(agreement), on)
    terms = _terms(agreement)
    terms.answer, terms.without, agreement.answer = decision, list(without), text
    detail = {"answer": ["", decision], **({"without": [[], list(without)]} if without else {})}
    return taken(session, agreement, "need.answer", by, day=on, side=PROVIDER, reason=text, after="answered", detail=detail)


def comment(session: Session, agreement: Agreement, by: Subject, side: str, *, text: str) -> Agreement:
    """A word in the thread between the two sides; it changes nothing."""
    require(agreement, "need.comment")
    return taken(session, agreement, "need.comment", by, day=today(), side=side, reason=text, count=False)


def dispute(session: Session, agreement: Agreement, by: Subject, *, reason: str) -> Agreement:
    """Take the answer into dispute, or the dispute one step higher (art. 28)."""
    require(agreement, "need.dispute")
    terms = _terms(agreement)
    if agreement.state == "disputed" and terms.dispute >= len(DISPUTE_STEPS):
        raise InvalidStep(
            f"需求 {agreement.id} 的争议已到最后一步，等待决定。",
            f"The dispute about {agreement.id} is at its last step and waits for the decision.",
        )
    terms.dispute = terms.dispute + 1 if agreement.state == "disputed" else 1
    _turn(session, agreement, "settle-dispute")
    detail = {"dispute": ["", DISPUTE_STEPS[terms.dispute - 1][0]]}
    return taken(
        session, agreement, "need.dispute", by, day=today(), side=STEWARD, reason=reason, after="disputed", detail=detail
    )


def settle(session: Session, agreement: Agreement, by: Subject, *, outcome: str, body: str, text: str) -> Agreement:
    """What came of a dispute: the body answers anew, it agrees, or its refusal stands."""
    require(agreement, "need.settle")
    terms = _terms(agreement)
    if outcome == "again":
        _begin_term(session, agreement, today())
        terms.answer, agreement.answered_on, agreement.answer = "", None, ""
    elif outcome == "accept":
        agreement.answered_on, terms.answer, terms.turn_due, terms.without = today(), "accept", None, []
        agreement.signed_due = workdays.due(session, "sign", today())
    else:
        terms.answer, terms.turn_due = "refuse", None
    detail = {"settled": ["", outcome], "body": ["", body]}
    after = SETTLED[outcome]
    return taken(session, agreement, "need.settle", by, day=today(), side=STEWARD, reason=text, after=after, detail=detail)


def _begin_term(session: Session, agreement: Agreement, on: date) -> None:
    terms = _terms(agreement)
    terms.sent_on, terms.extended, terms.turn_due = on, False, None
    terms.answer_due = agreements.answer_due(session, agreement)


def _turn(session: Session, agreement: Agreement, step: str) -> None:
    """The asking side has so many working days to go on."""
    days = workdays.step_time(session, step).days(today())
    _terms(agreement).turn_due = workdays.calendar(session).add(today(), days)


def _terms(agreement: Agreement) -> RequestTerms:
    """The request's terms, as they are by default where there are none."""
    terms = agreements.with_terms(agreement).request
    assert terms is not None  # noqa: S101 - require lets requests only come here
    return terms
